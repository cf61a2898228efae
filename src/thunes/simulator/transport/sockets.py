"""The TCP socket below a transport."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

LINGER_NOT = struct.pack("ii", 1, 0)


def reset(transport: asyncio.Transport) -> None:
    """End the connection at once by RST: what is still unsent is lost, and the peer sees a broken connection."""
    _set_option(transport, socket.SO_LINGER, LINGER_NOT)
    transport.abort()


def bound_send_buffer(transport: asyncio.Transport, size: int) -> None:
    """Let the kernel keep `size` bytes of what the peer has not taken, and as much again for its own bookkeeping."""
    _set_option(transport, socket.SO_SNDBUF, size)


def _set_option(transport: asyncio.Transport, option: int, value: int | bytes) -> None:
    connection = transport.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError, ValueError):  # the peer may have ended the connection just now
            connection.setsockopt(socket.SOL_SOCKET, option, value)

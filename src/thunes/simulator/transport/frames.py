"""Outgoing WebSocket frames. A server's frames carry no mask, so one encoding serves every subscriber."""

from __future__ import annotations

TEXT, CLOSE, PING, PONG = b"\x81", b"\x88", b"\x89", b"\x8a"  # the first byte of a whole frame (RFC 6455, 5.2)


def text_frame(payload: bytes) -> bytes:
    """One text message; `payload` in UTF-8."""
    return frame(TEXT, payload)


def frame(kind: bytes, payload: bytes) -> bytes:
    """A frame of one of the kinds above; control frames carry at most 125 bytes."""
    size = len(payload)
    if size < 126:
        return kind + size.to_bytes(1, "big") + payload
    if size < 65_536:
        return kind + b"\x7e" + size.to_bytes(2, "big") + payload
    return kind + b"\x7f" + size.to_bytes(8, "big") + payload

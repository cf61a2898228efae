"""The exchange on a port: uvicorn with the exchange's own connections, and the pulse that lets its time run."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from errno import EADDRINUSE
from types import FrameType

import uvicorn
import uvloop

from thunes.errors import NetworkError
from thunes.simulator.server.asgi import Application
from thunes.simulator.server.parts import Parts
from thunes.simulator.transport.contract import Limits
from thunes.simulator.transport.http import HttpConnection
from thunes.simulator.transport.websocket import connection_class

PULSE = 0.05  # seconds between two looks at the clock, where time runs by itself
FAREWELL = 1  # seconds for requests at work to end
IDLE = 75  # seconds until an idle connection ends, as nginx has it: who asks every few seconds must not lose an order
BACKLOG = 4_096
PLACE = "Give a --host that is an address of this machine, and a --port that you may use."
COLLECT_AFTER = (2_000, 10, 1_000)  # what orders leave behind has few cycles
STEPPED_BUFFER = 256 << 20  # bytes


class Host(uvicorn.Server):
    """Serves one exchange until it is told to stop. The port is open as soon as this is made."""

    def __init__(self, parts: Parts, address: str = "127.0.0.1", port: int = 0) -> None:
        """Port 0: a free one. Error: `NetworkError` where the port cannot be had."""
        self.socket = _bound(address, port)
        self.ready = threading.Event()
        self.on_ready: Callable[[], object] = _nothing  # called once signals are heard and requests answered
        self.stopped_by = 0  # the signal that ended it
        self.loop: asyncio.AbstractEventLoop | None = None
        self._parts = parts
        control = parts.control.answer if parts.control else None
        super().__init__(
            uvicorn.Config(
                Application(parts.dispatcher.answer, control),
                http=HttpConnection,
                ws=connection_class(parts, _limits(parts), parts.exchange.clock),
                lifespan="off",
                log_config=None,
                log_level="error",  # what a client sends wrongly is told to the client, not to the terminal
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,  # an address is where the bytes come from, not what a header says
                timeout_graceful_shutdown=FAREWELL,
                timeout_keep_alive=IDLE,
                backlog=BACKLOG,
            )
        )

    @property
    def address(self) -> str:
        """Host and port as they stand in a URL."""
        host, port = self.socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def serve_alone(self) -> None:
        """As `serve_until_stopped`, in a process that does nothing else: what stands by now is never looked at again
        by the garbage collector, whose full rounds would make every request wait for a quarter of a second."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        self.serve_until_stopped()

    def serve_until_stopped(self) -> None:
        """Block until `should_exit` is set, or a signal comes where this is the main thread."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve_with_pulse())

    async def _serve_with_pulse(self) -> None:
        self.loop = asyncio.get_running_loop()
        pulse = self.loop.create_task(self._beat())
        try:
            await self.serve(sockets=[self.socket])
        finally:
            pulse.cancel()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """A signal stops the server in good order; whoever started it decides what the process does then."""
        self.stopped_by, self.should_exit = sig, True

    async def startup(self, sockets: Iterable[socket.socket] | None = None) -> None:
        await super().startup(list(sockets or ()))
        self.ready.set()
        self.on_ready()

    async def _beat(self) -> None:
        """Let what is due happen also while nobody asks."""
        while self._parts.exchange.pace is not None:
            self._parts.exchange.catch_up()
            await asyncio.sleep(PULSE)


def _nothing() -> None:
    """Nobody waits."""


def _limits(parts: Parts) -> Limits:
    """A clock that is told to move says years at once: what waits for a client may be more then."""
    real = Limits() if parts.exchange.pace else Limits(buffer=STEPPED_BUFFER)
    return real if parts.options.limits else replace(real, frames_per_second=None)


def _bound(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError, TypeError, ValueError) as error:  # the last two: a name that no host can have
        listener.close()
        hint = "Give another --port." if isinstance(error, OSError) and error.errno == EADDRINUSE else PLACE
        raise NetworkError("E-PORT", f"cannot serve on {address}:{port}: {error}.", hint) from error
    listener.setblocking(False)  # noqa: FBT003
    return listener

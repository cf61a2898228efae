"""A real server in a thread of its own, for tests over the loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
import uvloop

from thunes.simulator.transport.http import HttpConnection

PATIENCE = 10.0  # seconds until a test gives up


class Running:
    """A server that answers on `port`."""

    def __init__(self, app: Any, connections: Any) -> None:
        config = uvicorn.Config(
            app,
            port=0,
            http=HttpConnection,
            ws=connections,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
        )
        self.server = uvicorn.Server(config)
        self.loop = uvloop.new_event_loop()
        self.problems: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, context: self.problems.append(context))
        self._socket = config.bind_socket()
        self._socket.listen()  # who comes before the server is ready waits for it
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.server.serve([self._socket]))
        self.loop.close()

    def start(self) -> None:
        self._thread.start()

    def call(self, function: Callable[[], Any]) -> Any:
        """Run a function in the server's loop; what it returns."""

        async def run() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(PATIENCE)

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@contextmanager
def serving(app: Any = None, connections: Any = None) -> Iterator[Running]:
    """A server, stopped at the end; what reached its event loop's logger fails the test."""
    running = Running(app, connections)
    running.start()
    try:
        yield running
    finally:
        running.stop()
    assert running.problems == []

"""The exchange inside a process: `with LocalExchange(candles=…) as exchange:` serves it on a free port."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from thunes.clock import Clock, Moment, to_ms
from thunes.errors import NetworkError, UsageError
from thunes.model import Candles
from thunes.simulator.api.messages import Answer, Request
from thunes.simulator.engine.accounts import Conservation
from thunes.simulator.exchange import Terms
from thunes.simulator.faults.fault import EVERYTHING, Fault, Strike
from thunes.simulator.server.build import Given, started
from thunes.simulator.server.customers import Account, parse_account
from thunes.simulator.server.host import Host
from thunes.simulator.server.parts import Options
from thunes.simulator.symbols.exchange_info import ExchangeInfo

if TYPE_CHECKING:
    from thunes.simulator.server.in_process import InProcess

R = TypeVar("R")
PATIENCE = 10.0  # seconds for the server to start, and to stop
STOPPED_URL = "http://in-process.local"  # where an exchange without a port is found, by its adapter alone


class LocalExchange:
    """A local exchange with HTTP and WebSocket on loopback, for as long as the `with` lasts.

    Its methods may be called from any thread. With `serve=False` no port is opened: `adapter()` is the way in then.
    """

    def __init__(
        self,
        candles: Candles | Sequence[Candles],
        accounts: Iterable[Account | str] = (),
        *,
        stepped: bool | None = None,
        speed: float | None = None,
        start: Moment | None = None,
        exchange_info: ExchangeInfo | Path | str | None = None,
        seed: int = 0,
        terms: Terms | None = None,
        state: Path | str | None = None,
        limits: bool = True,
        time_checks: bool | None = None,
        control: bool = True,
        port: int = 0,
        serve: bool = True,
        clock: Clock | None = None,
    ) -> None:
        """Without `speed` time is stepped: it moves in `advance` alone.

        `accounts`: `Account`s or texts such as `key:secret:USDT=10000`. `start`: what lies before it is the past that
        klines show. `state`: a folder to restart from. Errors: those of `started`, and `UsageError` for an account that
        cannot be read.
        """
        if stepped and speed is not None:
            raise UsageError("E-SPEED", "stepped time has no speed.", "Give one of the two.")
        opened = [parse_account(one) if isinstance(one, str) else one for one in accounts]
        options = Options(limits=limits, time_checks=time_checks, control=control)
        given = Given(candles, exchange_info, start, speed, seed, terms, clock)
        self._life = ExitStack()
        self.parts = self._life.enter_context(started(given, opened, options, state))
        self._port, self._serves = port, serve
        self._host: Host | None = None
        self._thread: threading.Thread | None = None

    # Life

    def __enter__(self) -> LocalExchange:
        if self._serves:
            self._host = Host(self.parts, port=self._port)
            self._thread = threading.Thread(target=self._host.serve_until_stopped, name="exchange", daemon=True)
            self._thread.start()
            if not self._host.ready.wait(PATIENCE):
                raise NetworkError("E-EXCHANGE-START", f"the exchange did not start in {PATIENCE:.0f} s.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End every connection and free the port; once more does nothing."""
        if self._host is not None and self._thread is not None:
            self._host.should_exit = True
            self._thread.join(PATIENCE)
        self._host = self._thread = None
        self._life.close()

    # Where it is

    @property
    def http_url(self) -> str:
        return f"http://{self._host.address}" if self._host else STOPPED_URL

    @property
    def ws_url(self) -> str:
        """Error: `UsageError` for an exchange that opens no port."""
        if self._host is None:
            raise UsageError("E-EXCHANGE-PORT", "the exchange has no port.", "Use it in a `with`, with serve=True.")
        return f"ws://{self._host.address}"

    def adapter(self) -> InProcess:
        """For `requests`: `session.mount(exchange.http_url, exchange.adapter())` asks without a socket."""
        from thunes.simulator.server.in_process import InProcess

        return InProcess(self._answer, self.parts.exchange.clock)

    # What it does

    @property
    def now_ms(self) -> int:
        """The exchange's time (epoch ms)."""
        return self._call(self.parts.exchange.catch_up)

    def advance(self, bars: int | None = None, *, until: Moment | None = None) -> int:
        """Play on: so many bars of the shortest candles (default 1), or until a moment; the time then (epoch ms)."""
        exchange = self.parts.exchange
        if until is not None:
            moment = to_ms(until)
            return self._call(lambda: exchange.advance_to(moment))
        return self._call(lambda: exchange.advance_bars(1 if bars is None else bars))

    def open_account(self, account: Account | str) -> None:
        """Open one more account; its key works at once."""
        self._call(lambda: self.parts.open_account(parse_account(account) if isinstance(account, str) else account))

    def conservation(self) -> dict[str, Conservation]:
        """Per asset: what came in, what everyone holds, what was charged; each difference is 0."""
        return self._call(self.parts.exchange.engine.conservation)

    # What goes wrong on purpose

    def fault(
        self,
        name: str,
        target: str = EVERYTHING,
        *,
        count: int | None = None,
        probability: float = 1.0,
        **parameters: Any,
    ) -> Fault:
        """Set a fault of the catalogue: `exchange.fault("drop_after_accept", "POST /api/v3/order", count=1)`.

        `count`: how often at most, None for until it is removed. `parameters`: as `GET /sim/v1/faults/names` lists
        them. Errors: `UsageError` for what the catalogue does not know, `DataError` for filters that cannot be read.
        """
        board = self.parts.board
        return self._call(lambda: board.set(name, target, count=count, probability=probability, **parameters))

    def clear_faults(self) -> int:
        """Remove all faults; how many."""
        return self._call(self.parts.board.clear)

    @property
    def struck(self) -> list[Strike]:
        """What faults have struck, oldest first; the last 10,000. Clearing forgets none."""
        return self._call(lambda: self.parts.board.struck)

    def _answer(self, request: Request) -> Answer:
        return self._call(lambda: self.parts.dispatcher.answer(request))

    def _call(self, question: Callable[[], R]) -> R:
        """Ask in the thread that the exchange lives in."""
        host, thread = self._host, self._thread
        if host is None or thread is None or host.loop is None or threading.current_thread() is thread:
            return question()
        return asyncio.run_coroutine_threadsafe(_asked(question), host.loop).result()


async def _asked(question: Callable[[], R]) -> R:
    return question()

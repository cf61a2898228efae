"""An exchange from what a person has: candles, perhaps a dump of exchangeInfo, perhaps a folder to restart from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from thunes.clock import Clock, Moment, SystemClock, to_ms
from thunes.errors import DataError, UsageError, did_you_mean
from thunes.model import Candles
from thunes.simulator.exchange import Exchange, Terms
from thunes.simulator.feed.path import Path as PricePath
from thunes.simulator.feed.tape import Tape
from thunes.simulator.server.customers import Account
from thunes.simulator.server.parts import Options, Parts
from thunes.simulator.state.journal import opened
from thunes.simulator.state.lasting import LastingExchange
from thunes.simulator.symbols.exchange_info import ExchangeInfo, built_in, load_exchange_info

E = TypeVar("E", bound=Exchange)
FASTEST = 1_000_000  # times the wall's pace: 12 days a second; what is due at once must be played before any answer


@dataclass(frozen=True)
class Given:
    """What an exchange is made of. `start`: where time begins, None for the first candle; what lies before it is the
    past that klines show. `speed` None: stepped."""

    candles: Candles | Sequence[Candles]
    exchange_info: ExchangeInfo | Path | str | None = None
    start: Moment | None = None
    speed: float | None = None
    seed: int = 0
    terms: Terms | None = None
    clock: Clock | None = None


@contextmanager
def started(
    given: Given, accounts: Iterable[Account], options: Options, state: Path | str | None = None
) -> Iterator[Parts]:
    """An exchange ready to be served; with `state`, the one that this folder holds, as it stood.

    Errors: those of `build_exchange`; `LockHeld` and `DataError` for a folder that another exchange uses or has made.
    """
    if state is None:
        yield Parts(build_exchange(given), accounts, options)
        return
    exchange = build_exchange(given, LastingExchange)
    with opened(Path(state), exchange.identity(), given.clock or SystemClock()) as journal:
        exchange.resume(journal)
        yield Parts(exchange, accounts, options, exchange.keyring)


def build_exchange(given: Given, kind: type[E] = Exchange) -> E:  # type: ignore[assignment]
    """An exchange that plays the candles.

    Errors: `UsageError` for no candles, for two of one symbol, a start outside them and a speed that is none;
    `DataError` for candles of a symbol that the exchange does not list.
    """
    if given.speed is not None and not 0 < given.speed <= FASTEST:
        hint = f"Give a positive number up to {FASTEST:,}; 1 is the wall's pace."
        raise UsageError("E-SPEED", f"speed {given.speed} is none.", hint)
    info, candles = listed(given.exchange_info), given.candles
    tapes = [_tape(one, info, given.seed) for one in ([candles] if isinstance(candles, Candles) else candles)]
    return kind(
        tapes,
        info,
        terms=given.terms or Terms(seed=given.seed),
        start_ms=None if given.start is None else _start(to_ms(given.start), tapes),
        speed=given.speed,
        clock=given.clock,
    )


def listed(exchange_info: ExchangeInfo | Path | str | None) -> ExchangeInfo:
    """The symbols of an exchange: a dump's, or the few built in."""
    if exchange_info is None:
        return built_in()
    return exchange_info if isinstance(exchange_info, ExchangeInfo) else load_exchange_info(Path(exchange_info))


def _tape(candles: Candles, info: ExchangeInfo, seed: int) -> Tape:
    symbol = info.symbols.get(candles.symbol)
    if symbol is None:
        hint = did_you_mean(candles.symbol, info.symbols) or "Give a dump that has it: --exchange-info FILE."
        raise DataError("E-EXCHANGE-SYMBOL", f"the exchange does not list {candles.symbol}.", hint)
    return Tape(candles, symbol.tick, symbol.step, PricePath(seed=seed))


def _start(start_ms: int, tapes: Iterable[Tape]) -> int:
    first, last = min(tape.start_ms for tape in tapes), max(tape.end_ms for tape in tapes)
    if not first <= start_ms <= last:
        raise UsageError("E-EXCHANGE-START", "the start lies outside the candles.", "Give a time within them.")
    return start_ms

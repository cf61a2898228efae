"""Faults of the exchange itself: its clock, its symbols, its candles, its memory."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection
from typing import Literal

from thunes.errors import UsageError, did_you_mean
from thunes.simulator.exchange import Exchange
from thunes.simulator.faults.fault import Fault
from thunes.simulator.faults.parameters import NEXT
from thunes.simulator.feed.damage import CandleFault

CANDLES: dict[str, Literal["gap", "duplicate", "nan", "spike"]] = {
    "candle_gap": "gap",
    "candle_duplicate": "duplicate",
    "candle_nan": "nan",
    "candle_spike": "spike",
}


class World:
    """Strikes an exchange at once, and mends what can be mended when the fault is removed."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._candles: dict[int, tuple[str, CandleFault]] = {}  # by the number of the fault
        self._jumps: dict[int, tuple[int, int]] = {}  # by the number of the fault: until when, how far
        self._acts: dict[str, Callable[[Fault], str]] = {
            "clock_offset": self._clock_offset,
            "clock_jump": self._clock_jump,
            "symbol_status": self._status,
            "symbol_filters": self._filters,
            "delist": self._delist,
            "venue_reset": lambda _: self._reset(),
            "bnb_run_out": self._bnb_run_out,
            **dict.fromkeys(CANDLES, self._candle),
        }

    def strike(self, fault: Fault) -> str:
        """Do it; what was hit. Error: `UsageError`, and nothing has changed, for a symbol or account that is none."""
        self._check(fault)
        return self._acts[fault.name](fault)

    def mend(self, fault: Fault) -> None:
        """Take back what a removed fault did to the clock or to candles; the rest has happened for good."""
        if fault.name == "clock_offset":
            self.exchange.clock_offset_ms -= fault.parameters["ms"]
        self._land(fault.number)
        if fault.number in self._candles:
            symbol, candle = self._candles.pop(fault.number)
            self.exchange.candle_faults[symbol].remove(candle)

    def _check(self, fault: Fault) -> None:
        symbol, account = fault.parameters.get("symbol"), fault.parameters.get("account")
        if symbol is not None and symbol not in self.exchange.info.symbols:
            raise UsageError("E-SIM-SYMBOL", f"no symbol {symbol!r}.", _near(symbol, self.exchange.info.symbols))
        if account is not None and account not in self.exchange.customers:
            hint = _near(account, self.exchange.customers)
            raise UsageError("E-SIM-ACCOUNT", f"no account {account!r}.", hint)

    # The clock

    def _clock_offset(self, fault: Fault) -> str:
        self.exchange.clock_offset_ms += fault.parameters["ms"]
        return "clock"

    def _clock_jump(self, fault: Fault) -> str:
        if self._watch not in self.exchange.watchers:
            self.exchange.watchers.append(self._watch)
        until = self.exchange.now_ms + 1_000 * fault.parameters["seconds"]
        self._jumps[fault.number] = until, fault.parameters["ms"]
        return self._clock_offset(fault)

    def _watch(self, _: int, now_ms: int) -> None:
        for number in [number for number, (until, _) in self._jumps.items() if until <= now_ms]:
            self._land(number)

    def _land(self, number: int) -> None:
        """The clock is back where it was before a jump."""
        if number in self._jumps:
            self.exchange.clock_offset_ms -= self._jumps.pop(number)[1]

    # Symbols, accounts, everything

    def _status(self, fault: Fault) -> str:
        symbol = fault.parameters["symbol"]
        self.exchange.change_symbol(symbol, status=fault.parameters["status"])
        return str(symbol)

    def _filters(self, fault: Fault) -> str:
        symbol = fault.parameters["symbol"]
        self.exchange.change_symbol(symbol, filters=fault.parameters["filters"])
        return str(symbol)

    def _delist(self, fault: Fault) -> str:
        self.exchange.delist(fault.parameters["symbol"])
        return str(fault.parameters["symbol"])

    def _reset(self) -> str:
        self.exchange.reset()
        return "venue"

    def _bnb_run_out(self, fault: Fault) -> str:
        name, bnb = fault.parameters["account"], self.exchange.terms.rules.bnb
        free = self.exchange.engine.account(name).free(bnb)
        if free:
            self.exchange.engine.deposit(name, bnb, -free, self.exchange.now_ms)
        return str(name)

    # Candles

    def _candle(self, fault: Fault) -> str:
        symbol, opens = fault.parameters["symbol"], fault.parameters["open_time"]
        moment = self.exchange.playback.after_bars(1) if opens == NEXT else int(opens)
        options = {"factor": fault.parameters["factor"]} if "factor" in fault.parameters else {}
        candle = CandleFault(CANDLES[fault.name], moment, **options)
        self.exchange.candle_faults.setdefault(symbol, []).append(candle)
        self._candles[fault.number] = symbol, candle
        return f"{symbol} {moment}"


def _near(word: str, known: Collection[str]) -> str:
    """All names are looked through, but of a thousand only the near one is told."""
    near = difflib.get_close_matches(word, known, n=1)
    return did_you_mean(word, near or sorted(known)[:10]) if known else "There is none."

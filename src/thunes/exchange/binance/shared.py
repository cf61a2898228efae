"""What all venues of one account have in common, whatever thread each belongs to."""

from __future__ import annotations

from pathlib import Path

from thunes.clock import Clock
from thunes.exchange.binance.breaker import CircuitMonitor
from thunes.exchange.binance.budget import Budget
from thunes.exchange.binance.clock_offset import ExchangeTime
from thunes.exchange.binance.pause import Pause
from thunes.exchange.binance.rules_cache import RulesCache

PAUSE, DATA_PAUSE = "pause.json", "pause-data.json"


class Shared:
    """Budgets of the host of orders and of that of candles, breakers, the exchange's time, its rules."""

    def __init__(
        self, clock: Clock, folder: Path | None = None, monitor: CircuitMonitor | None = None, *, counts: bool = True
    ) -> None:
        """`folder`: where pauses are kept across restarts, None: nowhere. `counts` false: the exchange is our own, its
        limits are not looked at. `DataError` for a kept pause that cannot be read."""
        self.clock = clock
        self.monitor = monitor or CircuitMonitor(clock)
        self.time = ExchangeTime(clock)
        self.rules = RulesCache(clock)
        self.budget = Budget(clock, Pause(clock, folder and folder / PAUSE), counts=counts)
        self.data_budget = Budget(clock, Pause(clock, folder and folder / DATA_PAUSE), counts=counts)

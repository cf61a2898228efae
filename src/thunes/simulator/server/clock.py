"""The time of an exchange that is stepped, for those who trade on it inside its process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thunes.simulator.server.local import LocalExchange


class ExchangeClock:
    """A `Clock` that shows the exchange's time (epoch ms); whoever sleeps lets that time pass."""

    def __init__(self, exchange: LocalExchange) -> None:
        self._exchange = exchange

    def now_ms(self) -> int:
        return self._exchange.now_ms

    def sleep(self, seconds: float) -> None:
        self._exchange.advance(until=self.now_ms() + round(seconds * 1000))

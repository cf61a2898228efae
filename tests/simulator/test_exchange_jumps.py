"""Time jumps over the ticks that concern nobody: what follows is what every tick would have led to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thunes.market.synthetic import generate
from thunes.simulator.engine.engine import Which
from thunes.simulator.engine.events import Event
from thunes.simulator.engine.rules import Rules
from thunes.simulator.exchange import Customer, Exchange, Terms
from thunes.simulator.feed.tape import Tape
from thunes.simulator.request import OrderRequest, Refused
from thunes.simulator.symbols.exchange_info import built_in

D = Decimal
CANDLES = [generate(name, "1m", 400, seed=seed) for name, seed in (("BTCUSDT", 7), ("ETHUSDT", 8))]
TAPES = [Tape(one, built_in()[one.symbol].tick, built_in()[one.symbol].step) for one in CANDLES]


class EveryTick(Exchange):
    """Tells the engine of each tick of a symbol that somebody waits in."""

    def _concerns(self, name: str, after: int, until: int) -> int | None:
        watched = name in self.engine.watched()
        return self.feed[name].next_tick(after, until) if watched else None


KINDS = ("LIMIT", "STOP_LOSS", "TAKE_PROFIT", "STOP_LOSS_LIMIT", "TRAILING", "CANCEL")
WISHES = st.lists(
    st.tuples(
        st.sampled_from(["BTCUSDT", "ETHUSDT"]),
        st.sampled_from(["BUY", "SELL"]),
        st.sampled_from(KINDS),
        st.integers(-40, 40),  # hundredths of a percent from the last price
        st.integers(0, 60),  # bars until the next
    ),
    min_size=1,
    max_size=8,
)


def request(symbol: str, side: str, kind: str, price: Decimal, number: int) -> OrderRequest:
    more: dict[str, Any] = {
        "LIMIT": {"type": "LIMIT", "price": price, "time_in_force": "GTC"},
        "STOP_LOSS_LIMIT": {"type": "STOP_LOSS_LIMIT", "price": price, "stop_price": price, "time_in_force": "GTC"},
        "TRAILING": {"type": "STOP_LOSS", "trailing_delta": 20},
    }.get(kind, {"type": kind, "stop_price": price})
    quantity = D("0.02") if symbol == "BTCUSDT" else D("0.5")
    return OrderRequest(symbol, side, client_order_id=f"n{number}", quantity=quantity, **more)  # type: ignore[arg-type]


def lived(kind: type[Exchange], wishes: list[tuple[str, str, str, int, int]], fill_at: Any) -> list[Event]:
    market = kind(TAPES, start_ms=int(CANDLES[0].open_time[60]), terms=Terms(rules=Rules(fill_at=fill_at)))
    told: list[Event] = []
    market.listeners.append(told.append)
    market.open_account(Customer("ann", {"USDT": D(100_000), "BTC": D(1), "ETH": D(20)}))
    for number, (symbol, side, wish, away, bars) in enumerate(wishes):
        now, last = market.turn(symbol), market.last_price(symbol)
        assert last is not None
        price = (last * (1 + D(away) / 10_000)).quantize(D("0.01"))
        try:
            if wish == "CANCEL":
                market.engine.cancel("ann", symbol, Which(client_order_id=f"n{number - 1}"), now)
            else:
                market.engine.place("ann", request(symbol, side, wish, price, number), now)
        except Refused:
            pass
        market.advance_bars(bars)
    market.advance_bars(30)
    return told


@pytest.mark.parametrize("fill_at", ["through", "at"])
@settings(max_examples=20)
@given(wishes=WISHES)
def test_every_tick_would_have_told_the_same(fill_at: str, wishes: list[tuple[str, str, str, int, int]]) -> None:
    assert lived(Exchange, wishes, fill_at) == lived(EveryTick, wishes, fill_at)


@pytest.mark.parametrize("kind", ["LIMIT", "STOP_LOSS", "TAKE_PROFIT"])
def test_the_lives_compared_hold_fills(kind: str) -> None:
    wishes = [("BTCUSDT", side, kind, away, 60) for side in ("BUY", "SELL") for away in (-5, 5)]
    told = lived(Exchange, wishes, "through")
    assert told == lived(EveryTick, wishes, "through")
    assert {e.request.type for e in told if getattr(e, "execution", "") == "TRADE"} == {kind}  # type: ignore[union-attr]

"""The parts together: a market played from candles, an order as a client writes it, filters, engine, accounts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from thunes.market.synthetic import generate
from thunes.simulator.api.parameters import check_precision, gather, parse_order
from thunes.simulator.engine.engine import Engine
from thunes.simulator.engine.events import ExecutionReport
from thunes.simulator.engine.gate import FilterGate, Prices
from thunes.simulator.feed.averages import average_price
from thunes.simulator.feed.depth import Depth
from thunes.simulator.feed.playback import Feed, Playback
from thunes.simulator.feed.tape import Tape
from thunes.simulator.request import OrderRequest, Refused
from thunes.simulator.symbols.exchange_info import built_in

BTCUSDT = built_in()["BTCUSDT"]


class Market:
    """One symbol, played bar by bar into an engine."""

    def __init__(self) -> None:
        tape = Tape(generate("BTCUSDT", "1m", 240, seed=7), BTCUSDT.tick, BTCUSDT.step)
        self.tape, self.depth, self.playback = tape, Depth(tape), Playback(Feed([tape]))
        self.events: list[object] = []
        self.engine = Engine([BTCUSDT], gate=FilterGate(self.prices), publish=self.events.append)
        self.engine.open_account("ann", maker_rate=Decimal("0.001"), taker_rate=Decimal("0.001"))
        self.engine.deposit("ann", "USDT", Decimal(10_000), self.playback.now_ms)
        self.advance(60)

    def prices(self, name: str) -> Prices:
        assert name == "BTCUSDT"
        found = average_price(self.tape, self.playback.now_ms)
        return Prices(average=None if found is None else found.price)

    def advance(self, bars: int) -> None:
        for tick in self.playback.advance(self.playback.after_bars(bars)):
            bids, asks = self.depth.around(tick)
            self.engine.tick(tick.symbol, tick.time_ms, tick.price, tick.quantity, bids, asks)

    def ask(self, **parameters: str) -> OrderRequest:
        request = parse_order(gather(list({"symbol": "BTCUSDT", **parameters}.items())), lambda: 1)
        check_precision(BTCUSDT, request)
        return request


@pytest.fixture
def market() -> Market:
    return Market()


def test_a_market_order_is_filled_from_the_book_and_nothing_is_lost(market: Market) -> None:
    order = market.engine.place(
        "ann", market.ask(side="BUY", type="MARKET", quoteOrderQty="100"), market.playback.now_ms
    )
    assert order.status == "FILLED"
    last = market.engine.last_price("BTCUSDT")
    assert last is not None
    account = market.engine.account("ann")
    assert account.free("BTC") == order.executed * Decimal("0.999")
    assert Decimal(9_899) < account.free("USDT") < Decimal(9_901)
    assert all(row.difference == 0 for row in market.engine.conservation().values())


def test_a_resting_order_waits_for_the_market_and_its_story_is_told(market: Market) -> None:
    last = market.engine.last_price("BTCUSDT")
    assert last is not None
    price = str((last * Decimal("0.9999")).quantize(Decimal("0.01")))
    wish = market.ask(side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001", price=price)
    order = market.engine.place("ann", wish, market.playback.now_ms)
    assert order.status == "NEW"
    market.advance(100)
    assert order.status == "FILLED"
    told = [event.status for event in market.events if isinstance(event, ExecutionReport)]
    assert told[0] == "NEW"
    assert told[-1] == "FILLED"
    assert all(row.difference == 0 for row in market.engine.conservation().values())


@pytest.mark.parametrize(
    ("quantity", "price", "name"), [("0.00001", "30000", "NOTIONAL"), ("0.001", "99999", "PERCENT_PRICE_BY_SIDE")]
)
def test_a_filter_refuses_before_the_engine_knows(market: Market, quantity: str, price: str, name: str) -> None:
    wish = market.ask(side="BUY", type="LIMIT", timeInForce="GTC", quantity=quantity, price=price)
    with pytest.raises(Refused, match=f"Filter failure: {name}"):
        market.engine.place("ann", wish, market.playback.now_ms)
    assert market.engine.open_orders("ann") == []

"""The exchange as one object: its time, its market, its customers, its symbols."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from thunes.clock import ManualClock
from thunes.market.synthetic import generate
from thunes.simulator.engine.events import Event, ExecutionReport
from thunes.simulator.exchange import LARGEST_STEP_MS, Customer, Exchange
from thunes.simulator.feed.reference import PriceRange
from thunes.simulator.feed.tape import Tape
from thunes.simulator.request import OrderRequest, Refused
from thunes.simulator.symbols.exchange_info import built_in

D = Decimal
MINUTE = 60_000
CANDLES = generate("BTCUSDT", "1m", 600, seed=7)
TAPE = Tape(CANDLES, built_in()["BTCUSDT"].tick, built_in()["BTCUSDT"].step)
OPENS = int(CANDLES.open_time[0])


def exchange(speed: float | None = None, clock: ManualClock | None = None, start: int = 100) -> Exchange:
    made = Exchange([TAPE], start_ms=int(CANDLES.open_time[start]), speed=speed, clock=clock)
    made.open_account(Customer("ann", {"USDT": D(10_000), "BTC": D(1)}))
    return made


def order(side: str, type: str = "MARKET", **more: object) -> OrderRequest:
    fields: dict[str, object] = {"quantity": D("0.001"), **more}
    return OrderRequest("BTCUSDT", side, type, f"{side}-{type}", **fields)  # type: ignore[arg-type]


def test_stepped_time_moves_only_when_told() -> None:
    clock = ManualClock(0)
    market = exchange(clock=clock)
    begun = market.now_ms
    clock.sleep(1_000)
    assert market.catch_up() == begun
    assert market.advance_bars(3) == begun + 3 * MINUTE
    assert market.advance_to(begun) == begun + 3 * MINUTE


def test_paced_time_follows_the_wall() -> None:
    clock = ManualClock(5_000)
    market = exchange(speed=60, clock=clock)
    begun = market.now_ms
    clock.sleep(2)
    assert market.catch_up() == begun + 120_000


def test_what_clients_are_told_of_the_time_can_be_wrong_while_the_market_goes_on() -> None:
    market = exchange()
    market.clock_offset_ms = 5_000
    assert market.server_time == market.now_ms + 5_000


def test_watchers_hear_of_every_stretch_and_of_none_too_long() -> None:
    market, heard = exchange(), []
    begun = market.now_ms
    market.watchers.append(lambda before, now: heard.append((before, now)))
    market.advance_to(begun + 2 * LARGEST_STEP_MS + 1)
    assert heard[0][0] == begun
    assert heard[-1][1] == market.now_ms
    assert all(a[1] == b[0] and b[1] - b[0] <= LARGEST_STEP_MS for a, b in pairwise(heard))


def test_an_order_meets_the_book_of_this_moment() -> None:
    market = exchange()
    market.advance_bars(7)  # nobody waited: the engine heard of no tick
    now = market.turn("BTCUSDT")
    done = market.engine.place("ann", order("BUY"), now)
    tick = TAPE.last(now)
    assert tick is not None
    assert done.status == "FILLED"
    assert done.fills[0].price == market.depths["BTCUSDT"].around(tick).asks[0][0]


def test_a_waiting_order_is_filled_by_what_trades_later() -> None:
    market, told = exchange(), list[Event]()
    market.listeners.append(told.append)
    last = market.last_price("BTCUSDT")
    assert last is not None
    price = (last * D("0.9999")).quantize(D("0.01"))
    waits = market.engine.place("ann", order("BUY", "LIMIT", price=price, time_in_force="GTC"), market.turn("BTCUSDT"))
    market.advance_bars(400)
    assert waits.status == "FILLED"
    filled = next(event for event in told if isinstance(event, ExecutionReport) and event.execution == "TRADE")
    assert filled.last_price == price
    assert TAPE.first_touch(waits.time_ms, market.now_ms, below=price - TAPE.tick) == filled.time_ms


def test_nothing_is_lost_or_made() -> None:
    market = exchange()
    for side in ("BUY", "SELL", "BUY"):
        market.engine.place("ann", order(side), market.turn("BTCUSDT"))
        market.advance_bars(1)
    assert all(row.difference == 0 for row in market.engine.conservation().values())


def test_commission_in_bnb_is_worth_what_the_market_says() -> None:
    bnb = generate("BNBUSDT", "1m", 600, seed=8)
    tape = Tape(bnb, built_in()["BNBUSDT"].tick, built_in()["BNBUSDT"].step)
    market = Exchange([TAPE, tape], start_ms=int(CANDLES.open_time[100]))
    market.open_account(Customer("bob", {"USDT": D(1_000), "BNB": D(1)}, pays_in_bnb=True))
    done = market.engine.place("bob", order("BUY"), market.turn("BTCUSDT"))
    price = market.last_price("BNBUSDT")
    assert price is not None
    assert done.fills[0].commission_asset == "BNB"
    paid = sum((fill.commission for fill in done.fills), D(0))
    assert paid == pytest.approx(done.quote_executed / price * D("0.00075"), abs=D("0.00000002"))


def test_an_account_is_opened_once() -> None:
    with pytest.raises(Refused):
        exchange().open_account(Customer("ann"))


def test_a_symbol_without_candles_has_orders_but_no_market() -> None:
    market = exchange()
    assert market.last_price("ETHUSDT") is None
    assert market.tape("ETHUSDT") is None
    with pytest.raises(Refused):
        market.engine.place(
            "ann", OrderRequest("ETHUSDT", "BUY", "MARKET", "x", quantity=D("0.01")), market.turn("ETHUSDT")
        )


def test_an_unknown_symbol_is_the_exchange_s_own_error() -> None:
    with pytest.raises(Refused, match="Invalid symbol"):
        exchange().turn("NOPE")


def test_a_symbol_that_halts_takes_no_orders() -> None:
    market = exchange()
    market.change_symbol("BTCUSDT", "HALT")
    with pytest.raises(Refused, match="Market is closed"):
        market.engine.place("ann", order("BUY"), market.turn("BTCUSDT"))
    market.change_symbol("BTCUSDT", "TRADING")
    market.engine.place("ann", order("BUY"), market.turn("BTCUSDT"))


@pytest.mark.parametrize("status", ["HALT", "BREAK", "CANCEL_ONLY"])
def test_nothing_is_filled_where_nothing_trades(status: str) -> None:
    market = exchange()
    last = market.last_price("BTCUSDT")
    assert last is not None
    price = (last * D("0.9999")).quantize(D("0.01"))
    waits = market.engine.place("ann", order("BUY", "LIMIT", price=price, time_in_force="GTC"), market.turn("BTCUSDT"))
    market.change_symbol("BTCUSDT", status)
    market.advance_bars(400)  # in which it would be filled, as the test above shows
    assert waits.status == "NEW"


def test_a_delisted_symbol_gives_the_money_back_and_is_unknown() -> None:
    market = exchange()
    market.engine.place("ann", order("BUY", "LIMIT", price=D(15_000), time_in_force="GTC"), market.turn("BTCUSDT"))
    market.delist("BTCUSDT")
    assert market.engine.account("ann").free("USDT") == 10_000
    with pytest.raises(Refused, match="Invalid symbol"):
        market.turn("BTCUSDT")


def test_a_reset_takes_orders_and_trades_and_gives_back_what_everyone_began_with() -> None:
    market = exchange()
    market.engine.place("ann", order("BUY"), market.turn("BTCUSDT"))
    market.reset()
    assert market.engine.all_orders("ann", "BTCUSDT") == []
    assert market.engine.account("ann").free("USDT") == 10_000
    market.engine.place("ann", order("BUY"), market.turn("BTCUSDT"))


def test_a_taker_stops_where_the_execution_rule_does() -> None:
    market = exchange()
    reference = D("1.00001")
    market.price_ranges["BTCUSDT"] = PriceRange(bid_up=reference)
    done = market.engine.place("ann", order("BUY", quantity=D("0.3")), market.turn("BTCUSDT"))
    bound = reference * (market.reference_price("BTCUSDT") or D(0))
    assert done.status == "EXPIRED"
    assert done.expiry_reason == "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"
    assert all(fill.price <= bound for fill in done.fills)
    market.price_ranges["BTCUSDT"] = PriceRange(ask_down=D("1.5"))
    assert market.engine.place("ann", order("BUY"), market.turn("BTCUSDT")).status == "FILLED"


def test_the_reference_price_is_there_where_a_rule_is() -> None:
    market = exchange()
    assert market.reference_price("BTCUSDT") is None
    market.price_ranges["BTCUSDT"] = PriceRange(bid_up=D(2))
    market.advance_to(market.now_ms + 30_000)
    seen = [TAPE.last(market.now_ms - market.now_ms % 1_000 - 1_000 * back) for back in range(10)]
    mean = sum((tick.price for tick in seen if tick), D(0)) / 10
    assert market.reference_price("BTCUSDT") == mean.quantize(D("1e-8"))

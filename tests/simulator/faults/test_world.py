"""Faults of the exchange itself: what has changed, and what removing them mends."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.simulator.faults.market import TAPE, Seat
from tests.simulator.faults.market import desk as desk
from tests.simulator.feed.market import klines

from thunes.errors import DataError, UsageError
from thunes.simulator.faults.catalogue import CATALOGUE
from thunes.simulator.faults.world import World
from thunes.simulator.feed.damage import damaged
from thunes.simulator.request import OrderRequest, Refused

D = Decimal
MINUTE = 60_000


def buy(desk: Seat) -> None:
    request = OrderRequest("BTCUSDT", "BUY", "MARKET", "one", quantity=D("0.001"))
    desk.exchange.engine.place("ann", request, desk.exchange.turn("BTCUSDT"))


def test_every_fault_of_the_world_has_its_act(desk: Seat) -> None:
    acts = World(desk.exchange)._acts
    assert set(acts) == {name for name, kind in CATALOGUE.items() if kind.strikes == "world"}


def test_a_clock_that_is_ahead_stays_so_until_removed(desk: Seat) -> None:
    fault = desk.board.set("clock_offset", ms=-4_000)
    desk.board.set("clock_offset", ms=1_000)
    desk.exchange.advance_bars(10)
    assert desk.exchange.server_time == desk.exchange.now_ms - 3_000
    desk.board.remove(fault.number)
    assert desk.exchange.server_time == desk.exchange.now_ms + 1_000
    assert desk.struck() == [("clock_offset", "clock")] * 2


def test_a_clock_that_jumps_comes_back(desk: Seat) -> None:
    begun = desk.exchange.now_ms
    desk.board.set("clock_jump", ms=10_000, seconds=5)
    desk.exchange.advance_to(begun + 4_999)
    assert desk.exchange.clock_offset_ms == 10_000
    desk.exchange.advance_to(begun + 5_000)
    assert desk.exchange.clock_offset_ms == 0
    desk.board.clear()
    assert desk.exchange.clock_offset_ms == 0


def test_a_jump_that_is_removed_is_over(desk: Seat) -> None:
    desk.board.set("clock_jump", ms=10_000)
    desk.board.set("clock_jump", ms=-1_000)
    assert desk.exchange.clock_offset_ms == 9_000
    desk.board.clear()
    desk.exchange.advance_bars(1)
    assert desk.exchange.clock_offset_ms == 0
    assert len(desk.exchange.watchers) == 1


@pytest.mark.parametrize("status", ["HALT", "BREAK", "CANCEL_ONLY", "SOMETHING_NEW"])
def test_a_symbol_stops_trading(desk: Seat, status: str) -> None:
    desk.board.set("symbol_status", symbol="BTCUSDT", status=status)
    assert desk.exchange.symbol("BTCUSDT").status == status
    with pytest.raises(Refused):
        buy(desk)
    assert desk.struck() == [("symbol_status", "BTCUSDT")]


def test_filters_change(desk: Seat) -> None:
    lot = {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "9", "stepSize": "1"}
    desk.board.set("symbol_filters", symbol="BTCUSDT", filters=[lot])
    with pytest.raises(Refused, match="LOT_SIZE"):
        buy(desk)
    assert desk.struck() == [("symbol_filters", "BTCUSDT")]


def test_malformed_filters_change_nothing(desk: Seat) -> None:
    before = desk.exchange.info
    with pytest.raises(DataError):
        desk.board.set("symbol_filters", symbol="BTCUSDT", filters=[{"filterType": "LOT_SIZE"}])
    assert (desk.exchange.info, desk.board.faults, desk.struck()) == (before, [], [])


def test_a_symbol_is_delisted(desk: Seat) -> None:
    desk.board.set("delist", symbol="BTCUSDT")
    with pytest.raises(Refused, match="Invalid symbol"):
        buy(desk)
    assert desk.struck() == [("delist", "BTCUSDT")]


def test_the_venue_is_reset(desk: Seat) -> None:
    buy(desk)
    desk.board.set("venue_reset")
    assert desk.exchange.engine.account("ann").free("USDT") == 10_000
    assert desk.exchange.engine.all_orders("ann", "BTCUSDT") == []
    assert desk.struck() == [("venue_reset", "venue")]


def test_bnb_runs_out(desk: Seat) -> None:
    desk.board.set("bnb_run_out", account="ann")
    desk.board.set("bnb_run_out", account="ann")
    assert desk.exchange.engine.account("ann").free("BNB") == 0
    assert desk.struck() == [("bnb_run_out", "ann")] * 2
    assert all(row.difference == 0 for row in desk.exchange.engine.conservation().values())


@pytest.mark.parametrize(
    ("name", "bars"), [("candle_gap", 2), ("candle_duplicate", 4), ("candle_nan", 3), ("candle_spike", 3)]
)
def test_a_candle_is_told_wrongly_until_the_fault_is_removed(desk: Seat, name: str, bars: int) -> None:
    opens = TAPE.start_ms + MINUTE
    fault = desk.board.set(name, symbol="BTCUSDT", open_time=opens)
    true = klines(TAPE, "1m", TAPE.start_ms + 3 * MINUTE - 1)
    told = list(damaged(true, desk.exchange.candle_faults["BTCUSDT"]))
    assert len(told) == bars
    assert told != true
    assert desk.struck() == [(name, f"BTCUSDT {opens}")]
    desk.board.remove(fault.number)
    assert list(damaged(true, desk.exchange.candle_faults["BTCUSDT"])) == true


def test_a_removed_fault_mends_its_own_candle_alone(desk: Seat) -> None:
    first = desk.board.set("candle_gap", symbol="BTCUSDT", open_time=TAPE.start_ms)
    desk.board.set("candle_gap", symbol="BTCUSDT", open_time=TAPE.start_ms + MINUTE)
    desk.board.remove(first.number)
    assert [fault.open_time for fault in desk.exchange.candle_faults["BTCUSDT"]] == [TAPE.start_ms + MINUTE]


def test_a_spike_may_go_down_and_the_next_candle_is_meant_unless_said_otherwise(desk: Seat) -> None:
    desk.board.set("candle_spike", symbol="BTCUSDT", factor="0.1")
    (fault,) = desk.exchange.candle_faults["BTCUSDT"]
    assert (fault.open_time, fault.factor) == (TAPE.start_ms + MINUTE, D("0.1"))


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("delist", {"symbol": "BTCUSD"}, "Did you mean 'BTCUSDT'"),
        ("candle_gap", {"symbol": "???"}, "no symbol"),
        ("bnb_run_out", {"account": "anne"}, "Did you mean 'ann'"),
    ],
)
def test_what_is_not_there_cannot_be_struck(desk: Seat, name: str, parameters: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError) as refused:
        desk.board.set(name, **parameters)
    assert words in str(refused.value)
    assert desk.board.faults == []
    assert desk.struck() == []


def test_an_exchange_without_customers_says_so(desk: Seat) -> None:
    desk.exchange.customers.clear()
    with pytest.raises(UsageError, match="no account 'ann'"):
        desk.board.set("bnb_run_out", account="ann")

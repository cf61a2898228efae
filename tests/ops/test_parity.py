"""The trader on the local exchange makes the backtest's trades, and every difference in money has its cause."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from thunes.errors import DataError, ThunesError
from thunes.market.files import read_file
from thunes.market.synthetic import generate
from thunes.model import Candles, Costs
from thunes.ops.parity import CAUSES, Parity, compare, parity
from thunes.ops.replay import Replay, Step, replay
from thunes.research.backtest import BacktestResult, backtest
from thunes.simulator import LocalExchange
from thunes.simulator.server.clock import ExchangeClock
from thunes.strategies.registry import BUILT_IN
from thunes.trading.trader import Trader

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent
D = Decimal
QUARTER = 90 * 24
SUITE = ("bollinger_reversion",)  # the most trades but one
CANDLES = generate("BTCUSDT", "1h", 140, seed=7)


def real(folder: Path, bars: int) -> Candles:
    return read_file(folder / "BTCUSDT-1h-2017-2022.parquet", symbol="BTCUSDT", interval="1h")[-bars:]


def assert_same_trades(found: Parity) -> None:
    assert found.holds
    assert dict(found.unmatched) == {}
    assert found.exact
    assert found.unexplained <= D("1e-9") * 10_000
    told = sum(found.money.values())
    assert abs(found.trader_equity - found.backtest_equity - told) <= D("1e-8")


@pytest.mark.covers("pitfall X11")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in SUITE else pytest.mark.long) for name in BUILT_IN]
)
def test_ninety_days_of_real_candles_make_exactly_the_backtest_s_trades(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    candles = real(shared_data, QUARTER)
    found = parity(name, candles, tmp_path)
    assert_same_trades(found)
    assert found.matched == len(backtest(name, candles).simulation.orders) > 0
    assert found.price_fraction < D("0.0006")  # slippage against half a spread


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[BacktestResult, Replay]:
    tested = backtest("donchian_breakout", CANDLES, Costs())
    return tested, replay(tested.strategy, "donchian_breakout", CANDLES, tmp_path_factory.mktemp("parity"))


def traded(driven: Replay, which: int) -> Step:
    return [step for step in driven.steps if step.done.fills][which]


def swapped(driven: Replay, old: Step, new: Step) -> Replay:
    return replace(driven, steps=tuple(new if step is old else step for step in driven.steps))


def test_the_causes_add_up(pair: tuple[BacktestResult, Replay]) -> None:
    found = compare(*pair, "donchian_breakout")
    assert_same_trades(found)
    assert tuple(found.money) == CAUSES
    assert {cause for cause, amount in found.money.items() if amount} == {
        "price model",
        "fee asset",
        "rounding",
        "dust",
    }
    assert D(9) < found.money_difference < D(100)


def test_a_trader_that_does_nothing_in_a_bar_is_found(pair: tuple[BacktestResult, Replay]) -> None:
    tested, driven = pair
    step = traded(driven, -1)
    idle = replace(step, done=replace(step.done, order=None, fills=(), code="E-HOLD-FLAT"))
    found = compare(tested, swapped(driven, step, idle), "x")
    assert found.unmatched == {"unexplained": 1}
    assert not found.holds
    refused = replace(step, done=replace(step.done, order=None, fills=(), code="E-FILTER-NOTIONAL"))
    assert compare(tested, swapped(driven, step, refused), "x").unmatched == {"E-FILTER-NOTIONAL": 1}


def test_a_trader_that_is_a_bar_late_is_found(pair: tuple[BacktestResult, Replay]) -> None:
    tested, driven = pair
    step = traded(driven, 0)
    idle = replace(step, done=replace(step.done, order=None, fills=(), code="E-HOLD-FLAT"))
    after = next(one for one in driven.steps if one.bar == step.bar + 1)
    late = swapped(swapped(driven, step, idle), after, replace(step, bar=after.bar))
    found = compare(tested, late, "x")
    assert found.unmatched == {"unexplained": 2}
    assert not found.holds


@pytest.mark.parametrize("change", ["money", "fill", "book", "ledger"])
def test_whatever_does_not_add_up_is_told(change: str, pair: tuple[BacktestResult, Replay]) -> None:
    tested, driven = pair
    step = traded(driven, 0)
    one = step.done.fills[0]
    more = replace(one, fill=replace(one.fill, quantity=one.fill.quantity + D("0.001")))
    changed = {
        "money": replace(driven, quote=driven.quote + D("0.00000001")),
        "fill": swapped(driven, step, replace(step, done=replace(step.done, fills=(more, *step.done.fills[1:])))),
        "book": swapped(driven, step, replace(step, booked=False)),
        "ledger": replace(driven, reconciled=False),
    }[change]
    found = compare(tested, changed, "x")
    assert not found.exact
    assert not found.holds


def test_quantity_that_no_cause_can_take_stays_unexplained(pair: tuple[BacktestResult, Replay]) -> None:
    """More than a step of money left over by an order that was filled is no rounding."""
    tested, driven = pair
    step = traded(driven, 0)
    assert step.done.plan.quote is not None
    plan = replace(step.done.plan, quote=step.done.plan.quote - 50)  # it was to spend less than it did
    found = compare(tested, swapped(driven, step, replace(step, done=replace(step.done, plan=plan))), "x")
    assert found.unexplained < 1  # what was spent is what counts
    fills = tuple(replace(one, fill=replace(one.fill, quote=one.fill.quote / 2)) for one in step.done.fills)
    found = compare(tested, swapped(driven, step, replace(step, done=replace(step.done, fills=fills))), "x")
    assert found.unexplained > 1000
    assert not found.holds


@pytest.mark.parametrize("share", [300.0, 3000.0])
def test_a_thin_book_is_a_cause_of_its_own(share: float, tmp_path: Path) -> None:
    thin = CANDLES.replace(volume=CANDLES.volume / share)
    found = parity("donchian_breakout", thin, tmp_path)
    assert found.holds
    assert set(found.unmatched) == {"partial fill"}  # the rest of an exit is sold in the bars after
    assert found.money["partial fill"] < -1
    assert found.fills > found.matched


def test_a_document_says_all_of_it(pair: tuple[BacktestResult, Replay]) -> None:
    told = compare(*pair, "donchian_breakout").to_dict()
    assert (told["strategy"], told["symbol"], told["interval"], told["bars"]) == (
        "donchian_breakout", "BTCUSDT", "1h", 140,
    )  # fmt: skip
    assert (told["holds"], told["unmatched"], told["exact"]) == (True, {}, True)
    assert told["anchor"] == "2018-01-01 00:00"
    assert told["source"] == CANDLES.source


def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    parity("buy_and_hold", CANDLES[:4], tmp_path, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("candles", "code"),
    [(CANDLES[:1], "E-PARITY-SHORT"), (generate("NOSUCHUSDT", "1h", 10, seed=1), "E-EXCHANGE-SYMBOL")],
)
def test_what_cannot_be_driven_is_said(candles: Candles, code: str, tmp_path: Path) -> None:
    strategy = backtest("buy_and_hold", CANDLES).strategy
    with pytest.raises(ThunesError) as caught:
        replay(strategy, "buy_and_hold", candles, tmp_path)
    assert caught.value.code == code


def test_only_too_few_candles_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise DataError("E-DATA-GAP", "a hole")

    monkeypatch.setattr(Trader, "run", broken)
    with pytest.raises(DataError, match="a hole"):
        parity("buy_and_hold", CANDLES[:4], tmp_path)


def test_waiting_lets_the_exchange_s_time_pass() -> None:
    with LocalExchange(CANDLES, serve=False) as exchange:
        clock = ExchangeClock(exchange)
        before = clock.now_ms()
        clock.sleep(1.5)
        assert clock.now_ms() == before + 1500

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from tests.kernels.plain import COMPILER, plain_module, same_bits
from tests.series import REAL, bars, walk

from thunes.kernels import simulation
from thunes.kernels.simulation import ORDER, REASONS, START_CASH, TRADE, Simulation, fill_bar
from thunes.model import NO_STOPS, Candles, Costs, Fill, Float1D, Stops
from thunes.strategies import registry
from thunes.strategies.base import evaluate

FREE = Costs(0, 0)
FLAT = (100, 100, 100, 100)
FILLS: tuple[Fill, ...] = ("next_open", "next_close")
SEEDS = st.integers(0, 10_000)


def run(
    rows: Sequence[Sequence[float]],
    target: Sequence[float],
    stops: Stops = NO_STOPS,
    costs: Costs = FREE,
    fill: Fill = "next_open",
) -> Simulation:
    return simulation.run(bars(rows), np.array(target, dtype=float), costs, stops, fill)


def events(simulated: Simulation) -> list[tuple[int, str, float, str]]:
    """Orders as (bar, side, price, reason)."""
    return [
        (int(bar), "buy" if size > 0 else "sell", round(price, 9), REASONS[int(reason)])
        for bar, size, price, _, reason in simulated.orders
    ]


def switching(count: int, seed: int, share: float = 0.2) -> Float1D:
    """A decision of 0 or 1 that changes in about this share of the bars."""
    return (np.cumsum(np.random.default_rng(seed).random(count) < share) % 2).astype(float)


# -- lag, orders, costs


def test_a_decision_at_a_close_is_filled_one_bar_later() -> None:
    assert [fill_bar(t) for t in (0, 7)] == [1, 8]
    rows = [(10, 11, 9, 10), (20, 21, 19, 20.5), (30, 31, 29, 30.5), (40, 41, 39, 40.5)]
    assert events(run(rows, [1, 1, 0, 0])) == [(1, "buy", 20, "signal"), (3, "sell", 40, "signal")]
    assert [e[2] for e in events(run(rows, [1, 1, 0, 0], fill="next_close"))] == [20.5, 40.5]


def test_a_decision_on_the_last_bar_is_not_filled() -> None:
    assert events(run([FLAT] * 3, [0, 0, 1])) == []
    assert events(run([FLAT], [1])) == []
    assert events(run([FLAT] * 2, [1, 0])) == [(1, "buy", 100, "signal")]


def test_fees_and_slippage_of_a_round_trip_by_hand() -> None:
    simulated = run([FLAT, FLAT, (200, 200, 200, 200)], [1, 0, 0], costs=Costs(fee=0.25, slippage=0.25))
    coins = 10_000 / 1.25 / 125  # all cash, fee included, at 100 · 1.25
    assert_allclose(simulated.orders, [[1, coins, 125, 2_000, 0], [2, -coins, 150, coins * 150 * 0.25, 0]])
    assert_allclose(simulated.equity, [10_000, coins * 100, coins * 150 * 0.75])
    pnl = coins * 150 * 0.75 - 10_000
    assert_allclose(simulated.trades, [[1, 2, coins, 125, 150, 2_000 + coins * 37.5, pnl, 0, 1]])
    assert (len(ORDER), len(TRADE)) == (simulated.orders.shape[1], simulated.trades.shape[1])


def test_a_fraction_is_bought_and_sold_down_by_hand() -> None:
    rows = [FLAT, FLAT, (120, 120, 120, 120), (120, 120, 120, 120)]
    simulated = run(rows, [0.5, 0.25, 0.25, 0.25])
    # 50 coins at 100; at 120 the account is worth 11,000, a quarter of which is 2,750: 6,000 − 2,750 are sold
    assert_allclose(simulated.orders[:, 1:3], [[50, 100], [-3_250 / 120, 120]])
    assert_allclose(simulated.exposed, [0, 0.5, 0.25, 0.25])
    assert_allclose(simulated.equity, [10_000, 10_000, 11_000, 11_000])
    assert_allclose(simulated.trades[0, [2, 3, 4, 6, 8]], [50, 100, 120, 1_000, 0])


def test_drift_makes_no_order() -> None:
    rows = [(price, price, price, price) for price in (100, 100, 150, 200, 50)]
    assert len(run(rows, [0.5] * 5).orders) == 1


def test_an_open_trade_is_listed_at_the_last_close_and_is_the_last() -> None:
    simulated = run([FLAT, FLAT, FLAT, FLAT, (100, 130, 100, 130)], [1, 0, 1, 1, 1], costs=Costs(0.01, 0))
    assert simulated.trades[:, [0, 1, 8]].tolist() == [[1, 2, 1], [3, 4, 0]]
    assert simulated.trades[1, 4] == 130
    assert_allclose(simulated.trades[:, 6].sum(), simulated.equity[-1] - START_CASH)


def test_a_trade_runs_from_flat_to_flat_through_every_partial_fill() -> None:
    prices = [100.0, 100, 110, 120, 130, 140]
    simulated = run([(p, p, p, p) for p in prices], [0.5, 0.8, 0.2, 0.6, 0, 0])
    assert len(simulated.orders) == 5
    (trade,) = simulated.trades
    bought, sold = simulated.orders[:, 1] > 0, simulated.orders[:, 1] < 0
    money = simulated.orders[:, 1] * simulated.orders[:, 2]
    assert trade[[0, 1, 8]].tolist() == [1, 5, 1]
    assert_allclose(
        trade[2:5], [size := simulated.orders[bought, 1].sum(), money[bought].sum() / size, -money[sold].sum() / size]
    )
    assert_allclose(trade[6], simulated.equity[-1] - START_CASH)


# -- stops, scripted


def test_a_stop_looks_at_the_entry_bar() -> None:
    rows = [FLAT, (100, 101, 89, 95), FLAT]
    assert events(run(rows, [1, 1, 1], Stops(stop_loss=0.1))) == [
        (1, "buy", 100, "signal"),
        (1, "sell", 90, "stop_loss"),
    ]


def test_the_vectorbt_mode_does_not_look_at_the_entry_bar() -> None:
    rows = [FLAT, (100, 101, 89, 95), FLAT]
    assert events(run(rows, [1, 1, 1], Stops(stop_loss=0.1, mode="vectorbt"))) == [(1, "buy", 100, "signal")]


@pytest.mark.parametrize(
    ("bar", "stops", "expected"),
    [
        ((95, 96, 90, 92), Stops(stop_loss=0.1), (90, "stop_loss")),  # touched
        ((95, 96, 90.01, 92), Stops(stop_loss=0.1), None),
        ((85, 105, 80, 104), Stops(stop_loss=0.1), (85, "stop_loss")),  # gap: at the open
        ((100, 120, 80, 100), Stops(stop_loss=0.1, take_profit=0.1), (90, "stop_loss")),  # both inside: stop first
        ((100, 111, 100, 100), Stops(take_profit=0.1), (110, "take_profit")),
        ((115, 120, 80, 90), Stops(stop_loss=0.1, take_profit=0.1), (115, "take_profit")),  # target gap comes first
        ((100, 109.99, 90.01, 100), Stops(stop_loss=0.1, take_profit=0.1), None),
        ((89, 120, 89, 100), Stops(stop_loss=0.1, trailing=0.05), (89, "trailing")),  # the nearer of both levels
        ((100, 100, 91, 91), Stops(stop_loss=0.05, trailing=0.08), (95, "stop_loss")),
    ],
)
def test_a_held_bar_against_its_levels(
    bar: tuple[float, ...], stops: Stops, expected: tuple[float, str] | None
) -> None:
    sold = events(run([FLAT, FLAT, bar], [1, 1, 1], stops))[1:]
    assert sold == ([] if expected is None else [(2, "sell", *expected)])


def test_the_trail_follows_the_highs_of_completed_bars_only() -> None:
    # Level 90 in the entry bar; 99 of its high in the next, where 120 · 0.9 would already have been hit; then 108.
    rows = [FLAT, (100, 110, 95, 105), (105, 120, 100, 110), (110, 111, 107, 108)]
    assert events(run(rows, [1] * 4, Stops(trailing=0.1)))[1:] == [(3, "sell", 108, "trailing")]


def test_a_stopped_position_stays_flat_until_exposure_has_been_zero_once() -> None:
    rows = [FLAT, (100, 100, 80, 100), *[FLAT] * 7]
    bought_at = [e[0] for e in events(run(rows, [1, 1, 1, 1, 0, 1, 1, 1, 1], Stops(stop_loss=0.1))) if e[1] == "buy"]
    assert bought_at == [1, 6]
    changing = [0.5, 0.6, 0.9, 0.7, 1, 0, 0.4, 0.4, 0.4]  # a fraction that changes is no 0
    bought_at = [e[0] for e in events(run(rows, changing, Stops(stop_loss=0.1))) if e[1] == "buy"]
    assert bought_at == [1, 7]


def test_a_signal_repeated_while_held_does_not_move_the_stop() -> None:
    falling = [(price, price, price, price) for price in (100, 100, 96, 93, 91, 89, 80)]
    assert events(run(falling, [1] * 7, Stops(stop_loss=0.1)))[1:] == [(5, "sell", 89, "stop_loss")]


def test_a_new_position_has_a_stop_of_its_own() -> None:
    rows = [FLAT, FLAT, FLAT, (50, 50, 50, 50), (50, 50, 46, 50), (50, 50, 44, 50)]
    bought_and_sold = events(run(rows, [1, 0, 1, 1, 1, 1], Stops(stop_loss=0.1)))
    assert bought_and_sold[2:] == [(3, "buy", 50, "signal"), (5, "sell", 45, "stop_loss")]


def test_a_larger_position_is_guarded_from_its_mean_fill_price() -> None:
    # 50 coins at 100, then 5,000 / 120 more at 120: a mean of 10,000 / (50 + 41.67) = 109.09, 10 % below is 98.18
    rows = [FLAT, FLAT, (120, 120, 120, 120), (120, 120, 97, 100)]
    price = 0.9 * 10_000 / (50 + 5_000 / 120)
    assert events(run(rows, [0.5, 1, 1, 1], Stops(stop_loss=0.1)))[2:] == [(3, "sell", round(price, 9), "stop_loss")]


def test_a_decision_fills_at_the_open_before_the_stop_of_that_bar() -> None:
    rows = [FLAT, FLAT, (99, 99, 80, 85), FLAT]
    assert events(run(rows, [1, 0, 0, 0], Stops(stop_loss=0.1)))[1:] == [(2, "sell", 99, "signal")]


def test_a_stop_pays_slippage_and_fee_and_is_anchored_at_the_fill_price() -> None:
    costs = Costs(fee=0.01, slippage=0.02)
    rows = [FLAT, FLAT, (100, 100, 70, 100)]
    simulated = run(rows, [1, 1, 1], Stops(stop_loss=0.1), costs)
    price = 100 * 1.02 * 0.9 * 0.98  # the level is 10 % below what was paid; the exit is worse than the level
    coins = 10_000 / 1.01 / 102
    assert_allclose(simulated.orders[1], [2, -coins, price, coins * price * 0.01, 1])
    gap = run([FLAT, FLAT, (80, 80, 70, 75)], [1, 1, 1], Stops(stop_loss=0.1), costs)
    assert_allclose(gap.orders[1, 2], 80 * 0.98)


def test_filled_at_the_close_the_stop_starts_with_the_next_bar_and_comes_before_the_decision() -> None:
    rows = [FLAT, (100, 150, 50, 100), (100, 104, 95, 100), (100, 100, 65, 70), FLAT]
    stops = Stops(stop_loss=0.1)
    sold = events(run(rows, [1, 1, 0, 0, 0], stops, fill="next_close"))
    assert sold == [(1, "buy", 100, "signal"), (3, "sell", 90, "stop_loss")]
    assert events(run(rows, [1, 1, 1, 1, 1], stops, fill="next_close")) == sold


def test_filled_at_the_close_the_trail_starts_at_the_fill_price() -> None:
    rows = [FLAT, (100, 150, 50, 100), (100, 120, 91, 115), (115, 115, 109, 110), (110, 110, 107, 107)]
    sold = events(run(rows, [1] * 5, Stops(trailing=0.1), fill="next_close"))[1:]
    assert sold == [(4, "sell", 108, "trailing")]


# -- stops, against another way to compute them


def replay(candles: Candles, decision: Float1D, stops: Stops) -> list[tuple[int, str, float, str]]:
    """The Stops contract for an account without costs, filled at the next open."""
    done: list[tuple[int, str, float, str]] = []
    paid, highs, armed = 0.0, [0.0], True
    for t in range(1, len(candles)):
        opened, high, low = candles.open[t], candles.high[t], candles.low[t]
        long, held = decision[t - 1] == 1, len(done) % 2 == 1
        if held and not long:
            done.append((t, "sell", opened, "signal"))
        elif long and not held and armed:
            done.append((t, "buy", opened, "signal"))
            paid, highs = opened, [opened]
        armed = not long
        if len(done) % 2 == 0:
            continue
        down = [(paid * (1 - stops.stop_loss), "stop_loss"), (max(highs) * (1 - stops.trailing), "trailing")]
        level, why = max((pair for pair in down if pair[0] == pair[0]), default=(-1.0, ""), key=lambda pair: pair[0])
        target = paid * (1 + stops.take_profit)
        highs.append(high)
        if opened <= level or opened >= target:
            done.append((t, "sell", opened, why if opened <= level else "take_profit"))
        elif low <= level:
            done.append((t, "sell", level, why))
        elif high >= target:
            done.append((t, "sell", target, "take_profit"))
    return [(bar, side, round(price, 9), reason) for bar, side, price, reason in done]


FRACTION = st.sampled_from([float("nan"), 0.01, 0.02, 0.05])


@given(seed=SEEDS, loss=FRACTION, target=FRACTION, trail=FRACTION)
def test_stops_are_those_of_the_contract(seed: int, loss: float, target: float, trail: float) -> None:
    candles, decision = walk(80, seed), switching(80, seed, 0.1)
    stops = Stops(loss, target, trail)
    assert events(simulation.run(candles, decision, FREE, stops)) == replay(candles, decision, stops)


# -- plain and compiled


STOPS = (
    NO_STOPS,
    Stops(stop_loss=0.02, take_profit=0.05, trailing=0.03),
    Stops(stop_loss=0.02, take_profit=0.05, mode="vectorbt"),
    Stops(trailing=0.02, mode="vectorbt"),
)


@COMPILER
@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_compiled_equals_plain_bit_for_bit_on_real_candles(name: str, real: Callable[[str, int], Candles]) -> None:
    plain, strategy = plain_module(simulation), registry.load(name)()
    for series, stops, fill in itertools.product(REAL[:2], STOPS, FILLS):
        candles = real(series, 1_500)
        decision = evaluate(strategy, candles)
        for target in (decision, decision * np.linspace(0, 1, 1_500).round(1)):
            ours, theirs = (m.run(candles, target, Costs(), stops, fill) for m in (simulation, plain))
            for field in ("equity", "exposed", "orders", "trades", "moments"):
                assert same_bits(getattr(ours, field), getattr(theirs, field)), (series, stops, fill, field)


# -- what must hold for every input


@given(seed=SEEDS, fill=st.sampled_from(FILLS), stops=st.sampled_from(STOPS[:2]))
def test_buys_fill_above_and_sells_below_their_reference_price(seed: int, fill: Fill, stops: Stops) -> None:
    candles, target = walk(60, seed), switching(60, seed) * 0.7
    free, costly = (simulation.run(candles, target, Costs(0, s), NO_STOPS, fill).orders for s in (0, 0.003))
    assert_array_equal(free[:, 0], costly[:, 0])
    side = np.sign(free[:, 1])
    assert_allclose(costly[:, 2], free[:, 2] * (1 + side * 0.003))


@given(seed=SEEDS, field=st.sampled_from(["fee", "slippage"]), fill=st.sampled_from(FILLS), size=st.floats(0.1, 1))
def test_equity_strictly_falls_as_a_cost_rises(seed: int, field: str, fill: Fill, size: float) -> None:
    candles, target = walk(60, seed), np.maximum(switching(60, seed), np.arange(60) == 3) * size
    curves = [
        simulation.run(candles, target, Costs(**{"fee": 0, "slippage": 0, field: cost}), NO_STOPS, fill).equity
        for cost in (0, 0.0001, 0.0005, 0.005, 0.05)
    ]
    first = int(np.argmax(curves[0] != curves[1]))
    assert first <= 4
    for cheap, dear in itertools.pairwise(curves):
        assert (dear[first:] < cheap[first:]).all()
        assert_array_equal(dear[:first], cheap[:first])


@given(seed=SEEDS, stops=st.sampled_from(STOPS), fill=st.sampled_from(FILLS))
def test_the_unit_of_price_changes_no_money(seed: int, stops: Stops, fill: Fill) -> None:
    candles, target = walk(60, seed), switching(60, seed)
    dearer = candles.replace(**{name: getattr(candles, name) * 8 for name in ("open", "high", "low", "close")})
    once, eightfold = (simulation.run(c, target, Costs(), stops, fill) for c in (candles, dearer))
    for field in ("equity", "exposed", "moments"):
        assert_array_equal(getattr(once, field), getattr(eightfold, field))
    assert_array_equal(once.orders * [1, 1 / 8, 8, 1, 1], eightfold.orders)


@given(seed=SEEDS, k=st.integers(1, 59), stops=st.sampled_from(STOPS), fill=st.sampled_from(FILLS))
def test_a_bar_changes_nothing_that_was_known_before_it(seed: int, k: int, stops: Stops, fill: Fill) -> None:
    candles, target = walk(60, seed), switching(60, seed)
    spiked = candles.replace(
        **{
            n: np.where(np.arange(60) == k, getattr(candles, n) * 3, getattr(candles, n))
            for n in ("open", "high", "low", "close", "volume")
        }
    )
    before, after = (simulation.run(c, target, Costs(), stops, fill) for c in (candles, spiked))
    assert_array_equal(before.equity[:k], after.equity[:k])
    assert_array_equal(before.orders[before.orders[:, 0] < k], after.orders[after.orders[:, 0] < k])


@given(seed=SEEDS, stops=st.sampled_from(STOPS), fill=st.sampled_from(FILLS), size=st.floats(0.05, 1))
def test_money_is_conserved(seed: int, stops: Stops, fill: Fill, size: float) -> None:
    candles, costs = walk(60, seed), Costs(0.002, 0.001)
    simulated = simulation.run(candles, switching(60, seed) * size, costs, stops, fill)
    bar, amount, price, fee, _ = simulated.orders.T
    cash = START_CASH - np.cumsum(np.bincount(bar.astype(int), amount * price + fee, 60))
    coins = np.cumsum(np.bincount(bar.astype(int), amount, 60))
    assert_allclose(simulated.equity, cash + coins * candles.close, rtol=1e-9)
    assert_allclose(simulated.exposed * simulated.equity, coins * candles.close, rtol=1e-9, atol=1e-6)
    assert_allclose(simulated.trades[:, 6].sum(), simulated.equity[-1] - START_CASH, rtol=1e-9, atol=1e-8)
    assert cash.min() > -1e-6
    assert coins.min() > -1e-9


def test_an_account_eaten_up_by_costs_is_worth_nothing_and_raises_nothing() -> None:
    target = np.arange(1_500) % 2.0
    simulated = simulation.run(walk(1_500), target, Costs(0.5, 0.5))
    assert simulated.equity[-1] == pytest.approx(0, abs=1e-12)
    assert not np.isnan(simulated.equity).any()


def test_candles_without_movement_and_costs_leave_the_account_alone() -> None:
    simulated: Any = run([FLAT] * 20, switching(20, 3, 0.5).tolist())
    assert_allclose(simulated.equity, START_CASH, rtol=1e-15)

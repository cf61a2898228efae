"""The test for decay: its error rates, its power, and what it says of a few plain histories."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.ops.paths import KINDS, Paths, normal
from tests.strategies.artefacts import EXPECTED

from thunes.kernels import simulation
from thunes.market.synthetic import generate
from thunes.model import Costs, Float1D
from thunes.ops.decay import (
    AT_ONCE,
    BETS,
    CRITICAL,
    REACH,
    WARNING,
    Decay,
    PerformanceTracker,
    Promise,
    p_value,
    summed,
    wealth,
)
from thunes.ops.realised import Realised, from_equity
from thunes.strategies.base import evaluate
from thunes.strategies.sma_cross import SmaCross

YEAR = 365
RETURNS = arrays(np.float64, st.integers(1, 60), elements=st.floats(-0.5, 0.5))


def sharpe(value: float) -> Promise:
    """A promise of that Sharpe ratio on days of deviation 1."""
    return Promise(value / math.sqrt(YEAR), 1.0, YEAR)


def played(histories: Float1D, promise: Promise) -> Float1D:
    """The wealth after each week of each history."""
    return wealth(summed(histories, 7), promise.over(7))


def ever(histories: Float1D, promise: Promise, level: float) -> float:
    """The share of histories, (histories, days), in which the test ever calls out."""
    return float((played(histories, promise).max(axis=1) >= 1 / level).mean())


def days_to_see(histories: Float1D, promise: Promise, level: float) -> float:
    """The median day of the first call; infinite where most never are."""
    called = played(histories, promise) >= 1 / level
    return float(np.median(np.where(called.any(axis=1), 7.0 * (called.argmax(axis=1) + 1), math.inf)))


def judged(returns: Float1D | list[float], unit: str = "days", days: float | None = None, **expected: float) -> Decay:
    values = np.array(returns, dtype=np.float64)
    given = {
        "days": Realised("days", values, values.size, None),
        "trades": Realised("trades", values, 2.0 * values.size if days is None else days, values.size),
    }
    return PerformanceTracker({**EXPECTED, **expected}).judge(given[unit])


def earning(annual_sharpe: float, days: int, deviation: float = 0.02) -> Float1D:
    """Daily returns of exactly that Sharpe ratio over every two days."""
    mean = annual_sharpe / math.sqrt(YEAR) * deviation
    return mean + deviation * np.resize([1.0, -1.0], days) * math.sqrt((days - 1) / days)


def test_wealth_is_the_sum_over_every_bet_and_every_day_on_which_it_could_begin() -> None:
    returns, promise = normal(np.random.default_rng(3), 1, 40)[0], Promise(0.1, 0.9, 20.0)
    waiting = [(1 - AT_ONCE) * 20.0 / (20.0 + day) for day in range(41)]
    entering = [AT_ONCE + waiting[0] - waiting[1], *(waiting[day] - waiting[day + 1] for day in range(1, 40))]
    for day in range(40):
        expected = waiting[day + 1]
        for bet in BETS:
            growth = 1 + bet / (REACH * 0.9) * (0.1 - returns)
            expected += sum(entering[first] * growth[first : day + 1].prod() for first in range(day + 1)) / len(BETS)
        assert wealth(returns, promise)[day] == pytest.approx(expected, rel=1e-12)


def test_the_game_is_fair_where_the_promise_is_just_kept() -> None:
    """Over all histories of a return that is −1 three times in four and 3 else, the mean wealth is 1 on each day."""
    promise, days = Promise(0.0, 1.0, 5.0), 9
    histories = np.array(list(itertools.product([-1.0, 3.0], repeat=days)))
    chance = np.where(histories < 0, 0.75, 0.25).prod(axis=1)
    np.testing.assert_allclose(chance @ wealth(histories, promise), 1.0, rtol=1e-12)


def test_a_sum_has_the_mean_and_the_deviation_of_its_parts() -> None:
    weeks = summed(0.3 + 2.0 * normal(np.random.default_rng(17), 2, 70_003), 7)
    promised = Promise(0.3, 2.0, YEAR).over(7)
    assert weeks.shape == (2, 10_000)
    assert weeks.mean() == pytest.approx(promised.mean, abs=0.1)
    assert weeks.std() == pytest.approx(promised.deviation, rel=0.03)
    assert promised.sharpe == pytest.approx(Promise(0.3, 2.0, YEAR).sharpe)


@pytest.mark.parametrize("kind", KINDS)
def test_healthy_strategies_are_called_no_more_often_than_promised(kind: str) -> None:
    promise = sharpe(2)
    histories = promise.mean + KINDS[kind](np.random.default_rng(11), 1_000, 3 * YEAR)
    assert ever(histories, promise, WARNING) < WARNING
    assert ever(histories, promise, CRITICAL) < CRITICAL


@pytest.mark.long
@pytest.mark.parametrize("paths", KINDS.values(), ids=KINDS)
def test_the_error_rates_of_five_years_are_those_that_are_stated(paths: Paths) -> None:
    promise = sharpe(2)
    histories = promise.mean + paths(np.random.default_rng(12), 10_000, 5 * YEAR)
    moves = paths is KINDS["autoregression"]
    assert ever(histories, promise, WARNING) == pytest.approx(0.100 if moves else 0.088, abs=0.01)
    assert ever(histories, promise, CRITICAL) == pytest.approx(0.018 if moves else 0.014, abs=0.004)


@pytest.mark.long
def test_a_trend_rule_on_a_market_with_its_edge_keeps_the_error_rates_and_without_it_is_seen() -> None:
    healthy, dead = (np.stack([traded(edge, seed) for seed in range(150)]) for edge in (2.0, 0.0))
    promise = Promise(float(healthy.mean()), float(healthy.std()), YEAR)
    assert promise.sharpe == pytest.approx(2, abs=0.25)
    assert ever(healthy, promise, WARNING) <= 0.23
    assert ever(healthy, promise, CRITICAL) <= 0.08
    assert days_to_see(dead, promise, CRITICAL) < 800


def traded(edge: float, seed: int) -> Float1D:
    """Daily returns of an SMA cross over three years of a synthetic market."""
    candles = generate("BTCUSDT", "1h", 3 * 8_760, seed=7_000 + seed, edge=edge)
    account = simulation.run(candles, evaluate(SmaCross(18, 219), candles), Costs())
    return from_equity(candles.open_time, account.equity).returns


def test_a_sharpe_ratio_that_is_lost_is_seen_in_the_time_that_is_stated() -> None:
    histories = normal(np.random.default_rng(13), 1_000, 4 * YEAR)
    assert days_to_see(histories, sharpe(2), WARNING) == pytest.approx(462, abs=40)
    assert days_to_see(histories, sharpe(2), CRITICAL) == pytest.approx(770, abs=50)
    assert days_to_see(histories, sharpe(3), CRITICAL) == pytest.approx(476, abs=40)
    assert days_to_see(histories - 1 / math.sqrt(YEAR), sharpe(2), CRITICAL) == pytest.approx(476, abs=40)


def test_an_edge_that_dies_after_a_good_year_is_seen_too() -> None:
    histories = normal(np.random.default_rng(14), 1_000, 5 * YEAR)
    histories[:, :YEAR] += sharpe(2).mean
    assert days_to_see(histories, sharpe(2), WARNING) - YEAR == pytest.approx(531, abs=50)
    assert days_to_see(histories, sharpe(2), CRITICAL) - YEAR == pytest.approx(853, abs=60)


@given(RETURNS, st.floats(0.1, 10.0))
def test_p_does_not_depend_on_the_unit_of_the_returns(returns: Float1D, factor: float) -> None:
    scaled = p_value(factor * returns, Promise(factor * 0.002, factor * 0.03, YEAR))
    assert scaled == pytest.approx(p_value(returns, Promise(0.002, 0.03, YEAR)), rel=1e-9)


@given(RETURNS)
def test_p_never_grows_as_results_come_in(returns: Float1D) -> None:
    found = [p_value(returns[:count], Promise(0.002, 0.03, YEAR)) for count in range(returns.size + 1)]
    assert found[0] == 1.0
    assert (np.diff(found) <= 0).all()
    assert min(found) > 0


@given(RETURNS, st.integers(0, 59), st.floats(0.0, 0.2))
def test_a_worse_return_is_never_less_surprising(returns: Float1D, at: int, loss: float) -> None:
    worse = returns.clip(None, 0.2)  # within reach of every bet
    before = p_value(worse, Promise(0.0, 0.03, YEAR))
    worse[at % worse.size] -= loss
    assert p_value(worse, Promise(0.0, 0.03, YEAR)) <= before * (1 + 1e-12)


def test_a_bet_that_lost_all_does_not_come_back() -> None:
    wild = wealth(np.array([100.0, 100.0, -0.1, -0.1]), Promise(0.0, 1.0, YEAR))
    assert (wild >= 0).all()
    assert wild.max() < 1


def test_many_histories_at_once_are_each_one_alone() -> None:
    histories = normal(np.random.default_rng(15), 4, 50)
    together = wealth(histories, sharpe(2))
    for row in range(4):
        np.testing.assert_array_equal(together[row], wealth(histories[row], sharpe(2)))


@pytest.mark.covers("pitfall X15")
@pytest.mark.parametrize(
    ("returns", "unit", "days"),
    [([], "days", None), ([], "trades", None), ([-0.3] * 29, "days", None), ([-0.3] * 19, "trades", None)],
)
def test_too_few_results_are_no_alarm_however_bad(returns: list[float], unit: str, days: float | None) -> None:
    found = judged(returns, unit, days)
    assert (found.state, found.p) == ("unknown", None)
    assert found.sentence.startswith("Too early to say: ")
    assert found.rolling.state == "unknown"


def test_twenty_trades_in_a_week_are_too_early_as_well() -> None:
    assert judged([-0.05, -0.04] * 10, "trades", days=7.0).state == "unknown"
    assert judged([-0.05, -0.04] * 10, "trades", days=31.0).state != "unknown"


def test_few_closed_trades_are_too_few_where_someone_counted_them() -> None:
    curve = Realised("days", earning(0, 60), 60.0, 19)
    found = PerformanceTracker(EXPECTED).judge(curve)
    assert (found.state, "60 days and 19 closed trades" in found.sentence) == ("unknown", True)


@pytest.mark.parametrize("missing", ["daily_mean", "daily_deviation"])
def test_without_a_promise_there_is_no_verdict_but_the_plain_figure(missing: str) -> None:
    expected = {**EXPECTED, missing: None}
    found = PerformanceTracker(expected).judge(Realised("days", earning(2, 60), 60.0, None))
    assert (found.state, found.p, found.expected_sharpe) == ("unknown", None, None)
    assert found.sentence.startswith("Nothing to compare with")
    assert found.rolling.sharpe == pytest.approx(2, rel=1e-9)


def test_a_strategy_that_earns_what_it_promised_is_healthy() -> None:
    found = judged(earning(EXPECTED["daily_mean"] / 0.02 * math.sqrt(YEAR), 200))
    assert (found.state, found.sentence) == ("healthy", "No sign of decay.")
    assert found.sharpe == pytest.approx(found.expected_sharpe, rel=0.01)
    assert found.mean == pytest.approx(found.expected_mean)


def test_a_strategy_that_loses_is_critical_and_says_how_rare_that_is() -> None:
    found = judged(earning(-3, 365))
    assert found.state == "critical"
    assert found.p is not None
    assert found.p <= CRITICAL
    assert f"at most 1 in {int(1 / found.p):,}" in found.sentence


def test_between_the_two_levels_it_is_a_warning() -> None:
    found = judged(earning(-0.5, 400))
    assert found.p is not None
    assert CRITICAL < found.p <= WARNING
    assert (found.state, found.sentence[:14]) == ("warning", "It falls short")


@pytest.mark.covers("pitfall X15")
def test_a_healthy_but_falling_sharpe_is_not_critical() -> None:
    falling = np.concatenate([earning(4, 90), earning(3, 90), earning(2, 90)])
    assert judged(falling).state == "healthy"


def test_a_bad_quarter_is_a_warning_that_names_luck() -> None:
    found = judged(np.concatenate([earning(2.5, 180), earning(0.2, 90)]))
    assert (found.state, found.rolling.state) == ("warning", "critical")
    assert found.p is not None
    assert found.p > WARNING
    assert found.rolling.by_luck == pytest.approx(0.20, abs=0.02)  # Φ((0.2 − 1.91) / 2.02)
    assert "luck alone does that in 20 % of such windows" in found.sentence


@pytest.mark.parametrize(
    ("annual", "state"), [(0.49, "critical"), (0.51, "warning"), (0.99, "warning"), (1.01, "healthy")]
)
def test_the_plain_sharpe_has_the_limits_that_people_know(annual: float, state: str) -> None:
    rolling = judged(np.concatenate([earning(9, 30), earning(annual, 90)])).rolling
    assert (rolling.state, rolling.returns) == (state, 90)
    assert rolling.sharpe == pytest.approx(annual, rel=1e-9)


def test_by_luck_is_how_often_a_promise_kept_looks_that_bad() -> None:
    promised = EXPECTED["daily_mean"] / EXPECTED["daily_deviation"]
    windows = promised + normal(np.random.default_rng(16), 20_000, 90)
    seen = windows.mean(axis=1) / windows.std(axis=1, ddof=1) * math.sqrt(YEAR)
    found = judged(np.concatenate([earning(2, 60), earning(0.2, 90)])).rolling
    assert found.by_luck == pytest.approx(float((seen <= 0.2).mean()), abs=0.01)


def test_a_sharpe_ratio_is_mean_over_deviation_times_the_root_of_a_year() -> None:
    returns = np.resize([0.01, -0.01, 0.03], 30)
    expected = returns.mean() / returns.std(ddof=1) * math.sqrt(365)
    assert judged(returns).sharpe == pytest.approx(expected)
    assert judged(returns, "trades").sharpe == pytest.approx(expected * math.sqrt(60 / 365))


def test_an_account_that_stands_still_has_no_sharpe_ratio_and_is_seen_in_the_end() -> None:
    short, long = judged([0.0] * 60), judged([0.0] * 800)
    assert (short.sharpe, short.rolling.state, short.state) == (None, "unknown", "healthy")
    assert long.state == "critical"


def test_trades_are_compared_with_trades() -> None:
    found = judged(np.resize([0.03, -0.05], 120), "trades")
    assert (found.state, found.unit, found.expected_mean) == ("critical", "trades", EXPECTED["trade_mean"])
    assert judged(np.resize([0.06, -0.04], 120), "trades").state == "healthy"


def test_it_is_plain_values_for_json() -> None:
    found = judged(earning(1, 60)).to_dict()
    assert set(found) >= {"state", "p", "sentence", "rolling", "sharpe", "expected_sharpe"}
    assert found["rolling"]["state"] in ("warning", "healthy")

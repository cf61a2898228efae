from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.series import walk

from thunes.errors import UsageError
from thunes.market.synthetic import generate
from thunes.model import Candles, Costs
from thunes.research.backtest import backtest
from thunes.research.gates.family import require_enumerable
from thunes.research.gates.judge import judge
from thunes.research.gates.verdict import Gate, Thresholds, Verdict
from thunes.strategies.base import Strategy, evaluate, param
from thunes.strategies.sma_cross import SmaCross

YEARS = 3
BARS = YEARS * 8_760


class Cross(Strategy):
    """A small space around the sets that trends of the synthetic market reward."""

    fast: int = param(15, "bars", first=5, last=45, step=5)
    slow: int = param(100, "bars", first=60, last=210, step=30)
    lines = SmaCross.lines
    rule = SmaCross.rule


class Never(Strategy):
    """Trades too little to be judged."""

    window: int = param(5, "bars", first=5, last=7)

    def exposure(self, candles: Candles) -> np.ndarray:
        return np.zeros(len(candles))


class Wide(Strategy):
    """More sets than can be tested."""

    one: int = param(1, "bars", first=1, last=1_001)
    other: int = param(1, "bars", first=1, last=1_000)


@pytest.fixture(scope="module")
def edge() -> Candles:
    return generate("BTCUSDT", "1h", BARS, seed=41, edge=3.0)


@pytest.fixture(scope="module")
def none() -> Candles:
    return generate("BTCUSDT", "1h", BARS, seed=42)


@pytest.fixture(scope="module")
def passed(edge: Candles) -> Verdict:
    return judge([Cross], edge)


def gate(verdict: Verdict, name: str) -> Gate:
    (found,) = (g for g in verdict.gates if g.gate.startswith(name))
    return found


def test_a_planted_edge_passes_every_gate(passed: Verdict) -> None:
    assert passed.passed
    assert gate(passed, "G1").value < 0.01
    assert passed.tested == {"cross": 54}
    assert isinstance(passed.deployed, Cross)


def test_a_market_without_edge_is_refused_by_the_gate_that_carries_the_error_rate(none: Candles) -> None:
    verdict = judge([Cross], none)
    assert not verdict.passed
    assert not gate(verdict, "G1").passed


def test_an_edge_that_died_fails_the_gate_of_recency() -> None:
    dead = generate("BTCUSDT", "1h", BARS, seed=44, edge=3.0, edge_ends="2019-12")
    verdict = judge([Cross], dead)
    assert gate(verdict, "G1").passed
    assert not gate(verdict, "G2").passed


def test_the_same_seed_gives_the_same_verdict_and_another_nearly(edge: Candles, none: Candles) -> None:
    one, again, other = (judge([Cross], none, seed=seed) for seed in (1, 1, 2))
    assert one.to_dict() == again.to_dict()
    assert gate(one, "G1").value == pytest.approx(gate(other, "G1").value, abs=0.06)


def test_a_chosen_set_is_judged_by_itself(edge: Candles, passed: Verdict) -> None:
    verdict = judge([Cross], edge, chosen={"fast": 45, "slow": 60})
    assert verdict.deployed == Cross(45, 60)
    assert gate(verdict, "G1") == gate(passed, "G1")
    assert gate(verdict, "G2") != gate(passed, "G2")
    assert verdict.figures["deployed_t"] < verdict.figures["peak_t"]
    stats = backtest(Cross(45, 60), edge).stats
    assert_allclose(verdict.figures["exposure"], stats["exposure"], rtol=0.02)
    assert_allclose(verdict.figures["round_trips"] * YEARS, stats["trades"], rtol=0.02)


def test_a_set_outside_the_space_is_refused(edge: Candles) -> None:
    with pytest.raises(UsageError, match="not in the declared space of cross"):
        judge([Cross], edge, chosen={"fast": 17, "slow": 100})


def test_one_set_of_several_strategies_is_refused(edge: Candles) -> None:
    with pytest.raises(UsageError, match="one set is judged for one strategy"):
        judge([Cross, SmaCross], edge, chosen={"fast": 15})


def test_several_strategies_are_one_space(edge: Candles, passed: Verdict) -> None:
    verdict = judge([Never, Cross], edge)
    assert verdict.deployed == passed.deployed
    assert verdict.tested == {"never": 3, "cross": 54}
    assert gate(verdict, "G1").value == gate(passed, "G1").value  # sets that never trade raise no bar


def test_what_was_tried_before_tightens_the_test(edge: Candles) -> None:
    verdict = judge([Cross], edge, tried=20)
    assert gate(verdict, "G1").threshold == pytest.approx(0.005 / 20)
    assert gate(verdict, "G1").value < 0.005 / 20  # with enough resamples to see it


def test_thresholds_are_the_callers(edge: Candles) -> None:
    limits = Thresholds(p=1e-3, recent_t=99.0, round_trips=5.0, years=3.5)
    verdict = judge([Cross], edge, limits=limits)
    assert [g.threshold for g in verdict.gates] == [3.5, 5.0, 0.05, 1e-3, 99.0, 0.0]
    assert not gate(verdict, "G2").passed
    assert not gate(verdict, "history").passed


def test_nobody_eligible_is_said_and_nothing_is_deployed(edge: Candles) -> None:
    verdict = judge([Never], edge)
    assert verdict.deployed is None
    assert not verdict.passed
    assert math.isnan(gate(verdict, "G0").value)
    assert verdict.to_dict()["gates"][1]["value"] is None


@pytest.mark.parametrize("bars", [3, 11, 300])  # 11 bars are 11 blocks: too few to look at
def test_little_history_is_not_enough_and_not_no_edge(bars: int) -> None:
    verdict = judge([Cross], walk(bars))
    assert not verdict.passed
    assert "not enough history" in gate(verdict, "history, years").meaning


def test_costs_are_what_the_market_is_judged_at(edge: Candles) -> None:
    assert not judge([Cross], edge, Costs(fee=0.02, slippage=0.01)).passed


def test_a_space_too_large_to_test_is_refused() -> None:
    with pytest.raises(UsageError, match="1,001,000 sets; every one is tested, up to 1,000,000"):
        require_enumerable(Wide)


@pytest.mark.parametrize(("interval", "calibrated"), [("1h", True), ("4h", False)])
def test_other_intervals_are_not_calibrated(interval: str, calibrated: Any) -> None:
    assert judge([Cross], walk(600, interval=interval)).calibrated is calibrated


def by_bar(strategy: Strategy, candles: Candles, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Position, return and cost of each bar from `first` on, from the decisions alone; whole blocks of 72 bars."""
    position = np.append(0.0, evaluate(strategy, candles)[:-1])
    returns = np.append(candles.open[1:], candles.close[-1]) / candles.open - 1
    paid = 0.0015 * np.abs(np.diff(position, prepend=0.0))
    at = slice(first, len(candles) // 72 * 72)
    return position[at], returns[at], paid[at]


def test_g2_and_g3_of_a_chosen_set_are_what_its_bars_say(edge: Candles) -> None:
    chosen = Cross(45, 60)
    verdict = judge([Cross], edge, chosen=chosen.values)
    first = 365 // 3 * 72
    last = first + (365 - 365 // 3) // 2 * 72  # the second half of what follows the first third
    position, returns, paid = by_bar(chosen, edge, last)
    profit = (position - position.mean()) * (returns - returns.mean()) - paid
    blocks = profit.reshape(-1, 72).sum(axis=1)
    assert gate(verdict, "G2").value == pytest.approx(blocks.mean() / blocks.std(ddof=1) * np.sqrt(blocks.size))
    net = [
        (position * returns - paid).sum() / (position.size / 8760)
        for position, returns, paid in (by_bar(chosen, edge, begin) for begin in (0, first))
    ]
    assert gate(verdict, "G3").value == pytest.approx(min(net))


def test_what_is_called_out_of_sample_is_the_walk_forward_also_for_a_chosen_set(edge: Candles, passed: Verdict) -> None:
    verdict = judge([Cross], edge, chosen={"fast": 45, "slow": 60})
    assert verdict.walk == passed.walk
    assert verdict.figures["sharpe_out_of_sample"] == passed.figures["sharpe_out_of_sample"]
    assert verdict.terms.asked_for
    assert not passed.terms.asked_for


def test_cheaper_costs_than_were_calibrated_are_said(edge: Candles) -> None:
    assert judge([Cross], edge[:2_000]).terms.uncalibrated == ""
    for terms in ({"costs": Costs(fee=0.0)}, {"fill": "next_close"}, {"limits": Thresholds(p=0.5)}):
        assert "was not measured" in judge([Cross], edge[:2_000], **terms).terms.uncalibrated  # type: ignore[arg-type]

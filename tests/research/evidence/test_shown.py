from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats
from tests.series import bars, walk

from thunes.errors import UsageError
from thunes.model import Costs
from thunes.research.backtest import backtest
from thunes.research.evidence.deflated import expected_maximum_sharpe
from thunes.research.evidence.shown import Shown, block_sharpes, positions_against_market, shown
from thunes.research.sweep import SweepResult, sweep

GRID = {"fast": range(5, 25, 2), "slow": range(20, 80, 5)}
CHOSEN = {"fast": 9, "slow": 40}


@pytest.fixture(scope="module")
def result() -> SweepResult:
    return sweep("sma_cross", walk(24 * 120, 7), Costs(0.001, 0.0), block_length=72, **GRID)


@pytest.fixture(scope="module")
def found(result: SweepResult) -> dict[str, Shown]:
    return {each.name: each for each in shown(result, CHOSEN)}


def test_everything_says_what_it_means_and_why_it_is_no_gate(found: dict[str, Shown]) -> None:
    assert len(found) == 14
    for each in found.values():
        assert each.meaning
        assert each.why_no_gate.endswith(".")
        assert each.text
    named = json.dumps([each.to_dict() for each in found.values()], allow_nan=False)
    assert all(each["gate"] is False for each in json.loads(named))


def test_the_ratios_are_of_returns_per_block_after_costs(result: SweepResult, found: dict[str, Shown]) -> None:
    held = backtest("sma_cross", result.candles, Costs(0, 0), **CHOSEN).exposure
    moves = np.append(result.candles.open[1:], result.candles.close[-1]) / result.candles.open - 1
    position = np.append(0.0, held[:-1])
    paid = 0.001 * np.abs(np.diff(np.append(0.0, position)))
    blocks = (position * moves - paid).reshape(-1, 72).sum(axis=1)
    ratio, n = blocks.mean() / blocks.std(ddof=1), blocks.size
    spread = 1 - stats.skew(blocks) * ratio + (stats.kurtosis(blocks) + 2) / 4 * ratio**2
    expected = stats.norm.cdf(ratio * math.sqrt((n - 1) / spread))
    assert found["Probabilistic Sharpe ratio"].value == pytest.approx(expected, rel=1e-9)


def test_the_hurdle_is_named_and_is_that_of_the_spread_over_all_sets(
    result: SweepResult, found: dict[str, Shown]
) -> None:
    assert result.blocks is not None
    net = result.blocks.gross - 0.001 * result.blocks.switches
    trials = net.mean(axis=1) / net.std(axis=1, ddof=1)
    hurdle = expected_maximum_sharpe(trials.var(ddof=1), len(result)) * math.sqrt(365 / 3)
    assert f"above {hurdle:.2f} a year: the best to expect of {len(result)} " in found["Deflated Sharpe ratio"].meaning


def test_searching_makes_the_same_ratio_worth_less(found: dict[str, Shown]) -> None:
    names = ("Deflated Sharpe ratio", "Probabilistic Sharpe ratio")
    deflated, plain = (found[name].value for name in names)
    assert deflated < plain  # type: ignore[operator]


def test_stress_and_intervals_are_those_of_the_backtest(result: SweepResult, found: dict[str, Shown]) -> None:
    once = backtest("sma_cross", result.candles, Costs(0.001, 0.0), **CHOSEN)
    dear = backtest("sma_cross", result.candles, Costs(0.003, 0.0), **CHOSEN)
    assert found["Sharpe ratio at 3 × costs"].value == pytest.approx(dear.stats["sharpe"], rel=1e-9)
    low, high = found["Total return, 95 %"].value  # type: ignore[misc]
    assert low < once.stats["total_return"] < high


def test_random_entries_hold_from_the_fill_on(result: SweepResult, found: dict[str, Shown]) -> None:
    once = backtest("sma_cross", result.candles, Costs(0, 0), **CHOSEN)
    entries = positions_against_market(result.candles, once.exposure, "next_open")
    assert result.blocks is not None
    row = int(np.flatnonzero((result.parameters["fast"] == 9) & (result.parameters["slow"] == 40))[0])
    assert entries.profit == pytest.approx(result.blocks.gross[row].sum(), rel=1e-9)
    assert found["Random entries"].value == entries.p_value


def test_a_set_that_never_trades_has_undefined_figures_and_no_error() -> None:
    still = sweep("sma_cross", bars([[100.0] * 4] * 24 * 60), block_length=72, **GRID)
    figures = {each.name: each for each in shown(still, CHOSEN)}
    undefined = {name for name, each in figures.items() if each.text == "–"}
    assert {"Deflated Sharpe ratio", "Minimum track record", "Sharpe ratio at 2 × costs", "Plateau"} <= undefined
    assert json.dumps([each.to_dict() for each in figures.values()], allow_nan=False)


def test_a_ratio_without_variance_is_nan() -> None:
    assert np.isnan(block_sharpes(np.zeros((2, 10)))).all()


def test_it_needs_blocks_and_one_of_the_sets(result: SweepResult) -> None:
    with pytest.raises(UsageError, match="no block sums"):
        shown(sweep("sma_cross", result.candles, **GRID), CHOSEN)
    with pytest.raises(UsageError, match="is no set of this sweep"):
        shown(result, {"fast": 10, "slow": 40})

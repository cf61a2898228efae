"""The instrument that measures the gates is itself in order."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks.calibration import run
from benchmarks.calibration.markets import EDGELESS, KINDS, Market, reverting, stray_of
from benchmarks.calibration.tables import cells, limits, show, upper_bound

from thunes.model import Costs

REAL = np.random.default_rng(0).normal(1e-4, 0.01, 3_000)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    # Clopper and Pearson (1934) as tabulated: 2 of 10, 5 of 20; and none of 30 by its closed form
    [(2, 10, 0.0252, 0.5561), (5, 20, 0.0866, 0.4910), (0, 30, 0.0, 1 - 0.025 ** (1 / 30))],
)
def test_limits_are_clopper_and_pearsons(hits: int, trials: int, low: float, high: float) -> None:
    assert limits(hits, trials) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("hits", "trials"), [(0, 299), (1, 473), (2, 628), (3, 773)])
def test_so_many_markets_prove_one_percent(hits: int, trials: int) -> None:
    assert upper_bound(hits, trials) <= 0.01 < upper_bound(hits, trials - 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_market_is_known_by_its_seed(kind: str) -> None:
    strength = 0.0 if kind in EDGELESS or kind == "synthetic" else 2.0
    years = 1.5 if kind == "dead" else 0.1
    one, again, other = (Market(kind, seed, years, strength).candles(REAL) for seed in (3, 3, 4))
    assert len(one) == round(years * 8760)
    assert one.fingerprint() == again.fingerprint()
    assert not np.array_equal(one.close, other.close)


@pytest.mark.parametrize("kind", ["normal", "student", "garch", "zero_cost"])
def test_a_fair_market_has_returns_of_mean_zero(kind: str) -> None:
    close = Market(kind, 1, 5.0).candles(REAL).close
    returns = close[1:] / close[:-1] - 1
    assert abs(returns.mean()) < 4 * returns.std() / np.sqrt(returns.size)
    assert returns.std() == pytest.approx(0.007, rel=0.25)


def test_only_the_free_market_is_free() -> None:
    assert Market("zero_cost", 1).costs == Costs(0.0, 0.0)
    assert Market("normal", 1).costs == Costs()


def test_a_price_that_strays_comes_back() -> None:
    def correlation(stray: float) -> float:
        returns = reverting(np.random.default_rng(5), 24 * 8_000, stray).reshape(-1, 24).sum(axis=1)
        return float(np.corrcoef(returns[:-1], returns[1:])[0, 1])

    assert abs(correlation(0.0)) < 0.03
    assert correlation(1.0) < -0.05
    assert 0.9 < stray_of(2.0) < 1.1


def test_a_decision_is_a_line_that_says_everything() -> None:
    run._real = REAL
    line = json.loads(json.dumps(run.decide(Market("normal", 1, 0.5), "macd_trend")))
    assert not line["passed"]
    assert set(line["gates"]) == {"hi", "G0", "G1", "G2", "G3"}


def test_tables_pool_all_markets_without_an_edge(own_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def row(kind: str, strength: float, *, passed: bool) -> dict[str, object]:
        gates = {gate: [0.0, passed] for gate in ("G1", "G2", "G3")}
        return {"space": "s", "kind": kind, "strength": strength, "years": 3.0, "passed": passed, "gates": gates}

    rows = [row("normal", 0, passed=False), row("garch", 0, passed=True), row("trend", 2, passed=True)]
    found = {(cell["kind"], cell["sharpe"]): (cell["promoted"], cell["markets"]) for cell in cells(rows)}
    assert found == {("garch", 0): (1, 1), ("normal", 0): (0, 1), ("trend", 2): (1, 1), ("all without edge", 0): (1, 2)}
    show(rows, own_folder)
    assert "all without edge" in capsys.readouterr().out
    assert len(json.loads((own_folder / "calibration.json").read_text())["cells"]) == 4
    assert "Plotly" in (own_folder / "power.html").read_text()

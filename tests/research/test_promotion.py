from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from tests.research.gates.test_judge import BARS, Cross, Never

from thunes.errors import DataError, GateRefused, UsageError
from thunes.kernels import simulation
from thunes.market.synthetic import generate
from thunes.model import Candles, Costs, Float1D
from thunes.research.backtest import backtest
from thunes.research.gates.judge import judge
from thunes.research.gates.verdict import Verdict
from thunes.research.promotion import (
    Promotion,
    Walked,
    consider,
    expected,
    leak_check,
    read_study,
    refusal,
    require_fitting,
    walk,
)
from thunes.strategies.base import Strategy, evaluate, param
from thunes.strategies.registry import source_hash


class Peeks(Strategy):
    """Knows the next close."""

    window: int = param(5, "bars", first=5, last=6)

    def exposure(self, candles: Candles) -> Float1D:
        return np.append(candles.close[1:] > candles.close[:-1], False).astype(float)


@pytest.fixture(scope="module")
def edge() -> Candles:
    return generate("BTCUSDT", "1h", BARS, seed=41, edge=3.0)


@pytest.fixture(scope="module")
def promotion(edge: Candles) -> Promotion:
    return consider([Cross], edge)


def test_an_edge_becomes_an_artefact_that_says_where_it_is_from(promotion: Promotion, edge: Candles) -> None:
    assert refusal(promotion.verdict) == ""
    artefact = promotion.artefact("tests.py:Cross", "sim", notes=["a note"])
    assert artefact.parameters == promotion.verdict.deployed.values  # type: ignore[union-attr]
    assert artefact.anchor == edge.open_time[0]
    assert artefact.provenance["candles"]["source"] == edge.source
    assert artefact.is_synthetic
    assert [g["gate"][:2] for g in artefact.gates] == ["le", "hi", "G0", "G0", "G1", "G2", "G3"]
    assert artefact.notes == ["a note"]
    deployed = backtest(promotion.verdict.deployed, edge)  # type: ignore[arg-type]
    assert artefact.in_sample["sharpe"] == deployed.stats["sharpe"]


def test_the_walk_follows_what_was_chosen_and_pays_for_changes(edge: Candles) -> None:
    verdict = judge([Cross], edge)
    walked, first = walk(verdict, edge, Costs(), "next_open"), verdict.walk[0][0]
    assert walked.candles.open_time[0] == edge.open_time[first]
    assert first % 72 == 0
    target = np.zeros(len(edge))
    ends = [bar for bar, _ in verdict.walk[1:]] + [len(edge)]
    for (begin, chosen), end in zip(verdict.walk, ends, strict=True):
        assert chosen is not None
        target[begin:end] = evaluate(chosen, edge[:end])[begin:end]  # cut off: nothing after the piece is known
    assert_array_equal(walked.simulation.equity, simulation.run(edge[first:], target[first:], Costs()).equity)


def test_what_is_expected_is_of_the_walk(promotion: Promotion, edge: Candles) -> None:
    walked = walk(promotion.verdict, edge, Costs(), "next_open")
    later, equity = walked.candles, walked.simulation.equity
    daily = equity[23::24]  # it begins at midnight
    found = expected(walked)
    returns = daily / np.append(10_000.0, daily[:-1]) - 1
    assert found["daily_mean"] == pytest.approx(returns.mean(), rel=0.01)
    assert found["daily_mean"] / found["daily_deviation"] * np.sqrt(365) == pytest.approx(
        promotion.out_of_sample["sharpe"], rel=0.2
    )
    assert found["trades_per_year"] * len(later) / 8760 == promotion.out_of_sample["trades"]


def test_an_account_that_never_trades_is_expected_to_do_nothing_known(edge: Candles) -> None:
    still = simulation.run(edge[:24], np.zeros(24), Costs())
    found = expected(Walked(edge[:24], still))
    assert found["trades_per_year"] == 0
    assert np.isnan(found["trade_mean"])
    assert np.isnan(found["daily_deviation"])


def test_a_strategy_that_peeks_fails_the_leak_check(edge: Candles) -> None:
    found = verdict(edge, Cross(), Cross(10, 90), [Cross(15, 90)])
    assert leak_check(found, edge[:500]).passed
    for peeking in (
        replace(found, deployed=Peeks()),
        replace(found, best=Peeks()),
        replace(found, walk=((0, Peeks()),)),
    ):
        gate = leak_check(peeking, edge[:500])
        assert not gate.passed
        assert gate.meaning.startswith("Peeks(window=5): bar ")


def verdict(edge: Candles, deployed: Strategy, best: Strategy, walked: list[Strategy]) -> Verdict:
    found = judge([Never], edge[:3_000])
    return replace(found, deployed=deployed, best=best, walk=tuple((0, chosen) for chosen in walked))


def test_a_refusal_names_every_gate_that_failed() -> None:
    none = generate("BTCUSDT", "1h", BARS, seed=42)
    found = consider([Cross], none)
    text = refusal(found.verdict)
    assert text.startswith("refused: ")
    assert "G1 p of superior timing" in text
    assert "leak check" not in text


def test_without_an_eligible_set_there_is_nothing_to_deploy(edge: Candles) -> None:
    found = consider([Never], edge)
    assert "G0" in refusal(found.verdict)
    assert found.in_sample == {}


def test_other_intervals_need_an_exception(promotion: Promotion) -> None:
    verdict = replace(promotion.verdict, terms=replace(promotion.verdict.terms, interval="4h"))
    assert "on 4h candles was not measured" in refusal(verdict)
    assert refusal(verdict, accept_uncalibrated=True) == ""


def test_made_up_candles_stay_in_sim(edge: Candles) -> None:
    require_fitting(edge, "sim")
    require_fitting(edge.replace(source="binance"), "live")
    with pytest.raises(GateRefused, match="made up"):
        require_fitting(edge, "paper")


def study(strategy: str = "cross", **best: float) -> Path:
    path = Path("study.json")
    candles = {"symbol": "BTCUSDT", "interval": "1h"}
    about = {"strategy": strategy, "strategy_sha256": source_hash(Cross), "candles": candles}
    path.write_text(json.dumps({"provenance": about, "best": {"parameters": best}}))
    return path


def test_the_best_set_of_a_study_is_read_from_either_of_its_files() -> None:
    path = study(fast=20, slow=120)
    assert read_study(path, Cross).parameters == {"fast": 20, "slow": 120}
    assert read_study(path.with_suffix(".csv"), Cross).parameters == {"fast": 20, "slow": 120}


def test_a_study_of_other_code_or_another_market_is_refused(edge: Candles) -> None:
    found = read_study(study(fast=20, slow=120), Cross)
    found.require_fitting(Cross, edge)
    with pytest.raises(UsageError, match="searched BTCUSDT 1h, not ETHUSDT 1h"):
        found.require_fitting(Cross, edge.replace(symbol="ETHUSDT"))
    with pytest.raises(UsageError, match="changed since it was searched"):
        replace(found, strategy_sha256="other").require_fitting(Cross, edge)


def test_a_study_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(DataError, match=r"there is no study\.json"):
        read_study(Path("study.csv"), Cross)
    path = study("sma_cross", fast=20, slow=120)
    with pytest.raises(UsageError, match="searched sma_cross, not cross"):
        read_study(path, Cross)
    path.write_text("[]")
    with pytest.raises(DataError, match="damaged, or no study"):
        read_study(path, Cross)

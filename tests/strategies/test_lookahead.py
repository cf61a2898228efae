from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from thunes.errors import DataError, StrategyError
from thunes.model import PRICES, Candles
from thunes.strategies import lookahead, registry
from thunes.strategies.base import Strategy
from thunes.strategies.lookahead import check_lookahead, check_walk_forward

LEAKING = Path(__file__).with_name("leaking.py")
LEAKS = [
    "PeeksOneBar",
    "PeeksOnRareBars",
    "CentredWindow",
    "NormalisedByTheWholeSample",
    "BackFilledGaps",
    "BackFilledWarmUp",
    "ResampledBeforeItsClose",
    "PeeksAtVolume",
    "KnowsTheLastBar",
    "CountsFromTheEnd",
    "RemembersCalls",
]
MakeWalk = Callable[..., Candles]


def leaking(name: str) -> Strategy:
    return registry.load(f"{LEAKING}:{name}")()


@pytest.mark.parametrize("name", LEAKS)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_kind_of_leak_is_caught(name: str, seed: int, make_walk: MakeWalk) -> None:
    candles = make_walk(2000, seed)
    leak = check_lookahead(leaking(name), candles).leak
    assert leak is not None
    assert leak.open_time == candles.open_time[leak.bar]


@pytest.mark.parametrize("name", LEAKS)
def test_every_kind_of_leak_is_caught_where_not_every_bar_can_be_cut(name: str, make_walk: MakeWalk) -> None:
    assert not check_lookahead(leaking(name), make_walk(6000), cuts=500).passed


def test_the_first_leaking_bar_is_named_with_its_time_and_future(make_walk: MakeWalk) -> None:
    report = check_lookahead(leaking("PeeksOneBar"), make_walk(300))
    assert report.leak is not None
    assert report.leak.bar == 0
    assert str(report).startswith("look-ahead PeeksOneBar(): failed: bar 0 (2020-09-13 12:00 UTC) says ")
    assert "prices after bar 0" in str(report)


def test_a_strategy_that_does_not_repeat_itself_is_called_that(make_walk: MakeWalk) -> None:
    leak = check_lookahead(leaking("RemembersCalls"), make_walk(300)).leak
    assert leak is not None
    assert leak.future == "the same candles again"


def test_a_rare_leak_is_named_at_a_rare_bar(make_walk: MakeWalk) -> None:
    candles = make_walk(2000)
    leak = check_lookahead(leaking("PeeksOnRareBars"), candles).leak
    assert leak is not None
    assert candles.volume[leak.bar] > 10 * candles.volume[: leak.bar].mean()


@pytest.mark.parametrize("name", ["HonestHigherInterval", "HonestShift"])
def test_an_honest_strategy_on_plain_numpy_passes(name: str, make_walk: MakeWalk) -> None:
    assert check_lookahead(leaking(name), make_walk(1200)).passed
    assert check_walk_forward(leaking(name), make_walk(1200)).passed


@pytest.mark.parametrize("name", registry.names())
def test_no_false_alarm_over_built_in_strategies_and_real_candles(name: str, real_candles: Candles) -> None:
    strategy, candles = registry.load(name)(), real_candles[-1000:]
    assert check_lookahead(strategy, candles, cuts=300).passed
    assert check_walk_forward(strategy, candles).passed


@pytest.mark.parametrize("name", ["KnowsTheLastBar", "CountsFromTheEnd", "RemembersCalls", "CentredWindow"])
def test_a_walk_that_differs_from_the_whole_is_caught(name: str, make_walk: MakeWalk) -> None:
    report = check_walk_forward(leaking(name), make_walk(2000))
    assert report.leak is not None
    assert report.check == "walk-forward"


def test_the_futures_leave_the_past_as_it_was_and_change_what_follows(make_walk: MakeWalk) -> None:
    candles = make_walk(400)
    whole = np.zeros(400)
    trials = list(lookahead._trials(candles, whole, 400))
    assert {future.partition(" after")[0] for future, _, _ in trials} >= {*lookahead.FUTURES, "nothing"}
    for future, known, variant in trials[1:]:
        for name in (*PRICES, "volume"):
            ours, theirs = getattr(candles, name), getattr(variant, name)
            np.testing.assert_array_equal(ours[: known + 1], theirs[: known + 1], err_msg=future)
        assert variant.fingerprint() != candles.fingerprint() or future.startswith("shuffled")


def test_new_decisions_are_cut_first_where_not_every_bar_can_be(make_walk: MakeWalk) -> None:
    candles = make_walk(20_000)
    whole = np.zeros(20_000)
    whole[7_001:7_004] = 1.0
    cuts = lookahead._cuts(candles, whole, 500)
    assert {7_000, 7_001, 7_003, 7_004} <= {*cuts.tolist()}
    assert cuts.size <= 500
    assert np.diff(cuts).max() < 100


def test_one_candle_has_no_future(make_walk: MakeWalk) -> None:
    for check in (check_lookahead, check_walk_forward):
        with pytest.raises(DataError, match="E-DATA-SHORT"):
            check(leaking("HonestShift"), make_walk(1))


def test_too_few_candles_for_a_strategy_is_said_at_once(make_walk: MakeWalk) -> None:
    with pytest.raises(DataError, match="slow=50"):
        check_lookahead(registry.load("sma_cross")(), make_walk(49))


class Overdrawn(Strategy):
    """Twice the equity."""

    def exposure(self, candles: Candles) -> np.ndarray:
        return np.full(len(candles), 2.0)


def test_a_broken_output_contract_is_an_error_and_no_leak(make_walk: MakeWalk) -> None:
    with pytest.raises(StrategyError, match="exposure is 2 at bar 0"):
        check_lookahead(Overdrawn(), make_walk(100))

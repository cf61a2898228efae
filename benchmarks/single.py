"""One backtest at a time: ours in its parts, and as many a second as each peer makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import thunes as th
from benchmarks.measure import timed
from benchmarks.peers import FAST, SLOW, backtesting_call, backtrader_call
from benchmarks.rows import Goal, Row
from benchmarks.setting import COSTS, Setting
from thunes.kernels import simulation
from thunes.research.backtest import stats_of
from thunes.strategies.base import evaluate
from thunes.strategies.sma_cross import SmaCross

ONE = f"One backtest, sma_cross({FAST}, {SLOW})"
NEAR = 2e-3  # how far a peer's total return may be from ours: each rounds, warms up or pays in its own way


def single(setting: Setting) -> Iterator[Row]:
    """Exposure, simulation and all sixteen figures; the same as a user calls it; the peers."""
    candles, strategy = setting.recent, SmaCross(fast=FAST, slow=SLOW)
    repeats = 20 * setting.repeats

    def engine() -> dict[str, float]:
        return stats_of(simulation.run(candles, evaluate(strategy, candles), COSTS), candles)

    def whole() -> dict[str, float]:
        return th.backtest(strategy, candles, COSTS).stats

    for case, call in (("exposure, simulation, 16 figures", engine), ("th.backtest(…).stats", whole)):
        timing = timed(call, repeats)
        facts = {"backtests_per_second": 1 / timing.median}
        yield Row(
            ONE, case, timing.median * 1e3, "ms", timing, bars=len(candles), goal=Goal(1, least=False), facts=facts
        )
    if setting.peers:
        yield _peer(setting, "backtesting.py", backtesting_call(candles, COSTS), whole)
        yield _peer(setting, "backtrader", backtrader_call(candles, COSTS), whole)


def _peer(setting: Setting, name: str, call: Callable[[], float], ours: Callable[[], dict[str, float]]) -> Row:
    apart = call() - ours()["total_return"]
    if abs(apart) > NEAR:
        raise ValueError(f"{name}'s total return is {apart:+.4f} from ours: not the same work")
    timing, own = timed(call, max(1, setting.repeats // 5)), timed(ours, setting.repeats)
    note = f"{1 / timing.median:,.0f} a second, ours {1 / own.median:,.0f}; returns {apart:+.0e} apart"
    facts = {"backtests_per_second": 1 / timing.median, "return_apart": apart}
    ratio = timing.median / own.median
    return Row(
        ONE, name, ratio, "× ours", own, bars=len(setting.recent), peer=name, peer_timing=timing, note=note, facts=facts
    )

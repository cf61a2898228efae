"""Whether a promoted strategy still earns what its artefact promises: a test that may be looked at every day.

*The test.* The claim is that, whatever happened before, the next week has at least the expected mean (weeks are sums of
seven daily returns; trades are taken one by one). Against it a gambler bets a fixed fraction of his wealth each time on
less than that: wealth · (1 + bet · (mean − return)). If the claim is true the game is not in his favour, so the chance
that one unit of money ever becomes 1/a is at most a (Ville 1939), at whichever moment one looks, whatever the
volatility, as long as no week is far out on the good side (`REACH`, below). His money is spread over three sizes of
bet; half of it plays from the first day, the rest enters bit by bit with hyperbolic weights, so that an edge that dies
years later is seen as well. p is one over the greatest wealth so far. Sources: Waudby-Smith and Ramdas (2024), J. R.
Stat. Soc. B 86(1), for the bets; Shin, Ramdas and Rinaldo (2023), New England J. Stat. Data Sci. 2(2), for the mixture
over the time of change.

*What it promises.* Of strategies that keep their promise at most one in five is ever called a warning by the test, at
most one in twenty ever critical, in their whole life. Simulated over five years: 8.9 % and 1.4 % of normal returns, of
Student's t(3) and of GARCH. It needs three things. No week above the mean by more than `REACH` expected deviations:
beyond, a bet is lost whole, and the bound holds to the extent that such weeks are rare. A mean that does not follow
from the weeks before; that of a trend rule does a little: of sma_cross on synthetic markets with an edge of Sharpe 2,
16 % and 4.0 % were called in three years (bets on single days: 33 % and 14 %, hence the weeks). And an expected mean
that is true: estimated from two years at Sharpe 2, it makes 21 % and 10 % in five years, 2.4 % and 0.2 % in one.

*What it cannot do.* Luck hides decay for long. What counts is how much Sharpe ratio is lost. Simulated with normal
returns, lost from the first day: 3 is half the time a warning by day 294 and critical by day 476; 2 (an edge of Sharpe
2 that became 0) by day 462 and 770; 1 by day 1,092, and mostly not critical in five years. Lost after a good year, it
takes 41, 69 and 188 days longer to the warning.

*Beside it* stands the plain Sharpe ratio of the last `WINDOW` returns with the usual limits. It alone calls a healthy
strategy critical again and again, hence it never makes more than a warning, and says how often luck alone does as much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from thunes.model import DAY_MS, YEAR_MS, Float1D
from thunes.ops.realised import Realised, Unit

State = Literal["healthy", "warning", "critical", "unknown"]

WARNING, CRITICAL = 0.2, 0.05  # the share of healthy strategies that the test may ever call so
REACH = 5.0  # expected deviations that a bet's return may lie above its mean
BETS = (0.25, 0.5, 1.0)  # of the greatest bet, 1 / (REACH · deviation)
AT_ONCE = 0.5  # of the money that plays from the first return
ENOUGH_DAYS, ENOUGH_TRADES = 30, 20
DAYS_A_YEAR = YEAR_MS / DAY_MS
TOGETHER: dict[Unit, int] = {"days": 7, "trades": 1}  # returns that one bet is on
WINDOW: dict[Unit, int] = {"days": 90, "trades": 50}
SHARPE_WARNING, SHARPE_CRITICAL = 1.0, 0.5
FIELDS: dict[Unit, tuple[str, str]] = {
    "days": ("daily_mean", "daily_deviation"),
    "trades": ("trade_mean", "trade_deviation"),
}


@dataclass(frozen=True)
class Promise:
    """What an artefact expects of one return, as fractions, and how many there are in a year."""

    mean: float
    deviation: float
    per_year: float

    def over(self, count: int) -> Promise:
        """The same of the sum of so many returns."""
        return Promise(count * self.mean, math.sqrt(count) * self.deviation, self.per_year / count)

    @property
    def sharpe(self) -> float:
        """Annualised."""
        return self.mean / self.deviation * math.sqrt(self.per_year)


@dataclass(frozen=True)
class Rolling:
    """The plain Sharpe ratio of the last returns, annualised; None where undefined.

    `by_luck` is the share of such windows in which a strategy that keeps its promise shows as little or less, by the
    leading term of the error that Lo (2002), Financial Analysts Journal 58(4), gives for independent returns.
    """

    sharpe: float | None
    returns: int
    state: State
    by_luck: float | None


@dataclass(frozen=True)
class Decay:
    """A verdict. `p` is how surprising the shortfall is (see above), None where nothing can be said; means are
    fractions per return, Sharpe ratios annualised; `sentence` says it in words."""

    state: State
    sentence: str
    p: float | None
    unit: Unit
    returns: int
    days: float
    trades: int | None
    mean: float | None
    expected_mean: float | None
    sharpe: float | None
    expected_sharpe: float | None
    rolling: Rolling

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class PerformanceTracker:
    """Compares results with what an artefact expects (its field `expected`)."""

    expected: Mapping[str, float | None]

    def judge(self, realised: Realised) -> Decay:
        """The verdict on results since the promotion; `unknown` where they are too few or nothing was promised."""
        promise = self.promise(realised.unit)
        why_not = _nothing_to_say(realised, promise)
        p = None if why_not or promise is None else p_value(realised.returns, promise, TOGETHER[realised.unit])
        rolling = _rolling(realised, promise)
        state = _state(p, rolling)
        return Decay(
            state=state,
            sentence=why_not or _sentence(state, 1.0 if p is None else p, rolling),
            p=p,
            unit=realised.unit,
            returns=realised.returns.size,
            days=realised.days,
            trades=realised.trades,
            mean=float(realised.returns.mean()) if realised.returns.size else None,
            expected_mean=promise.mean if promise else None,
            sharpe=_sharpe(realised.returns, _per_year(realised, promise)),
            expected_sharpe=promise.sharpe if promise else None,
            rolling=rolling,
        )

    def promise(self, unit: Unit) -> Promise | None:
        """What is expected of a day or of a trade; None where it is undefined."""
        mean, deviation = (self.expected.get(name) for name in FIELDS[unit])
        per_year = DAYS_A_YEAR if unit == "days" else self.expected.get("trades_per_year")
        if mean is None or not deviation or not per_year:
            return None
        return Promise(mean, deviation, per_year)


def p_value(returns: Float1D, promise: Promise, together: int = 1) -> float:
    """How surprising it is that returns, float64[n], fall this far short of a promise: 1 not at all.

    The bets are on the sums of so many of them together; those of an unfinished sum do not count yet.
    """
    return float(1.0 / wealth(summed(returns, together), promise.over(together)).max(initial=1.0))


def summed(returns: Float1D, count: int) -> Float1D:
    """Sums of so many returns, one after the other, along the last axis; what is left over at the end is left out."""
    whole = returns.shape[-1] // count
    sums: Float1D = returns[..., : whole * count].reshape(*returns.shape[:-1], whole, count).sum(axis=-1)
    return sums


def wealth(returns: Float1D, promise: Promise) -> Float1D:
    """The gambler's wealth after each return: shape (…, n) as the returns, in time order along the last axis.

    It begins at 1 and is at least what has not entered the game yet.
    """
    bets = np.array(BETS) / (REACH * promise.deviation)
    playing = np.full((*returns.shape[:-1], bets.size), AT_ONCE)
    out = np.empty_like(returns)
    for t in range(returns.shape[-1]):
        playing += _waiting(t, promise.per_year) - _waiting(t + 1, promise.per_year)
        playing *= np.maximum(0.0, 1.0 + bets * (promise.mean - returns[..., t, None]))
        out[..., t] = _waiting(t + 1, promise.per_year) + playing.mean(axis=-1)
    return out


def _waiting(t: int, per_year: float) -> float:
    """The money that has not entered the game before return t; half of it does in the first year."""
    return (1.0 - AT_ONCE) * per_year / (per_year + t)


def _nothing_to_say(realised: Realised, promise: Promise | None) -> str:
    """Why there can be no verdict; empty where there can."""
    few_days, few_trades = realised.days < ENOUGH_DAYS, (realised.trades or 0) < ENOUGH_TRADES
    if few_days or (few_trades and realised.trades is not None):
        counted = "" if realised.trades is None else f" and {realised.trades} closed trades"
        needed = f"{ENOUGH_DAYS} days" + (f" and {ENOUGH_TRADES} trades" if counted else "")
        return f"Too early to say: {realised.days:.0f} days{counted}; at least {needed} are needed."
    return "" if promise else f"Nothing to compare with: the artefact expects no mean and deviation of {realised.unit}."


def _state(p: float | None, rolling: Rolling) -> State:
    if p is None:
        return "unknown"
    if p <= CRITICAL:
        return "critical"
    return "warning" if p <= WARNING or rolling.state in ("warning", "critical") else "healthy"


def _sentence(state: State, p: float, rolling: Rolling) -> str:
    rare = (
        f"of strategies that keep their promise at most 1 in {math.floor(1 / max(p, 1e-9)):,} ever falls this far short"
    )
    if state == "critical":
        return f"The edge has decayed, as far as can be told: {rare}."
    if p <= WARNING:
        return f"It falls short: {rare}."
    if state == "warning":
        limit = SHARPE_CRITICAL if rolling.state == "critical" else SHARPE_WARNING
        luck = f"luck alone does that in {100 * (rolling.by_luck or 0.0):.0f} % of such windows"
        return f"No proof of decay: the last {rolling.returns} returns have a Sharpe ratio under {limit}; {luck}."
    return "No sign of decay."


def _rolling(realised: Realised, promise: Promise | None) -> Rolling:
    last = realised.returns[-WINDOW[realised.unit] :]
    per_year = _per_year(realised, promise)
    enough = ENOUGH_DAYS if realised.unit == "days" else ENOUGH_TRADES
    sharpe = _sharpe(last, per_year) if last.size >= enough else None
    if sharpe is None:
        return Rolling(None, last.size, "unknown", None)
    state: State = "critical" if sharpe < SHARPE_CRITICAL else "warning" if sharpe < SHARPE_WARNING else "healthy"
    return Rolling(sharpe, last.size, state, _by_luck(sharpe, last.size, promise) if promise else None)


def _by_luck(sharpe: float, count: int, promise: Promise) -> float:
    error = math.sqrt(promise.per_year / count)
    return 0.5 * math.erfc((promise.sharpe - sharpe) / error / math.sqrt(2.0))


def _per_year(realised: Realised, promise: Promise | None) -> float | None:
    return DAYS_A_YEAR if realised.unit == "days" else promise.per_year if promise else None


def _sharpe(returns: Float1D, per_year: float | None) -> float | None:
    """Annualised Sharpe ratio, ddof 1; None where undefined."""
    if per_year is None or returns.size < 2:
        return None
    if float(np.ptp(returns)) == 0.0:
        return None
    return float(returns.mean() / returns.std(ddof=1)) * math.sqrt(per_year)

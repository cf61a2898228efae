"""Whether the trader does what the backtest said: order for order, and the money to the last cause.

Both get the same candles from the same anchor, all of the same cash, and no limits of risk. The backtest's accounting
is then walked again and again, each time with one more thing as the trader had it; what each adds is that cause's
share, and the last walk must end where the exchange says that the account stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from thunes.clock import iso
from thunes.exchange.orders import Side
from thunes.kernels.simulation import fill_bar
from thunes.model import Candles, Costs
from thunes.ops.replay import CASH, ZERO, Progress, Replay, Step, replay
from thunes.research.backtest import BacktestResult, backtest
from thunes.strategies.base import Strategy
from thunes.trading.decision import Plan
from thunes.trading.passes import fraction

CAUSES = ("orders", "price model", "fee asset", "rounding", "partial fill", "dust")
UNEXPLAINED = "unexplained"
TOLERANCE = Decimal("1e-9")  # of the notional, for what went through binary fractions
SMALLEST = Decimal("1e-8")  # of any asset: what a commission is cut to
Cause = Literal["orders", "price model", "fee asset", "rounding", "partial fill", "dust"]


@dataclass(frozen=True)
class Order:
    """An order in the bar that filled it. `wanted`: fraction of equity; `open`: the bar's; `fee`: in what it brought.

    `rest`: of what was planned, too little for a step; `cut`: what the book had not; `odd`: digits that the fee lost.
    """

    bar: int
    side: Side
    wanted: Decimal
    open: Decimal
    price: Decimal  # average of its fills
    mark: Decimal  # what the account was valued at
    quantity: Decimal = ZERO
    quote: Decimal = ZERO
    fee: Decimal = ZERO
    rest: Decimal = ZERO
    cut: Decimal = ZERO
    odd: Decimal = ZERO

    @property
    def key(self) -> tuple[int, Side]:
        return self.bar, self.side


@dataclass(frozen=True)
class Holding:
    """Cash and base of an account after an order."""

    cash: Decimal
    base: Decimal

    def worth(self, price: Decimal) -> Decimal:
        return self.cash + self.base * price


@dataclass(frozen=True)
class Parity:
    """What was compared. Prices and money are in quote; `money` is the account's difference at the end by its cause
    (trader minus backtest). `unexplained`: the largest, at any order, that no cause accounts for."""

    strategy: str
    parameters: Mapping[str, Any]
    candles: Candles
    fills: int
    matched: int
    unmatched: Mapping[str, int]  # by cause: orders that only one of the two made
    price_difference: Decimal
    price_fraction: Decimal
    money_difference: Decimal
    money: Mapping[str, Decimal]
    unexplained: Decimal
    backtest_equity: Decimal
    trader_equity: Decimal
    exact: bool  # every fill as the book had it, every balance the sum of the fills, the ledger as the exchange

    @property
    def holds(self) -> bool:
        """The same trades, and every difference explained."""
        return not self.unmatched.get(UNEXPLAINED) and self.exact and self.unexplained <= TOLERANCE * CASH

    def to_dict(self) -> dict[str, Any]:
        return {
            "strategy": self.strategy,
            "parameters": dict(self.parameters),
            "symbol": self.candles.symbol,
            "interval": self.candles.interval,
            "source": self.candles.source,
            "anchor": iso(int(self.candles.open_time[0])),
            "bars": len(self.candles),
            "holds": self.holds,
            "matched": self.matched,
            "unmatched": dict(self.unmatched),
            "fills": self.fills,
            "largest_price_difference": self.price_difference,
            "largest_price_fraction": self.price_fraction,
            "largest_money_difference": self.money_difference,
            "money_by_cause": dict(self.money),
            "unexplained": self.unexplained,
            "exact": self.exact,
            "backtest_equity": self.backtest_equity,
            "trader_equity": self.trader_equity,
        }


def parity(
    strategy: Strategy | str,
    candles: Candles,
    folder: Path,
    *,
    name: str | None = None,
    progress: Progress = lambda _done, _all: None,
) -> Parity:
    """Run a strategy through backtest and trader and compare. `folder`: an empty one for the trader's own files.

    Costs are the default ones: the local exchange's fee is theirs. Errors: those of `backtest` and `replay`.
    """
    tested = backtest(strategy, candles, Costs())
    called = name or (strategy if isinstance(strategy, str) else type(tested.strategy).__name__)
    return compare(tested, replay(tested.strategy, called, candles, folder, progress), called)


def compare(tested: BacktestResult, driven: Replay, name: str) -> Parity:
    """What the two have in common, and where each difference comes from."""
    fee = Decimal(repr(tested.costs.fee))
    theirs = _orders_of(tested)
    ours = list(_made(tested, driven, fee))
    closes = [Decimal(repr(float(close))) for close in tested.candles.close]
    walks = [_walk(theirs, closes, fee, tested, frozenset())]
    walks += [_walk(ours, closes, fee, tested, frozenset(CAUSES[: upto + 1])) for upto in range(len(CAUSES))]
    real = _real(ours, closes)
    ends = [walk[-1] for walk in walks]
    equity = [Decimal(repr(float(value))) for value in tested.simulation.equity]
    gaps = [abs(one - two) for one, two in zip(walks[-1], real, strict=True)]
    gaps += [abs(one - two) for one, two in zip(walks[0], equity, strict=True)]
    prices = _price_differences(theirs, ours)
    account = Holding(driven.quote, driven.base).worth(closes[-1])
    summed = _held(ours)
    return Parity(
        strategy=name,
        parameters=tested.strategy.values,
        candles=tested.candles,
        fills=sum(len(step.done.fills) for step in driven.steps),
        matched=sum((Counter(one.key for one in theirs) & Counter(one.key for one in ours)).values()),
        unmatched=_unmatched(theirs, ours, driven.steps),
        price_difference=max((abs(ours - theirs) for ours, theirs in prices), default=ZERO),
        price_fraction=max((abs(ours - theirs) / theirs for ours, theirs in prices), default=ZERO),
        money_difference=max(abs(one - two) for one, two in zip(real, equity, strict=True)),
        money={cause: after - before for cause, before, after in zip(CAUSES, ends, ends[1:], strict=False)},
        unexplained=max(*gaps, abs(account - real[-1])),
        backtest_equity=equity[-1],
        trader_equity=account,
        exact=driven.reconciled
        and all(step.booked for step in driven.steps)
        and (summed.cash, summed.base) == (driven.quote, driven.base),
    )


# The orders of both


def _orders_of(tested: BacktestResult) -> list[Order]:
    """The backtest's, in time order."""
    found = []
    for row in tested.simulation.orders:
        bar, size = int(row[0]), float(row[1])
        wanted, opened = _wanted(tested, bar), Decimal(repr(float(tested.candles.open[bar])))
        price = Decimal(repr(float(row[2])))
        found.append(Order(bar, "BUY" if size > 0 else "SELL", wanted, opened, price, opened))
    return found


def _wanted(tested: BacktestResult, bar: int) -> Decimal:
    """The fraction that an order of a bar goes for: the decision of the bar before."""
    return fraction(tested.exposure[bar - fill_bar(0)])


def _made(tested: BacktestResult, driven: Replay, fee: Decimal) -> Iterable[Order]:
    """The trader's, with what was lost on the way to each."""
    held = Holding(CASH, ZERO)
    for step in driven.steps:
        done = step.done
        if done.order is None or not done.fills:
            continue
        fills = [one.fill for one in done.fills]
        quantity, quote = sum((one.quantity for one in fills), ZERO), sum((one.quote for one in fills), ZERO)
        price, paid = quote / quantity, sum((one.commission for one in fills), ZERO)
        order = Order(
            bar=step.bar,
            side=fills[0].side,
            wanted=done.exposure,
            open=Decimal(repr(float(tested.candles.open[step.bar]))),
            price=price,
            mark=(done.equity - held.cash) / held.base if held.base else price,
            quantity=quantity,
            quote=quote,
            fee=paid,
        )
        order = _losses(order, done.plan, done.order.intent.ticket.quantity, done.order.status == "FILLED", driven)
        odd = paid - fee * (quantity if order.side == "BUY" else quote)
        order = replace(order, odd=odd if abs(odd) <= SMALLEST * len(fills) else ZERO)
        held = _after(held, order)
        yield order


def _losses(order: Order, plan: Plan, asked: Decimal | None, filled: bool, driven: Replay) -> Order:
    """What rounding, dust and a thin book took; nothing of it is more than each can take."""
    step = driven.rules.market_lot.step or driven.rules.lot.step
    if order.side == "BUY":
        missing = (plan.quote or ZERO) - order.quote
        if 0 <= missing <= step * order.price * Decimal("1.01"):
            return replace(order, rest=missing)
        return order if filled else replace(order, cut=missing)
    rest = (plan.quantity or ZERO) - (asked or ZERO)
    cut = (asked or ZERO) - order.quantity
    return replace(order, rest=rest if abs(rest) < step else ZERO, cut=ZERO if filled else cut)


def _after(held: Holding, order: Order) -> Holding:
    """An account after what an order really did."""
    if order.side == "BUY":
        return Holding(held.cash - order.quote, held.base + order.quantity - order.fee)
    return Holding(held.cash + order.quote - order.fee, held.base - order.quantity)


def _held(orders: Iterable[Order]) -> Holding:
    held = Holding(CASH, ZERO)
    for order in orders:
        held = _after(held, order)
    return held


def _real(orders: Iterable[Order], closes: Sequence[Decimal]) -> list[Decimal]:
    """The trader's account at each close."""
    held, found, pending = Holding(CASH, ZERO), [], list(orders)
    for bar, close in enumerate(closes):
        while pending and pending[0].bar == bar:
            held = _after(held, pending.pop(0))
        found.append(held.worth(close))
    return found


# The same accounting, with one more thing each time as the trader had it


def _walk(
    orders: Iterable[Order], closes: Sequence[Decimal], fee: Decimal, tested: BacktestResult, own: frozenset[str]
) -> list[Decimal]:
    """Equity at each close, by the backtest's rules but for the causes in `own`."""
    slippage = Decimal(repr(tested.costs.slippage))
    held, found, pending = Holding(CASH, ZERO), [], list(orders)
    for bar, close in enumerate(closes):
        while pending and pending[0].bar == bar:
            held = _filled(held, pending.pop(0), fee, slippage, own)
        found.append(held.worth(close))
    return found


def _filled(held: Holding, order: Order, fee: Decimal, slippage: Decimal, own: frozenset[str]) -> Holding:
    mark = order.mark if "price model" in own else order.open
    against = 1 + slippage if order.side == "BUY" else 1 - slippage
    price = order.price if "price model" in own else order.open * against
    change = order.wanted * held.worth(mark) - held.base * mark
    if order.side == "BUY":
        return _bought(held, order, change, mark, price, fee, own)
    return _sold(held, order, -change / mark if order.wanted else held.base, price, fee, own)


def _bought(
    held: Holding, order: Order, change: Decimal, mark: Decimal, price: Decimal, fee: Decimal, own: frozenset[str]
) -> Holding:
    """Backtest: the fee on top, in quote. Exchange: all that is wanted is spent, and the fee taken from what comes."""
    if "fee asset" not in own:
        spent = max(min(change / mark * price, held.cash / (1 + fee)), ZERO)
        return Holding(held.cash - spent * (1 + fee), held.base + spent / price)
    spent = min(change, held.cash) - _lost(order, own, "rounding")
    quantity = max(spent, ZERO) / price
    odd = order.odd if "rounding" in own else ZERO
    return Holding(held.cash - max(spent, ZERO), held.base + quantity * (1 - fee) - odd)


def _sold(held: Holding, order: Order, wanted: Decimal, price: Decimal, fee: Decimal, own: frozenset[str]) -> Holding:
    quantity = max(min(wanted, held.base) - _lost(order, own, "dust"), ZERO)
    odd = order.odd if "rounding" in own else ZERO
    return Holding(held.cash + quantity * price * (1 - fee) - odd, held.base - quantity)


def _lost(order: Order, own: frozenset[str], rest: Cause) -> Decimal:
    return (order.rest if rest in own else ZERO) + (order.cut if "partial fill" in own else ZERO)


# Orders that only one of the two made


def _unmatched(theirs: Sequence[Order], ours: Sequence[Order], steps: Iterable[Step]) -> dict[str, int]:
    """By cause: what the trader was kept from, and what it made up for later."""
    by_bar = {step.bar: step for step in steps}
    ours_left = Counter(one.key for one in ours) - Counter(one.key for one in theirs)
    theirs_left = Counter(one.key for one in theirs) - Counter(one.key for one in ours)
    causes: Counter[str] = Counter()
    before = ""  # what kept the trader from having what it wants
    ours_by_bar = {one.bar: one for one in ours}
    for bar in sorted(by_bar):
        order = ours_by_bar.get(bar)
        if order is not None and ours_left[order.key]:
            causes[before or UNEXPLAINED] += 1
        for side in ("BUY", "SELL"):
            if theirs_left[bar, side]:
                before = _hindrance(by_bar[bar])
                causes[before] += 1
        if order is not None:
            before = "partial fill" if order.cut else ""
    last = max(by_bar, default=0)
    causes[UNEXPLAINED] += sum(count for (bar, _), count in theirs_left.items() if bar not in range(1, last + 1))
    return {cause: count for cause, count in causes.items() if count}


def _hindrance(step: Step) -> str:
    """Why nothing was executed in a bar in which the backtest has an order."""
    if step.done.order is not None:
        return "partial fill" if not step.done.fills else UNEXPLAINED
    return step.code if step.code.startswith(("E-FILTER", "E-RISK", "E-ORDER-UNKNOWN")) else UNEXPLAINED


def _price_differences(theirs: Sequence[Order], ours: Sequence[Order]) -> list[tuple[Decimal, Decimal]]:
    expected = {one.key: one.price for one in theirs}
    return [(one.price, expected[one.key]) for one in ours if one.key in expected]

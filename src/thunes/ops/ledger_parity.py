"""What an account really did, beside the backtest of the strategy that it trades: each order, and what each earned.

The backtest begins where the account's first pass did, holding nothing, with an exposure that is evaluated from the
artefact's anchor; it ends with the bar that the last pass traded in, or with the last one that is closed. Its trades
are told for the money that the trader puts into one. Orders are matched by the bar that fills them, and by side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from thunes.audit.events import Decision, Intent
from thunes.audit.history import History
from thunes.clock import iso
from thunes.errors import DataError
from thunes.exchange.orders import Side
from thunes.exchange.venue import Venue
from thunes.kernels import simulation
from thunes.kernels.simulation import START_CASH, Simulation, fill_bar
from thunes.model import Candles, Costs, Float1D
from thunes.trading.decision import Sizing
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.numbers import ZERO, total
from thunes.trading.ledger.pnl import trade_of
from thunes.trading.ledger.values import OrderRecord
from thunes.trading.passes import Job, exposures

NO_PASS, OTHER, FLATTEN, PARTIAL = "no pass", "another artefact", "flatten", "partial fill"
UNEXPLAINED = "unexplained"
NOTHING_HELD_BACK = ("E-HOLD-FLAT", "E-HOLD-AS-WANTED", "E-DECIDED")  # codes of passes that had what they wanted
SMALLEST = Decimal("1e-8")  # of the quote asset


@dataclass(frozen=True)
class Passes:
    """What the audit trail tells of a strategy's passes since the account was opened.

    `decisions`: by the open time of the bar decided on; `flattened`: client ids of a person's own sales.
    """

    opened_ms: int
    decisions: Mapping[int, Sequence[Decision]]
    flattened: frozenset[str]

    @property
    def first(self) -> int:
        return min(self.decisions)

    @property
    def last(self) -> int:
        return max(self.decisions)


@dataclass(frozen=True)
class Result:
    """What one of the two did: closed trades, and money in quote. `alone`: by cause, orders that the other has not."""

    orders: int
    alone: Mapping[str, int]
    trades: int
    wins: int
    bought: Decimal  # what all purchases cost
    fees: Decimal
    realised: Decimal  # after fees
    unrealised: Decimal  # of what is held, dust included, at the last close

    @property
    def earned(self) -> Decimal:
        return self.realised + self.unrealised

    @property
    def win_rate(self) -> float | None:
        """A fraction; None without a closed trade."""
        return self.wins / self.trades if self.trades else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "orders": self.orders,
            "alone": dict(self.alone),
            "closed_trades": self.trades,
            "win_rate": self.win_rate,
            "bought": self.bought,
            "fees": self.fees,
            "realised": self.realised,
            "unrealised": self.unrealised,
            "result": self.earned,
        }


@dataclass(frozen=True)
class LedgerParity:
    """Ledger and backtest over the same bars. `under_way`: orders of the ledger in a bar that is not closed yet; they
    are in no other figure."""

    job: Job
    quote: str
    candles: Candles
    costs: Costs  # of the backtest
    matched: int
    under_way: int
    ledger: Result
    backtest: Result

    @property
    def unmatched(self) -> dict[str, int]:
        """By cause: orders that only one of the two made."""
        return dict(Counter(self.ledger.alone) + Counter(self.backtest.alone))

    @property
    def holds(self) -> bool:
        """The same trades, or a reason for each that is not."""
        return UNEXPLAINED not in self.unmatched

    @property
    def difference(self) -> Decimal:
        """What the ledger earned beyond the backtest, in quote."""
        return self.ledger.earned - self.backtest.earned

    def to_dict(self) -> dict[str, Any]:
        job, candles = self.job, self.candles
        return {
            "strategy": job.name,
            "parameters": job.strategy.values,
            "symbol": job.symbol,
            "interval": job.interval,
            "artefact": job.artefact,
            "source": candles.source,
            "synthetic": candles.is_synthetic,
            "anchor": iso(job.anchor_ms),
            "first": iso(int(candles.open_time[0])),
            "last": iso(int(candles.open_time[-1])),
            "bars": len(candles),
            "amount": job.sizing.quote_amount,
            "fraction": job.sizing.fraction,
            "quote": self.quote,
            "costs": asdict(self.costs),
            "holds": self.holds,
            "matched": self.matched,
            "unmatched": self.unmatched,
            "under_way": self.under_way,
            "ledger": self.ledger.to_dict(),
            "backtest": self.backtest.to_dict(),
            "difference": self.difference,
        }


def passes_of(ledger: Ledger, history: History, strategy: str, symbol: str, interval: str) -> Passes:
    """A strategy's passes on an account. Errors: `DataError` where there was none; those of ledger and trail."""
    opened = [flow.time_ms for flow in ledger.flows() if flow.kind == "opening"]
    decisions: dict[int, list[Decision]] = {}
    flattened = set()
    for entry in history.events("decision", "intent", since_ms=min(opened, default=None)):
        event = entry.event
        if entry.env != ledger.environment:
            continue
        if isinstance(event, Intent) and event.purpose == "flatten":
            flattened.add(event.id)
        elif isinstance(event, Decision) and (event.strategy, event.symbol, event.interval) == (
            strategy,
            symbol,
            interval,
        ):
            decisions.setdefault(event.bar or 0, []).append(event)
    ours = (one.intent.strategy == strategy and one.executed for one in ledger.orders(min(opened, default=0)))
    if not decisions and any(ours):
        told = f"the ledger has orders of {strategy}, and the audit trail tells of no pass."
        raise DataError("E-PARITY-TRAIL", told, "See thunes audit verify.")
    if not opened or not decisions:
        raise untraded(f"{strategy} {symbol} {interval}", ledger.environment)
    return Passes(min(opened), decisions, frozenset(flattened))


def untraded(what: str, environment: str) -> DataError:
    """The error for an account that has nothing to compare."""
    hint = "Trade first: thunes paper --bars 24" if environment == "sim" else "Trade first: thunes paper"
    return DataError("E-PARITY-UNTRADED", f"{what} has made no pass in {environment} yet.", hint)


def ledger_parity(job: Job, venue: Venue, ledger: Ledger, passes: Passes) -> LedgerParity:
    """Compare what an account has done with what the backtest of its job says. Nothing is written or sent.

    Costs are the default ones. Errors: those of `Venue.closed_candles`, `evaluate` and the ledger.
    """
    costs = Costs()
    rules, known = venue.rules(job.symbol), venue.closed_candles(job.symbol, job.interval, job.anchor_ms)
    first, last = np.searchsorted(known.open_time, [passes.first, passes.last])
    bars = slice(int(first), int(last) + 2)
    candles, wanted = known[bars], exposures(job.strategy, known)[bars]
    simulated = simulation.run(candles, wanted * float(job.sizing.fraction or 1), costs)
    made = _made(ledger, job, candles, passes)
    counted = [one for one in made if one.bar < len(candles)]
    theirs: dict[int, Side] = {int(row[0]): "BUY" if row[1] > 0 else "SELL" for row in simulated.orders}

    def reason(bar: int) -> str:
        decided = int(candles.open_time[bar - fill_bar(0)])
        return _reason(ledger, job, passes.decisions.get(decided, ()))

    walk = _walked(theirs, counted, wanted, reason)
    capital = total(flow.amount for flow in ledger.flows() if (flow.kind, flow.asset) == ("opening", rules.quote))
    return LedgerParity(
        job=job,
        quote=rules.quote,
        candles=candles,
        costs=costs,
        matched=walk.matched,
        under_way=len(made) - len(counted),
        ledger=_of_ledger(ledger, job, counted, candles, rules.base, walk.ours_alone),
        backtest=_of_backtest(simulated, _scales(simulated, wanted, job.sizing, capital), walk.theirs_alone),
    )


# Orders


@dataclass(frozen=True)
class Made:
    """An order of the ledger in the bar that filled it. `decided`: at the close of the bar before, as a pass does;
    `cause`: why the backtest need not have it."""

    record: OrderRecord
    bar: int
    decided: bool
    cause: str = ""

    @property
    def side(self) -> Side:
        return self.record.intent.ticket.side


def _made(ledger: Ledger, job: Job, candles: Candles, passes: Passes) -> list[Made]:
    """The strategy's executed orders, oldest first; the rows of the bars may lie beyond the candles."""
    found, times = [], np.append(candles.open_time, candles.end_time)  # with that of the bar under way
    for record in ledger.orders(passes.opened_ms):
        intent = record.intent
        if (intent.strategy, intent.ticket.symbol) != (job.name, job.symbol) or not record.executed:
            continue
        if intent.bar_ms > passes.last and intent.client_id not in passes.flattened:
            continue  # of a pass that came after the trail was read
        row = int(np.searchsorted(times, intent.bar_ms, side="right")) - 1
        decided = row >= 0 and int(times[row]) == intent.bar_ms and row < len(candles)
        found.append(Made(record, fill_bar(row) if decided else row, decided, _cause(record, job, passes)))
    return found


def _cause(record: OrderRecord, job: Job, passes: Passes) -> str:
    if record.intent.client_id in passes.flattened:
        return FLATTEN
    decisions = passes.decisions.get(record.intent.bar_ms, ())
    return OTHER if any(_is_other(one, job) and one.order == record.intent.client_id for one in decisions) else ""


def _is_other(decision: Decision, job: Job) -> bool:
    return (decision.artefact or "") != job.artefact


def _reason(ledger: Ledger, job: Job, decisions: Sequence[Decision]) -> str:
    if not decisions:
        return NO_PASS
    if _is_other(decisions[-1], job):
        return OTHER
    held_back = [one.code for one in decisions if one.order is None and one.code not in NOTHING_HELD_BACK]
    sent = [record for one in decisions if one.order and (record := ledger.order(one.order))]
    if any(record.executed for record in sent):
        return ""
    return next(iter(held_back[-1:] or [f"order {record.status or record.outcome}" for record in sent]), "")


@dataclass
class Walk:
    """The orders of both, bar by bar. What has driven the two apart explains what each does alone, until both stand for
    the same wanted fraction again."""

    wanted: Float1D
    matched: int = 0
    ours_alone: Counter[str] = field(default_factory=Counter)  # by cause
    theirs_alone: Counter[str] = field(default_factory=Counter)
    _why: str = ""
    _ours: float = 0.0
    _theirs: float = 0.0

    def go(self, bar: int, made: Sequence[Made], side: Side | None, reason: str) -> None:
        """Go on to a bar: the ledger's orders in it, the side of the backtest's, and why the ledger may not have it."""
        stand = float(self.wanted[bar - fill_bar(0)]) if bar > 0 else 0.0
        both = next((one for one in made if one.decided and one.side == side), None)
        if side is not None:
            self._theirs = stand
            self._count(both is not None, self.theirs_alone, reason)
        for one in made:
            self._ours = stand if one.decided else 0.0  # a person's sale leaves nothing
            self._count(one is both, self.ours_alone, one.cause)
        self.matched += both is not None
        if self._ours == self._theirs:
            self._why = PARTIAL if any(one.record.status != "FILLED" for one in made) else ""

    def _count(self, is_matched: bool, alone: Counter[str], cause: str) -> None:
        if not is_matched:
            self._why = cause or self._why or UNEXPLAINED
            alone[self._why] += 1


def _walked(theirs: Mapping[int, Side], made: Sequence[Made], wanted: Float1D, reason: Callable[[int], str]) -> Walk:
    """`theirs`: the backtest's orders by bar; `reason`: why the ledger may have none in a bar."""
    walk = Walk(wanted)
    for bar in sorted({*theirs, *(one.bar for one in made)}):
        side = theirs.get(bar)
        walk.go(bar, [one for one in made if one.bar == bar], side, reason(bar) if side else "")
    return walk


# Money


def _of_ledger(
    ledger: Ledger, job: Job, made: Sequence[Made], candles: Candles, base: str, alone: Mapping[str, int]
) -> Result:
    booked = [one for order in made if (number := order.record.order_id) for one in ledger.fills_of(job.symbol, number)]
    trades = [trade_of(one.fill, base, one.commission_value) for one in booked]
    cash = total(one.quote.copy_negate() if one.is_buy else one.quote for one in trades)
    held = total(one.base if one.is_buy else one.base.copy_negate() for one in trades)
    realised = total(one.realised or ZERO for one in booked)
    closed = [
        one.realised
        for one in ledger.closed_positions()
        if (one.strategy, one.symbol) == (job.name, job.symbol)
        and int(candles.open_time[0]) <= (one.closed_ms or 0) < candles.end_time
    ]
    return Result(
        orders=len(made),
        alone=alone,
        trades=len(closed),
        wins=sum(gain > 0 for gain in closed),
        bought=_money(total(one.quote for one in trades if one.is_buy)),
        fees=_money(total(one.commission_value or ZERO for one in booked)),
        realised=_money(realised),
        unrealised=_money(cash + held * Decimal(repr(float(candles.close[-1]))) - realised),
    )


def _of_backtest(simulated: Simulation, scales: Float1D, alone: Mapping[str, int]) -> Result:
    size, entry, fees, gains, closed = simulated.trades[:, [2, 3, 5, 6, 8]].T
    return Result(
        orders=len(simulated.orders),
        alone=alone,
        trades=int(closed.sum()),
        wins=int((closed * gains > 0.0).sum()),
        bought=_money((size * entry) @ scales),
        fees=_money(fees @ scales),
        realised=_money((gains * closed) @ scales),
        unrealised=_money((gains * (1.0 - closed)) @ scales),
    )


def _scales(simulated: Simulation, wanted: Float1D, sizing: Sizing, capital: Decimal) -> Float1D:
    """What the money of each simulated trade is multiplied by, to be the trader's: a fixed amount goes into each, a
    fraction of equity compounds as the simulated account does."""
    if sizing.quote_amount is None:
        return np.full(len(simulated.trades), float(capital) / START_CASH)
    paid = {int(row[0]): row[1] * row[2] for row in simulated.orders}
    entries = [int(row[0]) for row in simulated.trades]
    return np.array([float(sizing.quote_amount) * wanted[bar - fill_bar(0)] / paid[bar] for bar in entries])


def _money(amount: Decimal | float) -> Decimal:
    exact = amount if isinstance(amount, Decimal) else Decimal(repr(float(amount)))
    return exact.quantize(SMALLEST)

"""The rules of an entry, each a pure function of the order, the book, the limits and the time.

A rule tells what it compared, so that a preview can show the whole ladder; the first that fails decides, and says so in
words. Where nobody will read it, a rule that passes says no more than that: numbers as text take longer than the look.
Exits are asked for the state alone, cancels and a person's flatten for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from thunes.risk.book import ZERO, Book
from thunes.risk.limits import RiskLimits
from thunes.risk.request import Action, Prices, RiskRequest
from thunes.risk.verdict import Check, Denial, plain


@dataclass(frozen=True)
class Case:
    """What a rule looks at; `now` is epoch ms. `brief`: only what fails will be read."""

    request: RiskRequest
    book: Book
    limits: RiskLimits
    now: int
    brief: bool = False


Rule = Callable[[Case], Check]
MINUTE = 60_000  # ms
HUGE = Decimal(10**15)
TINY = Decimal("1e-18")
ONE = Decimal(1)
PASSED = Check("", "", "", "", passed=True, text="")  # in brief


def halted(case: Case) -> Check:
    """What an exit must pass."""
    state, why = case.book.standing.state, case.book.standing.reason
    text = "" if (passed := state != "HALTED") else f"trading is halted: {why}"
    return Check("state", "E-RISK-HALTED", state, "not HALTED", passed, text)


def state(case: Case) -> Check:
    """An entry needs ACTIVE."""
    standing = case.book.standing
    if (passed := standing.state == "ACTIVE") and case.brief:
        return PASSED
    code = "E-RISK-HALTED" if standing.state == "HALTED" else "E-RISK-REDUCING"
    text = "" if passed else f"no entries while {standing.state}: {standing.reason}"
    return Check("state", code, standing.state, "ACTIVE", passed, text)


def breaker(case: Case) -> Check:
    """An unknown word counts as open."""
    said = case.book.breaker
    if (passed := said in ("closed", "half-open")) and case.brief:
        return PASSED
    text = "" if passed else f"the circuit breaker of entries is {said}"
    return Check("circuit breaker", "E-RISK-BREAKER", said, "closed", passed, text)


def sane_amount(case: Case) -> Check:
    """Amounts no account has are refused here, so that the other rules can calculate."""
    notional, stop = case.request.notional, case.request.stop_distance
    passed = _inside(notional, ZERO, HUGE) and (stop is None or _inside(stop, ZERO, ONE))
    if passed and case.brief:
        return PASSED
    value = plain(notional) if stop is None else f"{plain(notional)}, stop {plain(stop)}"
    text = "" if passed else f"no amount to buy for: {value}"
    return Check("amount", "E-RISK-AMOUNT", value, "more than 0, stop at most 1", passed, text)


def _inside(value: Decimal, above: Decimal, most: Decimal) -> bool:
    return value.is_finite() and above < value <= most


def unique(case: Case) -> Check:
    """An order whose fate is open must not be sent once more."""
    known = case.request.client_order_id in case.book.reservations
    if (passed := not known) and case.brief:
        return PASSED
    text = "" if passed else f"order {case.request.client_order_id} is under way already"
    return Check("unique", "E-RISK-DUPLICATE", "under way" if known else "new", "new", passed, text)


def daily_loss(case: Case) -> Check:
    """What was lost, what orders under way may lose at worst, and what this one may."""
    lost, under_way, own = case.book.new_loss, case.book.reserved_loss, case.request.worst_loss
    value, bound = lost + under_way + own, case.book.loss_bound(case.limits.daily_loss)
    if (passed := value <= bound) and case.brief:
        return PASSED
    most = plain(bound)
    text = (
        ""
        if passed
        else (
            f"lost today {plain(lost)}, orders under way may lose {plain(under_way)}, this one {plain(own)}: "
            f"more than {most}"
        )
    )
    return Check("daily loss", "E-RISK-DAILY-LOSS", plain(value), most, passed, text)


def drawdown(case: Case) -> Check:
    """How far equity is under its peak."""
    value, bound = case.book.drawdown, case.limits.drawdown
    if (passed := value < bound) and case.brief:
        return PASSED
    text = "" if passed else f"equity is {plain(value * 100)} % under its peak, {plain(bound * 100)} % are allowed"
    return Check("drawdown", "E-RISK-DRAWDOWN", plain(value), plain(bound), passed, text)


def loss_per_trade(case: Case) -> Check:
    """What this trade may lose at worst, with what its strategy holds of the symbol already."""
    request = case.request
    own = case.book.own_position(request.symbol, request.strategy)
    held = own.value * request.worst_move if own else ZERO
    value, bound = held + request.worst_loss, case.limits.loss_per_trade
    if (passed := value <= bound) and case.brief:
        return PASSED
    loss, most = plain(value), plain(bound)
    text = "" if passed else f"this trade may lose {loss}, {most} are allowed"
    return Check("loss per trade", "E-RISK-TRADE-LOSS", loss, most, passed, text)


def one_per_symbol(case: Case) -> Check:
    """One position and one strategy per symbol: only who holds it may buy more, one order at a time."""
    symbol, book = case.request.symbol, case.book
    own = book.own_position(symbol, case.request.strategy) is not None
    other = symbol in book.positions and not own
    busy = book.is_being_bought(symbol)
    if (passed := not busy and not other) and case.brief:
        return PASSED
    value = "being bought" if busy else "held" if other else "own" if own else "free"
    text = "" if passed else f"{symbol} is being bought already" if busy else f"{symbol} is held by another strategy"
    return Check("one per symbol", "E-RISK-SYMBOL", value, "free or own", passed, text)


def positions(case: Case) -> Check:
    """Those held and those being opened, this one too."""
    value, bound = len(case.book.symbols | {case.request.symbol}), case.limits.positions
    if (passed := value <= bound) and case.brief:
        return PASSED
    text = "" if passed else f"it would be position {value} of {bound}"
    return Check("positions", "E-RISK-POSITIONS", str(value), str(bound), passed, text)


def order_notional(case: Case) -> Check:
    """The size of this order."""
    value, bound = case.request.notional, case.limits.order_notional
    if (passed := value <= bound) and case.brief:
        return PASSED
    size, most = plain(value), plain(bound)
    text = "" if passed else f"an order of {size}, {most} are allowed"
    return Check("order notional", "E-RISK-NOTIONAL", size, most, passed, text)


def gross_exposure(case: Case) -> Check:
    """All that would be held."""
    value, bound = case.book.gross_exposure + case.request.notional, case.limits.gross_exposure
    if (passed := value <= bound) and case.brief:
        return PASSED
    total, most = plain(value), plain(bound)
    text = "" if passed else f"{total} would be held in all, {most} are allowed"
    return Check("gross exposure", "E-RISK-EXPOSURE", total, most, passed, text)


def cool_down(case: Case) -> Check:
    """Whether a losing exit is too fresh."""
    left = cool_down_left(case.book, case.limits, case.now)
    if (passed := left == 0) and case.brief:
        return PASSED
    text = "" if passed else f"{left} more minutes of cool-down after a losing exit"
    return Check("cool-down", "E-RISK-COOL-DOWN", str(left), "0", passed, text)


def cool_down_left(book: Book, limits: RiskLimits, now: int) -> int:
    """Minutes, rounded up; never more than the whole, whatever a clock that went back says."""
    if book.losing_exit_ms is None:
        return 0
    left = book.losing_exit_ms + limits.cool_down_minutes * MINUTE - now
    return min(max(0, -(-left // MINUTE)), limits.cool_down_minutes)


def equity_known(case: Case) -> Check:
    """Whether there is anything to measure a loss against."""
    passed = case.book.equity is not None
    if passed and case.brief:
        return PASSED
    text = "" if passed else "equity was never told: its loss cannot be known"
    return Check("equity", "E-RISK-EQUITY", "known" if passed else "unknown", "known", passed, text)


def price_age(case: Case) -> Check:
    """A price from the future is as doubtful as an old one; no price is the worst."""
    prices, most = case.request.prices, case.limits.price_age_ms
    bound = f"{most} ms"
    if prices is None:
        return Check("price age", "E-RISK-PRICE-UNKNOWN", "unknown", bound, passed=False, text="no price is known")
    age = case.now - prices.received_ms
    if (passed := abs(age) <= most) and case.brief:
        return PASSED
    text = "" if passed else f"the price is {age} ms old, {bound} are allowed"
    return Check("price age", "E-RISK-PRICE-AGE", f"{age} ms", bound, passed, text)


def price_deviation(case: Case) -> Check:
    """How far the price is from the one decided on."""
    value, bound = _deviation(case.request.prices), case.limits.price_deviation
    if (passed := value <= bound) and case.brief:
        return PASSED
    text = (
        ""
        if passed
        else f"the price moved by {plain(value * 100)} % since the decision, {plain(bound * 100)} % are allowed"
    )
    return Check("price deviation", "E-RISK-PRICE-MOVED", plain(value), plain(bound), passed, text)


def _deviation(prices: Prices | None) -> Decimal:
    """As a fraction of the price decided on; infinite where one of the prices is unknown or none."""
    if prices is None or not (_inside(prices.decided, TINY, HUGE) and _inside(prices.current, TINY, HUGE)):
        return Decimal("Infinity")
    return abs(prices.current / prices.decided - 1)


def orders_per_bar(case: Case) -> Check:
    """Entries in this symbol and bar."""
    count = case.book.bars.get(case.request.symbol)
    value = 1 + (count.entries if count and count.bar_ms == case.request.bar_ms else 0)
    bound = case.limits.orders_per_bar
    if (passed := value <= bound) and case.brief:
        return PASSED
    text = "" if passed else f"it would be entry {value} of {bound} in this bar of {case.request.symbol}"
    return Check("orders per bar", "E-RISK-BAR-ORDERS", str(value), str(bound), passed, text)


def orders_per_day(case: Case) -> Check:
    """Entries of the UTC day."""
    value, bound = case.book.entries + 1, case.limits.orders_per_day
    if (passed := value <= bound) and case.brief:
        return PASSED
    text = "" if passed else f"it would be entry {value} of {bound} on this day"
    return Check("orders per day", "E-RISK-DAY-ORDERS", str(value), str(bound), passed, text)


SIZES: tuple[Rule, ...] = (sane_amount, order_notional, loss_per_trade, daily_loss, gross_exposure, positions)
ASKED: tuple[Rule, ...] = (  # answerable without a price: what `validate_trade` looks at
    sane_amount,
    state,
    breaker,
    unique,
    daily_loss,
    drawdown,
    loss_per_trade,
    one_per_symbol,
    positions,
    order_notional,
    gross_exposure,
    cool_down,
    orders_per_bar,
    orders_per_day,
)
PRICED: tuple[Rule, ...] = (price_age, price_deviation)
ENTRY: tuple[Rule, ...] = (*ASKED, equity_known, *PRICED)
RULES: dict[Action, tuple[Rule, ...]] = {"entry": ENTRY, "exit": (halted,), "cancel": (), "flatten": ()}


def ladder(rules: Iterable[Rule], case: Case) -> tuple[Check, ...]:
    """Every rule's answer. After an amount that is none, no other rule has anything to compare."""
    checks: list[Check] = []
    for rule in rules:
        checks.append(rule(case))
        if rule is sane_amount and not checks[-1].passed:
            break
    return tuple(checks)


def first_failed(checks: Iterable[Check]) -> Denial | None:
    """What the first check that fails says."""
    for check in checks:
        if not check.passed:
            return check.denial
    return None


def first_denial(rules: Iterable[Rule], case: Case) -> Denial | None:
    """What the first rule that fails says."""
    return first_failed(rule(case) for rule in rules)

"""What holds whatever happens, in whatever order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.risk.desk import NOON, TINY, entry

from thunes.risk import changes
from thunes.risk.book import SEVERITY, ZERO, Book, Standing
from thunes.risk.limits import WORST_CASE_MOVE
from thunes.risk.request import RiskFill
from thunes.risk.rules import ENTRY, Case, first_denial
from thunes.risk.store import BOOK

D = Decimal
SYMBOLS = ("A", "B", "C")
AMOUNTS = st.decimals(D("0.01"), D(1000), places=2)
START = D(1_000_000)


@dataclass
class Account:
    """The plainest ledger there is: cash, coins, last prices. As at a spot exchange, nothing goes below zero."""

    cash: Decimal = START
    flows: Decimal = ZERO
    coins: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(SYMBOLS, ZERO))
    prices: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(SYMBOLS, D(1)))

    @property
    def equity(self) -> Decimal:
        return self.cash + sum((self.coins[s] * self.prices[s] for s in SYMBOLS), ZERO)

    def trade(self, number: int, symbol: str, side: str, price: Decimal, quantity: Decimal, fee: Decimal) -> RiskFill:
        quantity = min(quantity, self.cash // price if side == "BUY" else self.coins[symbol])
        signed = quantity if side == "BUY" else -quantity
        self.cash -= signed * price
        fee = min(fee, self.cash)
        self.cash -= fee
        self.coins[symbol] += signed
        if quantity:
            self.prices[symbol] = price
        return RiskFill(symbol, number, side, price, quantity, fee, self.coins[symbol])  # type: ignore[arg-type]


TRADES = st.tuples(st.sampled_from(SYMBOLS), st.sampled_from(["BUY", "SELL"]), AMOUNTS, AMOUNTS, AMOUNTS)
STEPS = st.lists(
    st.one_of(TRADES, st.tuples(st.sampled_from(SYMBOLS), AMOUNTS), AMOUNTS.map(lambda a: a - 500)), max_size=20
)


BOUGHT = ("B", "BUY", D("660.06"), D("757.14"), D("0.01"))


@given(STEPS)
@example([BOUGHT, BOUGHT, ("B", D("0.01")), D("-499.99")])  # all but lost, then withdrawn from
def test_between_marks_equity_and_loss_are_those_of_the_account(steps: list[object]) -> None:
    account, book = Account(), changes.marked(Book(), START, {})
    for number, step in enumerate(steps):
        if isinstance(step, Decimal):
            flow = max(step, -account.cash)
            account.cash, account.flows = account.cash + flow, account.flows + flow
            book = changes.flowed(book, flow)
        elif isinstance(step, tuple) and len(step) == 2:
            account.prices[step[0]] = step[1]
            book = changes.marked(book, account.equity, dict([step]))
        elif isinstance(step, tuple):
            fill = account.trade(number, *step)
            book = changes.filled(book, fill, NOON) if fill.quantity else changes.marked(book, account.equity, {})
        assert book.equity == account.equity
        assert book.loss == START + account.flows - account.equity
        assert book.peak is not None
        assert book.peak >= account.equity
        assert {s: p.quantity for s, p in book.positions.items()} == {s: q for s, q in account.coins.items() if q}


@given(equity=AMOUNTS, peak=AMOUNTS, money=AMOUNTS)
def test_no_flow_changes_loss_or_drawdown(equity: Decimal, peak: Decimal, money: Decimal) -> None:
    book = Book(opening=peak, equity=equity, peak=max(equity, peak))
    for flow in (money, -money):
        after = changes.flowed(book, flow)
        if equity + flow > 0:
            assert after.loss == book.loss
            assert abs(after.drawdown - book.drawdown) < D("1e-20")


ACTIONS = st.tuples(
    st.sampled_from(["reserve", "release", "fill", "sell", "mark", "day"]),
    st.sampled_from("ABCDEF"),
    st.integers(1, 60),
    st.sampled_from(["sma", "rsi"]),
)


LIMITS = replace(TINY, cool_down_minutes=0)


def after(book: Book, number: int, action: str, symbol: str, size: int, now: int) -> Book:
    """What becomes of the book; asking for an entry is not among it."""
    held = next((r for r in book.reservations.values() if r.symbol == symbol), None)
    if action == "mark" and book.equity is not None:
        return changes.marked(book, book.equity + size - 30, {symbol: D(size) / 30})
    if action == "sell" and symbol in book.positions:
        sold = book.positions[symbol].quantity
        return changes.filled(book, RiskFill(symbol, number, "SELL", D(size) / 40, sold, D("0.01"), ZERO), now)
    if action == "fill" and held:
        owned = book.positions[symbol].quantity if symbol in book.positions else ZERO
        bought = RiskFill(symbol, number, "BUY", D(1), held.notional, D("0.01"), owned + held.notional)
        book = changes.filled(book, bought, now, held.strategy)
    return changes.released(book, held.client_order_id) if action in ("release", "fill") and held else book


@given(st.lists(ACTIONS, max_size=40))
def test_whatever_was_let_pass_keeps_every_limit(actions: list[tuple[str, str, int, str]]) -> None:
    book, now = changes.marked(changes.rolled(Book(), NOON), D(1000), {}), NOON
    for number, (action, symbol, size, strategy) in enumerate(actions):
        now += changes.DAY if action == "day" else 0
        book = changes.tripped(changes.rolled(book, now), LIMITS, now)
        request = entry(f"{number}", symbol, str(size), at=now, strategy=strategy)
        if action != "reserve":
            book = after(book, number, action, symbol, size, now)
        elif first_denial(ENTRY, Case(request, book, LIMITS, now)) is None:
            book, _ = changes.reserved(book, request, now)
            assert book.new_loss + book.reserved_loss <= LIMITS.daily_loss
            assert len(book.symbols) <= LIMITS.positions
            assert len({held.symbol for held in book.reservations.values()}) == len(book.reservations)
            if owned := book.positions.get(symbol):  # enlarged by who holds it, as one trade
                assert owned.strategy == strategy
                assert (owned.value + size) * WORST_CASE_MOVE <= LIMITS.loss_per_trade
            assert book.gross_exposure <= LIMITS.gross_exposure
            assert book.standing.state == "ACTIVE"


STANDINGS = st.builds(Standing, st.sampled_from(list(SEVERITY)))


@given(STANDINGS, STANDINGS)
def test_of_two_states_the_severer_holds(one: Standing, other: Standing) -> None:
    assert SEVERITY[one.or_worse(other).state] == max(SEVERITY[one.state], SEVERITY[other.state])
    assert one.or_worse(None) == one


MONEY = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15)


@pytest.mark.covers("pitfall X17")
@given(MONEY, MONEY, st.integers(0, 10**6))
def test_a_book_is_read_as_it_was_written(one: Decimal, other: Decimal, count: int) -> None:
    book = changes.marked(Book(day=count, flows=other, entries=count), one, {})
    book = changes.reserved(book, entry("é/\u0000", "A"), NOON)[0]
    book = replace(book, standing=Standing("HALTED", 1, "E", 'a "b"\n', "ada"), losing_exit_ms=count)
    text = BOOK.dump_json(book, exclude={"breaker"})
    assert BOOK.validate_json(text) == book
    assert b"E+" not in text
    assert b"breaker" not in text

"""Each rule at its bound: what keeps it passes, what is a cent over it does not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.risk.desk import HOUR, NOON, TINY, entry, leaving

from thunes.errors import SettingsError
from thunes.risk import rules
from thunes.risk.book import Acknowledged, BarCount, Book, Position, Reservation, Standing
from thunes.risk.limits import PROFILES, RiskLimits
from thunes.risk.request import Prices, RiskRequest
from thunes.risk.rules import ENTRY, RULES, Case, Rule, first_denial, ladder
from thunes.risk.sanity import check_order_fits
from thunes.risk.verdict import plain

ONE = Decimal(1)
FRESH = Book(equity=Decimal(1000), opening=Decimal(1000), peak=Decimal(1000))


def held(value: str, symbol: str = "ETHUSDT", strategy: str = "") -> dict[str, Position]:
    return {symbol: Position(ONE, Decimal(value), Decimal(value), strategy=strategy)}


def under_way(name: str, symbol: str, worst: str = "5") -> dict[str, Reservation]:
    return {name: Reservation(name, "entry", symbol, Decimal(25), Decimal(worst), NOON)}


def lost(amount: str) -> Book:
    return replace(FRESH, equity=FRESH.equity - Decimal(amount) if FRESH.equity else None)


def priced(decided: str, current: str, age: int = 0) -> RiskRequest:
    return entry("a", prices=Prices(Decimal(decided), Decimal(current), NOON - age))


OWN = replace(FRESH, positions=held("12.5", "BTCUSDT", "sma"))  # of the strategy that asks
OTHERS = replace(FRESH, positions=held("12.5", "BTCUSDT", "rsi"))
NOBODYS = replace(FRESH, positions=held("12.5", "BTCUSDT"))
TWO = replace(FRESH, positions={**held("25", "A"), **held("25", "B")})
ACKNOWLEDGED = replace(lost("30"), acknowledged=Acknowledged(Decimal(28), Decimal(7)))
CASES: list[tuple[Rule, str, RiskRequest, Book, RiskRequest, Book]] = [  # rule, code, passes: two, fails: two
    (rules.sane_amount, "AMOUNT", entry("a", notional="1e-12"), FRESH, entry("a", notional="0"), FRESH),
    (rules.sane_amount, "AMOUNT", entry("a", notional="1e15"), FRESH, entry("a", notional="NaN"), FRESH),
    (rules.sane_amount, "AMOUNT", entry("a", stop_distance=ONE), FRESH, entry("a", stop_distance=2 * ONE), FRESH),
    (rules.sane_amount, "AMOUNT", entry("a"), FRESH, entry("a", notional="1e999999"), FRESH),
    (rules.state, "REDUCING", entry("a"), FRESH, entry("a"), replace(FRESH, standing=Standing("REDUCING"))),
    (rules.state, "HALTED", entry("a"), FRESH, entry("a"), replace(FRESH, standing=Standing("HALTED"))),
    (
        rules.breaker,
        "BREAKER",
        entry("a"),
        replace(FRESH, breaker="half-open"),
        entry("a"),
        replace(FRESH, breaker="?"),
    ),
    (rules.unique, "DUPLICATE", entry("a"), FRESH, entry("a"), replace(FRESH, reservations=under_way("a", "X"))),
    (rules.daily_loss, "DAILY-LOSS", entry("a"), lost("15"), entry("a"), lost("15.01")),
    (
        rules.daily_loss,
        "DAILY-LOSS",
        entry("a", notional="25"),
        ACKNOWLEDGED,
        entry("a", notional="25.1"),
        ACKNOWLEDGED,
    ),
    (
        rules.daily_loss,
        "DAILY-LOSS",
        entry("a"),
        replace(lost("10"), reservations=under_way("b", "X")),
        entry("a"),
        replace(lost("10"), reservations=under_way("b", "X", "5.01")),
    ),
    (rules.drawdown, "DRAWDOWN", entry("a"), lost("249"), entry("a"), lost("250")),
    (rules.loss_per_trade, "TRADE-LOSS", entry("a", notional="25"), FRESH, entry("a", notional="25.05"), FRESH),
    (
        rules.loss_per_trade,
        "TRADE-LOSS",
        entry("a", notional="100", stop_distance=Decimal("0.05")),
        FRESH,
        entry("a", notional="20", stop_distance=Decimal("0.26")),
        FRESH,
    ),
    (
        rules.loss_per_trade,
        "TRADE-LOSS",
        entry("a", notional="12.5"),
        OWN,
        entry("a", notional="12.51"),
        OWN,
    ),
    (rules.one_per_symbol, "SYMBOL", entry("a"), TWO, entry("a", "A"), TWO),
    (rules.one_per_symbol, "SYMBOL", entry("a"), OWN, entry("a"), OTHERS),
    (rules.one_per_symbol, "SYMBOL", entry("a"), OWN, entry("a", strategy=""), NOBODYS),
    (
        rules.one_per_symbol,
        "SYMBOL",
        entry("a"),
        OWN,
        entry("a"),
        replace(OWN, reservations=under_way("b", "BTCUSDT")),
    ),
    (
        rules.one_per_symbol,
        "SYMBOL",
        entry("a"),
        FRESH,
        entry("a"),
        replace(FRESH, reservations=under_way("b", "BTCUSDT")),
    ),
    (rules.positions, "POSITIONS", entry("a"), TWO, entry("a"), replace(TWO, reservations=under_way("b", "X"))),
    (rules.order_notional, "NOTIONAL", entry("a", notional="25"), FRESH, entry("a", notional="25.01"), FRESH),
    (
        rules.gross_exposure,
        "EXPOSURE",
        entry("a"),
        replace(FRESH, positions=held("75")),
        entry("a"),
        replace(FRESH, positions=held("75.01")),
    ),
    (
        rules.cool_down,
        "COOL-DOWN",
        entry("a"),
        replace(FRESH, losing_exit_ms=NOON - HOUR),
        entry("a"),
        replace(FRESH, losing_exit_ms=NOON - HOUR + 1),
    ),
    (rules.equity_known, "EQUITY", entry("a"), FRESH, entry("a"), Book()),
    (rules.price_age, "PRICE-AGE", priced("1", "1", 10_000), FRESH, priced("1", "1", 10_001), FRESH),
    (rules.price_age, "PRICE-AGE", priced("1", "1", -10_000), FRESH, priced("1", "1", -10_001), FRESH),
    (rules.price_age, "PRICE-UNKNOWN", entry("a"), FRESH, entry("a", prices=None), FRESH),
    (rules.price_deviation, "PRICE-MOVED", priced("100", "102"), FRESH, priced("100", "102.01"), FRESH),
    (rules.price_deviation, "PRICE-MOVED", priced("100", "98"), FRESH, priced("100", "80"), FRESH),
    (rules.price_deviation, "PRICE-MOVED", priced("1", "1"), FRESH, priced("0", "1"), FRESH),
    (rules.price_deviation, "PRICE-MOVED", priced("1", "1"), FRESH, priced("1", "NaN"), FRESH),
    (
        rules.orders_per_bar,
        "BAR-ORDERS",
        entry("a"),
        replace(FRESH, bars={"BTCUSDT": BarCount(NOON - 2 * HOUR, 9), "ETHUSDT": BarCount(NOON - HOUR, 9)}),
        entry("a"),
        replace(FRESH, bars={"BTCUSDT": BarCount(NOON - HOUR, 2)}),
    ),
    (
        rules.orders_per_day,
        "DAY-ORDERS",
        entry("a"),
        replace(FRESH, entries=49),
        entry("a"),
        replace(FRESH, entries=50),
    ),
]


@pytest.mark.parametrize(("rule", "code", "good", "good_book", "bad", "bad_book"), CASES)
def test_a_rule_holds_exactly_at_its_bound(
    rule: Rule, code: str, good: RiskRequest, good_book: Book, bad: RiskRequest, bad_book: Book
) -> None:
    assert rule(Case(good, good_book, TINY, NOON)).passed
    refused = rule(Case(bad, bad_book, TINY, NOON))
    assert not refused.passed
    assert refused.code == f"E-RISK-{code}"
    assert refused.denial is not None
    assert refused.text


@pytest.mark.parametrize(("rule", "code", "good", "good_book", "bad", "bad_book"), CASES)
def test_in_brief_a_rule_says_the_same_of_what_fails_and_nothing_of_what_passes(
    rule: Rule, code: str, good: RiskRequest, good_book: Book, bad: RiskRequest, bad_book: Book
) -> None:
    passed, failed = Case(good, good_book, TINY, NOON), Case(bad, bad_book, TINY, NOON)
    assert rule(replace(passed, brief=True)) is rules.PASSED
    assert rule(replace(failed, brief=True)) == rule(failed)
    assert first_denial(ENTRY, replace(failed, brief=True)) == first_denial(ENTRY, failed) is not None


def test_every_rule_of_an_entry_has_a_case() -> None:
    assert {rule for rule, *_ in CASES} == set(ENTRY)


def test_the_first_rule_that_fails_decides_and_the_ladder_shows_all() -> None:
    case = Case(entry("a", notional="30"), replace(lost("16"), standing=Standing("REDUCING")), TINY, NOON)
    checks = ladder(ENTRY, case)
    assert len(checks) == len(ENTRY)
    failed = [check.rule for check in checks if not check.passed]
    assert failed == ["state", "daily loss", "loss per trade", "order notional"]
    denial = first_denial(ENTRY, case)
    assert denial is not None
    assert (denial.rule, denial.value, denial.bound) == ("state", "REDUCING", "ACTIVE")


def test_after_an_amount_that_is_none_there_is_nothing_to_compare() -> None:
    assert [c.rule for c in ladder(ENTRY, Case(entry("a", notional="NaN"), FRESH, TINY, NOON))] == ["amount"]


@pytest.mark.covers("pitfall X1")
@pytest.mark.parametrize("action", ["exit", "cancel", "flatten"])
def test_what_reduces_passes_every_rule_about_entries(action: str) -> None:
    worst = replace(
        lost("900"),
        standing=Standing("REDUCING"),
        breaker="open",
        losing_exit_ms=NOON,
        entries=99,
        positions=held("1", "BTCUSDT"),
    )
    request = leaving(action=action)  # type: ignore[arg-type]
    assert first_denial(RULES[request.action], Case(request, worst, TINY, NOON)) is None


def test_halted_stops_exits_but_neither_cancels_nor_a_person() -> None:
    book = replace(FRESH, standing=Standing("HALTED", reason="reconcile failed"))
    answers = {
        action: first_denial(RULES[action], Case(leaving(action=action), book, TINY, NOON))
        for action in ("exit", "cancel", "flatten")
    }
    assert {action: answer and answer.code for action, answer in answers.items()} == {
        "exit": "E-RISK-HALTED",
        "cancel": None,
        "flatten": None,
    }


@pytest.mark.covers("pitfall X13")
@pytest.mark.parametrize(("profile", "order"), [("tiny", 25), ("helios", 100)])
def test_under_each_profile_the_default_order_passes_every_rule(profile: str, order: int) -> None:
    limits = PROFILES[profile]
    checks = ladder(ENTRY, Case(entry("a", notional=str(order)), FRESH, limits, NOON))
    assert all(check.passed for check in checks), checks
    check_order_fits(limits, Decimal(order))
    assert limits.drawdown == Decimal("0.25")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_larger_order_than_the_profiles_is_a_mistake_of_settings(profile: str) -> None:
    with pytest.raises(SettingsError, match="every entry would be refused"):
        check_order_fits(PROFILES[profile], PROFILES[profile].order_notional + 1)


@pytest.mark.parametrize("value", ["-1", "NaN", "Infinity"])
def test_a_limit_that_is_no_number_of_at_least_0_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="daily_loss"):
        replace(TINY, daily_loss=Decimal(value))


def test_a_limit_of_0_allows_nothing() -> None:
    fields = ("order_notional", "loss_per_trade", "daily_loss", "positions", "gross_exposure", "drawdown")
    for name in (*fields, "orders_per_bar", "orders_per_day"):
        limits: RiskLimits = replace(TINY, **{name: Decimal(0)})
        assert first_denial(ENTRY, Case(entry("a"), FRESH, limits, NOON)), name


def test_numbers_are_shown_without_exponents() -> None:
    shown = [plain(Decimal(text)) for text in ("25.00", "1E+2", "1E-12", "0.123456789", "NaN", "1E+999999")]
    assert shown == ["25", "100", "0", "0.12345678", "NaN", "1E+999999"]


@given(
    st.decimals()
    | st.decimals(-1000, 1000, places=9)
    | st.builds(Decimal.scaleb, st.decimals(1, 9), st.integers(-99, 99))
)
@example(Decimal("12345678901234567890123456789012.50"))
@example(Decimal("-0.0"))
def test_a_number_is_shown_to_8_decimals_however_it_was_computed(value: Decimal) -> None:
    if not value.is_finite() or abs(value.adjusted()) > 30:
        assert plain(value) == str(value)
    else:
        whole, _, decimals = f"{value:f}".partition(".")
        assert plain(value) == (f"{whole}.{decimals[:8]}".rstrip("0").rstrip(".") if decimals else whole)

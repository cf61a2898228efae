"""An order and its checks in one: the same as preparing it, and then asking for its checks."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, getcontext, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.exchange.filters_cases import AT_100, ENTRY, RICH, D, filters

from thunes.errors import UsageError
from thunes.exchange.filters import prepare
from thunes.exchange.filters.asked import Asked
from thunes.exchange.filters.check import Checks
from thunes.exchange.filters.conditions import Holdings, Prices
from thunes.exchange.filters.prepare import ExchangeFilters
from thunes.exchange.filters.rules import parse_rules
from thunes.exchange.filters.verdict import Denied
from thunes.exchange.orders import OrderTicket
from thunes.simulator.symbols.exchange_info import built_in

MAKE = filters()
RULES = {symbol.name: parse_rules(symbol.document) for symbol in built_in().symbols.values()}
SIDES = st.sampled_from(["BUY", "SELL"])
NUMBERS = st.decimals("1e-9", "1e9", allow_nan=False, allow_infinity=False) | st.sampled_from([D(0), D(-1), D("NaN")])
PRICE = st.none() | st.decimals("0.0001", "1e6", places=8) | st.just(D(0))
PRICES = st.builds(Prices, average=PRICE, average_age=st.sampled_from([0.0, 60.0]), bid=PRICE, ask=PRICE, last=PRICE)
FREE = st.decimals(0, "1e9", places=8)
HOLDINGS = st.none() | st.builds(Holdings, base_free=FREE, quote_free=FREE, open_orders=st.sampled_from([0, 200]))


@given(st.sampled_from(sorted(RULES)), SIDES, NUMBERS, st.booleans(), PRICES, HOLDINGS, st.booleans())
def test_an_order_is_judged_as_it_is_prepared_and_checked(
    symbol: str, side: Any, amount: Decimal, by_quote: bool, prices: Prices, holdings: Holdings | None, sweep: bool
) -> None:
    make, seen = ExchangeFilters(RULES), {"prices": prices, "holdings": holdings}
    wanted: dict[str, Any] = {"quote_qty" if by_quote else "quantity": amount, "client_order_id": "t-1", **seen}
    judged = make.judge_market_order(symbol, side, sweep_dust=sweep, **wanted)
    assert judged.found == make.prepare_market_order(symbol, side, sweep_dust=sweep, **wanted)
    if isinstance(judged.found, Denied):
        assert judged.checks == judged.found.checks
        assert not all(check.passed for check in judged.checks)
    else:
        assert judged.checks == make.checks(judged.found, prices=prices, holdings=holdings)
        assert all(check.passed for check in judged.checks)


@pytest.mark.parametrize("symbol", sorted(RULES))
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_on_every_symbol_an_order_that_is_made_comes_with_all_its_checks(symbol: str, side: Any) -> None:
    make, price = ExchangeFilters(RULES), RULES[symbol].tick * 10_000
    seen = {"prices": Prices(average=price, bid=price, ask=price), "holdings": RICH}
    found = make.judge_market_order(symbol, side, RULES[symbol].least_notional * 3, **seen)  # type: ignore[arg-type]
    assert isinstance(found.found, OrderTicket), found
    assert found.checks == make.checks(found.found, **seen)  # type: ignore[arg-type]
    assert {"STATUS", "LOT_SIZE", "NOTIONAL", "BALANCE", "MAX_NUM_ORDERS"} <= {check.filter for check in found.checks}


def test_the_ladder_is_climbed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    climbed: list[OrderTicket] = []
    climb = prepare.lone_ladder

    def counted(asked: Asked) -> Checks:
        climbed.append(asked.ticket)
        return climb(asked)

    monkeypatch.setattr(prepare, "lone_ladder", counted)
    for wanted in ({"quote_qty": 25}, {"quote_qty": 1_000_000}, {"quantity": 1}):
        found = MAKE.judge_market_order("BTCUSDT", "BUY", **wanted).found
        assert climbed == [found]
        climbed.clear()


def test_a_wrong_call_is_an_error_of_usage_and_leaves_the_context_as_it_was() -> None:
    before = getcontext().prec
    with pytest.raises(UsageError, match="E-SIDE"):
        MAKE.judge_market_order("BTCUSDT", "HOLD", 25)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="Give one of them"):
        MAKE.judge_market_order("BTCUSDT", "BUY")
    assert getcontext().prec == before


def test_a_caller_that_computes_with_few_digits_is_given_exact_numbers() -> None:
    prices = replace(AT_100, average=D("61234.12345678"), ask=D("61234.57"), last=None)
    wanted: dict[str, Any] = {"quote_qty": D("123.45678912"), "prices": prices, "holdings": RICH}
    exact = MAKE.judge_market_order("BTCUSDT", "BUY", **wanted)
    with localcontext() as context:
        context.prec = 4
        assert MAKE.judge_market_order("BTCUSDT", "BUY", **wanted) == exact
        assert MAKE.prepare_market_order("BTCUSDT", "BUY", **wanted) == exact.found
        assert isinstance(exact.found, OrderTicket)
        assert MAKE.checks(exact.found, prices=prices) == exact.checks


# What is kept with the rules


def test_checks_that_are_kept_are_those_of_each_kind_of_order_and_account() -> None:
    """One rules object for all of them, against one of its own for each."""
    rules = {"BTCUSDT": parse_rules({**ENTRY, "permissionSets": [["SPOT"], ["MARGIN"]]})}
    orders = [
        OrderTicket("BTCUSDT", side, kind, "t", quantity, quote, price=D(100) if kind == "LIMIT" else None)  # type: ignore[arg-type]
        for side in ("BUY", "SELL")
        for kind, quantity, quote in (("MARKET", D(1), None), ("MARKET", None, D(100)), ("LIMIT", D(1), None))
    ]
    for _ in range(2):
        for held in (["SPOT"], ["SPOT", "MARGIN"], []):
            make = ExchangeFilters(rules, permissions=held)
            for order in orders:
                anew = ExchangeFilters({"BTCUSDT": replace(rules["BTCUSDT"])}, permissions=held)
                found = make.checks(order, prices=AT_100)
                assert found == anew.checks(order, prices=AT_100)
                named = [check for check in found if check.filter in ("PERMISSION", "ORDER_TYPE", "UNKNOWN_FILTERS")]
                assert [check.passed for check in named if check.filter == "PERMISSION"] == [
                    "SPOT" in held, "MARGIN" in held,
                ]  # fmt: skip
                assert [check.value for check in named if check.subject == "type"] == [order.type]
                assert any(check.subject == "by quote quantity" for check in named) is (order.quantity is None)
                assert any(check.filter == "UNKNOWN_FILTERS" for check in named) is (order.side == "BUY")


def test_rules_that_are_read_again_keep_nothing_of_the_old_ones() -> None:
    rules = {"BTCUSDT": parse_rules(ENTRY)}
    make = ExchangeFilters(rules, prices=lambda _: AT_100, holdings=lambda _: RICH)
    assert isinstance(make.prepare_market_order("BTCUSDT", "BUY", 25), OrderTicket)
    rules["BTCUSDT"] = replace(rules["BTCUSDT"], status="HALT", is_spot=False, takes_quote_quantity=False)
    found = make.judge_market_order("BTCUSDT", "BUY", quantity=1)
    assert {check.filter for check in found.checks if not check.passed} == {"STATUS", "PERMISSION"}

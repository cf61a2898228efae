"""Answers as the exchange writes them, and what is none."""

from __future__ import annotations

import contextlib
import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes.exchange.binance import answers
from thunes.exchange.binance.answers import Malformed, read
from thunes.exchange.orders import Balance, Fees, Fill, OrderState, Quote

PLACED: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "orderListId": -1,
    "clientOrderId": "thunes-1",
    "transactTime": 1507725176595,
    "price": "0.00000000",
    "origQty": "10.00000000",
    "executedQty": "10.00000000",
    "origQuoteOrderQty": "0.00000000",
    "cummulativeQuoteQty": "39998.00000000",
    "status": "FILLED",
    "timeInForce": "GTC",
    "type": "MARKET",
    "side": "SELL",
    "workingTime": 1507725176595,
    "selfTradePreventionMode": "EXPIRE_MAKER",
    "fills": [
        {"price": "4000.00", "qty": "9.00", "commission": "36.0", "commissionAsset": "USDT", "tradeId": 56},
        {"price": "3998.00", "qty": "1.00", "commission": "0.01", "commissionAsset": "BNB", "tradeId": 57},
    ],
}
ORDER: dict[str, Any] = {
    "symbol": "LTCBTC",
    "orderId": 1,
    "orderListId": -1,
    "clientOrderId": "myOrder1",
    "price": "0.1",
    "origQty": "1.0",
    "executedQty": "0.0",
    "cummulativeQuoteQty": "0.0",
    "status": "NEW",
    "timeInForce": "GTC",
    "type": "STOP_LOSS_LIMIT",
    "side": "BUY",
    "stopPrice": "0.09",
    "icebergQty": "0.0",
    "time": 1499827319559,
    "updateTime": 1499827319559,
    "isWorking": True,
}
TRADE: dict[str, Any] = {
    "symbol": "BNBBTC",
    "id": 28457,
    "orderId": 100234,
    "price": "4.00000100",
    "qty": "12.00000000",
    "quoteQty": "48.000012",
    "commission": "10.10000000",
    "commissionAsset": "BNB",
    "time": 1499865549590,
    "isBuyer": True,
    "isMaker": False,
    "isBestMatch": True,
}
RATES = {"maker": "0.00000010", "taker": "0.00000020", "buyer": "0.00000030", "seller": "0.00000040"}
COMMISSION: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "standardCommission": RATES,
    "specialCommission": {"maker": "0.01", "taker": "0.02", "buyer": "0.03", "seller": "0.04"},
    "taxCommission": {"maker": "0.1", "taker": "0.2", "buyer": "0.3", "seller": "0.4"},
    "discount": {"enabledForAccount": True, "enabledForSymbol": True, "discountAsset": "BNB", "discount": "0.75"},
}
ACCOUNT = {
    "balances": [
        {"asset": "BTC", "free": "4723846.89208129", "locked": "0.00000000"},
        {"asset": "LTC", "free": "0.00", "locked": "0.5"},
        {"asset": "ETH", "free": "0.00", "locked": "0.00"},
    ]
}
BOOK = {"symbol": "LTCBTC", "bidPrice": "4.0", "bidQty": "431.0", "askPrice": "0.00000000", "askQty": "0.0"}
INFO = {"rateLimits": [], "symbols": [{"symbol": "ETHBTC"}, {"symbol": "LTCBTC", "status": "TRADING"}]}


def test_an_order_with_its_trades() -> None:
    order = read(answers.placed, PLACED)
    common: dict[str, Any] = {"symbol": "BTCUSDT", "order_id": 28, "side": "SELL", "time_ms": 1507725176595}
    assert order == OrderState(
        client_order_id="thunes-1",
        type="MARKET",
        status="FILLED",
        quantity=Decimal(10),
        executed=Decimal(10),
        quote_executed=Decimal(39_998),
        fills=(
            Fill(
                trade_id=56,
                price=Decimal(4_000),
                quantity=Decimal(9),
                quote=Decimal(36_000),
                commission=Decimal(36),
                commission_asset="USDT",
                maker=False,
                **common,
            ),
            Fill(
                trade_id=57,
                price=Decimal(3_998),
                quantity=Decimal(1),
                quote=Decimal(3_998),
                commission=Decimal("0.01"),
                commission_asset="BNB",
                maker=False,
                **common,
            ),
        ),
        **common,
    )


def test_an_order_that_is_asked_for() -> None:
    order = read(answers.order, ORDER)
    assert (order.price, order.stop_price, order.time_ms) == (Decimal("0.1"), Decimal("0.09"), 1499827319559)
    assert (order.client_order_id, order.type, order.status) == ("myOrder1", "STOP_LOSS_LIMIT", "NEW")


def test_a_status_that_is_not_known_is_kept() -> None:
    order = read(answers.order, {**ORDER, "status": "SUSPENDED"})
    assert (order.status, order.is_open) == ("SUSPENDED", True)


def test_a_cancel_tells_of_the_order_by_its_first_id() -> None:
    answer = {**PLACED, "origClientOrderId": "thunes-1", "clientOrderId": "c--thunes-1", "status": "CANCELED"}
    assert read(answers.cancelled, answer).client_order_id == "thunes-1"


@pytest.mark.parametrize(("renamed", "first"), [("c--thunes-1", "thunes-1"), ("c--28", "c--28"), ("web_1", "web_1")])
def test_what_we_cancelled_is_told_by_its_first_id_where_that_is_known(renamed: str, first: str) -> None:
    assert read(answers.order, {**ORDER, "clientOrderId": renamed}).client_order_id == first


def test_orders_and_trades_come_oldest_first() -> None:
    assert [order.order_id for order in read(answers.orders, [{**ORDER, "orderId": 3}, ORDER])] == [1, 3]
    assert [trade.trade_id for trade in read(answers.trades, [TRADE, {**TRADE, "id": 5}])] == [5, 28457]


def test_a_trade() -> None:
    assert read(answers.trades, [TRADE]) == [
        Fill(
            symbol="BNBBTC",
            trade_id=28457,
            order_id=100234,
            side="BUY",
            price=Decimal("4.000001"),
            quantity=Decimal(12),
            quote=Decimal("48.000012"),
            commission=Decimal("10.1"),
            commission_asset="BNB",
            maker=False,
            time_ms=1499865549590,
        )
    ]
    assert read(answers.trades, [{**TRADE, "isBuyer": False, "isMaker": True}])[0].side == "SELL"


def test_fees_add_up_and_take_the_dearer_side() -> None:
    assert read(answers.fees, COMMISSION) == Fees(Decimal("0.5500005"), Decimal("0.6600006"), in_bnb=True)


@pytest.mark.parametrize("part", [{"enabledForAccount": False}, {"enabledForSymbol": False}, {"discountAsset": "X"}])
def test_fees_are_paid_in_bnb_only_where_all_says_so(part: dict[str, Any]) -> None:
    assert not read(answers.fees, {**COMMISSION, "discount": {**COMMISSION["discount"], **part}}).in_bnb


def test_balances_leave_out_what_there_is_none_of() -> None:
    assert read(answers.balances, ACCOUNT) == {
        "BTC": Balance("BTC", Decimal("4723846.89208129"), Decimal(0)),
        "LTC": Balance("LTC", Decimal(0), Decimal("0.5")),
    }


def test_an_empty_side_of_the_book_has_no_price() -> None:
    quote = read(lambda one: answers.quote(one, "LTCBTC", 7), BOOK)
    assert quote == Quote("LTCBTC", Decimal(4), None, Decimal(431), Decimal(0), 7)


def test_the_entry_of_a_symbol() -> None:
    assert read(lambda one: answers.symbol_entry(one, "LTCBTC"), INFO) == {"symbol": "LTCBTC", "status": "TRADING"}


@pytest.mark.parametrize(
    ("reader", "document"),
    [
        (answers.server_time, {"serverTime": 1_500_000_000}),  # seconds
        (answers.server_time, {"serverTime": True}),
        (answers.server_time, {"serverTime": "1500000000000"}),
        (answers.average_price, {"price": "0.00000000"}),
        (answers.average_price, {"price": 1.5}),
        (answers.average_price, {"price": "NaN"}),
        (answers.average_price, {"price": "-1"}),
        (answers.average_price, {"price": "1,5"}),
        (lambda one: answers.quote(one, "BTCUSDT", 7), BOOK),
        (lambda one: answers.symbol_entry(one, "BTCUSDT"), {"symbols": {}}),
        (lambda one: answers.symbol_entry(one, "BTCUSDT"), INFO),
        (answers.order, {**ORDER, "side": "HOLD"}),
        (answers.order, {**ORDER, "clientOrderId": ""}),
        (answers.orders, {}),
        (answers.placed, {"code": -1, "msg": "no order at all"}),
        (answers.placed, None),
        (answers.placed, []),
    ],
)
def test_what_the_exchange_would_not_say_is_malformed(reader: Any, document: Any) -> None:
    with pytest.raises(Malformed):
        read(reader, document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
WHOLE = [
    (answers.placed, PLACED),
    (answers.order, ORDER),
    (answers.cancelled, {**PLACED, "origClientOrderId": "a"}),
    (answers.orders, [ORDER]),
    (answers.trades, [TRADE]),
    (answers.fees, COMMISSION),
    (answers.balances, ACCOUNT),
    (lambda one: answers.quote(one, "LTCBTC", 7), BOOK),
    (lambda one: answers.symbol_entry(one, "LTCBTC"), INFO),
]


@given(st.sampled_from(WHOLE), JSON, st.data())
def test_a_damaged_answer_is_read_or_malformed_and_nothing_else(pair: Any, junk: Any, data: st.DataObject) -> None:
    reader, document = pair[0], copy.deepcopy(pair[1])
    place = document[0] if isinstance(document, list) else document
    place[data.draw(st.sampled_from(sorted(place)))] = junk
    for one in (document, junk):
        with contextlib.suppress(Malformed):
            read(reader, one)

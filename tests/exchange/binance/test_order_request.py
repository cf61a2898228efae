"""What is sent for an order."""

from __future__ import annotations

import re
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from thunes.exchange.binance.order_request import CANCEL, cancel_id, decimal_text, order_parameters, original_id
from thunes.exchange.orders import OrderTicket

IDS = st.from_regex(r"[a-zA-Z0-9-_]{1,36}", fullmatch=True)
NUMBER = re.compile(r"([0-9]{1,20})(\.[0-9]{1,20})?")  # what the exchange takes for one


def test_a_market_order_by_its_quote_amount() -> None:
    ticket = OrderTicket("BTCUSDT", "BUY", "MARKET", "a-1", quote_quantity=Decimal("25.50"))
    assert order_parameters(ticket) == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "MARKET",
        "newClientOrderId": "a-1",
        "newOrderRespType": "FULL",
        "quoteOrderQty": "25.5",
    }


def test_a_stop_with_all_it_has() -> None:
    amounts = {"quantity": Decimal("1E-5"), "price": Decimal(100), "stop_price": Decimal("101.10")}
    ticket = OrderTicket("BTCUSDT", "SELL", "STOP_LOSS_LIMIT", "a-1", **amounts, time_in_force="GTC")  # type: ignore[arg-type]
    sent = order_parameters(ticket)
    assert (sent["quantity"], sent["price"], sent["stopPrice"]) == ("0.00001", "100", "101.1")
    assert sent["timeInForce"] == "GTC"


@given(st.decimals(min_value=0, max_value=10**12, allow_nan=False, places=12))
def test_a_number_is_text_that_the_exchange_reads_as_the_same(number: Decimal) -> None:
    text = decimal_text(number)
    assert NUMBER.fullmatch(text)
    assert Decimal(text) == number
    assert not re.search(r"\..*0$", text)


@given(IDS, st.integers(1, 10**15) | st.none())
def test_a_cancel_has_an_id_that_the_exchange_takes(client_id: str, order_id: int | None) -> None:
    given_id = cancel_id(order_id, client_id)
    assert re.fullmatch(r"[a-zA-Z0-9-_]{1,36}", given_id)
    assert given_id == cancel_id(order_id, client_id)
    assert given_id.startswith(CANCEL)


@given(IDS.filter(lambda one: len(one) <= 33 and not one.isdecimal()), st.integers(1, 10**15) | st.none())
def test_a_cancel_tells_the_first_id(client_id: str, order_id: int | None) -> None:
    assert original_id(cancel_id(order_id, client_id)) == client_id


def test_a_long_id_gives_way_to_the_exchanges_own() -> None:
    assert cancel_id(7, "x" * 36) == "c--7"
    assert cancel_id(None, "y" + "x" * 35) == "c--" + "x" * 33

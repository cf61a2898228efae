"""Parameters become an order, or the exchange's own refusal with its code and text."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.symbols.cases import BITCOIN, limit, order

from thunes.simulator.api import parameters as read
from thunes.simulator.api.parameters import check_precision, gather, parse_order
from thunes.simulator.request import OrderRequest, Refused

D = Decimal
NUMBER_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
BASE = {"symbol": "BTCUSDT", "side": "BUY"}
LIMIT = {**BASE, "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "2"}
SAMPLES = {
    "timeInForce": "GTC",
    "quantity": "1",
    "quoteOrderQty": "10",
    "price": "2",
    "stopPrice": "3",
    "trailingDelta": "100",
    "icebergQty": "0.5",
}
# What each type takes: mandatory, one of, and allowed; from the exchange's table of the new order.
TABLE = {
    "LIMIT": ({"timeInForce", "quantity", "price"}, set(), {"icebergQty"}),
    "LIMIT_MAKER": ({"quantity", "price"}, set(), {"icebergQty"}),
    "MARKET": (set(), {"quantity", "quoteOrderQty"}, set()),
    "STOP_LOSS": ({"quantity"}, {"stopPrice", "trailingDelta"}, set()),
    "STOP_LOSS_LIMIT": ({"timeInForce", "quantity", "price"}, {"stopPrice", "trailingDelta"}, {"icebergQty"}),
    "TAKE_PROFIT": ({"quantity"}, {"stopPrice", "trailingDelta"}, set()),
    "TAKE_PROFIT_LIMIT": ({"timeInForce", "quantity", "price"}, {"stopPrice", "trailingDelta"}, {"icebergQty"}),
}


def parse(sent: dict[str, str]) -> OrderRequest:
    return parse_order(sent, lambda: 7)


def refusal(call: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        call(*arguments, **named)
    assert refused.value.status == 400
    return refused.value.code, refused.value.message


def test_a_limit_order_is_read_field_by_field() -> None:
    sent = LIMIT | {
        "quantity": "0.00100",
        "price": "60000.01",
        "newClientOrderId": "bot-1",
        "newOrderRespType": "ACK",
        "selfTradePreventionMode": "EXPIRE_BOTH",
        "strategyId": "5",
        "strategyType": "1000000",
        "icebergQty": "0.0005",
        "timestamp": "1700000000000",
        "recvWindow": "5000",
        "signature": "ab",
    }
    assert parse(sent) == OrderRequest(
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT",
        client_order_id="bot-1",
        time_in_force="GTC",
        quantity=D("0.001"),
        price=D("60000.01"),
        iceberg_quantity=D("0.0005"),
        self_trade_prevention="EXPIRE_BOTH",
        response_type="ACK",
        strategy_id=5,
        strategy_type=1_000_000,
    )


@pytest.mark.parametrize("name", TABLE)
def test_a_type_takes_what_its_row_says_and_no_less(name: str) -> None:
    needed, either, allowed = TABLE[name]
    for choice in either or {""}:
        full = BASE | {"type": name} | {key: SAMPLES[key] for key in needed | ({choice} - {""}) | allowed}
        assert parse(full).type == name
        for missing in needed:
            expected = f"Mandatory parameter '{missing}' was not sent, was empty/null, or malformed."
            assert refusal(parse, {key: full[key] for key in full if key != missing}) == (-1102, expected)


@pytest.mark.parametrize("name", TABLE)
def test_a_type_takes_nothing_else(name: str) -> None:
    needed, either, allowed = TABLE[name]
    least = BASE | {"type": name} | {key: SAMPLES[key] for key in [*needed, *sorted(either)[:1]]}
    for other in SAMPLES.keys() - needed - either - allowed:
        expected = f"Parameter '{other}' sent when not required."
        assert refusal(parse, least | {other: SAMPLES[other]}) == (-1106, expected)


def test_a_market_order_has_one_quantity_and_not_two() -> None:
    market = BASE | {"type": "MARKET"}
    neither = "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"
    assert refusal(parse, market) == (-1102, neither)
    both = "Parameter 'quoteOrderQty' sent when not required."
    assert refusal(parse, market | {"quantity": "1", "quoteOrderQty": "1"}) == (-1106, both)


def test_a_stop_may_have_both_triggers_and_must_have_one() -> None:
    stop = BASE | {"type": "STOP_LOSS", "quantity": "1"}
    both = parse(stop | {"stopPrice": "3", "trailingDelta": "100"})
    assert (both.stop_price, both.trailing_delta) == (3, 100)
    neither = "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!"
    assert refusal(parse, stop) == (-1102, neither)


@pytest.mark.parametrize("missing", ["symbol", "side", "type"])
def test_what_every_order_needs_is_mandatory(missing: str) -> None:
    sent = {key: value for key, value in LIMIT.items() if key != missing}
    expected = f"Mandatory parameter '{missing}' was not sent, was empty/null, or malformed."
    assert refusal(parse, sent) == (-1102, expected)


@pytest.mark.parametrize("value", ["1e-05", "-1", "+1", "1.", ".5", "1,5", " 1", "1\n", "0x1", "NaN", "1" * 21, "٣"])
@pytest.mark.parametrize("name", ["quantity", "price", "icebergQty"])
def test_a_number_in_another_shape_is_refused(name: str, value: str) -> None:
    expected = f"Illegal characters found in parameter '{name}'; legal range is '{NUMBER_RANGE}'."
    assert refusal(parse, LIMIT | {name: value}) == (-1100, expected)


@pytest.mark.parametrize(
    ("name", "value", "legal"),
    [
        ("newClientOrderId", "a b", "^[a-zA-Z0-9-_]{1,36}$"),
        ("newClientOrderId", "a" * 37, "^[a-zA-Z0-9-_]{1,36}$"),
        ("strategyId", "1.5", "^[0-9]{1,20}$"),
        ("trailingDelta", "-1", "^[0-9]{1,20}$"),
        ("symbol", "btcusdt", r"^[\w\-._&&[^a-z]]{1,50}$"),
        ("symbol", "BTC/USDT", r"^[\w\-._&&[^a-z]]{1,50}$"),
    ],
)
def test_an_id_or_name_in_another_shape_is_refused(name: str, value: str, legal: str) -> None:
    expected = f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    assert refusal(parse, LIMIT | {name: value}) == (-1100, expected)


def test_a_symbol_may_have_letters_of_any_script() -> None:
    assert parse(LIMIT | {"symbol": "币安人生USDT"}).symbol == "币安人生USDT"


@pytest.mark.parametrize(
    ("name", "value", "code", "message"),
    [
        ("side", "buy", -1117, "Invalid side."),
        ("type", "STOP", -1116, "Invalid orderType."),
        ("timeInForce", "GTD", -1115, "Invalid timeInForce."),
        ("newOrderRespType", "LONG", -1130, "Data sent for parameter 'newOrderRespType' is not valid."),
        ("selfTradePreventionMode", "NO", -1130, "Data sent for parameter 'selfTradePreventionMode' is not valid."),
        ("strategyType", "999999", -1134, "strategyType was less than 1000000."),
    ],
)
def test_an_unknown_word_is_refused(name: str, value: str, code: int, message: str) -> None:
    assert refusal(parse, LIMIT | {name: value}) == (code, message)


@pytest.mark.parametrize("mode", ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"])
def test_every_self_trade_prevention_of_the_exchange_is_known(mode: str) -> None:
    assert parse(LIMIT | {"selfTradePreventionMode": mode}).self_trade_prevention == mode


def test_a_misspelt_parameter_is_counted_as_unread() -> None:
    expected = "Not all sent parameters were read; read '6' parameter(s) but was sent '7'."
    assert refusal(parse, LIMIT | {"stopLimitTimeInForce": "GTC"}) == (-1104, expected)


def test_a_route_may_read_more() -> None:
    also = LIMIT | {"computeCommissionRates": "true"}
    assert parse_order(also, lambda: 1, {"computeCommissionRates"}).type == "LIMIT"
    assert refusal(parse, also)[0] == -1104


def test_an_iceberg_must_be_good_till_canceled() -> None:
    iceberg = LIMIT | {"icebergQty": "0.5"}
    assert refusal(parse, iceberg | {"timeInForce": "IOC"}) == (-1014, "Unsupported order combination.")
    assert parse(LIMIT | {"timeInForce": "FOK", "icebergQty": "0.00"}).iceberg_quantity is None


@pytest.mark.parametrize("name", TABLE)
def test_limit_and_market_orders_are_answered_in_full_and_others_by_an_ack(name: str) -> None:
    needed, either, _ = TABLE[name]
    sent = BASE | {"type": name} | {key: SAMPLES[key] for key in [*needed, *sorted(either)[:1]]}
    assert parse(sent).response_type == ("FULL" if name in ("LIMIT", "MARKET") else "ACK")


def test_an_order_without_an_id_gets_the_next_of_the_exchange_s() -> None:
    numbers = count(41)
    ids = [parse_order(LIMIT, lambda: next(numbers)).client_order_id for _ in range(2)]
    assert ids == ["sim0000000000000000041", "sim0000000000000000042"]


def test_a_parameter_sent_twice_or_empty_is_refused() -> None:
    assert gather([("a", "1"), ("b", "2")]) == {"a": "1", "b": "2"}
    assert refusal(gather, [("a", "1"), ("a", "1")]) == (-1101, "Duplicate values for a parameter detected.")
    assert refusal(gather, [("price", "")]) == (-1105, "Parameter 'price' was empty.")


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (limit("0.000000001", "1"), "quantity"),
        (limit("1", "1.000000000"), "price"),
        (limit("1", "1", icebergQty="0.123456789"), "icebergQty"),
        (order("STOP_LOSS", quantity="1", stopPrice="0.000000001"), "stopPrice"),
        (order("MARKET", quoteOrderQty="10.000000001"), "quoteOrderQty"),
    ],
)
def test_more_decimals_than_the_asset_has_are_refused(request_: OrderRequest, name: str) -> None:
    expected = f"Parameter '{name}' has too much precision."
    assert refusal(check_precision, BITCOIN, request_) == (-1111, expected)


def test_as_many_decimals_as_the_asset_has_are_taken() -> None:
    check_precision(BITCOIN, limit("0.12345678", "100"))
    check_precision(BITCOIN, order("MARKET", quoteOrderQty="10.12345678"))


def test_numbers_and_ids_of_other_routes_are_read() -> None:
    assert read.number({"newQty": "0.5"}, "newQty") == D("0.5")
    assert read.whole({"orderId": "12"}, "orderId") == 12
    assert read.client_id({"origClientOrderId": "a-1"}, "origClientOrderId") == "a-1"
    assert read.number({}, "x") is read.whole({}, "x") is read.client_id({}, "x") is None
    for reader in (read.number, read.whole, read.client_id):
        assert refusal(reader, {"x": "a b"}, "x")[0] == -1100


def test_lists_of_symbols_are_json_without_spaces() -> None:
    assert read.names({"symbols": '["BTCUSDT","BNBBTC"]'}, "symbols") == ("BTCUSDT", "BNBBTC")
    assert read.names({"symbols": "[]"}, "symbols") == ()
    assert read.names({}, "symbols") is None
    for wrong in ('["BTCUSDT", "BNBBTC"]', "BTCUSDT", '["btcusdt"]', '["A",]', "[1]"):
        assert refusal(read.names, {"symbols": wrong}, "symbols")[0] == -1100


def test_one_name_stands_for_a_list_of_one() -> None:
    assert read.name_or_names({"permissions": "SPOT"}, "permissions") == ("SPOT",)
    assert read.name_or_names({"permissions": '["SPOT","MARGIN"]'}, "permissions") == ("SPOT", "MARGIN")
    assert read.name_or_names({}, "permissions") is None
    assert refusal(read.name_or_names, {"permissions": "SPOT,MARGIN"}, "permissions")[0] == -1100


def test_a_flag_is_true_or_false() -> None:
    assert read.flag({"x": "true"}, "x", default=False)
    assert not read.flag({"x": "false"}, "x", default=True)
    assert read.flag({}, "x", default=True)
    assert refusal(read.flag, {"x": "TRUE"}, "x", default=True) == (-1130, "Data sent for parameter 'x' is not valid.")


def test_a_limit_has_a_default_and_a_most() -> None:
    assert [read.limit(sent, 500, 1000) for sent in ({}, {"limit": "7"}, {"limit": "5000"})] == [500, 7, 1000]
    assert refusal(read.limit, {"limit": "0"}, 500, 1000)[0] == -1130


def test_an_interval_is_one_of_the_exchange_s() -> None:
    assert read.interval({"interval": "1M"}) == "1M"
    assert refusal(read.interval, {"interval": "1H"}) == (-1120, "Invalid interval.")
    assert refusal(read.interval, {})[0] == -1102


def test_a_symbol_is_mandatory_where_it_is_read() -> None:
    assert read.symbol_name({"symbol": "BTCUSDT"}) == "BTCUSDT"
    assert refusal(read.symbol_name, {})[0] == -1102
    assert refusal(read.symbol_name, {"symbol": "btc"})[0] == -1100


def test_a_signed_request_has_a_time_and_a_window() -> None:
    assert read.timing({"timestamp": "1700000000000"}) == (1_700_000_000_000, 5000)
    assert read.timing({"timestamp": "1", "recvWindow": "60000"}) == (1, 60_000)
    assert read.timing({"timestamp": "1", "recvWindow": "0.125"}) == (1, D("0.125"))
    assert refusal(read.timing, {"recvWindow": "1"})[0] == -1102
    assert refusal(read.timing, {"timestamp": "soon"})[0] == -1100
    assert refusal(read.timing, {"timestamp": "1", "recvWindow": "0.1234"})[0] == -1100
    expected = (-1131, "recvWindow must be less than 60000")
    assert refusal(read.timing, {"timestamp": "1", "recvWindow": "60001"}) == expected


NAMES = st.sampled_from([*SAMPLES, *BASE, "type", "newClientOrderId", "newOrderRespType", "strategyType", "typo"])
VALUES = st.text(max_size=8) | st.sampled_from(
    ["BTCUSDT", "BUY", "LIMIT", "MARKET", "STOP_LOSS", "GTC", "1", "0.5", "ACK"]
)


@given(st.lists(st.tuples(NAMES, VALUES)))
def test_whatever_is_sent_becomes_an_order_or_a_refusal(pairs: list[tuple[str, str]]) -> None:
    try:
        outcome: OrderRequest | Refused = parse(gather(pairs))
    except Refused as refused:
        outcome = refused
    if isinstance(outcome, Refused):
        assert outcome.status == 400
        assert -1200 < outcome.code <= -1000
    else:
        assert outcome.quantity is None or outcome.quantity >= 0

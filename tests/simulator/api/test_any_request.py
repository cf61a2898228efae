"""Whatever is sent, the answer is a document or the exchange's own refusal, and no money is lost or made."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.api.trader import ROUTES, Trader, trader

from thunes.simulator.request import Refused

WORDS = (
    *("BTCUSDT", "ETHUSDT", "NOPE", "BUY", "SELL", "GTC", "IOC", "FOK", "ACK", "RESULT", "FULL", "true", "false"),
    *("LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"),
    *("STOP_ON_FAILURE", "ALLOW_FAILURE", "CANCEL_ONLY", "ONLY_NEW", "PRIMARY_PEG", "PRICE_LEVEL", "DECREMENT"),
    *("0", "1", "2", "3", "0.01", "0.1", "29000", "30000.01", "99999999999999999999", "0.00000000000000000001"),
    *("1000000", "1514768400000", "mine", "a b", "1e-05", "-1", "é", "'", "[]"),
)
LIMIT = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "28000"}
ENTRY = {"workingSide": "BUY", "workingQuantity": "0.01", "workingType": "LIMIT", "workingTimeInForce": "GTC"}
# Requests that are answered, with the market at 30,000 and orders 1, 2 … there.
GOOD: dict[str, list[dict[str, str]]] = {
    "POST order": [
        LIMIT,
        LIMIT | {"price": "33000"},
        LIMIT | {"side": "SELL", "price": "32000", "newClientOrderId": "mine"},
        {"side": "SELL", "type": "MARKET", "quantity": "0.02"},
        {"side": "BUY", "type": "MARKET", "quoteOrderQty": "100"},
        {"side": "BUY", "type": "STOP_LOSS", "quantity": "0.01", "stopPrice": "31000"},
        {"side": "SELL", "type": "TAKE_PROFIT", "quantity": "0.01", "trailingDelta": "100"},
    ],
    "POST order/test": [LIMIT | {"computeCommissionRates": "true"}],
    "POST order/cancelReplace": [
        LIMIT | {"cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": "1"},
        LIMIT | {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "mine", "price": "27000"},
    ],
    "PUT order/amend/keepPriority": [{"orderId": "1", "newQty": "0.005"}, {"orderId": "3", "newQty": "0.008"}],
    "POST order/oco": [{"side": "SELL", "quantity": "0.01", "price": "32000", "stopPrice": "28000"}],
    "POST orderList/oco": [
        {
            "side": "SELL",
            "quantity": "0.01",
            "aboveType": "LIMIT_MAKER",
            "abovePrice": "32000",
            "belowType": "STOP_LOSS",
            "belowStopPrice": "28000",
        },
    ],
    "POST orderList/oto": [
        ENTRY | {"workingPrice": price, "pendingSide": "SELL", "pendingQuantity": "0.009", "pendingType": "MARKET"}
        for price in ("28000", "32000")
    ],
    "POST orderList/otoco": [
        {
            **ENTRY,
            "workingPrice": price,
            "pendingSide": "SELL",
            "pendingQuantity": "0.009",
            "pendingAboveType": "TAKE_PROFIT",
            "pendingAboveStopPrice": "33000",
            "pendingBelowType": "STOP_LOSS",
            "pendingBelowStopPrice": "27000",
        }
        for price in ("28000", "32000")
    ],
    "DELETE order": [{"orderId": "1"}, {"origClientOrderId": "mine"}, {"orderId": "3"}],
    "DELETE orderList": [{"orderListId": "1"}],
    "GET order": [{"orderId": "1"}, {"origClientOrderId": "mine"}],
    "GET order/amendments": [{"orderId": "1"}],
    "GET myPreventedMatches": [{"orderId": "1"}, {"preventedMatchId": "1"}],
    "GET orderList": [{"orderListId": "1"}],
    "POST sor/order": [LIMIT],
    "POST sor/order/test": [LIMIT],
}
NAMES = sorted({name for ways in GOOD.values() for way in ways for name in way} | {"symbol", "limit", "startTime"})
PLACING = sorted(name for name in GOOD if name.startswith(("POST", "PUT", "DELETE")))


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """A good request, or one that was spoilt a little."""
    name = draw(st.sampled_from(PLACING) | st.sampled_from(sorted(ROUTES)))
    needs_symbol = ROUTES[name].reads is None or "symbol" in (ROUTES[name].reads or ())
    sent = draw(st.sampled_from(GOOD.get(name, [{}]))) | ({"symbol": "BTCUSDT"} if needs_symbol else {})
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
        spoilt = draw(st.sampled_from(sorted(sent) or NAMES) | st.sampled_from(NAMES))
        if spoilt in sent and draw(st.booleans()):
            del sent[spoilt]
        else:
            sent = sent | {spoilt: draw(st.sampled_from(WORDS) | st.text(max_size=5))}
    return name, sent


def answer(market: Trader, name: str, sent: dict[str, str]) -> Any:
    try:
        return market.ask(name, **sent)
    except Refused as refused:
        return [refused.status, refused.code, refused.message, refused.data]


@given(st.lists(requests(), min_size=1, max_size=15))
def test_any_request_has_an_answer(sent: list[tuple[str, dict[str, str]]]) -> None:
    market = trader()
    for name, parameters in sent:
        orjson.dumps(answer(market, name, parameters))
        assert market.is_whole()
    balances = market.exchange.engine.account("ann").balances.values()
    assert all(balance.free >= 0 and balance.locked >= 0 for balance in balances)


@given(
    st.dictionaries(st.text(max_size=8) | st.sampled_from(NAMES), st.text(max_size=8), max_size=4),
    st.sampled_from(sorted(ROUTES)),
)
def test_any_text_has_an_answer(parameters: dict[str, str], name: str) -> None:
    orjson.dumps(answer(trader(), name, parameters))

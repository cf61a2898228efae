"""A symbol that does not trade, or knows no such order, says why."""

from __future__ import annotations

from typing import Any

import pytest
from tests.simulator.symbols.cases import BITCOIN, limit, order, symbol

from thunes.simulator.request import OrderRequest, Refused
from thunes.simulator.symbols.tradable import check_tradable

BASIC = ["LIMIT", "LIMIT_MAKER"]
MARKET = order("MARKET", quoteOrderQty="1")
ICEBERG = limit("1", "1", icebergQty="1")
STOPS = {
    "STOP_LOSS_LIMIT": order("STOP_LOSS_LIMIT", quantity="1", price="1", stopPrice="1", timeInForce="GTC"),
    "TAKE_PROFIT": order("TAKE_PROFIT", quantity="1", stopPrice="1"),
    "TAKE_PROFIT_LIMIT": order("TAKE_PROFIT_LIMIT", quantity="1", price="1", stopPrice="1", timeInForce="GTC"),
}
TRAILING = order("STOP_LOSS", quantity="1", trailingDelta="10")


@pytest.mark.parametrize(
    ("changes", "request_", "message"),
    [
        ({"status": "HALT"}, MARKET, "Market is closed."),
        ({"status": "BREAK"}, MARKET, "Market is closed."),
        ({"status": "CANCEL_ONLY"}, MARKET, "This order type is not possible in this trading phase."),
        ({"status": "SOMETHING_NEW"}, MARKET, "This order type is not possible in this trading phase."),
        ({"orderTypes": BASIC}, MARKET, "Market orders are not supported for this symbol."),
        ({"orderTypes": BASIC}, TRAILING, "Stop loss orders are not supported for this symbol."),
        ({"orderTypes": BASIC}, STOPS["STOP_LOSS_LIMIT"], "Stop loss limit orders are not supported for this symbol."),
        ({"orderTypes": BASIC}, STOPS["TAKE_PROFIT"], "Take profit orders are not supported for this symbol."),
        (
            {"orderTypes": BASIC},
            STOPS["TAKE_PROFIT_LIMIT"],
            "Take profit limit orders are not supported for this symbol.",
        ),
        ({"orderTypes": []}, ICEBERG, "This order type is not possible in this trading phase."),
        (
            {"quoteOrderQtyMarketAllowed": False},
            MARKET,
            "Quote order qty market orders are not support for this symbol.",
        ),
        ({"icebergAllowed": False}, ICEBERG, "Iceberg orders are not supported for this symbol."),
        ({"allowTrailingStop": False}, TRAILING, "Trailing stop orders are not supported for this symbol."),
        (
            {"allowedSelfTradePreventionModes": ["EXPIRE_TAKER"]},
            MARKET,
            "This symbol does not allow the specified self-trade prevention mode.",
        ),
        ({"isSpotTradingAllowed": False}, MARKET, "This symbol is not permitted for this account."),
    ],
)
def test_what_a_symbol_does_not_take_is_refused(changes: dict[str, Any], request_: OrderRequest, message: str) -> None:
    check_tradable(BITCOIN, request_)
    with pytest.raises(Refused) as refused:
        check_tradable(symbol(**changes), request_)
    assert (refused.value.status, refused.value.code, refused.value.message) == (400, -1013, message)


def test_a_self_trade_prevention_that_the_symbol_lacks_is_refused() -> None:
    check_tradable(BITCOIN, limit("1", "1", selfTradePreventionMode="EXPIRE_BOTH"))
    with pytest.raises(Refused, match="self-trade prevention mode"):
        check_tradable(BITCOIN, limit("1", "1", selfTradePreventionMode="NONE"))

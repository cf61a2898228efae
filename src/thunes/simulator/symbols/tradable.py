"""Whether a symbol takes an order at all: its status, its order types and its flags, before any filter."""

from __future__ import annotations

from thunes.simulator.request import OrderRequest, Refused
from thunes.simulator.symbols.symbol import Symbol

UNSUPPORTED = {
    "MARKET": "Market orders are not supported for this symbol.",
    "STOP_LOSS": "Stop loss orders are not supported for this symbol.",
    "STOP_LOSS_LIMIT": "Stop loss limit orders are not supported for this symbol.",
    "TAKE_PROFIT": "Take profit orders are not supported for this symbol.",
    "TAKE_PROFIT_LIMIT": "Take profit limit orders are not supported for this symbol.",
}
WRONG_PHASE = "This order type is not possible in this trading phase."


def check_tradable(symbol: Symbol, request: OrderRequest) -> None:
    """Raise `Refused` when the symbol does not trade, or knows no such order."""
    message = _closed(symbol) or _unsupported(symbol, request)
    if message:
        raise Refused(400, -1013, message)


def check_status(symbol: Symbol) -> None:
    """Raise `Refused` when the symbol takes no orders of any kind."""
    message = _closed(symbol)
    if message:
        raise Refused(400, -1013, message)


def _closed(symbol: Symbol) -> str:
    if symbol.status in ("HALT", "BREAK"):
        return "Market is closed."
    return "" if symbol.status == "TRADING" else WRONG_PHASE  # CANCEL_ONLY, and what is not known yet


def _unsupported(symbol: Symbol, request: OrderRequest) -> str:
    prevention = request.self_trade_prevention or symbol.default_self_trade_prevention
    if request.type not in symbol.order_types:
        return UNSUPPORTED.get(request.type, WRONG_PHASE)
    if request.quote_quantity is not None and not symbol.quote_quantity_allowed:
        return "Quote order qty market orders are not support for this symbol."
    if request.iceberg_quantity is not None and not symbol.iceberg_allowed:
        return "Iceberg orders are not supported for this symbol."
    if request.trailing_delta is not None and not symbol.trailing_allowed:
        return "Trailing stop orders are not supported for this symbol."
    if prevention not in symbol.self_trade_preventions:
        return "This symbol does not allow the specified self-trade prevention mode."
    return "" if symbol.spot_allowed else "This symbol is not permitted for this account."

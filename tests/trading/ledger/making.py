"""Orders, fills and ledgers in one line."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from thunes.exchange.orders import Balance, Fill, OrderState, OrderTicket, Side
from thunes.exchange.outcomes import Accepted
from thunes.trading.ledger.values import Intent, Valuation

D = Decimal
IN_USDT = Valuation("BTC", "USDT", {"BNB": D(500)}, D("0.0001"))


def intent(client_id: str = "one", *, symbol: str = "BTCUSDT", time_ms: int = 1, **more: Any) -> Intent:
    given = {"quote_quantity": D(25)} | more
    return Intent(OrderTicket(symbol, "BUY", "MARKET", client_id, **given), "sma_cross", 0, time_ms)


def accepted(client_id: str = "one", status: str = "FILLED", executed: str = "1", **more: Any) -> Accepted:
    given: dict[str, Any] = {"order_id": 7, "quote_executed": D(100) * D(executed), "time_ms": 2} | more
    return Accepted(
        OrderState(
            symbol="BTCUSDT",
            client_order_id=client_id,
            side="BUY",
            type="MARKET",
            status=status,
            quantity=D(1),
            executed=D(executed),
            **given,
        )
    )


def fill(
    trade_id: int, side: Side = "BUY", quantity: str = "1", price: str = "100", fee: str = "0 USDT", **more: Any
) -> Fill:
    """`fee`: amount and asset."""
    amount, asset = fee.split()
    given: dict[str, Any] = {"symbol": "BTCUSDT", "order_id": 7, "maker": False, "time_ms": 1_000 + trade_id} | more
    return Fill(
        trade_id=trade_id,
        side=side,
        price=D(price),
        quantity=D(quantity),
        quote=D(price) * D(quantity),
        commission=D(amount),
        commission_asset=asset,
        **given,
    )


def balances(**free: str) -> dict[str, Balance]:
    return {asset: Balance(asset, D(amount), D(0)) for asset, amount in free.items()}

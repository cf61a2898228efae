"""What is sent for an order: text in fixed-point notation, never a float."""

from __future__ import annotations

from decimal import Decimal

from thunes.exchange.orders import OrderTicket

LONGEST_ID = 36
CANCEL = "c--"  # begins the client id of a cancel


def order_parameters(ticket: OrderTicket) -> dict[str, str]:
    """The parameters of a ticket; the answer is always asked for in full, whatever the type's default."""
    sent = {
        "symbol": ticket.symbol,
        "side": ticket.side,
        "type": ticket.type,
        "newClientOrderId": ticket.client_order_id,
        "newOrderRespType": "FULL",
    }
    numbers = {
        "quantity": ticket.quantity,
        "quoteOrderQty": ticket.quote_quantity,
        "price": ticket.price,
        "stopPrice": ticket.stop_price,
    }
    sent |= {name: decimal_text(number) for name, number in numbers.items() if number is not None}
    if ticket.time_in_force is not None:
        sent["timeInForce"] = ticket.time_in_force
    return sent


def decimal_text(number: Decimal) -> str:
    """No exponent, and no zeros at the end: they would count as decimals.

    >>> decimal_text(Decimal("1E-5")), decimal_text(Decimal("20.10")), decimal_text(Decimal("100"))
    ('0.00001', '20.1', '100')
    """
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def which_order(symbol: str, order_id: int | None, client_order_id: str | None) -> dict[str, str | int]:
    """The parameters that name an order: by the exchange's id where it is known, as only that one never changes."""
    if order_id is not None:
        return {"symbol": symbol, "orderId": order_id}
    if client_order_id is not None:
        return {"symbol": symbol, "origClientOrderId": client_order_id}
    raise ValueError("an order is named by its order_id or its client_order_id")


def cancel_id(order_id: int | None, client_order_id: str | None) -> str:
    """The client id of a cancel, which the order bears from then on: the same each time it is tried.

    >>> cancel_id(7, None), cancel_id(7, "sma-BTC-1"), original_id("c--sma-BTC-1")
    ('c--7', 'c--sma-BTC-1', 'sma-BTC-1')
    """
    if client_order_id is not None and len(CANCEL + client_order_id) <= LONGEST_ID:
        return CANCEL + client_order_id
    return CANCEL + (str(order_id) if order_id is not None else str(client_order_id)[-(LONGEST_ID - len(CANCEL)) :])


def original_id(client_order_id: str) -> str:
    """The client id that an order had before we cancelled it, as far as that one's still tells."""
    original = client_order_id.removeprefix(CANCEL)
    return client_order_id if original.isdecimal() else original  # a number is the exchange's id, not ours

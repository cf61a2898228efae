"""Answers of the exchange as our values: pure functions of the JSON that it sends.

Each raises `Malformed` for what it would not send. Unknown fields are let pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from thunes.exchange.binance.order_request import original_id
from thunes.exchange.orders import Balance, Fees, Fill, OrderState, Quote, Side

T = TypeVar("T")
Document = Mapping[str, Any]
BNB = "BNB"
UNREADABLE = (KeyError, TypeError, ValueError, IndexError, AttributeError)


class Malformed(Exception):
    """JSON that is no answer to what was asked."""


def read(reader: Callable[[Any], T], document: Any) -> T:
    """What a reader makes of an answer; `Malformed` where it cannot."""
    try:
        return reader(document)
    except UNREADABLE as error:
        raise Malformed(f"{type(error).__name__} {error} in {str(document)[:60]!r}") from None


# Numbers


def amount(text: object) -> Decimal:
    """A number as the exchange writes it: text, finite, not below 0."""
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is no decimal text")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no number") from None
    if not number.is_finite() or number < 0:
        raise ValueError(f"{text!r} is no amount")
    return number


def whole(value: object) -> int:
    """An id or a time."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is no whole number")
    return value


def word(value: object) -> str:
    """A text that says something."""
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} is no text")
    return value


def _side(value: object) -> Side:
    if value == "BUY":
        return "BUY"
    if value == "SELL":
        return "SELL"
    raise ValueError(f"{value!r} is no side")


def _if_any(document: Document, name: str) -> Decimal | None:
    """A price that reads as zero where there is none."""
    return amount(document.get(name, "0")) or None


# Market


def server_time(document: Document) -> int:
    """GET time."""
    moment = whole(document["serverTime"])
    if not 10**12 <= moment < 10**13:
        raise ValueError(f"{moment} is no time in ms")
    return moment


def average_price(document: Document) -> Decimal:
    """GET avgPrice."""
    price = amount(document["price"])
    if not price:
        raise ValueError("an average price of 0")
    return price


def quote(document: Document, symbol: str, now_ms: int) -> Quote:
    """GET ticker/bookTicker, received at `now_ms`: it bears no time of its own."""
    if document["symbol"] != symbol:
        raise ValueError(f"prices of {document['symbol']!r}")
    return Quote(
        symbol=symbol,
        bid=_if_any(document, "bidPrice"),
        ask=_if_any(document, "askPrice"),
        bid_quantity=amount(document["bidQty"]),
        ask_quantity=amount(document["askQty"]),
        time_ms=now_ms,
    )


def symbol_entry(document: Document, symbol: str) -> dict[str, Any]:
    """The entry of one symbol in exchangeInfo."""
    for entry in _rows(document["symbols"]):
        if entry["symbol"] == symbol:
            return dict(entry)
    raise ValueError(f"no entry of {symbol}")


def _rows(rows: object) -> list[Any]:
    if not isinstance(rows, list):
        raise TypeError("no list")
    return rows


# Account


def balances(document: Document) -> dict[str, Balance]:
    """GET account: assets of which there is something."""
    found = [_balance(one) for one in _rows(document["balances"])]
    return {balance.asset: balance for balance in found if balance.total}


def _balance(document: Document) -> Balance:
    return Balance(word(document["asset"]), amount(document["free"]), amount(document["locked"]))


def fees(document: Document) -> Fees:
    """GET account/commission: standard, special and tax rates added up, those of the dearer side of a trade."""
    kinds = [document[name] for name in ("standardCommission", "specialCommission", "taxCommission")]
    maker, taker, buyer, seller = (
        sum((amount(kind[role]) for kind in kinds), Decimal(0)) for role in ("maker", "taker", "buyer", "seller")
    )
    discount = document["discount"]
    in_bnb = bool(discount["enabledForAccount"] and discount["enabledForSymbol"] and discount["discountAsset"] == BNB)
    return Fees(maker + max(buyer, seller), taker + max(buyer, seller), in_bnb)


# Orders


def order(document: Document) -> OrderState:
    """An order as GET order, openOrders and allOrders show it; one that we cancelled by the id that we gave it."""
    return _order(document, original_id(word(document["clientOrderId"])), document["time"])


def orders(document: object) -> list[OrderState]:
    """GET openOrders and allOrders, in order of their ids."""
    return sorted((order(one) for one in _rows(document)), key=lambda one: one.order_id)


def placed(document: Document) -> OrderState:
    """The FULL answer to an order, with the trades that it made at once (as their taker)."""
    state = _order(document, document["clientOrderId"], document["transactTime"])
    return replace(state, fills=tuple(_taken(one, state) for one in _rows(document.get("fills", []))))


def cancelled(document: Document) -> OrderState:
    """The answer to a cancel: the order by the client id that it had before, as the cancel gave it another."""
    return _order(document, document["origClientOrderId"], document["transactTime"])


def _order(document: Document, client_order_id: object, time_ms: object) -> OrderState:
    return OrderState(
        symbol=word(document["symbol"]),
        order_id=whole(document["orderId"]),
        client_order_id=word(client_order_id),
        side=_side(document["side"]),
        type=word(document["type"]),
        status=word(document["status"]),
        quantity=amount(document["origQty"]),
        executed=amount(document["executedQty"]),
        quote_executed=amount(document["cummulativeQuoteQty"]),
        time_ms=whole(time_ms),
        price=_if_any(document, "price"),
        stop_price=_if_any(document, "stopPrice"),
    )


def _taken(document: Document, of: OrderState) -> Fill:
    price, quantity = amount(document["price"]), amount(document["qty"])
    return Fill(
        symbol=of.symbol,
        trade_id=whole(document["tradeId"]),
        order_id=of.order_id,
        side=of.side,
        price=price,
        quantity=quantity,
        quote=price * quantity,
        commission=amount(document["commission"]),
        commission_asset=word(document["commissionAsset"]),
        maker=False,
        time_ms=of.time_ms,
    )


def trades(document: object) -> list[Fill]:
    """GET myTrades, in order of their ids."""
    return sorted((_trade(one) for one in _rows(document)), key=lambda one: one.trade_id)


def _trade(document: Document) -> Fill:
    return Fill(
        symbol=word(document["symbol"]),
        trade_id=whole(document["id"]),
        order_id=whole(document["orderId"]),
        side="BUY" if document["isBuyer"] else "SELL",
        price=amount(document["price"]),
        quantity=amount(document["qty"]),
        quote=amount(document["quoteQty"]),
        commission=amount(document["commission"]),
        commission_asset=word(document["commissionAsset"]),
        maker=bool(document["isMaker"]),
        time_ms=whole(document["time"]),
    )

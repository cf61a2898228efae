"""What each answer and event looks like: its fields and the JSON type of each.

A table is a dict of field → kind; a name that ends in `?` may be missing. A list of one kind is a list of any length, a
tuple is a row of that length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

Kind = Callable[[Any], bool]
NUMBER = re.compile(r"-?\d+(\.\d+)?")


def DECIMAL(value: Any) -> bool:  # noqa: N802  # kinds are read as words of the tables
    """A number as text, without an exponent."""
    return isinstance(value, str) and NUMBER.fullmatch(value) is not None


def WHOLE(value: Any) -> bool:  # noqa: N802
    return isinstance(value, int) and not isinstance(value, bool)


def TIME(value: Any) -> bool:  # noqa: N802
    """Epoch milliseconds, between 2001 and 2286."""
    return WHOLE(value) and 10**12 <= value < 10**13


def TIME_OR_NONE(value: Any) -> bool:  # noqa: N802
    """-1 stands for a time that has not come."""
    return TIME(value) or (WHOLE(value) and value == -1)


def FLAG(value: Any) -> bool:  # noqa: N802
    return isinstance(value, bool)


def TEXT(value: Any) -> bool:  # noqa: N802
    return isinstance(value, str) and value != ""


def EMPTY_OR_TEXT(value: Any) -> bool:  # noqa: N802
    return isinstance(value, str)


def NULL_OR_TEXT(value: Any) -> bool:  # noqa: N802
    return value is None or TEXT(value)


def ANYTHING(value: Any) -> bool:  # noqa: N802
    return True


def said(*words: Any) -> Kind:
    """One of these values, of the same type."""
    return lambda value: any(type(value) is type(word) and value == word for word in words)


def mismatches(value: Any, shape: Any, *, exact: bool, at: str = "") -> Iterator[str]:
    """What is wrong with a document; `exact`: a field that the table does not name is wrong as well."""
    if isinstance(shape, dict):
        yield from _fields(value, shape, exact=exact, at=at)
    elif isinstance(shape, (list, tuple)):
        yield from _rows(value, shape, exact=exact, at=at)
    elif not shape(value):
        yield f"{at or 'document'} is {value!r}, no {getattr(shape, '__name__', 'such value')}"


def _fields(value: Any, shape: dict[str, Any], *, exact: bool, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at or 'document'} is {value!r}, no object"
        return
    known = {name.removesuffix("?"): kind for name, kind in shape.items()}
    for name in (name for name in shape if not name.endswith("?") and name not in value):
        yield f"{at}.{name} is missing"
    for name, held in value.items():
        if name in known:
            yield from mismatches(held, known[name], exact=exact, at=f"{at}.{name}")
        elif exact:
            yield f"{at}.{name} = {held!r} is not expected"


def _rows(value: Any, shape: Any, *, exact: bool, at: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{at or 'document'} is {value!r}, no array"
        return
    if isinstance(shape, tuple) and len(shape) != len(value):
        yield f"{at} has {len(value)} entries, not {len(shape)}"
        return
    kinds = shape if isinstance(shape, tuple) else shape * len(value)
    for place, (held, kind) in enumerate(zip(value, kinds, strict=True)):
        yield from mismatches(held, kind, exact=exact, at=f"{at}[{place}]")


# Market data

RATE_LIMIT = {"rateLimitType": TEXT, "interval": TEXT, "intervalNum": WHOLE, "limit": WHOLE}
SYMBOL = {
    **dict.fromkeys(("symbol", "status", "baseAsset", "quoteAsset", "defaultSelfTradePreventionMode"), TEXT),
    **dict.fromkeys(("baseAssetPrecision", "quotePrecision", "quoteAssetPrecision"), WHOLE),
    **dict.fromkeys(("baseCommissionPrecision", "quoteCommissionPrecision"), WHOLE),
    **dict.fromkeys(("icebergAllowed", "ocoAllowed", "otoAllowed", "quoteOrderQtyMarketAllowed"), FLAG),
    **dict.fromkeys(("allowTrailingStop", "cancelReplaceAllowed", "amendAllowed", "pegInstructionsAllowed"), FLAG),
    **dict.fromkeys(("isSpotTradingAllowed", "isMarginTradingAllowed", "opoAllowed"), FLAG),
    "orderTypes": [TEXT],
    "filters": [ANYTHING],
    "permissions": [TEXT],
    "permissionSets": [[TEXT]],
    "allowedSelfTradePreventionModes": [TEXT],
}
EXCHANGE_INFO = {
    "timezone": said("UTC"), "serverTime": TIME, "rateLimits": [RATE_LIMIT], "exchangeFilters": [ANYTHING],
    "symbols": [SYMBOL], "sors?": ANYTHING,
}  # fmt: skip
FILTERS = {
    "PRICE_FILTER": {"minPrice": DECIMAL, "maxPrice": DECIMAL, "tickSize": DECIMAL},
    "LOT_SIZE": {"minQty": DECIMAL, "maxQty": DECIMAL, "stepSize": DECIMAL},
    "MARKET_LOT_SIZE": {"minQty": DECIMAL, "maxQty": DECIMAL, "stepSize": DECIMAL},
    "ICEBERG_PARTS": {"limit": WHOLE},
    "TRAILING_DELTA": dict.fromkeys(
        (f"{end}Trailing{side}Delta" for end in ("min", "max") for side in ("Above", "Below")), WHOLE
    ),
    "PERCENT_PRICE_BY_SIDE": {
        **dict.fromkeys((f"{side}Multiplier{way}" for side in ("bid", "ask") for way in ("Up", "Down")), DECIMAL),
        "avgPriceMins": WHOLE,
    },
    "NOTIONAL": {
        "minNotional": DECIMAL, "applyMinToMarket": FLAG, "maxNotional": DECIMAL, "applyMaxToMarket": FLAG,
        "avgPriceMins": WHOLE,
    },
    "MAX_NUM_ORDERS": {"maxNumOrders": WHOLE},
    "MAX_NUM_ORDER_LISTS": {"maxNumOrderLists": WHOLE},
    "MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders": WHOLE},
    "MAX_NUM_ORDER_AMENDS": {"maxNumOrderAmends": WHOLE},
}  # fmt: skip
KLINE = (TIME, *(DECIMAL,) * 5, TIME, DECIMAL, WHOLE, DECIMAL, DECIMAL, said("0"))
LEVEL = (DECIMAL, DECIMAL)
DEPTH = {"lastUpdateId": WHOLE, "bids": [LEVEL], "asks": [LEVEL]}
TRADE = {
    "id": WHOLE, "price": DECIMAL, "qty": DECIMAL, "quoteQty": DECIMAL, "time": TIME, "isBuyerMaker": FLAG,
    "isBestMatch": FLAG,
}  # fmt: skip
AGGREGATE_TRADE = {
    "a": WHOLE, "p": DECIMAL, "q": DECIMAL, "f": WHOLE, "l": WHOLE, "T": TIME, "m": FLAG, "M": FLAG,
}  # fmt: skip
AVERAGE_PRICE = {"mins": WHOLE, "price": DECIMAL, "closeTime": TIME}
PRICE = {"symbol": TEXT, "price": DECIMAL}
BOOK_TICKER = {"symbol": TEXT, "bidPrice": DECIMAL, "bidQty": DECIMAL, "askPrice": DECIMAL, "askQty": DECIMAL}
TICKER_MINI = {
    "symbol": TEXT,
    **dict.fromkeys(("openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume"), DECIMAL),
    **dict.fromkeys(("openTime", "closeTime"), TIME),
    **dict.fromkeys(("firstId", "lastId", "count"), WHOLE),
}
TICKER_WINDOW = {**TICKER_MINI, **dict.fromkeys(("priceChange", "priceChangePercent", "weightedAvgPrice"), DECIMAL)}
TICKER_DAY = {
    **TICKER_WINDOW, **dict.fromkeys(("prevClosePrice", "lastQty", "bidPrice", "bidQty", "askPrice", "askQty"), DECIMAL)
}  # fmt: skip

# Orders

ACK = {"symbol": TEXT, "orderId": WHOLE, "orderListId": WHOLE, "clientOrderId": TEXT, "transactTime": TIME}
QUANTITIES = dict.fromkeys(("price", "origQty", "executedQty", "origQuoteOrderQty", "cummulativeQuoteQty"), DECIMAL)
KIND_OF_ORDER = {"status": TEXT, "timeInForce": TEXT, "type": TEXT, "side": TEXT, "selfTradePreventionMode": TEXT}
ONLY_SOME = {
    "stopPrice?": DECIMAL, "icebergQty?": DECIMAL, "trailingDelta?": WHOLE, "trailingTime?": TIME_OR_NONE,
    "strategyId?": WHOLE, "strategyType?": WHOLE, "expiryReason?": TEXT,
}  # fmt: skip
RESULT = {**ACK, **QUANTITIES, **KIND_OF_ORDER, **ONLY_SOME, "workingTime": TIME_OR_NONE}
FILL = {"price": DECIMAL, "qty": DECIMAL, "commission": DECIMAL, "commissionAsset": TEXT, "tradeId": WHOLE}
FULL = {**RESULT, "fills": [FILL]}
ORDER = {
    **{name: kind for name, kind in {**RESULT, "stopPrice": DECIMAL, "icebergQty": DECIMAL}.items()
       if name not in ("transactTime", "stopPrice?", "icebergQty?")},
    "time": TIME, "updateTime": TIME, "isWorking": FLAG,
}  # fmt: skip
CANCELLED = {**ACK, "origClientOrderId": TEXT, **QUANTITIES, **KIND_OF_ORDER, **ONLY_SOME}
REPLACED = {
    "cancelResult": said("SUCCESS"), "newOrderResult": said("SUCCESS"), "cancelResponse": CANCELLED,
    "newOrderResponse": FULL,
}  # fmt: skip
MEMBER = {"symbol": TEXT, "orderId": WHOLE, "clientOrderId": TEXT}
ORDER_LIST = {
    "orderListId": WHOLE, "contingencyType": said("OCO", "OTO"), "listStatusType": TEXT, "listOrderStatus": TEXT,
    "listClientOrderId": TEXT, "transactionTime": TIME, "symbol": TEXT, "orders": [MEMBER],
}  # fmt: skip
PLACED_LIST = {**ORDER_LIST, "orderReports": [RESULT]}
CANCELLED_LIST = {**ORDER_LIST, "orderReports": [CANCELLED]}
AMENDED = {
    "transactTime": TIME,
    "executionId": WHOLE,
    "amendedOrder": {
        **dict.fromkeys(("symbol", "origClientOrderId", "clientOrderId"), TEXT),
        **dict.fromkeys(("orderId", "orderListId"), WHOLE),
        **dict.fromkeys(("price", "qty", "executedQty", "preventedQty"), DECIMAL),
        **dict.fromkeys(("quoteOrderQty", "cumulativeQuoteQty"), DECIMAL),
        **KIND_OF_ORDER, **ONLY_SOME, "workingTime?": TIME,
    },
    "listStatus?": ANYTHING,
}  # fmt: skip
AMENDMENT = {
    **dict.fromkeys(("symbol", "origClientOrderId", "newClientOrderId"), TEXT), "orderId": WHOLE, "executionId": WHOLE,
    "origQty": DECIMAL, "newQty": DECIMAL, "time": TIME,
}  # fmt: skip

# Accounts

RATES = dict.fromkeys(("maker", "taker", "buyer", "seller"), DECIMAL)
BALANCE = {"asset": TEXT, "free": DECIMAL, "locked": DECIMAL}
ACCOUNT = {
    **dict.fromkeys(("makerCommission", "takerCommission", "buyerCommission", "sellerCommission", "uid"), WHOLE),
    **dict.fromkeys(("canTrade", "canWithdraw", "canDeposit", "brokered"), FLAG),
    **dict.fromkeys(("requireSelfTradePrevention", "preventSor"), FLAG),
    "commissionRates": RATES,
    "updateTime": WHOLE,
    "accountType": said("SPOT"),
    "balances": [BALANCE],
    "permissions": [TEXT],
}
DISCOUNT = {"enabledForAccount": FLAG, "enabledForSymbol": FLAG, "discountAsset": TEXT, "discount": DECIMAL}
COMMISSION = {
    "symbol": TEXT, "standardCommission": RATES, "specialCommission": RATES, "taxCommission": RATES,
    "discount": DISCOUNT,
}  # fmt: skip
RATES_OF_ORDER = {"maker": DECIMAL, "taker": DECIMAL}
ORDER_COMMISSION = {
    "standardCommissionForOrder": RATES_OF_ORDER, "specialCommissionForOrder": RATES_OF_ORDER,
    "taxCommissionForOrder": RATES_OF_ORDER, "discount": DISCOUNT,
}  # fmt: skip
MY_TRADE = {
    **dict.fromkeys(("price", "qty", "quoteQty", "commission"), DECIMAL),
    **dict.fromkeys(("id", "orderId", "orderListId"), WHOLE),
    **dict.fromkeys(("isBuyer", "isMaker", "isBestMatch"), FLAG),
    "symbol": TEXT, "commissionAsset": TEXT, "time": TIME,
}  # fmt: skip
ORDER_COUNT = {**RATE_LIMIT, "count": WHOLE}
MY_FILTERS = {"exchangeFilters": [ANYTHING], "symbolFilters": [ANYTHING], "assetFilters": [ANYTHING]}

# User data

REPORT = {
    "e": said("executionReport"), "E": TIME, "s": TEXT, "c": TEXT, "S": said("BUY", "SELL"), "o": TEXT, "f": TEXT,
    **dict.fromkeys("qpPFlzLnZYQ", DECIMAL),
    **dict.fromkeys("gitI", WHOLE),
    **dict.fromkeys("wmM", FLAG),
    "C": EMPTY_OR_TEXT, "x": TEXT, "X": TEXT, "r": TEXT, "N": NULL_OR_TEXT, "T": TIME, "O": TIME, "V": TEXT,
    "W?": TIME, "d?": WHOLE, "D?": TIME, "eR?": TEXT,
}  # fmt: skip
POSITION = {"e": said("outboundAccountPosition"), "E": TIME, "u": TIME, "B": [{"a": TEXT, "f": DECIMAL, "l": DECIMAL}]}
BALANCE_UPDATE = {"e": said("balanceUpdate"), "E": TIME, "a": TEXT, "d": DECIMAL, "T": TIME}
LIST_STATUS = {
    "e": said("listStatus"), "E": TIME, "s": TEXT, "g": WHOLE, "c": said("OCO", "OTO"), "l": TEXT, "L": TEXT, "r": TEXT,
    "C": TEXT, "T": TIME, "O": [{"s": TEXT, "i": WHOLE, "c": TEXT}],
}  # fmt: skip
SESSION = {
    "apiKey": NULL_OR_TEXT, "authorizedSince": lambda value: value is None or TIME(value), "connectedSince": TIME,
    "returnRateLimits": FLAG, "serverTime": TIME, "userDataStream": FLAG,
}  # fmt: skip

# Market streams

STREAM_TRADE = {
    "e": said("trade"), "E": TIME, "s": TEXT, "t": WHOLE, "p": DECIMAL, "q": DECIMAL, "T": TIME, "m": FLAG, "M": FLAG,
}  # fmt: skip
STREAM_AGGREGATE = {"e": said("aggTrade"), "E": TIME, "s": TEXT, **AGGREGATE_TRADE}
STREAM_KLINE = {
    "e": said("kline"), "E": TIME, "s": TEXT,
    "k": {
        "t": TIME, "T": TIME, "s": TEXT, "i": TEXT, "f": WHOLE, "L": WHOLE, "n": WHOLE, "x": FLAG,
        **dict.fromkeys("ochlvqVQ", DECIMAL), "B": said("0"),
    },
}  # fmt: skip
STREAM_BOOK_TICKER = {"u": WHOLE, "s": TEXT, "b": DECIMAL, "B": DECIMAL, "a": DECIMAL, "A": DECIMAL}
STREAM_DEPTH = {"e": said("depthUpdate"), "E": TIME, "s": TEXT, "U": WHOLE, "u": WHOLE, "b": [LEVEL], "a": [LEVEL]}
STREAM_MINI_TICKER = {"e": said("24hrMiniTicker"), "E": TIME, "s": TEXT, **dict.fromkeys("cohlvq", DECIMAL)}
STREAM_AVERAGE = {"e": said("avgPrice"), "E": TIME, "s": TEXT, "i": TEXT, "w": DECIMAL, "T": TIME}
STREAM_TICKER = {
    "e": said("24hrTicker"), "E": TIME, "s": TEXT, **dict.fromkeys("pPwxcQbBaAohlvq", DECIMAL),
    **dict.fromkeys("OC", TIME), **dict.fromkeys("FLn", WHOLE),
}  # fmt: skip

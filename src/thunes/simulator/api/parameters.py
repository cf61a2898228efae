"""Parameters as clients send them → an `OrderRequest`, or the exchange's own refusal.

Every function takes the parameters of one request as a dict of str, as `gather` makes it, and raises `Refused` with the
exchange's code and text. The order of the checks: duplicates, empty ones, shapes, mandatory ones, words (side, type …),
those that the type does not take, and last the ones that nothing reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, cast, get_args

import orjson

from thunes.model import INTERVALS
from thunes.simulator.request import OrderRequest, Refused, Side
from thunes.simulator.symbols.symbol import Symbol

Parameters = Mapping[str, str]

MAX_RECEIVE_WINDOW = 60_000  # ms
DEFAULT_RECEIVE_WINDOW = 5_000  # ms
MIN_STRATEGY_TYPE = 1_000_000

SIDES = get_args(Side)
TIMES_IN_FORCE = ("GTC", "IOC", "FOK")
RESPONSE_TYPES = ("ACK", "RESULT", "FULL")
SELF_TRADE_PREVENTIONS = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")
FULL_BY_DEFAULT = ("LIMIT", "MARKET")  # all other types are answered by an ACK


@dataclass(frozen=True)
class Shape:
    """What a value must look like: the pattern as the exchange words it, and as Python reads it."""

    text: str
    pattern: re.Pattern[str]

    def check(self, name: str, value: str) -> None:
        """`Refused` with −1100 for a value of another shape."""
        if not self.pattern.fullmatch(value):
            message = f"Illegal characters found in parameter '{name}'; legal range is '{self.text}'."
            raise Refused(400, -1100, message)


def _shape(text: str, python: str = "") -> Shape:
    return Shape(text, re.compile(python or text))


# The exchange writes its patterns in Java, where && intersects two classes.
SYMBOL_CLASS, PYTHON_SYMBOL_CLASS = r"[\w\-._&&[^a-z]]{1,50}", r"(?:(?![a-z])[\w\-.]){1,50}"
NUMBER = _shape(r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
WHOLE = _shape(r"^[0-9]{1,20}$")
CLIENT_ID = _shape("^[a-zA-Z0-9-_]{1,36}$")
SYMBOL = _shape(f"^{SYMBOL_CLASS}$", PYTHON_SYMBOL_CLASS)
SYMBOLS = _shape(
    rf'^\[("{SYMBOL_CLASS}"(,"{SYMBOL_CLASS}"){{0,}}){{0,1}}\]$',
    rf'\[("{PYTHON_SYMBOL_CLASS}"(,"{PYTHON_SYMBOL_CLASS}")*)?\]',
)
RECEIVE_WINDOW = _shape(r"^[0-9]{1,20}(\.[0-9]{1,3})?$")  # milliseconds, in microseconds at the finest


@dataclass(frozen=True)
class TypeRule:
    """What one order type takes beside symbol, side and type; of `either`, at least one must be sent."""

    mandatory: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @cached_property
    def barred(self) -> tuple[str, ...]:
        """What orders of other types take."""
        return tuple(name for name in BY_TYPE if name not in self.mandatory + self.either + self.optional)


_TRIGGER = ("stopPrice", "trailingDelta")
_LIMIT = ("timeInForce", "quantity", "price")
TYPE_RULES = {
    "LIMIT": TypeRule(_LIMIT, optional=("icebergQty",)),
    "LIMIT_MAKER": TypeRule(("quantity", "price"), optional=("icebergQty",)),
    "MARKET": TypeRule(either=("quantity", "quoteOrderQty")),
    "STOP_LOSS": TypeRule(("quantity",), either=_TRIGGER),
    "STOP_LOSS_LIMIT": TypeRule(_LIMIT, either=_TRIGGER, optional=("icebergQty",)),
    "TAKE_PROFIT": TypeRule(("quantity",), either=_TRIGGER),
    "TAKE_PROFIT_LIMIT": TypeRule(_LIMIT, either=_TRIGGER, optional=("icebergQty",)),
}
DECIMALS = {
    "quantity": "quantity",
    "quoteOrderQty": "quote_quantity",
    "price": "price",
    "stopPrice": "stop_price",
    "icebergQty": "iceberg_quantity",
}
WHOLES = {"trailingDelta": "trailing_delta", "strategyId": "strategy_id", "strategyType": "strategy_type"}
NUMBERS: dict[str, tuple[str, Callable[[str], Decimal | int]]] = {
    **{name: (field, Decimal) for name, field in DECIMALS.items()},
    **{name: (field, int) for name, field in WHOLES.items()},
}
ORDER_SHAPES = {
    **dict.fromkeys(DECIMALS, NUMBER),
    **dict.fromkeys(WHOLES, WHOLE),
    "symbol": SYMBOL,
    "newClientOrderId": CLIENT_ID,
}
BY_TYPE = ("timeInForce", "quantity", "quoteOrderQty", "price", "stopPrice", "trailingDelta", "icebergQty")
ORDER_PARAMETERS = frozenset(("side", "type", "newOrderRespType", "selfTradePreventionMode", *ORDER_SHAPES, *BY_TYPE))
SECURITY_PARAMETERS = frozenset(("timestamp", "recvWindow", "signature", "apiKey"))  # apiKey: WebSocket API
ALWAYS_READ = ORDER_PARAMETERS | SECURITY_PARAMETERS


def gather(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Pairs of query and body as a dict; `Refused` with −1101 for a name sent twice, −1105 for an empty value."""
    sent = list(pairs)
    gathered = dict(sent)
    if len(gathered) < len(sent):
        raise Refused(400, -1101, "Duplicate values for a parameter detected.")
    if "" in gathered.values():
        empty = next(name for name, value in sent if not value)
        raise Refused(400, -1105, f"Parameter '{empty}' was empty.")
    return gathered


def mandatory(parameters: Parameters, name: str) -> str:
    """The value of a parameter that must be sent; −1102 when it was not."""
    try:
        return parameters[name]
    except KeyError:
        message = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        raise Refused(400, -1102, message) from None


def either(parameters: Parameters, first: str, second: str) -> None:
    """−1102 when neither of the two was sent."""
    if first not in parameters and second not in parameters:
        message = f"Param '{first}' or '{second}' must be sent, but both were empty/null!"
        raise Refused(400, -1102, message)


def refuse_unread(parameters: Parameters, known: Set[str]) -> None:
    """−1104 when a parameter was sent that the route does not read."""
    if not parameters.keys() <= known:
        unread = sum(name not in known for name in parameters)
        sent = len(parameters)
        message = f"Not all sent parameters were read; read '{sent - unread}' parameter(s) but was sent '{sent}'."
        raise Refused(400, -1104, message)


def invalid(name: str) -> Refused:
    """The refusal of a value that has the right shape and no meaning: −1130."""
    return Refused(400, -1130, f"Data sent for parameter '{name}' is not valid.")


def parse_order(
    parameters: Parameters, next_number: Callable[[], int], also_read: Collection[str] = ()
) -> OrderRequest:
    """The order that the parameters of a request ask for; precision and filters are checked elsewhere.

    `next_number` numbers the client ids that the exchange gives where none was sent; `also_read` names what the route
    reads beside an order's own parameters (those of security are always read).
    """
    layout = _layout(tuple(parameters), parameters.get("type", ""), tuple(also_read))
    for name, matches in layout.shaped:
        if not matches(parameters[name]):
            ORDER_SHAPES[name].check(name, parameters[name])
    if not layout.is_right or parameters["side"] not in SIDES:
        _check_names(parameters, also_read)
    time_in_force = _time_in_force(parameters)
    type_name = parameters["type"]
    return OrderRequest(
        symbol=parameters["symbol"],
        side=cast("Side", parameters["side"]),
        type=type_name,
        client_order_id=parameters.get("newClientOrderId") or generated_id(next_number()),
        time_in_force=time_in_force,
        response_type=_word(parameters, "newOrderRespType", RESPONSE_TYPES)
        or ("FULL" if type_name in FULL_BY_DEFAULT else "ACK"),
        self_trade_prevention=_word(parameters, "selfTradePreventionMode", SELF_TRADE_PREVENTIONS),
        **_numbers(parameters, layout),
    )


class Layout(NamedTuple):
    """Which parameters an order was sent with: clients send the same ones all the time, and only values differ."""

    is_right: bool  # all that must be there, nothing else
    shaped: tuple[tuple[str, Callable[[str], object]], ...]
    numbers: tuple[tuple[str, str, Callable[[str], Decimal | int]], ...]


@lru_cache(maxsize=1_024)
def _layout(names: tuple[str, ...], type_name: str, also_read: tuple[str, ...]) -> Layout:
    valid = {"type": type_name, "side": SIDES[0], "timeInForce": TIMES_IN_FORCE[0]}
    try:
        _check_names({name: valid.get(name, "") for name in names}, also_read)
        is_right = True
    except Refused:
        is_right = False
    shaped = [(name, ORDER_SHAPES[name].pattern.fullmatch) for name in names if name in ORDER_SHAPES]
    numbers = [(name, *NUMBERS[name]) for name in names if name in NUMBERS]
    return Layout(is_right, tuple(shaped), tuple(numbers))


def _check_names(parameters: Parameters, also_read: Collection[str]) -> None:
    """What must be there and what may not, and the words that decide on it."""
    mandatory(parameters, "symbol")
    side, type_name = mandatory(parameters, "side"), mandatory(parameters, "type")
    if side not in SIDES:
        raise Refused(400, -1117, "Invalid side.")
    if type_name not in TYPE_RULES:
        raise Refused(400, -1116, "Invalid orderType.")
    _check_type(parameters, TYPE_RULES[type_name])
    _time_in_force(parameters)
    refuse_unread(parameters, ALWAYS_READ.union(also_read) if also_read else ALWAYS_READ)


def _check_type(parameters: Parameters, rule: TypeRule) -> None:
    for name in rule.mandatory:
        mandatory(parameters, name)
    if rule.either:
        either(parameters, *rule.either)
    surplus = [name for name in rule.barred if name in parameters]
    if "quantity" in parameters and "quoteOrderQty" in parameters:
        surplus.append("quoteOrderQty")
    if surplus:
        raise Refused(400, -1106, f"Parameter '{surplus[0]}' sent when not required.")


def _time_in_force(parameters: Parameters) -> str | None:
    """None for types that take none; an iceberg must stay in the book."""
    time_in_force = parameters.get("timeInForce")
    if time_in_force is None:
        return None
    if time_in_force not in TIMES_IN_FORCE:
        raise Refused(400, -1115, "Invalid timeInForce.")
    if time_in_force != "GTC" and Decimal(parameters.get("icebergQty", "0")):
        raise Refused(400, -1014, "Unsupported order combination.")
    return time_in_force


def _numbers(parameters: Parameters, layout: Layout) -> dict[str, Any]:
    fields: dict[str, Any] = {field: read(parameters[name]) for name, field, read in layout.numbers}
    if fields.get("strategy_type", MIN_STRATEGY_TYPE) < MIN_STRATEGY_TYPE:
        raise Refused(400, -1134, "strategyType was less than 1000000.")
    if fields.get("iceberg_quantity") == 0:
        del fields["iceberg_quantity"]  # an iceberg of 0 shows everything
    return fields


def generated_id(count: int) -> str:
    """A client id of the exchange's making, as long as the real ones: 22 characters."""
    return f"sim{count:019d}"


def check_precision(symbol: Symbol, request: OrderRequest) -> None:
    """−1111 for more decimals than the symbol's assets have, before any filter; trailing zeros count."""
    base, quote = symbol.base_precision, symbol.quote_precision
    limits = (
        ("quantity", request.quantity, base),
        ("quoteOrderQty", request.quote_quantity, quote),
        ("price", request.price, quote),
        ("stopPrice", request.stop_price, quote),
        ("icebergQty", request.iceberg_quantity, base),
    )
    for name, value, decimals in limits:
        if value is not None and -cast("int", value.as_tuple().exponent) > decimals:
            raise Refused(400, -1111, f"Parameter '{name}' has too much precision.")


def _word(parameters: Parameters, name: str, known: Collection[str]) -> str | None:
    value = parameters.get(name)
    if value is not None and value not in known:
        raise invalid(name)
    return value


def number(parameters: Parameters, name: str) -> Decimal | None:
    """An exact number, None when not sent; −1100 for another shape (a sign, an exponent, more than 20 digits)."""
    value = parameters.get(name)
    if value is None:
        return None
    NUMBER.check(name, value)
    return Decimal(value)


def whole(parameters: Parameters, name: str) -> int | None:
    """A whole number ≥ 0 (order ids, times in epoch ms, counts), None when not sent; −1100 for another shape."""
    value = parameters.get(name)
    if value is None:
        return None
    WHOLE.check(name, value)
    return int(value)


def client_id(parameters: Parameters, name: str) -> str | None:
    """A client's id of an order or list, None when not sent; −1100 for another shape."""
    value = parameters.get(name)
    if value is not None:
        CLIENT_ID.check(name, value)
    return value


def symbol_name(parameters: Parameters) -> str:
    """The mandatory `symbol`, of the right shape and not yet looked up."""
    name = mandatory(parameters, "symbol")
    SYMBOL.check("symbol", name)
    return name


def names(parameters: Parameters, name: str) -> tuple[str, ...] | None:
    """A list such as `symbols=["BTCUSDT","BNBBTC"]`, None when not sent; −1100 for anything else, spaces too."""
    value = parameters.get(name)
    if value is None:
        return None
    SYMBOLS.check(name, value)
    return tuple(orjson.loads(value))


def name_or_names(parameters: Parameters, name: str) -> tuple[str, ...] | None:
    """A single name or a list of them, as `permissions` takes both."""
    value = parameters.get(name)
    if value is None or value.startswith("["):
        return names(parameters, name)
    SYMBOL.check(name, value)
    return (value,)


def flag(parameters: Parameters, name: str, *, default: bool) -> bool:
    """`true` or `false`; −1130 for another word."""
    word = _word(parameters, name, ("true", "false"))
    return default if word is None else word == "true"


def limit(parameters: Parameters, default: int, maximum: int) -> int:
    """How many rows are asked for: more than the maximum means the maximum, 0 is −1130."""
    rows = whole(parameters, "limit")
    if rows == 0:
        raise invalid("limit")
    return min(default if rows is None else rows, maximum)


def interval(parameters: Parameters) -> str:
    """The mandatory interval of a kline, case-sensitive; −1120 for an unknown one."""
    value = mandatory(parameters, "interval")
    if value not in INTERVALS:
        raise Refused(400, -1120, "Invalid interval.")
    return value


def timing(parameters: Parameters) -> tuple[int, Decimal]:
    """Timestamp (epoch, in the client's unit) and receive window (ms) of a signed request."""
    mandatory(parameters, "timestamp")
    timestamp = whole(parameters, "timestamp")
    return cast("int", timestamp), _window(parameters.get("recvWindow", str(DEFAULT_RECEIVE_WINDOW)))


@lru_cache(maxsize=64)  # a client sends the same one all the time
def _window(text: str) -> Decimal:
    RECEIVE_WINDOW.check("recvWindow", text)
    window = Decimal(text)
    if window > MAX_RECEIVE_WINDOW:
        raise Refused(400, -1131, "recvWindow must be less than 60000")
    return window

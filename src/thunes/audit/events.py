"""What the trail tells: one frozen model for each kind of event.

Money and quantities are `Decimal` and never binary fractions; times are epoch ms. `id` is what an event belongs to: an
order's client id, a decision's id, or that of a run. `decision` is the decision behind it where `id` is an order's.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

MOST_DIGITS = 60  # of an amount written out, on either side of the point
DEEPEST = 16  # levels of `details`
LARGEST = 2**63
OFTEN_EMPTY = ("details", "checks", "settings")  # left out of a line then


def _exact(value: Any) -> Any:
    """An amount as it may be kept; a float has lost digits before it comes here."""
    if isinstance(value, float):
        raise ValueError(f"{value!r} is a float; give a Decimal or its text")  # noqa: TRY004  # pydantic takes ValueError
    if isinstance(value, Decimal) and (not value.is_finite() or abs(value.adjusted()) >= MOST_DIGITS):
        raise ValueError(f"{value} is no amount")
    return value


def decimal_text(value: Any) -> str:
    """A Decimal without an exponent. Errors: `TypeError` for anything else."""
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"no place in the trail for {type(value).__name__}")


def _plain(value: Any, depth: int = 0) -> Any:
    """A copy of text, whole numbers, truth values, Decimals (as text), lists and mappings of them."""
    if depth > DEEPEST:
        raise ValueError(f"is nested deeper than {DEEPEST}")
    if isinstance(value, str):
        value.encode()  # a lone surrogate is no text
        return str(value)
    if isinstance(value, Decimal):
        return decimal_text(_exact(value))
    if value is None or (isinstance(value, int) and -LARGEST <= value < LARGEST):
        return value
    if isinstance(value, Mapping):
        return {_name(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    raise ValueError(f"no place in the trail for {type(value).__name__} {value!r}")


def _name(key: Any) -> str:
    if not isinstance(key, str):
        raise ValueError(f"the name {key!r} is no text")  # noqa: TRY004  # pydantic takes ValueError
    key.encode()
    return key


Money = Annotated[Decimal, BeforeValidator(_exact)]
Whole = Annotated[int, Field(ge=-LARGEST, lt=LARGEST, strict=True)]
Details = Annotated[dict[str, Any], BeforeValidator(_plain)]
Side = Literal["BUY", "SELL"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Check(_Frozen):
    """One rung of the ladder from data to order: what was looked at, its bound, whether it passed."""

    stage: str  # data, exposure, sizing, filters, risk, order
    name: str
    passed: bool
    value: str | None = None
    bound: str | None = None
    code: str | None = None
    text: str | None = None


class Event(_Frozen):
    """What every event has."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    decision: str | None = None
    details: Details = Field(default_factory=dict)


class Decision(Event):
    """What one pass of the trader wanted and did, for one strategy and bar."""

    event: Literal["decision"] = "decision"
    strategy: str
    symbol: str
    interval: str | None = None
    bar: Whole | None = None  # open time of the last closed candle
    source: str | None = None  # of the candles
    artefact: str | None = None
    action: Literal["BUY", "SELL", "HOLD"]
    code: str  # E-… of what stopped it, or why it acts
    reason: str
    exposure: Money | None = None  # wanted fraction of equity
    wanted: Money | None = None  # in base
    held: Money | None = None  # in base
    price: Money | None = None
    order: str | None = None  # client id
    checks: tuple[Check, ...] = ()


class Refusal(Event):
    """An order that filters, risk or journal did not let pass; nothing was sent."""

    event: Literal["refusal"] = "refusal"
    stage: str
    code: str
    reason: str
    symbol: str | None = None
    side: Side | None = None
    rule: str | None = None  # the filter or rule that decided
    value: str | None = None
    bound: str | None = None
    checks: tuple[Check, ...] = ()


class Intent(Event):
    """An order about to be sent: durable before anything leaves this machine."""

    event: Literal["intent"] = "intent"
    symbol: str
    side: Side
    type: str
    purpose: Literal["entry", "exit", "stop", "flatten", "cancel"]
    quantity: Money | None = None
    quote_quantity: Money | None = None
    price: Money | None = None
    stop_price: Money | None = None
    time_in_force: str | None = None
    strategy: str | None = None
    bar: Whole | None = None


class OrderOutcome(Event):
    """What became of a submission or a cancel."""

    event: Literal["outcome"] = "outcome"
    symbol: str
    result: Literal["NOT_SENT", "REFUSED", "ACCEPTED", "UNKNOWN"]
    code: Whole | None = None  # the exchange's
    reason: str | None = None
    order_id: Whole | None = None
    status: str | None = None
    executed: Money | None = None
    quote_executed: Money | None = None


class OrderFill(Event):
    """One trade of an order, booked once; unique by environment, symbol and trade id."""

    event: Literal["fill"] = "fill"
    symbol: str
    trade_id: Whole
    order_id: Whole
    side: Side
    price: Money
    quantity: Money
    quote: Money
    commission: Money
    commission_asset: str
    maker: bool
    time_ms: Whole  # by the exchange
    realised: Money | None = None  # profit or loss in quote, fees included


class OrderStatus(Event):
    """An order went from one status to another."""

    event: Literal["order_state"] = "order_state"
    symbol: str
    status: str
    former: str | None = None
    order_id: Whole | None = None
    executed: Money | None = None
    quote_executed: Money | None = None


class RiskState(Event):
    """Risk went from one state to another."""

    event: Literal["risk_state"] = "risk_state"
    state: Literal["ACTIVE", "REDUCING", "HALTED"]
    former: str | None = None
    code: str
    reason: str
    actor: str | None = None
    budget: Money | None = None


class SettingFingerprint(Event):
    """The settings in force, secrets masked, and a hash of them."""

    event: Literal["setting_fingerprint"] = "setting_fingerprint"
    sha256: str
    settings: Details = Field(default_factory=dict)


class OperatorAction(Event):
    """Something that a person did: kill, resume, flatten, cancel."""

    event: Literal["operator_action"] = "operator_action"
    action: str
    actor: str
    reason: str


class ExternalFlow(Event):
    """Money that came or went without a trade of ours: no profit and no loss."""

    event: Literal["external_flow"] = "external_flow"
    asset: str
    amount: Money  # negative: it went
    kind: str
    reason: str | None = None
    quote_value: Money | None = None


class Start(Event):
    """A process began to work; `id` is its run."""

    event: Literal["start"] = "start"
    version: str
    command: str


class Stop(Event):
    """It ended on purpose."""

    event: Literal["stop"] = "stop"
    reason: str
    exit_code: Whole | None = None


class Anomaly(Event):
    """Something that should not be: a late fill, a gap, a balance that does not fit."""

    event: Literal["anomaly"] = "anomaly"
    code: str
    reason: str
    symbol: str | None = None


class Repair(Event):
    """The writer set a torn last line aside, or another part mended its files after a crash."""

    event: Literal["repair"] = "repair"
    reason: str
    file: str | None = None  # where the bytes went
    size: Whole | None = None  # bytes
    sha256: str | None = None


class Rotation(Event):
    """First line of each file but the first: the day before it ends there."""

    event: Literal["rotation"] = "rotation"
    former: str  # name of the file before


class Note(Event):
    """Anything else worth keeping."""

    event: Literal["note"] = "note"
    text: str


AnyEvent = Annotated[
    Decision | Refusal | Intent | OrderOutcome | OrderFill | OrderStatus | RiskState | SettingFingerprint
    | OperatorAction | ExternalFlow | Start | Stop | Anomaly | Repair | Rotation | Note,
    Field(discriminator="event"),
]  # fmt: skip
_READER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
MODELS: dict[str, type[Event]] = {m.model_fields["event"].default: m for m in Event.__subclasses__()}


def payload(event: Event) -> dict[str, Any]:
    """The event's fields for a line: amounts still `Decimal`, what is not told left out."""
    fields = event.model_dump(exclude_none=True)
    for name in OFTEN_EMPTY:
        if name in fields and not fields[name]:
            del fields[name]
    return fields


def read_event(fields: Mapping[str, Any]) -> AnyEvent:
    """The event of a line's fields. Errors: pydantic's `ValidationError`."""
    return _READER.validate_python(fields)

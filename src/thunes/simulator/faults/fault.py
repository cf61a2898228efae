"""A fault as a value, checked against the catalogue, and the record of what one struck."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from thunes.errors import UsageError, did_you_mean
from thunes.simulator.faults.catalogue import CATALOGUE, Kind
from thunes.simulator.faults.parameters import REQUIRED, Parameter

EVERYTHING = "*"
TARGETS = {  # what a target looks like, and how to say so
    "route": (
        re.compile(r"(GET|POST|PUT|DELETE) /\S*|[A-Za-z.]+\*?"),
        'a route such as "POST /api/v3/order" or "order.place"',
    ),
    "account": (re.compile(r".+"), "an account's name"),
    "stream": (re.compile(r"\S*@\S*|!\S+|\S+\*"), 'a stream such as "btcusdt@kline_1m"'),
    "connection": (re.compile(r"api|user|market|\S*@\S*|!\S+"), '"api", "user", "market" or a stream'),
}
COMMON = ("name", "target", "count", "probability")


@dataclass(frozen=True)
class Fault:
    """A fault: what it strikes, how often, with what parameters.

    `target`: a route, an account, a stream or a kind of connection; "*" is all of them, a trailing * any ending.
    `count`: how often it strikes at most, None: until it is removed. `probability`: of each chance. `number` is given
    when it is set.
    """

    name: str
    target: str = EVERYTHING
    count: int | None = None
    probability: float = 1.0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0

    @property
    def kind(self) -> Kind:
        return CATALOGUE[self.name]

    @property
    def asks_engine(self) -> bool:
        """Whether a struck request reaches the engine."""
        return bool(self.parameters.get("accept", self.kind.asks_engine))

    def hits(self, place: str) -> bool:
        """Whether the target means this route, account or stream."""
        if self.target.endswith("*"):
            return place.startswith(self.target[:-1])
        return place == self.target

    def document(self) -> dict[str, Any]:
        """For people and scripts: what would set it again."""
        given = {key: value if isinstance(value, int | list) else str(value) for key, value in self.parameters.items()}
        head = {"number": self.number, "name": self.name, "target": self.target, "count": self.count}
        return {**head, "probability": self.probability, **given}


class Strike(NamedTuple):
    """One time that a fault struck: `hit` is the route, account, stream, connection or symbol; time in epoch ms."""

    number: int
    fault: int
    name: str
    target: str
    hit: str
    time_ms: int


def parse_fault(document: Mapping[str, Any]) -> Fault:
    """A fault from a document such as `{"name": "delay", "route": "POST /api/v3/order", "count": 1, "delay_ms": 500}`.

    Error: `UsageError`, one line, for whatever the catalogue does not know.
    """
    kind = _kind(document.get("name"))
    own = (kind.strikes, *COMMON)
    targets = [document[word] for word in ("target", kind.strikes) if word in document]
    if len(targets) > 1 or not all(isinstance(target, str) for target in targets):
        raise _wrong(f"a fault has one target, a text: give {kind.strikes!r} or 'target'.")
    parameters = {key: value for key, value in document.items() if key not in own}
    return checked(
        Fault(
            name=str(document["name"]),
            target=targets[0] if targets else EVERYTHING,
            count=document.get("count"),
            probability=document.get("probability", 1.0),
            parameters=parameters,
        )
    )


def checked(fault: Fault, routes: Collection[str] = ()) -> Fault:
    """The fault with every parameter read and its defaults filled in; `routes`: those that there are, when known.

    Error: `UsageError`, one line.
    """
    kind = _kind(fault.name)
    unknown = next((name for name in fault.parameters if name not in kind.parameters), None)
    if unknown is not None:
        raise _wrong(f"{fault.name} takes no {unknown!r}.", did_you_mean(unknown, kind.parameters or ["nothing"]))
    _check_frequency(fault)
    _check_target(fault, routes)
    values = {name: _value(fault, name, parameter) for name, parameter in kind.parameters.items()}
    return replace(fault, parameters=values)


def _kind(name: object) -> Kind:
    kind = CATALOGUE.get(name) if isinstance(name, str) else None
    if kind is None:
        raise _wrong(f"there is no fault {name!r}.", did_you_mean(str(name), CATALOGUE))
    return kind


def _check_frequency(fault: Fault) -> None:
    count: object = fault.count
    probability: object = fault.probability
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise _wrong(f"count={count!r}: a whole number from 1, or none for until it is removed.")
    if isinstance(probability, bool) or not isinstance(probability, int | float) or not 0 < probability <= 1:
        raise _wrong(f"probability={probability!r}: a number above 0, up to 1.")
    if fault.kind.strikes == "world" and (count is not None or probability != 1):
        raise _wrong(f"{fault.name} acts once, when it is set: it takes neither count nor probability.")


def _check_target(fault: Fault, routes: Collection[str]) -> None:
    strikes, target = fault.kind.strikes, fault.target
    if target == EVERYTHING:
        return
    if strikes == "world":
        raise _wrong(f"{fault.name} has no target; its parameters say what it strikes.")
    pattern, words = TARGETS[strikes]
    if not pattern.fullmatch(target):
        raise _wrong(f"{fault.name} strikes {words}, not {target!r}.", 'A trailing * matches any ending, "*" all.')
    if strikes == "route" and routes and not any(fault.hits(route) for route in routes):
        raise _wrong(f"there is no route {target!r}.", did_you_mean(target, routes))


def _value(fault: Fault, name: str, parameter: Parameter) -> Any:
    value = fault.parameters.get(name, parameter.default)
    if value is REQUIRED:
        raise _wrong(f"{fault.name} needs {name!r}: {parameter.text}.")
    try:
        return parameter.read(value)
    except ValueError as expected:
        raise _wrong(f"{name}={value!r} of {fault.name}: expected {expected}.") from None


def _wrong(message: str, hint: str = "") -> UsageError:
    return UsageError("E-SIM-FAULT", message, hint)

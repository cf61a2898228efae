"""Messages of the WebSocket API: a request read from JSON, an answer and an event written as JSON.

A request that cannot be read is answered without rate limits, and counts as nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from thunes.simulator.api.parameters import gather
from thunes.simulator.api.security import parameter_text
from thunes.simulator.request import Refused

Id = int | str | None

ID_PATTERN = re.compile("[a-zA-Z0-9_-]{1,36}")
VERSION = "v3/"  # a method's name may begin with it
NO_PARAMETERS: dict[str, Any] = {}
INVALID_ID = "Invalid 'id' in JSON request; expected an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null."
INVALID_METHOD = "Invalid 'method' in JSON request; expected a string."
INVALID_PARAMETERS = "Invalid 'params' in JSON request; expected an object."


class SocketRequest(NamedTuple):
    """One request: `parameters` as JSON has them, not yet text."""

    id: Id
    method: str
    parameters: Mapping[str, Any]


class Unreadable(Exception):
    """A message that is no request; `id` is its own where there was a good one. The text is the exchange's."""

    def __init__(self, message: str, id: Id = None) -> None:
        super().__init__(message)
        self.id, self.refused = id, Refused(400, -1135, message)


def read(message: bytes) -> SocketRequest:
    """The request in a message; `Unreadable` for anything else."""
    try:
        document = orjson.loads(message)
    except orjson.JSONDecodeError:
        raise Unreadable("Invalid JSON Request") from None
    if not isinstance(document, dict):
        raise Unreadable("Invalid JSON Request")
    request_id = _id(document)
    method, parameters = document.get("method"), document.get("params", NO_PARAMETERS)
    if not isinstance(method, str):
        raise Unreadable(INVALID_METHOD, request_id)
    if not isinstance(parameters, dict):
        raise Unreadable(INVALID_PARAMETERS, request_id)
    return SocketRequest(request_id, method.removeprefix(VERSION), parameters)


def _id(document: Mapping[str, Any]) -> Id:
    request_id = document.get("id", False)
    if request_id is None or type(request_id) is int:  # a bool is an int, too
        return request_id
    if isinstance(request_id, str) and ID_PATTERN.fullmatch(request_id):
        return request_id
    raise Unreadable(INVALID_ID)


def texts(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The values as the text that REST would send. `Refused`: −1105 for empty ones, −1100 for what has no text.

    null counts as empty: the specification's texts name both in one breath.
    """
    return gather((name, value if isinstance(value, str) else _text(name, value)) for name, value in parameters.items())


def _text(name: str, value: Any) -> str:
    try:
        return "" if value is None else parameter_text(value)
    except orjson.JSONEncodeError:  # lists in lists in lists, deeper than the writer follows
        raise Refused(400, -1100, f"Illegal characters found in parameter '{name}'.") from None


def error_body(refused: Refused, server_time: int) -> bytes:
    """An error as JSON; `server_time` in epoch ms.

    What limits refuse says when to ask again, and that moment minus the server's time is how long to wait in real
    time, also where the market's clock runs faster.
    """
    document: dict[str, Any] = {"code": refused.code, "msg": refused.message}
    if refused.retry_after is not None:
        document["data"] = {"serverTime": server_time, "retryAfter": server_time + 1_000 * refused.retry_after}
    elif refused.data is not None:
        document["data"] = refused.data
    return orjson.dumps(document)


def answer(request_id: Id, status: int, body: bytes, rate_limits: list[dict[str, Any]] | None = None) -> bytes:
    """The answer to a request; `body`: its result, for any other status than 200 its error."""
    kind = b"result" if status == 200 else b"error"
    limits = b"" if rate_limits is None else b',"rateLimits":' + orjson.dumps(rate_limits)
    return b'{"id":%b,"status":%d,"%b":%b%b}' % (orjson.dumps(request_id), status, kind, body, limits)


def event(subscription: int, payload: bytes) -> bytes:
    """What a subscription is told."""
    return b'{"subscriptionId":%d,"event":%b}' % (subscription, payload)

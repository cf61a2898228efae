"""One connection to the market streams: what its address asks for, and the frames that change it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import orjson

from thunes.simulator.streams.hub import Hub, wrapped
from thunes.simulator.streams.names import Stream, UnknownStream, parse_stream
from thunes.simulator.streams.topics import Manner
from thunes.simulator.transport.contract import Connection, Rejection

MOST_STREAMS = 1_024
IDS = range(-(2**63), 2**63)
TEXT_ID = re.compile(r"[a-zA-Z0-9-_]{0,36}")
METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
UNITS = {"MILLISECOND": 1, "MICROSECOND": 1_000}


class BadRequest(Exception):
    """The streams' own error: `{"error": {"code": …, "msg": …}}`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def _invalid(what: str) -> BadRequest:
    return BadRequest(2, f"Invalid request: {what}")


NO_SUCH_STREAM = "invalid stream"


class MarketSession:
    """A client of the market streams: a `Session` of the transport.

    The documentation shows errors bare; the exchange wraps them in `error` and adds the id where it knows it.
    """

    def __init__(self, hub: Hub, connection: Connection, manner: Manner) -> None:
        self._hub, self._connection, self._manner = hub, connection, manner
        self._names: dict[str, Stream] = {}
        self.subscribed: Callable[[list[str]], object] | None = None  # is told what the client has subscribed to since
        self._answers = {
            "SUBSCRIBE": self._subscribe,
            "UNSUBSCRIBE": self._unsubscribe,
            "LIST_SUBSCRIPTIONS": self._list,
            "SET_PROPERTY": self._set,
            "GET_PROPERTY": self._get,
        }

    def receive(self, message: bytes) -> None:
        """One frame of the client, answered at once."""
        answer: dict[str, Any]
        known: dict[str, Any] = {}
        try:
            request = _parsed(message)
            known = {"id": _id(request)}
            answer = {"result": self._answers[_method(request, message)](request.get("params"))}
        except BadRequest as bad:
            answer = {"error": {"code": bad.code, "msg": bad.message}}
        self._connection.send(orjson.dumps(answer | known))

    @property
    def connection(self) -> Connection:
        return self._connection

    @property
    def streams(self) -> list[str]:
        """The names of what it has subscribed to."""
        return list(self._names)

    def listens_to(self, name: str) -> bool:
        """Whether it has subscribed to the stream of this name."""
        return name in self._names

    def announce_shutdown(self, time_ms: int) -> None:
        """Tell the client, in its own form, that the server is about to go; `time_ms`: now (epoch ms)."""
        told = orjson.dumps({"e": "serverShutdown", "E": time_ms * self._manner.scale})
        self._connection.send(wrapped("!serverShutdown", told) if self._manner.combined else told)

    def lost(self) -> None:
        """The connection is gone: it listens to nothing any more."""
        for name in self._names:
            self._hub.unsubscribe(name, self._connection, self._manner)
        self._names.clear()

    def listen(self, names: list[str]) -> None:
        """Subscribe to all of these, or to none: `BadRequest` where one is no stream, or they are too many."""
        wanted = {name: _stream(self._hub, name) for name in names}
        if len(self._names.keys() | wanted.keys()) > MOST_STREAMS:
            raise _invalid("too many subscriptions")  # the exchange names the limit, not its words
        for stream in wanted.values():
            self._hub.subscribe(stream, self._connection, self._manner)
        self._names |= wanted

    def _subscribe(self, params: Any) -> None:
        names = _texts(params)
        self.listen(names)
        if self.subscribed is not None:
            self.subscribed(names)

    def _unsubscribe(self, params: Any) -> None:
        """Names that were not subscribed to are none to complain about."""
        for name in _texts(params):
            if self._names.pop(name, None):
                self._hub.unsubscribe(name, self._connection, self._manner)

    def _list(self, params: Any) -> list[str]:
        if params:
            raise _invalid("too many parameters")
        return list(self._names)

    def _get(self, params: Any) -> bool:
        _property(params, 1)
        return self._manner.combined

    def _set(self, params: Any) -> None:
        value = _property(params, 2)
        if not isinstance(value, bool):
            raise BadRequest(1, "Invalid value type: expected Boolean")
        old, new = self._manner, self._manner._replace(combined=value)
        if new == old:
            return
        for name, stream in self._names.items():  # the new before the old: a stream that somebody hears has no gap
            self._hub.subscribe(stream, self._connection, new)
            self._hub.unsubscribe(name, self._connection, old)
        self._manner = new


# Frames


def _parsed(message: bytes) -> dict[str, Any]:
    try:
        request = orjson.loads(message)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise BadRequest(3, f"Invalid JSON: expected value at {where}") from error
    if not isinstance(request, dict):
        raise _missing_method(message)
    return request


def _missing_method(message: bytes) -> BadRequest:
    return _invalid(f"missing field `method` at line 1 column {len(message)}")


def _id(request: dict[str, Any]) -> int | str | None:
    """The client's id, null where none was sent."""
    sent = request.get("id")
    whole = isinstance(sent, int) and not isinstance(sent, bool) and sent in IDS
    if sent is None or whole or (isinstance(sent, str) and TEXT_ID.fullmatch(sent)):
        return sent
    raise _invalid("request ID must be an unsigned integer")


def _method(request: dict[str, Any], message: bytes) -> str:
    if "method" not in request:
        raise _missing_method(message)
    method = request["method"]
    if isinstance(method, str) and method in METHODS:
        return method
    named = method if isinstance(method, str) else _written(method, len(message))
    known = ", ".join(f"`{name}`" for name in METHODS)
    column = message.find(named.encode()) + len(named.encode()) + 1
    raise _invalid(f"unknown variant `{named}`, expected one of {known} at line 1 column {column}")


def _written(value: Any, column: int) -> str:
    """A value as JSON; `BadRequest` for lists in lists in lists, deeper than the writer follows."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        raise BadRequest(3, f"Invalid JSON: recursion limit exceeded at line 1 column {column}") from None


def _texts(params: Any) -> list[str]:
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        raise _invalid(NO_SUCH_STREAM)
    return params


def _property(params: Any, count: int) -> Any:
    """The last of the parameters of a property, the first of which must be `combined`."""
    sent = params if isinstance(params, list) else []
    if not sent or not isinstance(sent[0], str):
        raise _invalid("property name must be a string")
    if sent[0] != "combined":
        raise BadRequest(0, "Unknown property")
    if len(sent) > count:
        raise _invalid("too many parameters")
    return sent[count - 1] if len(sent) == count else None


def _stream(hub: Hub, name: str) -> Stream:
    try:
        stream = parse_stream(name)
        hub.check(stream)
    except UnknownStream:
        raise _invalid(NO_SUCH_STREAM) from None
    return stream


# Addresses


def open_market(hub: Hub, connection: Connection, target: str) -> MarketSession | Rejection:
    """The session of a handshake for `/ws`, `/ws/<stream>[/<stream>…]` or `/stream[?streams=<stream>/…]`.

    An address that names no such thing is answered by HTTP; how the exchange does so is not written down.
    """
    path, _, asked = target.partition("?")
    query = dict(_pairs(asked))
    scale = UNITS.get(query.get("timeUnit", "MILLISECOND").upper())
    names = _named(path, query)
    if names is None:
        return _rejected(404, "Not found")
    if scale is None:
        return _rejected(400, "Invalid time unit, expected either microsecond or millisecond.")
    session = MarketSession(hub, connection, Manner(path.startswith("/stream"), scale))
    try:
        session.listen(names)
    except BadRequest as bad:
        return _rejected(400, bad.message)
    return session


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    """Of a query in which a plus is one: names of streams have it before a time zone."""
    for part in query.split("&"):
        name, _, value = part.partition("=")
        yield unquote(name), unquote(value)


def _named(path: str, query: dict[str, str]) -> list[str] | None:
    """The streams that an address names; None for an address of something else."""
    head, _, rest = path.lstrip("/").partition("/")
    if head == "ws":
        listed = unquote(rest)
    elif head == "stream" and not rest:
        listed = query.get("streams", "")
    else:
        return None
    return [name for name in listed.split("/") if name]


def _rejected(status: int, message: str) -> Rejection:
    return Rejection(status, orjson.dumps({"code": 2, "msg": message}))

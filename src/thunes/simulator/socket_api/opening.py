"""The handshake of the WebSocket API."""

from __future__ import annotations

from urllib.parse import parse_qsl

from thunes.simulator.api.dispatch import Dispatcher
from thunes.simulator.api.messages import Answer, page, refusal
from thunes.simulator.api.parameters import flag
from thunes.simulator.request import Refused
from thunes.simulator.socket_api.methods import RATE_LIMITS
from thunes.simulator.socket_api.session import SocketSession
from thunes.simulator.socket_api.user_streams import UserStreams
from thunes.simulator.transport.contract import Connection, Rejection

PATH = "/ws-api/v3"
WEIGHT = 2  # of connecting
TIME_UNITS = ("MILLISECOND", "millisecond", "MICROSECOND", "microsecond")


def open_socket_api(
    dispatcher: Dispatcher, user_streams: UserStreams, connection: Connection, target: str, client: str
) -> SocketSession | Rejection:
    """A session for a handshake on `target` (raw path with query) from the address `client`.

    Whoever calls has counted the attempt to connect; its weight is charged here. The query may hold `returnRateLimits`
    and `timeUnit`: microseconds are accepted, and times stay in milliseconds.
    """
    path, _, query = target.partition("?")
    if path.rstrip("/") != PATH:
        return _rejection(page(404, "Not Found"))
    try:
        returns_limits = _returns_limits(query)
        dispatcher.limiter.charge(client, WEIGHT, dispatcher.exchange.clock.now_ms())
    except Refused as refused:
        return _rejection(refusal(refused))
    return SocketSession(dispatcher, user_streams, connection, client, returns_limits=returns_limits)


def _returns_limits(query: str) -> bool:
    """The default of the connection; `Refused` for words that its query may not hold."""
    options = dict(parse_qsl(query, keep_blank_values=True, errors="replace"))
    if options.get("timeUnit", "MILLISECOND") not in TIME_UNITS:
        raise Refused(400, -1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")
    if options.get("responseFormat", "json") != "json":
        raise Refused(400, -1155, "SBE is not enabled.")
    return flag(options, RATE_LIMITS, default=True)


def _rejection(answer: Answer) -> Rejection:
    return Rejection(answer.status, answer.body, answer.content_type.decode())

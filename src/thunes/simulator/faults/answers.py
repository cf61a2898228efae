"""What each fault of a route makes of an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import orjson

from thunes.simulator.api.limits import ADVICE, BANNED, TOO_MUCH_WEIGHT
from thunes.simulator.api.messages import Answer, Manner, page, refusal
from thunes.simulator.request import Refused

ORDER_QUERIES = frozenset({"GET /api/v3/order", "order.status"})
TIMEOUT = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
MANNERS = frozenset({"delay", "slow_drip"})  # these change how an answer travels, also one that is a fault's
NOTHING = Answer(200, b"")
PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True)
class Hit:
    """One answer that a fault may change, and what the change may depend on.

    `now_ms` is the exchange's time, `wall_ms` the wall's, by which bans are told (epoch ms).
    """

    answer: Answer
    route: str
    parameters: Mapping[str, Any]
    now_ms: int
    wall_ms: int


Change = Callable[[Hit], Answer | None]  # None: not an answer that this fault strikes


def _delay(hit: Hit) -> Answer:
    manner = hit.answer.manner
    return hit.answer._replace(manner=replace(manner, delay_ms=manner.delay_ms + hit.parameters["delay_ms"]))


def _drip(hit: Hit) -> Answer:
    drip = {"drip_bytes": hit.parameters["bytes"], "drip_ms": hit.parameters["every_ms"]}
    return hit.answer._replace(manner=replace(hit.answer.manner, **drip))


def _cut(hit: Hit) -> Answer:
    return hit.answer._replace(manner=replace(hit.answer.manner, cut=True))


def _hang(hit: Hit) -> Answer:
    return hit.answer._replace(manner=Manner(hang=True))


def _cut_accepted(hit: Hit) -> Answer | None:
    return _cut(hit) if hit.answer.status == 200 else None


def _server_error(hit: Hit) -> Answer | None:
    if hit.answer.status != 200:
        return None
    status = hit.parameters["status"]
    if hit.parameters["form"] == "json":
        return refusal(Refused(status, -1007, TIMEOUT))
    return page(status, PHRASES.get(status, "Server Error"))


def _placed_ms(body: bytes) -> int:
    """When the order of an answer was placed (epoch ms); 0 where another fault has left no order to read."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return 0
    return int(document.get("time", 0)) if isinstance(document, dict) else 0


def _order_lag(hit: Hit) -> Answer | None:
    """An order that was just placed is not in the database yet."""
    if hit.route not in ORDER_QUERIES or hit.answer.status != 200:
        return None
    if hit.now_ms >= _placed_ms(hit.answer.body) + 1_000 * hit.parameters["seconds"]:
        return None
    return refusal(Refused(400, -2013, "Order does not exist."))


def _too_many_requests(hit: Hit) -> Answer:
    message = TOO_MUCH_WEIGHT.format(6_000, "1 MINUTE", ADVICE)
    return refusal(Refused(429, -1003, message, retry_after=hit.parameters["retry_after"]))


def _banned(hit: Hit) -> Answer:
    wait = hit.parameters["retry_after"]
    return refusal(Refused(418, -1003, BANNED.format(hit.wall_ms + 1_000 * wait), retry_after=wait))


def _truncated(hit: Hit) -> Answer:
    body = hit.answer.body
    return hit.answer._replace(body=body[: hit.parameters["bytes"] or len(body) // 2])


CHANGES: dict[str, Change] = {
    "delay": _delay,
    "drop_before": _cut,
    "drop_after_accept": _cut_accepted,
    "error_after_accept": _server_error,
    "order_lag": _order_lag,
    "too_many_requests": _too_many_requests,
    "banned": _banned,
    "forbidden_html": lambda _: page(403, "Forbidden"),
    "html_200": lambda _: page(200, "Welcome"),
    "null_json": lambda _: Answer(200, b"null"),
    "list_json": lambda _: Answer(200, b"[]"),
    "empty_body": lambda hit: hit.answer._replace(body=b""),
    "truncated_json": _truncated,
    "slow_drip": _drip,
    "half_open": _hang,
}

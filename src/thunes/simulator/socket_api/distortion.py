"""What a client of the WebSocket API sees of an answer that faults gave or changed: they know REST's answers."""

from __future__ import annotations

from typing import Any

import orjson

from thunes.simulator.api.messages import JSON, Answer
from thunes.simulator.request import Refused
from thunes.simulator.socket_api.messages import Id, answer, error_body


def distorted(request_id: Id, told: Answer, rate_limits: list[dict[str, Any]] | None, server_time: int) -> bytes:
    """The message: a whole one where the answer makes sense, a torn one where it is torn, no JSON where it is none."""
    ok = told.status == 200
    if told.content_type != JSON:
        return told.body if ok else _failed(request_id, _unknown(told), rate_limits, server_time)
    try:
        document = orjson.loads(told.body)
    except orjson.JSONDecodeError:
        return answer(request_id, told.status, told.body)[:-1] if told.body else b""
    if ok:
        return answer(request_id, 200, told.body, rate_limits)
    return _failed(request_id, _refused(told, document), rate_limits, server_time)


def _failed(request_id: Id, refused: Refused, rate_limits: list[dict[str, Any]] | None, server_time: int) -> bytes:
    return answer(request_id, refused.status, error_body(refused, server_time), rate_limits)


def _refused(told: Answer, document: Any) -> Refused:
    """The refusal that an error's document tells."""
    if not isinstance(document, dict) or not {"code", "msg"} <= document.keys():
        return _unknown(told)
    code, message, data = document["code"], document["msg"], document.get("data")
    return Refused(told.status, code, message, retry_after=_retry_after(told), data=data)


def _unknown(told: Answer) -> Refused:
    """For an error page, which only HTTP knows."""
    message = "An unknown error occurred while processing the request."
    return Refused(told.status, -1000, message, retry_after=_retry_after(told))


def _retry_after(told: Answer) -> int | None:
    """The seconds in the header of that name; None for none, and for a date."""
    value = next((value for name, value in told.headers if name.lower() == b"retry-after"), b"")
    return int(value) if value.isdigit() else None

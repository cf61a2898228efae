"""The exchange without a socket: an adapter for `requests`, and so for python-binance's `client.session`."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from thunes.clock import Clock
from thunes.simulator.api.messages import Answer, Request

ADDRESS = "127.0.0.1"  # whose weights are counted: as over loopback


class InProcess(BaseAdapter):
    """Answers by calling the exchange. `client.session.mount(exchange.http_url, exchange.adapter())`.

    Faults look as they do over TCP: a cut connection raises `ConnectionError`, one that hangs, or is slower than the
    read timeout, `ReadTimeout`, without waiting for it.
    """

    def __init__(self, answer: Callable[[Request], Answer], clock: Clock) -> None:
        super().__init__()
        self._answer, self._clock = answer, clock

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        """Of the options of `requests` only `timeout` means something without a network."""
        answer = self._answer(_asked(request))
        timeout = options.get("timeout")
        patience = timeout[1] if isinstance(timeout, tuple) else timeout
        self._suffer(request, answer, patience)
        return _response(request, answer)

    def _suffer(self, request: requests.PreparedRequest, answer: Answer, patience: float | None) -> None:
        manner = answer.manner
        wait = manner.delay_ms / 1000
        if manner.hang or (patience is not None and wait > patience):
            raise requests.ReadTimeout(f"Read timed out. (read timeout={patience})", request=request)
        if wait:
            self._clock.sleep(wait)
        if manner.cut:
            raise requests.ConnectionError("Connection aborted: reset by peer", request=request)

    def close(self) -> None:
        """Nothing is held open."""


def _asked(request: requests.PreparedRequest) -> Request:
    url, body = urlsplit(str(request.url)), request.body or b""
    return Request(
        method=str(request.method),
        path=url.path,
        query=url.query.encode(),
        body=body if isinstance(body, bytes) else str(body).encode(),
        api_key=str(request.headers.get("X-MBX-APIKEY", "")),
        client=ADDRESS,
    )


def _response(request: requests.PreparedRequest, answer: Answer) -> requests.Response:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    headers["content-type"] = answer.content_type.decode()
    raw = HTTPResponse(io.BytesIO(answer.body), headers=headers, status=answer.status, preload_content=False)
    response = requests.Response()
    response.status_code, response.headers, response.raw = answer.status, raw.headers, raw  # type: ignore[assignment]
    response.url, response.request, response.encoding = str(request.url), request, "utf-8"
    return response

"""The opening handshake of a WebSocket, from the HTTP request that asks for it to the answer."""

from __future__ import annotations

from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from thunes.simulator.transport.contract import Rejection


def parse_request(head: bytes) -> Request:
    """The request as uvicorn hands it over, which has checked its form.

    websockets' own parser refuses lines above 8 KiB, and the names of a thousand streams are longer.
    """
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    headers = Headers()
    for line in lines:
        name, _, value = line.partition(":")
        headers[name] = value.strip()
    return Request(first.split(" ")[1], headers)


def rejection_response(rejection: Rejection) -> Response:
    """The HTTP response that a rejection stands for."""
    headers = Headers()
    headers["Content-Type"] = rejection.content_type
    headers["Content-Length"] = str(len(rejection.body))
    headers["Connection"] = "close"
    return Response(rejection.status, HTTPStatus(rejection.status).phrase, headers, rejection.body)

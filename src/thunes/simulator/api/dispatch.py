"""From a request to its answer: limits, keys, signature and time, then the function that answers, then the bytes."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import orjson

from thunes.simulator.api.call import Call, Document, Route
from thunes.simulator.api.limits import Limiter
from thunes.simulator.api.messages import Answer, Request, page, refusal
from thunes.simulator.api.parameters import SECURITY_PARAMETERS, Parameters, gather, refuse_unread, timing
from thunes.simulator.api.security import Key, Keyring, check_time, require_trading, rest_payload, verify_payload
from thunes.simulator.engine.events import ExecutionReport
from thunes.simulator.exchange import Exchange
from thunes.simulator.faults.board import Board
from thunes.simulator.request import Refused

REMOVED = "/api/v3/userDataStream"  # since February 2026
NO_HEADERS: tuple[tuple[bytes, bytes], ...] = ()
MOST_BYTES = 65_536  # of query and body together


class Dispatcher:
    """All endpoints of one exchange, for REST and for the WebSocket API alike."""

    def __init__(
        self,
        exchange: Exchange,
        routes: Iterable[Route],
        *,
        keyring: Keyring,
        limiter: Limiter,
        board: Board,
        time_checks: bool = True,
    ) -> None:
        self.exchange, self.keyring, self.limiter, self.board = exchange, keyring, limiter, board
        self.time_checks = time_checks
        self._routes = {(route.method, route.path): route for route in routes}
        self.methods = {route.socket_method: route for route in self._routes.values() if route.socket_method}
        exchange.report_listeners.append(self._first_fill)

    @property
    def names(self) -> list[str]:
        """All endpoints, as faults name them: `POST /api/v3/order`, `order.place`."""
        return [f"{method} {path}" for method, path in self._routes] + list(self.methods)

    # REST

    def answer(self, request: Request) -> Answer:
        """What a request is answered, with what the faults make of it."""
        name = f"{request.method} {request.path}"
        struck = self.board.before(name)
        if struck.answer is not None:
            return struck.answer
        return struck.after(self._answer(request))

    def _answer(self, request: Request) -> Answer:
        route = self._routes.get((request.method, request.path))
        if route is None:
            return _unknown(request)
        now, account = self.exchange.clock.now_ms(), ""
        try:
            parameters = _parameters(request)
            self.charge(route, parameters, request.client)
            if route.security == "signed":
                account = self._signed(route, request, parameters)
            status, body, more = 200, encoded(self.perform(route, parameters, account, request.client)), NO_HEADERS
        except Refused as refused:
            self.settle(route, request.client)
            status, body, more = refusal(refused)[:3]
        headers = self.limiter.headers(request.client, account if route.weighs_on_failure else None, now)
        return Answer(status, body, (*more, *headers))

    def _signed(self, route: Route, request: Request, parameters: Parameters) -> str:
        key = self.keyring.find(request.api_key)
        self.check_timing(parameters)
        verify_payload(key, *rest_payload(request.query, request.body))
        self.check_rights(route, key)
        return key.account

    # For both

    def check_timing(self, parameters: Parameters) -> None:
        """The time rules of a signed request, by the exchange's clock."""
        timestamp, window = timing(parameters)
        if self.time_checks:
            self.exchange.catch_up()
            check_time(timestamp, window, self.exchange.server_time)

    def check_rights(self, route: Route, key: Key) -> None:
        """`Refused` for a key that may only read, where something would change."""
        if route.method != "GET":
            require_trading(key)

    def charge(self, route: Route, parameters: Parameters, client: str) -> None:
        """Count a request's weight before anything else; `Refused` where the client has used up its limit."""
        weight = 0 if route.weighs_on_failure else route.weigh(parameters)
        self.limiter.charge(client, weight, self.exchange.clock.now_ms())

    def settle(self, route: Route, client: str) -> None:
        """Count what a refusal costs where only refusals do."""
        if route.weighs_on_failure:
            self.limiter.settle(client, route.weigh({}), self.exchange.clock.now_ms())

    def perform(self, route: Route, parameters: Parameters, account: str, client: str) -> Document:
        """The answer of a route to somebody who may ask; `Refused` as the exchange refuses."""
        self.exchange.catch_up()
        if route.reads is not None:
            refuse_unread(parameters, route.reads | SECURITY_PARAMETERS)
        call = Call(self.exchange, parameters, account, client, self.limiter)
        return self._counted(route, call) if route.orders else route.handler(call)

    def _counted(self, route: Route, call: Call) -> Document:
        """The answer of a route that places orders: they count before they may be filled, and not where refused."""
        wall = self.exchange.clock.now_ms()
        self.limiter.admit_order(call.account, wall, route.orders)
        try:
            return route.handler(call)
        except Refused:
            self.limiter.count_order(call.account, wall, -route.orders)
            raise

    def _first_fill(self, report: ExecutionReport) -> None:
        if report.execution == "TRADE" and report.executed == report.last_quantity:
            self.limiter.first_fill(report.account, self.exchange.clock.now_ms(), maker=report.maker)


def _parameters(request: Request) -> dict[str, str]:
    """Of query and body: what both hold counts as the query has it. `gather`'s refusals for names that one of them
    holds twice, and for empty values."""
    if len(request.query) + len(request.body) > MOST_BYTES:
        raise Refused(413, -1100, "Illegal characters found in a parameter.")
    if not (request.query and request.body):
        return _gathered(request.query or request.body)
    asked = _gathered(request.query)
    return asked | {name: value for name, value in _gathered(request.body).items() if name not in asked}


def _gathered(sent: bytes) -> dict[str, str]:
    try:
        text = sent.decode("ascii")
        parts = [part for part in text.split("&") if part]  # an & too many says nothing
        if "%" not in text and "+" not in text:  # as clients send orders; four times as fast
            pairs: list[Any] = [part.split("=", 1) for part in parts]
        else:
            pairs = parse_qsl("&".join(parts), keep_blank_values=True, strict_parsing=True, errors="strict")
        return gather(pairs)
    except ValueError:  # also of `gather`, where a part has no =
        raise Refused(400, -1100, "Illegal characters found in a parameter.") from None


def _unknown(request: Request) -> Answer:
    if request.path == REMOVED:
        return page(410, "Gone")
    return refusal(Refused(404, -5000, f"Path {request.path}, Method {request.method} is invalid"))


def encoded(document: Any) -> bytes:
    """A document as the exchange writes it."""
    return orjson.dumps(document, default=_plain)


def _plain(value: object) -> str:
    assert isinstance(value, Decimal), f"{value!r} has no form in JSON"
    return format(value, "f")

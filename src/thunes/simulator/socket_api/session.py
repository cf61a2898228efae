"""One connection of the WebSocket API: a message comes in, its answer goes out."""

from __future__ import annotations

from typing import Any

from thunes.simulator.api.call import Document, Route
from thunes.simulator.api.dispatch import Dispatcher, encoded
from thunes.simulator.api.messages import Answer
from thunes.simulator.api.parameters import Parameters, flag
from thunes.simulator.request import Refused
from thunes.simulator.socket_api.authority import Authority
from thunes.simulator.socket_api.distortion import distorted
from thunes.simulator.socket_api.messages import Id, SocketRequest, Unreadable, answer, error_body, read, texts
from thunes.simulator.socket_api.methods import RATE_LIMITS, SessionMethods
from thunes.simulator.socket_api.subscriptions import Subscriptions
from thunes.simulator.socket_api.user_streams import UserStreams
from thunes.simulator.transport.contract import Connection

RateLimits = list[dict[str, Any]] | None
BANNED = 418
POLICY_VIOLATION = 1008


class SocketSession:
    """Answers the requests of one connection, each before it reads the next.

    `returns_limits`: whether answers show rate limits where a request does not say so itself.
    """

    def __init__(
        self, dispatcher: Dispatcher, streams: UserStreams, connection: Connection, client: str, *, returns_limits: bool
    ) -> None:
        self._dispatcher, self._streams, self._connection = dispatcher, streams, connection
        self._client, self._returns_limits = client, returns_limits
        self._exchange, self._board = dispatcher.exchange, dispatcher.board
        self._authority = Authority(dispatcher)
        self._subscriptions = Subscriptions(streams, connection)
        own = SessionMethods(dispatcher, self._authority, self._subscriptions, returns_limits=returns_limits)
        self._own = own.routes

    def receive(self, message: bytes) -> None:
        """Answer one message, whatever is in it."""
        try:
            request = read(message)
        except Unreadable as unreadable:
            return self._refuse(unreadable.id, unreadable.refused)
        try:
            self._authority.check_logon()
        except Refused as revoked:
            return self._refuse(None, revoked)  # stands for the answer, as documented
        route = self._own.get(request.method) or self._dispatcher.methods.get(request.method)
        if route is None:
            # Undocumented; worded as REST words a path that it does not know.
            return self._refuse(request.id, Refused(404, -5000, f"Method {request.method} is invalid"))
        return self._respond(request, route)

    def lost(self) -> None:
        """The connection has ended."""
        self._subscriptions.lost()

    def _refuse(self, request_id: Id, refused: Refused) -> None:
        self._connection.send(answer(request_id, refused.status, error_body(refused, self._exchange.server_time)))

    def _respond(self, request: SocketRequest, route: Route) -> None:
        struck = self._board.before(request.method)
        if struck.answer is not None:
            return self._distort(request.id, struck.answer, None)
        plain, rate_limits = self._ask(request, route)
        told = struck.after(plain)
        if told is not plain:
            return self._distort(request.id, told, rate_limits)
        return self._send(answer(request.id, told.status, told.body, rate_limits), told.status)

    def _distort(self, request_id: Id, told: Answer, rate_limits: RateLimits) -> None:
        """Send what faults have left of an answer, in their manner; one frame cannot drip."""
        message, manner = distorted(request_id, told, rate_limits, self._exchange.server_time), told.manner
        if manner.hang:
            return
        end = self._connection.cut if manner.cut else lambda: self._send(message, told.status)
        if manner.delay_ms:
            self._streams.call_later(manner.delay_ms / 1_000, end)
        else:
            end()

    def _send(self, message: bytes, status: int) -> None:
        self._connection.send(message)
        if status == BANNED:
            self._connection.close(POLICY_VIOLATION, "banned")

    def _ask(self, request: SocketRequest, route: Route) -> tuple[Answer, RateLimits]:
        """The answer, body and status as REST has them, and the rate limits to show with it."""
        account, returns_limits = "", self._returns_limits
        try:
            parameters = texts(request.parameters)
            if RATE_LIMITS in parameters:
                returns_limits = flag(parameters, RATE_LIMITS, default=True)
            self._dispatcher.charge(route, parameters, self._client)
            if route.security == "signed":
                account = self._account(route, parameters)
            told = Answer(200, encoded(self._perform(request.method, route, parameters, account)))
        except Refused as refused:
            self._dispatcher.settle(route, self._client)
            told = Answer(refused.status, error_body(refused, self._exchange.server_time))
        if not returns_limits:
            return told, None
        return told, self._usage(account if route.orders else "")

    def _account(self, route: Route, parameters: Parameters) -> str:
        """Whom a signed request is for, once it is seen that it may ask this."""
        key = self._authority.signer(parameters)
        self._dispatcher.check_rights(route, key)
        return key.account

    def _usage(self, account: str) -> RateLimits:
        return self._dispatcher.limiter.usage(self._client, account or None, self._exchange.clock.now_ms())

    def _perform(self, method: str, route: Route, parameters: dict[str, str], account: str) -> Document:
        if method not in self._own:
            parameters.pop(RATE_LIMITS, None)  # handlers do not know it
        return self._dispatcher.perform(route, parameters, account, self._client)

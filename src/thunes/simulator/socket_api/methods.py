"""The methods that are about the connection itself: its logon and its user data subscriptions. Each weighs 2."""

from __future__ import annotations

from collections.abc import Callable

from thunes.simulator.api.call import Call, Document, Route
from thunes.simulator.api.dispatch import Dispatcher
from thunes.simulator.api.parameters import SECURITY_PARAMETERS, Parameters, refuse_unread, whole
from thunes.simulator.request import Refused
from thunes.simulator.socket_api.authority import Authority
from thunes.simulator.socket_api.subscriptions import Subscriptions

RATE_LIMITS = "returnRateLimits"  # every method reads it, and a signature covers it
NOTHING = frozenset((RATE_LIMITS,))
SIGNED = NOTHING | SECURITY_PARAMETERS
WEIGHT = 2


class SessionMethods:
    """Those of one connection; `routes` has them by name."""

    def __init__(
        self, dispatcher: Dispatcher, authority: Authority, subscriptions: Subscriptions, *, returns_limits: bool
    ) -> None:
        self._exchange, self._authority, self._subscriptions = dispatcher.exchange, authority, subscriptions
        self._returns_limits, self._connected_ms = returns_limits, dispatcher.exchange.server_time
        self.routes = {
            "session.logon": _route(self._log_on),
            "session.status": _route(self._status),
            "session.logout": _route(self._log_out),
            "session.subscriptions": _route(self._list),
            "userDataStream.subscribe": _route(self._subscribe),
            "userDataStream.subscribe.signature": _route(self._subscribe_signed),
            "userDataStream.unsubscribe": _route(self._unsubscribe),
            # Of the days of listen keys, gone in February 2026. What their removal is answered is not documented.
            "userDataStream.start": _route(_gone),
            "userDataStream.ping": _route(_gone),
            "userDataStream.stop": _route(_gone),
        }

    def _log_on(self, parameters: Parameters) -> Document:
        refuse_unread(parameters, SIGNED)
        self._authority.log_on(parameters)
        return self._state()

    def _status(self, parameters: Parameters) -> Document:
        refuse_unread(parameters, NOTHING)
        return self._state()

    def _log_out(self, parameters: Parameters) -> Document:
        refuse_unread(parameters, NOTHING)
        self._authority.logon = None
        self._subscriptions.end_of_session()
        return self._state()

    def _state(self) -> Document:
        logon = self._authority.logon
        return {
            "apiKey": logon and logon.key.api_key,
            "authorizedSince": logon and logon.since_ms,
            "connectedSince": self._connected_ms,
            "returnRateLimits": self._returns_limits,
            "serverTime": self._exchange.server_time,
            "userDataStream": bool(self._subscriptions.ids),
        }

    def _list(self, parameters: Parameters) -> Document:
        refuse_unread(parameters, NOTHING)
        return [{"subscriptionId": number} for number in self._subscriptions.ids]

    def _subscribe(self, parameters: Parameters) -> Document:
        refuse_unread(parameters, NOTHING)
        return {"subscriptionId": self._subscriptions.start(self._authority.session_key(), by_session=True)}

    def _subscribe_signed(self, parameters: Parameters) -> Document:
        refuse_unread(parameters, SIGNED)
        return {"subscriptionId": self._subscriptions.start(self._authority.verified(parameters), by_session=False)}

    def _unsubscribe(self, parameters: Parameters) -> Document:
        refuse_unread(parameters, NOTHING | {"subscriptionId"})
        self._subscriptions.end(whole(parameters, "subscriptionId"))
        return {}


def _gone(_parameters: Parameters) -> Document:
    raise Refused(410, -1016, "This service is no longer available.")


def _route(method: Callable[[Parameters], Document]) -> Route:
    def handler(call: Call) -> Document:
        return method(call.parameters)

    return Route("", "", handler, None, WEIGHT)

"""The user data subscriptions of one connection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import orjson

from thunes.simulator.api.security import Key
from thunes.simulator.api.user_data import stream_terminated
from thunes.simulator.request import Refused
from thunes.simulator.socket_api.messages import event
from thunes.simulator.socket_api.user_streams import UserStreams
from thunes.simulator.transport.contract import Connection

MOST_AT_ONCE = 1_000
MOST_EVER = 65_535


class Subscription(NamedTuple):
    """By `key`, for the logged-on session or by a signature of its own."""

    key: Key
    by_session: bool


class Subscriptions:
    """At most one for each account; ids count from 0 and are not used again. Every end is told to the client."""

    def __init__(self, streams: UserStreams, connection: Connection) -> None:
        self.connection, self._streams = connection, streams
        self._active: dict[int, Subscription] = {}
        self._started = 0
        streams.join(self)

    @property
    def ids(self) -> list[int]:
        """Of the active ones, in ascending order."""
        return list(self._active)

    def start(self, key: Key, *, by_session: bool) -> int:
        """The id of a new one for the key's account. `Refused`: −2035 beside another, −1191 and −2042 past limits."""
        if any(active.key.account == key.account for active in self._active.values()):
            raise Refused(400, -2035, "User Data Stream subscription already active.")
        if len(self._active) >= MOST_AT_ONCE:
            limit = f"Connection may create up to '{MOST_AT_ONCE}' subscriptions at a time."
            raise Refused(400, -1191, f"Too many subscriptions. {limit}")
        if self._started >= MOST_EVER:
            raise Refused(400, -2042, "Maximum subscription ID reached for this connection.")
        number, self._started = self._started, self._started + 1
        self._active[number] = Subscription(key, by_session)
        self._streams.subscribe(self, key.account, number)
        return number

    def end(self, number: int | None) -> None:
        """End one, or all with None. `Refused` with −2036 when there is nothing to end."""
        ending = self.ids if number is None else [number]
        if not ending or ending[0] not in self._active:
            raise Refused(400, -2036, "User Data Stream subscription not active.")
        self._end(ending)

    def end_of_session(self) -> None:
        """End what the session subscribed to: the client logged out."""
        self._end([number for number, active in self._active.items() if active.by_session])

    def end_of_key(self, api_key: str) -> None:
        """End what was subscribed to with a key."""
        self._end([number for number, active in self._active.items() if active.key.api_key == api_key])

    def _end(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._streams.unsubscribe(self, self._active.pop(number).key.account)
            last = orjson.dumps(stream_terminated(self._streams.exchange.now_ms))
            self.connection.send(event(number, last))

    def lost(self) -> None:
        """The connection has ended: there is nobody left to tell."""
        self._active.clear()
        self._streams.leave(self)

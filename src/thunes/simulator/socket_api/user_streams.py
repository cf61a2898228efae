"""Who hears of an account's orders and balances, over all connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

import orjson

from thunes.simulator.api.user_data import encode, server_shutdown
from thunes.simulator.engine.events import Event
from thunes.simulator.exchange import Exchange
from thunes.simulator.socket_api.messages import event as event_message
from thunes.simulator.transport.contract import Connection
from thunes.simulator.transport.frames import text_frame

CallLater = Callable[[float, Callable[[], object]], object]
GOING_AWAY = 1001


class UserFaults(Protocol):
    """What faults make of the events of an account."""

    def user_events(self, account: str, payloads: list[bytes]) -> list[bytes]:
        """What is told now of new events, and of earlier ones."""
        ...

    def late_accounts(self) -> list[str]:
        """Accounts with events that wait."""
        ...

    def opened(self, peer: Connection, kinds: Collection[str]) -> None:
        """A connection has become what faults may call by these words."""
        ...


class Subscriber(Protocol):
    """A connection with its subscriptions."""

    connection: Connection

    def end_of_key(self, api_key: str) -> None:
        """End what was subscribed to with a key."""
        ...


class UserStreams:
    """Tells every event of the engine to the account's subscribers: encoded once, in the engine's order.

    The engine publishes while it works, so a client hears of its order before the order is answered; clients must bear
    both orders. `call_later(seconds, function)` is the event loop's, unless a test brings another.
    """

    def __init__(self, exchange: Exchange, board: UserFaults, *, call_later: CallLater | None = None) -> None:
        self.exchange, self._board, self._call_later = exchange, board, call_later
        self._audiences: dict[str, dict[Subscriber, int]] = {}  # by account: the ids of its subscriptions
        self._subscribers: dict[Subscriber, None] = {}  # a set that remembers who came first
        exchange.listeners.append(self._hear)
        exchange.watchers.append(self._release)

    def connections(self) -> list[Connection]:
        """All connections of the WebSocket API, the oldest first."""
        return [subscriber.connection for subscriber in self._subscribers]

    def listening(self) -> list[Connection]:
        """Those with a subscription."""
        listening = {subscriber for audience in self._audiences.values() for subscriber in audience}
        return [subscriber.connection for subscriber in self._subscribers if subscriber in listening]

    def call_later(self, seconds: float, function: Callable[[], object]) -> None:
        """Do something after so many seconds of real time."""
        (self._call_later or asyncio.get_running_loop().call_later)(seconds, function)

    # Who listens

    def join(self, subscriber: Subscriber) -> None:
        """A connection has opened."""
        self._subscribers[subscriber] = None

    def leave(self, subscriber: Subscriber) -> None:
        """A connection has ended, and with it its subscriptions."""
        self._subscribers.pop(subscriber, None)
        for account in [name for name, audience in self._audiences.items() if subscriber in audience]:
            self.unsubscribe(subscriber, account)

    def subscribe(self, subscriber: Subscriber, account: str, subscription: int) -> None:
        self._audiences.setdefault(account, {})[subscriber] = subscription
        self._board.opened(subscriber.connection, ("user",))

    def unsubscribe(self, subscriber: Subscriber, account: str) -> None:
        audience = self._audiences[account]
        del audience[subscriber]
        if not audience:
            del self._audiences[account]

    def revoked(self, api_key: str) -> None:
        """A key is no longer good: what was subscribed to with it ends. To be called once the keyring has lost it."""
        for subscriber in list(self._subscribers):
            subscriber.end_of_key(api_key)

    # What they are told

    def _hear(self, event: Event) -> None:
        audience = self._audiences.get(event.account)
        if audience:
            self._tell(event.account, audience, [encode(event)])

    def _release(self, _before: int, _until: int) -> None:
        """Time has moved: faults may let go of what they held back."""
        for account in self._board.late_accounts():
            self._tell(account, self._audiences.get(account, {}), [])

    def _tell(self, account: str, audience: dict[Subscriber, int], payloads: list[bytes]) -> None:
        for payload in self._board.user_events(account, payloads):
            frames: dict[int, bytes] = {}  # most subscriptions are their connection's first, and share one frame
            for subscriber, subscription in audience.items():
                frame = frames.get(subscription)
                if frame is None:
                    frame = frames[subscription] = text_frame(event_message(subscription, payload))
                subscriber.connection.send_frame(frame)

    def shutdown(self, seconds: float | None = None) -> None:
        """Tell every connection that the server is about to go; with `seconds`, close them that much later."""
        connections = self.connections()
        for connection in connections:
            announce_shutdown(connection, self.exchange.server_time)
        if seconds is not None:
            self.call_later(seconds, lambda: _close(connections))


def announce_shutdown(connection: Connection, time_ms: int) -> None:
    """Tell one connection of the WebSocket API that the server is about to go; `time_ms`: now (epoch ms)."""
    connection.send(b'{"event":%b}' % orjson.dumps(server_shutdown(time_ms)))


def _close(connections: Iterable[Connection]) -> None:
    for connection in connections:
        connection.close(GOING_AWAY, "server shutdown")

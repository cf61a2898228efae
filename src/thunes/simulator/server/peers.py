"""The open WebSocket connections, as faults look for them."""

from __future__ import annotations

from collections.abc import Iterable

from thunes.simulator.faults.peers import Peer
from thunes.simulator.socket_api.user_streams import UserStreams, announce_shutdown
from thunes.simulator.streams.session import MarketSession
from thunes.simulator.transport.contract import Connection


class OpenConnections:
    """Those of the WebSocket API and those of market streams: the `Peers` of the faults' board."""

    def __init__(self, users: UserStreams) -> None:
        self._users = users
        self._market: dict[Connection, MarketSession] = {}

    def join(self, session: MarketSession) -> None:
        """A client of the market streams has come."""
        self._market = {connection: one for connection, one in self._market.items() if connection.is_open}
        self._market[session.connection] = session

    def connections(self, kind: str) -> Iterable[Connection]:
        """Those of a kind, "api", "user" or "market", of a stream by its name, or all ("*")."""
        if kind == "user":
            return _open(self._users.listening())
        api = _open(self._users.connections()) if kind in ("api", "*") else []
        market = [session for session in self._market.values() if session.connection.is_open]
        heard = [session for session in market if kind in ("market", "*") or session.listens_to(kind)]
        return [*api, *(session.connection for session in heard)]

    def announce_shutdown(self, peer: Peer, time_ms: int) -> None:
        """Tell one client, in its own form, that the server is about to go."""
        for session in self._market.values():
            if session.connection is peer:
                session.announce_shutdown(time_ms)
        for connection in self._users.connections():
            if connection is peer:
                announce_shutdown(connection, time_ms)


def _open(connections: Iterable[Connection]) -> list[Connection]:
    """Those that have not begun to end: nothing would reach the others."""
    return [connection for connection in connections if connection.is_open]

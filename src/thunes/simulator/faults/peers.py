"""Faults of WebSocket connections, and what they ask of whoever knows the connections."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from thunes.simulator.faults.fault import Fault

GOING_AWAY = 1_001


class Peer(Protocol):
    """One WebSocket connection, as faults see it."""

    withhold_pongs: bool

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Begin the closing handshake."""
        ...

    def cut(self) -> None:
        """Reset the connection."""
        ...

    def stop_reading(self) -> None:
        """Half-open: from now on nothing is read and nothing is sent."""
        ...


class Peers(Protocol):
    """The open connections."""

    def connections(self, kind: str) -> Iterable[Peer]:
        """Those of the WebSocket API ("api"), with a user-data subscription ("user"), of market streams ("market"),
        that have subscribed to a stream (its name), or all ("*")."""
        ...

    def announce_shutdown(self, peer: Peer, time_ms: int) -> None:
        """Send `serverShutdown` in the connection's own form."""
        ...


@dataclass(frozen=True)
class Blow:
    """One connection about to be struck, at `time_ms` as clients are told the time."""

    peers: Peers
    peer: Peer
    fault: Fault
    time_ms: int


def _withhold_pongs(blow: Blow) -> None:
    blow.peer.withhold_pongs = True


def _disconnect(blow: Blow) -> None:
    if blow.fault.parameters["form"] == "cut":
        blow.peer.cut()
    else:
        blow.peer.close(blow.fault.parameters["code"])


def _shut_down(blow: Blow) -> None:
    blow.peers.announce_shutdown(blow.peer, blow.time_ms)
    if blow.fault.parameters["cut"]:
        blow.peer.close(GOING_AWAY, "server shutdown")


ACTS: dict[str, Callable[[Blow], None]] = {
    "pong_withheld": _withhold_pongs,
    "disconnect": _disconnect,
    "half_open_stream": lambda blow: blow.peer.stop_reading(),
    "server_shutdown": _shut_down,
}

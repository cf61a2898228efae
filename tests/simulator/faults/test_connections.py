"""Faults of WebSocket connections: what is asked of them, and of which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from tests.simulator.faults.market import Seat
from tests.simulator.faults.market import desk as desk

from thunes.errors import UsageError
from thunes.simulator.faults.catalogue import CATALOGUE
from thunes.simulator.faults.peers import ACTS, Peer


@dataclass
class Heard:
    """A connection that remembers what was asked of it."""

    kind: str
    withhold_pongs: bool = False
    asked: list[object] = field(default_factory=list)

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.asked.append(("close", code, reason))

    def cut(self) -> None:
        self.asked.append("cut")

    def stop_reading(self) -> None:
        self.asked.append("stop_reading")


class House:
    """All connections."""

    def __init__(self, *peers: Heard) -> None:
        self.peers = peers

    def connections(self, kind: str) -> Iterable[Peer]:
        return [peer for peer in self.peers if kind in ("*", peer.kind)]

    def announce_shutdown(self, peer: Peer, time_ms: int) -> None:
        assert isinstance(peer, Heard)
        peer.asked.append(("shutdown", time_ms))


@pytest.fixture
def peers(desk: Seat) -> tuple[Heard, Heard]:
    made = Heard("api"), Heard("market")
    desk.board.peers = House(*made)
    return made


def test_every_fault_of_connections_has_its_act() -> None:
    assert set(ACTS) == {name for name, kind in CATALOGUE.items() if kind.strikes == "connection"}


def test_a_connection_is_cut_or_closed(desk: Seat, peers: tuple[Heard, Heard]) -> None:
    desk.board.set("disconnect", "api")
    desk.board.set("disconnect", "api", form="close", code=1_008)
    assert peers[0].asked == ["cut", ("close", 1_008, "")]
    assert peers[1].asked == []
    assert desk.struck() == [("disconnect", "api")] * 2


def test_only_so_many_are_struck(desk: Seat, peers: tuple[Heard, Heard]) -> None:
    desk.board.set("half_open_stream", count=1)
    assert [peer.asked for peer in peers] == [["stop_reading"], []]


def test_a_shutdown_is_announced_with_or_without_the_end(desk: Seat, peers: tuple[Heard, Heard]) -> None:
    desk.exchange.clock_offset_ms = 5
    told = ("shutdown", desk.exchange.now_ms + 5)
    desk.board.set("server_shutdown", "market")
    assert peers[1].asked == [told]
    desk.board.set("server_shutdown", "market", cut=True)
    assert peers[1].asked == [told, told, ("close", 1_001, "server shutdown")]


def test_pongs_are_withheld_until_removed_also_from_those_who_come_later(
    desk: Seat, peers: tuple[Heard, Heard]
) -> None:
    fault = desk.board.set("pong_withheld", "api")
    later, other = Heard("api"), Heard("market")
    desk.board.opened(later, {"api"})
    desk.board.opened(other, {"market"})
    assert [peer.withhold_pongs for peer in (*peers, later, other)] == [True, False, True, False]
    assert desk.struck() == [("pong_withheld", "api")] * 2
    desk.board.remove(fault.number)
    assert not peers[0].withhold_pongs


def test_without_connections_such_a_fault_is_refused(desk: Seat) -> None:
    with pytest.raises(UsageError, match="has none"):
        desk.board.set("disconnect")
    assert desk.board.faults == []

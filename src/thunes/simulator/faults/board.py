"""The board on which faults are set: it strikes with them, and remembers what was struck."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

from thunes.errors import UsageError
from thunes.simulator.api.messages import Answer
from thunes.simulator.exchange import Exchange
from thunes.simulator.faults.answers import CHANGES, MANNERS, NOTHING, Hit
from thunes.simulator.faults.fault import EVERYTHING, Fault, Strike, checked, parse_fault
from thunes.simulator.faults.peers import ACTS, Blow, Peer, Peers
from thunes.simulator.faults.rows import Row
from thunes.simulator.faults.world import World

REMEMBERED = 10_000  # strikes


class Struck:
    """What the faults make of one request: `answer` instead of the engine's, unless None; else `after` changes it."""

    __slots__ = ("_changes", "answer")

    def __init__(self, answer: Answer | None = None, changes: Iterable[Callable[[Answer], Answer]] = ()) -> None:
        self.answer, self._changes = answer, changes

    def after(self, answer: Answer) -> Answer:
        """What goes out in place of the engine's answer."""
        for change in self._changes:
            answer = change(answer)
        return answer


UNTOUCHED = Struck()


class Armed:
    """A fault that is set: what is left of its count, and its own seeded throws."""

    __slots__ = ("_chance", "fault", "left")

    def __init__(self, fault: Fault, seed: int) -> None:
        self.fault, self.left = fault, fault.count
        self._chance = Random(f"{seed}/{fault.number}")

    def strikes(self) -> bool:
        """Whether it strikes this time; that is then counted."""
        if self.left == 0 or (self.fault.probability < 1 and self._chance.random() >= self.fault.probability):
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Board:
    """The faults of one exchange. Delays of answers are real time, those of events the exchange's time.

    `peers` knows the WebSocket connections, once there are any; `routes` those that a target may name, empty: any.
    Faults are no part of the exchange's state: after a restart none is set.
    """

    def __init__(self, exchange: Exchange, seed: int = 0) -> None:
        self.exchange, self._seed, self._world = exchange, seed, World(exchange)
        self.peers: Peers | None = None
        self.routes: Collection[str] = ()
        self._armed: dict[int, Armed] = {}
        # Those that can still strike, by what they strike: on the order path an empty list is all there is to see.
        self._on_routes: list[Armed] = []
        self._on_accounts: list[Armed] = []
        self._on_streams: list[Armed] = []
        self._accounts: dict[str, Row] = {}
        self._streams: dict[str, Row] = {}
        self._struck: deque[Strike] = deque(maxlen=REMEMBERED)
        self._faults = self._strikes = 0

    # Setting

    def set(
        self,
        name: str,
        target: str = EVERYTHING,
        *,
        count: int | None = None,
        probability: float = 1.0,
        **parameters: Any,
    ) -> Fault:
        """Set a fault; one that strikes the exchange or its connections has done so on return.

        Error: `UsageError`, one line, for what the catalogue does not know; then nothing has happened.
        """
        return self.put(Fault(name, target, count, probability, parameters))

    def put_document(self, document: Mapping[str, Any]) -> Fault:
        """Set the fault that a document describes; errors as in `set`."""
        return self.put(parse_fault(document))

    def put(self, fault: Fault) -> Fault:
        """Set a fault; it comes back with its number and every parameter."""
        fault = replace(checked(fault, self.routes), number=self._faults + 1)
        armed = Armed(fault, self._seed)
        if fault.kind.strikes == "world":
            self._record(fault, self._world.strike(fault))
        elif fault.kind.strikes == "connection":
            self._strike_connections(armed)
        self._faults = fault.number
        self._armed[fault.number] = armed
        self._sort()
        return fault

    @property
    def faults(self) -> list[Fault]:
        """Those that are set, oldest first; one whose count is used up, or that acted at once, stays until removed."""
        return [armed.fault for armed in self._armed.values()]

    def left(self, number: int) -> int | None:
        """How often a fault may still strike; None: until it is removed."""
        return self._armed[number].left

    @property
    def struck(self) -> list[Strike]:
        """The last 10,000 strikes, oldest first."""
        return list(self._struck)

    def remove(self, number: int) -> Fault:
        """Remove a fault. Error: `UsageError` for a number that no fault has."""
        armed = self._armed.pop(number, None)
        if armed is None:
            raise UsageError("E-SIM-FAULT", f"no fault has number {number}.", "GET /sim/v1/faults lists them.")
        self._world.mend(armed.fault)
        if armed.fault.name == "pong_withheld" and self.peers is not None:
            for peer in self.peers.connections(armed.fault.target):
                peer.withhold_pongs = False
        self._sort()
        self._let_go(armed.fault.kind.strikes)
        return armed.fault

    def clear(self) -> int:
        """Remove all faults; how many."""
        numbers = list(self._armed)
        for number in numbers:
            self.remove(number)
        return len(numbers)

    def _sort(self) -> None:
        """Those that can still strike, by what they strike."""
        ready = [armed for armed in self._armed.values() if armed.left != 0]
        self._on_routes = [armed for armed in ready if armed.fault.kind.strikes == "route"]
        self._on_accounts = [armed for armed in ready if armed.fault.kind.strikes == "account"]
        self._on_streams = [armed for armed in ready if armed.fault.kind.strikes == "stream"]

    def _let_go(self, strikes: str) -> None:
        """What no fault keeps back any more is due."""
        for kind, rows, armed in (
            ("account", self._accounts, self._on_accounts),
            ("stream", self._streams, self._on_streams),
        ):
            if kind == strikes and not armed:
                for row in rows.values():
                    row.let_go(self.exchange.now_ms)

    def _record(self, fault: Fault, hit: str) -> None:
        self._strikes += 1
        now = self.exchange.now_ms
        self._struck.append(Strike(self._strikes, fault.number, fault.name, fault.target, hit, now))

    def _throw(self, armed: Armed, hit: str) -> bool:
        """Whether a fault strikes this time; then it is written down."""
        if not armed.strikes():
            return False
        self._record(armed.fault, hit)
        if armed.left == 0:
            self._sort()
        return True

    # Requests

    def before(self, route: str) -> Struck:
        """What awaits a request; to be asked before the engine is. Without a fault it costs next to nothing."""
        return self._meet(route) if self._on_routes else UNTOUCHED

    def _meet(self, route: str) -> Struck:
        self.exchange.catch_up()
        here = [armed for armed in self._on_routes if armed.fault.hits(route)]
        here.sort(key=lambda armed: armed.fault.name in MANNERS)  # how it travels is settled when the answer is
        for armed in here:
            if not armed.fault.asks_engine and self._throw(armed, route):
                answer = CHANGES[armed.fault.name](self._hit(armed, route, NOTHING))
                assert answer is not None, f"{armed.fault.name} answers by itself"
                travels = (self._changer(armed, route) for armed in here if armed.fault.name in MANNERS)
                return Struck(Struck(None, travels).after(answer))
        return Struck(None, [self._changer(armed, route) for armed in here if armed.fault.asks_engine])

    def _changer(self, armed: Armed, route: str) -> Callable[[Answer], Answer]:
        return partial(self._change, armed, route)

    def _change(self, armed: Armed, route: str, answer: Answer) -> Answer:
        changed = CHANGES[armed.fault.name](self._hit(armed, route, answer))
        return answer if changed is None or not self._throw(armed, route) else changed

    def _hit(self, armed: Armed, route: str, answer: Answer) -> Hit:
        exchange = self.exchange
        return Hit(answer, route, armed.fault.parameters, exchange.now_ms, exchange.clock.now_ms())

    # Events

    def user_events(self, account: str, payloads: list[bytes]) -> list[bytes]:
        """What an account hears of new events, with what was late and is due by now; none, to ask for that alone."""
        if not self._on_accounts and not self._accounts:
            return payloads
        return self._pass(self._accounts, self._on_accounts, account, payloads)

    def stream_events(self, stream: str, payload: bytes) -> Iterable[bytes]:
        """What the subscribers of a stream hear of a new message, with what was late and is due by now."""
        if not self._on_streams and not self._streams:
            return (payload,)
        return self._pass(self._streams, self._on_streams, stream, [payload])

    def late_accounts(self) -> list[str]:
        """Accounts with events that wait: whoever sends them asks `user_events` again as time moves."""
        return list(self._accounts)

    def late_streams(self) -> dict[str, list[bytes]]:
        """Messages that are due by now of streams on which nothing new came; asked for as time moves."""
        due = {stream: self._pass(self._streams, self._on_streams, stream, []) for stream in list(self._streams)}
        return {stream: payloads for stream, payloads in due.items() if payloads}

    def _pass(self, rows: dict[str, Row], faults: list[Armed], place: str, payloads: list[bytes]) -> list[bytes]:
        now, row = self.exchange.now_ms, rows.setdefault(place, Row())
        sent = row.due(now)
        for payload in payloads:
            hit = next((armed for armed in faults if armed.fault.hits(place) and self._throw(armed, place)), None)
            sent += (
                row.put(payload, now) if hit is None else row.put(payload, now, hit.fault.name, hit.fault.parameters)
            )
        if row.is_empty:
            del rows[place]
        return sent

    # Connections

    def opened(self, peer: Peer, kinds: Collection[str]) -> None:
        """A WebSocket connection has begun, or has subscribed; `kinds`: what a target may call it from now on."""
        for armed in list(self._armed.values()):
            fault = armed.fault
            meant = fault.name == "pong_withheld" and (fault.target == EVERYTHING or fault.target in kinds)
            if meant and not peer.withhold_pongs:
                self._strike_connection(armed, peer)

    def _strike_connections(self, armed: Armed) -> None:
        if self.peers is None:
            raise UsageError("E-SIM-FAULT", f"{armed.fault.name} needs WebSocket connections: this exchange has none.")
        for peer in list(self.peers.connections(armed.fault.target)):
            self._strike_connection(armed, peer)

    def _strike_connection(self, armed: Armed, peer: Peer) -> None:
        if self.peers is not None and self._throw(armed, armed.fault.target):
            ACTS[armed.fault.name](Blow(self.peers, peer, armed.fault, self.exchange.server_time))

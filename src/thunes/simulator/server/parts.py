"""An exchange with everything that serves it, wired together; no port yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from secrets import token_urlsafe

from thunes.simulator.api.dispatch import Dispatcher
from thunes.simulator.api.limits import Limiter
from thunes.simulator.api.routes import ROUTES
from thunes.simulator.api.security import Keyring
from thunes.simulator.control.control import Control
from thunes.simulator.exchange import Exchange
from thunes.simulator.faults.board import Board
from thunes.simulator.request import Refused
from thunes.simulator.server.customers import Account
from thunes.simulator.server.peers import OpenConnections
from thunes.simulator.socket_api.opening import PATH, open_socket_api
from thunes.simulator.socket_api.user_streams import UserStreams
from thunes.simulator.streams.hub import Hub
from thunes.simulator.streams.session import MarketSession, open_market
from thunes.simulator.transport.contract import Connection, Rejection, Session


@dataclass(frozen=True)
class Options:
    """How the exchange is served. `time_checks` None: on where the exchange's clock runs like a client's.

    `token`: what the control API asks for, empty for nothing; `hosts`: names of this machine that it answers to beside
    those of loopback. `limits` false: for benchmarks and mass tests.
    """

    limits: bool = True
    time_checks: bool | None = None
    control: bool = True
    token: str = field(default="", repr=False)
    hosts: tuple[str, ...] = ()


def new_token(host: str) -> str:
    """A token where others than this machine's users can reach the port; none on loopback."""
    return "" if host == "localhost" or _is_loopback(host) else token_urlsafe(24)


def _is_loopback(host: str) -> bool:
    """Of an address; a name such as 127.example.com may lead anywhere."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Parts:
    """What belongs to one served exchange. Everything here belongs to one thread."""

    def __init__(
        self,
        exchange: Exchange,
        accounts: Iterable[Account] = (),
        options: Options | None = None,
        keyring: Keyring | None = None,
    ) -> None:
        """`keyring`: that of an exchange that restarts, which knows its accounts already."""
        self.options, self.exchange, self.keyring = options or Options(), exchange, keyring or Keyring()
        self.board = Board(exchange, exchange.terms.seed)
        self.limiter = Limiter(exchange.info.rate_limits, on=self.options.limits)
        self.dispatcher = Dispatcher(
            exchange,
            ROUTES,
            keyring=self.keyring,
            limiter=self.limiter,
            board=self.board,
            time_checks=self.time_checks,
        )
        self.users, self.hub = UserStreams(exchange, self.board), Hub(exchange)
        self.hub.filter = self.board.stream_events
        exchange.watchers.append(self._release)
        self.peers = OpenConnections(self.users)
        self.board.peers = self.peers
        self.board.routes = self.dispatcher.names
        self.control = self._control() if self.options.control else None
        for account in accounts:
            self.open_account(account)

    def _control(self) -> Control:
        control = Control(self.exchange, self.board, self.keyring, self.options.token, self.options.hosts)
        control.revoked.append(lambda key: self.users.revoked(key.api_key))
        return control

    def _release(self, _before: int, _now: int) -> None:
        """Time has moved: faults let go of what they held back of the streams."""
        for stream, payloads in self.board.late_streams().items():
            self.hub.send(stream, payloads)

    @property
    def time_checks(self) -> bool:
        """Whether a request's timestamp is looked at: no client's clock follows a market played faster or by hand."""
        if self.options.time_checks is not None:
            return self.options.time_checks
        return self.exchange.speed == 1

    def open_account(self, account: Account) -> None:
        """Open an account; its key works at once. One that is there already stays as it is."""
        if account.customer.name not in self.exchange.customers:
            self.keyring.add(account.key)  # first: a restart must not find an account that nobody can use
            self.exchange.open_account(account.customer)

    def open(self, connection: Connection, target: str, client: str) -> Session | Rejection:
        """Whom a WebSocket connection is for, by its path."""
        try:
            self.limiter.connections(client, self.exchange.clock.now_ms())
        except Refused as refused:
            return Rejection(refused.status, refused.message.encode(), "text/plain")
        if target.partition("?")[0].rstrip("/") == PATH:
            connection.allow_frames(None)  # here weight and order counts are the limit
            self.board.opened(connection, ("api",))
            return open_socket_api(self.dispatcher, self.users, connection, target, client)
        session = open_market(self.hub, connection, target)
        if isinstance(session, MarketSession):
            self.peers.join(session)
            self.board.opened(connection, ("market", *session.streams))
            session.subscribed = partial(self.board.opened, connection)
        return session

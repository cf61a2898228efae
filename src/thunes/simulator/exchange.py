"""The exchange as one object: what is traded, a market that is played, an engine, its customers; no network in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from operator import itemgetter

from thunes.clock import Clock, SystemClock
from thunes.simulator.engine.accounts import MARKET
from thunes.simulator.engine.book import Concern
from thunes.simulator.engine.engine import Engine
from thunes.simulator.engine.events import Event, ExecutionReport
from thunes.simulator.engine.gate import FilterGate, Prices
from thunes.simulator.engine.matching import ANYWHERE, Range
from thunes.simulator.engine.rules import Rules
from thunes.simulator.feed.averages import average_price
from thunes.simulator.feed.damage import CandleFault
from thunes.simulator.feed.depth import Depth, DepthModel
from thunes.simulator.feed.playback import Feed, Pace, Playback
from thunes.simulator.feed.reference import PriceRange, reference_price
from thunes.simulator.feed.tape import Tape, Tick
from thunes.simulator.request import Refused, Side
from thunes.simulator.symbols import filters
from thunes.simulator.symbols.exchange_info import ExchangeInfo, built_in
from thunes.simulator.symbols.symbol import AccountLimits, Document, Symbol

NOBODY = Concern(None, None)
LARGEST_STEP_MS = 3_600_000  # the wall may stand still (a laptop that slept): what was missed is played in such pieces


@dataclass(frozen=True)
class Terms:
    """How an exchange behaves where the real one leaves a choice."""

    rules: Rules = field(default_factory=Rules)
    filters: filters.Rules = filters.DEFAULT_RULES
    depth: DepthModel = field(default_factory=DepthModel)
    seed: int = 0


@dataclass(frozen=True)
class Customer:
    """An account as it is opened: what it brings in, its rates (fractions of what a fill brings), its limits."""

    name: str
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    maker_rate: Decimal = Decimal("0.001")
    taker_rate: Decimal = Decimal("0.001")
    pays_in_bnb: bool = False
    limits: AccountLimits | None = None  # None: what the exchange asks of everyone


class Exchange:
    """One exchange, in one thread. Its time is simulated: it moves in `advance_to`, or with the wall at a `Pace`.

    `listeners` hear every event of the engine, in order, `report_listeners` those of orders; `watchers` hear, after
    time has moved, from when and to when.
    """

    engine_class: type[Engine] = Engine  # what a subclass that writes down every change puts its own in place of

    def __init__(
        self,
        tapes: Iterable[Tape],
        info: ExchangeInfo | None = None,
        *,
        terms: Terms | None = None,
        start_ms: int | None = None,
        speed: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`start_ms` (epoch ms): what lies before is the past that klines show. `speed` None: only `advance_to` moves
        time; otherwise it runs that many times as fast as the wall's `clock`."""
        self.info, self.terms, self.clock = info or built_in(), terms or Terms(), clock or SystemClock()
        self.feed = Feed(tapes)
        self.playback = Playback(self.feed, start_ms)
        self.depths = {name: Depth(self.feed[name], self.terms.depth) for name in self.feed.symbols}
        self.speed = speed
        self.pace = None if speed is None else Pace(self.playback.now_ms, self.clock.now_ms(), speed)
        self.clock_offset_ms = 0  # what clients are told is this much ahead: a fault
        self.listeners: list[Callable[[Event], object]] = []
        self.report_listeners: list[Callable[[ExecutionReport], object]] = []
        self.watchers: list[Callable[[int, int], object]] = []
        self.customers: dict[str, Customer] = {}
        self.candle_faults: dict[str, list[CandleFault]] = {}  # by symbol: what klines tell wrongly
        self.price_ranges: dict[str, PriceRange] = {}  # by symbol: the execution rule, where there is one
        self._limits: dict[str, AccountLimits] = {}
        self._heard: dict[str, int] = {}  # the tick that the engine last knew, by symbol
        self.engine = self._new_engine()

    def _new_engine(self) -> Engine:
        return self.engine_class(
            self.info.symbols.values(),
            gate=FilterGate(self.prices, self._limits, self.terms.filters, self._range),
            publish=self._publish,
            rules=self.terms.rules,
            price_of=self.last_price,
            seed=self.terms.seed,
        )

    def _publish(self, event: Event) -> None:
        if type(event) is ExecutionReport:
            for hear in self.report_listeners:
                hear(event)
        for listener in self.listeners:
            listener(event)

    # Time

    @property
    def now_ms(self) -> int:
        """The exchange's own time (epoch ms)."""
        return self.playback.now_ms

    @property
    def server_time(self) -> int:
        """What clients are told of the time (epoch ms)."""
        return self.now_ms + self.clock_offset_ms

    def catch_up(self) -> int:
        """Let what is due by now happen; the time (epoch ms). Without a pace nothing is due."""
        if self.pace is not None:
            self.advance_to(self.pace.at(self.clock.now_ms()))
        return self.now_ms

    def advance_bars(self, bars: int) -> int:
        """Play until `bars` more bars of the shortest candles are complete; the time then."""
        return self.advance_to(self.playback.after_bars(bars))

    def advance_to(self, until: int) -> int:
        """Play until a moment (epoch ms); one that has passed changes nothing. The time then."""
        while self.now_ms < until:
            self._play(min(until, self.now_ms + LARGEST_STEP_MS) if self.watchers else until)
        return self.now_ms

    def _play(self, until: int) -> None:
        before, watched = self.now_ms, self.engine.watched()
        due = {name: self._concerns(name, before, until) for name in self.depths if name in watched}
        while moments := [(moment, name) for name, moment in due.items() if moment is not None]:
            moment, name = min(moments, key=itemgetter(0))
            self.playback.move_to(moment)
            self._tell(name, moment)
            due[name] = self._concerns(name, moment, until)
        self.playback.move_to(until)
        for watcher in self.watchers:
            watcher(before, until)

    def _concerns(self, name: str, after: int, until: int) -> int | None:
        """When the next tick comes that an order of this symbol may be concerned by; None: not until then.

        The engine need not hear of the others: years pass in a moment under a far limit order.
        """
        if name not in self.info.symbols or self.info[name].status != "TRADING":
            return None  # where nothing trades, nothing is filled either
        tape, concern = self.feed[name], self.engine.concerned(name)
        if concern is None:
            return tape.next_tick(after, until)
        if concern == NOBODY:
            return None
        return tape.first_touch(after, until, below=concern.below, above=concern.above)

    def _tell(self, name: str, moment: int) -> None:
        for tick in self.feed[name].ticks(moment - 1, moment):
            bids, asks = self.depths[name].around(tick)
            self._heard[name] = tick.number
            self.engine.tick(name, tick.time_ms, tick.price, tick.quantity, bids, asks)

    # The market

    def symbol(self, name: str) -> Symbol:
        """What is traded under this name; `Refused` with −1121 when nothing is."""
        return self.info[name]

    def tape(self, name: str) -> Tape | None:
        """The market of a symbol; None for one without candles, which has orders but no market."""
        return self.feed[name] if name in self.depths else None

    def last_tick(self, name: str) -> Tick | None:
        """The newest tick of a symbol at this moment."""
        tape = self.tape(name)
        return tape.last(self.now_ms) if tape is not None else None

    def last_price(self, name: str) -> Decimal | None:
        """The market's last price; None for a symbol without a market."""
        tick = self.last_tick(name)
        return tick.price if tick else None

    def prices(self, name: str) -> Prices:
        """What filters judge by."""
        tape = self.tape(name)
        found = average_price(tape, self.now_ms) if tape is not None else None
        return Prices(found.price if found else None, self.reference_price(name))

    def reference_price(self, name: str) -> Decimal | None:
        """What the execution rule is measured from; None for a symbol without one, and before its first tick."""
        tape = self.tape(name) if name in self.price_ranges else None
        return reference_price(tape, self.now_ms) if tape is not None else None

    def _range(self, name: str, side: Side) -> Range:
        rule = self.price_ranges.get(name)
        return Range(*rule.bounds(side, self.reference_price(name))) if rule else ANYWHERE

    def turn(self, name: str) -> int:
        """The symbol's book as it stands now, before an order or a question meets it; the time (epoch ms).

        Where nobody waited in a book, the engine was not told of its ticks.
        """
        self.symbol(name)
        tick = self.last_tick(name)
        if tick is not None and self._heard.get(name) != tick.number:
            bids, asks = self.depths[name].around(tick)
            self._heard[name] = tick.number
            self.engine.prime(name, tick.price, bids, asks)
        return self.now_ms

    # Customers and symbols

    def open_account(self, customer: Customer) -> None:
        """Open an account and bring in its money; `Refused` for a name that exists."""
        if customer.name in self.customers or customer.name == MARKET:
            raise Refused(400, -1130, "Data sent for parameter 'name' is not valid.")
        self.customers[customer.name] = customer
        self._limits[customer.name] = customer.limits or self.info.limits
        self._bring_in(customer)

    def _bring_in(self, customer: Customer) -> None:
        self.engine.open_account(
            customer.name,
            maker_rate=customer.maker_rate,
            taker_rate=customer.taker_rate,
            pays_in_bnb=customer.pays_in_bnb,
        )
        for asset, amount in customer.balances.items():
            self.engine.deposit(customer.name, asset, amount, self.now_ms)

    def limits_of(self, account: str) -> AccountLimits:
        return self._limits[account]

    def change_symbol(self, name: str, status: str | None = None, filters: Iterable[Document] = ()) -> Symbol:
        """Give a symbol another status or other filters; `Refused` when there is none of that name."""
        self.info = self.info.changed(name, status, filters)
        self.engine.set_symbol(self.info[name])
        return self.info[name]

    def set_price_range(self, name: str, price_range: PriceRange | None) -> None:
        """Give a symbol an execution rule, or none; `Refused` when there is no symbol of that name."""
        self.symbol(name)
        self.price_ranges.pop(name, None)
        if price_range is not None:
            self.price_ranges[name] = price_range

    def delist(self, name: str) -> None:
        """Take a symbol out of the exchange: its open orders are cancelled, from now on it is unknown."""
        self.symbol(name)
        for account in self.customers:
            if self.engine.open_orders(account, name):
                self.engine.cancel_all(account, name, self.now_ms)
        self.info = self.info.without(name)

    def reset(self) -> None:
        """What a test network does every month: all orders and trades gone, everyone's balances as they began."""
        self.engine = self._new_engine()
        self._heard.clear()
        for customer in self.customers.values():
            self._bring_in(customer)

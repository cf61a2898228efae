"""Market streams: who is subscribed to what, and what is due when time moves or an order changes a book."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

import orjson

from thunes.model import DAY_MS
from thunes.simulator.api.candles import HOUR_MS, told
from thunes.simulator.api.market import aggregate, aggregates
from thunes.simulator.api.tickers import rolling
from thunes.simulator.api.updates import update_ids
from thunes.simulator.engine.events import AccountPosition, Event, ExecutionReport
from thunes.simulator.exchange import Exchange
from thunes.simulator.feed.averages import average_price, day_ticker
from thunes.simulator.feed.depth import MOST_LEVELS
from thunes.simulator.feed.klines import Bar, closings, newest, offered
from thunes.simulator.feed.reference import reference_price
from thunes.simulator.feed.tape import Tape, Tick
from thunes.simulator.streams import payloads
from thunes.simulator.streams.books import BookView
from thunes.simulator.streams.names import Stream, UnknownStream
from thunes.simulator.streams.topics import DepthDiff, Manner, Subscriber, Topic
from thunes.simulator.transport.frames import text_frame

Build = Callable[[int], bytes]  # a message in a client's unit of time
Due = tuple[int, int, Callable[[], None]]  # when (epoch ms), what comes first at equal times, what to do
Filter = Callable[[str, bytes], Iterable[bytes]]
# At one moment: candles that are over, then what the market did, then users' orders, then what is told at intervals.
CLOSED, TICKED, REPORTED, PERIODIC = range(4)
OF_BOOK = ("bookTicker", "depth", "partialDepth", "ticker")
WINDOWS = {"1h": HOUR_MS, "4h": 4 * HOUR_MS, "1d": DAY_MS}


class Hub:
    """All market streams of one exchange. It watches the exchange's time and listens to its orders.

    `filter`, where there is one, is handed the stream's name and each message, and gives what is sent in its place.
    """

    def __init__(self, exchange: Exchange, encode: Callable[[bytes], bytes] = text_frame) -> None:
        """`encode` makes the frame that subscribers are sent of a message."""
        self.exchange, self.encode = exchange, encode
        self.filter: Filter | None = None
        self.topics: dict[str, Topic] = {}
        self._views: dict[str, BookView] = {}
        self._reports: list[ExecutionReport] = []
        self._filling: set[tuple[int, str]] = set()  # when ticks filled users' orders in which symbols
        self._ids, self._engine = update_ids(exchange), exchange.engine
        self._until = exchange.now_ms  # what happened until then has been told
        self._tellers = self._all_tellers()
        exchange.listeners.append(self._hear)
        exchange.watchers.append(self._played)

    # Subscriptions

    def check(self, stream: Stream) -> None:
        """`UnknownStream` for candles finer than those that are played: the exchange has them, we would invent them."""
        tape = self.exchange.tape(stream.symbol)
        if stream.kind == "kline" and tape and stream.interval not in offered(tape.interval):
            raise UnknownStream(stream.name)

    def subscribe(self, stream: Stream, subscriber: Subscriber, manner: Manner) -> None:
        """Tell the subscriber of this stream from now on. `UnknownStream`: see `check`."""
        self.check(stream)
        topic = self.topics.get(stream.name)
        if topic is None:
            topic = self.topics[stream.name] = Topic(stream)
            if stream.kind in OF_BOOK:
                self._open_book(topic)
        topic.add(subscriber, manner)

    def unsubscribe(self, name: str, subscriber: Subscriber, manner: Manner) -> None:
        """Tell the subscriber no more; one that did not listen changes nothing."""
        topic = self.topics.get(name)
        if topic is None:
            return
        topic.remove(subscriber, manner)
        if not topic.groups:
            del self.topics[name]
            symbol = topic.stream.symbol
            others = (other.stream for other in self.topics.values())
            if not any(other.symbol == symbol and other.kind in OF_BOOK for other in others):
                self._views.pop(symbol, None)

    def publish(self, topic: Topic, build: Build) -> None:
        """One message to all who listen, built once for each unit of time, encoded once for each manner."""
        if self.filter is not None:
            self._publish_filtered(self.filter, topic, build)
            return
        name, built = topic.stream.name, dict[int, bytes]()
        for manner, subscribers in tuple(topic.groups.items()):
            payload = built.get(manner.scale)
            if payload is None:
                payload = built[manner.scale] = build(manner.scale)
            self._send(name, manner, subscribers, payload)

    def _publish_filtered(self, chosen: Filter, topic: Topic, build: Build) -> None:
        """The filter is asked once for all; what it lets through goes to each in its own unit of time."""
        name, plain = topic.stream.name, build(1)
        for message in chosen(name, plain):
            for manner, subscribers in tuple(topic.groups.items()):
                own = build(manner.scale) if manner.scale != 1 and message == plain else message
                self._send(name, manner, subscribers, own)

    def send(self, name: str, messages: Iterable[bytes]) -> None:
        """Messages that were held back, in milliseconds whatever the subscriber's unit: past the filter."""
        topic = self.topics.get(name)
        for message in messages:
            for manner, subscribers in tuple(topic.groups.items()) if topic else ():
                self._send(name, manner, subscribers, message)

    def _send(self, name: str, manner: Manner, subscribers: Iterable[Subscriber], message: bytes) -> None:
        frame = self.encode(wrapped(name, message) if manner.combined else message)
        for subscriber in tuple(subscribers):
            subscriber.send_frame(frame)

    def _topics(self) -> list[Topic]:
        """Those of which something can be told: a symbol that is delisted falls silent."""
        listed = self.exchange.info.symbols
        return [topic for topic in self.topics.values() if not topic.stream.symbol or topic.stream.symbol in listed]

    # Time has moved

    def _played(self, before: int, now: int) -> None:
        """Tell everything that happened in before < time ≤ now, in the order of time."""
        self._until = now
        if not self.topics:
            self._reports.clear()
            return
        reports, self._reports = self._reports, []
        self._filling = {(report.time_ms, report.request.symbol) for report in reports}
        self._begin_anew()
        due = [*self._closings(before, now), *self._ticks(before, now), *self._users(reports)]
        due += self._boundaries(before, now)
        due.sort(key=itemgetter(0, 1))
        for _, _, tell in due:
            tell()
        for symbol in self._views:
            self._touch(symbol, now)

    def _market(self, symbol: str) -> Tape | None:
        return self.exchange.tape(symbol)

    def _closings(self, before: int, now: int) -> Iterator[Due]:
        """Candles that are over: told when the next one opens."""
        for topic in self._topics():
            stream, tape = topic.stream, self._market(topic.stream.symbol)
            if stream.kind == "kline" and tape:
                for bar in closings(tape, stream.interval, before, now, stream.zone):
                    over = bar.close_time + 1
                    yield over, CLOSED, partial(self._candle, topic, tape, bar, over)

    def _ticks(self, before: int, now: int) -> list[Due]:
        found: list[Due] = []
        wanted = {topic.stream.symbol for topic in self._topics() if topic.stream.kind in ("trade", "bookTicker")}
        if wanted:
            ticks = self.exchange.feed.ticks(before, now, wanted)
            found += [(tick.time_ms, TICKED, partial(self._ticked, tick)) for tick in ticks]
        for topic in self._topics():
            tape = self._market(topic.stream.symbol)
            if topic.stream.kind == "aggTrade" and tape:
                traded = (tick for tick in tape.ticks(before, now) if tick.quantity)
                for group in aggregates(traded):
                    found.append((group[0].time_ms, TICKED, partial(self._aggregate, topic, group)))
        return found

    def _users(self, reports: Iterable[ExecutionReport]) -> Iterator[Due]:
        """Users' orders that the market filled on the way; those of one moment are one change."""
        for moment, group in groupby(reports, key=attrgetter("time_ms")):
            yield moment, REPORTED, partial(self._reported, list(group))

    def _boundaries(self, before: int, now: int) -> Iterator[Due]:
        """What is told at intervals: once, at the last of its moments that has come."""
        for topic in self._topics():
            if topic.stream.period:
                moment = now - now % topic.stream.period
                if moment > before:
                    yield moment, PERIODIC, partial(self._tellers[topic.stream.kind], topic, moment)

    # What is told of the market

    def _ticked(self, tick: Tick) -> None:
        lower = tick.symbol.lower()
        if tick.quantity and (topic := self.topics.get(f"{lower}@trade")):
            self.publish(topic, partial(payloads.trade, tick))
        if topic := self.topics.get(f"{lower}@bookTicker"):
            self._views[tick.symbol].hear(tick)
            if (tick.time_ms, tick.symbol) not in self._filling:  # else the book is told when the orders are filled
                self._tell_best(topic)

    def _aggregate(self, topic: Topic, group: list[Tick]) -> None:
        document: Any = aggregate(group)
        self.publish(topic, lambda scale: payloads.aggregate_trade(document, topic.stream.symbol, scale))

    def _candle(self, topic: Topic, tape: Tape, bar: Bar, moment: int) -> None:
        stream = topic.stream
        for line in told(tape, bar, self.exchange.candle_faults.get(stream.symbol, ())):
            self.publish(topic, partial(payloads.candle, line, stream.symbol, stream.interval, moment))

    def _forming(self, topic: Topic, moment: int) -> None:
        """The candle that forms; told also where nothing happened, so that silence means that something is wrong."""
        stream, tape = topic.stream, self._market(topic.stream.symbol)
        bar = newest(tape, stream.interval, moment, stream.zone) if tape else None
        if tape and bar and not bar.closed:
            self._candle(topic, tape, bar, moment)

    def _all_tellers(self) -> dict[str, Callable[[Topic, int], None]]:
        return {
            "kline": self._forming,
            "miniTicker": self._mini_ticker,
            "allMiniTickers": self._all_mini_tickers,
            "ticker": self._day_ticker,
            "windowTicker": self._window_ticker,
            "avgPrice": self._average,
            "referencePrice": self._reference,
            "depth": self._depth_update,
            "partialDepth": self._partial_depth,
        }

    def _changed(self, topic: Topic, symbol: str, moment: int) -> Tape | None:
        """The market of a symbol in which something happened since this stream last told of it."""
        tape = self._market(symbol)
        last = tape.last(moment) if tape else None
        return tape if last and topic.is_news(symbol, last.number) else None

    def _mini_ticker(self, topic: Topic, moment: int) -> None:
        symbol = topic.stream.symbol
        if (tape := self._changed(topic, symbol, moment)) and (found := day_ticker(tape, moment)):
            self.publish(topic, lambda scale: orjson.dumps(payloads.mini_ticker(found, symbol, moment, scale)))

    def _all_mini_tickers(self, topic: Topic, moment: int) -> None:
        listed = (symbol for symbol in self.exchange.feed.symbols if symbol in self.exchange.info.symbols)
        tapes = [self._changed(topic, symbol, moment) for symbol in listed]
        found = [(tape.symbol, ticker) for tape in tapes if tape and (ticker := day_ticker(tape, moment))]
        if found:
            self.publish(
                topic,
                lambda scale: orjson.dumps(
                    [payloads.mini_ticker(ticker, symbol, moment, scale) for symbol, ticker in found]
                ),
            )

    def _day_ticker(self, topic: Topic, moment: int) -> None:
        symbol = topic.stream.symbol
        if (tape := self._changed(topic, symbol, moment)) and (found := day_ticker(tape, moment)):
            best = self._view_at(symbol, moment).best()
            self.publish(topic, partial(payloads.day_ticker, found, symbol, best, moment))

    def _window_ticker(self, topic: Topic, moment: int) -> None:
        symbol, window = topic.stream.symbol, topic.stream.window
        tape = self._changed(topic, symbol, moment)
        if tape and (found := rolling(tape, moment, WINDOWS[window])):
            self.publish(topic, partial(payloads.window_ticker, found, symbol, window, moment))

    def _average(self, topic: Topic, moment: int) -> None:
        tape = self._market(topic.stream.symbol)
        if tape and (found := average_price(tape, moment)):
            self.publish(topic, partial(payloads.average, found, tape.symbol, moment))

    def _reference(self, topic: Topic, moment: int) -> None:
        tape = self._market(topic.stream.symbol)
        if tape and tape.symbol in self.exchange.price_ranges:
            self.publish(topic, partial(payloads.reference, reference_price(tape, moment), tape.symbol, moment))

    # What is told of books

    def _hear(self, event: Event) -> None:
        """An order changed a book: told when its turn is over, which balances end; those that a tick filled later."""
        if isinstance(event, ExecutionReport):
            if event.request.symbol in self._views:
                self._reports.append(event)
        elif self._reports and isinstance(event, AccountPosition) and event.time_ms <= self._until:
            reports, self._reports = self._reports, []
            self._begin_anew()
            self._reported(reports)
            for symbol in {report.request.symbol for report in reports}:
                self._touch(symbol, event.time_ms)

    def _reported(self, reports: list[ExecutionReport]) -> None:
        for report in reports:
            if report.request.symbol in self._views:
                self._view_at(report.request.symbol, report.time_ms).report(report)
        for symbol in dict.fromkeys(report.request.symbol for report in reports):
            if topic := self.topics.get(f"{symbol.lower()}@bookTicker"):
                self._tell_best(topic)

    def _open_book(self, topic: Topic) -> None:
        """Begin to follow a symbol's book, where nobody did, and remember what of it this stream starts from."""
        symbol = topic.stream.symbol
        if symbol not in self._views:
            self._views[symbol] = BookView(self.exchange.depths.get(symbol), self._ids.changes(symbol))
            self._adopt(symbol)
        if topic.stream.kind == "depth":
            view = self._view_at(symbol, self._until)
            topic.diff = DepthDiff(view.rows(MOST_LEVELS), view.id)

    def _adopt(self, symbol: str) -> None:
        accounts, engine = self.exchange.customers, self.exchange.engine
        self._views[symbol].adopt(order for name in accounts for order in engine.open_orders(name, symbol))

    def _begin_anew(self) -> None:
        """After a reset of the exchange no order is what it was."""
        if self._engine is not self.exchange.engine:
            self._engine = self.exchange.engine
            for symbol in self._views:
                self._adopt(symbol)

    def _view_at(self, symbol: str, moment: int) -> BookView:
        view, tape = self._views[symbol], self._market(symbol)
        view.hear(tape.last(moment) if tape else None)
        return view

    def _tell_best(self, topic: Topic) -> None:
        view, symbol = self._views[topic.stream.symbol], topic.stream.symbol
        best = view.best()
        if best != topic.best:
            topic.best = best
            self.publish(topic, lambda _: payloads.book_ticker(symbol, view.id, *best))

    def _touch(self, symbol: str, moment: int) -> None:
        """What a client that asks for a snapshot at this moment would see."""
        for topic in self._topics():
            if topic.diff and topic.stream.symbol == symbol:
                view = self._view_at(symbol, moment)
                if not topic.diff.knows(view.id):
                    topic.diff.touch(view.rows(MOST_LEVELS))

    def _depth_update(self, topic: Topic, moment: int) -> None:
        view, symbol = self._view_at(topic.stream.symbol, moment), topic.stream.symbol
        found = topic.diff.due(view.rows(MOST_LEVELS), view.id) if topic.diff else None
        if found:
            updates = found.first, found.last
            self.publish(topic, partial(payloads.depth_update, symbol, updates, found.bids, found.asks, moment))

    def _partial_depth(self, topic: Topic, moment: int) -> None:
        view = self._view_at(topic.stream.symbol, moment)
        if topic.is_news(topic.stream.symbol, view.id):
            rows = view.rows(topic.stream.levels)
            self.publish(topic, lambda _: payloads.partial_depth(view.id, *rows))


def wrapped(name: str, payload: bytes) -> bytes:
    """A message of a combined stream."""
    return b'{"stream":"%s","data":%s}' % (name.encode(), payload)

"""Where a run's candles come from: the store, Binance, its archive, a file or the synthetic market."""

from __future__ import annotations

import queue
import textwrap
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from thunes.clock import Clock, Moment, SystemClock, iso
from thunes.errors import DataError, NetworkError, UsageError, did_you_mean
from thunes.market.binance import BinanceRest
from thunes.market.http import ELSEWHERE, Http, Patience, Unreachable, Warn
from thunes.market.period import Period
from thunes.market.provider import Progress, Provider, missing, settled_before, update
from thunes.market.quality import gap_note
from thunes.market.ranges import EVER, Range
from thunes.market.store import Origin, Series, Store, joined, symbol_name
from thunes.model import DAY_MS, Candles, interval_ms

T = TypeVar("T")
WORDS = ("auto", "archive", "binance", "store", "synthetic")
PROBE = Patience(connect=3.0, read=3.0, total=4.0, attempts=1)
FETCHED: tuple[Origin, ...] = ("archive", "binance")
HOW_TO_FILL = "See `thunes data list`, `fetch` and `import`."
FEW_SECONDS = 5.0
WIDTH = 80


def load_candles(
    symbol: str | None,
    interval: str | None,
    data: str = "auto",
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    last: int | None = None,
    store: Store | Path,
    data_url: str,
    archive_url: str,
    environment: str = "sim",
    clock: Clock | None = None,
    reach_within: float = FEW_SECONDS,
    warn: Warn = lambda _: None,
    progress: Progress = lambda _done, _all: None,
) -> Candles:
    """Candles of one symbol and interval, from the place that `data` names.

    Parameters
    ----------
    symbol, interval : may be None only for a file that tells them
    data : `auto` (below) · `binance`, `archive`: what the store lacks is fetched · `store`: no network ·
        `synthetic[:SEED[,edge=S[@YYYY-MM]]]` · a file (csv, parquet, feather, zip)
    start, end : the candles that open at `start` or later and before `end`; ISO text (UTC), epoch ms or aware datetimes
    last : of these the last so many. With none of the three: all of a file or of the store, else `DEFAULT_BARS`
    store : the store, or its folder
    data_url, archive_url : where Binance's REST API and its bulk archive answer
    reach_within : seconds in which Binance must answer `auto`
    warn : told, in whole sentences, what a reader of the results must know: the synthetic banner, missing bars
    progress : told bars done and bars in all while fetching

    `auto` takes what was imported where nothing else of this series is stored; otherwise the store, and Binance for
    what it lacks. Where Binance cannot be reached within a few seconds, `environment="sim"` goes on, and says so: with
    the stored candles if there are any, else with the synthetic market; every other environment stops.

    Errors: `UsageError` for an unknown word, interval or period, `DataError` for a missing or bad file or store,
    `NetworkError` (`Blocked` where Binance refuses this place), `LockHeld`.
    """
    period = Period.of(start, end, last)
    word = data.partition(":")[0]
    if word not in WORDS and _is_file(data):
        from thunes.market.files import read_file

        candles = period.cut(read_file(Path(data), symbol=symbol, interval=interval))
    else:
        _require_word(data, word)
        clock = clock or SystemClock()
        loader = _Loader(
            *_identity(symbol, interval),
            period=period,
            stored=store if isinstance(store, Store) else Store(store, clock),
            data_url=data_url,
            archive_url=archive_url,
            environment=environment,
            clock=clock,
            reach_within=reach_within,
            warn=warn,
            progress=progress,
        )
        candles = loader.load(data, word)
    _say_what_is_missing(candles, period, warn)
    return candles


@dataclass(frozen=True)
class _Loader:
    """One request for candles that are not in a file."""

    symbol: str
    interval: str
    period: Period
    stored: Store
    data_url: str
    archive_url: str
    environment: str
    clock: Clock
    reach_within: float
    warn: Warn
    progress: Progress

    def load(self, data: str, word: str) -> Candles:
        """What `data`, which begins with this word, means."""
        ways: dict[str, Callable[[], Candles]] = {
            "auto": self.auto,
            "archive": self.archive,
            "binance": self.binance,
            "store": self.store,
            "synthetic": partial(self.synthetic, data),
        }
        return ways[word]()

    def synthetic(self, text: str) -> Candles:
        """The embedded market that `text` names."""
        from thunes.market.synthetic import generate, parse

        spec = parse(text)
        bars, end_ms = self.period.bars_and_end(self.interval)
        edge, ends = spec.edge, spec.edge_ends
        what = (self.symbol, self.interval, bars)
        return self.period.cut(generate(*what, seed=spec.seed, edge=edge, edge_ends=ends, end_ms=end_ms))

    def store(self) -> Candles:
        """What is on disk: fetched candles, else imported ones."""
        return self.period.cut(self._stored_candles())

    def binance(self) -> Candles:
        """Binance's REST candles, those not stored yet fetched."""
        return self._strict("binance", self.data_url, BinanceRest, "Binance")

    def archive(self) -> Candles:
        """The bulk archive's candles, those not stored yet fetched."""
        from thunes.market.archive import BinanceArchive

        return self._strict("archive", self.archive_url, lambda http: BinanceArchive(http, self.clock), "the archive")

    def auto(self) -> Candles:
        """See `load_candles`."""
        if self._series("imported").holds_candles() and not self._has_fetched():
            return self._imported()
        try:
            return self._enough(self._store_then_binance, "Binance")
        except NetworkError as error:
            if self.environment != "sim":
                raise
            return self._without_network(error)

    def _strict(self, origin: Origin, url: str, provider: Callable[[Http], Provider], where: str) -> Candles:
        series = self._series(origin)

        def read(wanted: Range) -> Candles | None:
            if missing(series, wanted, self.clock.now_ms()):
                with self._http(url) as http:
                    update(series, provider(http), wanted, progress=self.progress)
            return series.read(wanted)

        return self._enough(read, where)

    def _store_then_binance(self, wanted: Range) -> Candles | None:
        series, elsewhere = self._series("binance"), self._series("archive").held()
        if missing(series, wanted, self.clock.now_ms(), elsewhere):
            _within(self.reach_within, self._probe)
            with self._http(self.data_url) as http:
                update(series, BinanceRest(http), wanted, progress=self.progress, elsewhere=elsewhere)
        return self._fetched(wanted)

    def _probe(self) -> None:
        with Http(self.data_url, self.clock, PROBE) as http:
            BinanceRest(http).now_ms()

    def _without_network(self, error: NetworkError) -> Candles:
        stored = self._fetched(EVER)
        candles = self.period.with_default().find(stored) if stored is not None else None
        if candles is not None:
            self.warn(f"{error.message} Going on with stored candles, which end {iso(candles.end_time)} UTC.")
            return candles
        candles = self.synthetic("synthetic")
        self.warn(banner(self.symbol, candles.source, error.message))
        return candles

    def _imported(self) -> Candles:
        candles = self._stored_candles()
        if candles.is_synthetic and self.environment != "sim":
            what = f"the only stored {self.symbol} {self.interval} are {candles.source}."
            raise DataError("E-STORE-SYNTHETIC", what, "Name them with --data, or fetch real ones: --data binance.")
        inside = self.period.cut(candles)
        self._say_where_imported_end(candles)
        return inside

    def _say_where_imported_end(self, candles: Candles) -> None:
        """Nothing is fetched beside imported candles: what of the period they lack, also up to now, is told."""
        now, first, after = self.clock.now_ms(), int(candles.open_time[0]), candles.end_time
        wanted = self.period.range_until(now, self.interval)
        begins_late = self.period.start is not None and wanted.start < first
        ends_early = after < min(wanted.end, settled_before(now, self.interval))
        if not candles.is_synthetic and (begins_late or ends_early):
            held = f"only imported candles, {iso(first)} … {iso(after)} UTC; the last is {_age(now - after)} old"
            self.warn(f"{self.symbol} {self.interval}: {held}. For what they lack: --data binance.")

    def _stored_candles(self) -> Candles:
        candles = self._fetched(EVER) or self._series("imported").read()
        if candles is None:
            raise DataError("E-STORE-EMPTY", f"the store holds no {self.symbol} {self.interval}.", HOW_TO_FILL)
        return candles

    def _has_fetched(self) -> bool:
        return any(self._series(origin).holds_candles() for origin in FETCHED)

    def _fetched(self, wanted: Range) -> Candles | None:
        """What is stored of Binance's candles, from REST and archive together, and its source says which."""
        found = [self._series(origin).read(wanted) for origin in FETCHED]
        pieces = [candles for candles in found if candles is not None]
        if len(pieces) < 2:
            return pieces[0] if pieces else None
        both = "+".join(piece.source for piece in pieces)
        return joined([piece.replace(source=both) for piece in pieces])

    def _enough(self, read: Callable[[Range], Candles | None], where: str) -> Candles:
        """Ask, and while gaps leave fewer bars than `last`, ask for more of the past."""
        wanted = self.period.range_until(self.clock.now_ms(), self.interval)
        candles, before = read(wanted), -1
        while self.period.start is None and before < _size(candles) < self.period.bars:
            before = _size(candles)
            further = 2 * (self.period.bars - before) * interval_ms(self.interval)
            wanted = Range(wanted.start - further, wanted.end)
            candles = read(wanted)
        if candles is None:
            what = f"{where} has no {self.symbol} {self.interval} from {iso(wanted.start)} to {iso(wanted.end)} UTC."
            raise DataError("E-DATA-NONE", what)
        return self.period.with_default().cut(candles)

    def _http(self, url: str) -> Http:
        return Http(url, self.clock, warn=self.warn)

    def _series(self, origin: Origin) -> Series:
        return self.stored.series(origin, self.symbol, self.interval)


def banner(symbol: str, source: str, why: str) -> str:
    """What is said when invented candles take the place of real ones: several lines that cannot be missed."""
    text = f"{why} Going on with INVENTED candles ({source}): no figure below says anything about {symbol}. "
    text += "For real ones: --data FILE."
    edge = " SYNTHETIC MARKET ".center(WIDTH, "!")
    return "\n".join([edge, *textwrap.wrap(text, WIDTH), "!" * WIDTH])


def _identity(symbol: str | None, interval: str | None) -> tuple[str, str]:
    if not symbol or not interval:
        raise UsageError("E-DATA-IDENTITY", "no symbol or interval.", "Give both: --symbol BTCUSDT --interval 1h.")
    interval_ms(interval)  # refuses an unknown one
    return symbol_name(symbol), interval


def _is_file(data: str) -> bool:
    from thunes.market.files import READERS

    path = Path(data)
    return path.suffix.lower() in READERS or len(path.parts) > 1 or path.exists()


def _require_word(data: str, word: str) -> None:
    if word not in WORDS or (word != "synthetic" and data != word):
        hint = did_you_mean(word, WORDS)
        raise UsageError("E-DATA-WORD", f"{data!r} is no source of candles and no file.", hint)


def _say_what_is_missing(candles: Candles, period: Period, warn: Warn) -> None:
    if period.last is not None and len(candles) < period.last:
        warn(f"Only {len(candles):,} of the {period.last:,} bars asked for are there.")
    if note := gap_note(candles):
        warn(note)


def _age(ms: int) -> str:
    days = ms / DAY_MS
    return f"{days:,.0f} days" if days >= 2 else f"{24 * days:.0f} hours"


def _size(candles: Candles | None) -> int:
    return 0 if candles is None else len(candles)


def _within(seconds: float, call: Callable[[], T]) -> T:
    """What `call` returns or raises, or `Unreachable` after `seconds`: looking up a host's name knows no timeout."""
    answers: queue.SimpleQueue[tuple[T | None, Exception | None]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put((call(), None))
        except Exception as error:  # noqa: BLE001  # handed to the caller, whatever it is
            answers.put((None, error))

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise Unreachable("E-NET-UNREACHABLE", f"Binance gave no answer in {seconds:g} s.", ELSEWHERE) from None
    if error is not None:
        raise error
    return answer  # type: ignore[return-value]

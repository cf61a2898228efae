"""A small exchange on loopback: klines by page, the bulk archive, and every way to answer badly."""

from __future__ import annotations

import hashlib
import io
import json
import math
import threading
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from thunes.clock import to_ms
from thunes.model import COLUMNS, Candles, interval_ms

HOUR = 3_600_000
NOW = to_ms("2024-03-10T12:34:56")
LISTED = to_ms("2024-01-01")


def price(open_time: int) -> float:
    return round(100 + 10 * math.sin(open_time / HOUR / 7), 2)


def kline(open_time: int, step: int) -> list[Any]:
    """The row that the exchange gives for one candle: decimals as text."""
    opened, closed = price(open_time), price(open_time + step)
    high, low = max(opened, closed) + 1, min(opened, closed) - 1
    return [
        open_time,
        str(opened),
        str(high),
        str(low),
        str(closed),
        "5.5",
        open_time + step - 1,
        "1",
        2,
        "1",
        "1",
        "0",
    ]


def klines(start: int, bars: int, interval: str = "1h") -> list[list[Any]]:
    step = interval_ms(interval)
    return [kline(start + i * step, step) for i in range(bars)]


def candles_of(
    rows: list[list[Any]], interval: str = "1h", source: str = "binance", symbol: str = "BTCUSDT"
) -> Candles:
    columns = {name: np.array([float(row[i]) for row in rows]) for i, name in enumerate(COLUMNS)}
    return Candles(symbol=symbol, interval=interval, source=source, **columns)


def market(start: str | int, bars: int, *, interval: str = "1h", source: str = "binance") -> Candles:
    """Candles as the exchange would serve them from `start` on."""
    return candles_of(klines(start if isinstance(start, int) else to_ms(start), bars, interval), interval, source)


@dataclass(frozen=True)
class Answer:
    """One scripted answer; `promised` is the Content-Length when it is to lie, `stall` holds it back for ever."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    promised: int | None = None
    stall: bool = False
    dribble: bool = False


@dataclass
class Exchange:
    """What the server serves; tests change it and read what was asked."""

    now: int = NOW
    listed: int = LISTED
    outages: list[tuple[int, int]] = field(default_factory=list)
    page: int = 1000
    bad_row: Callable[[list[Any]], list[Any]] = lambda row: row
    files: dict[str, bytes] = field(default_factory=dict)
    script: deque[Answer] = field(default_factory=deque)
    asked: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    @property
    def asked_ranges(self) -> list[tuple[int, int]]:
        """The [start, end] of every klines request."""
        queries = [parse_qs(urlsplit(path).query) for path in self.asked if "/klines?" in path]
        return [(int(q["startTime"][0]), int(q["endTime"][0])) for q in queries]

    def answer(self, path: str) -> Answer:
        self.asked.append(path)
        if self.script:
            return self.script.popleft()
        parts = urlsplit(path)
        if parts.path == "/api/v3/time":
            return as_json({"serverTime": self.now})
        if parts.path == "/api/v3/klines":
            return self.klines({name: values[0] for name, values in parse_qs(parts.query).items()})
        body = self.files.get(parts.path)
        return Answer(404, b"<Error><Code>NoSuchKey</Code></Error>") if body is None else Answer(body=body)

    def klines(self, query: dict[str, str]) -> Answer:
        if query["symbol"] != "BTCUSDT":
            return as_json({"code": -1121, "msg": "Invalid symbol."}, 400)
        step = interval_ms(query["interval"])
        first = -(-max(int(query["startTime"]), self.listed) // step) * step
        opens = range(first, min(int(query["endTime"]), self.now) + 1, step)  # the last one may be unfinished
        there = [t for t in opens if not any(a <= t < b for a, b in self.outages)]
        return as_json([self.bad_row(kline(t, step)) for t in there[: min(self.page, int(query["limit"]))]])

    def publish(self, kind: str, date: str, rows: list[list[Any]], interval: str = "1h", header: bool = False) -> str:
        """Put one zip and its checksum into the archive; returns its path."""
        name = f"BTCUSDT-{interval}-{date}"
        path = f"/data/spot/{kind}/klines/BTCUSDT/{interval}/{name}.zip"
        first = "open_time,open,high,low,close,volume,close_time,quote_volume,count,tbv,tqv,ignore\n" if header else ""
        data = zipped(f"{name}.csv", first + "".join(",".join(map(str, row)) + "\n" for row in rows))
        self.files[path] = data
        self.files[f"{path}.CHECKSUM"] = f"{hashlib.sha256(data).hexdigest()}  {name}.zip\n".encode()
        return path


def as_json(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def zipped(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)  # a ZipInfo has a fixed date
    return buffer.getvalue()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        answer = self.server.exchange.answer(self.path)
        if answer.stall:
            self.server.exchange.released.wait()
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(answer.promised or len(answer.body)))
        self.end_headers()
        self._write(answer)
        self.close_connection = answer.promised is not None

    def _write(self, answer: Answer) -> None:
        if not answer.dribble:
            self.wfile.write(answer.body)
            return
        for byte in answer.body:  # a byte now and then: no single read ever times out
            self.wfile.write(bytes([byte]))
            if self.server.exchange.released.wait(0.02):
                return

    def date_time_string(self, timestamp: float | None = None) -> str:
        """What the `Date` of an answer says: the exchange's time."""
        return super().date_time_string(timestamp or self.server.exchange.now / 1000)

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.exchange = Exchange(url=f"http://127.0.0.1:{self.server_address[1]}")

    def handle_error(self, *_: Any) -> None:
        """A client that has gone is no error here."""


@contextmanager
def running() -> Iterator[Exchange]:
    """A running exchange; the test that uses it needs the mark `loopback`."""
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.exchange
    finally:
        server.exchange.released.set()
        server.shutdown()
        server.server_close()
        thread.join()

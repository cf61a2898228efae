"""python-binance with its defects mended: one host, our clock, our patience; answers as they are.

Its base URLs are class attributes, its own receive window overwrites the caller's, its event loop leaks, and its
errors hide what was answered. What is kept is how it signs and sends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
import urllib3.exceptions
from binance import Client  # type: ignore[import-untyped]
from pydantic import SecretStr

import thunes
from thunes.errors import SettingsError
from thunes.exchange.binance.answer import NOT_JSON, Answer
from thunes.exchange.binance.errors import never_sent, why

RECEIVE_WINDOW_MS = 5_000
CHUNK = 1 << 16  # bytes
Mount = Callable[[requests.Session], object]
FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError)


@dataclass(frozen=True)
class Patience:
    """How long to wait for what (seconds), how much to accept (bytes)."""

    connect: float = 3.05
    read: float = 15.0  # for the next bytes: the exchange itself waits ten for its engine, and then says so
    total: float = 30.0  # for the whole answer: one that dribbles must end too
    biggest: int = 64 << 20


@dataclass(frozen=True)
class Login:
    """An API key with its secret."""

    key: SecretStr
    secret: SecretStr


class Unsent(Exception):
    """The request did not leave this machine; the text says why."""


class Unanswered(Exception):
    """The request may have arrived; no answer did."""


class Moment:
    """Stands in for the offset that the client adds to the machine's time: their sum is our time, whatever it shows.

    An offset computed beforehand would be wrong by the time it is used where our clock stands or runs fast.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms

    def __radd__(self, machine_ms: float) -> int:
        return self._now_ms()


class RestClient(Client):  # type: ignore[misc]
    """The library's client; every answer comes back as an `Answer`, none as an error."""

    REQUEST_RECVWINDOW = RECEIVE_WINDOW_MS
    patience = Patience()

    def _handle_response(self, response: requests.Response) -> Answer:
        try:
            body = _body(response, self.patience)
        except BaseException:
            response.close()  # what is left of it must not be read as the next answer
            raise
        return Answer(response.status_code, response.headers, body, _document(body))


def _body(response: requests.Response, patience: Patience) -> bytes:
    """The whole body, within bounds."""
    deadline = time.monotonic() + patience.total  # a duration, not a date: the wall clock may jump
    body = bytearray()
    while chunk := response.raw.read1(CHUNK, decode_content=True):
        body += chunk
        if len(body) > patience.biggest:
            raise requests.exceptions.ContentDecodingError("the answer is too large")
        if time.monotonic() > deadline:
            raise requests.ReadTimeout("the answer did not end")
    response.raw.release_conn()
    return bytes(body)


def _document(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return NOT_JSON


class Wire:
    """The connections to one host. For one thread at a time."""

    def __init__(
        self,
        base_url: str,
        now_ms: Callable[[], int],
        login: Login | None = None,
        mount: Mount | None = None,
        patience: Patience | None = None,
    ) -> None:
        """`now_ms`: the exchange's time, for signatures. `SettingsError` for a URL that is none."""
        base = base_url.rstrip("/")
        self.host = host_of(base)
        self._client = _opened(base, login, patience or Patience())
        self._client.timestamp_offset = Moment(now_ms)
        self._client.session.trust_env = False  # a proxy of the environment would take the requests
        self._client.session.headers["User-Agent"] = f"thunes/{thunes.__version__}"
        if mount is not None:
            mount(self._client.session)

    def ask(self, method: str, path: str, parameters: Mapping[str, str | int], *, signed: bool = False) -> Answer:
        """Send one request, once; whatever is answered. Errors: `Unsent`, `Unanswered`."""
        try:
            return self._client._request_api(method, path, signed, data=dict(parameters))  # type: ignore[no-any-return]
        except FAILURES as error:
            # Not `from error`: its text quotes the signed URL.
            raise (Unsent if never_sent(error) else Unanswered)(why(error)) from None

    def close(self) -> None:
        """Give back the connections."""
        self._client.session.close()


def host_of(base_url: str) -> str:
    """Host and port; `SettingsError` for what is no plain web address."""
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in base_url or "{" in base_url or "}" in base_url:
        raise SettingsError("E-NET-URL", "the exchange's URL is no http or https address without a password.")
    return parts.netloc


class _NoLoop(asyncio.AbstractEventLoop):
    """An event loop for a client that needs none: it would make one, with sockets, and never close it."""


def _opened(base: str, login: Login | None, patience: Patience) -> RestClient:
    """A client made in a thread that ends, whose event loop is nobody else's."""
    with ThreadPoolExecutor(1, "binance-client") as worker:
        return worker.submit(_made, base, login, patience).result()


def _made(base: str, login: Login | None, patience: Patience) -> RestClient:
    urls = dict.fromkeys(("API_URL", "API_TESTNET_URL", "API_DEMO_URL"), f"{base}/api")
    urls |= {"MARGIN_API_URL": f"{base}/sapi", "WEBSITE_URL": base}  # they would go to production
    kind = type("RestClientOfOneHost", (RestClient,), {**urls, "patience": patience})
    options = {"timeout": (patience.connect, patience.read), "stream": True, "allow_redirects": False}
    asyncio.set_event_loop(_NoLoop())  # type: ignore[abstract]
    try:
        return kind(*_texts(login), options, ping=False)  # type: ignore[no-any-return]
    finally:
        asyncio.set_event_loop(None)


def _texts(login: Login | None) -> tuple[str | None, str | None]:
    return (None, None) if login is None else (login.key.get_secret_value(), login.secret.get_secret_value())

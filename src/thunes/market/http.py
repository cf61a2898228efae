"""GET over HTTP with patience: what is worth asking again is, and every other answer becomes one of our errors."""

from __future__ import annotations

import functools
import itertools
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import orjson

from thunes.clock import Clock
from thunes.errors import Blocked, NetworkError, RateLimited, SettingsError

if TYPE_CHECKING:
    import httpx

Warn = Callable[[str], None]
ELSEWHERE = "Use a file or the synthetic market: --data FILE, --data synthetic:7."


@dataclass(frozen=True)
class Patience:
    """How long to wait for what (seconds), how often to ask, how much to accept."""

    connect: float = 3.0
    read: float = 10.0  # for the next bytes
    total: float = 120.0  # for the whole answer: one that dribbles must end too
    attempts: int = 4
    backoff: float = 0.5  # after the first failure, then doubled
    longest_wait: float = 120.0  # a longer `Retry-After` is an error, not a sleep
    biggest: int = 256 << 20  # bytes of an answer


PATIENT = Patience()


class Refused(NetworkError):
    """The server understood and said no (HTTP 4xx): asking again gives the same answer."""

    def __init__(self, code: str, message: str, hint: str = "", *, status: int, body: bytes) -> None:
        super().__init__(code, message, hint)
        self.status, self.body = status, body


class Unreachable(NetworkError):
    """No usable answer: nobody there, too slow, cut off, or a server error. Worth asking again."""


class Http:
    """A client of one server. Waits go through the clock; `warn` hears of the long ones.

    `server_ms` is the server's time, epoch ms, as its last answer dates it; 0 as long as none did.
    """

    def __init__(self, base_url: str, clock: Clock, patience: Patience = PATIENT, warn: Warn = lambda _: None) -> None:
        import httpx  # here and below: what asks nobody starts sooner without it

        self.server_ms = 0
        self._base, self._clock, self._patience, self._warn = base_url.rstrip("/"), clock, patience, warn
        self._client = httpx.Client(verify=_tls(), timeout=httpx.Timeout(patience.read, connect=patience.connect))
        try:
            self.host = httpx.URL(base_url).netloc.decode()
        except httpx.InvalidURL as e:
            raise SettingsError("E-NET-URL", f"{base_url!r} is no web address: {e}.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def get(self, path: str, parameters: Mapping[str, str | int] | None = None) -> bytes:
        """The body of a 200 answer.

        Errors: `Blocked` (403, 451), `RateLimited` (429, 418 with a wait too long), `Refused` (other 4xx),
        `Unreachable` (the rest, after all attempts).
        """
        for attempt in itertools.count(1):
            try:
                return self._once(path, parameters)
            except RateLimited as limit:
                if attempt == self._patience.attempts or limit.retry_after > self._patience.longest_wait:
                    raise
                self._warn(f"{limit.message} Waiting {limit.retry_after:.0f} s.")
                self._clock.sleep(limit.retry_after)
            except Unreachable:
                if attempt == self._patience.attempts:
                    raise
                self._clock.sleep(self._patience.backoff * 2 ** (attempt - 1))
        raise AssertionError  # the loop only ends by returning or raising

    def get_json(self, path: str, parameters: Mapping[str, str | int] | None = None) -> Any:
        """The body of a 200 answer as JSON; `NetworkError` when it is something else."""
        body = self.get(path, parameters)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            start = body[:40].decode(errors="replace").strip()
            raise nonsense(self.host, f"what should be JSON begins with {start!r}") from None

    def _once(self, path: str, parameters: Mapping[str, str | int] | None) -> bytes:
        import httpx

        try:
            status, headers, body = self._exchange(f"{self._base}{path}", parameters)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as e:
            raise SettingsError("E-NET-URL", f"{self._base!r} is no web address: {e}.") from None
        except httpx.RequestError as e:
            why = f"{type(e).__name__}: {e}".rstrip(": .")
            raise Unreachable("E-NET-UNREACHABLE", f"{self.host} cannot be reached ({why}).", ELSEWHERE) from e
        self.server_ms = _date_ms(headers) or self.server_ms
        if status != httpx.codes.OK:
            raise refusal(self.host, status, headers, body)
        return body

    def _exchange(self, url: str, parameters: Mapping[str, str | int] | None) -> tuple[int, httpx.Headers, bytes]:
        deadline = time.monotonic() + self._patience.total  # a duration, not a date: the wall clock may jump
        body = bytearray()
        with self._client.stream("GET", url, params=parameters) as response:
            for chunk in response.iter_bytes():
                body += chunk
                if time.monotonic() > deadline:
                    late = f"{self.host} did not finish its answer in {self._patience.total:g} s."
                    raise Unreachable("E-NET-UNREACHABLE", late, ELSEWHERE)
                if len(body) > self._patience.biggest:
                    raise nonsense(self.host, f"the answer is larger than {self._patience.biggest:,} bytes")
        return response.status_code, response.headers, bytes(body)


@functools.cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes longer than a request: once for all clients."""
    import httpx

    return httpx.create_ssl_context()


def refusal(host: str, status: int, headers: Mapping[str, str], body: bytes) -> NetworkError:
    """The error that an answer other than 200 means."""
    said = f"{host} answered HTTP {status}"
    if status in (403, 451):
        why = "it serves no one from this place" if status == 451 else "its firewall refuses this client"
        return Blocked("E-NET-BLOCKED", f"{said}: {why}. It is blocked, not down.", ELSEWHERE)
    if status in (418, 429):
        wait = _retry_after(headers)
        what = "banned for asking too often" if status == 418 else "asked too often"
        return RateLimited("E-NET-RATE", f"{said}: {what}.", f"Wait {wait:.0f} s.", retry_after=wait)
    if status >= 500:
        return Unreachable("E-NET-SERVER", f"{said}: it is down or overloaded.", ELSEWHERE)
    if 300 <= status < 400:
        return nonsense(host, f"a redirect to {headers.get('location', 'nowhere')}")
    text = " ".join(body[:160].decode(errors="replace").split())
    return Refused("E-NET-REFUSED", f"{said}: {text}".rstrip(": .") + ".", status=status, body=body)


def nonsense(host: str, what: str) -> NetworkError:
    """The error for an answer that the exchange would not give."""
    return NetworkError("E-NET-NONSENSE", f"{host} answered nonsense: {what}.", "Is a login page or proxy in between?")


def _date_ms(headers: Mapping[str, str]) -> int:
    """Epoch ms of the answer's `Date`; 0 when it is missing or none."""
    try:
        return round(parsedate_to_datetime(headers.get("date", "")).timestamp() * 1000)
    except ValueError:
        return 0


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds; a minute when the header is missing or no number."""
    try:
        return max(0.0, float(headers.get("retry-after", "60")))
    except ValueError:
        return 60.0

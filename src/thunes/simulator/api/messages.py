"""A REST request and its answer as plain values, before and after any network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from thunes.simulator.request import Refused

JSON, HTML = b"application/json;charset=UTF-8", b"text/html"


class Request(NamedTuple):
    """What came in: `query` without the question mark, `client` the caller's address, `api_key` empty for none."""

    method: str
    path: str
    query: bytes = b""
    body: bytes = b""
    api_key: str = ""
    client: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Manner:
    """How an answer travels: faults below HTTP. `cut`: the connection ends without it. `hang`: nothing ever comes.

    `delay_ms`: it waits so long. `drip_bytes`: so many bytes go out every `drip_ms`; 0: all at once.
    """

    delay_ms: int = 0
    cut: bool = False
    hang: bool = False
    drip_bytes: int = 0
    drip_ms: int = 100


PLAIN = Manner()


class Answer(NamedTuple):
    """What goes out."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = JSON
    manner: Manner = PLAIN


def refusal(refused: Refused) -> Answer:
    """The exchange's error as an answer."""
    document: dict[str, Any] = {"code": refused.code, "msg": refused.message}
    if refused.data is not None:
        document["data"] = refused.data
    wait = () if refused.retry_after is None else ((b"retry-after", str(refused.retry_after).encode()),)
    return Answer(refused.status, orjson.dumps(document), wait)


def page(status: int, title: str) -> Answer:
    """An error page as web servers in front of the exchange send it."""
    body = (
        f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{status} {title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return Answer(status, body.encode(), content_type=HTML)

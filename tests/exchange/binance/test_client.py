"""The client's library without its defects: what goes over the wire, and what comes back."""

from __future__ import annotations

import asyncio
import gzip
import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from pydantic import SecretStr
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from thunes.errors import SettingsError
from thunes.exchange.binance.answer import NOT_JSON
from thunes.exchange.binance.client import Login, Patience, Unanswered, Unsent, Wire, host_of

URL = "http://exchange.test"
NOW = 1_600_000_000_000
LOGIN = Login(SecretStr("the-key"), SecretStr("the-secret"))


class Recorder(BaseAdapter):
    """Remembers what was sent, and answers the same each time."""

    def __init__(self, body: bytes = b"{}", status: int = 200, **headers: str) -> None:
        super().__init__()
        self.sent: list[requests.PreparedRequest] = []
        self.options: list[Any] = []
        self._body, self._status, self._headers = body, status, headers

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        self.sent.append(request)
        self.options.append(options)
        response = requests.Response()
        response.raw = HTTPResponse(
            io.BytesIO(self._body), headers=self._headers, status=self._status, preload_content=False
        )
        response.status_code, response.headers = self._status, response.raw.headers
        response.url, response.request = str(request.url), request
        return response

    def close(self) -> None:
        """Nothing is open."""


def wire(recorder: BaseAdapter, login: Login | None = LOGIN, **options: Any) -> Wire:
    return Wire(URL, lambda: NOW, login, lambda session: session.mount(URL, recorder), **options)


def test_a_signed_question_bears_our_time_and_a_short_window() -> None:
    recorder = Recorder()
    wire(recorder).ask("get", "account", {"omitZeroBalances": "true"}, signed=True)
    sent = recorder.sent[0]
    parts = urlsplit(str(sent.url))
    asked = parse_qs(parts.query)
    assert (parts.netloc, parts.path) == ("exchange.test", "/api/v3/account")
    assert (asked["timestamp"], asked["recvWindow"]) == ([str(NOW)], ["5000"])
    assert len(asked["signature"][0]) == 64
    assert sent.headers["X-MBX-APIKEY"] == "the-key"
    assert sent.headers["User-Agent"].startswith("thunes/")


def test_an_order_goes_in_the_body_as_it_is() -> None:
    recorder = Recorder()
    wire(recorder).ask("post", "order", {"symbol": "BTCUSDT", "quantity": "0.00001"}, signed=True)
    body = parse_qs(str(recorder.sent[0].body))
    assert (body["symbol"], body["quantity"]) == (["BTCUSDT"], ["0.00001"])
    assert urlsplit(str(recorder.sent[0].url)).query == ""


def test_a_public_question_is_not_signed_and_needs_no_key() -> None:
    recorder = Recorder()
    wire(recorder, None).ask("get", "time", {})
    assert recorder.sent[0].url == f"{URL}/api/v3/time"
    assert "X-MBX-APIKEY" not in recorder.sent[0].headers


def test_no_proxy_of_the_environment_takes_the_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:1")
    recorder = Recorder()
    wire(recorder).ask("get", "time", {})
    assert not recorder.options[0]["proxies"]
    assert recorder.options[0]["timeout"] == (3.05, 15.0)


def test_a_redirect_is_not_followed() -> None:
    recorder = Recorder(b"", 302, location="http://elsewhere.test/")
    answer = wire(recorder).ask("post", "order", {}, signed=True)
    assert (answer.status, answer.ok, len(recorder.sent)) == (302, False, 1)


@pytest.mark.parametrize(("body", "document"), [(b"null", None), (b"[]", []), (b"", NOT_JSON), (b"<html>", NOT_JSON)])
def test_every_body_comes_back(body: bytes, document: object) -> None:
    answer = wire(Recorder(body, 503)).ask("get", "time", {})
    assert (answer.status, answer.body, answer.document, answer.ok) == (503, body, document, False)


def test_a_packed_body_is_unpacked() -> None:
    packed = Recorder(gzip.compress(b'{"a": 1}'), **{"content-encoding": "gzip"})
    assert wire(packed).ask("get", "time", {}).document == {"a": 1}


def test_a_body_that_is_too_large_is_no_answer() -> None:
    bomb = Recorder(gzip.compress(b" " * 1_000_000), **{"content-encoding": "gzip"})
    with pytest.raises(Unanswered, match="ContentDecodingError"):
        wire(bomb, patience=Patience(biggest=100_000)).ask("get", "time", {})


def test_a_body_that_cannot_be_unpacked_is_no_answer() -> None:
    with pytest.raises(Unanswered, match="DecodeError"):
        wire(Recorder(b"no gzip", **{"content-encoding": "gzip"})).ask("get", "time", {})


def test_a_key_that_no_header_can_bear_was_not_sent() -> None:
    broken = Login(SecretStr("a\nkey"), SecretStr("secret"))
    with pytest.raises(Unsent, match="InvalidHeader"):
        wire(Recorder(), broken).ask("get", "time", {})


def test_clients_of_two_hosts_do_not_share_their_urls() -> None:
    first, second = Recorder(), Recorder()
    one, two = wire(first), Wire("https://other.test/", lambda: NOW, None, lambda s: s.mount("https://", second))
    one.ask("get", "time", {})
    two.ask("get", "time", {})
    assert [first.sent[0].url, second.sent[0].url] == [f"{URL}/api/v3/time", "https://other.test/api/v3/time"]


def test_a_secret_shows_nowhere() -> None:
    shown = f"{LOGIN!r} {LOGIN} {vars(LOGIN)}"
    assert "the-secret" not in shown
    assert "the-key" not in shown


def test_no_event_loop_is_left_behind_or_taken() -> None:
    """Made without sockets: this test may open none."""

    async def inside() -> Wire:
        loop = asyncio.get_running_loop()
        made = wire(Recorder())
        assert asyncio.get_running_loop() is loop
        return made

    coroutine = inside()
    loop = _Loop()
    asyncio._set_running_loop(loop)
    try:
        with pytest.raises(StopIteration) as done:
            coroutine.send(None)
    finally:
        asyncio._set_running_loop(None)
    assert done.value.value.ask("get", "time", {}).ok


class _Loop(asyncio.AbstractEventLoop):
    """A loop that counts as running, without sockets."""


@pytest.mark.parametrize(
    "url", ["", "exchange.test", "ftp://exchange.test", "http://user:word@exchange.test", "http://", "http://a{}.test"]
)
def test_a_url_that_is_none_is_a_setting_to_mend(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        host_of(url)
    assert "word" not in str(refused.value).split("without")[0]


@pytest.mark.parametrize("url", ["http://exchange.test:99999", "http://[::1"])
def test_a_port_or_address_that_is_none_too(url: str) -> None:
    with pytest.raises(SettingsError):
        host_of(url)


# Over a socket


@contextmanager
def speaking(*replies: bytes) -> Iterator[str]:
    """A server that answers each connection's first request with the next of these, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for reply in replies:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@pytest.mark.loopback
def test_an_answer_in_chunks_is_put_together() -> None:
    chunks = b'5\r\n{"a":\r\n3\r\n 1}\r\n0\r\n\r\n'
    with speaking(HEAD + b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n" + chunks) as url:
        opened = Wire(url, lambda: NOW)
        assert opened.ask("get", "time", {}).document == {"a": 1}
        opened.close()


@pytest.mark.loopback
@pytest.mark.parametrize(
    "reply",
    [
        b"",
        HEAD + b"content-length: 90\r\n\r\n{}",
        HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\n{",
        b"no HTTP\r\n\r\n",
    ],
    ids=["nothing", "half", "half a chunk", "other"],
)
def test_an_answer_that_breaks_off_is_none(reply: bytes) -> None:
    with speaking(reply) as url:
        opened = Wire(url, lambda: NOW, LOGIN)
        with pytest.raises(Unanswered) as failed:
            opened.ask("get", "account", {}, signed=True)
        assert "signature" not in str(failed.value)
        opened.close()

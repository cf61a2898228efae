"""Every way in which a server can answer badly, on a real socket."""

from __future__ import annotations

import socket

import pytest
from tests.market.loopback import NOW, Answer, Exchange, as_json

from thunes.clock import ManualClock
from thunes.errors import Blocked, NetworkError, RateLimited, SettingsError
from thunes.market.http import Http, Patience, Refused, Unreachable, _date_ms

pytestmark = pytest.mark.loopback
QUICK = Patience(connect=0.5, read=0.2, total=0.3, attempts=3, backoff=1.0, longest_wait=100)
GOOD = as_json({"fine": True})


def get(exchange: Exchange, clock: ManualClock, patience: Patience = QUICK) -> object:
    with Http(exchange.url, clock, patience) as http:
        return http.get_json("/x", {"a": 1})


def test_a_good_answer_is_asked_for_once(exchange: Exchange, clock: ManualClock) -> None:
    exchange.script.append(GOOD)
    assert get(exchange, clock) == {"fine": True}
    assert exchange.asked == ["/x?a=1"]


@pytest.mark.parametrize(
    "bad",
    [
        Answer(500, b"oops"),
        Answer(502, b"<html>bad gateway</html>"),
        Answer(503),
        Answer(200, b'{"fine"', promised=900),
        Answer(stall=True),
        Answer(200, b'{"fine": true}' + b" " * 100, dribble=True),
    ],
    ids=["500", "502 html", "503", "cut off", "stalls", "dribbles"],
)
def test_what_may_pass_is_asked_again_after_growing_pauses(exchange: Exchange, clock: ManualClock, bad: Answer) -> None:
    exchange.script.extend([bad, bad, GOOD])
    assert get(exchange, clock) == {"fine": True}
    assert clock.slept == [1.0, 2.0]


@pytest.mark.parametrize("bad", [Answer(500), Answer(200, b"{", promised=9), Answer(stall=True)])
def test_after_the_last_attempt_it_cannot_be_reached(exchange: Exchange, clock: ManualClock, bad: Answer) -> None:
    exchange.script.extend([bad] * 3)
    with pytest.raises(Unreachable) as caught:
        get(exchange, clock)
    assert caught.value.exit_code == 5
    assert len(exchange.asked) == 3
    assert "\n" not in str(caught.value)


def test_nobody_there_is_said_so(clock: ManualClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with Http(f"http://127.0.0.1:{port}", clock, QUICK) as http, pytest.raises(Unreachable, match="cannot be reached"):
        http.get("/")


@pytest.mark.parametrize("status", [429, 418])
def test_retry_after_is_obeyed_to_the_second(exchange: Exchange, clock: ManualClock, status: int) -> None:
    exchange.script.extend([Answer(status, b"{}", {"Retry-After": "37"}), GOOD])
    heard: list[str] = []
    with Http(exchange.url, clock, QUICK, heard.append) as http:
        http.get("/x")
    assert clock.slept == [37.0]
    assert "Waiting 37 s" in heard[0]


@pytest.mark.parametrize("header", [{}, {"Retry-After": "soon"}])
def test_a_limit_that_names_no_time_means_a_minute(
    exchange: Exchange, clock: ManualClock, header: dict[str, str]
) -> None:
    exchange.script.extend([Answer(429, b"", header), GOOD])
    get(exchange, clock)
    assert clock.slept == [60.0]


def test_a_ban_of_days_is_an_error_and_not_probed(exchange: Exchange, clock: ManualClock) -> None:
    exchange.script.append(Answer(418, b"{}", {"Retry-After": "259200"}))
    with pytest.raises(RateLimited, match="HTTP 418: banned") as caught:
        get(exchange, clock)
    assert caught.value.retry_after == 259_200
    assert (clock.slept, len(exchange.asked)) == ([], 1)


def test_limits_are_not_waited_for_without_end(exchange: Exchange, clock: ManualClock) -> None:
    exchange.script.extend([Answer(429, b"", {"Retry-After": "1"})] * 3)
    with pytest.raises(RateLimited):
        get(exchange, clock)
    assert len(exchange.asked) == 3


@pytest.mark.parametrize(("status", "why"), [(451, "serves no one from this place"), (403, "firewall")])
def test_blocked_is_told_apart_from_down(exchange: Exchange, clock: ManualClock, status: int, why: str) -> None:
    exchange.script.append(Answer(status, b"<html>no</html>"))
    with pytest.raises(Blocked, match=f"HTTP {status}: .*{why}.*blocked, not down"):
        get(exchange, clock)
    assert len(exchange.asked) == 1


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_refusal_is_not_repeated(exchange: Exchange, clock: ManualClock, status: int) -> None:
    exchange.script.append(as_json({"code": -1, "msg": "no"}, status))
    with pytest.raises(Refused, match=f"HTTP {status}") as caught:
        get(exchange, clock)
    assert (caught.value.status, len(exchange.asked)) == (status, 1)


@pytest.mark.parametrize(
    "bad",
    [
        Answer(200, b"<!DOCTYPE html><title>Log in to the hotel</title>"),
        Answer(200, b""),
        Answer(200, b'{"a":'),
        Answer(302, b"", {"Location": "http://portal.example/"}),
    ],
    ids=["html", "empty", "half a json", "redirect"],
)
def test_what_the_exchange_would_not_say_is_nonsense(exchange: Exchange, clock: ManualClock, bad: Answer) -> None:
    exchange.script.append(bad)
    with pytest.raises(NetworkError, match="nonsense") as caught:
        get(exchange, clock)
    assert (caught.value.code, len(exchange.asked)) == ("E-NET-NONSENSE", 1)


def test_an_answer_without_end_is_cut_short(exchange: Exchange, clock: ManualClock) -> None:
    exchange.script.append(Answer(200, b"x" * 100_000))
    with pytest.raises(NetworkError, match="larger than 50,000 bytes"):
        get(exchange, clock, Patience(biggest=50_000))


@pytest.mark.parametrize("url", ["ftp://example.org", "nonsense", "http://[::1"])
def test_an_address_that_is_none_is_a_settings_error(clock: ManualClock, url: str) -> None:
    with pytest.raises(SettingsError, match="no web address"), Http(url, clock, QUICK) as http:
        http.get("/")


def test_every_answer_tells_the_servers_time_also_a_refusal(exchange: Exchange, clock: ManualClock) -> None:
    with Http(exchange.url, clock, QUICK) as http:
        assert http.server_ms == 0
        with pytest.raises(Refused):
            http.get("/missing")
        assert http.server_ms == NOW


@pytest.mark.parametrize("headers", [{}, {"date": ""}, {"date": "yesterday"}, {"date": "2024-03-10"}])
def test_an_answer_without_a_date_tells_no_time(headers: dict[str, str]) -> None:
    assert _date_ms(headers) == 0

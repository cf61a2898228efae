"""Each way in which a submission can end, shown by the local exchange's faults: what is known then, what is not."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from tests.exchange.places import SYMBOL, LocalPlace, accepted, local_exchange

from thunes.errors import Blocked, NetworkError, RateLimited
from thunes.exchange.binance.answer import NOT_JSON, Answer
from thunes.exchange.binance.client import Patience
from thunes.exchange.binance.errors import failure_of
from thunes.exchange.binance.venue import _if_of
from thunes.exchange.orders import OrderTicket
from thunes.exchange.outcomes import Accepted, NotSent, Refused, Unknown

POST, DELETE, QUERY = "POST /api/v3/order", "DELETE /api/v3/order", "GET /api/v3/order"
BUY = OrderTicket(SYMBOL, "BUY", "MARKET", "bought-without-a-question", quote_quantity=Decimal(25))
IN_DOUBT = [
    ("drop_after_accept", {}, True),
    ("error_after_accept", {"status": 500}, True),
    ("error_after_accept", {"status": 502}, True),
    ("error_after_accept", {"status": 503, "form": "json"}, True),
    ("error_after_accept", {"status": 504}, True),
    ("drop_before", {}, False),
    ("forbidden_html", {}, False),
    ("html_200", {}, False),
    ("null_json", {}, True),
    ("list_json", {}, True),
    ("empty_body", {}, True),
    ("truncated_json", {}, True),
    ("half_open", {}, False),
    ("delay", {"delay_ms": 60_000}, True),
]


@pytest.mark.covers("fault 1")
@pytest.mark.covers("fault 2")
@pytest.mark.covers("fault 4")
@pytest.mark.covers("fault 5")
@pytest.mark.parametrize(("fault", "parameters", "taken"), IN_DOUBT, ids=lambda value: str(value))
def test_what_leaves_an_order_in_doubt_is_unknown(local: LocalPlace, fault: str, parameters: Any, taken: bool) -> None:
    """Rows 1–5 and 52, 55 of the fault scenarios: only asking tells, and it does."""
    ticket = local.market()
    local.board.set(fault, POST, count=1, **parameters)
    outcome = local.venue.submit(ticket)
    assert isinstance(outcome, Unknown), outcome
    found = local.venue.order(SYMBOL, client_order_id=ticket.client_order_id)
    assert (found is not None) is taken
    assert len(local.venue.orders_since(SYMBOL, 0)) == taken  # once at most: nothing was sent again


@pytest.mark.parametrize(("fault", "parameters", "taken"), IN_DOUBT[:6], ids=lambda value: str(value))
def test_a_cancel_in_doubt_is_unknown(local: LocalPlace, fault: str, parameters: Any, taken: bool) -> None:
    placed = accepted(local.venue.submit(local.resting()))
    local.board.set(fault, DELETE, count=1, **parameters)
    assert isinstance(local.venue.cancel(SYMBOL, order_id=placed.order_id), Unknown)
    assert (local.venue.open_orders(SYMBOL) == []) is taken


def test_an_order_that_is_not_visible_yet_is_none(local: LocalPlace) -> None:
    placed = accepted(local.venue.submit(local.market()))
    local.board.set("order_lag", QUERY, seconds=20)
    assert local.venue.order(SYMBOL, client_order_id=placed.client_order_id) is None
    local.exchange.advance()
    assert local.venue.order(SYMBOL, client_order_id=placed.client_order_id) is not None


@pytest.mark.parametrize(("fault", "wait"), [("too_many_requests", 7), ("banned", 130)])
def test_too_many_requests_refuse_and_silence_all_traffic(local: LocalPlace, fault: str, wait: int) -> None:
    """Rows 50 and 51: whatever was to be sent stays here until the wait is over."""
    resting = accepted(local.venue.submit(local.resting()))
    ticket = local.market()
    local.board.set(fault, POST, count=1, retry_after=wait)
    outcome = local.venue.submit(ticket)
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.retry_after) == (-1003, wait)
    assert isinstance(local.venue.submit(local.market("SELL", quantity=resting.quantity)), NotSent)
    assert isinstance(local.venue.cancel(SYMBOL, order_id=resting.order_id), NotSent)
    with pytest.raises(RateLimited) as limited:
        local.venue.open_orders(SYMBOL)
    assert 0 < limited.value.retry_after <= wait


def test_an_order_count_that_is_used_up_is_a_refusal_with_a_wait() -> None:
    with local_exchange(serve=False, limits=True) as exchange:
        place = LocalPlace(exchange)
        exchange.parts.limiter.count_order(place.key, exchange.parts.exchange.clock.now_ms(), 200_000)  # of the day
        outcome = place.venue.submit(place.market())
        assert isinstance(outcome, Refused)
        assert outcome.code == -1015
        assert outcome.retry_after is not None
        place.venue.close()


@pytest.mark.covers("fault 15")
@pytest.mark.covers("fault 16")
@pytest.mark.parametrize(("off_ms", "words"), [(-60_000, "recvWindow"), (5_000, "ahead")])
def test_a_wrong_clock_is_a_refusal_that_asks_for_the_time_and_the_same_id_again(off_ms: int, words: str) -> None:
    """Rows 15 and 16: the engine never saw the order."""
    with local_exchange(serve=False, stepped=None, speed=1, time_checks=True) as exchange:
        place = LocalPlace(exchange)
        place.venue.balances()
        time = place.venue.shared.time
        time.offset_ms += off_ms
        ticket = place.market()
        outcome = place.venue.submit(ticket)
        assert isinstance(outcome, Refused)
        assert (outcome.code, outcome.resync_clock) == (-1021, True)
        assert words in outcome.message
        assert accepted(place.venue.submit(ticket)).client_order_id == ticket.client_order_id
        assert abs(time.now_ms() - exchange.now_ms) < 1_000
        place.venue.close()


def test_a_question_at_the_wrong_time_is_asked_again_by_the_right_one() -> None:
    with local_exchange(serve=False, stepped=None, speed=1, time_checks=True) as exchange:
        place = LocalPlace(exchange)
        place.venue.balances()
        place.venue.shared.time.offset_ms -= 60_000
        assert place.venue.balances()
        place.venue.close()


def test_a_key_that_is_none_is_a_refusal_that_stays(local: LocalPlace) -> None:
    """Fatal: the engine never saw it, and trying again does not help."""
    other = local.opened(key="x" * 64)
    outcome = other.submit(local.market())
    assert isinstance(outcome, Refused)
    assert outcome.code == -2015
    with pytest.raises(Blocked, match="refuses the key"):
        other.balances()
    other.close()


def test_a_secret_that_is_wrong_is_a_refusal_that_stays(local: LocalPlace) -> None:
    other = local.opened(secret="another")
    outcome = other.submit(local.market())
    assert isinstance(outcome, Refused)
    assert outcome.code == -1022
    with pytest.raises(Blocked):
        other.open_orders()
    other.close()


def test_an_answer_about_another_order_leaves_ours_in_doubt(local: LocalPlace) -> None:
    placed = accepted(local.venue.submit(local.market()))
    assert isinstance(_if_of(Accepted(placed), local.market()), Unknown)


# Questions


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ("drop_before", NetworkError, "E-NET-UNREACHABLE"),
        ("half_open", NetworkError, "E-NET-UNREACHABLE"),
        ("error_after_accept", NetworkError, "E-NET-SERVER"),
        ("html_200", NetworkError, "E-NET-NONSENSE"),
        ("null_json", NetworkError, "E-NET-NONSENSE"),
        ("list_json", NetworkError, "E-NET-NONSENSE"),
        ("empty_body", NetworkError, "E-NET-NONSENSE"),
        ("truncated_json", NetworkError, "E-NET-NONSENSE"),
        ("forbidden_html", Blocked, "E-NET-BLOCKED"),
        ("too_many_requests", RateLimited, "E-NET-RATE"),
        ("banned", RateLimited, "E-NET-RATE"),
    ],
)
def test_a_question_that_gets_no_answer_is_an_error(local: LocalPlace, fault: str, kind: type, code: str) -> None:
    asked: dict[str, Callable[[], object]] = {
        "GET /api/v3/account": local.venue.balances,
        "GET /api/v3/avgPrice": lambda: local.venue.average_price(SYMBOL),
        "GET /api/v3/time": local.venue.server_time,
    }
    for route, ask in list(asked.items())[: 1 if kind is RateLimited else 3]:
        local.board.set(fault, route, count=1)
        with pytest.raises(kind) as failed:
            ask()
        assert failed.value.code == code


def test_what_is_out_of_service_is_said_so(local: LocalPlace) -> None:
    assert failure_of(Answer(410, {}, b"<html>", NOT_JSON), "host").code == "E-NET-GONE"


# Over a real wire


@pytest.mark.covers("fault 6")
@pytest.mark.loopback
def test_a_port_where_nobody_listens_was_not_sent_to() -> None:
    """Row 6: the same order may be sent again."""
    with local_exchange(serve=True) as exchange:
        place = LocalPlace(exchange)
        place.venue.server_time()
        place.venue.balances()
        url = exchange.http_url
    reopened = place.opened(url=url, shared=place.venue.shared)
    outcome = reopened.submit(BUY)
    assert isinstance(outcome, NotSent), outcome
    assert "refused" in outcome.reason
    reopened.close()
    place.venue.close()


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("fault", "parameters", "patience"),
    [
        ("half_open", {}, Patience(read=0.3)),
        ("slow_drip", {"bytes": 20, "every_ms": 50}, Patience(total=0.3)),
        ("drop_after_accept", {}, Patience()),
        ("drop_before", {}, Patience()),
        ("delay", {"delay_ms": 1_500}, Patience(read=0.3)),
    ],
)
def test_a_wire_that_fails_after_sending_leaves_an_order_in_doubt(
    tcp_exchange: Any, fault: str, parameters: Any, patience: Patience
) -> None:
    place = LocalPlace(tcp_exchange, patience=patience)
    place.venue.balances()
    set_fault = place.board.set(fault, POST, count=1, **parameters)
    try:
        assert isinstance(place.venue.submit(BUY), Unknown)
    finally:
        place.board.remove(set_fault.number)
    assert isinstance(place.venue.submit(place.market()), Accepted)  # and the next one is not read in its place
    place.venue.close()


@pytest.mark.loopback
def test_tls_where_none_is_spoken_was_not_sent(tcp_exchange: Any) -> None:
    place = LocalPlace(tcp_exchange)
    place.venue.balances()
    other = place.opened(url=tcp_exchange.http_url.replace("http:", "https:"), shared=place.venue.shared)
    assert isinstance(other.submit(BUY), NotSent)
    other.close()
    place.venue.close()

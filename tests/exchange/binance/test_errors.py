"""The table of outcomes, row by row."""

from __future__ import annotations

import socket
import ssl
from http.client import RemoteDisconnected
from typing import Any

import orjson
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from thunes.errors import Blocked, NetworkError, RateLimited
from thunes.exchange.binance.answer import NOT_JSON, Answer
from thunes.exchange.binance.errors import (
    LONGEST_WAIT,
    QuestionRefused,
    failure_of,
    never_sent,
    outcome_of,
    retry_after,
    why,
)
from thunes.exchange.outcomes import Refused, Unknown


def answer(status: int, code: int | None = None, message: str = "words", **headers: str) -> Answer:
    if code is None:
        return Answer(status, headers, b"<html>", NOT_JSON)
    document = {"code": code, "msg": message}
    return Answer(status, headers, orjson.dumps(document), document)


@pytest.mark.parametrize("code", [-1100, -1102, -1111, -1121, -1128, -1199, -1013, -1014, -1020, -2010, -2011, -2013])
def test_what_the_exchange_refuses_is_refused_for_good(code: int) -> None:
    assert outcome_of(answer(400, code)) == Refused(code, "words")


@pytest.mark.parametrize("code", [-1002, -1022, -2014, -2015])
def test_a_key_or_signature_that_is_refused_never_came_to_the_engine(code: int) -> None:
    assert outcome_of(answer(401, code)) == Refused(code, "words", fatal=True)
    assert isinstance(failure_of(answer(401, code), "host"), Blocked)


def test_a_wrong_time_asks_for_the_time() -> None:
    assert outcome_of(answer(400, -1021)) == Refused(-1021, "words", resync_clock=True)


def test_a_duplicate_is_told_by_its_words() -> None:
    assert outcome_of(answer(400, -2010, "Duplicate order sent.")) == Refused(
        -2010, "Duplicate order sent.", duplicate=True
    )
    poor = "Account has insufficient balance for requested action."
    assert outcome_of(answer(400, -2010, poor)) == Refused(-2010, poor)


@pytest.mark.parametrize(("status", "code"), [(429, -1003), (429, -1015), (418, -1003)])
def test_too_much_is_a_refusal_with_a_wait(status: int, code: int) -> None:
    assert outcome_of(answer(status, code, **{"retry-after": "9"})) == Refused(code, "words", retry_after=9)
    failed = failure_of(answer(status, code, **{"retry-after": "9"}), "host")
    assert isinstance(failed, RateLimited)
    assert failed.retry_after == 9


def test_too_much_said_by_a_page_is_a_refusal_too() -> None:
    assert outcome_of(answer(429)) == Refused(-1003, "HTTP 429", retry_after=60)


@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007, -1008, -1016])
@pytest.mark.parametrize("status", [400, 500, 503])
def test_codes_in_doubt_are_unknown_whatever_the_status(status: int, code: int) -> None:
    assert isinstance(outcome_of(answer(status, code)), Unknown)


@pytest.mark.parametrize("code", [-1004, -1010, -2021, -3000, 0, 7])
def test_codes_that_the_table_does_not_name_are_unknown(code: int) -> None:
    assert isinstance(outcome_of(answer(409, code)), Unknown)


@pytest.mark.parametrize("status", [200, 301, 403, 404, 410, 413, 500, 502, 503, 504, 520])
def test_what_is_not_json_is_unknown(status: int) -> None:
    outcome = outcome_of(answer(status))
    assert isinstance(outcome, Unknown)
    assert f"HTTP {status}" in outcome.reason
    assert "<html>" in outcome.reason


@given(st.integers(500, 599), st.integers(-3000, 10) | st.none())
def test_no_server_error_is_ever_a_refusal(status: int, code: int | None) -> None:
    assert isinstance(outcome_of(answer(status, code)), Unknown)


DOCUMENTS = st.sampled_from([NOT_JSON, None, [], {}, {"code": True}, {"code": "x"}, {"code": -1013}, {"msg": 1}])


@given(st.integers(100, 599), st.binary(max_size=80), DOCUMENTS, st.text(max_size=5) | st.floats().map(str))
def test_every_answer_means_something(status: int, body: bytes, document: Any, wait: str) -> None:
    strange = Answer(status, {"retry-after": wait}, body, document)
    assert isinstance(outcome_of(strange), Refused | Unknown)
    assert isinstance(failure_of(strange, "host"), NetworkError)
    assert 0 <= retry_after(strange) <= LONGEST_WAIT


def test_a_refused_question_bears_the_number() -> None:
    refused = failure_of(answer(400, -2013, "Order does not exist."), "host")
    assert isinstance(refused, QuestionRefused)
    assert (refused.number, refused.status) == (-2013, 400)
    assert "Order does not exist." in str(refused)


def test_without_a_body_there_is_nothing_to_quote() -> None:
    assert outcome_of(Answer(502, {}, b"", NOT_JSON)) == Unknown("HTTP 502, no body")


# Failures without an answer


def nested(inner: Exception) -> Exception:
    """As the client's library hands them up."""
    return requests.ConnectionError(MaxRetryError(None, "/api/v3/order?signature=abc", inner))  # type: ignore[arg-type]


def certificate() -> ssl.SSLError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.reason = "CERTIFICATE_VERIFY_FAILED"
    return error


NEVER = [
    nested(NewConnectionError(None, "refused")),  # type: ignore[arg-type]
    requests.ConnectTimeout("x"),
    requests.exceptions.SSLError(MaxRetryError(None, "/", certificate())),  # type: ignore[arg-type]
    requests.exceptions.InvalidURL("x"),
    requests.exceptions.InvalidHeader("x"),
]
PERHAPS = [
    requests.ConnectionError(ProtocolError("Connection aborted.", RemoteDisconnected("closed"))),
    requests.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))),
    requests.ReadTimeout("x"),
    requests.exceptions.ChunkedEncodingError("x"),
    requests.exceptions.SSLError(ssl.SSLEOFError(8, "EOF occurred")),
    BrokenPipeError(32, "Broken pipe"),
    socket.gaierror(2, "unknown name"),  # raised bare, nobody can tell by what
]


@pytest.mark.parametrize("error", NEVER, ids=repr)
def test_a_failure_before_sending_is_known_as_such(error: Exception) -> None:
    assert never_sent(error)


@pytest.mark.parametrize("error", PERHAPS, ids=repr)
def test_a_failure_that_may_have_come_later_is_not(error: Exception) -> None:
    assert not never_sent(error)


def test_a_failure_that_was_being_handled_is_not_this_ones_cause() -> None:
    error = ConnectionResetError(104, "reset")
    error.__context__ = nested(NewConnectionError(None, "refused"))  # type: ignore[arg-type]
    assert not never_sent(error)


@pytest.mark.parametrize("error", NEVER + PERHAPS, ids=repr)
def test_a_failure_in_words_quotes_no_url(error: Exception) -> None:
    assert "signature" not in why(error)
    assert type(error).__name__ in why(error)


def test_errors_that_point_at_each_other_end() -> None:
    first, second = OSError("a"), OSError("b")
    first.__cause__, second.__cause__ = second, first
    assert not never_sent(first)

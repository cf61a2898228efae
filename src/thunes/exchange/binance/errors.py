"""What an answer that is no success means, and what is known where none came.

For a submission it is one of our outcomes. Only a refusal that is known to come before the engine, or from it, is
`Refused`: whatever else was seen leaves the order in doubt. For a question it is an error.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import requests
import urllib3.exceptions as broken

from thunes.errors import Blocked, NetworkError, RateLimited
from thunes.exchange.binance.answer import Answer
from thunes.exchange.outcomes import Refused, Unknown
from thunes.market.http import Refused as HttpRefused

FILTER, NO_ORDER, UNKNOWN_CANCEL, BAD_TIME, NOT_DONE = -1013, -2013, -2011, -1021, -2010
IN_DOUBT = frozenset((-1000, -1001, -1006, -1007, -1008, -1016))  # the order may have been taken all the same
FATAL = frozenset((-1002, -1022, -2014, -2015))  # the key or its secret: trying again does not help
# Those that are said before the engine is asked, or by the engine of what it did not do.
FINAL = frozenset(
    (-1003, FILTER, -1014, -1015, -1020, BAD_TIME, NOT_DONE, UNKNOWN_CANCEL, NO_ORDER, -2026, -2038, -2039)
)
PARAMETERS = range(-1199, -1099)  # −11xx: the request was not understood
DUPLICATE = "duplicate order sent"
WAIT, WAIT_OF_BAN = 60.0, 120.0  # seconds, where the exchange does not say
LONGEST_WAIT = 4 * 86_400.0  # seconds; its longest ban takes three days
# A handshake that failed for these reasons was never one of a running connection.
HANDSHAKE = frozenset(("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "SSLV3_ALERT_HANDSHAKE_FAILURE"))
BEFORE_SENDING = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    broken.NewConnectionError,  # refused, unreachable, a name that nobody knows
)


class QuestionRefused(HttpRefused):
    """The exchange understood a question and said no, with `number`."""

    number: int


def never_sent(error: BaseException) -> bool:
    """Whether a failure proves that the request did not leave this machine."""
    return any(isinstance(one, BEFORE_SENDING) or _failed_handshake(one) for one in _causes(error))


def _failed_handshake(error: object) -> bool:
    return isinstance(error, ssl.SSLError) and getattr(error, "reason", None) in HANDSHAKE


def _causes(error: BaseException | None) -> Iterator[Any]:
    """An error and what it wraps, as the client's library nests them."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = getattr(error, "reason", None)
        inside = [one for one in (inner, *error.args) if isinstance(one, BaseException)]
        error = inside[0] if inside else error.__cause__  # `__context__` may be of another request


def why(error: BaseException) -> str:
    """A failure in words. Not in the library's own, which quote the URL with its signature."""
    *_, last = _causes(error)
    said = getattr(last, "strerror", None)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


# Answers


def error_of(answer: Answer) -> tuple[int, str] | None:
    """Code and words of the exchange's own error; None for anything else."""
    document = answer.document
    if not isinstance(document, dict):
        return None
    code, message = document.get("code"), document.get("msg")
    return (code, str(message)) if isinstance(code, int) and code < 0 else None


def outcome_of(answer: Answer) -> Refused | Unknown:
    """What an answer that is no success means for the order that was sent."""
    if answer.status in (418, 429):
        code, message = error_of(answer) or (-1003, f"HTTP {answer.status}")
        return Refused(code, message, retry_after=retry_after(answer))
    error = error_of(answer)
    if error is None or not 400 <= answer.status < 500:
        return Unknown(f"HTTP {answer.status}, {_said(answer)}")
    code, message = error
    if not (code in FINAL or code in FATAL or code in PARAMETERS):
        return Unknown(f"HTTP {answer.status}, {_said(answer)}")
    duplicate = code == NOT_DONE and DUPLICATE in message.lower()
    return Refused(code, message, resync_clock=code == BAD_TIME, duplicate=duplicate, fatal=code in FATAL)


def failure_of(answer: Answer, host: str) -> NetworkError:
    """The error that an answer which is no success means for a question."""
    said, error = f"{host} answered HTTP {answer.status}", error_of(answer)
    if answer.status in (418, 429):
        wait = retry_after(answer)
        what = "banned for asking too often" if answer.status == 418 else "asked too often"
        return RateLimited("E-NET-RATE", f"{said}: {what}.", f"Wait {wait:.0f} s.", retry_after=wait)
    if answer.status >= 500:
        return NetworkError("E-NET-SERVER", f"{said}: it is down or overloaded.")
    if answer.status == 410:
        return NetworkError("E-NET-GONE", f"{said}: it has taken this question out of service.", "Update the program.")
    if error is not None and (error[0] in FATAL or answer.status == 401):
        text = f"{host} refuses the key: {error[1]} ({error[0]})"
        return Blocked("E-VENUE-KEY", text, "Check key, secret and rights.")
    if answer.status in (403, 451):
        return Blocked("E-NET-BLOCKED", f"{said}: it refuses this place. It is blocked, not down.")
    if error is None:
        return nonsense(host, f"HTTP {answer.status}, {_said(answer)}")
    return _question_refused(answer, host, *error)


def _question_refused(answer: Answer, host: str, code: int, message: str) -> QuestionRefused:
    text = f"{host} refused: {message} ({code})"
    refused = QuestionRefused("E-VENUE-REFUSED", text, status=answer.status, body=answer.body)
    refused.number = code
    return refused


def nonsense(host: str, what: str) -> NetworkError:
    """The error for an answer that the exchange would not give."""
    return NetworkError("E-NET-NONSENSE", f"{host} answered nonsense: {what}.", "Is a login page or proxy in between?")


def retry_after(answer: Answer) -> float:
    """Seconds until anything may be sent again; a guess where the answer does not say."""
    guess = WAIT_OF_BAN if answer.status == 418 else WAIT
    try:
        seconds = float(answer.headers.get("retry-after", guess))
    except ValueError:
        return guess
    return min(max(0.0, seconds), LONGEST_WAIT) if seconds == seconds else guess  # NaN is no number


def _said(answer: Answer) -> str:
    """The beginning of what came instead of an answer."""
    error = error_of(answer)
    if error is not None:
        return f"{error[0]} {error[1]}"
    text = " ".join(answer.body[:60].decode(errors="replace").split())
    return repr(text) if text else "no body"

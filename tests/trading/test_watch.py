"""What a trader's guard counts, and what it leaves alone."""

from __future__ import annotations

import pytest
from tests.trading.desk import D, Desk, OpenDesk, script

from thunes.audit.events import Anomaly
from thunes.errors import Blocked, NetworkError, StrategyError, UsageError
from thunes.exchange.orders import OrderTicket
from thunes.exchange.outcomes import NotSent, Outcome, Refused
from thunes.trading.ledger.values import Intent
from thunes.trading.watch import Watch

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent


class Guard:
    """A guard of BTCUSDT on the books of a desk, told of orders that were never sent anywhere."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.number = desk, 0
        self.watch = Watch("BTCUSDT", desk.ledger, desk.risk, desk.trail, desk.clock)

    def told(self, outcome: Outcome, symbol: str = "BTCUSDT") -> None:
        self.number += 1
        name, now = f"order-{self.number}", self.desk.clock.now_ms() + self.number
        ticket = OrderTicket(symbol, "BUY", "MARKET", name, quote_quantity=D(100))
        self.desk.ledger.intend(Intent(ticket, "scripted", now, now))
        self.watch.answered(self.desk.ledger.record_outcome(name, outcome), outcome)

    @property
    def reason(self) -> str | None:
        pause = self.desk.ledger.pause_of("BTCUSDT")
        return pause.reason if pause else None

    def anomalies(self) -> list[str]:
        found = [entry.event for entry in self.desk.trail.history().backwards("anomaly")]
        return [event.code for event in found if isinstance(event, Anomaly)]


@pytest.fixture
def guard(open_desk: OpenDesk) -> Guard:
    return Guard(open_desk(script()))


def refused(code: int) -> Refused:
    return Refused(code, "words")


@pytest.mark.covers("fault 42")
def test_refusals_of_one_kind_have_a_patience_of_their_own(guard: Guard) -> None:
    for _ in range(2):
        guard.told(refused(-1013))
    guard.told(NotSent("no way out"))  # says nothing of the symbol
    guard.told(refused(-1013), "ETHUSDT")  # nor does another
    assert guard.reason is None
    guard.told(refused(-1013))
    assert guard.reason == "3 orders in a row refused with -1013 words"
    guard.told(refused(-1013))
    assert guard.anomalies() == ["E-SYMBOL-REFUSED"]  # told once


@pytest.mark.covers("fault 49")
def test_refusals_of_every_kind_come_to_an_end(guard: Guard) -> None:
    for code in (-1013, -2010, -1013, -1111):
        guard.told(refused(code))
    assert guard.reason is None
    guard.told(refused(-1100))
    assert guard.reason == "5 orders in a row refused, the last with -1100 words"


def test_a_refusal_that_is_about_time_or_haste_is_not_about_the_symbol(guard: Guard) -> None:
    for _ in range(6):
        guard.told(Refused(-1021, "words", resync_clock=True))
        guard.told(Refused(-1003, "words", retry_after=60.0))
    assert guard.reason is None


def test_a_key_that_is_not_taken_is_told_once(guard: Guard) -> None:
    for _ in range(2):
        guard.told(Refused(-2014, "API-key format invalid.", fatal=True))
    assert guard.desk.risk.standing().reason == "the exchange refuses the key: API-key format invalid. (-2014)"
    assert guard.anomalies() == ["E-VENUE-BLOCKED"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NetworkError("E-NET-SERVER", "down"), []),
        (NetworkError("E-NET-NONSENSE", "a page"), ["E-NET-NONSENSE"]),
        (StrategyError("E-STRATEGY-RAISED", "1 / 0"), ["E-STRATEGY-RAISED"]),
        (UsageError("E-SYMBOL-UNKNOWN", "none of that name"), []),  # nothing is held of it
        (UsageError("E-ORDER-ID", "no id"), []),
    ],
)
def test_what_ends_a_pass_is_told_where_it_is_news(error: Exception, told: list[str], guard: Guard) -> None:
    for _ in range(2):
        with pytest.raises(type(error)) as caught, guard.watch.telling():
            raise error
        assert caught.value is error
    assert (guard.anomalies(), guard.desk.risk.standing().state) == (told, "ACTIVE")


def test_where_risk_cannot_be_read_nothing_is_stopped_for_nothing_passes(guard: Guard) -> None:
    guard.desk.risk.standing()
    guard.desk.risk._store.close()
    (guard.desk.folder / "state" / "risk.db").write_bytes(b"no database" * 500)
    with pytest.raises(Blocked), guard.watch.telling():
        raise Blocked("E-VENUE-KEY", "the key is not taken")
    assert guard.anomalies() == []

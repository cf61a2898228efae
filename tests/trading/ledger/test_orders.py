"""An order's life in the ledger: intended, sent, told of in any order, resolved."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.trading.ledger.making import IN_USDT, D, accepted, fill, intent

from thunes.clock import ManualClock
from thunes.errors import DataError, UsageError
from thunes.exchange.orders import OrderTicket
from thunes.exchange.outcomes import NotSent, Outcome, Refused, Unknown
from thunes.trading.ledger.documents import intent_record, read_intent, read_ticket, ticket_json
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import Intent

TIMEOUT = Unknown("read timed out")


def outcomes(ledger: Ledger, *told: Outcome) -> None:
    for outcome in told:
        ledger.record_outcome("one", outcome)


def test_an_intent_comes_back_whole(ledger: Ledger) -> None:
    ticket = OrderTicket(
        "BTCUSDT", "SELL", "STOP_LOSS_LIMIT", "one", D("0.00000005"), None, D("1.10"), D("1.20"), "GTC"
    )
    assert ledger.intend(Intent(ticket, "sma_cross", 60_000, 61_000))
    (record,) = ledger.open_intents()
    assert record.intent == Intent(ticket, "sma_cross", 60_000, 61_000)
    assert (record.outcome, record.status, record.order_id, record.executed) == (None, None, None, 0)
    assert ledger.order("one") == record
    assert ledger.order("two") is None


def test_an_intent_is_noted_once(ledger: Ledger) -> None:
    assert ledger.intend(intent())
    assert not ledger.intend(intent(quote_quantity=D(99)))
    (record,) = ledger.orders()
    assert record.intent == intent()


def test_orders_are_told_from_a_time_on_oldest_first(ledger: Ledger) -> None:
    for time_ms in (3, 1, 2):
        ledger.intend(intent(f"at {time_ms}", time_ms=time_ms))
    assert [record.intent.time_ms for record in ledger.orders(2)] == [2, 3]
    assert [record.intent.client_id for record in ledger.open_intents()] == ["at 1", "at 2", "at 3"]


@pytest.mark.parametrize(
    ("told", "name", "resolved"),
    [
        ([NotSent("refused connection")], "NOT_SENT", True),
        ([Refused(-1013, "Filter failure: NOTIONAL")], "REFUSED", True),
        ([Refused(-2010, "Duplicate order sent.", duplicate=True)], "REFUSED", False),
        ([TIMEOUT], "UNKNOWN", False),
        ([TIMEOUT, NotSent("not found")], "UNKNOWN", True),
        ([TIMEOUT, accepted(executed="0", status="CANCELED")], "ACCEPTED", True),
        ([NotSent("not found"), accepted(executed="0", status="NEW")], "ACCEPTED", False),
        ([accepted(executed="0", status="NEW"), TIMEOUT], "ACCEPTED", False),
        ([accepted(executed="0", status="A_NEW_ONE")], "ACCEPTED", False),
        ([accepted()], "ACCEPTED", False),  # its fill is not booked
    ],
)
def test_what_is_asked_for_again_is_what_nobody_knows_the_end_of(
    ledger: Ledger, told: list[Outcome], name: str, resolved: bool
) -> None:
    ledger.intend(intent())
    outcomes(ledger, *told)
    record = ledger.order("one")
    assert record is not None
    assert (record.outcome, record.resolved) == (name, resolved)
    assert bool(ledger.open_intents()) is not resolved


def test_a_refusal_and_an_unknown_fate_say_why(ledger: Ledger, clock: ManualClock) -> None:
    ledger.intend(intent())
    assert ledger.record_outcome("one", TIMEOUT).note == "read timed out"
    clock.sleep(1)
    told = ledger.record_outcome("one", Refused(-1013, "Filter failure: NOTIONAL"))
    assert (told.note, told.updated_ms) == ("-1013 Filter failure: NOTIONAL", clock.now_ms())
    assert told == ledger.order("one")


@pytest.mark.parametrize(
    ("told", "again"),
    [
        ([], False),
        ([NotSent("no route")], True),
        ([Refused(-1021, "outside of the recvWindow", resync_clock=True)], True),
        ([Refused(-1003, "too many requests", retry_after=3.0)], True),
        ([Refused(-2010, "insufficient balance")], False),
        ([TIMEOUT], False),
        ([TIMEOUT, NotSent("asked for, not found")], False),
        ([NotSent("no route"), TIMEOUT], False),
        ([NotSent("no route"), accepted()], False),
    ],
)
def test_only_what_never_reached_the_exchange_may_be_sent_again(
    ledger: Ledger, told: list[Outcome], again: bool
) -> None:
    ledger.intend(intent())
    outcomes(ledger, *told)
    assert ledger.intend(intent(time_ms=9, quote_quantity=D(30))) is again
    record = ledger.order("one")
    assert record is not None
    assert record.intent.time_ms == (9 if again else 1)
    if again:
        assert (record.outcome, record.resolved, record.may_resend) == (None, False, False)


def test_an_outcome_without_an_intent_is_a_mistake(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="no order one was intended"):
        ledger.record_outcome("one", TIMEOUT)


@pytest.mark.covers("fault 10")
def test_answers_in_any_order_end_alike(fresh: Callable[[], Ledger]) -> None:
    """Facts, row 10: FILLED may be told before NEW; what is executed never shrinks."""
    told = [
        accepted(status="NEW", executed="0"),
        accepted(status="PARTIALLY_FILLED", executed="0.4"),
        accepted(status="FILLED", executed="1"),
    ]
    ledger = fresh()
    for number, order in enumerate(permutations(told)):
        ledger.intend(intent(f"order {number}"))
        for outcome in order:
            record = ledger.record_outcome(f"order {number}", outcome)
        assert (record.status, record.executed, record.quote_executed) == ("FILLED", 1, 100)


@pytest.mark.covers("fault 11")
def test_a_fill_after_the_cancel_counts_and_the_order_stays_closed(ledger: Ledger) -> None:
    """Facts, row 11."""
    ledger.intend(intent())
    outcomes(ledger, accepted(status="CANCELED", executed="0"))
    assert ledger.open_intents() == []
    outcomes(ledger, accepted(status="PARTIALLY_FILLED", executed="0.5"))
    (waiting,) = ledger.open_intents()
    assert (waiting.status, waiting.executed) == ("CANCELED", D("0.5"))
    ledger.book([fill(1, quantity="0.5")], IN_USDT)
    assert ledger.open_intents() == []


def test_a_fill_that_the_order_did_not_tell_of_raises_what_it_executed(ledger: Ledger) -> None:
    ledger.intend(intent())
    outcomes(ledger, accepted(status="EXPIRED", executed="0.2"))
    ledger.book([fill(1, quantity="0.2"), fill(2, quantity="0.3")], IN_USDT)
    record = ledger.order("one")
    assert record is not None
    assert (record.executed, record.quote_executed, record.resolved) == (D("0.5"), 50, True)


def test_a_filled_order_is_resolved_when_its_last_fill_is_booked(ledger: Ledger) -> None:
    ledger.intend(intent())
    outcomes(ledger, accepted())
    ledger.book([fill(1, quantity="0.6")], IN_USDT)
    assert len(ledger.open_intents()) == 1
    ledger.book([fill(2, quantity="0.4")], IN_USDT)
    assert ledger.open_intents() == []


def test_fills_that_came_before_the_answer_resolve_it(ledger: Ledger) -> None:
    ledger.intend(intent())
    ledger.book([fill(1)], IN_USDT)
    outcomes(ledger, accepted())
    assert ledger.open_intents() == []


OUTCOMES = st.sampled_from(
    [NotSent("x"), Refused(-1, "x"), TIMEOUT]
    + [accepted(status=status, executed=n) for status in ("NEW", "FILLED", "CANCELED") for n in ("0", "1")]
)


@given(st.lists(OUTCOMES, max_size=6))
def test_telling_the_whole_story_twice_changes_nothing(fresh: Callable[[], Ledger], told: list[Outcome]) -> None:
    """After a crash the audit trail is played again over what the database kept."""
    ledger = told_ledger(fresh, told)
    before = ledger.order("one")
    ledger.intend(intent())
    outcomes(ledger, *told)
    assert ledger.order("one") == before


def told_ledger(fresh: Callable[[], Ledger], told: list[Outcome]) -> Ledger:
    ledger = fresh()
    ledger.intend(intent())
    outcomes(ledger, *told)
    return ledger


def test_an_intent_makes_the_round_trip_through_a_record() -> None:
    one = intent(quantity=D("5E-8"), quote_quantity=None)
    assert read_intent(intent_record(one)) == one
    assert b"0.00000005" in intent_record(one)
    assert read_ticket(ticket_json(one.ticket)) == one.ticket


@pytest.mark.parametrize("record", [b"", b"[]", b"{}", b'{"ticket":{"price":"x"}}', b'{"ticket":{},"more":1}'])
def test_a_damaged_record_is_one_clear_line(record: bytes) -> None:
    with pytest.raises(DataError, match="not an order's record"):
        read_intent(record)
    with pytest.raises(DataError, match="not an order's record"):
        read_ticket(b"5")

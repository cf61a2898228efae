"""Mark, ladder and reservation in one step: the same as one after the other, but for the time that it takes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.risk.desk import TINY, Desk, code, entry, fill, leaving, reserved
from tests.risk.test_store import DAMAGES, FULL, altered, run

from thunes.errors import UsageError
from thunes.risk import store
from thunes.risk.book import Book, Reservation
from thunes.risk.request import RiskRequest
from thunes.risk.store import RiskStore
from thunes.risk.verdict import Check, Denial

D = Decimal
Answer = tuple[tuple[Check, ...], Reservation | Denial]
LIMITS = replace(TINY, daily_loss=D(40), orders_per_bar=3, orders_per_day=8)


def in_turn(desk: Desk, request: RiskRequest, equity: Decimal | None, prices: dict[str, Decimal]) -> Answer:
    """What `decide` is one step of; of an exit the mark comes last."""
    if equity is not None and request.action == "entry":
        desk.manager.on_mark(equity, prices)
    checks, answer = desk.manager.preview(request), desk.manager.reserve(request)
    if equity is not None and request.action != "entry":
        desk.manager.on_mark(equity, prices)
    return checks, answer


def in_one(desk: Desk, request: RiskRequest, equity: Decimal | None, prices: dict[str, Decimal]) -> Answer:
    done = desk.manager.decide(request, equity=equity, prices=prices)
    if equity is not None and request.action != "entry":
        desk.manager.on_mark(equity, prices)
    return done


Ask = Callable[[Desk, RiskRequest, Decimal | None, dict[str, Decimal]], Answer]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["entry", "entry", "entry", "exit", "release", "fill", "sell", "kill", "file", "resume", "day"]
        ),
        st.sampled_from(["BTCUSDT", "ETHUSDT"]),
        st.sampled_from(["25", "25", "20", "26", "0", "NaN", "5"]),
        st.sampled_from([None, D(1000), D(1000), D(995), D("979.99"), D(960), D(700)]),
    ),
    max_size=12,
)


def play(desk: Desk, ask: Ask, steps: list[tuple[str, str, str, Decimal | None]]) -> list[object]:
    """Everything that was answered, told and kept."""
    seen: list[object] = []
    for number, (what, symbol, size, equity) in enumerate(steps):
        if what in ("entry", "exit"):
            request = entry(f"{number}", symbol, size, at=desk.clock.now_ms()) if what == "entry" else leaving(symbol)
            answer = ask(desk, request, equity, {symbol: D(90 + number)})
            late = desk.manager.before_submit(answer[1], request.prices) if isinstance(answer[1], Reservation) else None
            seen.append((answer, late))
        else:
            happen(desk, what, symbol, number)
        desk.clock.sleep(24 * 3600 if what == "day" else 60)
        seen.append(desk.stores[0].read())
    return [*seen, *desk.events]


def happen(desk: Desk, what: str, symbol: str, number: int) -> None:
    """What is no question."""
    risk = desk.manager
    names = [held.client_order_id for held in risk.reservations()]
    if what in ("fill", "sell"):
        side, left = ("BUY", "0.25") if what == "fill" else ("SELL", "0")
        trade = replace(fill(number, side, str(95 + number), "0.25", held=left, fee="0.01"), symbol=symbol)
        risk.filled(names[0] if names else "", trade, done=number % 2 == 0)
    elif what == "release" and names:
        risk.release(names[-1])
    elif what == "kill":
        risk.kill("x", actor="ada")
    elif what == "file":
        (desk.folder / "KILL").touch()
    elif what == "resume" and risk.standing().state != "ACTIVE":
        risk.resume("x", D(20), "ada")


@given(STEPS)
def test_in_one_step_it_is_what_it_was_in_three(steps: list[tuple[str, str, str, Decimal | None]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desks = [Desk(Path(folder) / name, LIMITS) for name in ("three", "one")]
        for desk in desks:
            desk.manager.standing()  # makes the file
        three, one = play(desks[0], in_turn, steps), play(desks[1], in_one, steps)
        assert [str(each) for each in one] == [str(each) for each in three]  # no NaN equals another
        for desk in desks:  # what this process remembers is what stands in the file
            other = RiskStore(desk.folder)
            assert other.read() == desk.stores[0].read()
            other.close()
            desk.close()


def test_a_good_order_gets_its_room_the_ladder_and_the_mark(desk: Desk) -> None:
    checks, answer = desk.manager.decide(entry("a"), equity=D(1000), prices={"BTCUSDT": D(100)})
    assert [check.passed for check in checks] == [True] * 17
    assert not any(check.text for check in checks)  # nothing fails, so there is nothing to explain
    assert desk.another().reservations() == (reserved(answer),)
    assert desk.another().get_risk_status()["equity"] == 1000
    assert desk.manager.before_submit(reserved(answer), entry("a").prices) is None


def test_without_equity_nothing_is_marked(desk: Desk) -> None:
    assert code(desk.manager.decide(entry("a"))[1]) == "E-RISK-EQUITY"
    assert desk.manager.get_risk_status()["equity"] is None


def test_a_stop_that_the_mark_leads_to_is_on_disk_and_told_before_the_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    risk, order = desk.opened("1000"), []
    monkeypatch.setattr(RiskStore, "sync", lambda _: order.append("sync"))
    monkeypatch.setattr(desk.manager._book, "_events", lambda event: order.append(event.code))
    checks, answer = risk.decide(entry("a"), equity=D(980))
    assert code(answer) == "E-RISK-REDUCING"
    assert next(check.rule for check in checks if not check.passed) == "state"
    assert order == ["sync", "E-RISK-DAILY-LOSS"]
    assert desk.another().standing().state == "REDUCING"
    assert risk.reservations() == ()


@pytest.mark.parametrize("equity", ["NaN", "-1"])
def test_a_mark_that_is_no_number_is_a_mistake(desk: Desk, equity: str) -> None:
    with pytest.raises(UsageError, match="equity"):
        desk.manager.decide(entry("a"), equity=D(equity))
    with pytest.raises(UsageError, match="price of X"):
        desk.manager.decide(entry("a"), equity=D(1), prices={"X": D(equity)})


def test_an_exit_waits_for_nobody_and_writes_nothing(desk: Desk) -> None:
    desk.opened()
    quick = RiskStore(desk.folder, wait=0.01)
    desk.stores.append(quick)
    risk = type(desk.manager)(desk.limits, quick, desk.clock, desk.events.append)
    with desk.stores[0].transaction():
        checks, answer = risk.decide(leaving(), equity=D(1))
        assert [check.rule for check in checks] == ["state"]
        assert risk.before_submit(reserved(answer)) is None
        ladder, denial = risk.decide(entry("a"), equity=D(1))
        assert (code(denial), len(ladder)) == ("E-RISK-BUSY", 17)
    assert risk.get_risk_status()["equity"] == 1000


@pytest.mark.parametrize(("damage", "kind"), DAMAGES)
def test_where_nothing_can_be_read_it_answers_as_they_do_one_by_one(
    desk: Desk, damage: Callable[[Path], None], kind: str
) -> None:
    desk.opened()
    desk.close()
    damage(desk.folder / "risk.db")
    risk = desk.another()
    for request in (entry("a"), leaving(), leaving(action="flatten"), leaving(action="cancel")):
        assert risk.decide(request, equity=D(1)) == (risk.preview(request), risk.reserve(request))
    assert code(risk.decide(entry("a"))[1]) == f"E-RISK-{kind}"


def test_on_a_full_disk_it_denies_an_entry_and_lets_an_exit_go(desk: Desk, root: Path) -> None:
    done = run(
        root,
        FULL
        + """
checks, answer = risk.decide(entry("a"), equity=D(990))
assert answer == risk.reserve(entry("a")) and code(answer) == "E-RISK-UNWRITABLE"
assert checks == risk.preview(entry("a"))
assert risk.before_submit(reserved(risk.decide(leaving(), equity=D(990))[1])) is None
""",
        desk.folder,
    )
    assert done.returncode == 0, done.stderr
    assert desk.manager.reservations() == ()
    assert desk.manager.get_risk_status()["equity"] == 1000


# What is remembered of the book


def test_a_book_is_parsed_once_and_anew_when_another_process_wrote(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    risk, other = desk.opened(), desk.another()
    assert risk.standing() == other.standing()
    assert not other.release("nothing")  # all is open now
    parsed, parse = [], store._parsed
    monkeypatch.setattr(store, "_parsed", lambda row: parsed.append(row) or parse(row))
    held = reserved(risk.decide(entry("a"), equity=D(1000))[1])
    assert risk.before_submit(held) is None
    assert (risk.release("b"), parsed) == (False, [])
    assert other.reservations() == risk.reservations()
    assert len(parsed) == 1
    other.release("a")
    assert risk.reservations() == ()
    assert len(parsed) == 2


def test_a_book_that_is_damaged_under_a_running_trader_halts_it(desk: Desk) -> None:
    risk = desk.opened()
    held = reserved(risk.decide(entry("a"))[1])
    altered(desk.folder / "risk.db", "UPDATE book SET document = '{}x'")
    assert code(risk.before_submit(held)) == "E-RISK-UNREADABLE"
    assert risk.get_risk_status()["state"] == "HALTED"


def test_a_decision_that_was_broken_off_is_not_remembered(desk: Desk) -> None:
    risk = desk.opened()
    with suppress(ZeroDivisionError), desk.stores[0].transaction() as transaction:
        transaction.save(Book(entries=9))
        raise ZeroDivisionError
    assert (risk.get_risk_status()["equity"], desk.stores[0].read().entries) == (1000, 0)

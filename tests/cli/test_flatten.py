"""`thunes flatten`: in every state, whatever can still be written."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from tests.cli.desk import ENTRY, Run, facts, promote

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent


@pytest.fixture
def held(run: Run) -> None:
    promote()
    assert run("paper", "--bars", str(ENTRY))[0] == 0


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("stop", [(), ("kill", "enough"), ("kill", "--halt", "enough")])
def test_what_is_held_is_sold_in_every_state(stop: tuple[str, ...], run: Run) -> None:
    if stop:
        run(*stop)
    code, out, err = run("flatten", "--yes")
    assert (code, err) == (0, "")
    assert "BTCUSDT: sold 0.00278" in out
    assert "BTCUSDT: dust, too little to be sold: 0.00000" in out
    assert ("Entries are not stopped" in out) is not bool(stop)
    assert facts(run, "positions")["open_positions"] == 0
    events = [event["event"] for event in facts(run, "audit", "tail")["events"]]
    assert events[-4:] == ["operator_action", "intent", "outcome", "fill"]
    assert run("audit", "verify")[0] == 0


@pytest.mark.usefixtures("held")
def test_twice_is_once(run: Run) -> None:
    assert facts(run, "flatten", "BTCUSDT", "--yes")["symbols"][0]["orders"]
    (again,) = facts(run, "flatten", "BTCUSDT", "--yes")["symbols"]
    assert (again["orders"], again["problem"]) == ([], "")


@pytest.mark.usefixtures("held")
def test_without_the_name_nothing_happens(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, out, err = run("flatten")
    assert (code, out) == (2, "")
    assert "[E-CONFIRM]" in err
    assert facts(run, "positions")["open_positions"] == 1


@pytest.mark.usefixtures("held")
def test_a_trail_that_cannot_be_written_is_made_up_for(run: Run) -> None:
    """The reserve file takes the intent; the ledger books; the next pass goes on."""
    trail = Path("logs/audit_trail.jsonl")
    whole = trail.read_bytes()
    trail.unlink()
    trail.mkdir()
    code, out, err = run("flatten", "--yes")
    assert code == 0
    assert "BTCUSDT: sold 0.00278" in out
    assert err.startswith("! not written down yet, the next pass does it: ")
    trail.rmdir()
    trail.write_bytes(whole)
    run("kill", "enough")
    assert run("paper")[0] in (0, 7)
    assert run("audit", "verify")[0] == 0
    assert facts(run, "positions")["open_positions"] == 0


@pytest.mark.usefixtures("held")
def test_a_symbol_that_is_not_listed(run: Run) -> None:
    code, out, err = run("flatten", "NOSUCHPAIR", "--yes")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_without_a_market_there_is_nothing_to_flatten(run: Run) -> None:
    assert run("flatten", "--yes")[0] == 4
    assert run("flatten", "--yes", "--environment", "live")[0] == 2

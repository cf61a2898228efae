"""`thunes audit`: verify, tail, show, export."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from tests.audit.trails import DAY, NOON, fill, note, story, trail

from thunes.audit import events as e
from thunes.audit.verify import verify
from thunes.clock import ManualClock
from thunes.trading.ledger.ledger import Ledger

LOGS = Path("logs")
TRAIL = LOGS / "audit_trail.jsonl"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def head() -> str:
    """A trail of one order and a day after; gives its head."""
    writer, clock = trail(LOGS)
    writer.append_many(story())
    clock.sleep(DAY / 1000)
    last = writer.append_many([note("=evil\x1b[31m"), fill(2, commission=Decimal("0.05"), commission_asset="BNB")])
    writer.close()
    return str(last)


def edit() -> None:
    TRAIL.write_bytes(TRAIL.read_bytes().replace(b"evil", b"good"))


def test_a_whole_trail_is_0_and_says_that_it_has_no_anchor(head: str, run: Run) -> None:
    code, out, err = run("audit", "verify")
    assert (code, err) == (0, "")
    first, second, third = out.splitlines()
    assert first == "8 records in 2 files, from number 1: the chain is whole."
    assert second == f"Head {head}"
    assert third.startswith("No anchor: lines cut off at the end cannot be seen.")


def test_an_anchor_is_compared(head: str, run: Run) -> None:
    code, out, _ = run("audit", "verify", "--head", head)
    assert (code, out.splitlines()[-1]) == (0, "The anchor, record 8, is in it; 0 came after.")
    code, out, err = run("audit", "verify", "--head", f"9:{'0' * 64}")
    assert code == 4
    assert "audit_trail.jsonl line 4, cut off: records 9 to 9 are gone" in err
    assert run("audit", "verify", "--head", "nine")[0] == 2


def test_the_ledger_s_anchor_is_compared(head: str, run: Run) -> None:
    seq, digest = head.split(":")
    with Ledger.of(Path(), "sim", ManualClock(NOON)) as ledger:
        ledger.anchor(int(seq), digest)
    assert run("audit", "verify")[1].endswith("The anchor, record 8, is in it; 0 came after.\n")
    TRAIL.write_bytes(TRAIL.read_bytes().split(b"\n")[0] + b"\n")
    code, _, err = run("audit", "verify")
    assert (code, "line 2, cut off: records 7 to 8 are gone" in err) == (4, True)
    assert run("audit", "verify", "--file", str(TRAIL))[0] == 0


def test_an_edited_line_is_4_and_named(head: str, run: Run) -> None:
    edit()
    code, out, err = run("audit", "verify")
    assert (code, err.count("\n")) == (4, 1)
    assert "logs/audit_trail.jsonl line 2, edited" in err
    assert out.startswith("6 records in 2 files, from number 1: before the first break.")


def test_json_has_records_head_and_first_break(head: str, run: Run) -> None:
    code, out, err = run("audit", "verify", "--json")
    found = json.loads(out)
    assert (code, err, found["kind"], found["records"], found["head"]) == (0, "", "audit_verify", 8, head)
    assert (found["ok"], found["first_break"], found["anchor"], found["repairs"]) == (True, None, None, 0)
    edit()
    code, out, err = run("audit", "verify", "--file", str(TRAIL), "--head", head, "--json")
    found = json.loads(out)
    assert (code, found["ok"], found["records"], found["anchor"]) == (4, False, 1, head)
    assert found["first_break"] == {
        "file": str(TRAIL), "line": 2, "kind": "edited", "text": "the line does not fit its hash",
    }  # fmt: skip
    assert "E-AUDIT-BROKEN" in err


def test_repairs_are_counted(head: str, run: Run) -> None:
    TRAIL.write_bytes(TRAIL.read_bytes()[:-1])
    with trail(LOGS, NOON + DAY)[0] as writer:
        writer.append(note("after"))
    code, out, _ = run("audit", "verify")
    assert (code, "1 repairs are noted" in out) == (0, True)


@pytest.mark.parametrize(
    "words", [["verify"], ["verify", "--file", "none.jsonl"], ["export"], ["show", "order-1"], ["verify", "--json"]]
)
def test_nothing_there_is_4_and_one_line(words: list[str], run: Run) -> None:
    code, out, err = run("audit", *words)
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "audit trail" in err


def test_an_empty_file_verifies_nothing(run: Run) -> None:
    Path("empty.jsonl").write_text("")
    code, out, err = run("audit", "verify", "--file", "empty.jsonl")
    assert (code, err) == (4, "✗ empty.jsonl holds no record. There is nothing to verify. [E-AUDIT-NONE]\n")
    assert "0 records in 1 file: the chain is whole." in out


def test_tail_shows_the_newest_last_within_80_columns(head: str, run: Run) -> None:
    code, out, err = run("audit", "tail", "-n", "3")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["6", "2026-03-02", "12:00", "sim", "rotation", "trail"]
    assert lines[1:4] == ["      7 2026-03-02 12:00 sim note run-1", "        =evil?[31m",
                          "      8 2026-03-02 12:00 sim fill order-1"]  # fmt: skip
    assert lines[4].split() == ["BTCUSDT", "BUY", "0.00100", "65000.10", "0.05", "BNB"]
    assert max(map(len, lines)) <= 80
    assert json.loads(run("audit", "tail", "-n", "1", "--json")[1])["events"][0]["commission"] == "0.05"


def test_no_trail_has_no_tail(run: Run) -> None:
    assert run("audit", "tail") == (0, "No events yet.\n", "")


def test_show_tells_an_order_s_whole_story(head: str, run: Run) -> None:
    code, out, err = run("audit", "show", "order-1")
    assert (code, err) == (0, "")
    told = [line.split()[4] for line in out.splitlines() if " sim " in line]
    assert told == ["decision", "intent", "outcome", "fill", "fill"]
    (ladder,) = [line for line in out.splitlines() if "NOTIONAL" in line]
    assert ladder.split() == ["NOTIONAL", "65", "5", "pass"]
    assert run("audit", "show", "d-1")[1] == out
    events = json.loads(run("audit", "show", "order-1", "--json")[1])["events"]
    assert [event["seq"] for event in events] == [1, 2, 4, 5, 8]
    assert events[0]["checks"][0]["passed"] is True


def test_a_rule_that_said_no_is_named_by_its_code(run: Run) -> None:
    check = e.Check(stage="risk", name="positions", value="3", bound="3", passed=False, code="E-RISK-POSITIONS")
    refusal = e.Refusal(id="d-9", stage="risk", code="E-RISK-POSITIONS", reason="no slot. " * 20, checks=(check,))
    with trail(LOGS)[0] as writer:
        writer.append(refusal)
    out = run("audit", "show", "d-9")[1]
    assert "no slot. " * 20 in out
    assert out.splitlines()[-1].split() == ["positions", "3", "3", "E-RISK-POSITIONS"]


def test_an_unknown_id_is_4(head: str, run: Run) -> None:
    code, out, err = run("audit", "show", "order-9")
    assert (code, out) == (4, "")
    assert "knows no 'order-9'" in err


def test_export_writes_fills_and_sums_their_fees(head: str, run: Run) -> None:
    code, out, err = run("audit", "export", "--out", "fills.csv")
    assert (code, out) == (0, "")
    assert err == "2 rows; fees 0.05 BNB, 0.0000010 BTC\n"
    rows = [*csv.DictReader(Path("fills.csv").read_text().splitlines())]
    assert [(row["fee"], row["fee_asset"]) for row in rows] == [("0.0000010", "BTC"), ("0.05", "BNB")]
    assert run("audit", "export")[1] == Path("fills.csv").read_text()
    found = json.loads(run("audit", "export", "--json")[1])
    assert (found["rows"], found["fees"]) == (rows, {"BNB": "0.05", "BTC": "0.0000010"})
    found = json.loads(run("audit", "export", "--json", "--out", "again.csv")[1])
    assert (found["file"], found["count"]) == ("again.csv", 2)


def test_export_writes_all_events_as_flat_rows(head: str, run: Run) -> None:
    code, out, err = run("audit", "export", "--events")
    assert (code, err) == (0, "8 rows\n")
    rows = [*csv.DictReader(out.splitlines())]
    assert [row["event"] for row in rows] == [
        "decision",
        "intent",
        "intent",
        "outcome",
        "fill",
        "rotation",
        "note",
        "fill",
    ]
    assert rows[6]["text"].startswith("'=evil")


def test_export_keeps_to_the_environment_and_the_time_asked_for(head: str, run: Run) -> None:
    def count(*words: str) -> int:
        return len(run("audit", "export", *words)[1].splitlines()) - 1

    assert count() == count("--environment", "all") == 2
    assert count("--environment", "live") == 0
    assert count("--end", "2026-03-01T12:00:00.002") == 1  # the second was traded a millisecond later
    assert count("--start", "2026-03-02") == 0
    assert count("--events", "--start", "2026-03-02") == 2


def test_a_broken_trail_is_exported_as_far_as_it_can_be_read_and_said_to_be_broken(head: str, run: Run) -> None:
    edit()
    code, out, err = run("audit", "export")
    assert (code, len(out.splitlines())) == (4, 3)
    assert "the trail is broken: logs/audit_trail.jsonl line 2, edited" in err
    assert not verify(LOGS).ok


def test_the_folder_is_that_of_the_settings(head: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIR", "elsewhere")
    assert "there is no audit trail in elsewhere/logs." in run("audit", "verify")[2]


def test_without_a_command_it_says_what_there_is(run: Run) -> None:
    code, out, _ = run("audit")
    assert code == 0
    assert "verify" in out

"""What a trail tells when it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.audit.trails import DAY, fill, note, story, trail, written

from thunes.audit import files
from thunes.audit.files import Part
from thunes.audit.history import History
from thunes.errors import AuditError


@pytest.fixture
def days(tmp_path: Path) -> History:
    """Three days, each with a note and a fill; records 3 and 6 begin a file."""
    writer, clock = trail(tmp_path)
    for day in range(3):
        writer.append_many([note(f"day {day}"), fill(day)])
        clock.sleep(DAY / 1000)
    writer.close()
    return History(tmp_path)


def test_events_come_in_order_from_wherever_one_begins(days: History) -> None:
    assert [entry.seq for entry in days.events()] == list(range(1, 9))
    for since in range(1, 10):
        assert [entry.seq for entry in days.events(since=since)] == list(range(since, 9))
    second = next(entry.ts for entry in days.events() if entry.seq == 3)
    assert [entry.seq for entry in days.events("fill", since_ms=second)] == [5, 8]
    assert [entry.seq for entry in days.events("fill", "rotation")] == [2, 3, 5, 6, 8]


def test_files_before_the_beginning_are_not_read(days: History) -> None:
    (days.folder / "audit_trail-2026-03-01.jsonl").open("ab").close()
    path = days.folder / "audit_trail-2026-03-01.jsonl"
    path.write_bytes(path.read_bytes().split(b"\n")[0] + b"\nnonsense\n")
    assert [entry.seq for entry in days.events(since=3)] == [3, 4, 5, 6, 7, 8]
    with pytest.raises(AuditError, match=r"cannot read a line of .*audit_trail-2026-03-01.jsonl: nonsense"):
        list(days.events())


def test_backwards_is_forwards_turned_round(days: History) -> None:
    assert [entry.seq for entry in days.backwards()] == list(range(8, 0, -1))
    last = days.last("note")
    assert last is not None
    assert (last.seq, last.env) == (7, "sim")
    assert days.last("kill") is None


def test_a_hash_is_found_by_its_number(days: History) -> None:
    for entry in days.events():
        assert days.hash_of(entry.seq) == entry.hash
    assert days.hash_of(9) is days.hash_of(0) is None


def test_a_story_is_told_from_the_order_and_from_the_decision(tmp_path: Path) -> None:
    with trail(tmp_path)[0] as writer:
        writer.append_many(story())
        history = writer.history()
    told = ["decision", "intent", "outcome", "fill"]
    assert [entry.event.event for entry in history.story("order-1")] == told
    assert [entry.event.event for entry in history.story("d-1")] == told
    assert [entry.event.event for entry in history.of("order-1")] == told[1:]
    assert history.story("order") == history.of("d-2") == []


def test_a_text_that_looks_like_an_id_is_none(tmp_path: Path) -> None:
    with trail(tmp_path)[0] as writer:
        writer.append(note('"id":"order-1","event":"fill"'))
        writer.append(note("x", 'we"ird'))
        history = writer.history()
    assert history.of("order-1") == [*history.events("fill")] == []
    assert [entry.seq for entry in history.of('we"ird')] == [2]


def test_a_torn_end_is_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    path.write_bytes(path.read_bytes()[:-1])
    history = History(tmp_path)
    assert [e.seq for e in history.events()] == [1, 2]
    assert [e.seq for e in history.backwards()] == [2, 1]
    path.write_bytes(b'{"torn')
    assert [*history.events()] == [*history.backwards()] == []


def test_no_trail_has_no_events(tmp_path: Path) -> None:
    history = History(tmp_path / "none")
    assert [*history.events()] == [*history.backwards()] == history.of("x") == []
    assert history.last() is None


@pytest.mark.parametrize("line", [b"[]", b"{}", b'{"seq":1,"event":"note"}', b'{"seq":1,"event":"gossip","id":"x"}'])
def test_a_line_that_is_no_event_is_an_error(line: bytes, tmp_path: Path) -> None:
    written(tmp_path, 1).write_bytes(line + b"\n")
    with pytest.raises(AuditError, match="Run thunes audit verify"):
        list(History(tmp_path).events())


def test_what_is_written_meanwhile_is_for_the_next_question(tmp_path: Path) -> None:
    writer, clock = trail(tmp_path)
    writer.append_many([note("a"), note("b")])
    asked = writer.history().events()
    assert next(asked).seq == 1
    clock.sleep(DAY / 1000)
    writer.append(note("c"))
    assert [entry.seq for entry in asked] == [2]
    assert [entry.seq for entry in writer.history().events()] == [1, 2, 3, 4]
    writer.close()


@given(content=st.binary(max_size=60), block=st.integers(1, 20))
def test_lines_are_the_same_from_both_ends(
    content: bytes, block: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("lines") / "f"
    path.write_bytes(content)
    part = Part(path, len(content))
    forwards = [line[:-1] for line in part.lines() if line.endswith(b"\n")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "BLOCK", block)
        assert [*part.lines_backwards()] == forwards[::-1]
    assert b"".join(part.lines()) == content

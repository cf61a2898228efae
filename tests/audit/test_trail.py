"""The writer: one chain, whatever happens to the file, the clock, the disk."""

from __future__ import annotations

import json
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audit.trails import DAY, EVENTS, NOON, note, trail, written

from thunes.audit import tip
from thunes.audit.events import Event
from thunes.audit.lines import Head
from thunes.audit.trail import Trail
from thunes.audit.verify import verify
from thunes.clock import SystemClock
from thunes.errors import AuditError

CURRENT = "audit_trail.jsonl"


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def refused(writer: Trail) -> str:
    """The code with which an append is refused."""
    with pytest.raises(AuditError) as caught:
        writer.append(note("more"))
    return caught.value.code


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """No file may grow over so many bytes: as on a full disk, the first bytes of a write still fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_line_says_when_where_what_and_what_it_follows(tmp_path: Path) -> None:
    writer, clock = trail(tmp_path)
    first = writer.append(note("one"))
    clock.sleep(1.5)
    second = writer.append(note("two"))
    one, two = records(tmp_path / CURRENT)
    assert one == {"v": 1, "seq": 1, "ts": NOON, "time": "2026-03-01T12:00:00.000Z", "env": "sim", "id": "run-1",
                   "event": "note", "text": "one", "prev": "0" * 64, "hash": first.hash}  # fmt: skip
    assert (two["prev"], two["hash"], two["seq"], two["ts"]) == (first.hash, second.hash, 2, NOON + 1_500)
    assert writer.head() == second
    writer.close()


def test_the_bytes_are_canonical(tmp_path: Path) -> None:
    for line in written(tmp_path, 10).read_bytes().splitlines():
        record = orjson.loads(line)
        digest = record.pop("hash")
        body = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
        assert line == body[:-1] + f',"hash":"{digest}"}}'.encode()


@settings(max_examples=25)
@given(groups=st.lists(st.lists(EVENTS, max_size=3), max_size=4))
def test_whatever_is_written_verifies_and_is_read(
    groups: list[list[Event]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("trail")
    heads: list[Head] = []
    with trail(folder, on_head=heads.append)[0] as writer:
        for group in groups:
            assert writer.append_many(group) == writer.head()
        flat = [event for group in groups for event in group]
        assert [entry.event.id for entry in writer.history().events()] == [event.id for event in flat]
    if flat:
        report = verify(folder, heads[-1])
        assert (report.ok, report.records, report.head) == (True, len(flat), heads[-1])
    assert len(heads) == sum(map(bool, groups))


def test_only_its_owner_may_look(tmp_path: Path) -> None:
    path = written(tmp_path / "logs", 1)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_writer_goes_on_where_another_stopped(tmp_path: Path) -> None:
    written(tmp_path, 3)
    one, two = trail(tmp_path)[0], trail(tmp_path)[0]
    assert [w.append(note("x")).seq for w in (one, two, two, one, two)] == [4, 5, 6, 7, 8]
    assert one.head() == two.head()
    assert verify(tmp_path).records == 8


def test_threads_write_one_chain(tmp_path: Path) -> None:
    writer, _ = trail(tmp_path)
    seen: list[Head] = []
    writer._on_head = seen.append
    threads = [threading.Thread(target=lambda: [writer.append(note("x")) for _ in range(25)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [head.seq for head in seen] == list(range(1, 201))
    assert verify(tmp_path, seen[-1]).records == 200


@pytest.mark.covers("fault 33")
@pytest.mark.parametrize("torn", [b"{", b'{"v":1,"seq":4', b"\0" * 300, b"x" * 70_000])
def test_a_torn_end_is_set_aside_and_noted(torn: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    with path.open("ab") as file:
        file.write(torn)
    with trail(tmp_path)[0] as writer:
        assert writer.append(note("after")).seq == 5
        repair = writer.history().last("repair")
    assert repair is not None
    assert repair.event.event == "repair"
    assert (repair.seq, repair.event.size) == (4, len(torn))
    assert (tmp_path / str(repair.event.file)).read_bytes() == torn
    report = verify(tmp_path)
    assert (report.ok, report.records, report.repairs) == (True, 5, 1)


def test_a_torn_end_is_noted_also_when_only_the_head_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    path.write_bytes(path.read_bytes()[:-1])
    with trail(tmp_path)[0] as writer:
        assert writer.head().seq == 3
    assert [record["event"] for record in records(path)][-1] == "repair"


def test_another_process_s_torn_line_is_repaired_while_running(tmp_path: Path) -> None:
    writer, _ = trail(tmp_path)
    writer.append(note("one"))
    written(tmp_path, 2)
    with (tmp_path / CURRENT).open("ab") as file:
        file.write(b'{"half')
    assert writer.append(note("two")).seq == 5
    assert verify(tmp_path).repairs == 1


@pytest.mark.parametrize("line", [0, 1, 2])
def test_nothing_is_added_to_a_trail_with_an_edited_line(line: int, tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"env":"sim"', b'"env":"sin"')
    path.write_bytes(b"".join(lines))
    before = path.read_bytes()
    writer, _ = trail(tmp_path)
    for _ in range(2):
        assert refused(writer) == "E-AUDIT-BROKEN"
    assert path.read_bytes() == before


@pytest.mark.parametrize("how", ["edit", "append", "cut", "delete", "replace"])
def test_a_running_writer_sees_what_is_done_to_its_file(how: str, tmp_path: Path) -> None:
    writer, _ = trail(tmp_path)
    writer.append_many([note(str(k)) for k in range(5)])
    path = tmp_path / CURRENT
    content = path.read_bytes()
    if how == "delete":
        path.unlink()
    elif how == "replace":
        (tmp_path / "other").mkdir()
        written(tmp_path / "other", 9).replace(path)
    else:
        edited = {"edit": content.replace(b'"text":"2"', b'"text":"7"'), "append": content + b"{}\n"}
        path.write_bytes(edited.get(how, content[: content.rindex(b"\n", 0, -1) + 1]))
        tip.os.utime(path, ns=(1, 1))
    assert refused(writer) == ("E-AUDIT-BROKEN" if how in ("edit", "append") else "E-AUDIT-CUT")
    path.write_bytes(content)
    assert writer.append(note("as before")).seq == 6


def test_a_touched_file_is_looked_at_and_stays_good(tmp_path: Path) -> None:
    writer, _ = trail(tmp_path)
    writer.append(note("one"))
    tip.os.utime(tmp_path / CURRENT, ns=(1, 1))
    assert writer.append(note("two")).seq == 2


def test_a_trail_that_lacks_the_anchor_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, 5)
    lines = path.read_bytes().splitlines(keepends=True)
    hashes = [record["hash"] for record in records(path)]
    for seq in (1, 3, 5):
        with trail(tmp_path, anchor=Head(seq, hashes[seq - 1]))[0] as writer:
            assert writer.head().seq == 5
    for seq in (3, 5):
        assert refused(trail(tmp_path, anchor=Head(seq, hashes[3]))[0]) == "E-AUDIT-CUT"
    path.write_bytes(b"".join(lines[:3]))
    assert refused(trail(tmp_path, anchor=Head(5, hashes[4]))[0]) == "E-AUDIT-CUT"
    path.write_bytes(b"")
    assert refused(trail(tmp_path, anchor=Head(5, hashes[4]))[0]) == "E-AUDIT-CUT"


@pytest.mark.parametrize("room", [0, 1, 100, 700])
def test_a_full_disk_is_an_error_and_leaves_nothing_half_written(room: int, tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    before = path.read_bytes()
    told: list[Head] = []
    writer, _ = trail(tmp_path, on_head=told.append)
    with full_after(len(before) + room), pytest.raises(AuditError) as caught:
        writer.append_many([note("x" * 200)] * 3)
    assert (caught.value.code, caught.value.exit_code) == ("E-AUDIT-WRITE", 4)
    assert (path.read_bytes(), told) == (before, [])
    assert writer.append(note("there is room again")).seq == 4
    assert verify(tmp_path).ok


def test_a_torn_end_that_cannot_be_set_aside_stays(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    with path.open("ab") as file:
        file.write(b"{" * 50)
    before = path.read_bytes()
    writer, _ = trail(tmp_path)
    with full_after(10):
        assert refused(writer) == "E-AUDIT-WRITE"
    assert path.read_bytes() == before
    assert writer.append(note("now")).seq == 5


def test_a_sync_that_fails_takes_the_line_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file: int) -> None:
        raise OSError(5, "Input/output error")

    path = written(tmp_path, 3)
    before = path.read_bytes()
    monkeypatch.setattr(tip, "_durable", fail)
    assert refused(trail(tmp_path)[0]) == "E-AUDIT-WRITE"
    assert path.read_bytes() == before


def test_an_interrupt_leaves_a_writer_that_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(file: int) -> None:
        raise KeyboardInterrupt

    writer, _ = trail(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(tip, "_durable", interrupt)
        with pytest.raises(KeyboardInterrupt):
            writer.append(note("cut short"))
    assert writer.append(note("next")).seq == 2
    assert verify(tmp_path).ok


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refused(trail(tmp_path / "file")[0]) == "E-AUDIT-WRITE"
    (tmp_path / "logs" / CURRENT).mkdir(parents=True)
    assert refused(trail(tmp_path / "logs")[0]) == "E-AUDIT-WRITE"


def test_what_the_keeper_of_heads_raises_passes_through_and_the_line_stands(tmp_path: Path) -> None:
    def fail(head: Head) -> None:
        raise RuntimeError("no ledger")

    writer, _ = trail(tmp_path, on_head=fail)
    with pytest.raises(RuntimeError, match="no ledger"):
        writer.append(note("one"))
    assert verify(tmp_path).records == 1


def test_an_append_is_one_durable_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    writer = Trail(tmp_path, "sim", SystemClock())
    writer.append(note("the first also makes the file"))
    monkeypatch.setattr(tip, "_durable", synced.append)
    writer.append(note("one"))
    writer.append_many([note("two"), note("three")])
    assert len(synced) == 2
    assert writer.append_many([]).seq == 4
    assert len(synced) == 2


def test_days_have_files_of_their_own_and_one_chain(tmp_path: Path) -> None:
    writer, clock = trail(tmp_path, NOON + DAY // 2 - 1)
    for _ in range(3):
        writer.append(note("last millisecond of a day"))
        clock.sleep(0.001)
        head = writer.append(note("first of the next"))
        clock.sleep(DAY / 1000 - 0.001)
    names = [path.name for path in verify(tmp_path, head).files]
    assert names == [*(f"audit_trail-2026-03-0{k}.jsonl" for k in (1, 2, 3)), CURRENT]
    last, first = records(tmp_path / names[0])[-1], records(tmp_path / names[1])[0]
    assert (first["event"], first["former"], first["prev"]) == ("rotation", names[0], last["hash"])
    assert verify(tmp_path, head).ok
    for name in names:
        assert verify(tmp_path / name).ok
    assert verify([tmp_path / name for name in names[1:]]).first == 2


def test_a_clock_that_jumps_back_overwrites_no_day(tmp_path: Path) -> None:
    for now in (NOON, NOON - 9 * DAY, NOON + DAY, NOON - 9 * DAY, NOON + 2 * DAY, NOON - 9 * DAY):
        with trail(tmp_path, now)[0] as writer:
            writer.append(note("x"))
    (tmp_path / CURRENT).rename(tmp_path / "audit_trail-2026-03-03.jsonl")  # as a crash in the middle leaves it
    with trail(tmp_path, NOON - 9 * DAY)[0] as writer:
        writer.append(note("y"))
    with trail(tmp_path, NOON)[0] as writer:
        writer.append(note("z"))
    report = verify(tmp_path)
    dates = [path.name.removeprefix("audit_trail-2026-03-").removesuffix(".jsonl") for path in report.files]
    assert dates == ["01", "02", "03", "03.2", "audit_trail"]
    assert (report.ok, report.records) == (True, 12)


def test_another_process_s_midnight_is_followed(tmp_path: Path) -> None:
    one, _ = trail(tmp_path)
    one.append(note("one"))
    with trail(tmp_path, NOON + DAY)[0] as two:
        two.append(note("two"))
    assert one.append(note("three")).seq == 4
    assert verify(tmp_path).ok


@pytest.mark.parametrize("content", [b"", b"{}\n"])
def test_a_broken_day_before_stops_the_writer(content: bytes, tmp_path: Path) -> None:
    written(tmp_path, 3).rename(tmp_path / "audit_trail-2026-02-28.jsonl")
    (tmp_path / "audit_trail-2026-02-28.jsonl").write_bytes(content)
    assert refused(trail(tmp_path)[0]) == "E-AUDIT-BROKEN"


def test_days_that_were_put_away_are_not_missed(tmp_path: Path) -> None:
    written(tmp_path, 3)
    with trail(tmp_path, NOON + DAY)[0] as writer:
        writer.append(note("x"))
    (tmp_path / "audit_trail-2026-03-01.jsonl").unlink()
    with trail(tmp_path, NOON + DAY)[0] as writer:
        assert writer.append(note("y")).seq == 6

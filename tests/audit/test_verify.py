"""Every change of a trail's bytes is found, and where it was made."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audit.trails import DAY, NOON, note, trail, written

from thunes.audit.lines import START, Head, parse_head, seal
from thunes.audit.verify import Break, verify
from thunes.errors import AuditError, UsageError

LINES = 10_000
BYTES = ("flip", "lose byte", "add byte")
CHANGES = (
    *BYTES, "lose line", "copy line", "swap", "add line", "cut tail", "cut within a line", "seal last line anew",
)  # fmt: skip


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[bytes], Head]:
    """The lines of a long trail, and its head."""
    path = written(tmp_path_factory.mktemp("big"), LINES)
    head = verify(path).head
    assert head is not None
    return path.read_bytes().splitlines(keepends=True), head


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("copy") / "copy.jsonl"


def found(path: Path, content: bytes, head: Head | None = None) -> Break:
    path.unlink(missing_ok=True)  # some file systems flush a file that is truncated
    path.write_bytes(content)
    report = verify(path, head)
    assert report.first_break is not None
    assert not report.ok
    assert report.records == report.first_break.line - 1 or report.first_break.kind == "edited"
    return report.first_break


def forged(line: bytes, before: Head) -> tuple[bytes, Head]:
    """A line's event with another text, sealed anew as if it had stood there from the first."""
    fields = {k: v for k, v in orjson.loads(line).items() if k not in ("hash", "text")}
    return seal({**fields, "text": "forged"}, "sim", NOON, before)


def head_of(line: bytes) -> Head:
    record = orjson.loads(line)
    return Head(record["seq"], record["hash"])


def test_a_whole_trail_is_whole(big: tuple[list[bytes], Head], copy: Path) -> None:
    lines, head = big
    copy.write_bytes(b"".join(lines))
    report = verify(copy, head)
    assert (report.ok, report.records, report.first, report.head) == (True, LINES, 1, head)
    early = verify(copy, head_of(lines[41]))
    assert (early.ok, early.unanchored) == (True, LINES - 42)


def test_every_single_byte_counts(tmp_path: Path) -> None:
    content = written(tmp_path, 2).read_bytes()
    path = tmp_path / "copy.jsonl"
    for at in range(len(content)):
        line = content.count(b"\n", 0, at) + 1
        other = bytes([content[at] ^ 1])
        for changed in (other, b"", b"\n" + content[at : at + 1]):
            place = found(path, content[:at] + changed + content[at + 1 :])
            assert place.line in (line, line + content[at : at + 1].count(b"\n")), (at, changed)
    assert found(path, content + b"\n").line == 3


@settings(max_examples=25)
@given(data=st.data())
def test_any_change_of_a_long_trail_is_found_in_its_line(
    data: st.DataObject, big: tuple[list[bytes], Head], copy: Path
) -> None:
    _change(data, big, copy)


@pytest.mark.long
def test_any_of_many_changes_of_a_long_trail(big: tuple[list[bytes], Head], copy: Path) -> None:
    seen = Counter[str]()

    @settings(max_examples=4_000)
    @given(data=st.data())
    def change(data: st.DataObject) -> None:
        seen[_change(data, big, copy)] += 1

    change()
    print("", *(f"{count:>6,} {how}" for how, count in sorted(seen.items())), sep="\n")  # noqa: T201
    assert {told.partition(":")[0] for told in seen} == set(CHANGES)


def _change(data: st.DataObject, big: tuple[list[bytes], Head], copy: Path) -> str:
    """Change something, see that it is found and located; what was done, and what it was called."""
    how = data.draw(st.sampled_from(CHANGES))
    lines, k = (_byte_changed if how in BYTES else _lines_changed)(data, how, big[0])
    place = found(copy, b"".join(lines), big[1])
    assert place.line == k + 1, how
    return f"{how}: {place.kind}"


def _byte_changed(data: st.DataObject, how: str, whole: list[bytes]) -> tuple[list[bytes], int]:
    """The lines, and which of them is the first that is wrong."""
    lines, k, byte = list(whole), data.draw(st.integers(0, LINES - 1)), data.draw(st.integers(1, 255))
    line = lines[k]
    at = data.draw(st.integers(0, len(line) - 1))
    changed = {
        "flip": line[:at] + bytes([line[at] ^ byte]) + line[at + 1 :],
        "lose byte": line[:at] + line[at + 1 :],
        "add byte": line[:at] + bytes([byte]) + line[at:],
    }
    lines[k] = changed[how]
    return lines, k + lines[k].endswith(b"\n\n")  # an empty line more


def _lines_changed(data: st.DataObject, how: str, whole: list[bytes]) -> tuple[list[bytes], int]:
    k, other = data.draw(
        st.tuples(st.integers(0, LINES - 1), st.integers(0, LINES - 1)).filter(lambda two: two[0] != two[1])
    )
    low, high, last = min(k, other), max(k, other), LINES - 1
    changed = {
        "lose line": lambda: (whole[:k] + whole[k + 1 :], k),
        "copy line": lambda: ([*whole[:low], whole[high], *whole[low:]], low),
        "swap": lambda: ([*whole[:low], whole[high], *whole[low + 1 : high], whole[low], *whole[high + 1 :]], low),
        "add line": lambda: ([*whole[:k], b"{}\n", *whole[k:]], k),
        "cut tail": lambda: (whole[:k], k),
        "cut within a line": lambda: ([*whole[:k], whole[k][: 1 + other % 60]], k),
        "seal last line anew": lambda: ([*whole[:last], forged(whole[last], head_of(whole[last - 1]))[0]], last),
    }
    return changed[how]()


def kinds_of(lines: list[bytes], path: Path) -> tuple[int, str]:
    place = found(path, b"".join(lines))
    return place.line, place.kind


def test_a_break_is_called_by_its_name(tmp_path: Path) -> None:
    lines = written(tmp_path, 9).read_bytes().splitlines(keepends=True)
    path = tmp_path / "copy.jsonl"
    assert kinds_of([*lines[:3], *lines[4:]], path) == (4, "missing")
    assert kinds_of([*lines[:3], *lines[7:]], path) == (4, "missing")
    assert kinds_of(lines[1:], path) == (1, "missing")
    assert kinds_of([*lines[:3], lines[4], lines[3], *lines[5:]], path) == (4, "reordered")
    assert kinds_of([*lines[:3], lines[2], *lines[3:]], path) == (4, "duplicate")
    assert kinds_of([*lines[:3], lines[3].replace(b"sim", b"sin"), *lines[4:]], path) == (4, "edited")
    assert kinds_of([*lines[:3], b"hello\n", *lines[3:]], path) == (4, "wrong format")
    assert kinds_of([*lines[:8], lines[8][:-9]], path) == (9, "torn")
    assert kinds_of([*lines[:2], lines[5], lines[3].replace(b"sim", b"sin")], path) == (3, "missing")


def test_a_cut_off_tail_and_an_edited_end_show_against_the_anchor_alone(tmp_path: Path) -> None:
    path = written(tmp_path, 9)
    lines = path.read_bytes().splitlines(keepends=True)
    head = head_of(lines[-1])
    path.write_bytes(b"".join(lines[:6]))
    assert verify(path).ok
    place = verify(path, head).first_break
    assert place is not None
    assert (place.line, place.kind) == (7, "cut off")
    path.write_bytes(b"".join([*lines[:8], forged(lines[8], head_of(lines[7]))[0]]))
    assert verify(path).ok
    place = verify(path, head).first_break
    assert place is not None
    assert (place.line, place.kind) == (9, "edited")


def test_a_line_that_was_sealed_anew_is_found_by_the_next(tmp_path: Path) -> None:
    path = written(tmp_path, 9)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = forged(lines[3], head_of(lines[2]))[0]
    assert kinds_of(lines, path) == (5, "edited")
    place = found(path, b"".join(lines), Head(4, "0" * 64))
    assert (place.line, place.kind) == (4, "edited")


def test_a_chain_that_was_sealed_anew_to_its_end_is_found_by_the_anchor(tmp_path: Path) -> None:
    path = written(tmp_path, 9)
    lines = path.read_bytes().splitlines(keepends=True)
    head, before = head_of(lines[8]), head_of(lines[2])
    for k in range(3, 9):
        lines[k], before = forged(lines[k], before)
    path.write_bytes(b"".join(lines))
    assert verify(path).ok
    assert found(path, b"".join(lines), head).line == 9


@pytest.mark.parametrize(
    ("fields", "text"),
    [({"v": 2}, "has format 2; this program reads up to 1: update it"), ({"v": 0}, "no record of format 1"),
     ({"event": "gossip"}, "no record of format 1"), ({"seq": "1"}, "no record of format 1")],
)  # fmt: skip
def test_a_sealed_line_of_another_format_is_told(fields: dict[str, object], text: str, tmp_path: Path) -> None:
    record = {**orjson.loads(written(tmp_path, 1).read_bytes()), **fields}
    del record["hash"]
    body = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    line = body[:-1] + b',"hash":"' + sha256(body).hexdigest().encode() + b'"}\n'
    place = found(tmp_path / "copy.jsonl", line)
    assert (place.line, place.kind) == (1, "wrong format")
    assert text in place.text


def test_a_sealed_line_that_is_no_json_is_told(tmp_path: Path) -> None:
    body = b"{hello}"
    line = body[:-1] + b',"hash":"' + sha256(body).hexdigest().encode() + b'"}\n'
    assert found(tmp_path / "copy.jsonl", line).kind == "wrong format"


def days(folder: Path, count: int) -> list[Path]:
    writer, clock = trail(folder)
    for _ in range(count):
        writer.append_many([note("a"), note("b")])
        clock.sleep(DAY / 1000)
    writer.close()
    return list(verify(folder).files)


def test_a_day_that_is_gone_is_missing(tmp_path: Path) -> None:
    files = days(tmp_path, 4)
    whole = verify(tmp_path)
    assert (whole.ok, whole.records) == (True, 11)
    files[2].unlink()
    place = verify(tmp_path).first_break
    assert place is not None
    assert (place.file, place.line, place.kind) == (files[3], 1, "missing")
    files[0].unlink()
    place = verify(tmp_path).first_break
    assert place is not None
    assert (place.file, place.line, place.kind) == (files[1], 1, "missing")


def test_files_may_be_named_one_by_one_and_in_order(tmp_path: Path) -> None:
    files = days(tmp_path, 3)
    assert verify(files[1:]).records == 6
    place = verify([files[1], files[0]]).first_break
    assert place is not None
    assert (place.file, place.kind) == (files[0], "duplicate")
    place = verify([files[0], files[2]]).first_break
    assert place is not None
    assert (place.file, place.kind) == (files[2], "missing")
    place = verify(files[2], Head(1, "0" * 64)).first_break
    assert place is not None
    assert (place.line, place.kind) == (1, "missing")


def test_a_beginning_that_was_taken_off_a_later_day_shows(tmp_path: Path) -> None:
    last = days(tmp_path, 3)[-1]
    lines = last.read_bytes().splitlines(keepends=True)
    assert found(last, b"".join(lines[1:])).kind == "missing"


def test_an_empty_trail_has_no_record_and_fails_its_anchor(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(b"")
    report = verify(path)
    assert (report.ok, report.records, report.first, report.head) == (True, 0, None, None)
    assert found(path, b"", Head(1, "0" * 64)).kind == "cut off"
    assert verify(path, START).ok


@pytest.mark.parametrize("name", ["none", "folder"])
def test_what_is_not_there_is_an_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(AuditError, match="there is no audit trail in"):
        verify(tmp_path / name)
    with pytest.raises(AuditError, match="cannot read"):
        verify([tmp_path / name])


def test_a_head_is_written_and_read() -> None:
    head = Head(12, "ab" * 32)
    assert parse_head(str(head)) == parse_head(f" 12:{'AB' * 32} ") == head
    for wrong in ("", "12", f"-1:{head.hash}", "12:abc", f"x:{head.hash}"):
        with pytest.raises(UsageError, match="is no head"):
            parse_head(wrong)

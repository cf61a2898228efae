"""The form of a line: canonical JSON, keys sorted, and last the SHA-256 of everything before it.

    {…,"env":"sim","event":"note","id":"…","prev":"<hash of the line before>","seq":7,…,"v":1,"hash":"…"}

The hash is over the same object without `hash`, so that a reader need not write it again to check it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import orjson

from thunes.audit.events import MODELS, decimal_text
from thunes.clock import to_datetime
from thunes.errors import UsageError

VERSION = 1  # of a line's form; lines of older ones are read as they stand, for a chain cannot be rewritten
GENESIS = "0" * 64  # what the first line follows
MARK = b',"hash":"'
CLOSE = b'"}\n'
SUFFIX = len(MARK) + 64 + len(CLOSE)
ENVELOPE = frozenset({"v", "seq", "ts", "time", "env", "prev", "hash"})

Kind = Literal["edited", "missing", "reordered", "cut off", "duplicate", "torn", "wrong format"]


@dataclass(frozen=True, order=True)
class Head:
    """The last record of a trail: its number, from 1 on, and its hash."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


START = Head(0, GENESIS)


def parse_head(text: str) -> Head:
    """``SEQ:HASH`` as a head. Errors: `UsageError`."""
    found = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", text.strip().lower())
    if not found:
        raise UsageError("E-AUDIT-HEAD", f"{text!r} is no head.", "Write SEQ:HASH, as thunes audit verify prints it.")
    return Head(int(found[1]), found[2])


class BadLine(Exception):
    """A line that does not belong where it stands."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind, self.text = kind, text


def time_text(ms: int) -> str:
    """Epoch ms as ISO text, UTC."""
    return to_datetime(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seal(fields: Mapping[str, Any], environment: str, now_ms: int, before: Head) -> tuple[bytes, Head]:
    """The line for an event's fields that follows `before`, and the head it makes."""
    record = {
        **fields, "v": VERSION, "seq": before.seq + 1, "ts": now_ms, "time": time_text(now_ms), "env": environment,
        "prev": before.hash,
    }  # fmt: skip
    body = orjson.dumps(record, default=decimal_text, option=orjson.OPT_SORT_KEYS)
    digest = sha256(body).hexdigest()
    return b"".join((body[:-1], MARK, digest.encode(), CLOSE)), Head(before.seq + 1, digest)


def read_line(line: bytes) -> dict[str, Any]:
    """A line's record, its hash checked. Errors: `BadLine`."""
    if not line.endswith(b"\n"):
        raise BadLine("torn", "the line does not end")
    body = line[:-SUFFIX] + b"}"
    if line[-SUFFIX:-67] != MARK or line[-3:] != CLOSE or sha256(body).hexdigest().encode() != line[-67:-3]:
        raise _unlike(line)
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadLine("wrong format", "the line is no JSON") from None
    if not _in_form(record):
        raise BadLine("wrong format", _why_not(record))
    record["hash"] = line[-67:-3].decode()
    return record  # type: ignore[no-any-return]


def _unlike(line: bytes) -> BadLine:
    if b'"prev":"' in line or b'"hash":"' in line:
        return BadLine("edited", "the line does not fit its hash")
    return BadLine("wrong format", "the line is no record")


def _in_form(record: Any) -> bool:
    return (
        type(record) is dict
        and record.get("v") == VERSION
        and type(record.get("seq")) is int
        and type(record.get("ts")) is int
        and type(record.get("prev")) is str
        and type(record.get("env")) is str
        and record.get("event") in MODELS
    )


def _why_not(record: Any) -> str:
    version = record.get("v") if type(record) is dict else None
    if type(version) is int and version > VERSION:
        return f"the line has format {version}; this program reads up to {VERSION}: update it"
    return f"the line is no record of format {VERSION}"


class Chain:
    """Walks lines, each of which must follow the one before. Without a start the first one says where it begins."""

    def __init__(self, head: Head | None = None) -> None:
        self.head = head

    def take(self, line: bytes) -> dict[str, Any]:
        """The next line's record. Errors: `BadLine`; then the head stays."""
        record = read_line(line)
        seq, prev, head = record["seq"], record["prev"], self.head
        if head is None:
            _require_beginning(record)
        elif seq != head.seq + 1:
            raise _out_of_turn(seq, head.seq + 1)
        elif prev != head.hash:
            raise BadLine(
                "edited", f"record {seq} follows another line than the one before it: one of both was replaced"
            )
        self.head = Head(seq, record["hash"])
        return record


def _require_beginning(record: Mapping[str, Any]) -> None:
    if record["seq"] == 1 and record["prev"] == GENESIS:
        return
    if record["event"] != "rotation":
        raise BadLine("missing", f"the file begins with record {record['seq']}: lines before it are gone")


def _out_of_turn(seq: int, expected: int) -> BadLine:
    if seq > expected:
        gone = f"record {expected}" if seq == expected + 1 else f"records {expected} to {seq - 1}"
        return BadLine("missing", f"{gone} should stand here, not {seq}")
    return BadLine("duplicate", f"record {seq} stands here again")

"""A file whose room is there beforehand: what must be noted can be, also when the disk is full.

Fixed slots that were written once, and so own their blocks: a record overwrites a slot, which needs no new one (but on
a file system that copies on write, such as btrfs or ZFS). The first slot says what the file is and which generation of
records counts; clearing raises that number and leaves the rest as it is.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from thunes.errors import DataError
from thunes.storage.atomic import write_atomic

RECORDS = 1_000
SLOT = 1_024  # bytes
MAGIC = b"thunes reserve\n\0"
FORMAT = 1
HEADER = struct.Struct("<16sIIIQ")  # magic, format, records, bytes of a slot, generation
RECORD = struct.Struct("<QQII")  # generation, number, length, CRC-32 of all else
ROOM = SLOT - RECORD.size  # bytes of the longest record


class ReserveFile:
    """Records in a preallocated file. Threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        """Open the file; where there is none, it is made whole or not at all.

        Errors: `DataError` where it cannot be made, is damaged, or newer than this program.
        """
        self.path = path
        if not path.exists():
            write_atomic(path, _empty())
        with _told(path):
            self._descriptor = os.open(path, os.O_RDWR)
        self._thread = threading.Lock()
        try:
            self._check()
        except BaseException:
            self.close()
            raise

    def append(self, record: bytes) -> int:
        """Write a record, durable on return; how many slots are used then.

        Errors: `DataError` for a record longer than `ROOM` and for a full file.
        """
        if len(record) > ROOM:
            raise DataError("E-RESERVE-LONG", f"a record of {len(record)} bytes; {ROOM} are the most.", "Shorten it.")
        with self._held() as generation:
            number = max(self._read(generation), default=-1) + 1
            if number == RECORDS:
                raise DataError("E-RESERVE-FULL", f"{self.path} holds {RECORDS} records.", "Free the disk, restart.")
            os.pwrite(self._descriptor, _slot(generation, number, record), (number + 1) * SLOT)
            _sync(self._descriptor)
        return number + 1

    def records(self) -> list[bytes]:
        """Oldest first. What was being written when the machine stopped is none, nor is what a disk has spoilt."""
        with self._held() as generation:
            return list(self._read(generation).values())

    def clear(self) -> None:
        """Forget all records, at once or not at all, durable on return."""
        with self._held() as generation:
            os.pwrite(self._descriptor, _header(generation + 1), 0)
            _sync(self._descriptor)

    def close(self) -> None:
        """Let go of the file; once more does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def __enter__(self) -> ReserveFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _held(self) -> Iterator[int]:
        """Alone with the file; the generation that counts."""
        with self._thread, _told(self.path):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                yield self._generation()
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _generation(self) -> int:
        return int(HEADER.unpack(os.pread(self._descriptor, HEADER.size, 0))[-1])

    def _read(self, generation: int) -> dict[int, bytes]:
        """By number."""
        content = os.pread(self._descriptor, RECORDS * SLOT, SLOT)
        lowest = content[::SLOT]  # the first byte of each slot's generation: most slots are ruled out by it
        candidates = [number for number, byte in enumerate(lowest) if byte == generation & 0xFF]
        slots = ((number, content[number * SLOT : (number + 1) * SLOT]) for number in candidates)
        found = ((number, _record(slot, generation, number)) for number, slot in slots)
        return {number: record for number, record in found if record is not None}

    def _check(self) -> None:
        header = os.pread(self._descriptor, HEADER.size, 0)
        size = os.fstat(self._descriptor).st_size
        if len(header) < HEADER.size or not header.startswith(MAGIC):
            raise DataError("E-FORMAT-DAMAGED", f"{self.path} is damaged: no reserve file.", "Move it away.")
        _, version, records, slot, _ = HEADER.unpack(header)
        if version > FORMAT:
            newer = f"{self.path} has format {version}; this program reads reserve files up to format {FORMAT}."
            raise DataError("E-FORMAT-NEWER", newer, "Update the program.")
        if (records, slot, size) != (RECORDS, SLOT, (RECORDS + 1) * SLOT):
            raise DataError("E-FORMAT-DAMAGED", f"{self.path} is damaged: {size} bytes.", "Move it away.")


def _empty() -> bytes:
    return _header(1).ljust((RECORDS + 1) * SLOT, b"\0")


def _header(generation: int) -> bytes:
    return HEADER.pack(MAGIC, FORMAT, RECORDS, SLOT, generation)


def _slot(generation: int, number: int, record: bytes) -> bytes:
    checksum = zlib.crc32(record, zlib.crc32(struct.pack("<QQ", generation, number)))
    return (RECORD.pack(generation, number, len(record), checksum) + record).ljust(SLOT, b"\0")


def _record(slot: bytes, generation: int, number: int) -> bytes | None:
    """The record of a slot; None where it holds none of this generation, whole and in its place."""
    length = RECORD.unpack_from(slot)[2]
    record = slot[RECORD.size : RECORD.size + length]
    return record if slot == _slot(generation, number, record) else None


def _sync(descriptor: int) -> None:
    """The data alone where the system can tell it from the file's times; macOS cannot."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"cannot use {path}: {error.strerror or error}."
        raise DataError("E-FILE-WRITE", message, "Check space and rights.") from error

"""Several processes, and those that die."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.audit.trails import note, trail

from thunes.audit import lock
from thunes.audit.verify import verify
from thunes.errors import AuditError

WRITER = """
import os, sys
from pathlib import Path
from thunes.audit.events import Note
from thunes.audit.trail import Trail
from thunes.clock import SystemClock

name, count = sys.argv[2], int(sys.argv[3])
trail = Trail(Path(sys.argv[1]), "sim", SystemClock())
for k in range(count):
    head = trail.append(Note(id=name, text=str(k)))
    os.write(1, f"{head}\\n".encode())
"""

FORKED = """
import os, sys
from pathlib import Path
from thunes.audit.events import Note
from thunes.audit.trail import Trail
from thunes.clock import SystemClock

trail = Trail(Path(sys.argv[1]), "sim", SystemClock())
trail.append(Note(id="parent", text="before"))
children = []
for name in range(4):
    child = os.fork()
    if not child:
        for k in range(25):
            trail.append(Note(id=f"child-{name}", text=str(k)))
        os._exit(0)
    children.append(child)
for k in range(25):
    trail.append(Note(id="parent", text=str(k)))
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


def start(folder: Path, name: str, count: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WRITER, str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def test_processes_write_one_chain(tmp_path: Path) -> None:
    processes = [start(tmp_path, f"p-{k}", 40) for k in range(2)]
    heads = [process.communicate()[0].split() for process in processes]
    assert [len(told) for told in heads] == [40] * 2
    seqs = sorted(int(head.split(b":")[0]) for told in heads for head in told)
    assert seqs == list(range(1, 81))
    assert verify(tmp_path).records == 80
    with trail(tmp_path)[0] as writer:
        texts = [entry.event.text for entry in writer.history().of("p-1")]  # type: ignore[union-attr]
    assert texts == [str(k) for k in range(40)]


def test_a_fork_and_its_parent_write_one_chain(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FORKED, str(tmp_path)], check=False)
    assert done.returncode == 0
    assert verify(tmp_path).records == 126


def test_no_record_that_was_confirmed_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    confirmed: list[bytes] = []
    for run in range(2):
        process = start(tmp_path, f"run-{run}", 10**6)
        assert process.stdout is not None
        confirmed += [process.stdout.readline().strip() for _ in range(20 + run)]
        process.send_signal(signal.SIGKILL)
        confirmed += [line.strip() for line in process.stdout if line.endswith(b"\n")]
        process.stdout.close()
        process.wait()
    with trail(tmp_path)[0] as writer:
        writer.append(note("after"))
        hashes = {f"{entry.seq}:{entry.hash}".encode() for entry in writer.history().events()}
    assert set(confirmed) <= hashes
    assert verify(tmp_path).ok


def test_who_does_not_let_go_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "TRIES", 5)
    writer, _ = trail(tmp_path)
    writer.append(note("one"))
    other = os.open(tmp_path / lock.LOCK_FILE, os.O_RDWR)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(AuditError, match="does not let go") as caught:
        writer.append(note("two"))
    assert caught.value.code == "E-AUDIT-LOCK"
    os.close(other)
    assert writer.append(note("two")).seq == 2


def test_a_deleted_lock_file_is_made_again(tmp_path: Path) -> None:
    one, two = trail(tmp_path)[0], trail(tmp_path)[0]
    one.append(note("one"))
    (tmp_path / lock.LOCK_FILE).unlink()
    two.append(note("two"))
    one.append(note("three"))
    inodes = {os.fstat(writer._lock._file or -1).st_ino for writer in (one, two)}
    assert len(inodes) == 1
    assert verify(tmp_path).records == 3

"""Disks that are full: a small one, and a limit on how large files may grow."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 4 << 20  # bytes
COMMAND = [sys.executable, "-m", "thunes"]


class SmallDisk:
    """A file system of its own, of four megabytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Take all that is left."""
        with self._ballast.open("ab", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(4096))
                except OSError:
                    return

    def free(self) -> None:
        self._ballast.unlink()


@contextmanager
def mounted(folder: Path) -> Iterator[SmallDisk | None]:
    """None where this user may mount nothing."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, check=False, capture_output=True)
    except FileNotFoundError:
        yield None
        return
    if done.returncode:
        yield None
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def run(folder: Path, *words: str, largest: int | None = None) -> subprocess.CompletedProcess[str]:
    """`thunes …` in a process of its own; `largest`: bytes that no file may grow beyond."""

    def limit() -> None:
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}
    return subprocess.run(
        [*COMMAND, *words], cwd=folder, env=environment, preexec_fn=limit, capture_output=True, text=True, check=False
    )  # fmt: skip

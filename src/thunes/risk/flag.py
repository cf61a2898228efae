"""The file that stops: who can create a file can stop the trader, whatever else still works."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from thunes.risk.book import Standing, State

NAME = "KILL"
READ = 4_096  # bytes; more is no reason


class KillFile:
    """`STATE_DIR/state/<environment>/KILL`. It is there: REDUCING; it says HALT, or cannot be read: HALTED."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._name = str(self.path)

    def standing(self, now: int) -> Standing | None:
        """What it asks for; None where it is not there."""
        try:
            os.stat(self._name)  # noqa: PTH116  # it is not there, as a rule: one call tells so
            with self.path.open("rb") as file:
                text = file.read(READ).decode(errors="replace")
        except FileNotFoundError:
            return None
        except OSError as e:
            return Standing("HALTED", now, "E-RISK-FLAG", f"{self.path} cannot be read: {e.strerror}", "file")
        state: State = "HALTED" if "HALT" in text.upper() else "REDUCING"
        said = " ".join(text.split())
        return Standing(state, now, "E-RISK-FLAG", f"file {NAME}" + (f": {said}" if said else ""), "file")

    def create(self, text: str) -> None:
        """Its existence stops entries: on a full disk the text may be missing. `OSError` where even that fails."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            with contextlib.suppress(OSError):
                os.write(descriptor, text.encode() + b"\n")
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self) -> None:
        """`OSError` where it stays."""
        self.path.unlink(missing_ok=True)

"""JSON files that outlive a version of the program: each carries a format number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from thunes.errors import DataError
from thunes.storage.atomic import write_atomic

Document = dict[str, Any]


@dataclass(frozen=True)
class Format:
    """A kind of file: its current version, and for each older one the step to the next."""

    name: str
    version: int
    migrations: Mapping[int, Callable[[Document], Document]] = field(default_factory=dict)

    def dump(self, document: Document) -> bytes:
        """The document as JSON with its format number."""
        return orjson.dumps({**document, "format": self.version}, option=orjson.OPT_INDENT_2) + b"\n"

    def load(self, content: bytes | str, where: str) -> Document:
        """The document in the current form. Errors: `DataError` when damaged, or newer than this program."""
        try:
            document = orjson.loads(content)
            version = document["format"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise DataError("E-FORMAT-DAMAGED", f"{where} is damaged: no {self.name}.") from None
        if not isinstance(version, int) or version > self.version:
            newer = f"{where} has format {version}; this program reads {self.name} up to format {self.version}."
            raise DataError("E-FORMAT-NEWER", newer, "Update the program.")
        return self._migrated(document, version)

    def read(self, path: Path) -> Document:
        """The file's document in the current form; the file stays as it is."""
        return self.load(path.read_bytes(), str(path))

    def write(self, path: Path, document: Document) -> None:
        """Replace the file atomically; one of an older format is kept beside it as `NAME.formatN`.

        Errors: `DataError` where the file that stands there is damaged or newer than this program: it stays.
        """
        if path.exists():
            content = path.read_bytes()
            self.load(content, str(path))
            if (older := orjson.loads(content)["format"]) < self.version:
                write_atomic(path.with_name(f"{path.name}.format{older}"), content)
        write_atomic(path, self.dump(document))

    def _migrated(self, document: Document, version: int) -> Document:
        for step in range(version, self.version):
            if step not in self.migrations:
                raise DataError("E-FORMAT-OLD", f"no way from format {step} of {self.name} to {self.version}.")
            document = {**self.migrations[step](document), "format": step + 1}
        return document

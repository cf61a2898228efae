"""The files of a search: every set as CSV with its provenance as JSON beside it, and the page.

Everything is made in memory first, then each file is put in place as a whole. The next search overwrites them.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from thunes.research.search.result import SearchResult
from thunes.storage.atomic import write_atomic


def write_files(result: SearchResult, folder: Path, page: str | None = None) -> dict[str, Path]:
    """Write `study.csv`, `study.json` and, where there is one, `study.html`; their paths by what they hold.

    Undefined figures are empty in the CSV. Errors: `DataError` where the folder cannot be written.
    """
    contents = {
        "csv": pl.DataFrame(result.frame).fill_nan(None).write_csv().encode(),
        "json": json.dumps(result.to_dict(), indent=2, ensure_ascii=False).encode(),
    }
    if page is not None:
        contents["html"] = page.encode()
    for kind, content in contents.items():
        write_atomic(folder / f"study.{kind}", content)
    if page is None:
        (folder / "study.html").unlink(missing_ok=True)
    return {kind: folder / f"study.{kind}" for kind in contents}

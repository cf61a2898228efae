"""Parts that all pages share: their own files, plotly's script, text made safe for HTML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from thunes.errors import UsageError
from thunes.model import Candles
from thunes.research.report.assumptions import synthetic_notice
from thunes.research.report.figures import typographic


def own(name: str) -> str:
    """A file of this package: page.css, page.html, page.js."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def plotly_script() -> str:
    """plotly's own script; the Python package around it is not imported. Errors: `UsageError` without plotly."""
    found = find_spec("plotly")
    if found is None or found.origin is None:
        raise UsageError("E-EXTRA", "plotly is not installed.", "Install thunes[research], or use --no-html.")
    return (Path(found.origin).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8")


def inert(text: str) -> str:
    """JSON that cannot end the script element it stands in."""
    return text.replace("<", "\\u003c")


def banner(candles: Candles) -> str:
    """What says that the candles are made up; empty for real ones."""
    notice = synthetic_notice(candles)
    return f'<div class="notice" role="note">{escape(notice)}</div>' if notice else ""


def pairs(labelled: Mapping[str, str]) -> str:
    """Labels and texts of a list; empty texts are left out."""
    return "".join(f"<dt>{escape(label)}</dt><dd>{text(said)}</dd>" for label, said in labelled.items() if said)


def flat(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Provenance as label and text, a nested value on one line."""
    for name, value in provenance.items():
        if isinstance(value, Mapping):
            yield name, ", ".join(f"{key} {_plain(part)}" for key, part in value.items()) or "none"
        else:
            yield name, _plain(value)


def text(words: str) -> str:
    """Words as HTML, with a proper minus."""
    return escape(typographic(words))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value)

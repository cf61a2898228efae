"""`thunes settings`: what is in force, and from where."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from thunes.cli.options import Json

if TYPE_CHECKING:
    from thunes.settings import Settings


def settings(as_json: Json = False) -> None:
    """Print every setting in force and where it comes from; secrets are masked.

    The environment wins over `.env` in the current folder, which wins over the default.

    Example: MAX_POSITIONS=5 thunes settings
    """
    from thunes.cli.output import console, emit_json
    from thunes.settings import NAMES, load_with_origins

    loaded = load_with_origins()
    rows = {name: {"value": shown(loaded.settings, name), "origin": loaded.origins[name]} for name in NAMES}
    if as_json:
        emit_json("settings", {"settings": rows})
    else:
        console.print(_table(rows))


def shown(settings: Settings, name: str) -> str | int | None:
    """A setting's value as it may be printed: secrets masked, money without an exponent, None where not set."""
    value = getattr(settings, name.lower())
    if isinstance(value, Decimal):
        return format(value, "f")
    return value if value is None or isinstance(value, int) else str(value)


def _table(rows: dict[str, dict[str, str | int | None]]) -> object:
    from rich.table import Table
    from rich.text import Text

    table = Table("Setting", "Value", "From", box=None, pad_edge=False)
    for name, row in rows.items():
        value = Text("not set", style="dim") if row["value"] is None else Text(str(row["value"]))
        table.add_row(name, value, str(row["origin"]))
    return table

"""Symbols that nothing is bought of until a person has looked: single facts that must survive."""

from __future__ import annotations

import orjson
from sqlalchemy import bindparam, select

from thunes.trading.ledger.connections import Database
from thunes.trading.ledger.rows import putting
from thunes.trading.ledger.schema import meta
from thunes.trading.ledger.statements import Statement
from thunes.trading.ledger.values import SymbolPause

KEY = "pause of "
PUT = putting(meta)
KEPT = Statement(select(meta.c.value).where(meta.c.key == bindparam("of_key")))
ALL = Statement(select(meta.c.value).where(meta.c.key.startswith(KEY)).order_by(meta.c.key))


def keep(database: Database, pause: SymbolPause) -> None:
    """In place of what was kept of the symbol."""
    database.change(PUT, {"key": KEY + pause.symbol, "value": orjson.dumps(vars(pause)).decode()})


def find(database: Database, symbol: str) -> SymbolPause | None:
    """What is kept of a symbol, lifted or not."""
    row = database.row(KEPT, {"of_key": KEY + symbol})
    return _pause(row) if row else None


def standing(database: Database) -> list[SymbolPause]:
    """Those that hold, by symbol."""
    return [pause for pause in map(_pause, database.rows(ALL, {})) if pause.holds]


def _pause(row: list[str]) -> SymbolPause:
    return SymbolPause(**orjson.loads(row[0]))

"""Symbols that nothing is bought of until a person has looked: single facts that must survive."""

from __future__ import annotations

from dataclasses import asdict

import orjson
from sqlalchemy import Connection, bindparam, select

from thunes.trading.ledger.rows import put
from thunes.trading.ledger.schema import meta
from thunes.trading.ledger.values import SymbolPause

KEY = "pause of "
KEPT = select(meta.c.value).where(meta.c.key == bindparam("of_key"))


def keep(connection: Connection, pause: SymbolPause) -> None:
    """In place of what was kept of the symbol."""
    put(connection, meta, key=KEY + pause.symbol, value=orjson.dumps(asdict(pause)).decode())


def find(connection: Connection, symbol: str) -> SymbolPause | None:
    """What is kept of a symbol, lifted or not."""
    value = connection.execute(KEPT, {"of_key": KEY + symbol}).scalar()
    return None if value is None else SymbolPause(**orjson.loads(value))


def standing(connection: Connection) -> list[SymbolPause]:
    """Those that hold, by symbol."""
    values = connection.execute(select(meta.c.value).where(meta.c.key.startswith(KEY)).order_by(meta.c.key)).scalars()
    found = [SymbolPause(**orjson.loads(value)) for value in values]
    return [pause for pause in found if pause.holds]

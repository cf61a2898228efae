"""Single facts that must survive: equity, the audit trail's head, latches of stopped-out strategies."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import Connection, delete, select

from thunes.trading.ledger.numbers import require_finite
from thunes.trading.ledger.rows import put, put_later
from thunes.trading.ledger.schema import equity, heads, latches
from thunes.trading.ledger.values import Anchor, Equity, Latch


def add_equity(connection: Connection, snapshot: Equity) -> None:
    """A second one of the same millisecond takes the place of the first."""
    require_finite("equity", snapshot.equity)
    require_finite("cash", snapshot.cash)
    put(connection, equity, **vars(snapshot))


def equity_since(connection: Connection, start_ms: int) -> list[Equity]:
    """Oldest first."""
    rows = connection.execute(select(equity).where(equity.c.time_ms >= start_ms).order_by(equity.c.time_ms)).all()
    return [Equity(row.time_ms, row.equity, row.cash) for row in rows]


def equity_peak(connection: Connection) -> Decimal | None:
    """The most that was ever seen; deposits are not taken out."""
    values = connection.execute(select(equity.c.equity)).scalars().all()
    return max(values) if values else None


def anchor(connection: Connection, name: str, head: Anchor) -> bool:
    """Keep a chain's head; one that is behind the kept one changes nothing. Whether it was kept."""
    return put_later(connection, heads, "sequence", name=name, **vars(head))


def last_anchor(connection: Connection, name: str) -> Anchor | None:
    """The head that is kept of a chain."""
    row = connection.execute(select(heads).where(heads.c.name == name)).first()
    return Anchor(row.sequence, row.hash, row.time_ms) if row else None


def latch(connection: Connection, latched: Latch) -> None:
    """Latch; once more changes bar and reason."""
    put(connection, latches, **vars(latched))


def unlatch(connection: Connection, strategy: str, symbol: str) -> bool:
    """Whether it was latched."""
    one = (latches.c.strategy == strategy) & (latches.c.symbol == symbol)
    return connection.execute(delete(latches).where(one)).rowcount == 1


def all_latches(connection: Connection) -> list[Latch]:
    """By strategy and symbol."""
    rows = connection.execute(select(latches).order_by(latches.c.strategy, latches.c.symbol)).all()
    return [Latch(row.strategy, row.symbol, row.bar_ms, row.reason) for row in rows]

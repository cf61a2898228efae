"""Single facts that must survive: equity, the audit trail's head, latches of stopped-out strategies."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import bindparam, delete, select

from thunes.trading.ledger.connections import Database
from thunes.trading.ledger.numbers import require_finite
from thunes.trading.ledger.rows import putting
from thunes.trading.ledger.schema import equity, heads, latches
from thunes.trading.ledger.statements import Statement
from thunes.trading.ledger.values import Anchor, Equity, Latch

PUT_EQUITY = putting(equity)
EQUITY_SINCE = Statement(
    select(*equity.c["time_ms", "equity", "cash"])
    .where(equity.c.time_ms >= bindparam("start_ms"))
    .order_by(equity.c.time_ms)
)
EQUITIES = Statement(select(equity.c.equity))
PUT_HEAD = putting(heads, order="sequence")
HEAD = Statement(select(*heads.c["sequence", "hash", "time_ms"]).where(heads.c.name == bindparam("of_name")))
PUT_LATCH = putting(latches)
UNLATCH = Statement(
    delete(latches).where(latches.c.strategy == bindparam("of_strategy"), latches.c.symbol == bindparam("of_symbol"))
)
LATCHES = Statement(
    select(*latches.c["strategy", "symbol", "bar_ms", "reason"]).order_by(latches.c.strategy, latches.c.symbol)
)


def add_equity(database: Database, snapshot: Equity) -> None:
    """A second one of the same millisecond takes the place of the first."""
    require_finite("equity", snapshot.equity)
    require_finite("cash", snapshot.cash)
    database.change(PUT_EQUITY, vars(snapshot))


def equity_since(database: Database, start_ms: int) -> list[Equity]:
    """Oldest first."""
    return [Equity(*row) for row in database.rows(EQUITY_SINCE, {"start_ms": start_ms})]


def equity_peak(database: Database) -> Decimal | None:
    """The most that was ever seen; deposits are not taken out."""
    return max((seen for (seen,) in database.rows(EQUITIES, {})), default=None)


def anchor(database: Database, name: str, head: Anchor) -> bool:
    """Keep a chain's head; one that is behind the kept one changes nothing. Whether it was kept."""
    return database.change(PUT_HEAD, {"name": name, **vars(head)}) == 1


def last_anchor(database: Database, name: str) -> Anchor | None:
    """The head that is kept of a chain."""
    row = database.row(HEAD, {"of_name": name})
    return Anchor(*row) if row else None


def latch(database: Database, latched: Latch) -> None:
    """Latch; once more changes bar and reason."""
    database.change(PUT_LATCH, vars(latched))


def unlatch(database: Database, strategy: str, symbol: str) -> bool:
    """Whether it was latched."""
    return database.change(UNLATCH, {"of_strategy": strategy, "of_symbol": symbol}) == 1


def all_latches(database: Database) -> list[Latch]:
    """By strategy and symbol."""
    return [Latch(*row) for row in database.rows(LATCHES, {})]

"""The tables. A change here needs a migration: a test compares both."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, PrimaryKeyConstraint, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from thunes.trading.ledger.columns import Money, RowNumber

FORMAT = "0001"  # the last migration
tables = MetaData()

meta = Table(
    "meta",
    tables,
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)

orders = Table(
    "orders",
    tables,
    Column("client_id", String, primary_key=True),
    Column("intended_ms", BigInteger, nullable=False),
    Column("bar_ms", BigInteger, nullable=False),
    Column("strategy", String, nullable=False),
    Column("symbol", String, nullable=False),
    Column("side", String, nullable=False),
    Column("ticket", Text, nullable=False),  # JSON
    Column("order_id", BigInteger),
    Column("status", String),
    Column("executed", Money, nullable=False),
    Column("quote_executed", Money, nullable=False),
    Column("outcome", String),
    Column("resolved", Boolean, nullable=False),
    Column("may_resend", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)
Index("orders_by_exchange_id", orders.c.symbol, orders.c.order_id)
Index("orders_unresolved", orders.c.intended_ms, sqlite_where=~orders.c.resolved, postgresql_where=~orders.c.resolved)

fills = Table(
    "fills",
    tables,
    Column("number", RowNumber, primary_key=True, autoincrement=True),
    Column("symbol", String, nullable=False),
    Column("trade_id", BigInteger, nullable=False),
    Column("order_id", BigInteger, nullable=False),
    Column("side", String, nullable=False),
    Column("price", Money, nullable=False),
    Column("quantity", Money, nullable=False),
    Column("quote", Money, nullable=False),
    Column("commission", Money, nullable=False),
    Column("commission_asset", String, nullable=False),
    Column("commission_value", Money),
    Column("maker", Boolean, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("base_asset", String, nullable=False),
    Column("quote_asset", String, nullable=False),
    Column("least_sellable", Money, nullable=False),
    Column("external", Boolean, nullable=False),
    Column("realised", Money),
    Column("realised_fifo", Money),
    Column("uncovered", Money, nullable=False),
    Unique("symbol", "trade_id", name="one_booking_per_trade"),
)
Index("fills_by_order", fills.c.symbol, fills.c.order_id)
Index("fills_by_time", fills.c.time_ms)

# What is held of a symbol's base: the pool of average cost, and the lots, first in first out (JSON).
holdings = Table(
    "holdings",
    tables,
    Column("symbol", String, primary_key=True),
    Column("quantity", Money, nullable=False),
    Column("cost", Money, nullable=False),
    Column("lots", Text, nullable=False),
    Column("last_trade_id", BigInteger, nullable=False),
)

positions = Table(
    "positions",
    tables,
    Column("symbol", String, nullable=False),
    Column("opened_trade_id", BigInteger, nullable=False),
    Column("strategy", String, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("closed_ms", BigInteger),
    Column("bought", Money, nullable=False),
    Column("bought_quote", Money, nullable=False),
    Column("sold", Money, nullable=False),
    Column("sold_quote", Money, nullable=False),
    Column("fees", Money, nullable=False),
    Column("realised", Money, nullable=False),
    Column("realised_fifo", Money, nullable=False),
    PrimaryKeyConstraint("symbol", "opened_trade_id"),
)
# One store belongs to one environment, so this is one open position per environment and symbol.
_open = positions.c.closed_ms.is_(None)
Index("one_open_position", positions.c.symbol, unique=True, sqlite_where=_open, postgresql_where=_open)

# `expected` follows fills and flows; the rest is what the exchange told last.
balances = Table(
    "balances",
    tables,
    Column("asset", String, primary_key=True),
    Column("expected", Money, nullable=False),
    Column("free", Money),
    Column("locked", Money),
    Column("told_ms", BigInteger),
)

flows = Table(
    "flows",
    tables,
    Column("reference", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("asset", String, nullable=False),
    Column("amount", Money, nullable=False),
    Column("value", Money),
    Column("time_ms", BigInteger, nullable=False),
)
Index("flows_by_time", flows.c.time_ms)

equity = Table(
    "equity",
    tables,
    Column("time_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("equity", Money, nullable=False),
    Column("cash", Money, nullable=False),
)

heads = Table(
    "heads",
    tables,
    Column("name", String, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", String, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)

latches = Table(
    "latches",
    tables,
    Column("strategy", String, nullable=False),
    Column("symbol", String, nullable=False),
    Column("bar_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("strategy", "symbol"),
)

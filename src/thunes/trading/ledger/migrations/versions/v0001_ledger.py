"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    _orders()
    _fills()
    _positions()
    _money()
    _marks()


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null)


def _name(name: str, *, null: bool = False, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String, nullable=null, primary_key=key)


def _number(name: str, *, null: bool = False, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=null, primary_key=key, autoincrement=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def _orders() -> None:
    op.create_table(
        "orders",
        _name("client_id", key=True),
        _number("intended_ms"),
        _number("bar_ms"),
        *(_name(name) for name in ("strategy", "symbol", "side")),
        _text("ticket"),
        _number("order_id", null=True),
        _name("status", null=True),
        _text("executed"),
        _text("quote_executed"),
        _name("outcome", null=True),
        _flag("resolved"),
        _flag("may_resend"),
        _text("note"),
        _number("updated_ms"),
    )
    op.create_index("orders_by_exchange_id", "orders", ["symbol", "order_id"])
    waiting = sa.text("NOT resolved")
    op.create_index("orders_unresolved", "orders", ["intended_ms"], sqlite_where=waiting, postgresql_where=waiting)


def _fills() -> None:
    rows = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "fills",
        sa.Column("number", rows, primary_key=True, autoincrement=True),
        _name("symbol"),
        _number("trade_id"),
        _number("order_id"),
        _name("side"),
        *(_text(name) for name in ("price", "quantity", "quote", "commission")),
        _name("commission_asset"),
        _text("commission_value", null=True),
        _flag("maker"),
        _number("time_ms"),
        _name("base_asset"),
        _name("quote_asset"),
        _text("least_sellable"),
        _flag("external"),
        _text("realised", null=True),
        _text("realised_fifo", null=True),
        _text("uncovered"),
        sa.UniqueConstraint("symbol", "trade_id", name="one_booking_per_trade"),
    )
    op.create_index("fills_by_order", "fills", ["symbol", "order_id"])
    op.create_index("fills_by_time", "fills", ["time_ms"])


def _positions() -> None:
    op.create_table(
        "holdings",
        _name("symbol", key=True),
        *(_text(name) for name in ("quantity", "cost", "lots")),
        _number("last_trade_id"),
    )
    op.create_table(
        "positions",
        _name("symbol"),
        _number("opened_trade_id"),
        _name("strategy"),
        _number("opened_ms"),
        _number("closed_ms", null=True),
        *(_text(name) for name in ("bought", "bought_quote", "sold", "sold_quote", "fees", "realised")),
        _text("realised_fifo"),
        sa.PrimaryKeyConstraint("symbol", "opened_trade_id"),
    )
    still = sa.text("closed_ms IS NULL")
    op.create_index(
        "one_open_position", "positions", ["symbol"], unique=True, sqlite_where=still, postgresql_where=still
    )


def _money() -> None:
    op.create_table(
        "balances",
        _name("asset", key=True),
        _text("expected"),
        _text("free", null=True),
        _text("locked", null=True),
        _number("told_ms", null=True),
    )
    op.create_table(
        "flows",
        _name("reference", key=True),
        _name("kind"),
        _name("asset"),
        _text("amount"),
        _text("value", null=True),
        _number("time_ms"),
    )
    op.create_index("flows_by_time", "flows", ["time_ms"])
    op.create_table("equity", _number("time_ms", key=True), _text("equity"), _text("cash"))


def _marks() -> None:
    op.create_table("meta", _name("key", key=True), _text("value"))
    op.create_table("heads", _name("name", key=True), _number("sequence"), _name("hash"), _number("time_ms"))
    op.create_table(
        "latches",
        _name("strategy"),
        _name("symbol"),
        _number("bar_ms"),
        _text("reason"),
        sa.PrimaryKeyConstraint("strategy", "symbol"),
    )

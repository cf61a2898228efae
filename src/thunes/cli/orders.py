"""`thunes positions`, `balance`, `orders` and `order preview`: what the ledger holds, and an order that is not sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thunes.cli.options import Environment, Json

if TYPE_CHECKING:
    from rich.table import Table

    from thunes.audit.events import Check
    from thunes.clock import Clock
    from thunes.settings import Settings
    from thunes.trading.ledger.ledger import Ledger
    from thunes.trading.ledger.values import OrderRecord, Position
    from thunes.trading.preview import Preview

WIDTH = 80  # columns
app = typer.Typer(rich_markup_mode="rich")


@app.callback(invoke_without_command=True)
def order(context: typer.Context) -> None:
    """Look at an order before anybody sends one."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(context_settings={"ignore_unknown_options": True})  # an amount of -1 is an amount, and told to be none
def preview(
    symbol: Annotated[str, typer.Argument(help="Such as BTCUSDT.")],
    side: Annotated[str, typer.Argument(help="BUY or SELL.")],
    amount: Annotated[str, typer.Argument(help="Of quote currency.")],
    environment: Environment = None,
    as_json: Json = False,
) -> None:
    """Judge a market order by every filter and every risk rule, with value and bound. Nothing is sent.

    Exit code 7 where risk would refuse it, 1 where a filter would.

    Example: thunes order preview BTCUSDT BUY 25
    """
    from thunes.cli.options import money_of
    from thunes.cli.output import console, emit_json
    from thunes.cli.wing import in_environment
    from thunes.errors import UsageError

    settings, money = in_environment(environment), money_of("the amount", amount)
    if side.upper() not in ("BUY", "SELL"):
        raise UsageError("E-SIDE", f"{side!r} is no side.", "Give BUY or SELL.")
    found = _previewed(settings, symbol, side.upper(), money)
    if as_json:
        emit_json("order_preview", {"environment": settings.environment, **_preview_document(found)})
    else:
        console.print(_checks_table(found.checks))
        if found.stop is None:
            console.print(f"{found.side} {symbol} for {money:f} would be sent.", markup=False, soft_wrap=True)
    _complain_of(found)


def _previewed(settings: Settings, symbol: str, side: str, money: Decimal) -> Preview:
    from thunes.cli.limits import check_order_size
    from thunes.cli.wing import artefact_of, connected, require_market
    from thunes.trading.preview import preview

    check_order_size(settings)
    with connected(settings, lambda: artefact_of(settings, symbol)) as wing:
        assert wing.venue is not None
        require_market(wing, symbol)
        return preview(wing.venue, wing.risk, symbol, side, money)  # type: ignore[arg-type]  # looked at above


def _complain_of(found: Preview) -> None:
    from thunes.errors import RiskError, ThunesError

    stop = found.stop
    if stop is None:
        return
    kind = RiskError if stop.stage == "risk" else ThunesError
    said = (stop.text or stop.name).rstrip(".")
    raise kind(stop.code or "E-REFUSED", f"{found.side} {found.symbol} would not be sent: {said}.")


def positions(environment: Environment = None, as_json: Json = False) -> None:
    """List open positions, and the dust that closed ones left.

    Example: thunes positions
    """
    from thunes.cli.output import console, emit_json
    from thunes.cli.wing import in_environment

    settings = in_environment(environment)
    with _ledger(settings) as (ledger, _):
        held, dust = (ledger.positions(), ledger.dust()) if ledger else ([], [])
        realised = ledger.realised() if ledger else Decimal(0)
    if as_json:
        rows = [_position(one) for one in held]
        counted = {"open_positions": len(held), "realised": realised}
        told = {"positions": rows, "dust": [asdict(one) for one in dust], **counted}
        emit_json("positions", {"environment": settings.environment, **told})
        return
    if held:
        console.print(_positions_table(held))
    for one in dust:
        console.print(f"dust: {one.quantity:f} of {one.symbol}", markup=False)
    console.print(f"{len(held)} open in {settings.environment}; realised {_short(realised)}", markup=False)


def balance(environment: Environment = None, as_json: Json = False) -> None:
    """Show the account as the exchange told it last, how long ago that was, and what the ledger expects.

    Example: thunes balance
    """
    from thunes.cli.output import console, emit_json
    from thunes.cli.wing import in_environment
    from thunes.clock import iso

    settings = in_environment(environment)
    with _ledger(settings) as (ledger, clock):
        rows, told_ms = (_balances(ledger), ledger.balances_ms()) if ledger else ([], None)
        equity = ledger.equity()[-1:] if ledger else []
        age = None if told_ms is None else max(0, clock.now_ms() - told_ms) / 1000
    if as_json:
        known = {"told_ms": told_ms, "age_seconds": age, "equity": equity[0].equity if equity else None}
        emit_json("balance", {"environment": settings.environment, **known, "balances": rows})
        return
    if told_ms is None or age is None:
        console.print(f"No balance is known in {settings.environment} yet: thunes paper asks.", markup=False)
        return
    console.print(_table(("asset", "free", "locked", "expected"), rows, right=(1, 2, 3)))
    worth = f"; equity {_short(equity[0].equity)}" if equity else ""
    console.print(f"Told at {iso(told_ms)}, {_age(age)} ago{worth}.", markup=False)
    if any(row["free"] + row["locked"] != row["expected"] for row in rows):
        console.print("The ledger expects otherwise: an order was filled since then, or see thunes why.", markup=False)


def orders(
    count: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 20,
    environment: Environment = None,
    as_json: Json = False,
) -> None:
    """List the newest orders, the last one last: what was asked for, and what became of it.

    Example: thunes orders -n 5
    """
    from thunes.cli.output import console, emit_json
    from thunes.cli.wing import in_environment

    settings = in_environment(environment)
    with _ledger(settings) as (ledger, _):
        found = ledger.orders()[-count:] if ledger else []
    rows = [_order(one) for one in found]
    if as_json:
        emit_json("orders", {"environment": settings.environment, "orders": rows})
    elif rows:
        console.print(_orders_table(found))
    else:
        console.print(f"No order was made in {settings.environment} yet.", markup=False)


@contextmanager
def _ledger(settings: Settings) -> Iterator[tuple[Ledger | None, Clock]]:
    """The ledger, None where nothing was ever traded: a question makes no files."""
    from thunes.cli.wing import clock_of
    from thunes.trading.ledger.ledger import Ledger
    from thunes.trading.ledger.store import ledger_path

    clock = clock_of(settings)
    if not ledger_path(settings.state_dir, settings.environment).exists():
        yield None, clock
        return
    with Ledger.of(settings.state_dir, settings.environment, clock) as ledger:
        yield ledger, clock


# Rows


def _position(one: Position) -> dict[str, Any]:
    return {**asdict(one), "entry_price": one.entry_price, "average_cost": one.average_cost}


def _balances(ledger: Ledger) -> list[dict[str, Any]]:
    told, expected = ledger.balances(), ledger.expected()
    zero = Decimal(0)
    return [
        {
            "asset": asset,
            "free": told[asset].free if asset in told else zero,
            "locked": told[asset].locked if asset in told else zero,
            "expected": expected.get(asset, zero),
        }
        for asset in sorted(told.keys() | expected.keys())
    ]


def _order(one: OrderRecord) -> dict[str, Any]:
    ticket = one.intent.ticket
    return {
        "client_order_id": one.intent.client_id,
        "symbol": ticket.symbol,
        "side": ticket.side,
        "type": ticket.type,
        "quantity": ticket.quantity,
        "quote_quantity": ticket.quote_quantity,
        "strategy": one.intent.strategy,
        "bar_ms": one.intent.bar_ms,
        "intended_ms": one.intent.time_ms,
        "outcome": one.outcome,
        "order_id": one.order_id,
        "status": one.status,
        "executed": one.executed,
        "quote_executed": one.quote_executed,
        "resolved": one.resolved,
        "note": one.note,
    }


def _preview_document(found: Preview) -> dict[str, Any]:
    return {
        "symbol": found.symbol,
        "side": found.side,
        "amount": found.amount,
        "passed": found.stop is None,
        "code": found.stop.code if found.stop else None,
        "ticket": None if found.ticket is None else asdict(found.ticket),
        "checks": [check.model_dump() for check in found.checks],
    }


# Tables


def _table(names: Sequence[str], rows: Sequence[dict[str, Any]], right: Sequence[int] = ()) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, width=None)
    for place, name in enumerate(names):
        table.add_column(name, justify="right" if place in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_short(row[name]) for name in names))
    return table


def _positions_table(held: Sequence[Position]) -> Table:
    from thunes.clock import iso

    rows = [
        {
            "symbol": one.symbol,
            "strategy": one.strategy,
            "quantity": one.quantity,
            "cost": one.cost,
            "entry": one.entry_price,
            "since": iso(one.opened_ms),
        }
        for one in held
    ]
    return _table(("symbol", "strategy", "quantity", "cost", "entry", "since"), rows, right=(2, 3, 4))


def _orders_table(found: Sequence[OrderRecord]) -> Table:
    from thunes.clock import iso

    rows = [
        {
            "time": iso(one.intent.time_ms),
            "symbol": one.intent.ticket.symbol,
            "side": one.intent.ticket.side,
            "executed": one.executed,
            "quote": one.quote_executed,
            "became": one.status or one.outcome or "under way",
        }
        for one in found
    ]
    return _table(("time", "symbol", "side", "executed", "quote", "became"), rows, right=(3, 4))


def _checks_table(checks: Sequence[Check]) -> Table:
    rows = [
        {
            "": "ok" if check.passed else "FAIL",
            "stage": check.stage,
            "check": check.name,
            "value": check.value or "",
            "bound": check.bound or "",
        }
        for check in checks
    ]
    return _table(("", "stage", "check", "value", "bound"), rows)


def _short(value: Any) -> str:
    """A cell; an amount to 8 decimals."""
    from thunes.risk.verdict import plain

    return plain(value) if isinstance(value, Decimal) else str(value)


def _age(seconds: float) -> str:
    """How long, in the unit that a person would say."""
    for size, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"

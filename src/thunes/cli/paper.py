"""`thunes paper`: one pass of what was promoted, on the embedded exchange or on testnet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from thunes.cli.options import Json
from thunes.cli.promoted import Interval, Strategy, Symbol

if TYPE_CHECKING:
    from thunes.cli.wing import Wing
    from thunes.settings import Settings
    from thunes.strategies.artefact import Artefact
    from thunes.trading.passes import Pass


def paper(
    strategy: Strategy = None,
    symbol: Symbol = None,
    interval: Interval = None,
    environment: Annotated[
        Literal["sim", "testnet"] | None, typer.Option(help="Default: ENVIRONMENT, if it is one of these.")
    ] = None,
    bars: Annotated[int, typer.Option(min=1, help="In sim: so many candles, a pass after each.")] = 1,
    as_json: Json = False,
) -> None:
    """Trade what is promoted, one pass after the next closed candle; in sim the embedded exchange plays that candle.

    A pass that was broken off is finished first. Nothing is sent that could not be written down before.

    Example: thunes paper --strategy sma_cross --symbol BTCUSDT --interval 1h
    """
    from thunes.cli.output import emit_json
    from thunes.cli.promoted import chosen_slot
    from thunes.cli.wing import trader_of
    from thunes.settings import load_settings

    settings = _in_environment(load_settings(), environment)
    store = _store(settings)
    artefact = store.current(*chosen_slot(store, strategy, symbol, interval))
    with _wing(settings, artefact) as wing:
        trader = trader_of(wing, settings, artefact)
        for _ in range(bars if wing.exchange else 1):
            if wing.exchange:
                wing.exchange.advance(bars=1)
            done = trader.run()
            emit_json("paper", _document(artefact, settings, wing, done)) if as_json else _print(artefact, done)


def _in_environment(settings: Settings, environment: str | None) -> Settings:
    """The settings of the environment asked for. `UsageError` for one that paper does not trade in."""
    from thunes.errors import UsageError

    chosen = environment or settings.environment
    if chosen not in ("sim", "testnet"):
        raise UsageError("E-PAPER-ENVIRONMENT", f"paper does not trade in {chosen}.", "Give sim or testnet.")
    return settings.model_copy(update={"environment": chosen})


def _store(settings: Settings) -> Any:
    from thunes.clock import SystemClock
    from thunes.errors import DataError
    from thunes.strategies.promoted import Promoted, folder_of

    store = Promoted(settings.state_dir / folder_of(settings.environment), SystemClock())
    if not store.slots():
        hint = "Promote something first: thunes promote --strategy sma_cross --data synthetic:7,edge=2 --last 26280"
        raise DataError("E-NO-ARTEFACT", f"nothing is promoted for {settings.environment}.", hint)
    return store


@contextmanager
def _wing(settings: Settings, artefact: Artefact) -> Iterator[Wing]:
    from thunes.cli.wing import embedded, on_testnet
    from thunes.strategies.artefact import verify

    verify(artefact, settings.environment)
    with embedded(settings, artefact) if settings.environment == "sim" else on_testnet(settings) as wing:
        yield wing


def _document(artefact: Artefact, settings: Settings, wing: Wing, done: Pass) -> dict[str, Any]:
    from thunes.clock import iso

    position = wing.ledger.position(artefact.symbol)
    return {
        "environment": settings.environment,
        "strategy": artefact.strategy,
        "symbol": artefact.symbol,
        "interval": artefact.interval,
        "artefact": artefact.id,
        "bar": iso(done.bar_ms),
        "bar_ms": done.bar_ms,
        "wanted": done.exposure,
        "held": done.held,
        "decision": {"action": done.plan.action, "code": done.code, "reason": done.reason},
        "order": _order(done),
        "fills": [
            {
                "trade_id": one.fill.trade_id,
                "price": one.fill.price,
                "quantity": one.fill.quantity,
                "commission": one.fill.commission,
                "commission_asset": one.fill.commission_asset,
            }
            for one in done.fills
        ],
        "ledger": {
            "equity": done.equity,
            "position": position.quantity if position else "0",
            "realised": wing.ledger.realised(),
            "open_positions": wing.ledger.count_open_positions(),
        },
    }


def _order(done: Pass) -> dict[str, Any] | None:
    if done.order is None:
        return None
    ticket = done.order.intent.ticket
    return {
        "client_order_id": ticket.client_order_id,
        "side": ticket.side,
        "outcome": done.order.outcome,
        "status": done.order.status,
        "executed": done.order.executed,
        "quote": done.order.quote_executed,
    }


def _print(artefact: Artefact, done: Pass) -> None:
    from thunes.cli.output import console
    from thunes.clock import iso

    head = f"{iso(done.bar_ms)}  {artefact.strategy} {artefact.symbol} {artefact.interval}"
    console.print(f"{head}  wanted {done.exposure:f}, held {done.held:f}", markup=False, soft_wrap=True)
    if done.order is None:
        console.print(f"  no order: {done.reason} [{done.code}]", markup=False, soft_wrap=True)
        return
    order = done.order
    became = f"{order.status or order.outcome} ({order.intent.client_id})"
    amount = f"{order.executed:f} for {order.quote_executed:.2f}"
    console.print(f"  {order.intent.ticket.side} {amount}: {became}", markup=False, soft_wrap=True)

"""`thunes paper`: one pass of what was promoted, on the embedded exchange or on testnet."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from thunes.cli.options import Json
from thunes.cli.promoted import Interval, Strategy, Symbol

if TYPE_CHECKING:
    from thunes.cli.wing import Wing
    from thunes.settings import Settings
    from thunes.strategies.artefact import Artefact
    from thunes.trading.passes import Pass


PLANTED = ("--strategy", "sma_cross", "--data", "synthetic:7,edge=2", "--last", "26280")


def paper(
    strategy: Strategy = None,
    symbol: Symbol = None,
    interval: Interval = None,
    environment: Annotated[
        Literal["sim", "testnet"] | None, typer.Option(help="Default: ENVIRONMENT, if it is one of these.")
    ] = None,
    bars: Annotated[int, typer.Option(min=1, help="In sim: so many candles, a pass after each.")] = 1,
    promote_first: Annotated[
        bool, typer.Option("--promote-first", help="In sim with nothing promoted: promote on a planted market.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Trade what is promoted, one pass after the next closed candle; in sim the embedded exchange plays that candle.

    A pass that was broken off is finished first. Nothing is sent that could not be written down before.

    Example: thunes paper --strategy sma_cross --symbol BTCUSDT --interval 1h
    """
    from thunes.cli.limits import check_order_size
    from thunes.cli.output import emit_json
    from thunes.cli.promoted import chosen_slot
    from thunes.cli.wing import in_environment, promoted_store

    settings = _tradable(in_environment(environment))
    check_order_size(settings)
    if promote_first:
        _promote_first(settings)
    store = promoted_store(settings)
    artefact = store.current(*chosen_slot(store, strategy, symbol, interval))
    with _wing(settings, artefact) as wing, _logged(settings, wing, artefact) as log:
        for done in _passes(settings, wing, artefact, bars):
            log(_line(done))
            emit_json("paper", _document(artefact, settings, wing, done)) if as_json else _print(artefact, done)
        _complain_of(wing, done)


def _passes(settings: Settings, wing: Wing, artefact: Artefact, bars: int) -> Iterator[Pass]:
    from thunes.cli.limits import check_order_filters
    from thunes.cli.wing import trader_of

    trader = trader_of(wing, settings, artefact)
    check_order_filters(wing, settings, artefact.symbol)
    begun = _is_begun(wing, artefact)
    for number in range(bars if wing.exchange else 1):
        if wing.exchange and not (begun and number == 0):
            wing.exchange.advance(bars=1)
        yield trader.run()


def _is_begun(wing: Wing, artefact: Artefact) -> bool:
    """Whether a candle was played that no decision is about: the pass after it was broken off."""
    from thunes.audit.events import Decision
    from thunes.errors import AuditError
    from thunes.market.grid import last_closed

    own = (artefact.strategy, artefact.symbol, artefact.interval)
    try:
        for entry in wing.trail.history().backwards("decision"):
            told = entry.event
            if entry.env != wing.environment or not isinstance(told, Decision):
                continue
            if (told.strategy, told.symbol, told.interval) == own:
                return (told.bar or 0) < last_closed(wing.clock.now_ms(), artefact.interval)
    except AuditError:  # the pass will say it
        pass
    return False


def _complain_of(wing: Wing, done: Pass) -> None:
    """`RiskError` where the last pass wanted an order and trading is stopped."""
    from thunes.errors import RiskError

    if done.order is None and done.code in ("E-RISK-REDUCING", "E-RISK-HALTED"):
        status = wing.risk.get_risk_status()
        hint = 'See thunes risk; thunes resume --reason "…" --budget B lets entries pass again.'
        raise RiskError(done.code, f"trading is stopped: {status['state']}, {status['reason']}.", hint)


@contextmanager
def _logged(settings: Settings, wing: Wing, artefact: Artefact) -> Iterator[Callable[[str], None]]:
    """One line per pass in logs/paper_trader.log, also for one that failed. A log that cannot be written stops none."""
    from thunes.cli.output import talk
    from thunes.clock import iso
    from thunes.errors import ThunesError

    path = settings.state_dir / "logs" / "paper_trader.log"

    def log(text: str) -> None:
        what = f"{settings.environment} {artefact.strategy} {artefact.symbol} {artefact.interval}"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{iso(wing.clock.now_ms())} {what} {' '.join(text.split())}\n")
        except OSError as error:
            talk.print(f"! {path}: {error.strerror}", markup=False, soft_wrap=True)

    try:
        yield log
    except ThunesError as error:
        log(f"failed: {error}")
        raise


def _line(done: Pass) -> str:
    from thunes.clock import iso

    seen = f"bar {iso(done.bar_ms)}, wanted {done.exposure:f}, held {done.held:f}, equity {done.equity:f}"
    if done.order is None:
        return f"{seen}: {_none(done)}"
    order = done.order
    became = f"{order.status or order.outcome} {order.intent.client_id}"
    return f"{seen}: {order.intent.ticket.side} {order.executed:f} for {order.quote_executed:f}: {became}"


def _none(done: Pass) -> str:
    """Why there is no order; a refusal's reason has its code already."""
    code = f"[{done.code}]"
    return f"no order: {done.reason}" + ("" if done.reason.endswith(code) else f" {code}")


def _tradable(settings: Settings) -> Settings:
    """`UsageError` for an environment that paper does not trade in."""
    from thunes.errors import UsageError

    if settings.environment not in ("sim", "testnet"):
        told = f"paper does not trade in {settings.environment}."
        raise UsageError("E-PAPER-ENVIRONMENT", told, "Give sim or testnet.")
    return settings


def _promote_first(settings: Settings) -> None:
    """In sim, where nothing is promoted: find and promote something on a market with a planted edge."""
    from thunes.cli.app import main
    from thunes.cli.output import talk
    from thunes.errors import DataError
    from thunes.strategies.promoted import folder_of

    if settings.environment != "sim" or any((settings.state_dir / folder_of("sim")).glob("*/current.json")):
        return
    talk.print(f"Nothing is promoted for sim yet. First, on a market with a planted edge ({PLANTED[3]}):")
    for command in (("optimize", *PLANTED, "--trials", "64", "--no-verdict"), ("promote", *PLANTED)):
        talk.print(f"thunes {' '.join(command)}", markup=False, soft_wrap=True)
        with redirect_stdout(sys.stderr):  # the one result on stdout is the pass
            code = main(command)
        if code:
            raise DataError("E-NO-ARTEFACT", f"thunes {command[0]} ended with exit code {code}.", "See above.")


@contextmanager
def _wing(settings: Settings, artefact: Artefact) -> Iterator[Wing]:
    from thunes.cli.wing import connected, only_trader
    from thunes.strategies.artefact import verify

    verify(artefact, settings.environment)
    with only_trader(settings):
        if settings.environment == "sim":
            _check_market(settings, artefact)
        with connected(settings, lambda: artefact) as wing:
            yield wing


def _check_market(settings: Settings, artefact: Artefact) -> None:
    """`UsageError` where the ledger's account lies on another market's embedded exchange: each plays one market.

    Before ours is made: one that is new knows nothing of the account, which would look like money lost.
    """
    from thunes.cli.wing import exchange_folder, opened
    from thunes.errors import UsageError

    ours = exchange_folder(settings, artefact.symbol, artefact.interval)
    found = sorted(path.name for path in ours.parent.glob("exchange-*") if path != ours)
    if not found:
        return
    with opened(settings) as wing:
        traded = {record.intent.ticket.symbol for record in wing.ledger.orders() if record.executed}
    if traded - {artefact.symbol} or (traded and not ours.exists()):
        others = ", ".join(name.removeprefix("exchange-").replace("-", " ") for name in found)
        told = f"in sim one account trades one market, and this one has traded {others}."
        hint = f"Trade {artefact.symbol} {artefact.interval} with a STATE_DIR of its own."
        raise UsageError("E-PAPER-MARKET", told, hint)


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
    from thunes.cli.output import console, shown
    from thunes.clock import iso

    head = f"{iso(done.bar_ms)}  {artefact.strategy} {artefact.symbol} {artefact.interval}"
    console.print(f"{head}  wanted {done.exposure:f}, held {done.held:f}", markup=False, soft_wrap=True)
    if done.order is None:
        console.print(f"  {shown(_none(done))}", markup=False, soft_wrap=True)
        return
    order = done.order
    became = f"{order.status or order.outcome} ({order.intent.client_id})"
    amount = f"{order.executed:f} for {order.quote_executed:.2f}"
    console.print(f"  {order.intent.ticket.side} {amount}: {became}", markup=False, soft_wrap=True)

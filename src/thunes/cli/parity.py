"""`thunes parity`: the trader, or what an account has done, against the backtest, order for order."""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thunes.cli import options as given

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.table import Table

    from thunes.model import Candles
    from thunes.ops.ledger_parity import LedgerParity, Result
    from thunes.ops.parity import Parity
    from thunes.settings import Settings
    from thunes.strategies.artefact import Artefact

All = Annotated[bool, typer.Option("--all", help="Every built-in strategy, with its default values.")]
OfLedger = Annotated[bool, typer.Option("--ledger", help="Compare what the account of ENVIRONMENT has done.")]
# Options of a replay by the names of their arguments: an account has had its candles, and its strategy its values.
OF_REPLAYS = {"every": "--all", "set_": "--set", "data": "--data", "start": "--start", "end": "--end", "last": "--last"}


def parity(
    context: typer.Context,
    strategy: given.Strategy = "sma_cross",
    set_: given.Set = None,
    data: given.Data = "auto",
    symbol: given.Symbol = None,
    interval: given.Interval = None,
    start: given.Start = None,
    end: given.End = None,
    last: given.Last = 2_160,
    every: All = False,
    of_ledger: OfLedger = False,
    as_json: given.Json = False,
) -> None:
    """Drive the real trader through candles on the local exchange and compare each order with the backtest's.

    Both begin with the first candle and the same cash, all of it traded, without limits of risk. Every difference in
    money is told by its cause. Exit code 1 where an order is missing without one, or money is left unexplained.

    With --ledger nothing is driven: what the account has done since its first pass stands beside the backtest of what
    is promoted, over the same bars and for the same money (--strategy, --symbol and --interval say what, where several
    things are). Exit code 1 where one of the two made an order alone and the audit trail does not tell why.

    Example: thunes parity --strategy sma_cross --symbol BTCUSDT --data synthetic:7 --last 500
    """
    from thunes.cli.loading import load_candles
    from thunes.cli.output import emit_json
    from thunes.errors import CheckFailed, UsageError
    from thunes.settings import load_settings

    if of_ledger:
        _refuse(option for name, option in OF_REPLAYS.items() if _is_given(context, name))
        _compare_ledger(strategy if _is_given(context, "strategy") else None, symbol, interval, as_json=as_json)
        return
    values = given.named("--set", set_ or (), given.assignment)
    if every and values:
        raise UsageError("E-PARITY-ALL", "--all takes no --set.", "Name one strategy.")
    settings = load_settings()
    chosen = _chosen(None if every else strategy, values)
    candles = load_candles(symbol, interval, data, start=start, end=end, last=last, settings=settings)
    found = []
    for one in _compared(chosen, candles, settings.state_dir / "state"):
        found.append(one)
        if not as_json:
            _print(one)
    if as_json:
        emit_json("parity", {"strategies": [one.to_dict() for one in found]} if every else found[0].to_dict())
    apart = [one.strategy for one in found if not one.holds]
    if apart:
        raise CheckFailed("E-PARITY", f"trader and backtest are not the same: {', '.join(apart)}.")


def _chosen(strategy: str | None, values: dict[str, str]) -> list[tuple[str, Any]]:
    """Names and strategies; all built-in ones for None."""
    from thunes.research.backtest import instance
    from thunes.strategies.registry import BUILT_IN

    return [(name, instance(name, values)) for name in ([strategy] if strategy else BUILT_IN)]


def _compared(chosen: Sequence[tuple[str, Any]], candles: Candles, folder: Path) -> Iterator[Parity]:
    from pathlib import Path

    from thunes.cli.loading import progress_bar
    from thunes.cli.output import strategy_prints
    from thunes.ops.parity import parity as compared

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, strategy in chosen:
        with (
            TemporaryDirectory(dir=folder, prefix="parity-") as place,
            progress_bar(name) as progress,
            strategy_prints(),
        ):
            found = compared(strategy, candles, Path(place), name=name, progress=progress)
        yield found


def _print(found: Parity) -> None:
    from rich.table import Table

    from thunes.cli.output import console

    verdict = "the same trades" if found.holds else "NOT the same"
    told = found.candles
    head = f"{found.strategy}  {told.symbol} {told.interval}, {len(told):,} bars: {verdict}"
    console.print(head, style="green" if found.holds else "bold red", markup=False, soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in _rows(found):
        table.add_row(f"  {name}", value)
    console.print(table)


def _rows(found: Parity) -> Iterator[tuple[str, str]]:
    yield "orders of both", f"{found.matched:,}"
    for cause, count in found.unmatched.items():
        yield f"of one alone: {cause}", f"{count:,}"
    yield "largest difference in price", f"{found.price_difference:.2f} ({100 * found.price_fraction:.4f} %)"
    yield "largest difference in money", f"{found.money_difference:.2f}"
    yield "backtest ends with", f"{found.backtest_equity:.6f}"
    for cause, amount in found.money.items():
        yield f"+ {cause}", f"{amount:.6f}"
    yield "trader ends with", f"{found.trader_equity:.6f}"
    yield "unexplained, at most", f"{found.unexplained:.2e}"


# The account


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _refuse(options: Iterator[str]) -> None:
    from thunes.errors import UsageError

    if named := ", ".join(options):
        hint = "It takes --strategy, --symbol, --interval and --json."
        raise UsageError("E-PARITY-LEDGER", f"--ledger takes no {named}.", hint)


def _compare_ledger(strategy: str | None, symbol: str | None, interval: str | None, *, as_json: bool) -> None:
    from thunes.cli.output import emit_json
    from thunes.cli.promoted import chosen_slot
    from thunes.cli.wing import in_environment, promoted_store
    from thunes.errors import CheckFailed

    settings = in_environment(None)
    store = promoted_store(settings)
    found = _of_account(settings, store.current(*chosen_slot(store, strategy, symbol, interval)))
    if as_json:
        emit_json("parity_ledger", {"environment": settings.environment, **found.to_dict()})
    else:
        _print_ledger(found, settings.environment)
    if not found.holds:
        count = found.unmatched["unexplained"]
        orders = f"{found.job.name}: {count} {'orders are' if count > 1 else 'order is'}"
        told = f"{orders} in the ledger alone or in the backtest alone, and the trail does not tell why."
        raise CheckFailed("E-PARITY", told, "See thunes orders, thunes why.")


def _of_account(settings: Settings, artefact: Artefact) -> LedgerParity:
    """Compared; an account that has not traded gets no exchange either."""
    from thunes.audit.history import History
    from thunes.audit.lines import Head
    from thunes.audit.verify import require_whole
    from thunes.cli.output import strategy_prints
    from thunes.cli.wing import clock_of, connected, trader_of
    from thunes.ops.ledger_parity import ledger_parity, passes_of, untraded
    from thunes.trading.ledger.ledger import Ledger
    from thunes.trading.ledger.store import ledger_path

    named = (artefact.strategy, artefact.symbol, artefact.interval)
    if not ledger_path(settings.state_dir, settings.environment).exists():
        raise untraded(" ".join(named), settings.environment)
    folder = settings.state_dir / "logs"
    with Ledger.of(settings.state_dir, settings.environment, clock_of(settings)) as ledger:
        passes = passes_of(ledger, History(folder), *named)
        kept = ledger.last_anchor()
        require_whole(folder, None if kept is None else Head(kept.sequence, kept.hash))
    with strategy_prints(), connected(settings, lambda: artefact) as wing:
        assert wing.venue is not None
        return ledger_parity(trader_of(wing, settings, artefact).job, wing.venue, wing.ledger, passes)


def _print_ledger(found: LedgerParity, environment: str) -> None:
    from thunes.cli.output import console
    from thunes.clock import iso

    job, candles = found.job, found.candles
    verdict = "the ledger made the backtest's trades" if not found.unmatched else "each difference has its reason"
    style, told = ("green", verdict) if found.holds else ("bold red", "NOT the same trades")
    console.print(f"{job.name} {job.symbol} {job.interval} in {environment}: {told}", style=style, markup=False)
    period = f"{iso(int(candles.open_time[0]))} to {iso(candles.end_time)} UTC, {len(candles):,} bars"
    console.print(f"{period}, {candles.source}", markup=False)
    if candles.is_synthetic:
        console.print("SYNTHETIC MARKET: made-up candles. No figure here tells anything of a real one.")
    console.print(_ledger_table(found))
    fee, slippage = (f"{100 * cost:g} %" for cost in (found.costs.fee, found.costs.slippage))
    console.print(f"In {found.quote}; the backtest with a fee of {fee} and a slippage of {slippage}.", markup=False)
    if found.under_way:
        orders = f"{found.under_way} order{'s' if found.under_way > 1 else ''}"
        console.print(f"Left out: {orders} of the ledger in the bar that is not closed yet.", markup=False)


def _ledger_table(found: LedgerParity) -> Table:
    from rich.table import Table

    from thunes.cli.output import console

    table = Table("", box=None, pad_edge=False, header_style="bold")
    for head in ("ledger", "backtest"):  # a number that is cut off for want of room is another number
        table.add_column(head, justify="right", min_width=12 if console.width >= ROOM else None, overflow="fold")
    ledger, backtest = found.ledger, found.backtest
    table.add_row("orders", f"{ledger.orders:,}", f"{backtest.orders:,}")
    table.add_row("  of both", f"{found.matched:,}", f"{found.matched:,}")
    for cause in found.unmatched:
        table.add_row(f"  alone: {cause}", *(f"{one.alone.get(cause, 0):,}" for one in (ledger, backtest)))
    for name, mine, theirs in zip(FIGURES, _figures(ledger), _figures(backtest), strict=True):
        table.add_row(name, mine, theirs, style="bold" if name == "result" else "")
    table.add_row("difference of the results", f"{found.difference:+,.4f}", "")
    return table


ROOM = 56  # characters, which the table needs with wide columns
FIGURES = (
    "closed trades",
    "win rate",
    "bought for",
    "fees",
    "realised, after fees",
    "unrealised, dust included",
    "result",
)


def _figures(one: Result) -> Iterator[str]:
    yield f"{one.trades:,}"
    yield "–" if one.win_rate is None else f"{100 * one.win_rate:.1f} %"
    for amount in (one.bought, one.fees, one.realised, one.unrealised, one.earned):
        yield f"{amount:,.4f}"

"""`thunes optimize`: the parameters of one strategy that did best on folds of history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from thunes.cli import options as given

if TYPE_CHECKING:
    from thunes.research.gates.verdict import Verdict
    from thunes.research.search.objective import Outcome
    from thunes.research.search.result import SearchResult

Sampler = Literal["tpe", "nsga2", "cmaes", "random", "exhaustive"]
LINES = 10  # of progress, where no terminal shows a bar


def optimize(
    strategy: given.Strategy = "sma_cross",
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=RANGE", help="Narrow a range: fast=5:54 or fast=5:54:2; may be repeated."),
    ] = None,
    data: given.Data = "auto",
    symbol: given.Symbol = None,
    interval: given.Interval = None,
    start: given.Start = None,
    end: given.End = None,
    last: given.Last = None,
    fee: given.Fee = None,
    slippage: given.Slippage = None,
    objective: Annotated[
        str, typer.Option(metavar="A,B,…", help="sharpe, sortino, calmar, return_over_drawdown; several with commas.")
    ] = "sharpe",
    folds: Annotated[int, typer.Option(min=1, help="Stretches of history that a set is judged on.")] = 5,
    min_trades: Annotated[int, typer.Option(min=0, help="Fewest closed trades on all folds.")] = 10,
    trials: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Sets to draw. With --shared: by this worker.")
    ] = 100,
    sampler: Annotated[Sampler, typer.Option(help="How sets are drawn; exhaustive tries them all.")] = "tpe",
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same sets.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads; no number changes the result. Default: the cores.")
    ] = None,
    prune: Annotated[bool, typer.Option("--prune/--no-prune", help="Give up bad sets before the last fold.")] = True,
    study: Annotated[str, typer.Option(metavar="NAME", help="Default: made of what is searched and how.")] = "",
    storage: Annotated[str, typer.Option(metavar="URL", help="A database. Default: a file in artifacts/optuna.")] = "",
    shared: Annotated[bool, typer.Option("--shared", help="Other workers add to the study: not reproducible.")] = False,
    html: Annotated[bool, typer.Option("--html/--no-html", help="The page too; it takes seconds to draw.")] = True,
    verdict: Annotated[bool, typer.Option("--verdict/--no-verdict", help="Ask the gates about the best set.")] = True,
    as_json: given.Json = False,
) -> None:
    """Search a strategy's parameters, judged on folds of history; a study that was broken off goes on.

    The best set is no discovery yet: it is the luckiest of many until the gates say otherwise.

    Example: thunes optimize --strategy sma_cross --trials 50 --seed 1 --data synthetic:7
    """
    from thunes.cli.loading import load_candles, say
    from thunes.cli.output import strategy_prints
    from thunes.clock import SystemClock
    from thunes.errors import UsageError
    from thunes.research.backtest import strategy_class
    from thunes.research.evidence.ledger import Ledger, searched
    from thunes.research.grid import parse_range
    from thunes.research.promotion import verdict_on
    from thunes.research.search import search as research
    from thunes.research.search.result import SHARED
    from thunes.settings import load_settings

    costs = given.costs_of(fee, slippage)
    ranges: dict[str, Any] = given.named("--grid", grid or (), parse_range)
    objectives = tuple(name.strip() for name in objective.split(","))
    if sampler == "exhaustive" and (storage or study or shared):
        raise UsageError("E-SEARCH", "exhaustive keeps no study.", "Leave out --storage, --study and --shared.")
    if study:
        research.require_name(study)
    settings = load_settings()
    with strategy_prints():
        chosen = strategy_class(strategy)
    space = research.checked_space(chosen, ranges, sampler, objectives)  # before candles are fetched for it
    candles = load_candles(symbol, interval, data, start=start, end=end, last=last, settings=settings)
    if advice := research.recommendation(space, sampler):
        say(advice)
    if shared:
        say(SHARED)
    ledger, spaces = Ledger(settings.state_dir, SystemClock()), {chosen: searched(chosen, space.axes)}
    tried = ledger.count(candles, spaces)
    folder = settings.state_dir / research.FOLDER
    with strategy_prints(), _progress(sampler, objectives[0]) as progress:
        result = research.search(
            chosen,
            candles,
            costs,
            ranges=ranges,
            objectives=objectives,
            folds=folds,
            min_trades=min_trades,
            sampler=sampler,
            trials=trials,
            seed=seed,
            workers=workers,
            prune=prune,
            place=storage or folder,
            study=study,
            shared=shared,
            progress=progress,
        )
    ledger.record(candles, spaces)
    files = _write(result, folder, html)
    with strategy_prints():
        limits = given.limits_of(settings)
        judged = verdict_on(chosen, result.best, candles, costs, limits, tried.count) if verdict else None
    _report(result, judged, files, strategy, as_json)


@contextmanager
def _progress(sampler: str, objective: str) -> Iterator[Callable[[int, int, Outcome | None], None]]:
    """A panel with a bar and the best set so far on a terminal, some plain lines elsewhere; all on stderr."""
    from rich.console import Group
    from rich.live import Live
    from rich.panel import Panel
    from rich.progress_bar import ProgressBar

    from thunes.cli.output import talk

    unit = "folds" if sampler == "exhaustive" else "trials"
    said = 0

    def line(done: int, total: int, best: Outcome | None) -> str:
        return f"{done:,} of {total:,} {unit}{_best(best, objective)}"

    def plain(done: int, total: int, best: Outcome | None) -> None:
        nonlocal said
        if done * LINES // total > said or done == total:
            said = done * LINES // total
            talk.print(line(done, total, best), markup=False, soft_wrap=True)

    if not talk.is_terminal:
        yield plain
        return
    with Live(console=talk, transient=True, refresh_per_second=8) as live:

        def panel(done: int, total: int, best: Outcome | None) -> None:
            shown = Group(ProgressBar(total, done), line(done, total, best))
            live.update(Panel(shown, title=f"searching by {sampler}", width=80))

        yield panel


def _best(best: Outcome | None, objective: str) -> str:
    if best is None:
        return ""
    chosen = " ".join(f"{name}={value:g}" for name, value in best.parameters.items())
    return f", best {objective} {best.values[0]:.4g} ({chosen})"


def _write(result: SearchResult, folder: Path, html: bool) -> dict[str, Path]:
    from thunes.cli.output import spinner
    from thunes.research.search.files import write_files

    with spinner("drawing the page" if html else "reporting"):
        return write_files(result, folder, _page(result) if html else None)


def _report(
    result: SearchResult, judged: Verdict | str | None, files: dict[str, Path], reference: str, as_json: bool
) -> None:
    from thunes.cli.output import console, emit_json
    from thunes.research.search.panel import panel
    from thunes.research.search.words import luck_note, notice

    if as_json:
        said = {"notice": notice(result), "note": luck_note(result), "files": files}
        answer = judged if isinstance(judged, str) or judged is None else judged.to_dict()
        emit_json("optimize", {**result.to_dict(), **said, "verdict": answer})
        return
    console.print(panel(result), soft_wrap=True)
    console.print(f"\n{luck_note(result)}", soft_wrap=True, markup=False)
    places = {"Page": "html", "All sets": "csv"}
    shown = [f"{label:16}{files[kind]}" for label, kind in places.items() if kind in files]
    console.print("\n".join(shown), soft_wrap=True, markup=False)
    if judged is not None:
        _print_verdict(judged, result, reference, files["json"])


def _print_verdict(judged: Verdict | str, result: SearchResult, reference: str, study: Path) -> None:
    from thunes.cli.output import console
    from thunes.research.gates.panel import headline, notes, table

    console.print()
    if isinstance(judged, str):
        console.print(judged, markup=False)
        return
    candles = result.task.candles
    console.print(headline(judged, candles), style="bold", soft_wrap=True, markup=False)
    console.print(table(judged))
    console.print()
    for sentence in notes(judged, len(candles) / candles.bars_per_year):
        console.print(sentence, markup=False)
    if judged.passed:
        console.print(
            f"Hand it over: thunes promote --strategy {reference} --study {study} …", soft_wrap=True, markup=False
        )


def _page(result: SearchResult) -> str:
    from thunes.research.search.page import page

    return page(result)

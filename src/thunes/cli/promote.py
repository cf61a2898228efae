"""`thunes promote`: the gates between a tuned strategy and the daemon."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thunes.cli import options as given

if TYPE_CHECKING:
    from thunes.research.evidence.ledger import Tried
    from thunes.research.promotion import Promotion, Study
    from thunes.settings import Settings
    from thunes.strategies.base import Strategy
    from thunes.strategies.promoted import Promoted

FOLDER = Path("artifacts") / "promote"
Strategies = Annotated[
    str, typer.Option(metavar="NAME[,…]", help="Names, FILE.py:Class, or all (the built-in ones, judged as one space).")
]


def promote(
    strategy: Strategies = "sma_cross",
    set_: given.Set = None,
    study: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The study.json of thunes optimize: its best set is judged.")
    ] = None,
    data: given.Data = "auto",
    symbol: given.Symbol = None,
    interval: given.Interval = None,
    start: given.Start = None,
    end: given.End = None,
    last: given.Last = None,
    fee: given.Fee = None,
    slippage: given.Slippage = None,
    fill: given.Fill = "next_open",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge and show; promote nothing.")] = False,
    accept_uncalibrated: Annotated[
        bool,
        typer.Option("--accept-uncalibrated", help="Promote on an interval whose error rates are unknown; sim only."),
    ] = False,
    force: Annotated[
        str | None, typer.Option(metavar="REASON", help="Promote against the gates; sim only, and on record.")
    ] = None,
    html: Annotated[bool, typer.Option("--html/--no-html", help="Write the report as a page.")] = True,
    as_json: given.Json = False,
) -> None:
    """Ask whether a strategy is more than luck; if every gate says so, hand it to the daemon.

    Every set of the declared space is tested, whatever was searched before. Deployed is the middle of the highest
    plateau; with --set or --study exactly that set is judged.

    Example: thunes promote --strategy sma_cross --data synthetic:7,edge=2 --last 26280
    """
    from thunes.cli.loading import load_candles
    from thunes.cli.output import spinner, strategy_prints
    from thunes.clock import SystemClock
    from thunes.errors import GateRefused
    from thunes.research.backtest import strategy_class
    from thunes.research.evidence.ledger import Ledger, declared
    from thunes.research.gates.family import require_enumerable
    from thunes.research.promotion import consider, refusal, require_fitting
    from thunes.settings import load_settings
    from thunes.strategies.artefact import source_sha256

    costs = given.costs_of(fee, slippage)
    settings = load_settings()
    exceptions = _exceptions(settings, accept_uncalibrated, force)
    references = _references(strategy)
    with strategy_prints():
        classes = [strategy_class(reference) for reference in references]
    chosen, searched = _chosen(classes, given.named("--set", set_ or (), given.assignment), study)
    for cls in classes:
        require_enumerable(cls)
    if not dry_run:
        for reference in references:
            source_sha256(reference)  # what lies outside the project can be judged, not promoted
    candles = load_candles(symbol, interval, data, start=start, end=end, last=last, settings=settings)
    require_fitting(candles, settings.environment)
    if searched is not None:
        searched.require_fitting(classes[0], candles)
    ledger, spaces = Ledger(settings.state_dir, SystemClock()), {cls: declared(cls) for cls in classes}
    tried = ledger.count(candles, spaces)
    terms: dict[str, Any] = {"fill": fill, "chosen": chosen, "tried": tried.count}
    with spinner("judging"), strategy_prints():
        found = consider(classes, candles, costs, limits=given.limits_of(settings), **terms)
    ledger.record(candles, spaces)
    refused = refusal(found.verdict, accept_uncalibrated=accept_uncalibrated)
    report = _write_report(found, settings, tried) if html else None
    path = None
    if not dry_run and found.verdict.deployed is not None and (not refused or force):
        reference = references[classes.index(type(found.verdict.deployed))]
        forced = force if refused else None
        notes = (*tried.notes, *exceptions)
        path = _store(settings).promote(found.artefact(reference, settings.environment, notes=notes, forced=forced))
    _show(found, tried, path, report, refused, as_json)
    if refused and path is None:
        raise GateRefused("E-GATES", refused)


def _exceptions(settings: Settings, accept_uncalibrated: bool, force: str | None) -> list[str]:
    """What is asked for against the rules, in words; `UsageError` where that is not allowed."""
    from thunes.errors import UsageError

    asked = {"--accept-uncalibrated": accept_uncalibrated, "--force": force is not None}
    named = [option for option, given_ in asked.items() if given_]
    if named and settings.environment != "sim":
        what = f"{' and '.join(named)} would promote what the gates do not vouch for."
        raise UsageError("E-PROMOTE-SIM", what, f"Possible in ENVIRONMENT=sim only, not in {settings.environment}.")
    if force is not None and not (force.strip() and force.isprintable()):
        raise UsageError("E-PROMOTE-REASON", "--force needs a reason, in one line.", "Write --force 'why'.")
    return [f"promoted with {option}" for option in named]


def _references(strategy: str) -> list[str]:
    """The strategies named, each once."""
    from thunes.errors import UsageError
    from thunes.strategies.registry import BUILT_IN

    names = [part.strip() for part in strategy.split(",") if part.strip()]
    found = [name for part in names for name in (sorted(BUILT_IN) if part == "all" else [part])]
    if not found:
        raise UsageError("E-STRATEGY-UNKNOWN", "no strategy is named.", "Write --strategy NAME.")
    return list(dict.fromkeys(found))


def _chosen(
    classes: list[type[Strategy]], values: dict[str, str], study: Path | None
) -> tuple[Mapping[str, int | float] | None, Study | None]:
    """The one set that is to be judged, or None for the peak of the plateau; and the study it is from."""
    from thunes.errors import UsageError
    from thunes.research.gates.family import require_declared
    from thunes.research.promotion import read_study

    if values and study is not None:
        raise UsageError("E-PROMOTE-SET", "--set and --study both name the set.", "Give one of them.")
    if not values and study is None:
        return None, None
    if len(classes) != 1:
        raise UsageError("E-PROMOTE-SET", "one set is judged for one strategy.", "Name a single --strategy.")
    found = None if study is None else read_study(study, classes[0])
    asked = classes[0].make(values).values if found is None else found.parameters
    require_declared(classes[0], asked)
    return asked, found


def _store(settings: Settings) -> Promoted:
    from thunes.clock import SystemClock
    from thunes.strategies.promoted import Promoted, folder_of

    return Promoted(settings.state_dir / folder_of(settings.environment), SystemClock())


def _write_report(found: Promotion, settings: Settings, tried: Tried) -> Path | None:
    """The page of the deployed set's backtest with all that the gates say; None where nothing is deployed."""
    from thunes.cli.output import spinner, strategy_prints
    from thunes.research.promotion import evidence
    from thunes.research.report.contents import report
    from thunes.research.report.judgement import judgement
    from thunes.research.report.page import page
    from thunes.storage.atomic import write_atomic

    if found.backtest is None:
        return None
    with spinner("reporting"), strategy_prints():
        added = judgement(found, evidence(found), tried.notes)
        text = page(report(found.backtest), added)
    name = f"report_{found.backtest.strategy.name()}_{found.candles.symbol}_{found.candles.interval}.html"
    path = settings.state_dir / FOLDER / name
    write_atomic(path, text.encode())
    return path


def _show(
    found: Promotion,
    tried: Tried,
    path: Path | None,
    report: Path | None,
    refused: str,
    as_json: bool,
) -> None:
    from thunes.cli.output import console, emit_json
    from thunes.research.gates.panel import headline, notes, table
    from thunes.research.report.assumptions import synthetic_notice

    candles, verdict = found.candles, found.verdict
    notice = synthetic_notice(candles)
    said = [*notes(verdict, len(candles) / candles.bars_per_year), *tried.notes]
    if as_json:
        outcome = {"promoted": path is not None, "refused": refused or None, "artefact": path, "report": report}
        emit_json("promote", {**found.to_dict(), **outcome, "notes": said, "notice": notice})
        return
    if notice:
        console.print(f" {notice}".ljust(80), style="bold black on yellow", soft_wrap=True, markup=False)
    console.print(headline(verdict, candles), style="bold", soft_wrap=True, markup=False)
    console.print(table(verdict))
    console.print()
    for sentence in said:
        console.print(sentence, markup=False)
    if report is not None:
        console.print(f"Report: {report}", soft_wrap=True, markup=False)
    if path is not None:
        console.print(f"Promoted: {path}", soft_wrap=True, markup=False)
    elif not refused:
        console.print("Every gate passed; nothing was promoted (--dry-run).", markup=False)

"""What several commands are told alike: strategy, candles, costs, fills, stops, the form of the answer."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

if TYPE_CHECKING:
    from thunes.model import Costs, Stops
    from thunes.research.gates.verdict import Thresholds
    from thunes.settings import Settings

V = TypeVar("V")

SOURCES = "auto, store, binance, archive, synthetic[:SEED[,edge=S]] or FILE."
Strategy = Annotated[str, typer.Option(metavar="NAME", help="A name of `thunes strategies`, or FILE.py:Class.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter; may be repeated.")]
Data = Annotated[str, typer.Option(metavar="SOURCE", help=SOURCES)]
Symbol = Annotated[str | None, typer.Option(help="Default: what a file says, else DEFAULT_SYMBOL.")]
Interval = Annotated[str | None, typer.Option(help="Default: what a file says, else DEFAULT_INTERVAL.")]
Start = Annotated[str | None, typer.Option(help="First open time, UTC: 2021-03-01 or 2021-03-01T12:00.")]
End = Annotated[str | None, typer.Option(help="Open times before this one.")]
Last = Annotated[int | None, typer.Option(min=1, help="Only the last so many candles.")]
Fee = Annotated[float | None, typer.Option(help="Paid on every fill, as a fraction. Default: 0.001.")]
Slippage = Annotated[float | None, typer.Option(help="Lost on every fill, as a fraction. Default: 0.0005.")]
Fill = Annotated[Literal["next_open", "next_close"], typer.Option(help="Price that a decision is filled at.")]
StopLoss = Annotated[float, typer.Option(help="Exit this far below the entry: 0.05 is 5 %.", show_default=False)]
TakeProfit = Annotated[float, typer.Option(help="Exit this far above the entry.", show_default=False)]
Trailing = Annotated[float, typer.Option(help="Exit this far below the highest price since.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
NONE = math.nan
Environment = Annotated[
    Literal["sim", "paper", "testnet", "live"] | None, typer.Option(help="Default: ENVIRONMENT.", show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def confirm(action: str, environment: str, *, yes: bool) -> None:
    """Ask for the environment's name, unless it was said beforehand. `UsageError` for any other answer."""
    from thunes.errors import UsageError

    if yes:
        return
    sys.stderr.write(f"{action} in {environment}. Type {environment} to go on: ")  # stdout is for the result
    sys.stderr.flush()
    answer = sys.stdin.readline() if sys.stdin else ""  # None where it was closed
    if not answer.endswith("\n"):  # nobody pressed return: what follows begins its own line
        sys.stderr.write("\n")
    if answer.strip() != environment:
        raise UsageError("E-CONFIRM", "not confirmed: nothing was done.", f"Type {environment}, or give --yes.")


def said(text: str) -> str:
    """Words from the command line as they can be kept: a byte that is no text becomes a question mark."""
    return text.encode(errors="replace").decode()


def money_of(name: str, text: str) -> Decimal:
    """An amount above 0, in plain digits. `UsageError` for anything else."""
    from thunes.errors import UsageError

    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not text.isascii() or "_" in text or not number.is_finite() or number <= 0:
        raise UsageError("E-AMOUNT", f"{name} {text!r} is no amount.", "Give a number above 0, such as 25.")
    return number


def costs_of(fee: float | None, slippage: float | None) -> Costs:
    """The costs asked for. Errors: `UsageError` for one that is no fraction."""
    from thunes.model import Costs

    given = {"fee": fee, "slippage": slippage}
    return Costs(**{name: value for name, value in given.items() if value is not None})


def stops_of(stop_loss: float, take_profit: float, trailing: float) -> Stops:
    """The stops asked for. Errors: `UsageError` for one that is no fraction."""
    from thunes.model import Stops

    return Stops(stop_loss=stop_loss, take_profit=take_profit, trailing=trailing)


def limits_of(settings: Settings) -> Thresholds:
    """What the gates ask for under these settings."""
    from thunes.research.gates.verdict import Thresholds

    return Thresholds(
        p=settings.gate_max_p,
        recent_t=settings.gate_min_recent_t,
        round_trips=settings.gate_min_round_trips,
        exposure=(settings.gate_min_exposure, settings.gate_max_exposure),
        years=settings.gate_min_years,
    )


def named(option: str, texts: Iterable[str], read: Callable[[str], tuple[str, V]]) -> dict[str, V]:
    """A repeated option's values by name. Errors: `UsageError` for a name given twice, and whatever `read` raises."""
    from thunes.errors import UsageError

    found: dict[str, V] = {}
    for text in texts:
        name, value = read(text)
        if name in found:
            raise UsageError("E-OPTION-TWICE", f"{option} {name} is given twice.", "Give it once.")
        found[name] = value
    return found


def assignment(text: str) -> tuple[str, str]:
    """``fast=10`` as a name and a text."""
    from thunes.errors import UsageError

    name, separator, value = (part.strip() for part in text.partition("="))
    if not (name and separator and value):
        raise UsageError("E-SET-FORMAT", f"cannot read --set {text!r}.", "Write NAME=VALUE, such as fast=10.")
    return name, value

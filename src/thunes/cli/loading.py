"""What a command says while its candles are loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thunes.model import Candles


def load_candles(symbol: str | None, interval: str | None, data: str, **period: Any) -> Candles:
    """`thunes.load_candles` that says what must be known on stderr, and draws a progress bar where it takes long."""
    from thunes import api

    with progress_bar("candles") as progress:
        return api.load_candles(symbol, interval, data, warn=say, progress=progress, **period)


def say(text: str) -> None:
    """A note on stderr; one of several lines is a banner and stands out."""
    from thunes.cli.output import talk

    style = "bold red" if "\n" in text else ""
    talk.print(text, style=style, markup=False, soft_wrap=True)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A callback (done, total) that draws a bar on stderr, if that is a terminal and a second has passed."""
    from time import monotonic

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from thunes.cli.output import PATIENCE, talk

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=talk, transient=True)
    task = bar.add_task(label)
    begun = monotonic()

    def show(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        if talk.is_terminal and monotonic() - begun > PATIENCE:
            bar.start()

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()

"""What `import thunes` offers with the settings that the command would use; candles load without the research wing."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thunes.market.provider import Progress
from thunes.market.source import WORDS
from thunes.market.source import load_candles as load
from thunes.settings import Settings, load_settings

if TYPE_CHECKING:
    from thunes.clock import Moment
    from thunes.model import Candles
    from thunes.strategies import lookahead
    from thunes.strategies.base import Strategy


def _say(text: str) -> None:
    warnings.warn(text, stacklevel=3)


def load_candles(
    symbol: str | None = None,
    interval: str | None = None,
    data: str | Path = "auto",
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    last: int | None = None,
    settings: Settings | None = None,
    warn: Callable[[str], None] = _say,
    progress: Progress = lambda _done, _all: None,
) -> Candles:
    """Candles of one symbol and interval: `data` is auto, binance, archive, store, synthetic[:SEED[,edge=S]] or a file.

    Symbol and interval default to what a file says of itself, or to DEFAULT_SYMBOL and DEFAULT_INTERVAL. `start`
    (included) and `end` (not) are ISO text, aware datetimes or epoch ms; `last` keeps the last so many. What a reader
    of the results must know, such as that the candles are made up, becomes a warning. Errors: `market.source`.
    """
    chosen, data = settings or load_settings(), str(data)
    known = data.partition(":")[0] in WORDS
    return load(
        symbol or (chosen.default_symbol if known else None),
        interval or (chosen.default_interval if known else None),
        data,
        start=start,
        end=end,
        last=last,
        store=chosen.state_dir / "store",
        data_url=chosen.binance_data_url,
        archive_url=chosen.binance_archive_url,
        environment=chosen.environment,
        warn=warn,
        progress=progress,
    )


def check_lookahead(strategy: Strategy | type[Strategy] | str, candles: Candles, **parameters: Any) -> lookahead.Report:
    """Whether a strategy (instance, class, name or `file.py:Class`) peeks at the future: see `strategies.lookahead`."""
    from thunes.research.backtest import instance
    from thunes.strategies import lookahead

    return lookahead.check_lookahead(instance(strategy, parameters), candles)

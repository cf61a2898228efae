"""thunes: research crypto strategies on candles. Importing it is instant; each name loads on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thunes.api import check_lookahead as check_lookahead
    from thunes.api import load_candles as load_candles
    from thunes.kernels import indicators as indicators
    from thunes.model import Candles as Candles
    from thunes.model import Costs as Costs
    from thunes.model import Stops as Stops
    from thunes.research.backtest import backtest as backtest
    from thunes.research.gates.judge import judge as judge
    from thunes.research.search.search import search as search
    from thunes.research.sweep import sweep as sweep
    from thunes.research.walk_forward.runner import walk_forward as walk_forward
    from thunes.strategies.base import Line as Line
    from thunes.strategies.base import Strategy as Strategy
    from thunes.strategies.base import param as param

__version__ = "0.1.0"

_HOMES = {
    "backtest": "thunes.research.backtest",
    "check_lookahead": "thunes.api",
    "load_candles": "thunes.api",
    "sweep": "thunes.research.sweep",
    "judge": "thunes.research.gates.judge",
    "search": "thunes.research.search.search",
    "walk_forward": "thunes.research.walk_forward.runner",
    "Candles": "thunes.model",
    "Costs": "thunes.model",
    "Stops": "thunes.model",
    "Line": "thunes.strategies.base",
    "Strategy": "thunes.strategies.base",
    "param": "thunes.strategies.base",
    "indicators": "thunes.kernels.indicators",
}


def __getattr__(name: str) -> Any:
    """Import a public name's home on first use and keep the name."""
    if name not in _HOMES:
        raise AttributeError(f"module 'thunes' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    value = home if name == "indicators" else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_HOMES, "__version__"])

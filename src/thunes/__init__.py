"""thunes: research crypto strategies on candles. Importing it is instant; each name loads on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thunes.api import backtest, check_lookahead, load_candles, sweep
    from thunes.kernels import indicators
    from thunes.model import Candles, Costs, Stops
    from thunes.strategies.base import Line, Strategy, param

__version__ = "0.1.0"

_HOMES = {
    "backtest": "thunes.api",
    "check_lookahead": "thunes.api",
    "load_candles": "thunes.api",
    "sweep": "thunes.api",
    "Candles": "thunes.model",
    "Costs": "thunes.model",
    "Stops": "thunes.model",
    "Line": "thunes.strategies.base",
    "Strategy": "thunes.strategies.base",
    "param": "thunes.strategies.base",
    "indicators": "thunes.kernels",
}

__all__ = [
    "Candles",
    "Costs",
    "Line",
    "Stops",
    "Strategy",
    "__version__",
    "backtest",
    "check_lookahead",
    "indicators",
    "load_candles",
    "param",
    "sweep",
]


def __getattr__(name: str) -> Any:
    """Import a public name's home on first use and keep the name."""
    if name not in _HOMES:
        raise AttributeError(f"module 'thunes' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    value = import_module(f"{_HOMES[name]}.{name}") if name == "indicators" else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

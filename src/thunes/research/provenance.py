"""Where a result comes from: enough to make it again, and to see that it was."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from thunes.clock import Clock, SystemClock, iso
from thunes.model import Candles, Costs, Fill, Stops
from thunes.strategies.base import Strategy
from thunes.strategies.registry import source_hash

LIBRARIES = ("thunes", "numpy", "numba", "polars", "vectorbt")


def provenance(
    strategy: type[Strategy],
    parameters: Mapping[str, Any],
    candles: Candles,
    costs: Costs,
    stops: Stops,
    fill: Fill,
    clock: Clock | None = None,
) -> dict[str, Any]:
    """What a result was computed from. `digest` covers all of it but versions and time: same inputs, same digest."""
    inputs = {
        "strategy": strategy.name(),
        "strategy_sha256": source_hash(strategy),
        "parameters": dict(parameters),
        "candles": describe(candles),
        "costs": asdict(costs),
        "stops": {key: None if value != value else value for key, value in asdict(stops).items()},
        "fill": fill,
    }
    return inputs | {
        "digest": hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest(),
        "versions": dict(versions()),
        "time": iso((clock or SystemClock()).now_ms()),
    }


def describe(candles: Candles) -> dict[str, Any]:
    """Identity, span and fingerprint of candles."""
    return {
        "symbol": candles.symbol,
        "interval": candles.interval,
        "source": candles.source,
        "synthetic": candles.is_synthetic,
        "bars": len(candles),
        "first": iso(int(candles.open_time[0])),
        "last": iso(int(candles.open_time[-1])),
        "sha256": candles.fingerprint(),
    }


@functools.cache
def versions() -> dict[str, str]:
    """Versions of what computes the figures, as far as it is installed."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def finite(value: float) -> float | None:
    """A figure for JSON, which has no NaN."""
    return value if math.isfinite(value) else None

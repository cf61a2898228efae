"""Artefacts to promote."""

from __future__ import annotations

from typing import Any

from thunes.strategies.artefact import Artefact, source_sha256

EXPECTED = {
    "daily_mean": 0.002,
    "daily_deviation": 0.02,
    "trade_mean": 0.01,
    "trade_deviation": 0.05,
    "trades_per_year": 60.0,
}


def artefact(source: str = "binance", **changes: Any) -> Artefact:
    """A sound one of the SMA cross for BTCUSDT 1h in `sim`, with some fields changed."""
    given = {
        "strategy": "sma_cross",
        "reference": "sma_cross",
        "symbol": "BTCUSDT",
        "interval": "1h",
        "environment": "sim",
        "parameters": {"fast": 20, "slow": 50},
        "anchor": 1_600_000_000_000,
        "in_sample": {"sharpe": 2.5, "profit_factor": None},
        "out_of_sample": {"sharpe": 1.9, "total_return": 0.8, "max_drawdown": -0.2, "trades": 120.0},
        "expected": EXPECTED,
        "gates": [{"gate": "G1", "value": 0.002, "threshold": 0.01, "passed": True, "meaning": "more than luck"}],
        "notes": ["not calibrated"],
        "forced": None,
        "created": "2026-03-01T12:00:00Z",
    } | changes
    if "strategy_sha256" not in given:
        given["strategy_sha256"] = source_sha256(given["reference"])
    candles = {
        "symbol": given["symbol"],
        "interval": given["interval"],
        "source": source,
        "synthetic": source.startswith("synthetic"),
        "first": "2020-09-13 12:00",
        "last": "2023-09-13 12:00",
    }
    told = {"strategy_sha256": given["strategy_sha256"], "parameters": given["parameters"], "candles": candles}
    return Artefact(**{"provenance": told, **given})

"""A promoted strategy in `sim`, on a short synthetic market: what the commands of the order path are tried on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.strategies.artefacts import artefact

from thunes.clock import SystemClock, to_ms
from thunes.strategies.artefact import Artefact, source_sha256
from thunes.strategies.promoted import Promoted, folder_of

SYMBOL = "BTCUSDT"
ENTRY = 3  # passes until the strategy buys
EXIT = 20  # and until it has sold again

Run = Callable[..., tuple[int, str, str]]


def promote(**changes: Any) -> Artefact:
    """Promote the SMA cross just before it buys."""
    told = {
        "strategy_sha256": source_sha256("sma_cross"),
        "parameters": {"fast": 20, "slow": 50},
        "candles": {"symbol": changes.get("symbol", SYMBOL), "interval": changes.get("interval", "1h"),
                    "source": "synthetic:7,edge=2", "synthetic": True,
                    "first": "2023-08-13 12:00", "last": "2023-09-13 20:00"},
    }  # fmt: skip
    made = artefact(anchor=to_ms("2023-08-13T12:00"), provenance=told, **changes)
    Promoted(folder_of("sim"), SystemClock()).promote(made)
    return made


def facts(run: Run, *words: str, code: int = 0) -> dict[str, Any]:
    """The one object that a command prints with --json."""
    ended, out, err = run(*words, "--json")
    assert ended == code, err
    (line,) = out.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.series import walk

from thunes.clock import ManualClock
from thunes.model import Candles, Costs, Stops
from thunes.research.backtest import backtest
from thunes.research.provenance import describe, finite, provenance
from thunes.strategies import registry, sma_cross
from thunes.strategies.sma_cross import SmaCross

BASE: dict[str, Any] = {
    "strategy": SmaCross,
    "parameters": {"fast": 5, "slow": 20},
    "candles": walk(100),
    "costs": Costs(),
    "stops": Stops(),
    "fill": "next_open",
}
NOON = ManualClock(1_700_000_000_000)


def of(**changes: Any) -> dict[str, Any]:
    return provenance(**{**BASE, "clock": NOON, **changes})


def test_it_names_everything_a_figure_was_made_of() -> None:
    found = of(stops=Stops(stop_loss=0.1))
    assert found["strategy"] == "sma_cross"
    assert found["strategy_sha256"] == hashlib.sha256(Path(str(sma_cross.__file__)).read_bytes()).hexdigest()
    assert found["parameters"] == {"fast": 5, "slow": 20}
    assert found["candles"]["sha256"] == BASE["candles"].fingerprint()
    assert found["costs"] == {"fee": 0.001, "slippage": 0.0005}
    assert found["stops"] == {"stop_loss": 0.1, "take_profit": None, "trailing": None, "mode": "intrabar"}
    assert found["fill"] == "next_open"
    assert found["time"] == "2023-11-14 22:13:20"
    assert {"python", "numpy", "thunes"} <= set(found["versions"])


def test_candles_say_whether_they_are_made_up() -> None:
    made_up = walk(10).replace(source="synthetic:7,edge=0")
    assert describe(made_up)["synthetic"] is True
    assert describe(walk(10))["synthetic"] is False
    assert describe(made_up)["source"] == "synthetic:7,edge=0"
    assert describe(walk(10)) == {
        **describe(walk(10)),
        "bars": 10,
        "first": "1970-01-01 00:00",
        "last": "1970-01-01 09:00",
    }


def nudged(candles: Candles) -> Candles:
    """One volume changed in the last bit."""
    volume = candles.volume.copy()
    volume[-1] = np.nextafter(volume[-1], np.inf)
    return candles.replace(volume=volume)


@pytest.mark.parametrize(
    "change",
    [
        {"strategy": registry.load("ema_cross")},
        {"parameters": {"fast": 5, "slow": 21}},
        {"candles": nudged(BASE["candles"])},
        {"candles": BASE["candles"].replace(source="synthetic:1")},
        {"costs": Costs(fee=0.002)},
        {"costs": Costs(slippage=0)},
        {"stops": Stops(take_profit=0.2)},
        {"stops": Stops(mode="vectorbt")},
        {"fill": "next_close"},
    ],
    ids=str,
)
def test_the_digest_changes_with_every_input(change: dict[str, Any]) -> None:
    assert of(**change)["digest"] != of()["digest"]


def test_the_digest_does_not_depend_on_the_time_or_the_order_of_parameters() -> None:
    later = of(clock=ManualClock(1_800_000_000_000), parameters={"slow": 20, "fast": 5})
    assert later["digest"] == of()["digest"]
    assert later["time"] != of()["time"]


def test_a_strategys_source_is_hashed_as_it_was_imported(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    text = "from thunes import Strategy\nclass Mine(Strategy):\n @staticmethod\n def rule(held):\n  return {}\n"
    digests = []
    for answer in ("True", "held"):
        file.write_text(text.format(answer))
        result = backtest(f"{file}:Mine", walk(20))
        digests.append(result.provenance["digest"])
        assert result.provenance["strategy_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert digests[0] != digests[1]


def test_it_is_json_without_nan() -> None:
    json.dumps(of(stops=Stops(trailing=0.1)), allow_nan=False)
    assert [finite(x) for x in (1.5, math.nan, math.inf, -math.inf, 0.0)] == [1.5, None, None, None, 0.0]

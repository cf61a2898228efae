from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from numpy.testing import assert_array_equal

import thunes as th
from thunes.errors import DataError, StrategyError, UsageError
from thunes.model import COLUMNS
from thunes.research.sweep import DEFAULT_METRICS
from thunes.settings import load_settings

LEAKING = """
import numpy as np
from thunes import Strategy

class Prophet(Strategy):
    def exposure(self, candles):
        return (np.append(candles.close[1:], 0) > candles.close).astype(float)
"""


def test_the_script_of_the_readme_in_full(shared_data: Path) -> None:
    file = str(shared_data / "BTCUSDT-1h-2017-2022.parquet")
    candles = th.load_candles("BTCUSDT", "1h", data=file, last=2160)
    result = th.backtest("sma_cross", candles, costs=th.Costs(fee=0.001, slippage=0.0005), fast=10, slow=50)
    assert isinstance(result.stats["sharpe"], float)
    assert result.equity.height == 2160
    assert result.trades.height >= result.stats["trades"] > 0
    costs = th.Costs(fee=0.001, slippage=0.0005)
    grid = th.sweep("sma_cross", candles, costs=costs, fast=range(5, 55), slow=range(20, 220))
    frame = grid.to_frame()
    assert frame.columns == ["fast", "slow", *DEFAULT_METRICS]
    assert frame.height == 9_370
    row = frame.filter((frame["fast"] == 10) & (frame["slow"] == 50)).to_dicts()[0]
    assert row["sharpe"] == pytest.approx(result.stats["sharpe"], rel=1e-9)
    assert row["trades"] == result.stats["trades"]


def test_a_file_says_what_it_holds(shared_data: Path) -> None:
    candles = th.load_candles(data=str(shared_data / "panel-1h" / "ETHUSDT-1h.parquet"), last=100)
    assert (candles.symbol, candles.interval, len(candles)) == ("ETHUSDT", "1h", 100)
    assert candles.source.startswith("file:")


def test_a_path_is_a_file_and_home_is_understood(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(th.load_candles(data=shared_data / "BTCUSDT-1h-2017-2022.parquet", last=5)) == 5
    monkeypatch.setenv("HOME", str(Path.cwd()))
    monkeypatch.setenv("STATE_DIR", "~/state")
    assert load_settings().state_dir == Path.cwd() / "state"


def test_a_period_starts_at_its_start_and_stops_before_its_end(shared_data: Path) -> None:
    file = str(shared_data / "panel-1h" / "ETHUSDT-1h.parquet")
    by_text = th.load_candles(data=file, start="2022-01-01", end="2022-01-03")
    by_moment = th.load_candles(data=file, start=datetime(2022, 1, 1, tzinfo=UTC), end=datetime(2022, 1, 3, tzinfo=UTC))
    assert len(by_text) == 48
    assert by_text.fingerprint() == by_moment.fingerprint()
    with pytest.raises(UsageError, match="naive"):
        th.load_candles(data=file, start=datetime(2022, 1, 1))  # noqa: DTZ001 (what is tried here)


def test_fewer_bars_than_asked_for_are_a_warning(shared_data: Path) -> None:
    file = str(shared_data / "BTCUSDT-1m-2023-03.parquet")
    with pytest.warns(UserWarning, match="Only 30,240 of the 40,000 bars"):
        th.load_candles(data=file, last=40_000)


def test_a_synthetic_market_is_the_same_again_and_says_what_it_is() -> None:
    once, again, other = (th.load_candles("BTCUSDT", "1h", data=f"synthetic:{s}", last=300) for s in (7, 7, 8))
    assert once.fingerprint() == again.fingerprint() != other.fingerprint()
    assert once.is_synthetic
    assert th.backtest("sma_cross", once).provenance["candles"]["synthetic"] is True


def test_symbol_and_interval_default_to_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_SYMBOL", "ETHUSDT")
    assert th.load_candles(data="synthetic:1", last=50).symbol == "ETHUSDT"
    assert th.load_candles("SOLUSDT", data="synthetic:1", last=50).symbol == "SOLUSDT"


@pytest.mark.parametrize(
    ("data", "error"), [("synthetik:1", UsageError), ("no/such-1h.parquet", DataError), ("synthetic:x", UsageError)]
)
def test_data_that_cannot_be_found_is_refused_in_one_line(data: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        th.load_candles("BTCUSDT", "1h", data=data)
    assert "\n" not in str(caught.value)


def test_a_strategy_is_checked_for_lookahead_by_name_class_or_file(tmp_path: Path) -> None:
    file = tmp_path / "prophet.py"
    file.write_text(LEAKING)
    candles = th.load_candles("BTCUSDT", "1h", data="synthetic:1", last=400)
    assert th.check_lookahead("sma_cross", candles, fast=5, slow=20).passed
    assert not th.check_lookahead(f"{file}:Prophet", candles).passed
    with pytest.raises(UsageError, match="Did you mean 'fast'"):
        th.check_lookahead("sma_cross", candles, fats=5)


def test_an_own_strategy_needs_nothing_but_the_public_names() -> None:
    class Above(th.Strategy):
        """Long above the average."""

        window: int = th.param(20, "bars", first=5, last=50, step=5)
        lines = {"mean": th.Line(th.indicators.sma, "close", "window")}  # noqa: RUF012 (as users write it)

        @staticmethod
        def rule(held: int, close: float, mean: float) -> bool:
            return close > mean

    candles = th.load_candles("BTCUSDT", "1h", data="synthetic:3", last=500)
    assert th.check_lookahead(Above, candles).passed
    grid = th.sweep(Above, candles)
    assert len(grid) == 10
    best = grid.best()
    assert th.backtest(Above, candles, window=best["window"]).stats["sharpe"] == pytest.approx(best["sharpe"], rel=1e-9)


def test_candles_may_be_made_of_arrays() -> None:
    given = th.load_candles("BTCUSDT", "1h", data="synthetic:3", last=50)
    own = th.Candles("BTCUSDT", "1h", *(getattr(given, name) for name in COLUMNS), source="file:mine")
    assert_array_equal(
        th.backtest("buy_and_hold", own).simulation.equity, th.backtest("buy_and_hold", given).simulation.equity
    )


def test_a_backtest_loads_neither_vectorbt_nor_pandas_until_asked_for() -> None:
    code = (
        "import sys, thunes as th\n"
        "candles = th.load_candles('BTCUSDT', '1h', data='synthetic:1', last=200)\n"
        "result = th.backtest('sma_cross', candles)\n"
        "result.stats, result.trades, result.equity, th.sweep('buy_and_hold', candles).to_frame()\n"
        "import json; print(json.dumps([m for m in ('vectorbt', 'pandas', 'plotly', 'optuna') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert json.loads(done.stdout or "null") == [], done.stderr


def test_what_breaks_the_contract_of_a_strategy_says_so() -> None:
    class Loud(th.Strategy):
        @staticmethod
        def rule(held: int, volume: float) -> float:
            return volume

    with pytest.raises(StrategyError, match="fraction of equity"):
        th.backtest(Loud, th.load_candles("BTCUSDT", "1h", data="synthetic:1", last=50))

from __future__ import annotations

import inspect
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from tests.kernels.plain import COMPILER, plain_module

from thunes.kernels import indicators
from thunes.model import Float1D

REAL = ("BTCUSDT-1h-2017-2022", "BTCUSDT-1m-2023-03", "panel-1h/DOGEUSDT-1h")
WARM = 2_000  # bars after which a seed has faded below 1e-12 for every period used here
PRICES = st.one_of(st.integers(1, 5).map(float), st.floats(1e-6, 1e6))
SERIES = arrays(np.float64, st.integers(1, 60), elements=PRICES)

# One column or three (high, low, close), then parameters: every public indicator with two of its settings.
CALLS: dict[str, tuple[int, tuple[tuple[int, ...], ...]]] = {
    "atr": (3, ((14,), (1,))),
    "ema": (1, ((20,), (1,))),
    "ema_gap": (1, ((50,), (1,))),
    "ema_lead": (1, ((26, 9), (1, 1))),
    "highest": (1, ((55,), (1,))),
    "lowest": (1, ((20,), (1,))),
    "macd": (1, ((12, 26), (1, 2))),
    "macd_signal": (1, ((12, 26, 9), (2, 1, 1))),
    "momentum": (1, ((10,), (1,))),
    "previous_highest": (1, ((55,), (1,))),
    "previous_lowest": (1, ((20,), (1,))),
    "roc": (1, ((10,), (1,))),
    "rsi": (1, ((14,), (1,))),
    "sma": (1, ((200,), (1,))),
    "standard_deviation": (1, ((20,), (1,))),
    "true_range": (3, ((), ())),
    "wilder_mean": (1, ((14,), (1,))),
}
RATIOS = {"roc", "rsi"}
FEW = settings(max_examples=settings().max_examples // 5)  # for each indicator
EACH = pytest.mark.parametrize("name", sorted(CALLS))


def results(name: str, columns: tuple[Float1D, ...], module: ModuleType = indicators) -> list[Float1D]:
    """An indicator's lines for its settings of `CALLS`; of one series where it takes one."""
    count, parameters = CALLS[name]
    return [getattr(module, name)(*columns[-count:], *values) for values in parameters]


@pytest.fixture(scope="module", params=REAL)
def real(request: pytest.FixtureRequest, shared_data: Path) -> tuple[Float1D, ...]:
    """High, low and close of real candles."""
    frame = pl.read_parquet(shared_data / f"{request.param}.parquet")
    return tuple(frame[name].to_numpy().copy() for name in ("high", "low", "close"))


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    """The indicators as plain Python, callees included."""
    return plain_module(indicators)


def test_every_public_indicator_is_tested_and_says_what_it_is() -> None:
    assert sorted(CALLS) == sorted(indicators.__all__)
    for name in indicators.__all__:
        assert inspect.getdoc(getattr(indicators, name))


def test_known_values() -> None:
    x = np.array([1.0, 2.0, 4.0, 8.0])
    assert_allclose(indicators.sma(x, 2), [np.nan, 1.5, 3.0, 6.0])
    # weight 2 / 3, seed 1.5: 1.5 + 2/3 · 2.5, then + 2/3 · (8 − 19/6)
    assert_allclose(indicators.ema(x, 2), [np.nan, 1.5, 19 / 6, 19 / 6 + 2 / 3 * (8 - 19 / 6)])
    assert_allclose(indicators.wilder_mean(x, 2), [np.nan, 1.5, 2.75, 5.375])
    assert_allclose(indicators.standard_deviation(x, 2), [np.nan, 0.5, 1.0, 2.0])
    assert_allclose(indicators.previous_highest(x, 2), [np.nan, np.nan, 2.0, 4.0])
    assert_allclose(indicators.previous_lowest(x, 2), [np.nan, np.nan, 1.0, 2.0])
    assert_allclose(indicators.roc(x, 1), [np.nan, 1.0, 1.0, 1.0])
    assert_allclose(indicators.momentum(x, 2), [np.nan, np.nan, 3.0, 6.0])


def test_rsi_of_known_gains_and_losses() -> None:
    x = np.array([10.0, 12.0, 11.0, 11.0, 14.0])
    # mean gain 1, mean loss 0.5; halved by the flat bar; then gain (0.5 + 3) / 2, loss 0.25 / 2
    expected = [np.nan, np.nan, 100 * 1 / 1.5, 100 * 1 / 1.5, 100 * 1.75 / 1.875]
    assert_allclose(indicators.rsi(x, 2), expected)


def test_true_range_reaches_to_the_close_before() -> None:
    high, low, close = np.array([12.0, 15.0, 9.0]), np.array([9.0, 14.0, 8.0]), np.array([10.0, 14.5, 8.5])
    assert_allclose(indicators.true_range(high, low, close), [np.nan, 15 - 10, 14.5 - 8])
    assert_allclose(indicators.atr(high, low, close, 2), [np.nan, np.nan, (5 + 6.5) / 2])


def talib_lines(high: Float1D, low: Float1D, close: Float1D) -> dict[str, tuple[Float1D, Float1D]]:
    """Pairs of our line and TA-Lib's."""
    line, signal, histogram = talib.MACD(close, 12, 26, 9)
    lead = indicators.ema_lead(close, 12, 9) - indicators.ema_lead(close, 26, 9)
    return {
        "sma": (indicators.sma(close, 50), talib.SMA(close, 50)),
        "ema": (indicators.ema(close, 50), talib.EMA(close, 50)),
        "rsi": (indicators.rsi(close, 14), talib.RSI(close, 14)),
        "std": (indicators.standard_deviation(close, 20), talib.STDDEV(close, 20)),
        "highest": (indicators.highest(high, 55), talib.MAX(high, 55)),
        "lowest": (indicators.lowest(low, 20), talib.MIN(low, 20)),
        "true range": (indicators.true_range(high, low, close), talib.TRANGE(high, low, close)),
        "atr": (indicators.atr(high, low, close, 14), talib.ATR(high, low, close, 14)),
        "macd": (indicators.macd(close, 12, 26), line),
        "signal": (indicators.macd_signal(close, 12, 26, 9), signal),
        "histogram": (lead, histogram),
        "momentum": (indicators.momentum(close, 10), talib.MOM(close, 10)),
        "roc": (indicators.roc(close, 10), talib.ROCP(close, 10)),
    }


def test_indicators_agree_with_talib_on_real_candles(real: tuple[Float1D, ...]) -> None:
    scale = real[2].mean()  # TA-Lib's deviations and averages carry an error that is relative to the price
    for name, (ours, theirs) in talib_lines(*real).items():
        assert_allclose(ours[WARM:], theirs[WARM:], rtol=1e-9, atol=1e-9 * min(scale, 1.0), err_msg=name)


def test_seeds_and_first_bars_are_those_of_talib(real: tuple[Float1D, ...]) -> None:
    for name, (ours, theirs) in talib_lines(*(column[:500] for column in real)).items():
        if name not in {"macd", "signal", "histogram"}:  # TA-Lib starts the fast average late
            assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9, err_msg=name)


@COMPILER
@EACH
def test_compiled_equals_plain_bit_for_bit_on_real_candles(
    name: str, real: tuple[Float1D, ...], plain: ModuleType
) -> None:
    part = tuple(column[-4_000:] for column in real)
    for ours, theirs in zip(results(name, part), results(name, part, plain), strict=True):
        assert_array_equal(ours.view(np.int64), theirs.view(np.int64))


@COMPILER
@EACH
@FEW
@given(x=SERIES)
def test_compiled_equals_plain_on_any_series(name: str, x: Float1D, plain: ModuleType) -> None:
    columns = (1.5 * x, 0.5 * x, x)
    for ours, theirs in zip(results(name, columns), results(name, columns, plain), strict=True):
        assert_array_equal(ours.view(np.int64), theirs.view(np.int64))


@EACH
@FEW
@given(x=SERIES, data=st.data())
def test_what_follows_changes_nothing(name: str, x: Float1D, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, x.size))
    columns = (1.5 * x, 0.5 * x, x)
    for whole, before in zip(results(name, columns), results(name, tuple(c[:cut] for c in columns)), strict=True):
        assert_array_equal(whole[:cut], before)


@EACH
@FEW
@given(x=SERIES)
def test_twice_the_prices_give_exactly_twice_the_value_or_the_same_ratio(name: str, x: Float1D) -> None:
    columns = (1.5 * x, 0.5 * x, x)
    factor = 1.0 if name in RATIOS else 2.0
    for once, twice in zip(results(name, columns), results(name, tuple(2.0 * c for c in columns)), strict=True):
        assert_array_equal(factor * once, twice)


@EACH
@pytest.mark.parametrize("period", [0, -3, 6, 10**9])
def test_a_period_that_does_not_fit_gives_nan_throughout(name: str, period: int) -> None:
    count, (setting, _) = CALLS[name]
    x = np.arange(1.0, 6.0)
    if setting:
        line = getattr(indicators, name)(*[x] * count, *[period] * len(setting))
        assert_array_equal(line, np.full(5, np.nan))


@given(price=PRICES, n=st.integers(60, 90))
def test_a_constant_series_has_exact_lines(price: float, n: int) -> None:
    x = np.full(n, price)
    means = [f(x, 7) for f in (indicators.sma, indicators.ema, indicators.wilder_mean, indicators.highest)]
    zeros = [f(x, 7) for f in (indicators.standard_deviation, indicators.ema_gap, indicators.momentum, indicators.roc)]
    zeros += [indicators.ema_lead(x, 7, 3), indicators.macd(x, 3, 7), indicators.macd_signal(x, 3, 7, 4)]
    assert {*np.concatenate([line[15:] for line in means])} == {price}
    assert {*np.concatenate([line[15:] for line in zeros])} == {0.0}
    assert {*indicators.rsi(x, 7)[15:]} == {50.0}


@given(x=SERIES, price=PRICES, period=st.integers(1, 20))
def test_windows_are_exact_once_they_lie_in_a_flat_stretch(x: Float1D, price: float, period: int) -> None:
    series = np.concatenate([x, np.full(period + 5, price), x])
    inside = slice(x.size + period - 1, x.size + period + 5)
    assert {*indicators.sma(series, period)[inside]} == {price}
    assert {*indicators.standard_deviation(series, period)[inside]} == {0.0}


@given(x=SERIES, price=PRICES, period=st.integers(2, 20))
def test_a_gap_fades_on_a_flat_stretch_by_its_exact_factor(x: Float1D, price: float, period: int) -> None:
    series = np.concatenate([np.full(period, price), x, np.full(2_000, price)])
    gap = indicators.ema_gap(series, period)[-2_000:]
    assert_array_equal(gap[1:], (1.0 - 2.0 / (period + 1.0)) * gap[:-1])


@given(x=SERIES, price=PRICES, period=st.integers(2, 20))
def test_rsi_stands_still_on_a_flat_stretch(x: Float1D, price: float, period: int) -> None:
    series = np.concatenate([x, np.full(period + 30, price)])
    assert np.unique(indicators.rsi(series, period)[x.size + period :]).size == 1


@given(x=SERIES, period=st.integers(1, 20))
def test_deviation_is_right_to_nearly_the_last_bit_also_after_a_spike(x: Float1D, period: int) -> None:
    series = np.concatenate([x, [1e12], x])
    ours = indicators.standard_deviation(series, period)
    for t in range(period - 1, series.size):
        window = [Fraction(value) for value in series[t - period + 1 : t + 1].tolist()]
        mean = sum(window) / period
        assert_allclose(ours[t], float(sum((v - mean) ** 2 for v in window) / period) ** 0.5, rtol=1e-12)


@given(x=SERIES, period=st.integers(1, 20))
def test_extremes_are_those_of_the_window(x: Float1D, period: int) -> None:
    windows = [x[max(0, t - period + 1) : t + 1] for t in range(x.size)]
    full = [w if w.size == period else np.array([np.nan]) for w in windows]
    assert_array_equal(indicators.highest(x, period), [w.max() for w in full])
    assert_array_equal(indicators.lowest(x, period), [w.min() for w in full])
    assert_array_equal(indicators.previous_highest(x, period)[1:], indicators.highest(x, period)[:-1])
    assert_array_equal(indicators.previous_lowest(x, period)[1:], indicators.lowest(x, period)[:-1])


@given(x=SERIES, fast=st.integers(1, 8), slow=st.integers(9, 15), signal=st.integers(1, 6))
def test_the_lead_is_the_average_minus_its_own_average(x: Float1D, fast: int, slow: int, signal: int) -> None:
    average = indicators.ema(x, fast)
    start = min(fast - 1, x.size - 1)
    own = indicators.ema(average[start:], signal)
    lead: Any = indicators.ema_lead(x, fast, signal)
    assert_allclose(lead[start:], average[start:] - own, rtol=0, atol=1e-12 * x.max())
    assert_allclose(indicators.macd(x, fast, slow), average - indicators.ema(x, slow), rtol=0, atol=1e-12 * x.max())

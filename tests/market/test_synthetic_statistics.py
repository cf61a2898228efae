"""The embedded market as a sample: seeds are fixed, so each statistic is one number, held against what chance does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from thunes.clock import to_ms
from thunes.market import synthetic
from thunes.market.synthetic import SyntheticSpec, edges, generate, simulate_hours
from thunes.model import PRICES, Candles, Costs, Float1D
from thunes.strategies import registry
from thunes.strategies.sma_cross import SmaCross

MANY = 4.5  # standard errors: by chance once in 150,000 looks
STRENGTHS = [row["sharpe"] for row in edges()["rows"]]


@pytest.fixture(scope="module")
def decade() -> Candles:
    """Ten years of hours without an edge."""
    return generate("BTCUSDT", "1h", 87_600, seed=11)


def returns(prices: Float1D) -> Float1D:
    return prices[1:] / prices[:-1] - 1


def t_value(x: Float1D) -> float:
    """Of the sum of martingale differences, whose variance may change: no independence of sizes is assumed."""
    return float(x.sum() / np.sqrt((x * x).sum()))


def correlation(x: Float1D, y: Float1D) -> float:
    return float(np.corrcoef(x, y)[0, 1])


def by_hour_of_day(candles: Candles, values: Float1D) -> Float1D:
    hours = candles.open_time // synthetic.HOUR % 24
    return np.array([values[hours == hour].mean() for hour in range(24)])


# --- many markets -----------------------------------------------------------------------------------------------------


def test_other_symbols_and_other_seeds_are_other_markets() -> None:
    btc = generate("BTCUSDT", "1h", 20_000, seed=1)
    for other in (generate("ETHUSDT", "1h", 20_000, seed=1), generate("BTCUSDT", "1h", 20_000, seed=2)):
        product = returns(btc.close) * returns(other.close)
        assert abs(t_value(product)) < MANY


def test_weeks_do_not_repeat() -> None:
    first, second = returns(generate("BTCUSDT", "1m", 20_161, seed=1).close).reshape(2, -1)
    assert abs(t_value(first * second)) < MANY


def test_twenty_years_of_hours_keep_sane_prices() -> None:
    for edge in (0.0, 3.0):
        candles = generate("BTCUSDT", "1h", 20 * 8760, seed=4, edge=edge)
        # log price: standard deviation 0.65 · √20 = 2.9, with the edge's regimes about 6, and a slide of −4 by σ²/2
        assert np.abs(np.log(candles.close / 30_000)).max() < 25


# --- stylised facts ---------------------------------------------------------------------------------------------------


def test_volatility_is_that_of_the_documented_level_and_grows_with_the_root_of_time(decade: Candles) -> None:
    # Hourly squares have kurtosis about 12 and are correlated over weeks: their root mean is known to some 3 %.
    hourly = np.std(returns(decade.close))
    assert hourly == pytest.approx(synthetic.HOURLY_VOLATILITY, rel=0.1)
    assert np.std(np.log(decade.close[24::24] / decade.close[:-24:24])) == pytest.approx(hourly * np.sqrt(24), rel=0.05)
    hours, minutes = (
        generate("BTCUSDT", interval, bars, seed=11) for interval, bars in (("1h", 2000), ("1m", 120_000))
    )
    ratio = np.std(returns(hours.close)) / np.std(returns(minutes.close))
    assert ratio == pytest.approx(np.sqrt(60), rel=0.1)  # jumps weigh more in minutes, and 4 or so fall in this span


def test_tails_are_fat(decade: Candles) -> None:
    r = returns(decade.close)
    kurtosis = ((r - r.mean()) ** 4).mean() / r.var() ** 2
    assert kurtosis > 6  # a normal's is 3 ± 0.02 in so many bars; Bitcoin's hours of 2017-22 have 33


def test_sizes_of_returns_cluster_and_forget_slowly(decade: Candles) -> None:
    size = np.abs(returns(decade.close))
    memory = np.array([correlation(size[:-lag], size[lag:]) for lag in range(1, 25)])
    # Chance alone: ± 0.004. Bitcoin's hours of 2017-22: 0.30 at lag 1, 0.23 at 12, 0.21 at 24.
    assert (memory > 0.05).all()
    assert memory[0] > 0.2
    assert memory[23] > memory[0] / 4  # an exponential decay from lag 1 to 2 would leave less than a tenth
    assert correlation(size[:-240], size[240:]) > 0.02


def test_returns_themselves_are_not_correlated(decade: Candles) -> None:
    r = returns(decade.close)
    assert max(abs(t_value(r[:-lag] * r[lag:])) for lag in range(1, 25)) < MANY


def test_the_day_has_a_lively_and_a_quiet_end(decade: Candles) -> None:
    size = by_hour_of_day(decade, np.abs(decade.close / decade.open - 1))
    volume = by_hour_of_day(decade, decade.volume * decade.open)
    for profile in (size, volume):  # built in: (1 + 0.25) / (1 − 0.25) = 1.67 between 15:00 and 3:00; known to some 3 %
        assert profile[15] / profile[3] == pytest.approx(1.67, rel=0.12)
    assert correlation(size, volume) > 0.95


def test_volume_goes_with_the_size_of_returns(decade: Candles) -> None:
    size = np.abs(decade.close / decade.open - 1)
    assert correlation(size, decade.volume * decade.open) > 0.3  # chance alone: ± 0.004; Bitcoin's hours: 0.27
    minutes = generate("BTCUSDT", "1m", 100_000, seed=11)
    size = np.abs(minutes.close / minutes.open - 1)
    assert correlation(size, minutes.volume) > 0.8  # a minute's own size, not only the hour's volatility
    assert correlation(size[:-1], minutes.volume[1:]) < 0.4


def test_jumps_stand_out_of_the_diffusion_around_them() -> None:
    hours = 20_000
    minutes = generate("BTCUSDT", "1m", hours * 60, seed=2)
    size = np.abs(np.log(minutes.close / minutes.open)).reshape(hours, 60)
    local = np.median(size, axis=1, keepdims=True) / 0.6745  # the diffusion is normal within an hour
    jumps = (size > 12 * local).sum()
    # 40 expected hours with a jump of 4 · √60 = 31 such deviations: 70 % of them pass 12, a normal never does
    assert 28 - 4.5 * np.sqrt(28) < jumps < 28 + 4.5 * np.sqrt(28)


def test_the_range_of_a_candle_is_that_of_a_diffusion(decade: Candles) -> None:
    # Brownian motion: mean range √(8/π) σ, mean |close − open| √(2/π) σ (Feller 1951): twice as much
    spread, body = np.log(decade.high / decade.low), np.abs(np.log(decade.close / decade.open))
    assert spread.mean() / body.mean() == pytest.approx(2, rel=0.03)
    assert ((decade.high > decade.open) & (decade.low < decade.open)).mean() > 0.99


def test_a_candle_opens_a_little_beside_the_last_close(decade: Candles) -> None:
    gaps = np.log(decade.open[1:] / decade.close[:-1])
    assert np.std(gaps) == pytest.approx(synthetic.GAP_SIZE * synthetic.HOURLY_VOLATILITY, rel=0.1)


# --- no edge unless one is planted ------------------------------------------------------------------------------------


@given(st.floats(0, 0.5))
def test_a_factor_of_jump_or_gap_has_mean_one(size: float) -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)  # exact for polynomials of degree 119
    factor = np.exp(synthetic.mean_one(np.full(60, size), nodes))
    assert weights @ factor / weights.sum() == pytest.approx(1, abs=1e-12)


def test_the_factor_of_an_hours_diffusion_has_mean_one() -> None:
    # exp(x) − 1 less its own normal part s·z leaves s²/2-sized noise: without the −s²/2 the t-value would be over 100
    hours = simulate_hours("BTCUSDT", 21, 400_000)
    body = hours.growth + hours.volatility * hours.shock
    assert abs(t_value(np.expm1(body) - hours.volatility * hours.shock)) < MANY


@pytest.mark.parametrize("prices", ["open", "close"])
def test_returns_have_mean_zero(decade: Candles, prices: str) -> None:
    assert abs(t_value(returns(getattr(decade, prices)))) < MANY


def test_signs_of_the_past_say_nothing_about_the_next(decade: Candles) -> None:
    r = returns(decade.close)
    up = r > 0
    # a factor of mean one ends below its mean a little more often: by φ(0) · σ/2 = 0.0014
    assert abs(up.mean() - 0.5) < 0.0014 + MANY * 0.5 / np.sqrt(up.size)
    past = up[:-3] * 4 + up[1:-2] * 2 + up[2:-1]
    for pattern in range(8):
        after = up[3:][past == pattern]
        assert abs(after.mean() - up.mean()) < MANY * 0.5 / np.sqrt(after.size), f"after {pattern:03b}"
        assert abs(t_value(r[3:][past == pattern])) < MANY, f"after {pattern:03b}"


def test_volume_and_range_of_a_candle_say_nothing_about_the_next(decade: Candles) -> None:
    for size in (decade.volume * decade.open, np.log(decade.high / decade.low)):
        assert abs(t_value(returns(decade.close) * (size > np.median(size))[:-1])) < MANY


@pytest.fixture(scope="module")
def many_years() -> list[Candles]:
    """One year of hours of each of forty seeds."""
    return [generate("BTCUSDT", "1h", 8760, seed=seed) for seed in range(200, 240)]


@pytest.mark.parametrize("name", registry.names())
def test_no_strategy_earns_or_times_a_market_without_edge(name: str, many_years: list[Candles]) -> None:
    strategy, held, timed = registry.load(name)(), [], []
    for year in many_years:
        position = strategy.exposure(year)[:-2]  # decided at a close, held from the next open to the one after
        held.append(position * returns(year.open)[1:])
        timed.append((position - position.mean()) * returns(year.open)[1:])
    for profit in (np.concatenate(held), np.concatenate(timed)):  # a Sharpe ratio of 0.55 on forty years is t = 3.5
        assert abs(profit.sum()) <= 3.5 * np.sqrt((profit**2).sum())


# --- the planted edge -------------------------------------------------------------------------------------------------


def test_the_table_is_confirmed_by_years_that_did_not_make_it() -> None:
    for row in edges()["rows"]:
        assert row["standard_error"] < 0.05
        assert abs(row["check"] - row["sharpe"]) < 3.5 * row["standard_error"]
    assert np.diff([row["drift"] for row in edges()["rows"]]).min() > 0


def test_the_drift_is_zero_over_both_regimes_and_dwells_as_documented() -> None:
    drift = SyntheticSpec(1, 2.0).drift * synthetic.HOURLY_VOLATILITY
    hours = simulate_hours("BTCUSDT", 31, 700_000, drift=SyntheticSpec(1, 2.0).drift)
    mean = np.expm1(hours.growth + 0.5 * hours.volatility**2)
    assert_allclose(np.abs(mean), drift, rtol=1e-9)
    switches = np.count_nonzero(np.diff(np.sign(mean)))
    assert switches == pytest.approx(700_000 / 336, abs=MANY * np.sqrt(700_000 / 336))
    assert abs(np.sign(mean).mean()) < MANY * np.sqrt(336 / 700_000)  # a chain's mean: √(dwell / hours)


def daily_net_returns(candles: Candles, strategy: SmaCross) -> Float1D:
    """Simple returns from midnight to midnight, fills at the next open, default costs."""
    held = np.append(0.0, strategy.exposure(candles)[:-2])  # from each hour's open to the next one
    paid = (Costs().fee + Costs().slippage) * np.abs(np.diff(held, prepend=0.0))
    hourly = held * returns(candles.open) - paid
    days = hourly[: hourly.size // 24 * 24].reshape(-1, 24)
    return np.prod(1 + days, axis=1) - 1


def sharpe_of_best_set(edge: float, years: int) -> float:
    """Over chunks of five years, so that no path grows wild."""
    row = min(edges()["rows"], key=lambda row: abs(row["sharpe"] - 2))
    best = SmaCross(row["fast"], row["slow"])
    chunks = [generate("BTCUSDT", "1h", 5 * 8760, seed=seed, edge=edge) for seed in range(100, 100 + years // 5)]
    daily = np.concatenate([daily_net_returns(chunk, best) for chunk in chunks])
    return float(daily.mean() / daily.std() * np.sqrt(365))


def test_the_best_set_earns_the_planted_sharpe_ratio_and_nothing_without_it() -> None:
    # One year's Sharpe ratio scatters by about 1.15 (1 from returns, the rest from regimes): 40 years by 0.18.
    assert sharpe_of_best_set(2.0, 40) == pytest.approx(2, abs=3 * 0.18)
    assert sharpe_of_best_set(0.0, 40) < 0.18 * 3


def test_an_edge_ends_with_its_month_and_leaves_the_market_without_one() -> None:
    alive, dead, never = (
        generate("BTCUSDT", "1h", 20_000, seed=9, **edge)
        for edge in ({"edge": 2}, {"edge": 2, "edge_ends": "2019-04"}, {"edge": 0})
    )
    end = int(np.searchsorted(alive.open_time, to_ms("2019-04-01")))
    for price in PRICES:
        assert_array_equal(getattr(dead, price)[:end], getattr(alive, price)[:end])
        late = slice(end, None)  # the same returns from another level, to single precision
        ratio = getattr(dead, price)[late] / getattr(never, price)[late]
        assert_allclose(ratio, ratio[0], rtol=1e-6)
    gap = np.log(alive.close / never.close)
    assert np.abs(np.diff(gap[end:])).min() > 1e-4  # while the living one goes on drifting, every hour


@pytest.mark.parametrize("strength", STRENGTHS)
def test_each_measured_strength_is_generated_with_its_drift(strength: float) -> None:
    row = next(row for row in edges()["rows"] if row["sharpe"] == strength)
    assert SyntheticSpec(1, strength).drift == row["drift"]


def test_strengths_between_the_measured_ones_lie_between() -> None:
    low, high = (SyntheticSpec(1, strength).drift for strength in (1.0, 1.5))
    assert SyntheticSpec(1, 1.25).drift == pytest.approx((low + high) / 2)

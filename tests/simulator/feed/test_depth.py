from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import series
from tests.simulator.feed.market import TICK, all_ticks, candles, tape

from thunes.errors import UsageError
from thunes.simulator.feed.depth import Depth, DepthModel

MODELS = st.builds(
    DepthModel, st.floats(0, 0.1), st.floats(0, 1), st.floats(0, 1), levels=st.integers(1, 30), memory=st.integers(1, 5)
)


@given(candles(), MODELS, st.integers(0, 2_400_000))
def test_the_last_price_lies_between_the_best_bid_and_the_best_ask(source, model, moment):
    played = tape(source)
    depth, now = Depth(played, model), played.start_ms + moment
    price = played.last(now).price
    bids, asks = depth.at(now)
    assert all(bid < price for bid, _ in bids)
    assert all(ask > price for ask, _ in asks)


@given(candles(), MODELS, st.integers(0, 2_400_000))
def test_levels_go_outwards_on_the_grid_with_something_on_each(source, model, moment):
    played = tape(source)
    bids, asks = Depth(played, model).at(played.start_ms + moment)
    for side, sign in ((bids, -1), (asks, 1)):
        prices = [sign * price for price, _ in side]
        assert prices == sorted(set(prices))
        assert len(side) <= model.levels
        assert all(price > 0 and price % TICK == 0 and quantity > 0 for price, quantity in side)


@given(candles(), MODELS, st.data())
def test_the_book_does_not_know_its_own_candle_nor_later_ones(source, model, data):
    row = data.draw(st.integers(0, len(source) - 1))
    price = Decimal(str(source.open[row]))
    cut = Depth(tape(source[: row + 1]), model).ladder(row, price)
    assert cut == Depth(tape(source), model).ladder(row, price)
    wild = source.replace(
        high=np.where(np.arange(len(source)) < row, source.high, 2 * source.high),
        volume=np.where(np.arange(len(source)) < max(row, 1), source.volume, 3 + source.volume),
    )
    assert cut == Depth(tape(wild), model).ladder(row, price)


def test_the_spread_is_half_a_basis_point_to_each_side_of_a_quiet_price():
    quiet = series.bars([[20_000, 20_000, 20_000, 20_000]] * 3, "1m")
    ticker = Depth(tape(quiet)).ticker(130_000)
    assert (ticker.bid, ticker.ask) == (20_000 - 1, 20_000 + 1)


def test_the_spread_widens_by_its_share_of_a_minutes_range():
    moving = series.bars([[10_000, 10_100, 10_000, 10_000]] * 3, "1m")  # 1 % each
    ticker = Depth(tape(moving), DepthModel(spread=0.0, volatility_share=0.02)).ticker(120_000)
    assert (ticker.bid, ticker.ask) == (9_999, 10_001)  # 2 % of 1 %, half to each side
    hours = series.bars([[10_000, 10_000 + 100 * 60**0.5, 10_000, 10_000]] * 3, "1h")  # √60 wider: the same market
    hourly = Depth(tape(hours), DepthModel(spread=0.0, volatility_share=0.02)).ticker(7_200_000)
    assert (hourly.bid, hourly.ask) == (9_999, 10_001)


def test_the_best_level_holds_its_share_of_a_minutes_volume_and_the_next_ones_more():
    source = series.bars([[100, 100, 100, 100]] * 3, "5m").replace(volume=np.array([50.0, 100.0, 7.0]))
    bids, asks = Depth(tape(source), DepthModel(volume_share=0.1, levels=3)).at(600_000)
    assert [quantity for _, quantity in bids] == [Decimal("1.5"), 3, Decimal("4.5")]  # 75 / 5 minutes · 0.1
    assert [quantity for _, quantity in asks] == [Decimal("1.5"), 3, Decimal("4.5")]


def test_only_the_candles_remembered_count():
    source = series.bars([[100, 100, 100, 100]] * 4, "1m").replace(volume=np.array([900.0, 10.0, 30.0, 5.0]))
    bids, _ = Depth(tape(source), DepthModel(volume_share=0.1, levels=1, memory=2)).at(180_000)
    assert bids[0][1] == 2


def test_no_level_falls_to_zero():
    bids, asks = Depth(tape(series.bars([[0.03, 0.03, 0.03, 0.03]], "1m"))).at(0)
    assert [price for price, _ in bids] == [Decimal("0.02"), Decimal("0.01")]
    assert len(asks) == 20


def test_the_ladder_around_a_tick_is_the_one_of_its_moment():
    played = tape(series.walk(70, interval="1m"))
    depth = Depth(played)
    assert all(depth.around(tick) == depth.at(tick.time_ms) for tick in all_ticks(played))


def test_as_many_levels_as_asked_for_are_shown_and_none_before_the_first_tick():
    depth = Depth(tape(series.walk(3)))
    assert [len(side) for side in depth.at(0, 7)] == [7, 7]
    assert depth.at(-1) == ((), ())
    assert depth.ticker(-1) == (0, 0, 0, 0)


@pytest.mark.parametrize("wrong", [{"spread": -0.1}, {"volume_share": float("nan")}, {"levels": 0}, {"memory": 0}])
def test_a_book_that_cannot_be_is_refused(wrong):
    with pytest.raises(UsageError, match="E-DEPTH"):
        DepthModel(**wrong)

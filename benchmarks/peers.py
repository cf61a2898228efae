"""What the same work costs elsewhere. Each peer gets decisions or indicators ready made; thunes computes its own."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from thunes.kernels.indicators import sma
from thunes.kernels.simulation import START_CASH, fill_bar
from thunes.model import Candles, Costs, Float1D, interval_ms

ENGINES = ("numba", "rust")
JUDGED = ("total_return", "sharpe", "max_drawdown")
FAST, SLOW = 10, 50  # of the single backtest
MUCH_CASH = 1e12  # for a peer that buys whole coins


def vectorbt_call(
    candles: Candles, decisions: np.ndarray, costs: Costs, engine: str, chunk: int | None = None
) -> Callable[[], dict[str, Float1D]]:
    """`Portfolio.from_signals` and three figures of every column of `decisions`, bool of shape (n, sets).

    All columns in one call, or `chunk` of them in each.
    """
    import pandas as pd
    import vectorbt as vbt

    from thunes.research.vectorbt_bridge import YEAR

    index = pd.to_datetime(candles.open_time, unit="ms", utc=True)
    held = np.zeros_like(decisions)
    held[fill_bar(0) :] = decisions[: -fill_bar(0)]
    before = np.zeros_like(held)
    before[1:] = held[:-1]
    close, price = pd.Series(candles.close, index=index), pd.Series(candles.open, index=index)
    bar = pd.Timedelta(interval_ms(candles.interval), unit="ms")
    terms = {"fees": costs.fee, "slippage": costs.slippage, "init_cash": START_CASH, "freq": bar, "engine": engine}
    sets = decisions.shape[1]
    slices = [slice(k, k + (chunk or sets)) for k in range(0, sets, chunk or sets)]
    signals = [
        tuple(pd.DataFrame(s[:, part], index=index) for s in (held & ~before, ~held & before)) for part in slices
    ]

    def one(entries: Any, exits: Any) -> list[Any]:
        judged = vbt.Portfolio.from_signals(close, entries, exits, price=price, **terms)
        return [judged.total_return(), judged.sharpe_ratio(year_freq=YEAR), judged.max_drawdown()]

    def call() -> dict[str, Float1D]:
        parts = [one(*pair) for pair in signals]
        return {name: np.concatenate(values) for name, values in zip(JUDGED, zip(*parts, strict=True), strict=True)}

    return call


def require_equal(ours: Mapping[str, Float1D], theirs: Mapping[str, Float1D]) -> None:
    """Raise `CheckFailed` unless the figures agree: speeds compare only for the same work."""
    from thunes.research.vectorbt_bridge import require_agreement

    judged = {name: np.where(np.isfinite(values), values, np.nan) for name, values in theirs.items()}
    require_agreement({name: ours[name] for name in JUDGED}, judged)


def backtesting_call(candles: Candles, costs: Costs) -> Callable[[], float]:
    """backtesting.py on one sma_cross: its total return. Slippage is paid as commission: its own spares the exits."""
    import pandas as pd
    from backtesting import Backtest
    from backtesting import Strategy as Base

    class SmaCross(Base):  # type: ignore[misc]
        def init(self) -> None:
            self.fast = self.I(sma, self.data.Close.astype(float), FAST)
            self.slow = self.I(sma, self.data.Close.astype(float), SLOW)

        def next(self) -> None:
            if self.fast[-1] > self.slow[-1]:
                if not self.position:
                    self.buy()
            elif self.position:
                self.position.close()

    names = ("Open", "High", "Low", "Close", "Volume")
    frame = pd.DataFrame(
        {name: getattr(candles, name.lower()) for name in names}, index=pd.to_datetime(candles.open_time, unit="ms")
    )
    commission = costs.fee + costs.slippage

    def call() -> float:
        with contextlib.redirect_stderr(io.StringIO()):  # it draws a progress bar
            stats = Backtest(frame, SmaCross, cash=MUCH_CASH, commission=commission).run()
        return float(stats["Return [%]"]) / 100

    return call


def backtrader_call(candles: Candles, costs: Costs) -> Callable[[], float]:
    """backtrader on one sma_cross: its total return. It decides at the close and sizes at the open that it fills at."""
    import backtrader as bt
    import pandas as pd

    class SmaCross(bt.Strategy):  # type: ignore[misc]
        def __init__(self) -> None:
            self.fast = bt.ind.SMA(self.data.close, period=FAST)
            self.slow = bt.ind.SMA(self.data.close, period=SLOW)
            self.wanted = False

        def next(self) -> None:
            self.wanted = self.fast[0] > self.slow[0]

        def next_open(self) -> None:
            if self.wanted and not self.position:
                price = self.data.open[0] * (1 + costs.slippage) * (1 + costs.fee)
                self.buy(size=self.broker.getcash() / price * (1 - 1e-12))
            elif self.position and not self.wanted:
                self.close()

    names = ("open", "high", "low", "close", "volume")
    frame = pd.DataFrame(
        {name: getattr(candles, name) for name in names}, index=pd.to_datetime(candles.open_time, unit="ms")
    )

    def call() -> float:
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        cerebro.adddata(bt.feeds.PandasData(dataname=frame))
        cerebro.addstrategy(SmaCross)
        cerebro.broker.setcash(START_CASH)
        cerebro.broker.setcommission(commission=costs.fee)
        cerebro.broker.set_slippage_perc(costs.slippage, slip_open=True, slip_match=True, slip_out=True)
        cerebro.run()
        return float(cerebro.broker.getvalue() / START_CASH - 1)

    return call

"""From candles to a backtest that can be trusted: a walk through the research core, offline.

Run it with `python examples/01_research.py`. The candles are the embedded synthetic market's, so whatever is found here
is luck by construction, and part 5 shows how convincing luck can look.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import thunes as th

# 1. Candles. A year of hours from the synthetic market with seed 7: mean-zero returns, clustered volatility, fat tails.
#    With your own data: data="BTCUSDT-1h.parquet", or data="auto" for the store and then Binance.
candles = th.load_candles("BTCUSDT", "1h", data="synthetic:7", last=8760)
print(candles)

# 2. A backtest. A decision at a bar's close fills at the next bar's open, with fees and slippage against us.
result = th.backtest("sma_cross", candles, costs=th.Costs(fee=0.001, slippage=0.0005), fast=10, slow=50)
print(result)
stats, hold = result.stats, result.hold
print(f"Sharpe {stats['sharpe']:.2f}, holding {hold['sharpe']:.2f}; {stats['fees']:,.0f} USDT of fees")
print(result.trades.tail(3))

# 3. The same with a stop: half the loss per trade does not mean half the loss.
stopped = th.backtest("sma_cross", candles, stops=th.Stops(stop_loss=0.03), fast=10, slow=50)
print(stopped.trades["reason"].value_counts(sort=True))

# 4. Costs. Equity falls strictly as slippage rises; a rule that trades a lot dies of it.
for slippage in (0.0, 0.0005, 0.002):
    shown = th.backtest("sma_cross", candles, th.Costs(slippage=slippage), fast=10, slow=50)
    print(f"slippage {slippage:.2%}: total return {shown.stats['total_return']:+.1%}")

# 5. A sweep: every pair of the declared space at once. The best of thousands looks good on noise; it always does.
grid = th.sweep("sma_cross", candles)
best = grid.best("sharpe")
sharpes = grid.metrics["sharpe"]
print(f"{len(grid):,} sets: median Sharpe {np.nanmedian(sharpes):.2f}, best {best['sharpe']:.2f} at {best}")

# 6. A strategy of your own: lines that know the past, and a rule that sees one bar.
OWN = '''
from thunes import Line, Strategy, indicators, param


class Dip(Strategy):
    """Long after a close under the lowest low of the bars before, until the close is over its average."""

    window: int = param(48, "bars", first=12, last=96, step=12)

    lines = {
        "bottom": Line(indicators.previous_lowest, "low", "window"),
        "mean": Line(indicators.sma, "close", "window"),
    }

    @staticmethod
    def rule(held, close, bottom, mean):
        if close < bottom:
            return 1
        if close > mean:
            return 0
        return held
'''
with TemporaryDirectory() as folder:
    path = Path(folder, "dip.py")
    path.write_text(OWN)
    print(th.check_lookahead(f"{path}:Dip", candles[-2000:]))
    print(th.sweep(f"{path}:Dip", candles).to_frame().sort("sharpe", descending=True))

# 7. The judge: the same orders as a vectorbt portfolio, where vectorbt is installed.
print(f"vectorbt's Sharpe of part 2: {result.portfolio.sharpe_ratio(year_freq='365D'):.2f}")

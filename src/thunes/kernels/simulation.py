"""One simulated account, bar by bar: fractions, costs, stops. The reference that every faster path must equal.

Its arithmetic follows vectorbt's order of operations, so that the two agree to the last few bits. `score.py` is the
fast path for what most sweeps are: long or flat, without stops.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thunes.kernels.compiled import jit
from thunes.kernels.metrics import summarise
from thunes.model import NO_STOPS, Candles, Costs, Fill, Float1D, Stops

START_CASH = 10_000.0
LAG = 1  # shift(1): a decision at the close of bar t is filled in bar t + 1
SIGNAL, STOP_LOSS, TRAILING, TAKE_PROFIT = 0, 1, 2, 3
REASONS = ("signal", "stop_loss", "trailing", "take_profit")
ORDER = ("bar", "size", "price", "fee", "reason")  # columns of an order; a sale's size is negative
TRADE = ("entry_bar", "exit_bar", "size", "entry_price", "exit_price", "fees", "pnl", "reason", "closed")


@jit
def fill_bar(decision_bar: int) -> int:
    """The bar in which a decision taken at the close of `decision_bar` is filled. The only place that knows the lag."""
    return decision_bar + LAG


@dataclass(frozen=True)
class Simulation:
    """What an account went through: arrays of shape (n,) aligned to the candles, and its orders and trades.

    `equity` is cash plus position at each close, `exposed` the position's share of it. `orders` has shape (k, 5) with
    columns `ORDER`, `trades` shape (m, 9) with columns `TRADE`; a trade runs from flat to flat, and only the last one
    can be open (`closed` 0, its exit the last close). `moments` are what the metrics are made of.
    """

    equity: Float1D
    exposed: Float1D
    orders: Float1D
    trades: Float1D
    moments: Float1D


def run(
    candles: Candles, target: Float1D, costs: Costs, stops: Stops = NO_STOPS, fill: Fill = "next_open"
) -> Simulation:
    """Simulate a target exposure (float64[n], fractions of equity known at each close) on its candles."""
    bars = len(candles)
    equity, exposed, orders = np.empty(bars), np.empty(bars), np.empty((2 * bars, len(ORDER)))
    trades = np.empty((bars + 1, len(TRADE)))
    order_count = simulate(
        candles.open,
        candles.high,
        candles.low,
        candles.close,
        target,
        *rules(costs, stops, fill),
        equity,
        exposed,
        orders,
    )
    trade_count = match(orders, order_count, candles.close, trades)
    moments = summarise(equity, exposed, orders, order_count, trades, trade_count)
    return Simulation(equity, exposed, orders[:order_count], trades[:trade_count], moments)


def rules(costs: Costs, stops: Stops, fill: Fill) -> tuple[float, float, bool, float, float, float, bool]:
    """Costs, stops and fill as the scalars that `simulate` takes."""
    at_open, as_vectorbt = fill == "next_open", stops.mode == "vectorbt"
    return costs.fee, costs.slippage, at_open, stops.stop_loss, stops.take_profit, stops.trailing, as_vectorbt


@jit
def buy(cash: float, size: float, price: float, fee: float) -> tuple[float, float]:
    """Size and fee of a purchase of `size` at `price`, cut to what the cash pays for, fee included."""
    notional = size * price
    if notional + notional * fee <= cash * (1.0 + 1e-9):
        return size, notional * fee
    spendable = cash / (1.0 + fee)
    return spendable / price, cash - spendable


@jit
def stop_exit(open: float, high: float, low: float, levels: tuple[float, float, float]) -> tuple[float, int]:
    """Price and reason of an exit inside this bar, or NaN: gaps at the open first, then stop before target.

    `levels` are those of stop-loss, trail and target; a NaN level is never reached.
    """
    loss_level, trail_level, target_level = levels
    level, reason = loss_level, STOP_LOSS
    if trail_level > level or np.isnan(level):
        level, reason = trail_level, TRAILING
    if open <= level:
        return open, reason
    if open >= target_level:
        return open, TAKE_PROFIT
    if low <= level:
        return level, reason
    if high >= target_level:
        return target_level, TAKE_PROFIT
    return np.nan, SIGNAL


@jit
def stop_exit_vectorbt(open: float, high: float, low: float, levels: tuple[float, float, float]) -> tuple[float, int]:
    """The same question as vectorbt answers it: the stop is asked before the target, also at the open."""
    loss_level, trail_level, target_level = levels
    level, reason = loss_level, STOP_LOSS
    if np.isnan(level):
        level, reason = trail_level, TRAILING
    if open <= level:
        return open, reason
    if low <= level <= high:
        return level, reason
    if open >= target_level:
        return open, TAKE_PROFIT
    if low <= target_level <= high:
        return target_level, TAKE_PROFIT
    return np.nan, SIGNAL


@jit
def record(orders: Float1D, count: int, bar: int, size: float, price: float, fee: float, reason: int) -> int:
    """Write an order as row `count`; return the new count."""
    orders[count, 0], orders[count, 1], orders[count, 2] = bar, size, price
    orders[count, 3], orders[count, 4] = fee, reason
    return count + 1


@jit
def simulate(
    open: Float1D,
    high: Float1D,
    low: Float1D,
    close: Float1D,
    target: Float1D,
    fee: float,
    slippage: float,
    at_open: bool,
    stop_loss: float,
    take_profit: float,
    trailing: float,
    as_vectorbt: bool,
    equity: Float1D,
    exposed: Float1D,
    orders: Float1D,
) -> int:
    """Fill `equity`, `exposed` and `orders`; return the number of orders.

    An order is made when the wanted fraction changes, never to undo drift. Stops are fractions of the position's mean
    fill price; after a stop-out the position stays flat until the target has been 0 once. Inside a bar (next_open): the
    decision fills at the open, then stops work on high and low, the entry bar included; the trail follows the highs of
    completed bars. With next_close, stops come first and the decision fills at the close.
    """
    guarded = not (np.isnan(stop_loss) and np.isnan(take_profit) and np.isnan(trailing))
    decision_step = 0 if at_open and not as_vectorbt else 1
    cash, size, entry, peak, count, latched = START_CASH, 0.0, np.nan, np.nan, 0, False
    lag = fill_bar(0)
    for t in range(close.size):
        decided = t - lag
        wanted = target[decided] if decided >= 0 else 0.0
        before = target[decided - 1] if decided > 0 else 0.0
        latched = latched and wanted != 0.0
        stopped = False
        for step in range(2):
            if step == decision_step and wanted != before and not latched and not stopped:
                price = open[t] if at_open else close[t]
                change = -size if wanted == 0.0 else wanted * (cash + size * price) / price - size
                if change > 0.0:
                    price *= 1.0 + slippage
                    bought, paid = buy(cash, change, price, fee)
                    entry = price if size == 0.0 else (entry * size + price * bought) / (size + bought)
                    peak = price if size == 0.0 else peak
                    left = cash - (bought * price + paid)
                    cash = left if left > 1e-9 * cash else 0.0
                    size += bought
                    count = record(orders, count, t, bought, price, paid, SIGNAL)
                elif size > 0.0 and change < 0.0:
                    price *= 1.0 - slippage
                    sold = min(size, -change)
                    paid = sold * price * fee
                    cash += sold * price - paid
                    size -= sold
                    count = record(orders, count, t, -sold, price, paid, SIGNAL)
            elif step != decision_step and guarded and size > 0.0:
                levels = (entry * (1.0 - stop_loss), peak * (1.0 - trailing), entry * (1.0 + take_profit))
                peak = max(peak, high[t])
                if as_vectorbt:
                    price, reason = stop_exit_vectorbt(open[t], high[t], low[t], levels)
                else:
                    price, reason = stop_exit(open[t], high[t], low[t], levels)
                if not np.isnan(price):
                    price *= 1.0 - slippage
                    paid = size * price * fee
                    cash += size * price - paid
                    count = record(orders, count, t, -size, price, paid, reason)
                    size, latched, stopped = 0.0, wanted != 0.0, True
        equity[t] = cash + size * close[t]
        exposed[t] = size * close[t] / equity[t] if equity[t] > 0.0 else 0.0
    return count


@jit
def match(orders: Float1D, order_count: int, close: Float1D, trades: Float1D) -> int:
    """Fill `trades` (columns `TRADE`) from orders: one row from flat to flat; return their number."""
    count, held, bought, paid, sold, got, fees = 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(order_count):
        size, price = orders[k, 1], orders[k, 2]
        if held == 0.0:
            trades[count, 0] = orders[k, 0]
            bought, paid, sold, got, fees = 0.0, 0.0, 0.0, 0.0, 0.0
        fees += orders[k, 3]
        if size > 0.0:
            bought, paid = bought + size, paid + size * price
        else:
            sold, got = sold - size, got - size * price
        held += size
        closed = held <= 1e-12 * bought
        if closed or k == order_count - 1:
            last = close.size - 1
            if not closed:
                sold, got = sold + held, got + held * close[last]
            trades[count, 1] = orders[k, 0] if closed else last
            trades[count, 2] = bought
            trades[count, 3] = paid / bought if bought > 0.0 else np.nan  # an eaten-up account orders nothing
            trades[count, 4] = got / sold if sold > 0.0 else np.nan
            gain = got - paid
            if abs(gain) <= 1e-12 * paid:  # a rounding error is neither a win nor a loss
                gain = 0.0
            trades[count, 5], trades[count, 6] = fees, gain - fees
            trades[count, 7], trades[count, 8] = (orders[k, 4] if closed else SIGNAL), (1.0 if closed else 0.0)
            count += 1
            held = 0.0
    return count

"""A market order by quote quantity: how much base that is."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from thunes.simulator.request import Refused
from thunes.simulator.symbols.filters import EXACT, ZERO, keeps
from thunes.simulator.symbols.symbol import Symbol
from thunes.simulator.symbols.tradable import check_status


def quantity_for_quote(symbol: Symbol, quote: Decimal, levels: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    """The most base, a multiple of the step, that the levels of a book (best first) give or take for `quote`.

    What is spent or received is `quote` at most. What the book cannot serve is counted at its last price, so that the
    order ends EXPIRED with a part of it executed. Errors: `Refused` for a book that is empty or thinner than the least
    quantity, and for a quantity outside LOT_SIZE or MARKET_LOT_SIZE.
    """
    check_status(symbol)
    steps = symbol.filters.lot_size, symbol.filters.market_lot_size
    # Steps are powers of ten: every multiple of the larger one is one of the smaller.
    step = max((grid.step for grid in steps if grid), default=ZERO) or Decimal(1).scaleb(-symbol.base_precision)
    wanted, available = affordable(quote, levels, step)
    if not available:
        raise Refused(400, -2010, "Order book liquidity is less than symbol minimum quantity.")
    for name, grid in zip(("LOT_SIZE", "MARKET_LOT_SIZE"), steps, strict=True):
        if grid is not None and available < min(grid.minimum, wanted):
            raise Refused(400, -2010, f"Order book liquidity is less than `{name}` filter minimum quantity.")
        if grid is not None and not keeps(grid, wanted):
            raise Refused(400, -1013, f"Filter failure: {name}")
    if not wanted:
        raise Refused(400, -2010, "Price * QTY is zero or less.")
    return wanted


def affordable(quote: Decimal, levels: Iterable[tuple[Decimal, Decimal]], step: Decimal) -> tuple[Decimal, Decimal]:
    """The quantity that `quote` pays for, cut to the step, and what the levels walked hold; 0 and 0 of no levels."""
    before, available, left, last = ZERO, ZERO, quote, ZERO
    for price, size in levels:
        last, before, cost = price, available, EXACT.multiply(price, size)
        available = EXACT.add(available, size)
        if cost > left:
            break
        before, left = available, EXACT.subtract(left, cost)
    if not available:
        return ZERO, ZERO
    worth = EXACT.add(EXACT.multiply(before, last), left)  # = last price × the quantity sought
    return EXACT.multiply(EXACT.divide_int(worth, EXACT.multiply(last, step)), step), available

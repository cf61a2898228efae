"""Realised profit and loss of one symbol, by average cost and first in, first out: pure functions of its trades.

Costs carry commissions: paid in base, a buy brings in less for the same money; paid in quote or in a third asset, its
value is added to the cost of a buy and taken off what a sale earns. Over a holding that goes to 0 both methods add up
to the same, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from thunes.exchange.orders import Fill
from thunes.trading.ledger.numbers import ZERO, minus, plus, product, share
from thunes.trading.ledger.values import Valuation


@dataclass(frozen=True)
class Lot:
    """Base bought at once, and its cost in quote."""

    quantity: Decimal
    cost: Decimal


@dataclass(frozen=True)
class Holding:
    """What is held (base), its cost by the average method (quote), and the lots it was bought in, oldest first."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    lots: tuple[Lot, ...] = ()


@dataclass(frozen=True)
class Trade:
    """What a fill means for a holding: `base` came in or left, `quote` was paid or earned, commissions included."""

    is_buy: bool
    base: Decimal
    quote: Decimal


@dataclass(frozen=True)
class Realised:
    """In quote; None where nothing held was sold. `uncovered`: base sold that was not held."""

    average: Decimal | None = None
    fifo: Decimal | None = None
    uncovered: Decimal = ZERO


def commission_value(fill: Fill, valuation: Valuation) -> Decimal | None:
    """A commission in quote; None where it was paid in an asset without a price."""
    if fill.commission == 0:
        return ZERO
    if fill.commission_asset == valuation.quote:
        return fill.commission
    if fill.commission_asset == valuation.base:
        return product(fill.commission, fill.price)
    price = valuation.prices.get(fill.commission_asset)
    return None if price is None else product(fill.commission, price)


def trade_of(fill: Fill, base_asset: str, value: Decimal | None) -> Trade:
    """`value`: that of the commission; a commission without a price counts as 0 until it has one."""
    in_base = fill.commission if fill.commission_asset == base_asset else ZERO
    in_quote = ZERO if in_base else value or ZERO
    if fill.side == "BUY":
        return Trade(is_buy=True, base=minus(fill.quantity, in_base), quote=plus(fill.quote, in_quote))
    return Trade(is_buy=False, base=plus(fill.quantity, in_base), quote=minus(fill.quote, in_quote))


def traded(holding: Holding, trade: Trade) -> tuple[Holding, Realised]:
    """The holding after a trade, and what the trade realised."""
    return (_bought(holding, trade), Realised()) if trade.is_buy else _sold(holding, trade)


def _bought(holding: Holding, trade: Trade) -> Holding:
    return Holding(
        plus(holding.quantity, trade.base),
        plus(holding.cost, trade.quote),
        (*holding.lots, Lot(trade.base, trade.quote)),
    )


def _sold(holding: Holding, trade: Trade) -> tuple[Holding, Realised]:
    covered = min(trade.base, holding.quantity)
    if covered == 0:
        return holding, Realised(uncovered=trade.base)
    earned = share(trade.quote, covered, trade.base)
    cost = share(holding.cost, covered, holding.quantity)
    lots, first_cost = _taken(holding.lots, covered)
    left = Holding(minus(holding.quantity, covered), minus(holding.cost, cost), lots)
    return left, Realised(minus(earned, cost), minus(earned, first_cost), minus(trade.base, covered))


def _taken(lots: tuple[Lot, ...], quantity: Decimal) -> tuple[tuple[Lot, ...], Decimal]:
    """The lots without their oldest `quantity`, and what that cost."""
    cost = ZERO
    for number, lot in enumerate(lots):
        part = min(lot.quantity, quantity)
        spent = share(lot.cost, part, lot.quantity)
        cost, quantity = plus(cost, spent), minus(quantity, part)
        if part < lot.quantity:
            return (Lot(minus(lot.quantity, part), minus(lot.cost, spent)), *lots[number + 1 :]), cost
    return (), cost

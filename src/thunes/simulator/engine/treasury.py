"""The exchange's money: what orders set aside, what trades move, what commissions take."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from thunes.simulator.engine.accounts import MARKET, ZERO, Account, Conservation, commission, conservation
from thunes.simulator.engine.orders import Fill, Order, Symbol
from thunes.simulator.engine.rules import Rules


class Treasury:
    """All accounts and the fees collected; `touched` are the accounts whose balances changed and were not told yet.

    `price_of` gives the last price of a symbol by name, None for none.
    """

    def __init__(self, rules: Rules, price_of: Callable[[str], Decimal | None]) -> None:
        self._rules, self._price_of = rules, price_of
        self.market = Account(MARKET, unlimited=True)
        self.accounts = {MARKET: self.market}
        self.fees: dict[str, Decimal] = {}
        self.touched: dict[str, Account] = {}

    def conservation(self) -> dict[str, Conservation]:
        return conservation(self.accounts.values(), self.fees)

    def transfer(self, account: Account, asset: str, amount: Decimal) -> None:
        """Money from outside, or to it when negative."""
        account.deposit(asset, amount)
        self.touched[account.name] = account

    def set_aside(self, order: Order, symbol: Symbol, amount: Decimal) -> None:
        """Lock exactly this much for an order: quote for a BUY, base for a SELL."""
        if amount != order.locked:
            order.account.lock(pays_in(order, symbol), amount - order.locked)
            order.locked = amount
            self.touched[order.account.name] = order.account

    def spendable(self, order: Order, symbol: Symbol) -> Decimal:
        """What the account could set aside for the order, with what already is."""
        return order.account.free(pays_in(order, symbol)) + order.locked

    def settle_market(self, order: Order, symbol: Symbol, price: Decimal, quantity: Decimal) -> None:
        """The market's side of a trade with an order."""
        gets, gives = _flows(order, symbol, quantity, price * quantity)
        self.market.pay(*gives)
        self.market.receive(*gets)

    def settle(
        self,
        order: Order,
        symbol: Symbol,
        trade_id: int,
        price: Decimal,
        quantity: Decimal,
        time_ms: int,
        *,
        maker: bool,
    ) -> Fill:
        """An order's side of a trade: paid from what is set aside, less the commission."""
        account, quote = order.account, price * quantity
        gives, gets = _flows(order, symbol, quantity, quote)
        account.pay_locked(*gives)
        order.locked -= gives[1]
        account.receive(*gets)
        rate = account.maker_rate if maker else account.taker_rate
        in_bnb = self._in_bnb(symbol, quote) if account.pays_in_bnb else None
        asset, fee = commission(account, rate, *gets, in_bnb, self._rules)
        account.pay(asset, fee)
        self.fees[asset] = self.fees.get(asset, ZERO) + fee
        self.touched[account.name] = account
        return Fill(
            trade_id,
            order.id,
            order.list_id,
            symbol.name,
            order.request.side,
            price,
            quantity,
            quote,
            fee,
            asset,
            maker,
            time_ms,
        )

    def _in_bnb(self, symbol: Symbol, quote: Decimal) -> Decimal | None:
        """What a trade is worth in BNB; None without a price for it."""
        if symbol.quote == self._rules.bnb:
            return quote
        price = self._price_of(self._rules.bnb + symbol.quote)
        return quote / price if price else None


def pays_in(order: Order, symbol: Symbol) -> str:
    """The asset that an order gives away."""
    return symbol.quote if order.request.side == "BUY" else symbol.base


def _flows(
    order: Order, symbol: Symbol, quantity: Decimal, quote: Decimal
) -> tuple[tuple[str, Decimal], tuple[str, Decimal]]:
    """What the order gives and what it gets, each asset and amount."""
    if order.request.side == "BUY":
        return (symbol.quote, quote), (symbol.base, quantity)
    return (symbol.base, quantity), (symbol.quote, quote)

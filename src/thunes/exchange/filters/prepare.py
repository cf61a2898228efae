"""From a decision to an order ready to send, or to a denial in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Literal

from thunes.errors import UsageError, did_you_mean
from thunes.exchange.filters.amounts import Number, cut, exactly, is_amount, read
from thunes.exchange.filters.asked import Asked
from thunes.exchange.filters.check import amount, counts, ladder, lone_ladder
from thunes.exchange.filters.conditions import Holdings, Prices
from thunes.exchange.filters.rules import SymbolRules
from thunes.exchange.filters.verdict import Check, Denied, Judged, denial, denied
from thunes.exchange.filters.wanted import Wanted, beside, limit_order, on_tick, quantity_order
from thunes.exchange.orders import OrderTicket, Side

RulesOf = Mapping[str, SymbolRules] | Callable[[str], SymbolRules]
SIDES: Mapping[str, Side] = {"BUY": "BUY", "SELL": "SELL"}
UNPRICED = Check("AVERAGE_PRICE", "price", "unknown", "is", "known", passed=False)


@dataclass(frozen=True)
class OcoTickets:
    """Two orders of which the first to trade ends the other. The resting one is sent as LIMIT_MAKER."""

    resting: OrderTicket
    stop: OrderTicket


class ExchangeFilters:
    """Makes orders that the exchange takes, for every symbol that it is given rules of.

    `rules`: by symbol, or a function that may ask the exchange. `prices` and `holdings`: functions of the symbol, used
    where a call brings none of its own. `permissions`: the account's. Amounts and prices may be Decimal, int, str or
    float; a float is cut to the grid. What is prepared is never for more than was asked, `sweep_dust` excepted: a SELL
    that would leave a rest too small to be sold takes the rest along.

    Every `prepare_…` gives an `OrderTicket` or a `Denied`, `judge_market_order` the checks with it. Errors:
    `UsageError` for an unknown symbol or side, and for an amount given twice or not at all; what `rules`, `prices` and
    `holdings` raise.
    """

    def __init__(
        self,
        rules: RulesOf,
        *,
        prices: Callable[[str], Prices] | None = None,
        holdings: Callable[[str], Holdings] | None = None,
        permissions: Iterable[str] = ("SPOT",),
    ) -> None:
        self._rules = partial(_listed, rules) if isinstance(rules, Mapping) else rules
        self._prices, self._holdings = prices, holdings
        self._permissions = frozenset(permissions)

    def rules(self, symbol: str) -> SymbolRules:
        """The rules of a symbol. Error: `UsageError` for one that there are none of."""
        return self._rules(symbol)

    # Rounding

    @exactly
    def round_price(self, symbol: str, price: Number, side: Side = "BUY") -> Decimal:
        """The price on the symbol's grid: down for a BUY, up for a SELL. Error: `UsageError` for no amount."""
        rules = self.rules(symbol)
        return on_tick(rules, _sound("price", read(price, rules.quote_step)), _side(side))

    @exactly
    def round_quantity(self, symbol: str, quantity: Number, *, market: bool = False) -> Decimal:
        """The quantity (base) down to the symbol's grid; 0 for less than a step. Error: `UsageError` for no amount."""
        step = self.rules(symbol).step_of(market=market)
        return cut(_sound("quantity", read(quantity, step)), step)

    # Preparing

    def validate_order(
        self,
        symbol: str,
        quote_qty: Number,
        side: Side = "BUY",
        *,
        prices: Prices | None = None,
        holdings: Holdings | None = None,
    ) -> tuple[bool, str]:
        """Whether a market order for an amount of quote currency would be sent, and if not, why."""
        found = self.prepare_market_order(symbol, side, quote_qty, prices=prices, holdings=holdings)
        return (False, str(found)) if isinstance(found, Denied) else (True, "")

    def prepare_market_order(
        self,
        symbol: str,
        side: Side,
        quote_qty: Number | None = None,
        *,
        quantity: Number | None = None,
        prices: Prices | None = None,
        holdings: Holdings | None = None,
        client_order_id: str = "",
        sweep_dust: bool = False,
    ) -> OrderTicket | Denied:
        """A market order for an amount of quote or of base currency.

        A BUY by quote currency goes out so where the symbol takes it; anything else is counted in base, at the best
        opposite price.
        """
        return self.judge_market_order(
            symbol, side, quote_qty, quantity=quantity, prices=prices, holdings=holdings,
            client_order_id=client_order_id, sweep_dust=sweep_dust,
        ).found  # fmt: skip

    @exactly
    def judge_market_order(
        self,
        symbol: str,
        side: Side,
        quote_qty: Number | None = None,
        *,
        quantity: Number | None = None,
        prices: Prices | None = None,
        holdings: Holdings | None = None,
        client_order_id: str = "",
        sweep_dust: bool = False,
    ) -> Judged:
        """What `prepare_market_order` gives, and what `checks` would say of it: the ladder is climbed once."""
        wanted = self._wanted(symbol, side, quantity, quote_qty, prices, holdings, client_order_id, sweep_dust)
        refused = self._refused(wanted, ())
        if refused is not None:
            return Judged(refused, refused.checks)
        return self._judged(wanted, self._by_quote(wanted) or self._at_the_market(wanted))

    def _at_the_market(self, wanted: Wanted) -> Asked | None:
        """The order by base quantity; None where no price says how much an amount of quote currency is in base."""
        price = wanted.prices.opposite(wanted.side)
        if price is None and wanted.quote is not None:
            return None
        return self._asked(wanted, quantity_order(wanted, "MARKET", wanted.in_base(price, market=True)))

    @exactly
    def prepare_limit_order(
        self,
        symbol: str,
        side: Side,
        price: Number,
        quantity: Number | None = None,
        *,
        quote_qty: Number | None = None,
        time_in_force: Literal["GTC", "IOC", "FOK"] = "GTC",
        prices: Prices | None = None,
        holdings: Holdings | None = None,
        client_order_id: str = "",
        sweep_dust: bool = False,
    ) -> OrderTicket | Denied:
        """A limit order; its price is rounded in favour of the one who gives it: down for a BUY, up for a SELL."""
        wanted = self._wanted(symbol, side, quantity, quote_qty, prices, holdings, client_order_id, sweep_dust)
        limit = read(price, wanted.rules.quote_step)
        refused = self._refused(wanted, (("price", limit),))
        if refused is not None:
            return refused
        return self._judged(wanted, self._asked(wanted, limit_order(wanted, limit, time_in_force=time_in_force))).found

    @exactly
    def prepare_stop_order(
        self,
        symbol: str,
        side: Side,
        stop_price: Number,
        price: Number,
        quantity: Number,
        *,
        prices: Prices | None = None,
        holdings: Holdings | None = None,
        client_order_id: str = "",
    ) -> OrderTicket | Denied:
        """A stop-loss-limit order: at `stop_price` it becomes a limit order at `price`, good till cancelled."""
        wanted = self._wanted(symbol, side, quantity, None, prices, holdings, client_order_id)
        stop, limit = (read(number, wanted.rules.quote_step) for number in (stop_price, price))
        refused = self._refused(wanted, (("stop price", stop), ("price", limit)))
        if refused is not None:
            return refused
        return self._judged(wanted, self._asked(wanted, limit_order(wanted, limit, stop))).found

    @exactly
    def prepare_oco(
        self,
        symbol: str,
        side: Side,
        quantity: Number,
        price: Number,
        stop_price: Number,
        stop_limit_price: Number,
        *,
        prices: Prices | None = None,
        holdings: Holdings | None = None,
        client_order_ids: tuple[str, str] = ("", ""),
    ) -> OcoTickets | Denied:
        """A resting order at `price` (a SELL's above the market) and a stop-loss-limit on the market's other side.

        `client_order_ids`: of the resting order and of the stop.
        """
        wanted = self._wanted(symbol, side, quantity, None, prices, holdings, client_order_ids[0])
        limit, stop, limit_of_stop = (
            read(number, wanted.rules.quote_step) for number in (price, stop_price, stop_limit_price)
        )
        refused = self._refused(wanted, (("price", limit), ("stop price", stop), ("stop limit price", limit_of_stop)))
        if refused is not None:
            return refused
        resting = replace(limit_order(wanted, limit), time_in_force=None)
        stopping = replace(limit_order(wanted, limit_of_stop, stop), client_order_id=client_order_ids[1])
        tickets = OcoTickets(resting, stopping)
        return denial(wanted, self._of_both(wanted, tickets)) or tickets

    # The ladder

    @exactly
    def checks(
        self, order: OrderTicket | OcoTickets, *, prices: Prices | None = None, holdings: Holdings | None = None
    ) -> tuple[Check, ...]:
        """Every check of an order with value, bound and verdict, also of one prepared earlier: all must pass anew."""
        if isinstance(order, OcoTickets):
            return self._of_both(self._seen(order.resting.symbol, order.resting.side, prices, holdings), order)
        return lone_ladder(self._asked(self._seen(order.symbol, order.side, prices, holdings), order))

    def _of_both(self, wanted: Wanted, order: OcoTickets) -> tuple[Check, ...]:
        rules, holdings = wanted.rules, wanted.holdings
        offered = "on" if rules.takes_oco else "off"
        listing = Check("ORDER_TYPE", "one cancels the other", offered, "is", "on", rules.takes_oco)
        resting = ladder(self._asked(wanted, order.resting, "LIMIT_MAKER"))
        stop = ladder(self._asked(beside(wanted, order.resting), order.stop))
        return (listing, *resting, *stop, *counts(rules, holdings, 2, 1, 1))

    def _asked(self, wanted: Wanted, ticket: OrderTicket, exchange_type: str = "") -> Asked:
        prices, holdings = wanted.prices, wanted.holdings
        return Asked(wanted.rules, ticket, prices, holdings, self._permissions, exchange_type or ticket.type)

    def _judged(self, wanted: Wanted, asked: Asked | None) -> Judged:
        """By every check of a lone order; without a price for its size (None) by that alone."""
        if asked is None:
            return Judged(denied(wanted, UNPRICED, (UNPRICED,)), (UNPRICED,))
        checks = lone_ladder(asked)
        return Judged(denial(wanted, checks) or asked.ticket, checks)

    # Reading what was given

    def _wanted(
        self,
        symbol: str,
        side: Side,
        quantity: Number | None,
        quote: Number | None,
        prices: Prices | None,
        holdings: Holdings | None,
        client_order_id: str,
        sweep_dust: bool = False,
    ) -> Wanted:
        if (quantity is None) == (quote is None):
            raise UsageError("E-AMOUNT", "an order is for an amount of base or of quote currency.", "Give one of them.")
        return self._seen(symbol, side, prices, holdings, quantity, quote, client_order_id, sweep_dust)

    def _seen(
        self,
        symbol: str,
        side: Side,
        prices: Prices | None,
        holdings: Holdings | None,
        quantity: Number | None = None,
        quote: Number | None = None,
        client_order_id: str = "",
        sweep_dust: bool = False,
    ) -> Wanted:
        rules = self._rules(symbol)
        if prices is None:
            prices = self._prices(symbol) if self._prices else Prices()
        if holdings is None and self._holdings:
            holdings = self._holdings(symbol)
        side = _side(side)
        base = None if quantity is None else read(quantity, rules.step)
        money = None if quote is None else read(quote, rules.quote_step)
        return Wanted(rules, side, base, money, prices, holdings, client_order_id, sweep_dust)

    def _refused(self, wanted: Wanted, more: Iterable[tuple[str, Decimal]]) -> Denied | None:
        """The denial of what cannot be computed with."""
        for _, number in (given := (wanted.amount, *more)):
            if not is_amount(number):
                return denial(wanted, tuple([_given(*one) for one in given]))
        return None

    def _by_quote(self, wanted: Wanted) -> Asked | None:
        """The order by quote quantity; None where it is not one, not taken, or would buy more than one order may."""
        rules = wanted.rules
        if wanted.quote is None or wanted.side == "SELL" or not rules.takes_quote_quantity:
            return None
        quote = cut(wanted.quote, rules.quote_step)
        ticket = OrderTicket(rules.symbol, wanted.side, "MARKET", wanted.client_order_id, quote_quantity=quote)
        asked, largest = self._asked(wanted, ticket), rules.largest(market=True)
        return None if asked.most is not None and largest is not None and asked.most > largest else asked


def _listed(rules: Mapping[str, SymbolRules], symbol: str) -> SymbolRules:
    if symbol not in rules:
        hint = did_you_mean(symbol, rules) if rules else ""
        raise UsageError("E-SYMBOL-UNKNOWN", f"the exchange lists no symbol {symbol!r}.", hint)
    return rules[symbol]


def _given(name: str, number: Decimal) -> Check:
    """What the caller gave must be above 0; what rounding makes of it is another matter."""
    found = amount(name, number)
    return replace(found, passed=found.passed and number > 0, bound="an amount above 0")


def _side(side: str) -> Side:
    if side not in ("BUY", "SELL"):
        raise UsageError("E-SIDE", f"{side!r} is no side.", "Write BUY or SELL.")
    return SIDES[side]


def _sound(name: str, number: Decimal) -> Decimal:
    if not is_amount(number):
        raise UsageError("E-AMOUNT", f"{number} is no {name}.", "Give a finite number above 0.")
    return number

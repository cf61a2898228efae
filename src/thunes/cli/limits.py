"""What the settings allow: the limits of risk, the size of an entry, and whether the two can work together."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thunes.cli.wing import Wing
    from thunes.risk.limits import RiskLimits
    from thunes.settings import Settings

# Which settings bound which limit, when they are set; otherwise the profile does.
BOUNDS = {
    "max_loss_per_trade": "loss_per_trade",
    "max_daily_loss": "daily_loss",
    "max_positions": "positions",
    "cool_down_minutes": "cool_down_minutes",
    "max_order_notional": "order_notional",
    "max_gross_exposure": "gross_exposure",
    "max_drawdown": "drawdown",
    "max_price_age_seconds": "price_age_ms",
    "max_price_deviation": "price_deviation",
    "max_orders_per_bar": "orders_per_bar",
    "max_orders_per_day": "orders_per_day",
}
# Of the exchange's filters those that look at an order's size alone: others pass when the market is another.
SIZE_FILTERS = ("LOT_SIZE", "MARKET_LOT_SIZE", "NOTIONAL", "MIN_NOTIONAL")


def limits_of(settings: Settings) -> RiskLimits:
    """The limits in force: those of the profile, and what is set beside it."""
    from thunes.risk.limits import PROFILES

    told = {name: getattr(settings, name) for name in settings.model_fields_set & BOUNDS.keys()}
    given = {BOUNDS[name]: value for name, value in told.items() if value is not None}
    if "price_age_ms" in given:
        given["price_age_ms"] = int(given["price_age_ms"] * 1000)
    return replace(PROFILES[settings.risk_profile], **given)


def order_amount(settings: Settings) -> Decimal:
    """Quote currency of one entry: what is set, else the largest order of the profile."""
    from thunes.risk.limits import PROFILES

    if "default_quote_amount" in settings.model_fields_set:
        return settings.default_quote_amount
    return PROFILES[settings.risk_profile].order_notional


def check_order_size(settings: Settings) -> None:
    """`SettingsError` where the limits would refuse the default order on the best of days."""
    from thunes.risk.sanity import check_order_fits

    check_order_fits(limits_of(settings), order_amount(settings))


def check_order_filters(wing: Wing, settings: Settings, symbol: str) -> None:
    """`SettingsError` where the exchange takes no order as small, or as large, as the default one.

    What is held must still be sold: with a position nothing is looked at.
    """
    from thunes.errors import SettingsError
    from thunes.exchange.filters.conditions import Prices
    from thunes.exchange.filters.prepare import ExchangeFilters
    from thunes.exchange.filters.verdict import Denied

    assert wing.venue is not None
    if wing.ledger.position(symbol) is not None:
        return
    quote, average = wing.venue.quote(symbol), wing.venue.average_price(symbol)
    prices = Prices(average=average, bid=quote.bid, ask=quote.ask)
    amount = order_amount(settings)
    found = ExchangeFilters(wing.venue.rules).prepare_market_order(symbol, "BUY", amount, prices=prices)
    if isinstance(found, Denied) and found.filter in SIZE_FILTERS:
        wrong = f"an order of {amount:f} is none that the exchange takes: {found.explanation}"
        raise SettingsError("E-SETTINGS-ORDER", wrong, "See DEFAULT_QUOTE_AMOUNT.")

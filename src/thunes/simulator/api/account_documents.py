"""Trades, accounts, commissions and filters as the documents that clients read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from thunes.simulator.api.documents import NO_TRADE_GROUP, ZERO_TEXT, Document, decimal_text, prevented_quantities
from thunes.simulator.engine.accounts import ZERO, Account
from thunes.simulator.engine.orders import Fill, PreventedMatch
from thunes.simulator.engine.rules import Rules
from thunes.simulator.symbols.symbol import Symbol

BASIS_POINTS = 10_000


# Trades


def trade_row(fill: Fill) -> Document:
    """A row of myTrades."""
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": fill.order_list_id,
        "price": decimal_text(fill.price),
        "qty": decimal_text(fill.quantity),
        "quoteQty": decimal_text(fill.quote),
        "commission": decimal_text(fill.commission),
        "commissionAsset": fill.commission_asset,
        "time": fill.time_ms,
        "isBuyer": fill.side == "BUY",
        "isMaker": fill.maker,
        "isBestMatch": True,
    }


def prevented_match_row(match: PreventedMatch) -> Document:
    """A row of myPreventedMatches."""
    return {
        "symbol": match.symbol,
        "takerOrderId": match.taker_order_id,
        "makerSymbol": match.symbol,
        "tradeGroupId": NO_TRADE_GROUP,
        "selfTradePreventionMode": match.mode,
        **prevented_quantities(match),
        "transactTime": match.time_ms,
    }


# Accounts


def account_document(
    account: Account,
    *,
    uid: int,
    assets: Iterable[str] = (),
    omit_zero_balances: bool = False,
    permissions: Sequence[str] = ("SPOT",),
    can_trade: bool = True,
) -> Document:
    """GET account. `assets`: what the exchange lists, shown at zero where the account has none of it."""
    rates = {"maker": account.maker_rate, "taker": account.taker_rate, "buyer": ZERO, "seller": ZERO}
    return {
        **{f"{name}Commission": int(rate * BASIS_POINTS) for name, rate in rates.items()},
        "commissionRates": {name: decimal_text(rate) for name, rate in rates.items()},
        "canTrade": can_trade,
        "canWithdraw": True,  # as real accounts have it; no route here does either
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": account.updated_ms,
        "accountType": "SPOT",
        "balances": _balances(account, assets, omit_zero_balances=omit_zero_balances),
        "permissions": list(permissions),
        "uid": uid,
    }


def _balances(account: Account, assets: Iterable[str], *, omit_zero_balances: bool) -> list[Document]:
    names = dict.fromkeys([*assets, *account.balances])
    held = ((name, account.free(name), account.locked(name)) for name in names)
    return [
        {"asset": name, "free": decimal_text(free), "locked": decimal_text(locked)}
        for name, free, locked in held
        if free or locked or not omit_zero_balances
    ]


def commission_document(account: Account, symbol: str, rules: Rules) -> Document:
    """GET account/commission: the standard rates are the account's, special and tax ones are zero."""
    standard = {**_rates(account.maker_rate, account.taker_rate), "buyer": ZERO_TEXT, "seller": ZERO_TEXT}
    none = dict.fromkeys(standard, ZERO_TEXT)
    return {
        "symbol": symbol,
        "standardCommission": standard,
        "specialCommission": none,
        "taxCommission": none,
        "discount": _discount(account, rules),
    }


def order_commission(account: Account, rules: Rules) -> Document:
    """What order/test answers with `computeCommissionRates`."""
    return {
        "standardCommissionForOrder": _rates(account.maker_rate, account.taker_rate),
        "specialCommissionForOrder": _rates(ZERO, ZERO),
        "taxCommissionForOrder": _rates(ZERO, ZERO),
        "discount": _discount(account, rules),
    }


def _rates(maker: Decimal, taker: Decimal) -> dict[str, str]:
    return {"maker": decimal_text(maker), "taker": decimal_text(taker)}


def _discount(account: Account, rules: Rules) -> Document:
    """Recorded answers give what a commission is multiplied by, not what it is lowered by."""
    return {
        "enabledForAccount": account.pays_in_bnb,
        "enabledForSymbol": True,
        "discountAsset": rules.bnb,
        "discount": decimal_text(rules.bnb_discount),
    }


def filters_document(symbol: Symbol, exchange_filters: Iterable[Mapping[str, Any]]) -> Document:
    """GET myFilters: the account's filters, all of the symbol's, and those of its two assets."""
    filters = [dict(one) for one in exchange_filters]
    traded = (symbol.base, symbol.quote)
    return {
        "exchangeFilters": [one for one in filters if one["filterType"].startswith("EXCHANGE_")],
        "symbolFilters": list(symbol.document["filters"]),
        "assetFilters": [one for one in filters if one.get("asset") in traded],
    }

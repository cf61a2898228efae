"""Trades, accounts, commissions and filters as clients read them."""

from __future__ import annotations

from decimal import Decimal

from tests.simulator.engine.venue import D, venue
from tests.simulator.symbols.cases import BITCOIN

from thunes.simulator.api import account_documents as documents
from thunes.simulator.engine.accounts import Account, Balance
from thunes.simulator.engine.rules import Rules

ZERO = "0.00000000"
RATES = {"maker": "0.00075000", "taker": "0.00150000"}
NONE = {"maker": ZERO, "taker": ZERO, "buyer": ZERO, "seller": ZERO}
ACCOUNT = Account(
    "ann",
    maker_rate=D("0.00075"),
    taker_rate=D("0.0015"),
    pays_in_bnb=True,
    balances={"BTC": Balance(D("0.5"), D("0.25")), "USDT": Balance(D(0), D(7)), "OLD": Balance()},
    updated_ms=1_234,
)


def test_a_trade_is_a_row_with_its_commission() -> None:
    made = venue("0.001")
    order = made.place("BUY", "MARKET", "0.5")
    (fill,) = made.engine.fills("ann", "BTCUSDT")
    assert documents.trade_row(fill) == {
        "symbol": "BTCUSDT",
        "id": fill.trade_id,
        "orderId": order.id,
        "orderListId": -1,
        "price": "101.00000000",
        "qty": "0.50000000",
        "quoteQty": "50.50000000",
        "commission": "0.00050000",
        "commissionAsset": "BTC",
        "time": made.now,
        "isBuyer": True,
        "isMaker": False,
        "isBestMatch": True,
    }
    sold = made.place("SELL", "LIMIT", "0.5", "103")
    made.tick("104", "1")
    row = documents.trade_row(sold.fills[0])
    assert (row["isBuyer"], row["isMaker"], row["commissionAsset"]) == (False, True, "USDT")


def test_a_prevented_match_is_a_row_with_what_each_side_lost() -> None:
    made = venue()
    maker = made.place("SELL", "LIMIT", "0.4", "100")
    taker = made.place("BUY", "LIMIT", "0.5", "100", self_trade_prevention="EXPIRE_BOTH")
    (match,) = taker.prevented_matches
    assert documents.prevented_match_row(match) == {
        "symbol": "BTCUSDT",
        "preventedMatchId": match.id,
        "takerOrderId": taker.id,
        "makerSymbol": "BTCUSDT",
        "makerOrderId": maker.id,
        "tradeGroupId": -1,
        "selfTradePreventionMode": "EXPIRE_BOTH",
        "price": "100.00000000",
        "takerPreventedQuantity": "0.50000000",
        "makerPreventedQuantity": "0.40000000",
        "transactTime": made.now,
    }


def test_an_account_shows_rates_balances_and_rights() -> None:
    balances = [
        {"asset": "ETH", "free": ZERO, "locked": ZERO},
        {"asset": "BTC", "free": "0.50000000", "locked": "0.25000000"},
        {"asset": "USDT", "free": ZERO, "locked": "7.00000000"},
        {"asset": "OLD", "free": ZERO, "locked": ZERO},
    ]
    shown = documents.account_document(ACCOUNT, uid=42, assets=("ETH", "BTC"))
    assert shown == {
        "makerCommission": 7,
        "takerCommission": 15,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {**NONE, **RATES},
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": 1_234,
        "accountType": "SPOT",
        "balances": balances,
        "permissions": ["SPOT"],
        "uid": 42,
    }
    short = documents.account_document(ACCOUNT, uid=42, assets=("ETH",), omit_zero_balances=True, can_trade=False)
    assert short["balances"] == balances[1:3]
    assert short["canTrade"] is False


def test_commissions_are_the_standard_ones_with_the_discount_of_the_rules() -> None:
    discount = {"enabledForAccount": True, "enabledForSymbol": True, "discountAsset": "BNB", "discount": "0.75000000"}
    assert documents.commission_document(ACCOUNT, "BTCUSDT", Rules()) == {
        "symbol": "BTCUSDT",
        "standardCommission": {**NONE, **RATES},
        "specialCommission": NONE,
        "taxCommission": NONE,
        "discount": discount,
    }
    none = {"maker": ZERO, "taker": ZERO}
    assert documents.order_commission(ACCOUNT, Rules(bnb_discount=Decimal("0.8"))) == {
        "standardCommissionForOrder": RATES,
        "specialCommissionForOrder": none,
        "taxCommissionForOrder": none,
        "discount": {**discount, "discount": "0.80000000"},
    }


def test_filters_of_the_account_the_symbol_and_its_assets_are_told_apart() -> None:
    orders = {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 1_000}
    dollars = {"filterType": "MAX_ASSET", "asset": "USDT", "limit": "42.00000000"}
    others = {"filterType": "MAX_ASSET", "asset": "JPY", "limit": "1.00000000"}
    assert documents.filters_document(BITCOIN, [orders, dollars, others]) == {
        "exchangeFilters": [orders],
        "symbolFilters": BITCOIN.document["filters"],
        "assetFilters": [dollars],
    }

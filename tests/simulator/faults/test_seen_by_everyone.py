"""What clients see when the exchange itself is struck: its symbols, its memory, an account's BNB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal

import pytest
from binance.exceptions import BinanceAPIException
from tests.contracts.venue import LocalVenue, Login
from tests.simulator.faults.over_sockets import (
    Outcome,
    Script,
    events,
    heard,
    opened,
    outcome,
    proven_by,
    proves,
    scripting,
    statuses,
    trading,
)

from thunes.simulator import LocalExchange

pytestmark = pytest.mark.loopback
NOT_THERE, NO_SYMBOL = Outcome("refused", 400, -2013), Outcome("refused", 400, -1121)


@pytest.fixture
def exchange() -> Iterator[LocalExchange]:
    """One for each test: what is struck here stays struck."""
    with opened("BTCUSDT", "BNBUSDT") as served:
        yield served


@pytest.fixture
def script(exchange: LocalExchange, request: pytest.FixtureRequest) -> Iterator[Script]:
    with scripting(exchange, proven_by(request.node)) as made:
        yield made


@pytest.fixture
def trader(exchange: LocalExchange, script: Script) -> Iterator[LocalVenue]:
    with trading(exchange) as venue:
        yield venue


# Symbols


@pytest.mark.parametrize(
    ("status", "words"), [("HALT", "Market is closed"), ("BREAK", "Market is closed"), ("CANCEL_ONLY", "trading phase")]
)
@proves("symbol_status")
def test_a_symbol_that_stops_trading_lets_orders_be_cancelled(
    trader: LocalVenue, script: Script, status: str, words: str
) -> None:
    placed = trader.client.create_order(**trader.market.resting())
    script.fault("symbol_status", symbol="BTCUSDT", status=status)
    with pytest.raises(BinanceAPIException, match=words) as refused:
        trader.client.create_order(**trader.market.market())
    assert (refused.value.status_code, refused.value.code) == (400, -1013)
    assert trader.client.get_symbol_info("BTCUSDT")["status"] == status
    assert trader.client.get_symbol_info("BNBUSDT")["status"] == "TRADING"
    assert trader.client.cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])["status"] == "CANCELED"
    assert statuses(trader) == ["CANCELED"]
    assert script.struck() == [("symbol_status", "BTCUSDT")]


@proves("symbol_status")
def test_trading_begins_again_by_the_same_fault(trader: LocalVenue, script: Script) -> None:
    for status in ("HALT", "TRADING"):
        script.fault("symbol_status", symbol="BTCUSDT", status=status)
    script.clear()
    assert trader.client.create_order(**trader.market.market())["status"] == "FILLED"


@proves("symbol_filters")
def test_filters_change_while_a_client_remembers_the_old_ones(trader: LocalVenue, script: Script) -> None:
    order, waits = trader.market.market(), trader.client.create_order(**trader.market.resting())
    assert trader.client.create_order(**order)["status"] == "FILLED"
    lot = {**trader.market.filters["LOT_SIZE"], "minQty": "0.01", "stepSize": "0.01"}
    notional = {**trader.market.filters["NOTIONAL"], "minNotional": "1000"}
    script.fault("symbol_filters", symbol="BTCUSDT", filters=[lot, notional])
    with pytest.raises(BinanceAPIException, match="Filter failure: LOT_SIZE") as refused:
        trader.client.create_order(**order)
    assert (refused.value.status_code, refused.value.code) == (400, -1013)
    with pytest.raises(BinanceAPIException, match="Filter failure: NOTIONAL"):
        trader.client.create_order(**{**order, "quantity": "0.01"})
    told = {one["filterType"]: one for one in trader.client.get_symbol_info("BTCUSDT")["filters"]}
    assert (told["LOT_SIZE"], told["NOTIONAL"]) == (lot, notional)
    assert told["PRICE_FILTER"] == trader.market.filters["PRICE_FILTER"]
    assert trader.client.cancel_order(symbol="BTCUSDT", orderId=waits["orderId"])["status"] == "CANCELED"
    assert statuses(trader) == ["CANCELED", "FILLED"]
    assert script.struck() == [("symbol_filters", "BTCUSDT")]


@proves("delist")
def test_a_delisted_symbol_is_gone_and_gives_its_money_back(trader: LocalVenue, script: Script) -> None:
    free, api, stream = trader.free("USDT"), trader.api(), trader.stream("/ws/bnbusdt@kline_1m/btcusdt@kline_1m")
    api.subscribe()
    order = trader.market.resting()
    placed = trader.client.create_order(**order)
    assert trader.free("USDT") < free
    script.fault("delist", symbol="BTCUSDT")
    assert [(event["i"], event["x"]) for event in events(api)] == [
        (placed["orderId"], kind) for kind in ("NEW", "CANCELED")
    ]
    assert outcome(trader.client.create_order, **order) == NO_SYMBOL
    assert outcome(trader.client.get_order, symbol="BTCUSDT", orderId=placed["orderId"]) == NO_SYMBOL
    assert outcome(trader.client.get_klines, symbol="BTCUSDT", interval="1m") == NO_SYMBOL
    assert trader.free("USDT") == free
    heard(stream)
    trader.exchange.advance(1)
    assert {message["s"] for message in heard(stream)} == {"BNBUSDT"}
    assert script.struck() == [("delist", "BTCUSDT")]
    trader.symbol = "BNBUSDT"  # where the account can still tidy up


@proves("delist")
def test_what_tells_of_all_symbols_goes_on_without_it(trader: LocalVenue, script: Script) -> None:
    trader.client.create_order(**trader.market.market())
    script.fault("delist", symbol="BTCUSDT")
    client = trader.client
    for rows in (client.get_all_tickers(), client.get_orderbook_tickers(), client.get_ticker()):
        assert "BNBUSDT" in {row["symbol"] for row in rows}
        assert "BTCUSDT" not in {row["symbol"] for row in rows}
    assert "BTCUSDT" not in {row["symbol"] for row in client.get_exchange_info()["symbols"]}
    assert client.get_open_orders() == []
    assert trader.free("BTC") > 1
    trader.symbol = "BNBUSDT"


# Everything


@proves("venue_reset")
def test_a_reset_forgets_every_order_and_gives_the_first_balances_back(trader: LocalVenue, script: Script) -> None:
    client = trader.client
    filled = client.create_order(**trader.market.market())
    waits = client.create_order(**trader.market.resting())
    assert trader.free("USDT") < 10_000
    script.fault("venue_reset")
    for order in (filled, waits):
        assert outcome(client.get_order, symbol="BTCUSDT", orderId=order["orderId"]) == NOT_THERE
    assert outcome(client.cancel_order, symbol="BTCUSDT", orderId=waits["orderId"]) == Outcome("refused", 400, -2011)
    assert (client.get_all_orders(symbol="BTCUSDT"), client.get_my_trades(symbol="BTCUSDT")) == ([], [])
    rows = client.get_account(omitZeroBalances="true")["balances"]
    held = {row["asset"]: (Decimal(row["free"]), Decimal(row["locked"])) for row in rows}
    assert held == {"USDT": (10_000, 0), "BTC": (1, 0)}
    assert script.struck() == [("venue_reset", "venue")]


@proves("venue_reset")
def test_keys_connections_and_subscriptions_outlive_a_reset(trader: LocalVenue, script: Script) -> None:
    api, stream = trader.api(), trader.stream("/ws/btcusdt@kline_1m")
    api.subscribe()
    script.fault("venue_reset")
    placed = trader.client.create_order(**trader.market.market())
    assert [event["i"] for event in events(api) if event["X"] == "FILLED"] == [placed["orderId"]]
    trader.exchange.advance(1)
    assert heard(stream)[0]["k"]["x"]


# BNB


@contextmanager
def with_bnb(script: Script, exchange: LocalExchange) -> Iterator[LocalVenue]:
    """An account that pays its commissions in BNB."""
    with ExitStack() as stack:
        trader = stack.enter_context(trading(exchange))
        fields = {"apiKey": "rich", "secret": "s", "balances": {"USDT": "10000", "BNB": "1"}, "paysInBnb": True}
        assert script.http.post("/accounts", json=fields).status_code == 200
        trader.client.API_KEY, trader.client.API_SECRET = "rich", "s"
        trader.client.session.headers["X-MBX-APIKEY"] = "rich"
        yield trader


def commission(trader: LocalVenue) -> tuple[str, Decimal]:
    """Buy; what that costs, as the order's answer and the account's trades say alike."""
    order = trader.client.create_order(**trader.market.market())
    (asset,) = {fill["commissionAsset"] for fill in order["fills"]}
    paid = sum(Decimal(fill["commission"]) for fill in order["fills"])
    trades = trader.client.get_my_trades(symbol="BTCUSDT", orderId=order["orderId"])
    assert {(trade["commissionAsset"]) for trade in trades} == {asset}
    return asset, Decimal(paid)


@proves("bnb_run_out")
def test_without_bnb_the_bought_coin_pays(exchange: LocalExchange, script: Script) -> None:
    with with_bnb(script, exchange) as trader:
        asset, paid = commission(trader)
        assert (asset, trader.free("BNB")) == ("BNB", 1 - paid)
        held, left, api = trader.free("BTC"), 1 - paid, trader.api(Login("rich", "s"))
        api.subscribe()
        script.fault("bnb_run_out", account="rich")
        assert Decimal(api.event("balanceUpdate", a="BNB")["d"]) == -left
        assert script.struck() == [("bnb_run_out", "rich")]
        asset, paid = commission(trader)
        bought = Decimal(trader.client.get_all_orders(symbol="BTCUSDT")[-1]["executedQty"])
        assert (asset, paid) == ("BTC", bought * Decimal("0.001"))
        assert trader.free("BTC") == held + bought - paid
        assert trader.client.get_asset_balance("BNB")["free"] in ("0.00000000", "0")

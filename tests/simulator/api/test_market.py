"""What anybody may ask of the market: time, symbols, books, trades, averages; and what each question weighs."""

from decimal import Decimal

import numpy as np
import orjson
import pytest
from tests.simulator.streams.listening import exchange, near, place

from thunes.model import Candles
from thunes.simulator.api import market, tickers
from thunes.simulator.api.call import Call
from thunes.simulator.api.parameters import refuse_unread
from thunes.simulator.exchange import Exchange
from thunes.simulator.feed.averages import average_price
from thunes.simulator.feed.path import Path
from thunes.simulator.feed.reference import PriceRange
from thunes.simulator.feed.tape import Tape
from thunes.simulator.request import Refused

ROUTES = {route.path.removeprefix("/api/v3/"): route for route in (*market.ROUTES, *tickers.ROUTES)}


def ask(venue, path, **sent):
    """As the dispatcher asks: names it does not know are refused, and the answer must have a form in JSON."""
    parameters = {name: str(value) for name, value in sent.items()}
    route = ROUTES[path]
    refuse_unread(parameters, route.reads)
    return orjson.loads(orjson.dumps(route.handler(Call(venue, parameters))))


def code_of(venue, path, **sent):
    with pytest.raises(Refused) as refused:
        ask(venue, path, **sent)
    return refused.value.code


@pytest.fixture
def venue():
    return exchange("BTCUSDT", "ETHUSDT")


def test_every_question_of_rest_is_one_of_the_websocket_api_too():
    named = {route.socket_method for route in ROUTES.values()}
    assert named == {
        *("ping", "time", "exchangeInfo", "executionRules", "referencePrice", "avgPrice", "depth"),
        *("trades.recent", "trades.historical", "trades.aggregate", "klines", "uiKlines"),
        *("ticker.24hr", "ticker.tradingDay", "ticker", "ticker.price", "ticker.book"),
    }


def test_ping_and_time(venue):
    venue.clock_offset_ms = 700
    assert ask(venue, "ping") == {}
    assert ask(venue, "time") == {"serverTime": venue.now_ms + 700}


def test_exchange_info_is_the_document_of_the_selection(venue):
    whole = ask(venue, "exchangeInfo")
    assert list(whole) == ["timezone", "serverTime", "rateLimits", "exchangeFilters", "symbols"]
    assert len(whole["symbols"]) == len(venue.info.symbols)
    assert [entry["symbol"] for entry in ask(venue, "exchangeInfo", symbol="ETHUSDT")["symbols"]] == ["ETHUSDT"]
    several = ask(venue, "exchangeInfo", symbols='["ETHUSDT","BTCUSDT"]', showPermissionSets="false")["symbols"]
    assert [(entry["symbol"], entry["permissionSets"]) for entry in several] == [("ETHUSDT", []), ("BTCUSDT", [])]
    venue.change_symbol("ETHUSDT", "HALT")
    halted = ask(venue, "exchangeInfo", symbolStatus="HALT", permissions="SPOT")["symbols"]
    assert [entry["symbol"] for entry in halted] == ["ETHUSDT"]
    assert code_of(venue, "exchangeInfo", symbol="NOTHING") == -1121
    assert code_of(venue, "exchangeInfo", symbol="btcusdt") == -1100
    assert code_of(venue, "exchangeInfo", symbol="BTCUSDT", symbolStatus="HALT") == -1128


def test_rules_and_reference_price_are_there_for_symbols_that_have_one(venue):
    assert ask(venue, "executionRules") == {"symbolRules": []}
    assert code_of(venue, "referencePrice", symbol="BTCUSDT") == -2043
    venue.price_ranges["BTCUSDT"] = PriceRange(bid_up=Decimal("1.2"), ask_down=Decimal("0.8"))
    rule = {"ruleType": "PRICE_RANGE", "bidLimitMultUp": "1.2000", "askLimitMultDown": "0.8000"}
    assert ask(venue, "executionRules") == {"symbolRules": [{"symbol": "BTCUSDT", "rules": [rule]}]}
    assert ask(venue, "executionRules", symbols='["ETHUSDT","BTCUSDT"]') == {
        "symbolRules": [{"symbol": "ETHUSDT", "rules": []}, {"symbol": "BTCUSDT", "rules": [rule]}]
    }
    assert ask(venue, "executionRules", symbolStatus="HALT") == {"symbolRules": []}
    assert code_of(venue, "executionRules", symbolStatus="OPEN") == -1122
    price = f"{venue.reference_price('BTCUSDT'):.8f}"
    expected = {"symbol": "BTCUSDT", "referencePrice": price, "timestamp": venue.now_ms}
    assert ask(venue, "referencePrice", symbol="BTCUSDT") == expected
    venue.price_ranges["BNBUSDT"] = PriceRange()
    assert ask(venue, "referencePrice", symbol="BNBUSDT")["referencePrice"] is None


def test_the_average_is_that_of_the_filters(venue):
    found = average_price(venue.tape("BTCUSDT"), venue.now_ms)
    expected = {"mins": 5, "price": f"{found.price:.8f}", "closeTime": found.close_time}
    assert ask(venue, "avgPrice", symbol="BTCUSDT") == expected
    assert ask(venue, "avgPrice", symbol="BNBUSDT") == {"mins": 5, "price": "0.00000000", "closeTime": 0}


def test_depth_shows_the_book_with_users_orders_in_it(venue):
    order = place(venue, "ann", "BUY", near(venue, -1), "0.5")
    book = ask(venue, "depth", symbol="BTCUSDT", limit=3)
    assert list(book) == ["lastUpdateId", "bids", "asks"]
    assert book["bids"][0] == [f"{order.request.price:.8f}", "0.50000000"]
    assert (len(book["bids"]), len(book["asks"])) == (3, 3)
    assert len(ask(venue, "depth", symbol="BTCUSDT")["asks"]) == 20
    assert ask(venue, "depth", symbol="BNBUSDT") == {"lastUpdateId": 0, "bids": [], "asks": []}
    assert code_of(venue, "depth", symbol="BTCUSDT", limit=0) == -1130


def test_a_status_that_is_not_the_symbols_is_refused(venue):
    assert ask(venue, "depth", symbol="BTCUSDT", symbolStatus="TRADING")["bids"]
    assert code_of(venue, "depth", symbol="BTCUSDT", symbolStatus="HALT") == -1220
    assert code_of(venue, "depth", symbol="BTCUSDT", symbolStatus="OPEN") == -1122


def test_trades_are_the_newest_or_those_from_an_id(venue):
    newest = ask(venue, "trades", symbol="BTCUSDT", limit=30)
    assert [len(newest), newest[-1]["time"] <= venue.now_ms] == [30, True]
    assert newest == ask(venue, "historicalTrades", symbol="BTCUSDT", limit=30)
    assert newest[-5:] == ask(venue, "historicalTrades", symbol="BTCUSDT", fromId=newest[-5]["id"])
    assert ask(venue, "historicalTrades", symbol="BTCUSDT", fromId=0, limit=1)[0]["id"] == 0
    assert ask(venue, "historicalTrades", symbol="BTCUSDT", fromId=10**9) == []
    assert list(newest[0]) == ["id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isBestMatch"]
    assert Decimal(newest[0]["quoteQty"]) == Decimal(newest[0]["price"]) * Decimal(newest[0]["qty"])
    assert ask(venue, "trades", symbol="BNBUSDT") == ask(venue, "historicalTrades", symbol="BNBUSDT", fromId=1) == []


def test_aggregates_are_asked_for_by_id_or_by_time(venue):
    trades = ask(venue, "trades", symbol="BTCUSDT", limit=1_000)
    first, last = trades[100], trades[200]
    span = ask(venue, "aggTrades", symbol="BTCUSDT", startTime=first["time"], endTime=last["time"])
    assert [found["a"] for found in span] == [trade["id"] for trade in trades[100:201]]
    assert ask(venue, "aggTrades", symbol="BTCUSDT", fromId=first["id"], limit=101) == span
    assert ask(venue, "aggTrades", symbol="BTCUSDT", endTime=last["time"], limit=5) == span[-5:]
    assert ask(venue, "aggTrades", symbol="BTCUSDT", startTime=first["time"], limit=5) == span[:5]
    assert ask(venue, "aggTrades", symbol="BTCUSDT", limit=1)[0]["a"] == trades[-1]["id"]
    assert list(span[0]) == [*"apqflTmM"]
    assert ask(venue, "aggTrades", symbol="BTCUSDT", endTime=1) == []
    assert ask(venue, "aggTrades", symbol="BTCUSDT", startTime=venue.now_ms + 1) == []
    assert ask(venue, "aggTrades", symbol="BNBUSDT") == []
    assert code_of(venue, "aggTrades", symbol="BTCUSDT", fromId=1, startTime=1) == -1128


def test_neighbours_of_one_time_price_and_side_are_one_aggregate():
    times, flat = np.arange(3) * 1_000 + 10**12, np.full(3, 100.0)
    candles = Candles("BTCUSDT", "1s", times, flat, flat, flat, flat, np.full(3, 40.0), "file:made")
    symbol = exchange().symbol("BTCUSDT")
    tape = Tape(candles, symbol.tick, symbol.step, Path(points=100, seed=1))  # several ticks a millisecond apart
    venue = Exchange([tape], start_ms=tape.end_ms)
    trades = ask(venue, "historicalTrades", symbol="BTCUSDT", fromId=0, limit=1_000)
    together = [group for group in market.aggregates(tape.trades(venue.now_ms, 1_000)) if len(group) > 1]
    found = ask(venue, "aggTrades", symbol="BTCUSDT", fromId=0, limit=1_000)
    assert sum(Decimal(one["q"]) for one in found) == sum(Decimal(one["qty"]) for one in trades) == 120
    assert [one["f"] for one in found if one["l"] > one["f"]] == [group[0].number for group in together]


@pytest.mark.parametrize("path", ["depth", "trades", "aggTrades", "klines", "avgPrice", "referencePrice"])
def test_a_symbol_must_be_sent_and_known(venue, path):
    more = {"interval": "1m"} if path == "klines" else {}
    assert code_of(venue, path, **more) == -1102
    assert code_of(venue, path, symbol="NOTHING", **more) == -1121
    assert code_of(venue, path, symbol="BTCUSDT", other=1, **more) == -1104


ALL, TWO, MANY = {}, {"symbols": '["A","B"]'}, {"symbols": str(["A"] * 60)}


@pytest.mark.parametrize(
    ("path", "sent", "weight"),
    [
        *(
            ("depth", {"limit": str(limit)}, weight)
            for limit, weight in [(100, 5), (101, 25), (1_000, 50), (1_001, 250)]
        ),
        *(
            ("depth", {}, 5),
            ("depth", {"limit": "x"}, 5),
            ("exchangeInfo", {}, 20),
            ("klines", {}, 2),
            ("trades", {}, 25),
        ),
        *(("ticker/24hr", sent, weight) for sent, weight in [(ALL, 80), (TWO, 2), (MANY, 40), ({"symbol": "A"}, 2)]),
        ("ticker/24hr", {"symbols": str(["A"] * 101)}, 80),
        *(("ticker", sent, weight) for sent, weight in [(TWO, 8), (MANY, 200), ({"symbol": "A"}, 4)]),
        *(("ticker/price", sent, weight) for sent, weight in [(ALL, 4), (TWO, 4), ({"symbol": "A"}, 2)]),
        *(("executionRules", sent, weight) for sent, weight in [(ALL, 40), (TWO, 4), (MANY, 40), ({"symbol": "A"}, 2)]),
    ],
)
def test_weights_follow_what_is_asked_for(path, sent, weight):
    assert ROUTES[path].weigh(sent) == weight

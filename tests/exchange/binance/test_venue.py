"""What the adapter does beyond the contract: breakers, budget, rules, time, pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.exchange.places import MINUTE_MS, STEP, SYMBOL, LocalPlace, accepted, local_exchange

from thunes.clock import ManualClock
from thunes.errors import DataError, NetworkError, RateLimited, UsageError
from thunes.exchange.binance.breaker import BreakerOpen
from thunes.exchange.binance.errors import QuestionRefused
from thunes.exchange.binance.shared import PAUSE, Shared
from thunes.exchange.binance.venue import BinanceVenue
from thunes.exchange.orders import OrderTicket
from thunes.exchange.outcomes import Accepted, NotSent, Refused, Unknown
from thunes.exchange.venue import Venue

POST, ACCOUNT, BOOK, INFO = (
    "POST /api/v3/order",
    "GET /api/v3/account",
    "GET /api/v3/ticker/bookTicker",
    "GET /api/v3/exchangeInfo",
)
SALE = OrderTicket(SYMBOL, "SELL", "MARKET", "sale", quantity=STEP * 100)


class Ordered(LocalPlace):
    """A place with a clock that moves when told to, and a count of what was asked."""

    def __init__(self, exchange: Any, **options: Any) -> None:
        self.asked: list[str] = []
        super().__init__(exchange, ManualClock(exchange.now_ms), **options)
        self.shared: Shared = self.venue.shared

    def mount(self, session: Any) -> None:
        inner = self.exchange.adapter()
        send = inner.send

        def counted(request: Any, *arguments: Any, **options: Any) -> Any:
            self.asked.append(f"{request.method} {request.url.partition('/api/v3/')[2].partition('?')[0]}")
            return send(request, *arguments, **options)

        inner.send = counted
        session.mount(self.exchange.http_url, inner)

    def since(self) -> list[str]:
        """What was asked since this was asked last."""
        found, self.asked[:] = list(self.asked), []
        return found


@pytest.fixture
def desk() -> Iterator[Ordered]:
    with local_exchange(serve=False) as exchange:
        opened = Ordered(exchange)
        yield opened
        opened.venue.close()


def test_the_adapter_is_a_venue(desk: Ordered) -> None:
    venue: Venue = desk.venue
    with desk.opened() as other:
        assert other.server_time() == venue.server_time()


# Requests


def test_an_order_is_one_request_once_the_time_is_known(desk: Ordered) -> None:
    ticket = desk.market()
    desk.since()
    accepted(desk.venue.submit(ticket))
    assert desk.since() == ["GET time"] * 5 + ["POST order"]
    desk.clock.sleep(3_600)
    accepted(desk.venue.submit(replace(ticket, client_order_id="another")))
    assert desk.since() == ["POST order"]


def test_the_time_is_measured_by_questions_every_ten_minutes(desk: Ordered) -> None:
    desk.venue.balances()
    desk.since()
    desk.venue.balances()
    assert desk.since() == ["GET account"]
    desk.clock.sleep(600)
    desk.venue.balances()
    assert desk.since() == ["GET time"] * 5 + ["GET account"]


def test_without_the_time_nothing_is_sent(desk: Ordered) -> None:
    ticket = desk.market()
    desk.board.set("drop_before", "GET /api/v3/time")
    desk.since()
    assert isinstance(desk.venue.submit(ticket), NotSent)
    assert isinstance(desk.venue.cancel(SYMBOL, order_id=1), NotSent)
    assert desk.since() == ["GET time"] * 2


# Rules


@pytest.mark.covers("pitfall X12")
def test_rules_are_asked_once_and_again_after_a_filter_refused(desk: Ordered) -> None:
    """Row 42: what the exchange asks may have changed."""
    for _ in range(2):
        desk.venue.rules(SYMBOL)
    ticket = desk.resting()
    assert desk.since().count("GET exchangeInfo") == 1
    changed = {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "9000", "stepSize": "0.001"}
    desk.board.set("symbol_filters", symbol=SYMBOL, filters=[changed])
    outcome = desk.venue.submit(replace(ticket, quantity=STEP * 123))
    assert isinstance(outcome, Refused)
    assert outcome.code == -1013
    assert str(desk.venue.rules(SYMBOL).lot.step) == "0.001"
    assert desk.since().count("GET exchangeInfo") == 1


def test_a_symbol_that_is_delisted_is_not_listed(desk: Ordered) -> None:
    desk.venue.rules(SYMBOL)
    desk.board.set("delist", symbol=SYMBOL)
    with pytest.raises(UsageError):
        desk.venue.rules(SYMBOL, fresh=True)


def test_limits_come_with_the_rules(desk: Ordered) -> None:
    desk.venue.rules(SYMBOL)
    assert desk.shared.budget.used()["RAW_REQUESTS"][1] == 300_000


def test_old_rules_serve_an_exit_where_no_new_ones_are_to_be_had(desk: Ordered) -> None:
    first = desk.venue.rules(SYMBOL)
    desk.clock.sleep(600)
    desk.board.set("drop_before", INFO)
    with pytest.raises(NetworkError):
        desk.venue.rules(SYMBOL)
    with desk.venue.urgent():
        assert desk.venue.rules(SYMBOL) is first
        with pytest.raises(NetworkError):
            desk.venue.rules(SYMBOL, fresh=True)
        with pytest.raises(NetworkError):
            desk.venue.rules("ETHUSDT")


def test_a_question_that_is_refused_is_an_error_with_its_number(desk: Ordered) -> None:
    with pytest.raises(QuestionRefused, match="Illegal characters") as refused:
        desk.venue.order(SYMBOL, client_order_id="no.id")
    assert refused.value.number == -1100


# Breakers


def break_entries(desk: Ordered) -> Any:
    fault = desk.board.set("error_after_accept", POST, count=5)
    for number in range(5):
        ticket = replace(desk.market(), client_order_id=f"broken-{number}")
        assert isinstance(desk.venue.submit(ticket), Unknown)
    return fault


def test_an_open_breaker_stops_entries_and_nothing_else(desk: Ordered) -> None:
    resting, sale = accepted(desk.venue.submit(desk.resting())), desk.market("SELL", quantity=STEP * 100)
    break_entries(desk)
    entry = desk.market()
    desk.since()
    outcome = desk.venue.submit(entry)
    assert isinstance(outcome, NotSent)
    assert "entries" in outcome.reason
    assert desk.since() == []
    assert isinstance(desk.venue.submit(sale), Accepted)
    assert isinstance(desk.venue.cancel(SYMBOL, order_id=resting.order_id), Accepted)
    assert desk.venue.order(SYMBOL, order_id=resting.order_id)
    assert desk.shared.monitor.is_open("entries")
    desk.clock.sleep(60)
    assert isinstance(desk.venue.submit(entry), Accepted)  # the try
    assert not desk.shared.monitor.is_open()


def test_a_refused_entry_neither_opens_nor_closes_a_breaker(desk: Ordered) -> None:
    for number in range(8):
        wrong = replace(desk.resting(), client_order_id=f"wrong-{number}", quantity=STEP / 10)
        assert isinstance(desk.venue.submit(wrong), Refused)
    assert desk.shared.monitor.get_status()["entries"].failures == 0


def test_an_entry_that_the_budget_keeps_back_is_no_failure(desk: Ordered) -> None:
    accepted(desk.venue.submit(desk.market()))
    entry = desk.market()
    desk.shared.budget.pause.begin(30)
    for _ in range(8):
        assert isinstance(desk.venue.submit(entry), NotSent)
    assert not desk.shared.monitor.is_open()


def test_market_data_that_fails_is_not_asked_for_a_while_but_for_an_exit(desk: Ordered) -> None:
    fault = desk.board.set("drop_before", BOOK)
    for _ in range(5):
        with pytest.raises(NetworkError):
            desk.venue.quote(SYMBOL)
    desk.board.remove(fault.number)
    for ask in (desk.venue.quote, desk.venue.average_price, desk.venue.rules):
        with pytest.raises(BreakerOpen):
            ask(SYMBOL)
    with pytest.raises(BreakerOpen):
        desk.venue.closed_candles(SYMBOL, "1m", 0)
    with desk.venue.urgent():
        assert desk.venue.quote(SYMBOL).bid
        assert desk.venue.rules(SYMBOL)
    assert desk.venue.balances()  # another group
    desk.clock.sleep(60)
    assert desk.venue.quote(SYMBOL).bid


def test_queries_pass_an_open_breaker(desk: Ordered) -> None:
    desk.board.set("drop_before", ACCOUNT)
    placed = accepted(desk.venue.submit(desk.market()))
    for _ in range(5):
        with pytest.raises(NetworkError):
            desk.venue.balances()
    with pytest.raises(BreakerOpen):
        desk.venue.fees(SYMBOL)
    assert desk.venue.order(SYMBOL, order_id=placed.order_id)
    assert desk.venue.open_orders() == []
    assert desk.venue.orders_since(SYMBOL, 0)
    assert desk.venue.fills(SYMBOL)


def test_a_wrong_question_opens_no_breaker(desk: Ordered) -> None:
    for _ in range(8):
        with pytest.raises(UsageError):
            desk.venue.rules("NOSUCHUSDT")
        with pytest.raises(UsageError):
            desk.venue.closed_candles("NOSUCHUSDT", "1m", 0)
    assert not desk.shared.monitor.is_open()


# Budget


def use_up(desk: Ordered, header: str, used: int) -> None:
    desk.shared.budget.note({header: str(used)})


def test_what_is_kept_of_the_weight_serves_queries_and_cancels(desk: Ordered) -> None:
    resting = accepted(desk.venue.submit(desk.resting()))
    use_up(desk, "x-mbx-used-weight-1m", 4_800)
    with pytest.raises(RateLimited):
        desk.venue.quote(SYMBOL)
    with desk.venue.urgent():
        assert desk.venue.quote(SYMBOL)
    use_up(desk, "x-mbx-used-weight-1m", 4_800)
    assert desk.venue.open_orders(SYMBOL)
    assert isinstance(desk.venue.cancel(SYMBOL, order_id=resting.order_id), Accepted)


def test_what_is_kept_of_the_orders_serves_exits(desk: Ordered) -> None:
    entry, sale = desk.market(), desk.market("SELL", quantity=STEP * 100)
    desk.venue.balances()
    use_up(desk, "x-mbx-order-count-10s", 80)
    assert isinstance(desk.venue.submit(entry), NotSent)
    assert isinstance(desk.venue.submit(sale), Accepted)


def test_the_exchange_counts_for_all_who_share_the_account(desk: Ordered) -> None:
    with desk.opened() as other:
        for number in range(3):
            accepted(other.submit(replace(desk.resting(), client_order_id=f"others-{number}")))
    accepted(desk.venue.submit(desk.resting()))
    used = desk.shared.budget.used()
    assert used["x-mbx-order-count-1d"][0] == 4
    assert used["x-mbx-used-weight-1m"][0] > 0


def test_a_ban_outlives_a_restart(tmp_path: Path) -> None:
    """Row 51, also in a restart loop: the wait is kept in a file."""
    with local_exchange(serve=False) as exchange:
        desk = LocalPlace(exchange, ManualClock(exchange.now_ms))
        first = desk.opened(shared=Shared(desk.clock, tmp_path))
        desk.board.set("banned", ACCOUNT, count=1, retry_after=300)
        with pytest.raises(RateLimited):
            first.balances()
        assert (tmp_path / PAUSE).exists()
        again = desk.opened(shared=Shared(desk.clock, tmp_path))
        desk.clock.sleep(299)
        with pytest.raises(RateLimited, match="silence"):
            again.balances()
        assert isinstance(again.submit(SALE), NotSent)
        desk.clock.sleep(1)
        assert again.balances()
        for venue in (first, again, desk.venue):
            venue.close()


# Candles


@pytest.mark.covers("pitfall X10")
def test_candles_come_from_the_public_place_and_say_so() -> None:
    """X10: decisions rest on other data than the place of the orders shows."""
    with local_exchange(serve=False) as orders, local_exchange(serve=False) as data:
        desk = LocalPlace(orders)
        data_url = "http://data.local"

        def mount(session: Any) -> None:
            session.mount(orders.http_url, orders.adapter())
            session.mount(data_url, data.adapter())

        data.advance(5)
        venue = desk.opened(mount=mount, data_url=data_url, source="synthetic:7")
        start = data.now_ms - 10 * MINUTE_MS
        candles = venue.closed_candles(SYMBOL, "1m", start)
        assert (len(candles), candles.end_time, candles.source) == (10, data.now_ms, "synthetic:7")
        assert venue.server_time() == orders.now_ms
        for one in (venue, desk.venue):
            one.close()


def test_no_candle_that_is_over_is_an_error(desk: Ordered) -> None:
    with pytest.raises(DataError, match="no closed 1m candle"):
        desk.venue.closed_candles(SYMBOL, "1m", desk.exchange.now_ms)


def test_candles_that_are_none_are_refused(desk: Ordered) -> None:
    desk.board.set("candle_nan", symbol=SYMBOL, open_time=desk.exchange.now_ms - 3 * MINUTE_MS)
    with pytest.raises((NetworkError, DataError)):
        desk.venue.closed_candles(SYMBOL, "1m", desk.exchange.now_ms - 10 * MINUTE_MS)


# Pages


class SmallPages(BinanceVenue):
    page = 3


def test_orders_and_trades_come_in_as_many_pages_as_there_are(desk: Ordered) -> None:
    venue = desk.venue
    placed = [accepted(venue.submit(replace(desk.market(), client_order_id=f"one-{n}"))) for n in range(7)]
    venue.__class__ = SmallPages
    assert [order.order_id for order in venue.orders_since(SYMBOL, 0)] == [order.order_id for order in placed]
    trades = [fill for order in placed for fill in order.fills]
    assert venue.fills(SYMBOL) == trades
    assert venue.fills(SYMBOL, from_id=trades[2].trade_id) == trades[2:]
    assert venue.fills(SYMBOL, order_id=placed[3].order_id) == list(placed[3].fills)

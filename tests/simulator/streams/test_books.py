"""Books in streams: what a client puts together of a snapshot and the updates is the book that REST shows."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulator.streams.listening import D, applied, cancel, exchange, flat, hub_of, listen, near, place, snapshot

from thunes.simulator.api.call import Call
from thunes.simulator.api.tickers import ticker_book

MOVES = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1, 50, 100, 950, 1_000, 6_700, 60_000, 200_000])),
    st.tuples(st.just("buy"), st.integers(-3_000, 3_000)),
    st.tuples(st.just("sell"), st.integers(-3_000, 3_000)),
    st.tuples(st.just("market"), st.booleans()),
    st.tuples(st.just("cancel"), st.integers(0, 5)),
    st.tuples(st.just("look"), st.none()),
)


class Crowd:
    """Two customers who do what they are told to."""

    def __init__(self, venue):
        self.venue, self.orders, self.turn = venue, [], 0

    def do(self, what, how):
        self.turn += 1
        account = ("ann", "bob")[self.turn % 2]
        if what == "wait":
            self.venue.advance_to(self.venue.now_ms + how)
        elif what in ("buy", "sell"):
            order = place(self.venue, account, what.upper(), near(self.venue, how), "0.5")
            self.orders.append((account, order))
        elif what == "market":
            place(self.venue, account, "BUY" if how else "SELL", None, "0.7")
        elif what == "cancel":
            self.cancel(how)

    def cancel(self, which):
        waiting = [(account, order) for account, order in self.orders if order.is_open]
        if waiting:
            cancel(self.venue, *waiting[which % len(waiting)])


@given(st.lists(MOVES, max_size=25), st.sampled_from(["btcusdt@depth", "btcusdt@depth@100ms"]))
@settings(max_examples=60, deadline=None)
def test_updates_applied_to_any_snapshot_give_the_later_ones(moves, name):
    venue = exchange()
    listener, crowd = listen(hub_of(venue), name), Crowd(venue)
    snapshots, updates = [snapshot(venue)], []
    for what, how in moves:
        crowd.do(what, how)
        updates += listener.read()
        if what == "look":
            snapshots.append(snapshot(venue))
    venue.advance_to(venue.now_ms + 1_000 - venue.now_ms % 1_000)  # where both streams have told everything
    updates += listener.read()
    last = snapshot(venue)
    for earlier in snapshots:
        assert applied(earlier, updates) == (dict(last["bids"]), dict(last["asks"]))
    assert all(update["U"] <= update["u"] for update in updates)


@given(st.lists(MOVES, max_size=25))
@settings(max_examples=60, deadline=None)
def test_book_tickers_and_partial_books_are_those_of_rest(moves):
    venue = exchange()
    hub = hub_of(venue)
    tickers, parts, crowd = listen(hub, "btcusdt@bookTicker"), listen(hub, "btcusdt@depth5@100ms"), Crowd(venue)
    venue.advance_to(venue.now_ms + 6_700)
    told, ids = {}, []
    for what, how in [*moves, ("wait", 100)]:
        crowd.do(what, how)
        for message in tickers.read():
            told = message
            ids.append(message["u"])
        asked = ticker_book(Call(venue, {"symbol": "BTCUSDT"}))
        assert [told[name] for name in "sbBaA"] == list(asked.values())
    assert ids == sorted(ids)
    now = snapshot(venue)
    seen = parts.read()
    if seen and seen[-1]["lastUpdateId"] == now["lastUpdateId"]:
        assert (seen[-1]["bids"], seen[-1]["asks"]) == (now["bids"][:5], now["asks"][:5])


@given(st.lists(MOVES, max_size=20))
@settings(max_examples=30, deadline=None)
def test_an_update_id_never_falls_and_rises_with_each_change(moves):
    venue = exchange()
    hub_of(venue)
    crowd, last = Crowd(venue), snapshot(venue)
    for what, how in moves:
        crowd.do(what, how)
        now = snapshot(venue)
        assert now["lastUpdateId"] >= last["lastUpdateId"]
        assert now == last or now["lastUpdateId"] > last["lastUpdateId"]
        last = now


def test_an_order_is_told_at_once_and_its_end_too():
    venue = exchange()
    listener = listen(hub_of(venue), "btcusdt@bookTicker")
    order = place(venue, "ann", "BUY", near(venue, -1), "0.5")
    assert [(told["b"], told["B"]) for told in listener.read()] == [(f"{order.request.price:.8f}", "0.50000000")]
    cancel(venue, "ann", order)
    assert len(listener.read()) == 1


def test_a_book_never_looks_crossed_while_an_order_is_being_matched():
    venue = exchange()
    listener = listen(hub_of(venue), "btcusdt@bookTicker")
    place(venue, "ann", "SELL", near(venue, 1), "1")
    listener.read()
    place(venue, "bob", "BUY", near(venue, 5_000), "200")  # through everything, and the rest stays
    (told,) = listener.read()
    assert (told["a"], told["b"]) == ("0.00000000", f"{near(venue, 5_000):.8f}")


def test_a_book_never_looks_crossed_while_a_tick_fills_an_order():
    venue = exchange()
    listener = listen(hub_of(venue), "btcusdt@bookTicker")
    for away in (-4_000, -2_000, -500, -50):
        place(venue, "ann", "BUY", near(venue, away), "0.001")
    venue.advance_bars(60)
    assert not any(order.is_open for order in venue.engine.all_orders("ann", "BTCUSDT"))
    assert all(Decimal(told["b"]) < Decimal(told["a"]) for told in listener.read())


def test_orders_that_were_there_before_anybody_listened_are_in_the_book():
    venue = exchange()
    order = place(venue, "ann", "SELL", near(venue, 1), "1")
    listener = listen(hub_of(venue), "btcusdt@depth5")
    venue.advance_to(venue.now_ms + 1_000)
    (told,) = listener.read()
    assert told["asks"][0] == [f"{order.request.price:.8f}", "1.00000000"]
    assert (told["bids"], told["asks"]) == (snapshot(venue)["bids"][:5], snapshot(venue)["asks"][:5])


def test_a_symbol_without_a_market_has_a_book_of_users_alone():
    venue = exchange()
    listener = listen(hub_of(venue), "ethusdt@bookTicker", "ethusdt@depth")
    place(venue, "ann", "BUY", "1000", "1", symbol="ETHUSDT")
    venue.advance_to(venue.now_ms + 1_000)
    ticker, update = listener.read()
    assert (ticker["b"], ticker["a"]) == ("1000.00000000", "0.00000000")
    assert (update["b"], update["a"], update["U"]) == ([["1000.00000000", "1.00000000"]], [], 1)


def test_after_a_reset_the_orders_are_gone_from_streams_too():
    venue = exchange()
    listener = listen(hub_of(venue), "btcusdt@bookTicker", "btcusdt@depth")
    order = place(venue, "ann", "SELL", near(venue, 1), "1")
    place(venue, "bob", "SELL", near(venue, 2), "1")
    before = snapshot(venue)
    venue.reset()
    place(venue, "ann", "BUY", near(venue, -90_000), "1")
    updates = [told for told in listener.read() if "e" in told]
    venue.advance_to(venue.now_ms + 10_000)
    updates += [told for told in listener.read() if "e" in told]
    bids, asks = applied(before, updates)
    now = snapshot(venue)
    assert (bids, asks) == (dict(now["bids"]), dict(now["asks"]))
    assert f"{order.request.price:.8f}" not in asks


@pytest.mark.parametrize("filled", ["0.2", "1"])
def test_what_one_user_takes_of_another_is_not_taken_from_the_market(filled):
    venue = exchange()
    listener = listen(hub_of(venue), "btcusdt@bookTicker")
    best = D(ticker_book(Call(venue, {"symbol": "BTCUSDT"}))["askPrice"])
    place(venue, "ann", "SELL", best, "1")  # at the market's own level, before which users come
    place(venue, "bob", "BUY", best, filled, time_in_force="IOC")
    told, asked = listener.read()[-1], ticker_book(Call(venue, {"symbol": "BTCUSDT"}))
    assert (told["a"], told["A"]) == (asked["askPrice"], asked["askQty"])


def test_what_was_taken_of_the_market_is_there_again_at_its_next_tick():
    venue = flat(volume=100.0)
    listener = listen(hub_of(venue), "btcusdt@bookTicker")
    venue.advance_to(venue.now_ms + 7_000)
    (whole,) = listener.read()
    place(venue, "ann", "BUY", whole["a"], whole["A"])
    (without,) = listener.read()
    assert Decimal(without["a"]) > Decimal(whole["a"])
    venue.advance_to(venue.now_ms + 7_000)
    (again,) = listener.read()
    assert [again[name] for name in "bBaA"] == [whole[name] for name in "bBaA"]

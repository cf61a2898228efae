"""What clients see of an exchange whose clock is wrong, where it looks at the time of every signed request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from binance.exceptions import BinanceAPIException
from tests.contracts.venue import LocalVenue
from tests.simulator.faults.over_sockets import (
    DONE,
    Outcome,
    Script,
    opened,
    outcome,
    proves,
    stamped,
    statuses,
    trading,
)
from tests.simulator.faults.over_sockets import emptied as emptied
from tests.simulator.faults.over_sockets import script as script

from thunes.simulator import LocalExchange

pytestmark = pytest.mark.loopback
TOO_LATE = Outcome("refused", 400, -1021)


@pytest.fixture(scope="module")
def exchange() -> Iterator[LocalExchange]:
    with opened(time_checks=True) as served:
        yield served


def set_right(trader: LocalVenue, now: int) -> None:
    """Set the client's clock by the exchange's (epoch ms), which stands still while the client's runs on: so it is
    behind at first, within what the exchange bears."""
    trader.client.timestamp_offset += now - 3_000 - trader.now_ms()


@pytest.fixture
def trader(exchange: LocalExchange, script: Script) -> Iterator[LocalVenue]:
    with trading(exchange) as venue:
        set_right(venue, exchange.now_ms)
        yield venue
        set_right(venue, exchange.now_ms)


@pytest.mark.parametrize(("ms", "words"), [(10_000, "outside of the recvWindow"), (-10_000, "ahead of the server")])
@proves("clock_jump")
def test_a_jump_refuses_good_clocks_until_it_is_over(trader: LocalVenue, script: Script, ms: int, words: str) -> None:
    begun = trader.exchange.now_ms
    assert stamped(trader, begun) == DONE
    script.fault("clock_jump", ms=ms, seconds=5)
    with pytest.raises(BinanceAPIException, match=words) as refused:
        trader.client.create_order(**trader.market.market())
    assert (refused.value.status_code, refused.value.code) == (400, -1021)
    assert trader.client.get_server_time() == {"serverTime": begun + ms}
    assert stamped(trader, begun + ms) == DONE  # who asks for the time is let in again
    trader.exchange.advance(until=begun + 5_000)
    assert (stamped(trader, begun + 5_000), trader.client.get_server_time()["serverTime"]) == (DONE, begun + 5_000)
    assert stamped(trader, begun + 5_000 + ms) == TOO_LATE
    set_right(trader, begun + 5_000)
    assert statuses(trader) == []
    assert script.struck() == [("clock_jump", "clock")]


@proves("clock_jump")
def test_a_client_that_resyncs_sends_the_same_order_once(trader: LocalVenue, script: Script) -> None:
    order = trader.market.market()
    script.fault("clock_jump", ms=60_000, seconds=3_600)
    assert outcome(trader.client.create_order, **order) == TOO_LATE
    set_right(trader, trader.client.get_server_time()["serverTime"])
    assert trader.client.create_order(**order)["status"] == "FILLED"
    assert statuses(trader) == ["FILLED"]
    script.clear()
    assert outcome(trader.client.create_order, **order) == TOO_LATE  # now it is the client that is ahead


@proves("clock_offset")
def test_a_socket_s_request_is_refused_as_well(trader: LocalVenue, script: Script) -> None:
    api = trader.api()
    number = script.fault("clock_offset", ms=3_600_000)
    answer = api.signed("account.status")
    assert (answer["status"], answer["error"]["code"]) == (400, -1021)
    assert api.ask("time")["result"] == {"serverTime": trader.exchange.now_ms + 3_600_000}
    script.remove(number)
    set_right(trader, trader.exchange.now_ms)
    assert api.signed("account.status")["status"] == 200


@pytest.mark.parametrize(("ahead", "seen"), [(4_999, DONE), (5_001, TOO_LATE), (-999, DONE), (-1_000, TOO_LATE)])
@proves("clock_offset")
def test_a_clock_may_be_off_by_the_window_or_by_less_than_a_second(
    trader: LocalVenue, script: Script, ahead: int, seen: Outcome
) -> None:
    number = script.fault("clock_offset", ms=ahead)
    now = trader.exchange.now_ms
    assert trader.client.get_server_time() == {"serverTime": now + ahead}
    assert stamped(trader, now) == seen
    script.remove(number)
    assert stamped(trader, now) == DONE
    assert script.struck() == [("clock_offset", "clock")]

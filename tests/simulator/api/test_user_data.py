"""Events of the engine as the user data stream tells them: every key, its type, and when it is there."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from tests.simulator.engine.venue import Venue, venue

from thunes.simulator.api.user_data import encode, payload, server_shutdown, stream_terminated
from thunes.simulator.engine.desk import Which
from thunes.simulator.engine.engine import Replacement
from thunes.simulator.engine.events import AccountPosition, BalanceUpdate, ExecutionReport, ListStatus
from thunes.simulator.engine.orders import ListRequest, Order

ZERO = "0.00000000"
ALWAYS = set("eEscSofqpPFgCxXrilzLnNTtIwmMOZYQV")


def told(made: Venue, order: Order) -> list[dict[str, Any]]:
    """The order's reports as a client reads them."""
    return [orjson.loads(encode(report)) for report in made.reports(order)]


def test_a_resting_order_is_told_with_every_key() -> None:
    made = venue()
    order = made.place("BUY", "LIMIT", "0.5", "90", client_order_id="mine", iceberg_quantity="0.1")
    (report,) = made.reports(order)
    assert orjson.loads(encode(report)) == {
        "e": "executionReport",
        "E": made.now,
        "s": "BTCUSDT",
        "c": "mine",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "0.50000000",
        "p": "90.00000000",
        "P": ZERO,
        "F": "0.10000000",
        "g": -1,
        "C": "",
        "x": "NEW",
        "X": "NEW",
        "r": "NONE",
        "i": order.id,
        "l": ZERO,
        "z": ZERO,
        "L": ZERO,
        "n": "0",
        "N": None,
        "T": made.now,
        "t": -1,
        "I": report.execution_id,
        "w": True,
        "m": False,
        "M": False,
        "O": made.now,
        "Z": ZERO,
        "Y": ZERO,
        "Q": ZERO,
        "W": made.now,
        "V": "EXPIRE_MAKER",
    }


def test_a_trade_tells_the_fill_and_the_sums() -> None:
    made = venue("0.001")
    order = made.place("BUY", "MARKET", quote_quantity="254")
    first, last = told(made, order)[1:]
    assert (first["l"], first["L"], first["Y"]) == ("1.00000000", "101.00000000", "101.00000000")
    assert (last["l"], last["L"], last["Y"]) == ("1.50000000", "102.00000000", "153.00000000")
    assert (last["z"], last["Z"], last["Q"], last["f"]) == ("2.50000000", "254.00000000", "254.00000000", "GTC")
    assert (last["n"], last["N"], last["m"], last["M"]) == ("0.00150000", "BTC", False, True)
    assert [first["t"], last["t"]] == [fill.trade_id for fill in order.fills]
    assert (first["X"], last["X"], last["w"]) == ("PARTIALLY_FILLED", "FILLED", False)
    assert set(last) == ALWAYS | {"W"}


def test_a_trade_without_commission_still_names_its_asset() -> None:
    made = venue()
    trade = told(made, made.place("BUY", "MARKET", "0.5"))[-1]
    assert (trade["n"], trade["N"]) == (ZERO, "BTC")


def test_a_cancel_tells_both_names() -> None:
    made = venue()
    order = made.place("BUY", "LIMIT", "0.5", "90", client_order_id="mine")
    made.engine.cancel("ann", "BTCUSDT", Which(order.id), made.time(), new_client_order_id="gone")
    cancel = told(made, order)[-1]
    assert (cancel["x"], cancel["X"], cancel["c"], cancel["C"]) == ("CANCELED", "CANCELED", "gone", "mine")
    assert "eR" not in cancel


def test_an_expired_order_says_why() -> None:
    made = venue()
    expired = told(made, made.place("BUY", "MARKET", "5"))[-1]
    assert (expired["x"], expired["X"], expired["eR"]) == ("EXPIRED", "EXPIRED", "INSUFFICIENT_LIQUIDITY")


def test_a_stop_shows_its_labels_and_no_working_time() -> None:
    made = venue()
    order = made.place(
        "SELL", "STOP_LOSS_LIMIT", "0.5", "80", stop_price="90", trailing_delta=100, strategy_id=7,
        strategy_type=1_000_000,
    )  # fmt: skip
    (stop,) = told(made, order)
    assert (stop["P"], stop["w"], stop["d"], stop["j"], stop["J"]) == ("90.00000000", False, 100, 7, 1_000_000)
    assert set(stop) == ALWAYS | set("djJ")
    (active,) = told(made, made.place("SELL", "STOP_LOSS", "0.5", trailing_delta=100))
    assert active["D"] == made.now


def test_a_prevented_trade_tells_what_was_lost_and_to_whom() -> None:
    made = venue()
    maker = made.place("SELL", "LIMIT", "0.4", "100")
    taker = made.place("BUY", "LIMIT", "0.5", "100", self_trade_prevention="EXPIRE_MAKER")
    lost = told(made, maker)[-1]
    assert (lost["x"], lost["X"]) == ("TRADE_PREVENTION", "EXPIRED_IN_MATCH")
    assert set(lost) == ALWAYS | {"W", "v", "A", "B", "u", "U", "Cs"}
    assert (lost["v"], lost["u"], lost["U"]) == (maker.prevented_matches[0].id, -1, taker.id)
    assert (lost["A"], lost["B"], lost["Cs"]) == ("0.40000000", "0.40000000", "BTCUSDT")


def rejected(made: Venue) -> ExecutionReport:
    """A cancel whose new order is refused."""
    old = made.place("BUY", "LIMIT", "0.5", "90")
    new = made.request("BUY", "LIMIT_MAKER", "0.5", "105")
    assert isinstance(made.engine.cancel_replace("ann", new, Which(old.id), made.time()), Replacement)
    events = [event for event in made.events if isinstance(event, ExecutionReport)]
    return next(event for event in events if event.execution == "REJECTED")


def test_a_rejected_order_says_why_in_the_words_of_the_stream() -> None:
    report = rejected(venue())
    assert payload(report)["r"] in ("-2010", "WOULD_MATCH_IMMEDIATELY")  # the code, or the word for its text
    spelled = report._replace(reject_reason="Order would immediately match and take.")
    assert (payload(spelled)["r"], payload(spelled)["X"]) == ("WOULD_MATCH_IMMEDIATELY", "REJECTED")
    assert payload(report._replace(reject_reason="-2010"))["r"] == "-2010"


def test_balances_are_told_with_the_time_of_their_change() -> None:
    made = venue()
    made.place("BUY", "LIMIT", "0.5", "90")
    position = made.events[-1]
    assert isinstance(position, AccountPosition)
    assert orjson.loads(encode(position)) == {
        "e": "outboundAccountPosition",
        "E": made.now,
        "u": made.now,
        "B": [{"a": "USDT", "f": "9955.00000000", "l": "45.00000000"}],
    }


def test_money_from_outside_is_told_as_a_difference() -> None:
    update = next(event for event in venue().events if isinstance(event, BalanceUpdate))
    assert orjson.loads(encode(update)) == {
        "e": "balanceUpdate",
        "E": update.time_ms,
        "a": "USDT",
        "d": "10000.00000000",
        "T": update.time_ms,
    }


def test_a_list_is_told_with_its_orders() -> None:
    made = venue()
    orders = (
        made.request("SELL", "LIMIT_MAKER", "0.5", "110", client_order_id="gain"),
        made.request("SELL", "STOP_LOSS", "0.5", stop_price="90", client_order_id="loss"),
    )
    group = made.engine.place_list("ann", ListRequest("BTCUSDT", "pair", None, orders), made.time())
    status = next(event for event in made.events if isinstance(event, ListStatus))
    assert orjson.loads(encode(status)) == {
        "e": "listStatus",
        "E": made.now,
        "s": "BTCUSDT",
        "g": group.id,
        "c": "OCO",
        "l": "EXEC_STARTED",
        "L": "EXECUTING",
        "r": "NONE",
        "C": "pair",
        "T": made.now,
        "O": [
            {"s": "BTCUSDT", "i": group.orders[0].id, "c": "gain"},
            {"s": "BTCUSDT", "i": group.orders[1].id, "c": "loss"},
        ],
    }
    assert told(made, group.orders[0])[0]["g"] == group.id


@pytest.mark.parametrize("told_last", [stream_terminated, server_shutdown])
def test_the_end_is_told_with_its_time(told_last: Any) -> None:
    names = {stream_terminated: "eventStreamTerminated", server_shutdown: "serverShutdown"}
    assert told_last(5) == {"e": names[told_last], "E": 5}

"""What may be set: every name, target, count and parameter is looked at, and a wrong one is told in one line."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.faults.market import ORDER, Seat
from tests.simulator.faults.market import desk as desk

from thunes.errors import UsageError
from thunes.simulator.faults.catalogue import CATALOGUE, table
from thunes.simulator.faults.fault import Fault, checked, parse_fault
from thunes.simulator.faults.parameters import REQUIRED

LOT = {"filterType": "LOT_SIZE"}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "there is no fault None"),
    ({"name": 3}, "there is no fault 3"),
    ({"name": "dely"}, "Did you mean 'delay'"),
    ({"name": "delay", "delay": 5}, "takes no 'delay'. Did you mean 'delay_ms'"),
    ({"name": "drop_before", "seconds": 5}, "takes no 'seconds'"),
    ({"name": "delay", "stream": "btcusdt@trade"}, "takes no 'stream'"),
    ({"name": "delay", "route": ORDER, "target": ORDER}, "one target"),
    ({"name": "delay", "route": 5}, "one target, a text"),
    ({"name": "delay", "route": "/api/v3/order"}, "strikes a route such as"),
    ({"name": "delay", "route": "POST /api/v3/ordr"}, "Did you mean 'POST /api/v3/order'"),
    ({"name": "stream_silent", "stream": "btcusdt"}, "strikes a stream such as"),
    ({"name": "disconnect", "connection": "nonsense"}, '"api", "user"'),
    ({"name": "venue_reset", "target": "BTCUSDT"}, "has no target"),
    ({"name": "venue_reset", "count": 1}, "neither count nor probability"),
    ({"name": "venue_reset", "probability": 0.5}, "neither count nor probability"),
    ({"name": "delay", "count": 0}, "count=0"),
    ({"name": "delay", "count": True}, "count=True"),
    ({"name": "delay", "count": "1"}, "count='1'"),
    ({"name": "delay", "probability": 0}, "probability=0"),
    ({"name": "delay", "probability": 1.5}, "probability=1.5"),
    ({"name": "delay", "probability": "half"}, "probability='half'"),
    ({"name": "delay", "delay_ms": 0}, "expected a whole number from 1"),
    ({"name": "delay", "delay_ms": 1.5}, "expected a whole number"),
    ({"name": "delay", "delay_ms": True}, "expected a whole number"),
    ({"name": "error_after_accept", "form": "xml"}, "expected one of html, json"),
    ({"name": "banned", "accept": 1}, "expected true or false"),
    ({"name": "delist"}, "needs 'symbol'"),
    ({"name": "delist", "symbol": ""}, "expected a text"),
    ({"name": "candle_spike", "symbol": "BTCUSDT", "factor": "x"}, "expected a positive number"),
    ({"name": "candle_spike", "symbol": "BTCUSDT", "factor": 1.5}, "expected a positive number"),
    ({"name": "candle_spike", "symbol": "BTCUSDT", "factor": "Infinity"}, "expected a positive number"),
    ({"name": "candle_gap", "symbol": "BTCUSDT", "open_time": "soon"}, "expected a whole number"),
    ({"name": "symbol_filters", "symbol": "BTCUSDT", "filters": []}, "expected a list of filters"),
    ({"name": "symbol_filters", "symbol": "BTCUSDT", "filters": [{}]}, "expected a list of filters"),
    ({"name": "symbol_filters", "symbol": "BTCUSDT", "filters": LOT}, "expected a list of filters"),
]


@pytest.mark.parametrize(("document", "words"), WRONG)
def test_a_wrong_fault_is_refused_in_one_line(desk: Seat, document: dict[str, Any], words: str) -> None:
    desk.board.routes = (ORDER, "GET /api/v3/order")
    with pytest.raises(UsageError) as refused:
        desk.board.put_document(document)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert desk.board.faults == []


@pytest.mark.parametrize(
    ("document", "target"),
    [
        ({"name": "delay", "route": ORDER}, ORDER),
        ({"name": "delay", "target": "order.place"}, "order.place"),
        ({"name": "delay"}, "*"),
        ({"name": "user_delay", "account": "ann"}, "ann"),
        ({"name": "stream_delay", "stream": "!miniTicker@arr"}, "!miniTicker@arr"),
        ({"name": "stream_delay", "stream": "btcusdt*"}, "btcusdt*"),
        ({"name": "pong_withheld", "connection": "btcusdt@trade"}, "btcusdt@trade"),
    ],
)
def test_a_target_has_the_word_of_its_kind(document: dict[str, str], target: str) -> None:
    assert checked(parse_fault(document)).target == target


def test_a_fault_shows_what_would_set_it_again(desk: Seat) -> None:
    fault = desk.board.put_document({"name": "delay", "route": ORDER, "count": 2, "delay_ms": 7})
    shown = fault.document()
    assert shown == {"number": 1, "name": "delay", "target": ORDER, "count": 2, "probability": 1.0, "delay_ms": 7}
    del shown["number"]
    again = desk.board.put_document(shown)
    assert (again.number, again.parameters, again.target) == (2, fault.parameters, fault.target)


def test_a_fault_is_removed_by_its_number_once(desk: Seat) -> None:
    first, second = desk.board.set("delay"), desk.board.set("banned")
    assert desk.board.remove(first.number) == first
    with pytest.raises(UsageError, match="no fault has number 1"):
        desk.board.remove(first.number)
    assert desk.board.clear() == 1
    assert desk.board.set("delay").number == second.number + 1


def test_the_table_of_names_can_be_printed() -> None:
    rows = orjson.loads(orjson.dumps(table()))
    assert [row["name"] for row in rows] == list(CATALOGUE)
    assert rows[0] == {
        "name": "delay",
        "strikes": "route",
        "does": "the engine acts at once, its answer goes out later",
        "parameters": {"delay_ms": {"is": "real ms", "default": 1_000}},
    }


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_defaults_are_what_the_readers_take(name: str) -> None:
    for parameter in CATALOGUE[name].parameters.values():
        if parameter.default is not REQUIRED:
            parameter.read(parameter.default)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["target", "route", "count", "probability", "symbol", "delay_ms", "ms", "filters", "factor", "x"]
)


@given(st.sampled_from(sorted(CATALOGUE)) | JSON, st.dictionaries(KEYS, JSON, max_size=4))
def test_whatever_is_sent_is_a_fault_or_refused(name: Any, rest: dict[str, Any]) -> None:
    try:
        fault = checked(parse_fault({**rest, "name": name}))
    except UsageError:
        return
    assert isinstance(fault, Fault)
    assert set(fault.parameters) == set(fault.kind.parameters)

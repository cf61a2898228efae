"""The document of all symbols: built in or a real dump, whole or in parts."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from thunes.errors import DataError
from thunes.simulator.request import Refused
from thunes.simulator.symbols.exchange_info import Selection, built_in, load_exchange_info, parse_exchange_info

INFO = built_in()
DUMP = "exchange_info/binance-spot-2024-09-08.json.gz"
NEW_FLAGS = {"otoAllowed", "opoAllowed", "amendAllowed", "pegInstructionsAllowed", "cancelReplaceAllowed"}


def names(selection: Selection) -> list[str]:
    return [entry["symbol"] for entry in INFO.document(0, selection)["symbols"]]


def refusal(selection: Selection) -> tuple[int, int, str]:
    with pytest.raises(Refused) as refused:
        INFO.document(0, selection)
    return refused.value.status, refused.value.code, refused.value.message


def test_the_built_in_symbols_are_those_a_beginner_trades() -> None:
    assert {"BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "BNBBTC", "ETHBTC"} <= INFO.symbols.keys()


def test_the_built_in_symbols_have_the_schema_and_the_filters_of_2026_in_order() -> None:
    for symbol in INFO.symbols.values():
        assert symbol.document.keys() >= NEW_FLAGS
        assert len(symbol.order_types) == 7
        assert [one["filterType"] for one in symbol.document["filters"]] == [
            "PRICE_FILTER",
            "LOT_SIZE",
            "ICEBERG_PARTS",
            "MARKET_LOT_SIZE",
            "TRAILING_DELTA",
            "PERCENT_PRICE_BY_SIDE",
            "NOTIONAL",
            "MAX_NUM_ORDERS",
            "MAX_NUM_ORDER_LISTS",
            "MAX_NUM_ALGO_ORDERS",
            "MAX_NUM_ORDER_AMENDS",
        ]


def test_the_whole_document_has_the_exchange_s_fields() -> None:
    document = INFO.document(1_700_000_000_000)
    assert list(document) == ["timezone", "serverTime", "rateLimits", "exchangeFilters", "symbols"]
    assert document["serverTime"] == 1_700_000_000_000
    assert {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100} in document["rateLimits"]
    assert orjson.loads(orjson.dumps(document)) == document


def test_one_symbol_or_several_are_shown_in_the_order_asked_for() -> None:
    assert names(Selection(symbol="ETHBTC")) == ["ETHBTC"]
    assert names(Selection(symbols=("SOLUSDT", "BTCUSDT"))) == ["SOLUSDT", "BTCUSDT"]


def test_symbols_are_shown_by_permission_and_by_status() -> None:
    halted = INFO.changed("BTCUSDT", "HALT")
    assert names(Selection(permissions=("MARGIN",))) == []
    assert names(Selection(permissions=("MARGIN", "SPOT"))) == names(Selection())
    shown = halted.document(0, Selection(status="HALT"))["symbols"]
    assert [entry["symbol"] for entry in shown] == ["BTCUSDT"]
    assert names(Selection(status="BREAK")) == names(Selection(status="CANCEL_ONLY")) == []


def test_permission_sets_can_be_left_out() -> None:
    entry = INFO.document(0, Selection(symbol="BTCUSDT", show_permission_sets=False))["symbols"][0]
    assert entry["permissionSets"] == []
    assert INFO["BTCUSDT"].document["permissionSets"] == [["SPOT"]]


@pytest.mark.parametrize(
    ("selection", "code", "message"),
    [
        (Selection(symbol="NOPE"), -1121, "Invalid symbol."),
        (Selection(symbols=("BTCUSDT", "NOPE")), -1121, "Invalid symbol."),
        (Selection(symbols=("BTCUSDT", "BTCUSDT")), -1151, "Symbol is present multiple times in the list."),
        (Selection(status="OPEN"), -1122, "Invalid symbolStatus."),
        (Selection("BTCUSDT", ("BTCUSDT",)), -1128, "Combination of optional parameters invalid."),
        (Selection("BTCUSDT", permissions=("SPOT",)), -1128, "Combination of optional parameters invalid."),
        (Selection(symbols=("BTCUSDT",), status="HALT"), -1128, "Combination of optional parameters invalid."),
    ],
)
def test_a_selection_that_means_nothing_is_refused(selection: Selection, code: int, message: str) -> None:
    assert refusal(selection) == (400, code, message)


def test_a_change_mid_run_gives_a_new_document_and_leaves_the_old_one() -> None:
    changed = INFO.changed("BTCUSDT", filters=[{"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 1}])
    assert changed["BTCUSDT"].filters.max_num_orders == 1
    assert INFO["BTCUSDT"].filters.max_num_orders == 200
    assert list(changed.symbols) == list(INFO.symbols)
    with pytest.raises(Refused):
        INFO.changed("NOPE", "HALT")


def test_a_delisted_symbol_is_gone() -> None:
    assert INFO.symbols.keys() - INFO.without("BTCUSDT").symbols.keys() == {"BTCUSDT"}
    with pytest.raises(Refused):
        INFO.without("BTCUSDT")["BTCUSDT"]


def test_the_exchange_wide_filters_limit_every_account() -> None:
    wire = {**INFO.document(0), "exchangeFilters": [{"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 9}]}
    assert parse_exchange_info(wire).limits.exchange_max_num_orders == 9
    assert INFO.limits.exchange_max_num_orders is None


def test_the_real_dump_comes_back_as_it_was(shared_data: Path) -> None:
    info = load_exchange_info(shared_data / DUMP)
    original = orjson.loads(gzip.decompress((shared_data / DUMP).read_bytes()))
    assert len(info.symbols) == 1248
    assert info.document(original["serverTime"]) == original


def test_a_plain_file_is_read_as_a_gzipped_one(tmp_path: Path) -> None:
    content = orjson.dumps(INFO.document(0))
    (tmp_path / "plain.json").write_bytes(content)
    (tmp_path / "packed.json.gz").write_bytes(gzip.compress(content))
    assert load_exchange_info(tmp_path / "plain.json").symbols == INFO.symbols
    assert load_exchange_info(tmp_path / "packed.json.gz").symbols == INFO.symbols


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"symbols": 1}', b'{"symbols": [{}]}', b"\x1f\x8b\x00", b"{"])
def test_a_file_that_is_no_dump_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "dump.json"
    path.write_bytes(content)
    with pytest.raises(DataError) as refused:
        load_exchange_info(path)
    assert refused.value.code == "E-EXCHANGE-INFO"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read symbols from"):
        load_exchange_info(tmp_path / "none.json")


def test_no_document_is_none(tmp_path: Path) -> None:
    nothing: Any = None
    with pytest.raises(DataError, match="has no list of symbols"):
        parse_exchange_info(nothing)

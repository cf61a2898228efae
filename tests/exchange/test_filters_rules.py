"""The rules of a symbol, from its entry of exchangeInfo."""

from __future__ import annotations

import pickle
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.exchange.filters_cases import ENTRY, entry

from thunes.errors import DataError
from thunes.exchange.filters.rules import parse_rules
from thunes.simulator.symbols.exchange_info import built_in, load_exchange_info

D = Decimal


def test_an_entry_of_2026_is_read_whole() -> None:
    rules = parse_rules(ENTRY)
    assert (rules.symbol, rules.base, rules.quote, rules.status) == ("BTCUSDT", "BTC", "USDT", "TRADING")
    assert (rules.tick, rules.step, rules.quote_step) == (D("0.01"), D("0.00001"), D("1E-8"))
    assert rules.notionals[0].minimum == 5
    assert rules.notionals[0].maximum == 9_000_000
    assert rules.bands[0].buy == (D("0.5"), D("1.2"))
    assert rules.bands[0].sell == (D("0.8"), D(2))
    assert rules.counts == {"MAX_NUM_ORDERS": 200, "MAX_NUM_ORDER_LISTS": 20, "MAX_NUM_ALGO_ORDERS": 5}
    assert "STOP_LOSS_LIMIT" in rules.order_types
    assert rules.allows_entries


def test_every_symbol_of_2024_and_2026_is_understood(shared_data: Path) -> None:
    dump = load_exchange_info(shared_data / "exchange_info" / "binance-spot-2024-09-08.json.gz")
    for symbol in (*dump.symbols.values(), *built_in().symbols.values()):
        rules = parse_rules(symbol.document)
        assert rules.allows_entries
        assert rules.step % symbol.step == 0
        assert pickle.loads(pickle.dumps(rules)) == rules  # noqa: S301


def test_a_market_lot_without_step_asks_for_nothing_more() -> None:
    rules = parse_rules(ENTRY)
    assert rules.market_step == rules.step
    assert rules.largest(market=True) == D("119.27356195")
    assert rules.largest(market=False) == 9000


def test_both_steps_hold_at_the_market() -> None:
    rules = parse_rules(entry({"filterType": "MARKET_LOT_SIZE", "stepSize": "0.00003"}))
    assert rules.market_step == D("0.00003")
    assert rules.step == D("0.00001")


def test_a_filter_that_nobody_knows_is_kept_and_stops_entries() -> None:
    rules = parse_rules(entry({"filterType": "MOON_PHASE", "limit": 3}))
    assert rules.unknown_filters == ("MOON_PHASE",)
    assert not rules.allows_entries
    assert rules.is_trading


@pytest.mark.parametrize("status", ["HALT", "BREAK", "CANCEL_ONLY", "ECLIPSE"])
def test_only_one_status_takes_orders(status: str) -> None:
    rules = parse_rules(entry(status=status))
    assert rules.status == status
    assert not rules.is_trading
    assert not rules.allows_entries


def test_no_spot_trading_no_entries() -> None:
    assert not parse_rules(entry(isSpotTradingAllowed=False)).allows_entries


def test_before_2024_permissions_were_one_list() -> None:
    rules = parse_rules(entry(permissionSets=[], permissions=["SPOT", "MARGIN"]))
    assert rules.permission_sets == (frozenset({"SPOT", "MARGIN"}),)
    assert parse_rules(entry(permissionSets=[["A", "B"], ["C"]])).permission_sets == (
        frozenset({"A", "B"}),
        frozenset({"C"}),
    )
    assert parse_rules(entry(permissionSets=[], permissions=[])).permission_sets == ()


def test_without_filters_the_precisions_are_the_grid() -> None:
    rules = parse_rules({**ENTRY, "filters": []})
    assert (rules.step, rules.tick) == (D("1E-8"), D("1E-8"))
    assert rules.largest(market=True) is None


def test_the_rarer_filters_are_read() -> None:
    limits = [
        {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 1000},
        {"filterType": "MAX_ASSET", "asset": "BTC", "limit": "42"},
        {"filterType": "MAX_ASSET", "asset": "USDT", "limit": "1000"},
    ]
    rules = parse_rules(
        entry(
            {"filterType": "MAX_POSITION", "maxPosition": "10"},
            {"filterType": "PERCENT_PRICE", "multiplierUp": "5", "multiplierDown": "0.2", "avgPriceMins": 5},
            {"filterType": "MIN_NOTIONAL", "minNotional": "1", "applyToMarket": True, "avgPriceMins": 5},
        ),
        limits,
    )
    assert rules.max_position == 10
    assert rules.counts["EXCHANGE_MAX_NUM_ORDERS"] == 1000
    assert rules.max_assets == {"BTC": D(42), "USDT": D(1000)}
    assert [bounds.filter for bounds in rules.notionals] == ["NOTIONAL", "MIN_NOTIONAL"]
    assert [band.filter for band in rules.bands] == ["PERCENT_PRICE", "PERCENT_PRICE_BY_SIDE"]


LOT: dict[str, Any] = {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "2", "stepSize": "1"}


@pytest.mark.parametrize(
    "broken",
    [
        [],
        None,
        {},
        {**ENTRY, "symbol": ""},
        {**ENTRY, "filters": None},
        {**ENTRY, "filters": [{}]},
        {**ENTRY, "baseAssetPrecision": "8"},
        {**ENTRY, "baseAssetPrecision": True},
        {**ENTRY, "quoteAssetPrecision": 21},
        {**ENTRY, "ocoAllowed": "yes"},
        {**ENTRY, "filters": [{**LOT, "stepSize": "-1"}]},
        {**ENTRY, "filters": [{**LOT, "stepSize": "NaN"}]},
        {**ENTRY, "filters": [{**LOT, "stepSize": "one"}]},
        {**ENTRY, "filters": [{**LOT, "stepSize": 0.1}]},
        {**ENTRY, "filters": [{**LOT, "stepSize": "1e-30"}]},
        {**ENTRY, "filters": [{**LOT, "maxQty": "1e31"}]},
        {**ENTRY, "filters": [{"filterType": "LOT_SIZE", "minQty": "1"}]},
        {**ENTRY, "filters": [{"filterType": "MAX_NUM_ORDERS", "maxNumOrders": -1}]},
    ],
)
def test_a_malformed_entry_is_an_error_in_one_line(broken: Any) -> None:
    with pytest.raises(DataError, match="cannot be read") as told:
        parse_rules(broken)
    assert told.value.code == "E-FILTER-RULES"
    assert "\n" not in str(told.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(ENTRY)), JSON, max_size=3), st.lists(JSON, max_size=2))
def test_no_entry_whatever_breaks_the_parser(changes: dict[str, Any], more: list[Any]) -> None:
    with suppress(DataError):
        parse_rules({**ENTRY, "filters": [*ENTRY["filters"], *more], **changes})

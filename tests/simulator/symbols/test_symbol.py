"""A symbol's document becomes exact values, once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.simulator.symbols.cases import BITCOIN, symbol

from thunes.errors import DataError
from thunes.simulator.symbols.symbol import NO_LIMITS, Steps, parse_limits, parse_symbol

D = Decimal


def test_the_filters_of_bitcoin_are_those_seen_in_2026() -> None:
    filters = BITCOIN.filters
    assert filters.price_filter == Steps(D("0.01"), D(1_000_000), D("0.01"))
    assert filters.lot_size == Steps(D("0.00001"), D(9000), D("0.00001"))
    assert filters.market_lot_size == Steps(D(0), D("119.27356195"), D(0))
    assert (filters.iceberg_parts, filters.max_num_orders, filters.max_num_algo_orders) == (100, 200, 5)
    assert (filters.max_num_order_lists, filters.max_num_order_amends) == (20, 10)
    assert filters.max_position is None
    assert (BITCOIN.tick, BITCOIN.step) == (D("0.01"), D("0.00001"))


def test_a_symbol_without_grids_has_none() -> None:
    assert (symbol().tick, symbol().step) == (0, 0)


def test_the_two_sides_of_a_price_band_are_not_mixed_up() -> None:
    band = BITCOIN.filters.percent_price_by_side
    assert band is not None
    assert (band.bid_up, band.bid_down, band.ask_up, band.ask_down) == (D("1.2"), D("0.5"), D(2), D("0.8"))


def test_a_filter_of_a_type_not_known_here_is_shown_and_not_enforced() -> None:
    here = symbol({"filterType": "T_PLUS_SELL", "endTime": 1})
    assert here.document["filters"] == [{"filterType": "T_PLUS_SELL", "endTime": 1}]
    assert here.filters == symbol().filters


def test_the_older_filters_are_read_too() -> None:
    percent = {"filterType": "PERCENT_PRICE", "multiplierUp": "5", "multiplierDown": "0.2", "avgPriceMins": 5}
    position = {"filterType": "MAX_POSITION", "maxPosition": "10.00000000"}
    filters = symbol(percent, position).filters
    assert filters.percent_price is not None
    assert (filters.percent_price.bid_up, filters.percent_price.ask_down) == (D(5), D("0.2"))
    assert filters.max_position == 10


def test_an_account_s_limits_are_read_from_its_filters() -> None:
    limits = parse_limits(
        [
            {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 1000},
            {"filterType": "EXCHANGE_MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
            {"filterType": "MAX_ASSET", "asset": "USDC", "limit": "42.00000000"},
            {"filterType": "SOMETHING_NEW"},
        ]
    )
    assert (limits.exchange_max_num_orders, limits.exchange_max_num_order_lists) == (1000, 20)
    assert limits.max_asset == {"USDC": 42}
    assert parse_limits([]) == NO_LIMITS


def test_an_account_needs_one_permission_of_every_set() -> None:
    both = symbol(permissionSets=[["SPOT", "MARGIN"], ["TRD_GRP_004"]])
    assert both.permits({"MARGIN", "TRD_GRP_004"})
    assert not both.permits({"SPOT", "MARGIN"})


def test_the_permissions_of_an_old_document_are_one_set() -> None:
    assert symbol(permissionSets=[], permissions=["SPOT"]).permission_sets == (frozenset({"SPOT"}),)


def test_flags_that_an_old_document_lacks_are_off() -> None:
    older = {key: value for key, value in BITCOIN.document.items() if key not in ("amendAllowed", "opoAllowed")}
    assert not parse_symbol(older).amend_allowed
    assert BITCOIN.amend_allowed
    assert BITCOIN.oto_allowed


def test_a_change_gives_a_new_symbol_and_leaves_the_old_one() -> None:
    halted = BITCOIN.changed("HALT", [{"filterType": "ICEBERG_PARTS", "limit": 7}])
    assert (halted.status, halted.filters.iceberg_parts, halted.document["status"]) == ("HALT", 7, "HALT")
    assert (BITCOIN.status, BITCOIN.filters.iceberg_parts) == ("TRADING", 100)
    assert halted.filters.lot_size == BITCOIN.filters.lot_size
    assert [one["filterType"] for one in halted.document["filters"]] == [
        one["filterType"] for one in BITCOIN.document["filters"]
    ]


@pytest.mark.parametrize(
    "bad",
    [
        {"filterType": "MAX_POSITION", "maxPosition": "NaN"},
        {"filterType": "MAX_POSITION", "maxPosition": "-1"},
        {"filterType": "MAX_POSITION", "maxPosition": "ten"},
        {"filterType": "MAX_POSITION"},
        {"maxPosition": "1"},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": "many"},
        7,
    ],
)
def test_a_filter_that_cannot_be_computed_with_is_refused(bad: Any) -> None:
    with pytest.raises(DataError, match="symbol BTCUSDT of exchangeInfo is malformed") as refused:
        symbol(bad)
    assert refused.value.code == "E-EXCHANGE-INFO"


def test_what_is_no_symbol_is_refused() -> None:
    with pytest.raises(DataError, match="malformed"):
        parse_symbol([])

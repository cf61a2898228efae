"""Rate limits: what is counted, when it is forgotten, and what those are told who ask too often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes.simulator.api.limits import Limiter
from thunes.simulator.request import Refused
from thunes.simulator.symbols.exchange_info import built_in

MINUTE, DAY = 60_000, 86_400_000
NOW = 20_000 * DAY  # a midnight
IP, OTHER = "127.0.0.1", "10.0.0.2"


def limiter(weight: int = 6_000, orders: int = 100, raw: int = 300_000, **options: Any) -> Limiter:
    return Limiter(
        [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": weight},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": orders},
            {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200_000},
            {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": raw},
        ],
        **options,
    )


def refusal(call: Callable[..., Any], *arguments: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        call(*arguments)
    return caught.value


def weight_of(limits: Limiter, now_ms: int = NOW, ip: str = IP) -> int:
    headers = dict(limits.headers(ip, None, now_ms))
    assert headers[b"x-mbx-used-weight"] == headers[b"x-mbx-used-weight-1m"]
    return int(headers[b"x-mbx-used-weight"])


def orders_of(limits: Limiter, now_ms: int = NOW, account: str = "ann") -> tuple[int, int]:
    headers = dict(limits.headers(IP, account, now_ms))
    return int(headers[b"x-mbx-order-count-10s"]), int(headers[b"x-mbx-order-count-1d"])


def test_weight_is_counted_for_each_address_and_forgotten_with_its_minute() -> None:
    limits = limiter()
    limits.charge(IP, 20, NOW + 59_999)
    limits.charge(IP, 5, NOW + 59_999)
    assert weight_of(limits, NOW + 59_999) == 25
    assert weight_of(limits, NOW + 59_999, OTHER) == 0
    assert weight_of(limits, NOW + 60_000) == 0
    limits.charge(IP, 1, NOW + 60_000)
    assert weight_of(limits, NOW + 60_000) == 1


def test_too_much_weight_is_refused_until_the_minute_ends() -> None:
    limits = limiter(weight=40)
    limits.charge(IP, 40, NOW + 1)
    refused = refusal(limits.charge, IP, 1, NOW + 1_500)
    assert (refused.status, refused.code, refused.retry_after) == (429, -1003, 59)
    assert refused.message == (
        "Too much request weight used; current limit is 40 request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    limits.charge(OTHER, 1, NOW + 1_500)
    limits.charge(IP, 1, NOW + MINUTE)


def test_an_order_costs_nothing_unless_it_fails() -> None:
    limits = limiter(weight=2)
    limits.charge(IP, 2, NOW)
    limits.charge(IP, 0, NOW)
    limits.settle(IP, 1, NOW)
    assert weight_of(limits) == 3
    assert refusal(limits.charge, IP, 0, NOW).status == 429
    limits.settle(IP, -5, NOW)
    assert weight_of(limits) == 0


def test_raw_requests_have_a_limit_of_their_own() -> None:
    limits = limiter(raw=2)
    limits.charge(IP, 0, NOW)
    limits.charge(IP, 0, NOW + MINUTE)
    refused = refusal(limits.charge, IP, 0, NOW + 2 * MINUTE)
    assert (refused.status, refused.code, refused.retry_after) == (429, -1003, 180)
    assert "2 requests per 5 MINUTE" in refused.message


def ban(limits: Limiter, now_ms: int) -> Refused:
    """Ask until the 418; the refusals before it are 429."""
    limits.charge(IP, 1, now_ms)
    for _ in range(10):
        assert refusal(limits.charge, IP, 1, now_ms).status == 429
    return refusal(limits.charge, IP, 1, now_ms)


def test_who_goes_on_after_a_429_is_banned() -> None:
    limits = limiter(weight=1)
    refused = ban(limits, NOW)
    assert (refused.status, refused.code, refused.retry_after) == (418, -1003, 120)
    assert refused.message == (
        f"Way too much request weight used; IP banned until {NOW + 120_000}. "
        "Please use WebSocket Streams for live updates to avoid bans."
    )
    later = refusal(limits.charge, IP, 1, NOW + 119_500)
    assert (later.status, later.retry_after) == (418, 1)
    limits.charge(OTHER, 1, NOW + 119_500)
    limits.charge(IP, 1, NOW + 120_000)


def test_bans_double_up_to_three_days() -> None:
    limits, now, lengths = limiter(weight=1), NOW, []
    for _ in range(14):
        seconds = ban(limits, now).retry_after
        assert seconds is not None
        lengths.append(seconds)
        now += (seconds + 60) * 1_000
    assert lengths[:4] == [120, 240, 480, 960]
    assert lengths[-3:] == [120 * 2**11, 259_200, 259_200]


def test_refusals_of_an_earlier_minute_do_not_ban() -> None:
    limits = limiter(weight=0)
    for minute in range(30):
        assert refusal(limits.charge, IP, 1, NOW + minute * MINUTE).status == 429


def test_patience_can_be_chosen() -> None:
    limits = limiter(weight=0, patience=1)
    assert refusal(limits.charge, IP, 1, NOW).status == 429
    assert refusal(limits.charge, IP, 1, NOW).status == 418


def test_unfilled_orders_are_counted_in_both_windows() -> None:
    limits = limiter()
    limits.count_order("ann", NOW)
    limits.count_order("ann", NOW + 9_999, 2)
    assert orders_of(limits, NOW + 9_999) == (3, 3)
    assert orders_of(limits, NOW + 10_000) == (0, 3)
    assert orders_of(limits, NOW + DAY) == (0, 0)
    assert orders_of(limits, NOW, "bob") == (0, 0)


def test_one_order_too_many_is_refused_and_a_pair_counts_twice() -> None:
    limits = limiter(orders=3)
    limits.count_order("ann", NOW, 2)
    limits.check_order("ann", NOW)
    refused = refusal(limits.check_order, "ann", NOW + 1, 2)
    assert (refused.status, refused.code, refused.retry_after) == (429, -1015, 10)
    assert refused.message == "Too many new orders; current limit is 3 orders per 10 SECOND."
    assert orders_of(limits) == (2, 2)
    limits.check_order("bob", NOW, 2)
    limits.check_order("ann", NOW + 10_000, 2)


def test_the_day_has_a_limit_too() -> None:
    limits = limiter(orders=10**9)
    limits.count_order("ann", NOW, 200_000)
    refused = refusal(limits.check_order, "ann", NOW + 3_600_000)
    assert refused.message == "Too many new orders; current limit is 200000 orders per 1 DAY."
    assert refused.retry_after == 23 * 3_600


def test_a_first_fill_gives_back_more_to_makers_and_never_below_zero() -> None:
    limits = limiter()
    limits.count_order("ann", NOW, 7)
    limits.first_fill("ann", NOW, maker=False)
    assert orders_of(limits) == (6, 6)
    limits.first_fill("ann", NOW, maker=True)
    assert orders_of(limits) == (1, 1)
    limits.first_fill("ann", NOW, maker=True)
    assert orders_of(limits) == (0, 0)


def test_usage_is_told_as_documents() -> None:
    limits = limiter()
    limits.count_order("ann", NOW)
    limits.charge(IP, 4, NOW)
    ten_seconds = {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100, "count": 1}
    day = {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200_000, "count": 1}
    weight = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6_000, "count": 4}
    assert limits.order_usage("ann", NOW) == [ten_seconds, day]
    assert limits.usage(IP, "ann", NOW) == [ten_seconds, day, weight]
    assert limits.usage(IP, None, NOW) == [weight]


def test_connections_are_limited_in_five_minutes() -> None:
    limits = limiter()
    for _ in range(300):
        limits.connections(IP, NOW)
    refused = refusal(limits.connections, IP, NOW + 1)
    assert (refused.status, refused.retry_after) == (429, 300)
    limits.connections(OTHER, NOW)
    limits.connections(IP, NOW + 5 * MINUTE)


def test_off_refuses_nothing_and_still_counts() -> None:
    limits = limiter(weight=1, orders=1, raw=1, on=False)
    for _ in range(400):
        limits.charge(IP, 1, NOW)
        limits.connections(IP, NOW)
        limits.check_order("ann", NOW)
        limits.count_order("ann", NOW)
    assert weight_of(limits) == 400
    assert orders_of(limits) == (400, 400)


def test_the_built_in_exchange_has_the_limits_and_others_may_have_none() -> None:
    limits = Limiter(built_in().rate_limits)
    assert [document["limit"] for document in limits.usage(IP, "ann", NOW)] == [100, 200_000, 6_000]
    none = Limiter([])
    none.charge(IP, 10**6, NOW)
    none.check_order("ann", NOW, 10**6)
    assert none.order_usage("ann", NOW) == []


@given(st.lists(st.tuples(st.integers(0, 3 * MINUTE), st.integers(0, 50)), max_size=40))
def test_what_is_used_is_the_sum_of_the_window(requests: list[tuple[int, int]]) -> None:
    limits = limiter(on=False)
    requests.sort()
    for later, weight in requests:
        limits.charge(IP, weight, NOW + later)
    now = requests[-1][0] if requests else 0
    assert weight_of(limits, NOW + now) == sum(weight for later, weight in requests if later // MINUTE == now // MINUTE)

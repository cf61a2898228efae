"""Where the endpoints of trading stand, under which method of the WebSocket API, and what they cost."""

from __future__ import annotations

from tests.simulator.api.trader import ROUTES

# Weight without parameters, and the orders that it counts; from the exchange's tables of July 2026.
READING = {
    "GET order": ("order.status", 4),
    "GET openOrders": ("openOrders.status", 80),
    "GET order/amendments": ("order.amendments", 4),
    "GET myPreventedMatches": ("myPreventedMatches", 20),
    "GET orderList": ("orderList.status", 4),
    "GET openOrderList": ("openOrderLists.status", 6),
    "GET allOrderList": ("allOrderLists", 20),
    "GET account": ("account.status", 20),
    "GET account/commission": ("account.commission", 20),
    "GET rateLimit/order": ("account.rateLimits.orders", 40),
    "GET myFilters": ("myFilters", 40),
    "GET allOrders": ("allOrders", 20),
    "GET myTrades": ("myTrades", 20),
    "GET myAllocations": ("myAllocations", 20),
    "POST order/test": ("order.test", 1),
    "POST sor/order/test": ("sor.order.test", 1),
    "PUT order/amend/keepPriority": ("order.amend.keepPriority", 4),
}
# They cost 1, and only when they are refused.
TRADING = {
    "POST order": ("order.place", 1),
    "DELETE order": ("order.cancel", 0),
    "DELETE openOrders": ("openOrders.cancelAll", 0),
    "POST order/cancelReplace": ("order.cancelReplace", 0),  # it counts its order itself
    "POST order/oco": ("orderList.place", 2),
    "POST orderList/oco": ("orderList.place.oco", 2),
    "POST orderList/oto": ("orderList.place.oto", 2),
    "POST orderList/otoco": ("orderList.place.otoco", 3),
    "POST orderList/opo": ("orderList.place.opo", 2),
    "POST orderList/opoco": ("orderList.place.opoco", 3),
    "DELETE orderList": ("orderList.cancel", 0),
    "POST sor/order": ("sor.order.place", 1),
}


def test_every_endpoint_is_known_and_signed() -> None:
    assert set(ROUTES) == set(READING) | set(TRADING)
    assert all(route.security == "signed" for route in ROUTES.values())


def test_questions_have_their_weight() -> None:
    found = {name: (ROUTES[name].socket_method, ROUTES[name].weigh({})) for name in READING}
    assert found == READING
    assert not any(ROUTES[name].weighs_on_failure or ROUTES[name].orders for name in READING)


def test_trading_weighs_only_when_it_fails() -> None:
    found = {name: (ROUTES[name].socket_method, ROUTES[name].orders) for name in TRADING}
    assert found == TRADING
    assert all(ROUTES[name].weighs_on_failure and ROUTES[name].weigh({}) == 1 for name in TRADING)

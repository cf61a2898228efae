"""Every endpoint of the exchange."""

from __future__ import annotations

from thunes.simulator.api.account import ROUTES as ACCOUNT
from thunes.simulator.api.market import ROUTES as MARKET
from thunes.simulator.api.order_lists import ROUTES as ORDER_LISTS
from thunes.simulator.api.orders import ROUTES as ORDERS
from thunes.simulator.api.tickers import ROUTES as TICKERS

ROUTES = (*MARKET, *TICKERS, *ORDERS, *ORDER_LISTS, *ACCOUNT)

"""Reports carry every figure under its own name: they are built by position."""

from __future__ import annotations

from decimal import Decimal

from tests.simulator.engine.venue import BTCUSDT

from thunes.simulator.engine.accounts import Account
from thunes.simulator.engine.announcer import Announcer
from thunes.simulator.engine.events import Event, ExecutionReport, Loss
from thunes.simulator.engine.orders import Fill, Order, PreventedMatch
from thunes.simulator.engine.rules import Rules
from thunes.simulator.engine.treasury import Treasury
from thunes.simulator.request import OrderRequest

D = Decimal
REQUEST = OrderRequest("BTCUSDT", "BUY", "LIMIT", "asked", quantity=D(9), price=D(50))


def order() -> Order:
    """One whose figures are all different."""
    return Order(
        id=11,
        request=REQUEST,
        account=Account("ann"),
        quantity=D(8),
        time_ms=21,
        mode="EXPIRE_MAKER",
        client_order_id="named",
        status="PARTIALLY_FILLED",
        working_ms=22,
        executed=D(5),
        quote_executed=D(250),
        prevented=D(2),
        expiry_reason="OCO_TRIGGER",
        trailing_ms=23,
    )


def told(**more: object) -> ExecutionReport:
    """What is told of it, with what differs from an order that did not trade just now."""
    plain = {
        "sequence": 1,
        "time_ms": 31,
        "account": "ann",
        "execution": "TRADE",
        "execution_id": 1,
        "request": REQUEST,
        "order_id": 11,
        "order_list_id": -1,
        "client_order_id": "named",
        "original_client_order_id": "before",
        "status": "PARTIALLY_FILLED",
        "reject_reason": "because",
        "expiry_reason": "OCO_TRIGGER",
        "quantity": D(8),
        "executed": D(5),
        "quote_executed": D(250),
        "last_quantity": D(0),
        "last_price": D(0),
        "last_quote": D(0),
        "commission": D(0),
        "commission_asset": None,
        "trade_id": -1,
        "maker": False,
        "working": True,
        "created_ms": 21,
        "working_ms": 22,
        "trailing_ms": 23,
        "self_trade_prevention": "EXPIRE_MAKER",
        "prevented": D(2),
        "last_prevented": D(0),
        "prevented_match_id": None,
        "counter_order_id": None,
    }
    return ExecutionReport(**{**plain, **more})  # type: ignore[arg-type]


def report(fill: Fill | None = None, loss: Loss | None = None) -> ExecutionReport:
    heard: list[Event] = []
    announcer = Announcer(heard.append)
    announcer.now = 31
    made = announcer.report(order(), "TRADE", original_id="before", reject_reason="because", fill=fill, loss=loss)
    assert heard == [made]
    return made


def test_a_report_names_what_an_order_is() -> None:
    assert report() == told()


def test_a_report_names_what_a_trade_was() -> None:
    fill = Fill(61, 11, -1, "BTCUSDT", "BUY", D(50), D(3), D(150), D("0.003"), "BTC", maker=True, time_ms=31)
    trade = {"last_quantity": D(3), "last_price": D(50), "last_quote": D(150), "trade_id": 61, "maker": True}
    assert report(fill) == told(**trade, commission=D("0.003"), commission_asset="BTC")


def test_a_report_names_what_was_prevented() -> None:
    match = PreventedMatch(71, "BTCUSDT", 11, 12, "EXPIRE_MAKER", D(50), D(4), D(6), 31)
    lost = told(last_prevented=D(4), prevented_match_id=71, counter_order_id=12)
    assert report(loss=Loss(match, D(4), 12)) == lost


def test_a_fill_names_what_a_trade_was() -> None:
    treasury, buyer = Treasury(Rules(), lambda _: None), order()
    buyer.account.deposit("USDT", D(1_000))
    treasury.set_aside(buyer, BTCUSDT, D(400))
    assert treasury.settle(buyer, BTCUSDT, 61, D(50), D(3), 31, maker=True) == Fill(
        trade_id=61,
        order_id=11,
        order_list_id=-1,
        symbol="BTCUSDT",
        side="BUY",
        price=D(50),
        quantity=D(3),
        quote=D(150),
        commission=D("0.003"),
        commission_asset="BTC",
        maker=True,
        time_ms=31,
    )

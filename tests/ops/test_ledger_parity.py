"""What an account did beside the backtest: orders matched or with a reason, and each one's money."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from tests.trading import desk as desks
from tests.trading.desk import CANDLES, START, WIDE, Desk, script

from thunes.errors import DataError
from thunes.exchange.outcomes import Refused
from thunes.kernels import simulation
from thunes.model import Costs
from thunes.ops.ledger_parity import LedgerParity, ledger_parity, passes_of
from thunes.strategies.base import Strategy, evaluate
from thunes.trading.decision import Sizing
from thunes.trading.flatten import Flattener

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent
D = Decimal
Opens = Callable[..., Desk]
SWINGS = [(2, 1.0), (9, 0.0), (11, 1.0), (20, 0.0)]


@pytest.fixture
def opens(tmp_path: Path) -> Iterator[Opens]:
    """Opens a trader with all that it stands on."""
    made: list[Desk] = []

    def opened(strategy: Strategy, **more: Any) -> Desk:
        made.append(Desk(tmp_path, strategy, **more))
        return made[-1]

    yield opened
    for desk in made:
        desk.close()


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A trader that has bought and sold twice; to be looked at."""
    desk = Desk(tmp_path_factory.mktemp("account"), script(*SWINGS))
    desk.run(25)
    yield desk
    desk.close()


def compared(desk: Desk, **changes: Any) -> LedgerParity:
    job = replace(desk.trader.job, **changes)
    passes = passes_of(desk.ledger, desk.trail.history(), job.name, job.symbol, job.interval)
    return ledger_parity(job, desk.venue, desk.ledger, passes)


def alone(found: LedgerParity) -> tuple[dict[str, int], dict[str, int]]:
    return dict(found.ledger.alone), dict(found.backtest.alone)


def opened(bar: int) -> int:
    """Open time of a bar, counted from the first that is traded."""
    return int(CANDLES.open_time[START + bar])


def swinging(opens: Opens, **more: Any) -> Desk:
    """A trader that has bought and sold twice."""
    desk = opens(script(*SWINGS), **more)
    desk.run(25)
    return desk


def test_an_account_that_did_what_it_wanted_made_the_backtest_s_trades(account: Desk) -> None:
    found = compared(account)
    assert (found.holds, found.matched, found.unmatched, found.under_way) == (True, 4, {}, 0)
    for one in (found.ledger, found.backtest):
        assert (one.orders, one.trades, one.alone) == (4, 2, {})
    assert found.ledger.wins == found.backtest.wins
    assert (found.candles.open_time[0], found.candles.open_time[-1], len(found.candles)) == (opened(0), opened(24), 25)


def test_the_ledger_s_result_is_what_the_account_is_worth_more(opens: Opens) -> None:
    desk = opens(script(*SWINGS, (23, 1.0)))
    desk.run(28)
    found, balances = compared(desk), desk.venue.balances()
    worth = balances["USDT"].total + balances["BTC"].total * D(repr(float(found.candles.close[-1])))
    assert abs(found.ledger.earned - (worth - 10_000)) <= D("2e-8")
    assert abs(found.ledger.realised - desk.ledger.realised()) <= D("1e-8")
    assert found.ledger.unrealised != 0
    assert abs(found.difference) < D("0.5")  # slippage against spread, and what was too little for a step
    assert D(290) < found.ledger.bought <= found.backtest.bought == 300


def test_the_backtest_s_trades_are_told_for_the_amount_of_an_entry(account: Desk) -> None:
    """Amount · (net return of the money paid in): a fee for each side, slippage at each fill."""
    found = compared(account)
    at = found.candles.open
    paid, got = 1.0005, 0.9995
    expected = 0.0
    for bought, sold in ((3, 10), (12, 21)):  # a bar after each wish
        entry, leave = at[bought] * paid, at[sold] * got
        expected += 100 * ((leave - entry) - 0.001 * (leave + entry)) / entry
    assert float(found.backtest.realised) == pytest.approx(expected, abs=1e-7)
    assert found.backtest.unrealised == 0


def test_a_fraction_of_equity_compounds(opens: Opens) -> None:
    found = compared(swinging(opens, sizing=Sizing(fraction=D("0.5")), money="USDT=4000"))
    target = evaluate(script(*SWINGS), CANDLES)[START : START + 25]
    equity = simulation.run(found.candles, target * 0.5, Costs()).equity
    assert float(found.backtest.earned) == pytest.approx(4_000 * (equity[-1] / 10_000 - 1), abs=1e-6)
    assert (found.matched, found.unmatched) == (4, {})
    assert abs(found.difference) < 8


def test_a_position_that_is_enlarged_is_told_for_the_money_of_both_entries(opens: Opens) -> None:
    desk = opens(script((2, 0.5), (6, 1.0), (12, 0.0)))
    desk.run(15)
    found = compared(desk)
    assert (found.matched, found.unmatched, found.backtest.trades) == (3, {}, 1)
    assert abs(found.ledger.bought - found.backtest.bought) < 2


def test_both_enter_with_the_first_pass_where_the_market_is_wanted_then(opens: Opens) -> None:
    desk = opens(script((-40, 1.0), (5, 0.0)))
    desk.run(8)
    assert (compared(desk).matched, alone(compared(desk))) == (2, ({}, {}))


def test_what_is_filled_in_a_bar_that_is_not_closed_yet_is_left_out(opens: Opens) -> None:
    desk = opens(script((0, 1.0), (2, 0.0)))
    desk.run(3)
    found = compared(desk)
    assert (found.under_way, found.ledger.orders, found.ledger.trades, found.holds) == (1, 1, 0, True)
    assert found.ledger.realised == 0 != found.ledger.unrealised
    desk.exchange.advance(4)  # the bar has closed; what no pass has seen does not count
    found = compared(desk)
    assert (found.under_way, found.matched, found.ledger.trades, len(found.candles)) == (0, 2, 1, 4)


# Orders that only one of the two made


def test_an_entry_that_risk_refused_and_its_exit_have_the_refusal_s_code(opens: Opens) -> None:
    found = compared(swinging(opens, limits=replace(WIDE, order_notional=D(50))))
    assert (found.holds, found.matched) == (True, 0)
    assert alone(found) == ({}, {"E-RISK-NOTIONAL": 4})


def test_an_entry_that_came_later_has_the_reason_of_the_delay(opens: Opens) -> None:
    desk = opens(script(*SWINGS))
    desk.risk.kill("enough", actor="test")
    desk.run(5)
    desk.risk.resume("looked at", D(10**6), "test")
    desk.run(20)
    found = compared(desk)
    assert alone(found) == ({"E-RISK-REDUCING": 1}, {"E-RISK-REDUCING": 1})
    assert (found.holds, found.matched, found.unmatched) == (True, 3, {"E-RISK-REDUCING": 2})


def test_a_reason_ends_where_both_stand_alike_again(opens: Opens) -> None:
    desk = opens(script(*SWINGS))
    desk.risk.kill("enough", actor="test")
    desk.run(10)
    desk.risk.resume("looked at", D(10**6), "test")
    desk.run(15)
    moved(desk, 11, 12)
    found = compared(desk)
    assert alone(found) == ({"unexplained": 1}, {"E-RISK-REDUCING": 2, "unexplained": 1})


def test_bars_without_a_pass_are_a_reason(opens: Opens) -> None:
    desk = opens(script(*SWINGS))
    desk.run(2)
    desk.exchange.advance(4)
    desk.run(19)
    assert alone(compared(desk)) == ({"no pass": 1}, {"no pass": 1})


def test_what_a_person_sold_is_no_surprise(opens: Opens) -> None:
    desk = opens(script(*SWINGS))
    desk.run(5)
    desk.risk.kill("enough", actor="test")
    Flattener(desk.venue, desk.ledger, desk.risk, desk.trail, desk.reserve, desk.clock).run(None, "a person", "fear")
    desk.run(6)
    desk.risk.resume("looked at", D(10**6), "test")
    desk.run(14)
    found = compared(desk)
    assert alone(found) == ({"flatten": 1}, {"flatten": 1})  # it had nothing left to sell when the backtest sold
    assert (found.matched, found.ledger.trades) == (3, 2)


def test_an_order_that_the_exchange_refused_is_told(opens: Opens) -> None:
    desk = opens(script(*SWINGS))
    desk.run(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.venue, "submit", lambda _: Refused(-2010, "Account has insufficient balance."))
        desk.run()
    desk.run(22)
    assert alone(compared(desk)) == ({"order REFUSED": 1}, {"order REFUSED": 1})


def test_the_rest_of_a_partial_fill_is_told(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "CANDLES", CANDLES.replace(volume=CANDLES.volume / 3000))
    desk = opens(script((2, 0.4), (4, 0.7), (6, 1.0), (9, 0.0)), sizing=Sizing(quote_amount=D(9_000)))
    desk.run(15)
    found = compared(desk)
    assert (found.holds, found.matched) == (True, 4)
    assert set(found.ledger.alone) == {"partial fill"}
    assert found.backtest.alone == {}


def test_orders_of_another_artefact_are_no_fault_of_this_one(account: Desk) -> None:
    found = compared(account, artefact="another", strategy=script((4, 1.0)))
    assert alone(found) == ({"another artefact": 4}, {"another artefact": 1})
    assert found.holds


def moved(desk: Desk, bar: int, to: int, more_ms: int = 0) -> None:
    """Write another bar into an order's row."""
    engine = create_engine(f"sqlite:///{desk.folder}/state/sim/ledger.db")
    with engine.begin() as connection:
        changed = connection.execute(
            text("UPDATE orders SET bar_ms = :to WHERE bar_ms = :bar"), {"bar": opened(bar), "to": opened(to) + more_ms}
        )
        assert changed.rowcount == 1
    engine.dispose()


@pytest.mark.parametrize("to", [7, 13, -5])
def test_an_order_in_another_bar_is_unexplained(to: int, opens: Opens) -> None:
    desk = swinging(opens)
    moved(desk, 9, to)
    found = compared(desk)
    assert alone(found) == ({"unexplained": 1}, {"unexplained": 1})
    assert (found.holds, found.matched) == (False, 3)


def test_an_order_that_no_candle_decided_is_unexplained(opens: Opens) -> None:
    desk = swinging(opens)
    moved(desk, 9, 9, more_ms=1)
    assert alone(compared(desk)) == ({"unexplained": 1}, {"unexplained": 1})


# Whose passes count


def test_only_the_strategy_asked_for_is_compared(account: Desk) -> None:
    with pytest.raises(DataError, match="other BTCUSDT 1h has made no pass in sim yet") as caught:
        compared(account, name="other")
    assert caught.value.code == "E-PARITY-UNTRADED"
    with pytest.raises(DataError, match="no pass"):
        compared(account, interval="4h")


def test_passes_before_the_account_was_opened_do_not_count(account: Desk) -> None:
    with pytest.raises(DataError, match="no pass"):
        passes_of(Later(account.ledger), account.trail.history(), "scripted", "BTCUSDT", "1h")  # type: ignore[arg-type]


class Later:
    """A ledger that was opened after all of it."""

    environment = "sim"

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger

    def orders(self, _: int = 0) -> list[Any]:
        return []

    def flows(self) -> list[Any]:
        return [replace(flow, time_ms=flow.time_ms + 10**10) for flow in self._ledger.flows()]


def test_the_passes_of_another_environment_do_not_count(account: Desk) -> None:
    other = Later(account.ledger)
    other.environment = "testnet"
    other.flows = account.ledger.flows  # type: ignore[method-assign]
    with pytest.raises(DataError, match="no pass in testnet yet") as caught:
        passes_of(other, account.trail.history(), "scripted", "BTCUSDT", "1h")  # type: ignore[arg-type]
    assert caught.value.hint == "Trade first: thunes paper"

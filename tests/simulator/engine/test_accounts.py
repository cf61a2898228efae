"""Balances, commissions and conservation."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from thunes.simulator.engine.accounts import Account, commission, conservation
from thunes.simulator.engine.rules import Rules

D = Decimal
amounts = st.decimals(min_value=0, max_value=10**9, places=8)


def test_an_account_begins_with_nothing() -> None:
    account = Account("ann")
    assert (account.free("BTC"), account.locked("BTC"), account.balances) == (0, 0, {})


def test_locking_moves_money_and_unlocking_moves_it_back() -> None:
    account = Account("ann")
    account.deposit("USDT", D(10))
    account.lock("USDT", D(4))
    assert (account.free("USDT"), account.locked("USDT")) == (6, 4)
    account.lock("USDT", D(-3))
    assert (account.free("USDT"), account.locked("USDT")) == (9, 1)
    account.pay_locked("USDT", D(1))
    assert (account.free("USDT"), account.locked("USDT")) == (9, 0)


def test_only_the_market_brings_in_what_it_lacks() -> None:
    market = Account("market", unlimited=True)
    market.receive("BTC", D(1))
    market.pay("BTC", D(3))
    assert (market.free("BTC"), market.deposited["BTC"]) == (0, 2)
    poor = Account("ann")
    poor.pay("BTC", D(3))
    assert (poor.free("BTC"), poor.deposited) == (-3, {})


def test_commission_is_cut_to_eight_decimals() -> None:
    assert commission(Account("ann"), D("0.00075"), "BTC", D("0.00001"), None, Rules()) == ("BTC", D("0E-8"))
    assert commission(Account("ann"), D("0.001"), "BTC", D("0.01999999"), None, Rules()) == ("BTC", D("0.00001999"))


def test_commission_in_bnb_needs_enough_of_it_and_a_price() -> None:
    account = Account("ann", pays_in_bnb=True)
    account.deposit("BNB", D("0.0015"))
    assert commission(account, D("0.001"), "BTC", D(1), D(2), Rules()) == ("BNB", D("0.0015"))
    assert commission(account, D("0.001"), "BTC", D(1), D("2.1"), Rules()) == ("BTC", D("0.001"))
    assert commission(account, D("0.001"), "BTC", D(1), None, Rules()) == ("BTC", D("0.001"))


def test_the_bnb_discount_is_a_switch() -> None:
    account = Account("ann", pays_in_bnb=True)
    account.deposit("BNB", D(1))
    rules = Rules(bnb_discount=D("0.25"))
    assert commission(account, D("0.001"), "BTC", D(1), D(2), rules) == ("BNB", D("0.0005"))


@given(st.lists(st.tuples(st.sampled_from(["ann", "bob"]), st.sampled_from(["BTC", "USDT"]), amounts), max_size=20))
def test_conservation_adds_up_over_all_accounts(deposits: list[tuple[str, str, Decimal]]) -> None:
    accounts = {"ann": Account("ann"), "bob": Account("bob")}
    for name, asset, amount in deposits:
        accounts[name].deposit(asset, amount)
    books = conservation(accounts.values(), {})
    assert all(book.difference == 0 for book in books.values())
    assert sum(book.deposits for book in books.values()) == sum(amount for _, _, amount in deposits)


def test_money_from_nowhere_shows_as_a_difference() -> None:
    account = Account("ann")
    account.deposit("BTC", D(1))
    account.receive("BTC", D("0.5"))
    assert conservation([account], {"BTC": D("0.1")})["BTC"].difference == D("-0.6")

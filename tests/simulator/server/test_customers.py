"""Accounts as a person writes them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from thunes.errors import UsageError
from thunes.simulator.server.customers import parse_account


def test_a_text_becomes_an_account() -> None:
    account = parse_account("key:s3cret:USDT=10000,btc=0.5")
    assert (account.api_key, account.secret) == ("key", "s3cret")
    assert account.balances == {"USDT": Decimal(10_000), "BTC": Decimal("0.5")}
    assert account.key.account == account.customer.name == "key"


def test_an_account_may_begin_with_nothing() -> None:
    assert parse_account("key:secret").balances == {}


@pytest.mark.parametrize(
    "text", ["", "key", ":secret:USDT=1", "key:", "k:s:USDT", "k:s:USDT=x", "k:s:=5", "k:s:USDT=-1", "k:s:USDT=NaN"]
)
def test_what_cannot_be_read_is_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="KEY:SECRET"):
        parse_account(text)


def test_the_secret_never_shows() -> None:
    with pytest.raises(UsageError) as refused:
        parse_account("key:hunter2:USDT=x")
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(parse_account("key:hunter2:USDT=1"))

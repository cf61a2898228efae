"""Accounts as a person writes them: `KEY:SECRET:USDT=10000,BTC=0.5`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from thunes.errors import UsageError
from thunes.simulator.api.security import KEY_FORMAT, Key
from thunes.simulator.engine.accounts import MARKET
from thunes.simulator.exchange import Customer

FORM = "Write KEY:SECRET:USDT=10000,BTC=0.5."
ASSET = re.compile(r"\w{1,32}")
AMOUNT = re.compile(r"[0-9]{0,20}\.?[0-9]{1,20}")  # as long as the exchange's own numbers


@dataclass(frozen=True)
class Account:
    """An account with its one API key; `balances` are what it begins with. The account is named after the key."""

    api_key: str
    secret: str = field(repr=False)
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    pays_in_bnb: bool = False

    @property
    def customer(self) -> Customer:
        return Customer(self.api_key, self.balances, pays_in_bnb=self.pays_in_bnb)

    @property
    def key(self) -> Key:
        return Key(self.api_key, self.api_key, secret=self.secret)


def parse_account(text: str) -> Account:
    """An account from its text; the secret never shows in an error. Error: `UsageError`."""
    key, _, rest = text.partition(":")
    secret, _, money = rest.partition(":")
    if not key or not secret:
        raise UsageError("E-ACCOUNT", f"account {key[:8] or '?'}… lacks its key or its secret.", FORM)
    if not KEY_FORMAT.fullmatch(key) or key == MARKET:
        raise UsageError("E-ACCOUNT", f"{key[:8]!r}… is no key: letters, digits, - and _, not {MARKET!r}.", FORM)
    amounts = [_amount(part) for part in money.split(",") if part]
    balances = dict(amounts)
    if len(balances) < len(amounts):
        raise UsageError("E-ACCOUNT", f"account {key[:8]}… names an asset twice.", FORM)
    return Account(key, secret, balances)


def _amount(text: str) -> tuple[str, Decimal]:
    asset, _, number = text.partition("=")
    if not ASSET.fullmatch(asset) or not AMOUNT.fullmatch(number):
        raise UsageError("E-ACCOUNT", f"{text!r} is no balance.", FORM)
    return asset.upper(), Decimal(number)

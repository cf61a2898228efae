"""Who owns what: free and locked balances, commissions, and the proof that nothing is lost or made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Context, Decimal

from thunes.simulator.engine.rules import Rules

ZERO = Decimal(0)
EXACT = Context(prec=100)  # sums and products of the longest numbers that clients may send are not rounded
POOR = "Account has insufficient balance for requested action."
MARKET = "market"  # the account that stands behind the feed's side of every trade


@dataclass(slots=True)
class Balance:
    """What an account holds of one asset."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


@dataclass(slots=True, eq=False)
class Account:
    """One customer, or the market itself, which pays in whatever it lacks (`unlimited`).

    Rates are fractions of what a fill brings in. With `pays_in_bnb` they are charged in BNB, at a discount, while it
    lasts. `changed` names the assets touched since the last account event.
    """

    name: str
    maker_rate: Decimal = Decimal("0.001")
    taker_rate: Decimal = Decimal("0.001")
    pays_in_bnb: bool = False
    unlimited: bool = False
    balances: dict[str, Balance] = field(default_factory=dict)
    deposited: dict[str, Decimal] = field(default_factory=dict)
    changed: dict[str, None] = field(default_factory=dict)
    updated_ms: int = 0

    def free(self, asset: str) -> Decimal:
        balance = self.balances.get(asset)
        return balance.free if balance else ZERO

    def locked(self, asset: str) -> Decimal:
        balance = self.balances.get(asset)
        return balance.locked if balance else ZERO

    def deposit(self, asset: str, amount: Decimal) -> None:
        """Bring money in from outside, or take it out when `amount` is negative."""
        self.deposited[asset] = self.deposited.get(asset, ZERO) + amount
        self.receive(asset, amount)

    def receive(self, asset: str, amount: Decimal) -> None:
        self._touch(asset).free += amount

    def pay(self, asset: str, amount: Decimal) -> None:
        """Give free money away; the market first brings in what it lacks."""
        balance = self._touch(asset)
        if self.unlimited and amount > balance.free:
            self.deposit(asset, amount - balance.free)
        balance.free -= amount

    def pay_locked(self, asset: str, amount: Decimal) -> None:
        self._touch(asset).locked -= amount

    def lock(self, asset: str, amount: Decimal) -> None:
        """Set free money aside for an order; a negative amount gives it back."""
        balance = self._touch(asset)
        balance.free -= amount
        balance.locked += amount

    def take_changes(self) -> tuple[tuple[str, Decimal, Decimal], ...]:
        """Asset, free and locked of what has changed since this was last asked."""
        held = [(asset, self.balances[asset]) for asset in self.changed]
        self.changed.clear()
        return tuple([(asset, balance.free, balance.locked) for asset, balance in held])

    def _touch(self, asset: str) -> Balance:
        self.changed[asset] = None
        balance = self.balances.get(asset)
        if balance is None:
            balance = self.balances[asset] = Balance()
        return balance


def commission(
    account: Account, rate: Decimal, asset: str, received: Decimal, in_bnb: Decimal | None, rules: Rules
) -> tuple[str, Decimal]:
    """Asset and amount that a fill costs: `received` of `asset` came in, worth `in_bnb` (None: no price of BNB).

    A fill that the free BNB cannot pay is charged in what it brought in.
    """
    if account.pays_in_bnb and in_bnb is not None:
        amount = _cut(in_bnb * rate * rules.bnb_discount, rules)
        if amount <= account.free(rules.bnb):
            return rules.bnb, amount
    return asset, _cut(received * rate, rules)


def _cut(amount: Decimal, rules: Rules) -> Decimal:
    return amount.quantize(rules.commission_step, ROUND_DOWN)


@dataclass(frozen=True)
class Conservation:
    """One asset's books over all accounts: `difference` = deposits − balances − fees, and is 0."""

    deposits: Decimal
    balances: Decimal
    fees: Decimal

    @property
    def difference(self) -> Decimal:
        return self.deposits - self.balances - self.fees


def conservation(accounts: Iterable[Account], fees: dict[str, Decimal]) -> dict[str, Conservation]:
    """Per asset: what all accounts brought in, what they hold, and what the exchange took."""
    everyone = list(accounts)
    assets = dict.fromkeys(asset for account in everyone for asset in account.balances)
    return {
        asset: Conservation(
            deposits=sum((account.deposited.get(asset, ZERO) for account in everyone), ZERO),
            balances=sum((account.free(asset) + account.locked(asset) for account in everyone), ZERO),
            fees=fees.get(asset, ZERO),
        )
        for asset in assets
    }

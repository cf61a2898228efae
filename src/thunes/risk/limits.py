"""How much may be lost, held and sent: frozen values, and the two profiles that ship."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from types import MappingProxyType

from thunes.errors import SettingsError

WORST_CASE_MOVE = Decimal("0.20")  # of notional: what a trade without a stop is taken to lose at worst


@dataclass(frozen=True)
class RiskLimits:
    """Bounds that an entry must keep; money in quote currency. Exits are not judged by them.

    A bound of 0 allows nothing. `SettingsError` for one that is negative or no number.
    """

    order_notional: Decimal  # of one entry
    loss_per_trade: Decimal  # at worst: stop distance, else WORST_CASE_MOVE, of the notional
    daily_loss: Decimal  # realised, unrealised and fees, per UTC day
    positions: int  # open or being opened
    gross_exposure: Decimal  # positions at their last price, with entries under way
    cool_down_minutes: int = 60  # after a losing exit, until a winning one
    drawdown: Decimal = Decimal("0.25")  # fraction of the highest equity
    price_age_ms: int = 10_000
    price_deviation: Decimal = Decimal("0.02")  # fraction of the price that was decided on
    orders_per_bar: int = 2  # entries in one symbol
    orders_per_day: int = 50  # entries, all symbols, per UTC day

    def __post_init__(self) -> None:
        for field in fields(self):
            value = Decimal(getattr(self, field.name))
            if not value.is_finite() or value < 0:
                wrong = f"the risk limit {field.name} is {value}."
                raise SettingsError("E-RISK-LIMITS", wrong, "Give a number of at least 0.")


PROFILES: Mapping[str, RiskLimits] = MappingProxyType(
    {
        "tiny": RiskLimits(
            order_notional=Decimal(25),
            loss_per_trade=Decimal(5),
            daily_loss=Decimal(20),
            positions=3,
            gross_exposure=Decimal(100),
        ),
        "helios": RiskLimits(
            order_notional=Decimal(100),
            loss_per_trade=Decimal(20),
            daily_loss=Decimal(50),
            positions=3,
            gross_exposure=Decimal(400),
        ),
    }
)

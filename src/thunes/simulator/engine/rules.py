"""What the exchange leaves undocumented, as switches; each default is the likelier of its choices."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True)
class Rules:
    """Switches of one exchange.

    `fill_at`: a resting limit order fills once the market trades *through* its price, or already *at* it.
    `bnb_discount`: what commission paid in BNB is multiplied by. `commission_step`: commissions are cut down to it.
    `cancelled_id_answers`: whether a cancelled order is still found by the client id it had before its cancel.
    `recheck_stops`: whether a triggered stop's filters are judged again. `keep`: how many finished orders, and fills
    per account and symbol, can still be asked for.
    """

    fill_at: Literal["through", "at"] = "through"
    bnb: str = "BNB"
    bnb_discount: Decimal = Decimal("0.75")
    commission_step: Decimal = Decimal("0.00000001")
    cancelled_id_answers: bool = False
    recheck_stops: bool = True
    keep: int = 100_000

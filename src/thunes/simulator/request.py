"""An order as a client asked for it, and the exchange's refusal: what every part of the simulator speaks."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

Side = Literal["BUY", "SELL"]


class Refused(Exception):
    """The exchange's own error: HTTP status, code and message, as `{"code": …, "msg": …}`.

    `retry_after`: seconds until asking again makes sense, for 429 and 418. `data`: what the answer carries beside
    code and message, as a cancelReplace that half failed does.
    """

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        retry_after: int | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.retry_after, self.data = retry_after, data


@dataclass(frozen=True)
class OrderRequest:
    """A well-formed order: every number in shape, every enum known, nothing that its type does not take.

    Quantities are in base, `quote_quantity` in quote currency; `trailing_delta` in hundredths of a percent (BIPS).
    """

    symbol: str
    side: Side
    type: str
    client_order_id: str
    time_in_force: str | None = None
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    iceberg_quantity: Decimal | None = None
    self_trade_prevention: str | None = None
    response_type: str = "FULL"
    strategy_id: int | None = None
    strategy_type: int | None = None

"""What became of a submission: exactly one of four (the exchange's documents leave no room for a fifth).

NotSent: nothing left this machine, the same order may be sent again. Refused: the exchange said no, for good. Accepted:
it has the order. Unknown: nobody here can tell; only asking can, never sending again.
"""

from __future__ import annotations

from dataclasses import dataclass

from thunes.exchange.orders import OrderState


@dataclass(frozen=True)
class NotSent:
    """`reason`: what kept it here."""

    reason: str


@dataclass(frozen=True)
class Refused:
    """The exchange's code and words. `retry_after` (seconds): how long nothing may be sent at all. `resync_clock`:
    refused for its time alone; the engine never saw it. `fatal`: the key is not taken, trying again does not help."""

    code: int
    message: str
    retry_after: float | None = None
    resync_clock: bool = False
    duplicate: bool = False  # an order of this client id is open already: ask for it
    fatal: bool = False


@dataclass(frozen=True)
class Accepted:
    """The exchange has the order, which stands as told."""

    order: OrderState


@dataclass(frozen=True)
class Unknown:
    """`reason`: what was seen instead of an answer."""

    reason: str


Outcome = NotSent | Refused | Accepted | Unknown

"""One request, as the functions that answer it see it, and the table in which they stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from thunes.simulator.api.limits import Limiter
from thunes.simulator.api.parameters import Parameters
from thunes.simulator.exchange import Exchange

Document = dict[str, Any] | list[Any]
Security = Literal["none", "signed"]


class Call(NamedTuple):
    """A request past limits and security; `account` is empty where nobody must be known.

    `client` is the caller's address; `limiter` knows what account and client have used up.
    """

    exchange: Exchange
    parameters: Parameters
    account: str = ""
    client: str = ""
    limiter: Limiter | None = None


Handler = Callable[[Call], Document]
Weight = int | Callable[[Parameters], int]


@dataclass(frozen=True)
class Route:
    """One endpoint: where it stands in REST and, if it does, in the WebSocket API; who may call it; what it costs.

    `reads` names its parameters, any other is refused; None: the handler looks after that. `weighs_on_failure`: the
    weight is charged only for a refusal, as for orders. `orders`: how many it adds to the count of unfilled orders.
    """

    method: str
    path: str
    handler: Handler
    reads: frozenset[str] | None
    weight: Weight = 1
    security: Security = "none"
    weighs_on_failure: bool = False
    orders: int = 0
    socket_method: str = ""

    def weigh(self, parameters: Mapping[str, str]) -> int:
        return self.weight if isinstance(self.weight, int) else self.weight(parameters)


def reads(*names: str) -> frozenset[str]:
    """The parameters of a route."""
    return frozenset(names)

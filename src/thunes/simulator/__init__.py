"""A local exchange that speaks Binance Spot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thunes.simulator.server.customers import Account as Account
    from thunes.simulator.server.local import LocalExchange as LocalExchange


def __getattr__(name: str) -> Any:
    """The servers load when somebody wants one."""
    if name == "Account":
        from thunes.simulator.server.customers import Account

        return Account
    if name == "LocalExchange":
        from thunes.simulator.server.local import LocalExchange

        return LocalExchange
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Values of calls as JSON has them, and back: what a journal's lines are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any, TypeVar, get_type_hints

from thunes.simulator.api.security import Key, ed25519_public_key
from thunes.simulator.engine.desk import Which
from thunes.simulator.engine.orders import ListRequest
from thunes.simulator.exchange import Customer
from thunes.simulator.feed.reference import PriceRange
from thunes.simulator.request import OrderRequest
from thunes.simulator.symbols.symbol import AccountLimits

Wire = dict[str, Any]
V = TypeVar("V")


def _decimal_fields(kind: type) -> frozenset[str]:
    """Those that hold a decimal, or none."""
    hints = get_type_hints(kind)
    return frozenset(name for name, hint in hints.items() if hint in (Decimal, Decimal | None))


DECIMALS: dict[type, frozenset[str]] = {kind: _decimal_fields(kind) for kind in (OrderRequest, PriceRange, Customer)}


def _made(kind: type[V], wire: Wire) -> V:
    """A value from its fields, decimals from their text; what is missing has its default."""
    decimals = DECIMALS[kind]
    return kind(**{name: Decimal(value) if name in decimals else value for name, value in wire.items()})


def fields(value: object) -> Wire:
    """The fields of a flat value that are there; their decimals become text when the line is written."""
    return {name: each for name, each in vars(value).items() if each is not None}


def order(wire: Wire) -> OrderRequest:
    """From `fields`."""
    return _made(OrderRequest, wire)


def price_range(wire: Wire | None) -> PriceRange | None:
    """From `fields`."""
    return None if wire is None else _made(PriceRange, wire)


def list_fields(request: ListRequest) -> Wire:
    """A list of orders."""
    return {
        "symbol": request.symbol,
        "client_order_id": request.client_order_id,
        "working": fields(request.working) if request.working else None,
        "followers": [fields(one) for one in request.followers],
    }


def order_list(wire: Wire) -> ListRequest:
    """From `list_fields`."""
    working, followers = wire["working"], tuple(order(one) for one in wire["followers"])
    return ListRequest(wire["symbol"], wire["client_order_id"], order(working) if working else None, followers)


def which(wire: Wire) -> Which:
    """From `fields`."""
    return Which(**wire)


def customer_fields(customer: Customer) -> Wire:
    """An account as it is opened."""
    limits = asdict(customer.limits) if customer.limits else None
    return {**fields(customer), "balances": dict(customer.balances), "limits": limits}


def customer(wire: Wire) -> Customer:
    """From `customer_fields`."""
    limits = wire.pop("limits")
    if limits is not None:
        limits = AccountLimits(**{**limits, "max_asset": _decimals(limits["max_asset"])})
    return _made(Customer, {**wire, "balances": _decimals(wire["balances"]), "limits": limits})


def _decimals(wire: Mapping[str, str]) -> dict[str, Decimal]:
    return {name: Decimal(value) for name, value in wire.items()}


def key_fields(key: Key) -> Wire:
    """An API key with its secret."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = key.public_key and key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return {**fields(key), "public_key": public}


def key(wire: Wire) -> Key:
    """From `key_fields`."""
    public = wire.pop("public_key")
    return Key(**wire, public_key=ed25519_public_key(public) if public else None)

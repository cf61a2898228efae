"""`/sim/v1`: time, accounts, faults, symbols and the books, as JSON. A request is done as a whole or not at all."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import InvalidOperation
from typing import TYPE_CHECKING, Any

import orjson

from thunes.errors import DataError, ThunesError, did_you_mean
from thunes.simulator.api.messages import Answer, Request
from thunes.simulator.api.security import KEY_FORMAT, Key, Keyring, ed25519_public_key
from thunes.simulator.api.user_data import payload
from thunes.simulator.control.body import (
    Body,
    amounts,
    documents,
    positive,
    rate,
    refused,
    text,
    truth,
    whole,
)
from thunes.simulator.control.guard import Denied, Guard
from thunes.simulator.engine.accounts import MARKET
from thunes.simulator.engine.events import Event
from thunes.simulator.exchange import Customer, Exchange
from thunes.simulator.faults.board import Board
from thunes.simulator.faults.catalogue import table
from thunes.simulator.feed.playback import Pace
from thunes.simulator.feed.reference import PriceRange
from thunes.simulator.request import Refused
from thunes.simulator.symbols.symbol import AccountLimits, parse_limits

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PREFIX = "/sim/v1/"
FARTHEST_MS = 366 * 86_400_000  # past the last candle nothing happens: there is no need to play it for ages
LATEST_EVENTS = 1_000
NAME = re.compile(r"[A-Za-z0-9_.@\-]{1,128}")
FAULT_NUMBER = re.compile(r"[0-9]{1,20}")
MULTIPLIERS = ("bidLimitMultUp", "bidLimitMultDown", "askLimitMultUp", "askLimitMultDown")
NO_FILTERS: list[dict[str, Any]] = []
Document = dict[str, Any] | list[Any]
Handler = Callable[[Body, str], Document]


class Control:
    """The control API of one exchange; `answer` is all that a server needs of it.

    `revoked` are called with a key that has just been revoked. `token`: what each request must bear, empty for none.
    """

    def __init__(
        self, exchange: Exchange, board: Board, keyring: Keyring, token: str = "", hosts: Iterable[str] = ()
    ) -> None:
        self.exchange, self.board, self.keyring = exchange, board, keyring
        self.revoked: list[Callable[[Key], object]] = []
        self._guard = Guard(token, hosts)
        self._events: deque[Event] = deque(maxlen=LATEST_EVENTS)
        exchange.listeners.append(self._events.append)
        # The words of a path; * is a name in it. Then the fields of the body; none named: the handler looks itself.
        self._routes: dict[tuple[str, ...], tuple[Handler, tuple[str, ...]]] = {
            ("GET", "clock"): (self._clock, ()),
            ("POST", "clock", "advance"): (self._advance, ("bars", "until")),
            ("GET", "accounts"): (self._accounts, ()),
            ("POST", "accounts"): (self._open_account, ACCOUNT_FIELDS),
            ("POST", "accounts", "*", "deposit"): (self._deposit, ("asset", "amount")),
            ("DELETE", "keys", "*"): (self._revoke, ()),
            ("GET", "faults"): (self._faults, ()),
            ("GET", "faults", "names"): (self._names, ()),
            ("POST", "faults"): (self._set_fault, ()),
            ("DELETE", "faults"): (self._clear_faults, ()),
            ("DELETE", "faults", "*"): (self._remove_fault, ()),
            ("GET", "conservation"): (self._conservation, ()),
            ("POST", "symbols", "*"): (self._change_symbol, ("status", "filters", "executionRules")),
            ("GET", "events"): (self._latest_events, ()),
        }

    def answer(self, request: Request, headers: Mapping[str, str]) -> Answer:
        """What a request under /sim/v1 is answered. Errors are `{"error": "E-SIM-…: what, why, what to do"}`."""
        try:
            self._guard.check(headers)
            handler, known, name = self._find(request)
            self.exchange.catch_up()
            return _answer(200, handler(Body(request.body, *known), name))
        except Denied as denied:
            return _error(denied.status, denied.message)
        except ThunesError as error:
            return _error(400, f"{error.code}: {error.message} {error.hint}".strip())
        except Refused as error:
            return _error(400, f"E-SIM-REFUSED: the exchange refuses: {error.message} (code {error.code})")

    def _find(self, request: Request) -> tuple[Handler, tuple[str, ...], str]:
        """Whose request it is, the fields it may have, the name in its path."""
        if not request.path.startswith(PREFIX):
            raise Denied(404, f"E-SIM-PATH: there is nothing at {request.path}. The control API is under {PREFIX}.")
        words = (request.method, *request.path.removeprefix(PREFIX).split("/"))
        for route, (handler, known) in self._routes.items():
            if len(route) == len(words) and all(own in ("*", word) for own, word in zip(route, words, strict=True)):
                return handler, known, words[route.index("*")] if "*" in route else ""
        wish = f"{request.method} {'/'.join(words[1:])}"
        near = did_you_mean(wish, [f"{route[0]} {'/'.join(route[1:])}" for route in self._routes])
        raise Denied(404, f"E-SIM-PATH: there is no {request.method} {request.path}. {near}")

    # Time

    def _clock(self, *_: object) -> Document:
        exchange = self.exchange
        return {
            "now": exchange.now_ms,
            "serverTime": exchange.server_time,
            "paced": exchange.pace is not None,
            "speed": exchange.speed,
            "interval": exchange.feed.interval,
            "start": exchange.feed.start_ms,
            "end": exchange.feed.end_ms,
        }

    def _advance(self, body: Body, _: str) -> Document:
        """Play on; a clock that runs by itself runs on from there."""
        if ("bars" in body) == ("until" in body):
            raise refused("FIELD", "time is moved by bars or until a moment.", 'Send one of "bars" and "until" (ms).')
        exchange, latest = self.exchange, self.exchange.feed.end_ms + FARTHEST_MS
        if "bars" in body:
            until = exchange.playback.after_bars(body.take("bars", whole(1, 10_000_000)))
        else:
            until = body.take("until", whole(0, 10**14))
        if until > latest:
            raise refused("TIME", f"the candles end at {exchange.feed.end_ms}.", f"Go to {latest} at most.")
        exchange.advance_to(until)
        if exchange.pace is not None and exchange.speed is not None:
            exchange.pace = Pace(exchange.now_ms, exchange.clock.now_ms(), exchange.speed)
        return self._clock()

    # Accounts

    def _accounts(self, *_: object) -> Document:
        return [self._account(customer) for customer in self.exchange.customers.values()]

    def _account(self, customer: Customer) -> dict[str, Any]:
        account = self.exchange.engine.account(customer.name)
        return {
            "name": customer.name,
            "balances": {
                asset: {"free": format(held.free, "f"), "locked": format(held.locked, "f")}
                for asset, held in account.balances.items()
            },
            "makerRate": format(customer.maker_rate, "f"),
            "takerRate": format(customer.taker_rate, "f"),
            "paysInBnb": customer.pays_in_bnb,
        }

    def _open_account(self, body: Body, _: str) -> Document:
        key = _key(body)
        if self._is_used(key.api_key):
            raise refused("KEY", f"the key {key.api_key} is known already.", "Give another one.")
        if key.account in self.exchange.customers or key.account == MARKET:
            raise refused("ACCOUNT", f"there is an account {key.account} already.", "Give another name.")
        customer = _customer(body, key.account)
        self.keyring.add(
            key
        )  # first: what ends in between leaves a key that can be given again, not an account without
        self.exchange.open_account(customer)
        return self._account(customer)

    def _is_used(self, api_key: str) -> bool:
        try:
            return self.keyring.find(api_key).account in self.exchange.customers
        except Refused:
            return False

    def _customer_of(self, name: str) -> Customer:
        customer = self.exchange.customers.get(name)
        if customer is None:
            known = sorted(self.exchange.customers)[:100]
            raise refused("ACCOUNT", f"there is no account {name!r}.", did_you_mean(name, known) if known else "")
        return customer

    def _deposit(self, body: Body, name: str) -> Document:
        customer = self._customer_of(name)
        asset, amount = body.take("asset", text), body.take("amount", positive)
        self.exchange.engine.deposit(name, asset, amount, self.exchange.now_ms)
        return self._account(customer)

    def _revoke(self, _: Body, name: str) -> Document:
        key = self.keyring.revoke(name)
        if key is None:
            raise refused("KEY", f"no key {name!r} is known.", "It may have been revoked before.")
        for told in self.revoked:
            told(key)
        return {"revoked": key.api_key, "account": key.account}

    # Faults

    def _names(self, *_: object) -> Document:
        return table()

    def _faults(self, *_: object) -> Document:
        faults = [{**fault.document(), "left": self.board.left(fault.number)} for fault in self.board.faults]
        return {"faults": faults, "struck": [strike._asdict() for strike in self.board.struck]}

    def _set_fault(self, body: Body, _: str) -> Document:
        return self.board.put_document(body.fields).document()

    def _clear_faults(self, *_: object) -> Document:
        return {"removed": self.board.clear()}

    def _remove_fault(self, _: Body, name: str) -> Document:
        if not FAULT_NUMBER.fullmatch(name):
            raise refused("FAULT", f"{name!r} is no fault's number.", "GET /sim/v1/faults lists them.")
        return self.board.remove(int(name)).document()

    # Books and symbols

    def _conservation(self, *_: object) -> Document:
        return {
            asset: {
                "deposits": format(row.deposits, "f"),
                "balances": format(row.balances, "f"),
                "fees": format(row.fees, "f"),
                "difference": format(row.difference, "f"),
            }
            for asset, row in self.exchange.engine.conservation().items()
        }

    def _change_symbol(self, body: Body, name: str) -> Document:
        exchange, symbol = self.exchange, self.exchange.symbol(name)
        status = body.take("status", text, symbol.status)
        filters = body.take("filters", documents, NO_FILTERS)
        rules = body.take("executionRules", _price_range, None)
        try:
            changed = exchange.change_symbol(name, status, filters)
        except DataError as error:
            raise refused("FILTERS", error.message, "Send filters as exchangeInfo shows them.") from error
        if "executionRules" in body:
            exchange.set_price_range(name, rules)
        return {"symbol": name, "status": changed.status, "filters": changed.document["filters"]}

    def _latest_events(self, *_: object) -> Document:
        return [{"account": event.account, "sequence": event.sequence, **payload(event)} for event in self._events]


ACCOUNT_FIELDS = (
    "name", "apiKey", "secret", "publicKey", "balances", "makerRate", "takerRate", "paysInBnb", "filters",
)  # fmt: skip


def _key(body: Body) -> Key:
    """The key of a new account; without a name the account is called after it."""
    api_key = body.take("apiKey", _key_name)
    name = body.take("name", _account_name, api_key)
    if ("secret" in body) == ("publicKey" in body):
        raise refused("KEY", "a key has a secret or a public key.", 'Send one of "secret" and "publicKey" (PEM).')
    if "secret" in body:
        return Key(api_key, name, secret=body.take("secret", text))
    return Key(api_key, name, public_key=body.take("publicKey", _public_key))


def _key_name(value: object) -> str:
    if isinstance(value, str) and KEY_FORMAT.fullmatch(value):
        return value
    raise ValueError("letters, digits, - and _, at most 128")


def _account_name(value: object) -> str:
    if isinstance(value, str) and NAME.fullmatch(value):
        return value
    raise ValueError("letters, digits and -_.@, at most 128")


def _public_key(value: object) -> Ed25519PublicKey:
    try:
        return ed25519_public_key(text(value))
    except ValueError:
        raise ValueError("an Ed25519 public key as PEM text") from None


def _customer(body: Body, name: str) -> Customer:
    plain = Customer(name)
    return Customer(
        name=name,
        balances=body.take("balances", amounts, {}),
        maker_rate=body.take("makerRate", rate, plain.maker_rate),
        taker_rate=body.take("takerRate", rate, plain.taker_rate),
        pays_in_bnb=body.take("paysInBnb", truth, plain.pays_in_bnb),
        limits=body.take("filters", _limits, None),
    )


def _limits(value: object) -> AccountLimits:
    try:
        return parse_limits(documents(value))
    except (KeyError, TypeError, InvalidOperation):
        raise ValueError("an account's filters as GET /api/v3/myFilters shows them") from None


def _price_range(value: object) -> PriceRange | None:
    """Multipliers of the reference price; null takes the rule away."""
    if value is None:
        return None
    if not isinstance(value, dict) or not set(value) <= set(MULTIPLIERS):
        raise ValueError(f"null, or multipliers by name: {', '.join(MULTIPLIERS)}")
    return PriceRange(*(positive(value[name]) if name in value else None for name in MULTIPLIERS))


def _answer(status: int, document: Document) -> Answer:
    return Answer(status, orjson.dumps(document))


def _error(status: int, message: str) -> Answer:
    return Answer(status, orjson.dumps({"error": message}))

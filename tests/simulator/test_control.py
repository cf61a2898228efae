"""The control API: what each request does, who may ask, and that a wrong one does nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from thunes.clock import ManualClock
from thunes.market.synthetic import generate
from thunes.simulator.api.messages import Answer, Request
from thunes.simulator.api.security import Key, Keyring
from thunes.simulator.control import Control
from thunes.simulator.control.guard import Guard
from thunes.simulator.exchange import Exchange
from thunes.simulator.faults.board import Board
from thunes.simulator.faults.catalogue import CATALOGUE
from thunes.simulator.feed.reference import PriceRange
from thunes.simulator.feed.tape import Tape
from thunes.simulator.request import OrderRequest, Refused
from thunes.simulator.symbols.exchange_info import built_in

D = Decimal
BTCUSDT = built_in()["BTCUSDT"]
TAPE = Tape(generate("BTCUSDT", "1m", 240, seed=7), BTCUSDT.tick, BTCUSDT.step)
HERE = {"host": "127.0.0.1:9750"}
ANN = {"name": "ann", "apiKey": "key", "secret": "word", "balances": {"USDT": "1000", "BNB": 1}}


@dataclass
class Desk:
    """A control API and a person who uses it."""

    control: Control
    revoked: list[Key] = field(default_factory=list)

    @property
    def exchange(self) -> Exchange:
        return self.control.exchange

    def answer(self, method: str, path: str, body: Any = b"", **headers: str) -> Answer:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.control.answer(Request(method, f"/sim/v1/{path}", body=content), HERE | headers)

    def ask(self, method: str, path: str, body: Any = b"") -> Any:
        answer = self.answer(method, path, body)
        assert answer.status == 200, answer.body
        return orjson.loads(answer.body)

    def refusal(self, method: str, path: str, body: Any = b"", status: int = 400) -> str:
        answer = self.answer(method, path, body)
        assert answer.status == status, answer.body
        message = orjson.loads(answer.body)["error"]
        assert message.startswith("E-SIM-")
        assert "\n" not in message
        return str(message)


def made(token: str = "", **options: Any) -> Desk:
    exchange = Exchange([TAPE], clock=ManualClock(1_000), **options)
    desk = Desk(Control(exchange, Board(exchange), Keyring(), token))
    desk.control.revoked.append(desk.revoked.append)
    return desk


@pytest.fixture
def desk() -> Desk:
    return made()


def buy(desk: Desk) -> None:
    request = OrderRequest("BTCUSDT", "BUY", "MARKET", "one", quantity=D("0.001"))
    desk.exchange.engine.place("ann", request, desk.exchange.turn("BTCUSDT"))


# Time


def test_time_is_moved_by_bars_or_until_a_moment(desk: Desk) -> None:
    start = desk.exchange.now_ms
    assert desk.ask("POST", "clock/advance", {"bars": 2})["now"] == start + 120_000
    assert desk.ask("POST", "clock/advance", {"until": start + 130_000})["now"] == start + 130_000
    assert desk.ask("POST", "clock/advance", {"until": start})["now"] == start + 130_000
    desk.exchange.clock_offset_ms = 7
    assert desk.ask("GET", "clock") == {
        "now": start + 130_000, "serverTime": start + 130_007, "paced": False, "speed": None, "interval": "1m",
        "start": TAPE.start_ms, "end": TAPE.end_ms,
    }  # fmt: skip


def test_a_paced_clock_runs_on_from_where_it_was_put() -> None:
    desk = made(speed=60.0)
    clock = desk.exchange.clock
    now = desk.ask("POST", "clock/advance", {"bars": 5})
    assert (now["paced"], now["speed"], now["now"]) == (True, 60.0, TAPE.start_ms + 300_000)
    clock.sleep(1)
    assert desk.ask("GET", "clock")["now"] == TAPE.start_ms + 360_000


@pytest.mark.parametrize(
    "body", [{}, {"bars": 1, "until": 5}, {"bars": 0}, {"bars": "1"}, {"bars": True}, {"until": 1.5}, {"bar": 1}]
)
def test_a_wrong_step_moves_nothing(desk: Desk, body: Any) -> None:
    desk.refusal("POST", "clock/advance", body)
    assert desk.exchange.now_ms == TAPE.start_ms


def test_time_goes_no_more_than_a_year_past_the_candles(desk: Desk) -> None:
    assert "the candles end" in desk.refusal("POST", "clock/advance", {"until": 10**14})
    assert "the candles end" in desk.refusal("POST", "clock/advance", {"bars": 10_000_000})


# Accounts


def test_an_account_is_opened_with_its_key(desk: Desk) -> None:
    limits = [{"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 5}]
    body = {**ANN, "makerRate": "0.0002", "takerRate": 0, "paysInBnb": True, "filters": limits}
    shown = {
        "name": "ann",
        "balances": {"USDT": {"free": "1000", "locked": "0"}, "BNB": {"free": "1", "locked": "0"}},
        "makerRate": "0.0002",
        "takerRate": "0",
        "paysInBnb": True,
    }
    assert desk.ask("POST", "accounts", body) == shown
    assert desk.ask("GET", "accounts") == [shown]
    assert desk.control.keyring.find("key") == Key("key", "ann", secret="word")
    assert desk.exchange.limits_of("ann").exchange_max_num_orders == 5


def test_an_account_is_called_after_its_key_unless_it_has_a_name(desk: Desk) -> None:
    public = Ed25519PrivateKey.generate().public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert desk.ask("POST", "accounts", {"apiKey": "signed", "publicKey": pem})["name"] == "signed"
    assert desk.control.keyring.find("signed").public_key is not None


CURVE = ec.generate_private_key(ec.SECP256R1()).public_key()
WRONG_ACCOUNTS: list[dict[str, Any]] = [
    {"apiKey": None}, {"apiKey": "k y"}, {"apiKey": ""}, {"secret": ""},
    {"secret": 5}, {"publicKey": "x"},  # pragma: allowlist secret
    {"secret": None}, {"name": "a/b"}, {"name": "market"}, {"name": ""}, {"balances": []}, {"balances": {"": 1}},
    {"balances": {"USDT": "-1"}}, {"balances": {"USDT": 0.5}}, {"balances": {"USDT": "1e5"}}, {"makerRate": "1"},
    {"makerRate": "-0.1"}, {"takerRate": "x"}, {"paysInBnb": "yes"}, {"filters": [{}]}, {"filters": 3}, {"key": "x"},
    {"filters": [{"filterType": "MAX_ASSET", "asset": "USDT", "limit": "much"}]},
    {"filters": [{"filterType": "EXCHANGE_MAX_NUM_ORDERS"}]},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_ACCOUNTS)
def test_a_wrong_account_is_not_opened(desk: Desk, wrong: dict[str, Any]) -> None:
    desk.refusal("POST", "accounts", {**ANN, **wrong})
    assert desk.exchange.customers == {}
    with pytest.raises(Refused):
        desk.control.keyring.find("key")


@pytest.mark.parametrize(
    "key", ["nonsense", CURVE.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(), 5]
)
def test_a_public_key_must_be_one(desk: Desk, key: Any) -> None:
    assert "Ed25519" in desk.refusal("POST", "accounts", {"apiKey": "signed", "publicKey": key})


def test_neither_a_name_nor_a_key_is_given_twice(desk: Desk) -> None:
    desk.ask("POST", "accounts", ANN)
    assert "the key key is known" in desk.refusal("POST", "accounts", {**ANN, "name": "bob"})
    assert "there is an account ann" in desk.refusal("POST", "accounts", {**ANN, "apiKey": "other"})
    assert list(desk.exchange.customers) == ["ann"]


def test_a_key_without_its_account_can_be_given_again(desk: Desk) -> None:
    desk.control.keyring.add(Key("key", "ann", secret="old"))
    desk.ask("POST", "accounts", ANN)
    assert desk.control.keyring.find("key").secret == "word"


def test_money_comes_in(desk: Desk) -> None:
    desk.ask("POST", "accounts", ANN)
    answer = desk.ask("POST", "accounts/ann/deposit", {"asset": "USDT", "amount": "0.5"})
    assert answer["balances"]["USDT"]["free"] == "1000.5"
    for amount in ("0", "-5", 0.5, None):
        desk.refusal("POST", "accounts/ann/deposit", {"asset": "USDT", "amount": amount})
    assert "'amount' is missing" in desk.refusal("POST", "accounts/ann/deposit", {"asset": "USDT"})
    assert "Did you mean 'ann'" in desk.refusal("POST", "accounts/an/deposit", {"asset": "USDT", "amount": "1"})
    assert desk.ask("GET", "accounts")[0] == answer


def test_a_revoked_key_is_unknown_and_whoever_listens_is_told(desk: Desk) -> None:
    assert "no account" in desk.refusal("POST", "accounts/ann/deposit", {"asset": "USDT", "amount": "1"})
    desk.ask("POST", "accounts", ANN)
    assert desk.ask("DELETE", "keys/key") == {"revoked": "key", "account": "ann"}
    assert [key.api_key for key in desk.revoked] == ["key"]
    assert "no key 'key'" in desk.refusal("DELETE", "keys/key")


# Faults


def test_faults_are_set_listed_and_removed(desk: Desk) -> None:
    body = {"name": "drop_after_accept", "route": "POST /api/v3/order", "count": 1}
    fault = desk.ask("POST", "faults", body)
    assert (fault["number"], fault["target"]) == (1, "POST /api/v3/order")
    desk.control.board.before("POST /api/v3/order").after(Answer(200, b"{}"))
    listed = desk.ask("GET", "faults")
    assert listed["faults"] == [{**fault, "left": 0}]
    (strike,) = listed["struck"]
    assert (strike["name"], strike["hit"], strike["time_ms"]) == (
        "drop_after_accept", "POST /api/v3/order", desk.exchange.now_ms,
    )  # fmt: skip
    assert desk.ask("DELETE", "faults/1")["number"] == 1
    desk.ask("POST", "faults", {"name": "delay"})
    assert desk.ask("DELETE", "faults") == {"removed": 1}
    assert desk.ask("GET", "faults")["faults"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("POST", "faults", {"name": "dely"}, "Did you mean 'delay'"),
        ("POST", "faults", {"name": "delist", "symbol": "BTC"}, "no symbol 'BTC'"),
        ("DELETE", "faults/9", b"", "no fault has number 9"),
        ("DELETE", "faults/²", b"", "is no fault's number"),
    ],
)
def test_a_wrong_fault_is_refused(desk: Desk, method: str, path: str, body: Any, words: str) -> None:
    assert words in desk.refusal(method, path, body)


def test_the_names_of_faults_are_a_table(desk: Desk) -> None:
    assert [row["name"] for row in desk.ask("GET", "faults/names")] == list(CATALOGUE)


# Books and symbols


def test_the_books_are_shown_and_agree(desk: Desk) -> None:
    desk.ask("POST", "accounts", ANN)
    buy(desk)
    books = desk.ask("GET", "conservation")
    assert set(books) == {"USDT", "BTC", "BNB"}
    assert {D(row["difference"]) for row in books.values()} == {D(0)}
    assert D(books["BTC"]["fees"]) == D("0.000001")
    assert D(books["USDT"]["deposits"]) == D(books["USDT"]["balances"]) == 1000


def test_the_latest_events_are_shown(desk: Desk) -> None:
    desk.ask("POST", "accounts", ANN)
    buy(desk)
    events = desk.ask("GET", "events")
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert {event["account"] for event in events} == {"ann"}
    assert events[-1]["e"] == "outboundAccountPosition"
    assert [event["X"] for event in events if event["e"] == "executionReport"] == ["NEW", "FILLED"]


def test_a_symbol_is_changed(desk: Desk) -> None:
    lot = {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "9", "stepSize": "1"}
    body = {"status": "HALT", "filters": [lot], "executionRules": {"bidLimitMultUp": "1.1"}}
    answer = desk.ask("POST", "symbols/BTCUSDT", body)
    assert (answer["symbol"], answer["status"]) == ("BTCUSDT", "HALT")
    assert lot in answer["filters"]
    assert desk.exchange.price_ranges == {"BTCUSDT": PriceRange(bid_up=D("1.1"))}
    assert desk.ask("POST", "symbols/BTCUSDT", {"status": "TRADING"})["filters"] == answer["filters"]
    assert desk.exchange.price_ranges != {}
    desk.ask("POST", "symbols/BTCUSDT", {"executionRules": None})
    assert desk.exchange.price_ranges == {}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("NONE", {"status": "HALT"}),
        ("BTCUSDT", {"status": 5}),
        ("BTCUSDT", {"status": "HALT", "filters": [{"filterType": "LOT_SIZE"}]}),
        ("BTCUSDT", {"status": "HALT", "filters": {}}),
        ("BTCUSDT", {"status": "HALT", "executionRules": {"up": "1"}}),
        ("BTCUSDT", {"status": "HALT", "executionRules": {"bidLimitMultUp": "0"}}),
        ("BTCUSDT", {"status": "HALT", "rules": []}),
    ],
)
def test_a_wrong_change_changes_nothing(desk: Desk, name: str, body: Any) -> None:
    before = desk.exchange.info
    desk.refusal("POST", f"symbols/{name}", body)
    assert (desk.exchange.info, desk.exchange.price_ranges) == (before, {})


# Who may ask


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9750", "127.0.0.1", "127.0.0.1:9750", "[::1]", "[::1]:9750"])
def test_this_machine_is_known_by_its_names(host: str) -> None:
    Guard().check({"Host": host})


@pytest.mark.parametrize("headers", [{"host": "example.com"}, {"host": "127.0.0.1.example.com"}, {"host": ""}, {}])
def test_a_foreign_host_is_refused(desk: Desk, headers: dict[str, str]) -> None:
    answer = desk.control.answer(Request("GET", "/sim/v1/clock"), headers)
    assert answer.status == 403
    assert b"E-SIM-HOST" in answer.body


@pytest.mark.parametrize("origin", ["http://example.com", "null", ""])
def test_a_page_of_any_site_is_refused(desk: Desk, origin: str) -> None:
    answer = desk.answer("POST", "clock/advance", {"bars": 1}, Origin=origin)
    assert answer.status == 403
    assert b"E-SIM-ORIGIN" in answer.body
    assert desk.exchange.now_ms == TAPE.start_ms


def test_an_address_it_is_bound_to_may_be_named(desk: Desk) -> None:
    control = Control(desk.exchange, desk.control.board, desk.control.keyring, hosts=["Example.com"])
    assert control.answer(Request("GET", "/sim/v1/clock"), {"host": "example.com:80"}).status == 200


@pytest.mark.parametrize("sent", [{}, {"x-sim-token": ""}, {"x-sim-token": "wrong"}, {"x-sim-token": "wörd"}])
def test_without_the_token_nothing_is_done(sent: dict[str, str]) -> None:
    desk = made(token="word")
    answer = desk.answer("POST", "clock/advance", {"bars": 1}, **sent)
    assert answer.status == 401
    assert b"E-SIM-TOKEN" in answer.body
    assert desk.exchange.now_ms == TAPE.start_ms
    assert desk.answer("GET", "clock", **{"X-Sim-Token": "word"}).status == 200


# Anything else


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("GET", "clok", "Did you mean 'GET clock'"),
        ("DELETE", "clock", "E-SIM-PATH"),
        ("GET", "", "E-SIM-PATH"),
        ("POST", "accounts//deposit/x", "E-SIM-PATH"),
    ],
)
def test_a_path_that_is_none_is_told(desk: Desk, method: str, path: str, words: str) -> None:
    assert words in desk.refusal(method, path, status=404)


def test_what_lies_elsewhere_is_not_there(desk: Desk) -> None:
    assert desk.control.answer(Request("GET", "/sim/v2/clock"), HERE).status == 404


@pytest.mark.parametrize("body", [b"{", b"[]", b"3", b"\xff", b'{"bars": NaN}', b'{"bars": ' + b"9" * 30 + b"}"])
def test_what_is_no_json_object_is_refused(desk: Desk, body: bytes) -> None:
    desk.refusal("POST", "clock/advance", body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    ["apiKey", "secret", "name", "balances", "filters", "status", "executionRules", "asset", "amount", "route", "count"]
)
PATHS = st.sampled_from(
    ["accounts", "accounts/ann/deposit", "keys/key", "faults", "faults/1", "symbols/BTCUSDT", "conservation", "events"]
)


@given(
    st.sampled_from(["GET", "POST", "DELETE"]),
    PATHS | st.text(max_size=9),
    st.dictionaries(FIELDS, JSON, max_size=4).map(orjson.dumps) | st.binary(max_size=20),
)
def test_whatever_is_asked_is_answered(method: str, path: str, body: bytes) -> None:
    desk = made()
    desk.ask("POST", "accounts", ANN)
    answer = desk.answer(method, path, body)
    document = orjson.loads(answer.body)
    assert answer.status in (200, 400, 404)
    assert (answer.status == 200) == (not isinstance(document, dict) or "error" not in document)
    assert all(D(row["difference"]) == 0 for row in desk.ask("GET", "conservation").values())

"""Frames of a client and the exchange's replies to them, and the addresses that connections open with."""

import orjson
import pytest
from tests.simulator.streams.listening import Listener, exchange, hub_of

from thunes.simulator.streams.session import MarketSession, open_market
from thunes.simulator.transport.contract import Rejection


class Desk:
    """A hub, a connection and its session."""

    def __init__(self, target="/ws"):
        self.venue = exchange()
        self.hub, self.listener = hub_of(self.venue), Listener()
        self.session = open_market(self.hub, self.listener, target)

    def ask(self, **frame):
        return self.tell(orjson.dumps(frame))

    def tell(self, message):
        self.session.receive(message)
        return self.listener.read()[-1]


@pytest.fixture
def desk():
    return Desk()


def test_a_client_subscribes_lists_and_unsubscribes(desk):
    names = ["btcusdt@trade", "btcusdt@kline_1m"]
    assert desk.ask(method="SUBSCRIBE", params=names, id=1) == {"result": None, "id": 1}
    assert desk.ask(method="LIST_SUBSCRIPTIONS", id="a-b") == {"result": names, "id": "a-b"}
    assert desk.ask(method="UNSUBSCRIBE", params=[*names[:1], "ethusdt@trade"], id=None) == {"result": None, "id": None}
    assert desk.ask(method="LIST_SUBSCRIPTIONS") == {"result": names[1:], "id": None}
    assert list(desk.hub.topics) == names[1:]


def test_a_stream_of_no_symbol_is_silent(desk):
    assert desk.ask(method="SUBSCRIBE", params=["nothing@trade", "nothing@depth", "nothing@ticker"], id=1)["id"] == 1
    desk.venue.advance_bars(3)
    assert not desk.listener.read()


def test_properties_are_read_and_set(desk):
    assert desk.ask(method="GET_PROPERTY", params=["combined"], id=2) == {"result": False, "id": 2}
    desk.ask(method="SUBSCRIBE", params=["btcusdt@trade"], id=3)
    assert desk.ask(method="SET_PROPERTY", params=["combined", True], id=4) == {"result": None, "id": 4}
    assert desk.ask(method="GET_PROPERTY", params=["combined"], id=5) == {"result": True, "id": 5}
    desk.venue.advance_bars(1)
    assert {message["stream"] for message in desk.listener.read()} == {"btcusdt@trade"}


def test_a_depth_stream_has_no_gap_where_its_form_changes(desk):
    desk.ask(method="SUBSCRIBE", params=["btcusdt@depth"], id=1)
    desk.venue.advance_to(desk.venue.now_ms + 13_300)  # the second tick is told at the next full second
    (first,) = desk.listener.read()
    desk.venue.advance_to(desk.venue.now_ms + 100)
    for combined in (True, True):
        desk.ask(method="SET_PROPERTY", params=["combined", combined], id=2)
    desk.venue.advance_to(desk.venue.now_ms + 1_000)
    (second,) = desk.listener.read()
    assert second["data"]["U"] == first["u"] + 1


VARIANTS = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"


@pytest.mark.parametrize(
    ("frame", "code", "message"),
    [
        (b"", 3, "Invalid JSON: expected value at line 1 column 1"),
        (b"\xff", 3, None),
        (b'{"method":}', 3, "Invalid JSON: expected value at line 1 column 11"),
        (b"[1]", 2, "Invalid request: missing field `method` at line 1 column 3"),
        (b'{"id":1}', 2, "Invalid request: missing field `method` at line 1 column 8"),
        (
            b'{"method":"SUBSCRIBED","id":1}',
            2,
            f"Invalid request: unknown variant `SUBSCRIBED`, expected one of {VARIANTS} at line 1 column 22",
        ),
        (b'{"method":7,"id":1}', 2, None),
        (b'{"method":"LIST_SUBSCRIPTIONS","id":1.5}', 2, "Invalid request: request ID must be an unsigned integer"),
        (b'{"method":"LIST_SUBSCRIPTIONS","id":true}', 2, "Invalid request: request ID must be an unsigned integer"),
        (b'{"method":"LIST_SUBSCRIPTIONS","id":"a b"}', 2, "Invalid request: request ID must be an unsigned integer"),
        (b'{"method":"LIST_SUBSCRIPTIONS","params":[1]}', 2, "Invalid request: too many parameters"),
        (b'{"method":"SUBSCRIBE"}', 2, "Invalid request: invalid stream"),
        (b'{"method":"SUBSCRIBE","params":["btcusdt@no"]}', 2, "Invalid request: invalid stream"),
        (b'{"method":"SUBSCRIBE","params":["btcusdt@kline_1s"]}', 2, "Invalid request: invalid stream"),
        (b'{"method":"UNSUBSCRIBE","params":[3]}', 2, "Invalid request: invalid stream"),
        (b'{"method":"GET_PROPERTY"}', 2, "Invalid request: property name must be a string"),
        (b'{"method":"GET_PROPERTY","params":["other"]}', 0, "Unknown property"),
        (b'{"method":"GET_PROPERTY","params":["combined",1]}', 2, "Invalid request: too many parameters"),
        (b'{"method":"SET_PROPERTY","params":["combined"]}', 1, "Invalid value type: expected Boolean"),
        (b'{"method":"SET_PROPERTY","params":["combined","true"]}', 1, "Invalid value type: expected Boolean"),
    ],
)
def test_a_wrong_frame_is_answered_by_the_exchanges_error(desk, frame, code, message):
    error = desk.tell(frame)["error"]
    assert error["code"] == code
    assert message in (None, error["msg"])
    assert not desk.hub.topics


def test_an_error_bears_the_id_of_its_request(desk):
    assert desk.ask(method="SUBSCRIBE", params=["?"], id=9)["id"] == 9


def test_a_bad_name_among_good_ones_subscribes_to_none(desk):
    assert "error" in desk.ask(method="SUBSCRIBE", params=["btcusdt@trade", "btcusdt@no"], id=1)
    assert desk.ask(method="LIST_SUBSCRIPTIONS", id=2)["result"] == []


def test_a_connection_has_at_most_1024_streams(desk):
    names = [f"s{number}@trade" for number in range(1_025)]
    assert "error" in desk.ask(method="SUBSCRIBE", params=names, id=1)
    assert desk.ask(method="SUBSCRIBE", params=names[:-1], id=2) == {"result": None, "id": 2}
    assert desk.ask(method="SUBSCRIBE", params=names[:3], id=3) == {"result": None, "id": 3}
    assert "error" in desk.ask(method="SUBSCRIBE", params=names[-1:], id=4)


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("/ws", []),
        ("/ws/", []),
        ("/stream", []),
        ("/ws/btcusdt@trade", ["btcusdt@trade"]),
        ("/ws/btcusdt@trade/ethusdt@depth5@100ms", ["btcusdt@trade", "ethusdt@depth5@100ms"]),
        ("/ws/btcusdt%40trade?timeUnit=microsecond", ["btcusdt@trade"]),
        ("/stream?streams=btcusdt@trade/!miniTicker@arr", ["btcusdt@trade", "!miniTicker@arr"]),
        ("/stream?streams=btcusdt@kline_1d@+08:00", ["btcusdt@kline_1d@+08:00"]),
        ("/stream?timeUnit=MICROSECOND&streams=btcusdt%40kline_1d%40%2B08%3A00", ["btcusdt@kline_1d@+08:00"]),
    ],
)
def test_an_address_names_its_streams(target, names):
    desk = Desk(target)
    assert desk.ask(method="LIST_SUBSCRIPTIONS", id=1)["result"] == names
    assert desk.ask(method="GET_PROPERTY", params=["combined"], id=1)["result"] == target.startswith("/stream")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        *(("/", 404), ("/wss", 404), ("/streams", 404), ("/stream/btcusdt@trade", 404), ("/ws-api/v3", 404)),
        *(("/ws/btcusdt@no", 400), ("/stream?streams=btcusdt@kline_1s", 400), ("/ws?timeUnit=hours", 400)),
    ],
)
def test_an_address_of_something_else_is_rejected(target, status):
    desk = Desk(target)
    assert isinstance(desk.session, Rejection)
    assert desk.session.status == status
    assert orjson.loads(desk.session.body)["msg"]
    assert not desk.hub.topics


def test_a_lost_connection_is_told_nothing(desk):
    desk.ask(method="SUBSCRIBE", params=["btcusdt@trade", "btcusdt@depth"], id=1)
    desk.session.lost()
    desk.venue.advance_bars(1)
    assert not desk.listener.read()
    assert not desk.hub.topics


def test_a_session_knows_its_connection_and_its_streams(desk):
    desk.ask(method="SUBSCRIBE", params=["btcusdt@trade"], id=1)
    assert desk.session.connection is desk.listener
    assert desk.session.listens_to("btcusdt@trade")
    assert not desk.session.listens_to("btcusdt@depth")


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("/ws", {"e": "serverShutdown", "E": 5}),
        ("/ws?timeUnit=MICROSECOND", {"e": "serverShutdown", "E": 5_000}),
        ("/stream", {"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 5}}),
    ],
)
def test_a_shutdown_is_announced_in_the_clients_own_form(target, told):
    desk = Desk(target)
    desk.session.announce_shutdown(5)
    assert desk.listener.read() == [told]


def test_microseconds_are_told_to_those_who_ask():
    desk = Desk("/ws/btcusdt@kline_1m?timeUnit=MICROSECOND")
    assert isinstance(desk.session, MarketSession)
    desk.venue.advance_bars(1)
    closed = next(message for message in desk.listener.read() if message["k"]["x"])
    assert (closed["E"] % 60_000_000, closed["k"]["T"] - closed["k"]["t"]) == (0, 59_999_999)

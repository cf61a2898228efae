"""The WebSocket API over a real connection."""

from __future__ import annotations

import orjson
import pytest
import websocket
from tests.simulator.socket_api.client import Place, buy, signed
from tests.simulator.transport.server import PATIENCE, Running, serving

from thunes.simulator.socket_api.opening import open_socket_api
from thunes.simulator.transport.contract import Connection, Rejection, Session
from thunes.simulator.transport.websocket import connection_class

pytestmark = pytest.mark.loopback


class Door:
    """Lets everyone in to the WebSocket API."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def open(self, connection: Connection, target: str, client: str) -> Session | Rejection:
        return open_socket_api(self.place.dispatcher, self.place.users, connection, target, client)


def connect(server: Running, path: str = "/ws-api/v3") -> websocket.WebSocket:
    return websocket.create_connection(f"ws://127.0.0.1:{server.port}{path}", timeout=PATIENCE)


def test_an_order_is_placed_and_heard_of() -> None:
    place = Place()
    with serving(connections=connection_class(Door(place))) as server:
        client = connect(server)
        client.send(orjson.dumps({"id": "s", "method": "userDataStream.subscribe.signature", "params": signed(place)}))
        assert orjson.loads(client.recv())["result"] == {"subscriptionId": 0}
        client.send(orjson.dumps({"id": "o", "method": "order.place", "params": signed(place, **buy())}))
        told = [orjson.loads(client.recv()) for _ in range(4)]
        client.close()
    assert [message["event"]["e"] for message in told[:3]] == [
        "executionReport",
        "executionReport",
        "outboundAccountPosition",
    ]
    assert (told[3]["id"], told[3]["result"]["status"]) == ("o", "FILLED")
    assert place.users.connections() == []


def test_a_rejected_handshake_says_why() -> None:
    with serving(connections=connection_class(Door(Place()))) as server:
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            connect(server, "/ws-api/v3?timeUnit=NANOSECOND")
        assert refused.value.status_code == 400
        assert orjson.loads(refused.value.resp_body)["code"] == -1194

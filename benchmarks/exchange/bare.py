"""What the exchange is measured beside: the same server and the same protocols with nothing behind them."""

from __future__ import annotations

import asyncio
import io
import sys
from typing import Any

import requests
import uvicorn
import uvloop
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse
from websockets.asyncio.server import ServerConnection, broadcast, serve

FULL = (
    b'{"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"clientOrderId":"bench-1","transactTime":1518364800000,'
    b'"price":"0.00000000","origQty":"0.00040000","executedQty":"0.00040000","origQuoteOrderQty":"0.00000000",'
    b'"cummulativeQuoteQty":"10.57999600","status":"FILLED","timeInForce":"GTC","type":"MARKET","side":"SELL",'
    b'"workingTime":1518364800000,"selfTradePreventionMode":"EXPIRE_MAKER","fills":[{"price":"26449.99000000",'
    b'"qty":"0.00040000","commission":"0.01057999","commissionAsset":"USDT","tradeId":1}]}'
)
TRADE = (
    b'{"e":"trade","E":1518364800000,"s":"BTCUSDT","t":%d,"p":"26449.99000000","q":"0.00040000","T":1518364800000,'
    b'"m":true,"M":true}'
)
JSON = [(b"content-type", b"application/json;charset=UTF-8"), (b"content-length", str(len(FULL)).encode())]


async def application(_: Any, receive: Any, send: Any) -> None:
    """Read the body, answer a constant."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": JSON})
    await send({"type": "http.response.body", "body": FULL})


async def serve_http() -> None:
    """uvicorn as the exchange runs it."""
    config = uvicorn.Config(
        application, port=0, lifespan="off", log_config=None, access_log=False, server_header=False, date_header=False
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await task


async def serve_trades() -> None:
    """A broadcast of constant trades by `websockets`; a client's message says how many more it wants of them."""
    clients: set[ServerConnection] = set()
    told = 0

    async def one(connection: ServerConnection) -> None:
        nonlocal told
        clients.add(connection)
        async for message in connection:
            for _ in range(int(message)):
                told += 1
                broadcast(clients, (TRADE % told).decode())
        clients.discard(connection)

    async with serve(one, "127.0.0.1", 0, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await server.serve_forever()


class Constant(BaseAdapter):
    """A `requests` adapter that answers without asking anybody."""

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.request, response.encoding = 200, request, "utf-8"
        response.raw = HTTPResponse(io.BytesIO(FULL), status=200, preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is held open."""


if __name__ == "__main__":
    uvloop.run(serve_http() if sys.argv[1:] == ["http"] else serve_trades())

"""A local exchange, a Binance client pointed at it, and a fill that comes over the user data stream; offline.

Run it with `python examples/02_local_exchange.py`. The exchange listens on this machine alone, the account and its
money are made up, and the prices are the synthetic market's: nothing here is worth anything.
"""

import hashlib
import hmac
import json
from decimal import Decimal

import websocket
from binance import Client

import thunes as th
from thunes.simulator import LocalExchange

KEY, SECRET = "demo-key", "demo-secret"  # made up, as the account is

# 1. An exchange. It plays candles, and its time moves only when it is told to. With speed=60 instead of stepped=True a
#    minute passes every second; `thunes exchange serve` runs one as a process of its own.
candles = th.load_candles("BTCUSDT", "1m", data="synthetic:7", last=600)
accounts = [f"{KEY}:{SECRET}:USDT=1000,BTC=0.01"]
with LocalExchange(candles=candles, accounts=accounts, stepped=True, start=candles.open_time[500]) as exchange:
    print(f"The exchange is at {exchange.http_url} and plays {len(candles)} candles of {candles.symbol}.")

    # 2. A client in five lines. python-binance takes no URL: they are attributes of the class.
    class Local(Client):
        API_URL = exchange.http_url + "/api"

    client = Local(KEY, SECRET, ping=False)
    client.session.trust_env = False  # a proxy would take what goes to this machine
    price = Decimal(client.get_symbol_ticker(symbol="BTCUSDT")["price"])
    print(f"BTCUSDT is at {price:,.2f} USDT.")

    # 3. The user data stream, over the WebSocket API. What is signed are the parameters in order of name.
    api = websocket.create_connection(exchange.ws_url + "/ws-api/v3", timeout=5)
    params = {"apiKey": KEY, "timestamp": exchange.now_ms}
    signed = "&".join(f"{name}={value}" for name, value in sorted(params.items()))
    params["signature"] = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
    api.send(json.dumps({"id": 1, "method": "userDataStream.subscribe.signature", "params": params}))
    print(f"Subscribed: {json.loads(api.recv())['result']}.")

    # 4. An order a little under the market. It waits in the book: the price has to come down to it.
    limit = (price * Decimal("0.9995")).quantize(Decimal("0.01"))
    order = client.order_limit_buy(symbol="BTCUSDT", quantity="0.001", price=str(limit), newClientOrderId="my-first")
    print(f"Order {order['clientOrderId']}: {order['status']} at {limit:,.2f} USDT.")

    # 5. Time passes, and the stream tells what happens to the order, and to the account because of it.
    exchange.advance(bars=99)
    status = ""
    while status != "FILLED":
        event = json.loads(api.recv())["event"]
        if event["e"] == "executionReport":
            status = event["X"]
            print(f"  {event['x']}: {status}, {event['z']} of {event['q']} BTC, fee {event['n']} {event['N'] or ''}")
        else:
            print(f"  {event['e']}: " + ", ".join(f"{held['a']} {held['f']}" for held in event["B"]))

    # 6. The account afterwards, and the books of the whole exchange: nothing was lost, nothing came from nowhere.
    for balance in client.get_account(omitZeroBalances="true")["balances"]:
        print(f"{balance['asset']}: {balance['free']} free, {balance['locked']} locked")
    missing = {asset: row.difference for asset, row in exchange.conservation().items() if row.difference}
    print(f"Missing in the books: {missing or 'nothing'}.")

    api.close()
    client.session.close()
    client.loop.close()

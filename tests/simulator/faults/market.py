"""An exchange with a board of faults, and answers as the engine might give them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import orjson
import pytest

from thunes.clock import ManualClock
from thunes.market.synthetic import generate
from thunes.simulator.api.messages import Answer
from thunes.simulator.exchange import Customer, Exchange
from thunes.simulator.faults.board import Board
from thunes.simulator.feed.tape import Tape
from thunes.simulator.symbols.exchange_info import built_in

D = Decimal
BTCUSDT = built_in()["BTCUSDT"]
TAPE = Tape(generate("BTCUSDT", "1m", 240, seed=7), BTCUSDT.tick, BTCUSDT.step)
WALL_MS = 1_700_000_000_000
ORDER = "POST /api/v3/order"
ACCEPTED = Answer(200, b'{"symbol":"BTCUSDT","orderId":1,"status":"FILLED"}')
REFUSED = Answer(400, b'{"code":-2010,"msg":"Account has insufficient balance for requested action."}')


@dataclass
class Seat:
    """A client's view of the board: asks, and gets what a fault leaves of the engine's answer."""

    exchange: Exchange
    board: Board
    asked: int = 0  # how often the engine was reached

    def ask(self, route: str = ORDER, answer: Answer = ACCEPTED) -> Answer:
        struck = self.board.before(route)
        if struck.answer is not None:
            return struck.answer
        self.asked += 1
        return struck.after(answer)

    def struck(self) -> list[tuple[str, str]]:
        return [(strike.name, strike.hit) for strike in self.board.struck]


def seat(seed: int = 0, speed: float | None = None) -> Seat:
    place = Exchange([TAPE], clock=ManualClock(WALL_MS), speed=speed)
    place.open_account(Customer("ann", {"USDT": D(10_000), "BTC": D(1), "BNB": D("0.5")}))
    place.open_account(Customer("bob"))
    return Seat(place, Board(place, seed))


def error(answer: Answer) -> tuple[int, int]:
    """Status and code."""
    return answer.status, orjson.loads(answer.body)["code"]


@pytest.fixture
def desk() -> Seat:
    return seat()

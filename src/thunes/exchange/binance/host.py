"""One host of the exchange: what is sent there counts against its budget, what it answers is understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from thunes.errors import NetworkError
from thunes.exchange.binance.answer import Answer
from thunes.exchange.binance.answers import Malformed, read
from thunes.exchange.binance.budget import Budget
from thunes.exchange.binance.client import Unanswered, Unsent, Wire
from thunes.exchange.binance.errors import failure_of, nonsense, retry_after

T = TypeVar("T")
Parameters = Mapping[str, str | int]


@dataclass(frozen=True)
class Question:
    """A GET: its path after /api/v3/, its weight, whether it must be signed, whether it may use the whole budget."""

    path: str
    parameters: Parameters
    weight: int
    signed: bool = False
    urgent: bool = False


class Host:
    """For one thread at a time."""

    def __init__(self, wire: Wire, budget: Budget) -> None:
        self.wire, self.budget = wire, budget

    @property
    def name(self) -> str:
        return self.wire.host

    def send(self, method: str, path: str, parameters: Parameters, *, signed: bool) -> Answer:
        """Send once; its cost is counted already. Errors: `Unsent`, `Unanswered`."""
        answer = self.wire.ask(method, path, parameters, signed=signed)
        self.budget.note(answer.headers)
        if answer.status in (418, 429):
            self.budget.pause.begin(retry_after(answer))
        return answer

    def ask(self, question: Question) -> Any:
        """The JSON of a good answer. Errors: `NetworkError` and what it is the base of."""
        self.budget.admit(question.weight, urgent=question.urgent)
        try:
            answer = self.send("get", question.path, question.parameters, signed=question.signed)
        except (Unsent, Unanswered) as error:
            raise NetworkError("E-NET-UNREACHABLE", f"{self.name} cannot be reached ({error}).") from None
        if not answer.ok:
            raise failure_of(answer, self.name)
        return answer.document

    def read(self, reader: Callable[[Any], T], document: Any) -> T:
        """What a reader makes of an answer; `NetworkError` where it cannot."""
        try:
            return read(reader, document)
        except Malformed as error:
            raise nonsense(self.name, str(error)) from None

"""Circuit breakers: where a group of questions only fails, it is not asked for a while, then tried once.

Inside is pybreaker's machine of states. Time comes from our clock, and no lock is held while the exchange is asked.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, ParamSpec, TypeVar, cast

import pybreaker

from thunes.clock import Clock, SystemClock
from thunes.errors import Blocked, NetworkError, RateLimited
from thunes.market.http import Refused

T = TypeVar("T")
P = ParamSpec("P")
State = Literal["closed", "open", "half-open"]
Told = Callable[[str, str, str], object]  # name, state before, state now
CLOSED, OPEN, HALF_OPEN = pybreaker.STATE_CLOSED, pybreaker.STATE_OPEN, pybreaker.STATE_HALF_OPEN
FAILURES, RESET_SECONDS = 5, 60.0
NEVER = 10 * 365 * 86_400.0  # seconds; the library would look at the machine's clock: here it is ours that decides
ANSWERED = (Blocked, RateLimited, Refused)  # errors that say that the exchange is there


class BreakerOpen(NetworkError):
    """Not asked: it failed too often just now."""


class _Failed(Exception):
    """What the library is told of a failure."""


class _Memory(pybreaker.CircuitMemoryStorage):
    """The library's storage, which opens half by our clock."""

    def __init__(self, clock: Clock, reset_seconds: float) -> None:
        super().__init__(CLOSED)
        self._clock, self._reset_ms = clock, reset_seconds * 1000
        self.opened_ms = 0

    @property
    def state(self) -> str:
        if self._state == OPEN and not 0 <= self.left_ms <= self._reset_ms:
            self._state = HALF_OPEN
        return self._state

    @state.setter
    def state(self, state: str) -> None:
        self._state = state
        if state == OPEN:
            self.opened_ms = self._clock.now_ms()

    @property
    def left_ms(self) -> float:
        """Until it is tried again; outside 0 … the whole time where that is over, or the clock was set back."""
        left = self.opened_ms + self._reset_ms - self._clock.now_ms()
        return left if left > 0 else -1


class _Listener(pybreaker.CircuitBreakerListener):
    def __init__(self, told: Told) -> None:
        self._told = told

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        self._told(str(cb.name), old_state.name, new_state.name)


@dataclass(frozen=True)
class BreakerStatus:
    """One breaker as a person sees it. `failures`: in a row; `retry_in`: seconds until it is tried, 0 if not open."""

    state: State
    failures: int
    fail_max: int
    retry_in: float


class Breaker:
    """One group of questions. Any thread may use it."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        failures: int = FAILURES,
        reset_seconds: float = RESET_SECONDS,
        told: Told = lambda *_: None,
    ) -> None:
        """Opens after so many failures in a row, and is tried again after `reset_seconds`."""
        self.name = name
        self._memory = _Memory(clock, reset_seconds)
        self._machine = pybreaker.CircuitBreaker(
            fail_max=failures,
            reset_timeout=NEVER,
            state_storage=self._memory,
            listeners=[_Listener(told)],
            name=name,
            throw_new_error_on_trip=False,
        )
        self._lock = threading.Lock()
        self._probing = False

    @property
    def state(self) -> State:
        return cast(State, self._machine.state.name)

    @property
    def status(self) -> BreakerStatus:
        state = self.state
        retry_in = max(0.0, self._memory.left_ms / 1000) if state == OPEN else 0.0
        return BreakerStatus(state, self._machine.fail_counter, self._machine.fail_max, retry_in)

    def admit(self) -> None:
        """Ask to go ahead; what came of it must be `record`ed. `BreakerOpen` where it may not be tried now."""
        with self._lock:
            state = self.state
            if state == OPEN or (state == HALF_OPEN and self._probing):
                raise self._refusal()
            self._probing = state == HALF_OPEN

    def _refusal(self) -> BreakerOpen:
        wait = self.status.retry_in
        text = f"{self.name}: not asked, it failed {self._machine.fail_max} times in a row."
        return BreakerOpen("E-BREAKER-OPEN", text, f"It is tried again in {wait:.0f} s.")

    def record(self, *, success: bool | None) -> None:
        """What came of a try; None for a refusal, which says nothing of the exchange's health: it neither counts nor
        makes up for anything. Once open, what was still under way does not count either."""
        with self._lock:
            self._probing = False
            if success is None or self.state == OPEN:
                return
            with contextlib.suppress(_Failed):
                self._machine.call(_nothing if success else _fail)

    def call(
        self, ask: Callable[[], T], *, always: bool = False, judge: Callable[[T], bool | None] = lambda _: True
    ) -> T:
        """Ask and record; `always`: also when it is open, as exits, cancels and queries are. `judge`: whether what came
        is a success, None for neither."""
        if not always:
            self.admit()
        elif self.state != CLOSED:
            return ask()
        success: bool | None = None
        try:
            found = ask()
            success = judge(found)
        except ANSWERED:
            raise
        except NetworkError:
            success = False
            raise
        finally:
            self.record(success=success)
        return found

    def reset(self) -> None:
        """Close it by hand."""
        with self._lock:
            self._probing = False
            self._machine.close()


def _nothing() -> None:
    """A call that succeeds."""


def _fail() -> NoReturn:
    raise _Failed


class CircuitMonitor:
    """All breakers of a process, by name. `told` hears every change: name, state before, state now."""

    def __init__(self, clock: Clock | None = None, told: Told = lambda *_: None) -> None:
        self.clock, self.told = clock or SystemClock(), told
        self._breakers: dict[str, Breaker] = {}
        self._lock = threading.Lock()

    def breaker(self, name: str, **options: Any) -> Breaker:
        """The breaker of this name; made with these options where there is none."""
        with self._lock:
            if name not in self._breakers:
                self._breakers[name] = Breaker(name, self.clock, told=self._tell, **options)
            return self._breakers[name]

    def _tell(self, name: str, before: str, now: str) -> None:
        self.told(name, before, now)

    def is_open(self, name: str | None = None) -> bool:
        """Whether a breaker, or any, keeps questions back; one that is about to be tried counts as open."""
        names = list(self._breakers) if name is None else [name]
        return any(self.breaker(one).state != CLOSED for one in names)

    def get_status(self) -> dict[str, BreakerStatus]:
        """Every breaker by its name."""
        return {name: breaker.status for name, breaker in list(self._breakers.items())}

    def reset(self, name: str | None = None) -> None:
        """Close one, or all, by hand."""
        for one in list(self._breakers) if name is None else [name]:
            self.breaker(one).reset()


circuit_monitor = CircuitMonitor()


def with_circuit_breaker(
    name: str, monitor: CircuitMonitor | None = None
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator: a function behind the breaker of this name. It raises `BreakerOpen` where it is not asked."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def guarded(*args: P.args, **options: P.kwargs) -> T:
            return (monitor or circuit_monitor).breaker(name).call(lambda: function(*args, **options))

        return guarded

    return decorate

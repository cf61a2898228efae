"""Kills traders and looks at what the next one finds: `python -m tests.trading.crash RUNS [SEED]`.

This process imports everything once and is never killed. For each run it forks a trader that kills itself somewhere
between decision and booking; sometimes a second one that dies while it mends that; and a last one, which goes on, makes
its passes and looks at exchange, ledger, risk and trail. The exchange lives in a process of its own.
"""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import traceback
from collections import Counter as Tally
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.trading.crash.checks import findings
from tests.trading.crash.exchange import HOUR_MS, Control, in_another_process, market
from tests.trading.crash.killing import STEPS, Counter, Kill, Killer
from tests.trading.crash.post import Assignment, copied, opened, prepare

BARS_A_RUN = 8  # at most
HISTORY = 20  # bars from the anchor to the first that is traded
ORDER = "POST /api/v3/order"
KILLED = -9
HUGE = Decimal(50_000_000)  # quote currency: more than the market has, so an order fills in part
LEGS: dict[str, tuple[tuple[int, float], ...]] = {
    "entry": ((0, 1.0),),
    "more": ((0, 0.4), (1, 1.0)),
    "less": ((0, 1.0), (1, 0.4)),
    "exit": ((0, 1.0), (1, 0.0)),
}
FAULTS: tuple[dict[str, Any] | None, ...] = (
    None, None, None,
    {"name": "drop_after_accept"},
    {"name": "drop_before"},
    {"name": "error_after_accept", "form": "html", "status": 502},
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One crash: where, in which leg, under what fault; how the traders after it fare."""

    number: int
    leg: str
    kill: Kill
    again: Kill | None  # the mending trader dies, too
    fault: dict[str, Any] | None
    lag: bool  # the exchange does not find the order at first
    later: bool  # restarted at the next candle, else at once
    huge: bool

    @property
    def passes(self) -> int:
        """Passes before the one that is killed."""
        return len(LEGS[self.leg]) - 1


@dataclass
class Result:
    """What all runs came to."""

    runs: int = 0
    killed: int = 0
    killed_again: int = 0
    forks: int = 0
    steps: Tally[str] = field(default_factory=Tally)
    findings: list[str] = field(default_factory=list)


def drawn(number: int, seed: int, calls: dict[str, int]) -> Run:
    """The run of a number: legs and steps in turn, the rest by chance."""
    chance = random.Random(f"{seed} {number}")
    leg = list(LEGS)[number % len(LEGS)]
    place = number // len(LEGS) % (2 * len(STEPS))
    if place < len(STEPS):
        kill = Kill(STEPS[place], time=len(LEGS[leg]))
    else:
        kill = Kill("prepare", time=len(LEGS[leg]), calls=chance.randint(1, calls["prepare"]))
    again = chance.choice(
        [None, Kill(chance.choice(STEPS)), Kill("recover", calls=chance.randint(1, calls["recover"]))]
    )
    return Run(
        number, leg, kill, again, chance.choice(FAULTS), lag=chance.random() < 0.2, later=chance.random() < 0.5,
        huge=leg != "less" and chance.random() < 0.2,
    )  # fmt: skip


class Yard:
    """Forks traders in a folder, against one exchange."""

    def __init__(self, folder: Path, control: Control, seed: int) -> None:
        self.folder, self.control, self.seed, self.result = folder, control, seed, Result()
        self._fork(lambda: prepare(folder / "empty"))
        self.calls = {start: self._measured(start) for start in ("prepare", "recover")}

    def run(self, number: int) -> None:
        """One crash and what follows."""
        run = drawn(number, self.seed, self.calls)
        assignment = self._assigned(f"run-{self.seed}-{number}", run.leg, huge=run.huge)
        result = self.result
        result.runs += 1
        killed = self._fork(lambda: self._trade(assignment, run)) == KILLED
        result.killed += killed
        result.steps[run.kill.step if not run.kill.calls else "any call"] += killed
        if run.again is not None:
            again = run.again
            result.killed_again += self._fork(lambda: self._mend(assignment, again)) == KILLED
        self._fork(lambda: self._verify(assignment, run), run)
        shutil.rmtree(assignment.folder)

    def _assigned(self, name: str, leg: str, *, huge: bool = False) -> Assignment:
        self.control.clear_faults()
        self.control.open_account(name, USDT="100000000")
        now = self.control.now() // HOUR_MS * HOUR_MS
        wishes = tuple((HISTORY + bar, wish) for bar, wish in LEGS[leg])
        folder = copied(self.folder / "empty", self.folder / name)
        return Assignment(folder, name, now - HISTORY * HOUR_MS, wishes, HUGE if huge else Decimal(100))

    # In a process of their own

    def _trade(self, assignment: Assignment, run: Run) -> None:
        with opened(assignment, self.control, Killer(run.kill)) as post:
            for _ in range(run.passes):
                post.clock.advance()
                post.trader.run()
            if run.fault:
                self.control.fault(
                    run.fault["name"], ORDER, count=1, **{k: v for k, v in run.fault.items() if k != "name"}
                )
            if run.lag:
                self.control.fault("order_lag", "GET /api/v3/order", seconds=8)
            post.clock.advance()
            post.trader.run()

    def _mend(self, assignment: Assignment, again: Kill) -> None:
        with opened(assignment, self.control, Killer(again)) as post:
            post.trader.run()

    def _verify(self, assignment: Assignment, run: Run) -> list[str]:
        with opened(assignment, self.control) as post:
            if run.later:
                post.clock.advance()
            done = post.trader.run()
            self.control.clear_faults()
            for _ in range(2 if done.recovered.unknown else 1):  # what was not known is, an hour later
                post.clock.advance()
                post.trader.run()
            return [*findings(post, assignment, None if run.huge else len(LEGS[run.leg]))]

    def _measured(self, start: str) -> int:
        """Calls from a step to the end of a pass that enters."""
        assignment = self._assigned(f"measure-{self.seed}-{start}", "entry")
        counted: list[str] = []

        def measure() -> list[str]:
            counter = Counter(start)
            with opened(assignment, self.control, counter) as post:
                post.clock.advance()
                post.trader.run()
                sys.setprofile(None)
            return [str(counter.calls)]

        self._fork(measure, told=counted)
        return int(counted[0])

    def _fork(self, task: Callable[[], list[str] | None], run: Run | None = None, told: list[str] | None = None) -> int:
        """Do it in a fork; how that ended, below 0 for a signal. What it returns are findings, or goes into `told`."""
        self.result.forks += 1
        reads, writes = os.pipe()
        child = os.fork()
        if not child:
            _alone(task, writes)
        os.close(writes)
        with os.fdopen(reads) as pipe:
            found: list[str] = json.loads(pipe.read() or "[]")
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        found = [f"{run}: {one}" if run else one for one in found]
        if told is None:
            sys.stderr.write("".join(f"{one}\n" for one in found))
        (self.result.findings if told is None else told).extend(found)
        return code


def _alone(task: Callable[[], list[str] | None], writes: int) -> None:
    try:
        found = task() or []
    except BaseException:  # noqa: BLE001  # whatever ends a fork is a finding
        sys.setprofile(None)
        found = [traceback.format_exc()]
    os.write(writes, json.dumps(found).encode())
    os._exit(0)


def main(runs: int, seed: int) -> dict[str, Any]:
    """All runs; the summary."""
    memory = Path("/dev/shm")  # noqa: S108  # a kill leaves the files as they are, whatever they lie on
    gc.collect()
    gc.freeze()  # what a fork does not touch it need not copy
    with (
        tempfile.TemporaryDirectory(prefix="thunes-crash-", dir=memory if memory.is_dir() else None) as folder,
        in_another_process(market(BARS_A_RUN * (runs + 3))) as control,
    ):
        yard = Yard(Path(folder), control, seed)
        for number in range(runs):
            yard.run(number)
            if number % 100 == 99:
                sys.stderr.write(f"{number + 1} runs, {len(yard.result.findings)} findings\n")
        conserved = control.is_conserved()
    spent = [sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    result = yard.result
    return {
        "seed": seed, "runs": result.runs, "killed": result.killed, "killed_again": result.killed_again,
        "forks": result.forks, "steps": result.steps, "conserved": conserved, "cpu_s": round(sum(spent), 1),
        "calls": yard.calls, "findings": result.findings,
    }  # fmt: skip

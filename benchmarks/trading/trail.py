"""The audit trail: synced appends beside bare synced writes, and how fast a trail is looked through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

from benchmarks.measure import Timing, timed
from benchmarks.rows import Goal, Row
from benchmarks.setting import Setting
from benchmarks.trading.clients import Synced, folder
from thunes.audit.events import Intent, Note
from thunes.audit.files import CURRENT
from thunes.audit.lines import Head
from thunes.audit.trail import Trail
from thunes.audit.verify import verify
from thunes.clock import SystemClock

TRAIL = "Audit trail"
INTENT = Intent(
    id="t-sma-BTCUSDT-1772366400000-B", decision="sma_cross-BTCUSDT-1772366400000", symbol="BTCUSDT", side="BUY",
    type="MARKET", purpose="entry", quote_quantity=Decimal("50"), strategy="sma_cross", bar=1_772_366_400_000,
)  # fmt: skip
BLOCK = 1_000  # lines of one group


def trail(setting: Setting) -> Iterator[Row]:
    """Appends by turns with bare writes of a line of the same length; then a trail of many lines verified."""
    appends, rounds, lines = (100, 2, 5_000) if setting.quick else (1_000, 9, 200_000)
    with folder() as place:
        yield _appending(place, appends, rounds)
        yield _verifying(place, lines, rounds)


def _appending(place: Path, count: int, rounds: int) -> Row:
    with Trail(place / "durable", "sim", SystemClock()) as writer:
        writer.append(INTENT)
        line = (place / "durable" / CURRENT).read_bytes()
        plain = Synced(place / "plain")
        turns = [
            (_each(lambda: writer.append(INTENT), count), _each(lambda: plain.write(line), count))
            for _ in range(rounds)
        ]
    ours, bare = _joined([one for one, _ in turns]), _joined([one for _, one in turns])
    rate, peer_rate = 1 / ours.median, 1 / bare.median
    note = f"lines of {len(line)} bytes; {rate / peer_rate:.2f} × a bare write and fdatasync ({peer_rate:,.0f}/s)"
    facts = {"peer_rate": peer_rate, "ratio": rate / peer_rate}
    goal = Goal(peer_rate / 2, least=True)
    return Row(
        TRAIL, "durable appends", rate, "lines/s", ours, peer="fdatasync", peer_timing=bare, goal=goal, note=note,
        facts=facts,
    )  # fmt: skip


def _verifying(place: Path, count: int, rounds: int) -> Row:
    with Trail(place / "long", "sim", SystemClock()) as writer:
        for first in range(0, count, BLOCK):
            writer.append_many(
                [INTENT if k % 2 else Note(id=f"n-{k}", text="a line") for k in range(first, first + BLOCK)]
            )
        head = writer.head()
    timing = timed(lambda: _whole(place / "long", count, head), rounds)
    note = f"{count:,} lines, hash for hash, against the kept head"
    goal = Goal(100_000, least=True)
    return Row(TRAIL, "verify", count / timing.median, "lines/s", timing, goal=goal, note=note)


def _whole(place: Path, count: int, head: Head) -> None:
    report = verify(place, head)
    if not report.ok or report.records < count:
        raise RuntimeError(f"the trail is not whole: {report}")


def _each(call: Callable[[], object], count: int) -> Timing:
    """Seconds of one call, the mean of so many."""
    timing = timed(lambda: [call() for _ in range(count)], 1, warm=False)
    return Timing((timing.wall[0] / count,), (timing.cpu[0] / count,))


def _joined(timings: list[Timing]) -> Timing:
    return Timing(tuple(one.wall[0] for one in timings), tuple(one.cpu[0] for one in timings))

"""An exchange that ends at any moment goes on as if it never had."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulator.state.life import DEEDS, Log, deeds, exchange, lasting, live, state

from thunes.clock import ManualClock, SystemClock
from thunes.errors import DataError
from thunes.simulator.api.security import Key
from thunes.simulator.engine.desk import Which
from thunes.simulator.engine.engine import Engine
from thunes.simulator.request import OrderRequest, Refused
from thunes.simulator.state.journal import FILE, Journal, opened
from thunes.simulator.state.lasting import CALLS, LastingEngine, LastingExchange

D = Decimal
LIVES = st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 2**32)), max_size=60)


@contextmanager
def journal(folder: Path, place: LastingExchange) -> Iterator[Journal]:
    with opened(folder, place.identity(), SystemClock()) as book:
        yield book


def resumed(folder: Path, done: list[tuple[str, int]]) -> tuple[LastingExchange, list[bytes]]:
    """An exchange from what stands in a folder, and what it lives through then."""
    place = lasting()
    log = Log(place)
    with journal(folder, place) as book:
        place.resume(book)
        live(place, done)
    return place, log.lines


@settings(max_examples=30)
@given(life=LIVES, cut=st.integers(0, 60))
def test_an_interrupted_life_equals_one_that_never_was(life: list[tuple[str, int]], cut: int) -> None:
    life = [("open", 0), ("open", 1), *life]
    whole = exchange()
    log = Log(whole)
    live(whole, life)
    with tempfile.TemporaryDirectory() as folder:
        resumed(Path(folder), life[:cut])
        again, lines = resumed(Path(folder), life[cut:])
    assert lines == log.lines
    assert state(again) == state(whole)


def test_a_long_life_of_many_interruptions(tmp_path: Path) -> None:
    life = deeds(seed=1, count=600)
    whole = exchange()
    log = Log(whole)
    live(whole, life)
    for start in range(0, len(life), 100):
        again, lines = resumed(tmp_path, life[start : start + 100])
    assert lines == log.lines
    assert state(again) == state(whole)
    assert len(lines) > 500


def test_the_same_seed_feed_and_requests_give_the_same_bytes() -> None:
    logs = []
    for _ in range(2):
        place = exchange()
        log = Log(place)
        live(place, deeds(seed=2, count=400))
        logs.append(b"\n".join(log.lines))
    assert logs[0] == logs[1]
    assert len(logs[0]) > 10_000


def test_another_seed_gives_other_made_up_names() -> None:
    logs = []
    for seed in (5, 6):
        place = exchange(seed=seed)
        logs.append(Log(place))
        live(place, deeds(seed=2, count=400))
    assert logs[0].lines != logs[1].lines


CHILD = """
import sys
from pathlib import Path
from tests.simulator.state.life import deeds, lasting, live
from thunes.clock import SystemClock
from thunes.simulator.state.journal import opened

place = lasting()
with opened(Path(sys.argv[1]), place.identity(), SystemClock()) as book:
    place.resume(book)
    for number, deed in enumerate(deeds(seed=3, count=300)):
        live(place, [deed])
        print(number, flush=True)
        if number == 150:
            sys.stdin.readline()
"""


def test_a_process_killed_in_the_middle(tmp_path: Path, root: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    child = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdin is not None
    with child.stdin, child.stdout:
        for line in child.stdout:
            if line == b"150\n":
                break
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    life = deeds(seed=3, count=300)
    whole = exchange()
    log = Log(whole)
    live(whole, life)
    again, lines = resumed(tmp_path, life[151:])
    assert lines == log.lines
    assert state(again) == state(whole)


def test_a_call_that_was_written_but_not_done_is_done_after_the_restart(tmp_path: Path) -> None:
    resumed(tmp_path, deeds(seed=4, count=50))
    path = tmp_path / FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:-5])
    again, _ = resumed(tmp_path, [])
    whole = exchange()
    live(whole, deeds(seed=4, count=50))
    assert state(again)[0] <= state(whole)[0]
    assert (tmp_path / "journal.torn").read_bytes() == lines[-1][:-5] + b"\n"


def test_a_paced_clock_goes_on_at_or_after_what_was_told(tmp_path: Path) -> None:
    clock = ManualClock(1_000)
    place = lasting(speed=60.0, clock=clock)
    with journal(tmp_path, place) as book:
        place.resume(book)
        begun = place.now_ms
        for _ in range(100):
            clock.sleep(0.1)
            told = place.catch_up()
    assert told == begun + 600_000
    lines = (tmp_path / FILE).read_bytes().splitlines()
    assert len(lines) <= 12  # one a second, not one a look
    clock.sleep(1_000)
    again = lasting(speed=60.0, clock=clock)
    with journal(tmp_path, again) as book:
        again.resume(book)
        assert told <= again.now_ms <= told + 60_000
        first = again.catch_up()
        clock.sleep(1)
        assert again.catch_up() == first + 60_000


def test_a_restriction_that_kept_an_order_keeps_it_again(tmp_path: Path) -> None:
    place = lasting()
    with journal(tmp_path, place) as book:
        place.resume(book)
        live(place, [("open", 0)])
        price = (place.last_price("BTCUSDT") or D(0)) * 9 // 10
        wish = OrderRequest("BTCUSDT", "BUY", "LIMIT", "one", "GTC", D("0.01"), price=price)
        order = place.engine.place("ann", wish, place.turn("BTCUSDT"))
        with pytest.raises(Refused):
            place.engine.cancel("ann", "BTCUSDT", Which(order.id), place.now_ms, restriction="ONLY_PARTIALLY_FILLED")
    again, _ = resumed(tmp_path, [])
    assert [one.request for one in again.engine.open_orders("ann")] == [wish]


def test_every_call_that_changes_the_engine_is_written_down() -> None:
    timed = {name for name, call in vars(Engine).items() if "time_ms" in getattr(call, "__annotations__", {})}
    assert timed - {"tick", "check"} <= set(vars(LastingEngine))
    assert timed - {"tick", "check"} <= set(CALLS)


def test_keys_are_known_again_and_revoked_ones_are_not(tmp_path: Path) -> None:
    public = Ed25519PrivateKey.generate().public_key()
    place = lasting()
    with journal(tmp_path, place) as book:
        place.resume(book)
        place.keyring.add(Key("plain", "ann", secret="word", may_trade=False))
        place.keyring.add(Key("signed", "bob", public_key=public))
        place.keyring.add(Key("gone", "bob", secret="word"))
        place.keyring.revoke("gone")
    again, _ = resumed(tmp_path, [])
    assert again.keyring.find("plain") == Key("plain", "ann", secret="word", may_trade=False)
    found = again.keyring.find("signed").public_key
    assert found is not None
    assert found.public_bytes_raw() == public.public_bytes_raw()
    with pytest.raises(Refused):
        again.keyring.find("gone")


def test_another_seed_is_another_exchange(tmp_path: Path) -> None:
    resumed(tmp_path, deeds(seed=4, count=5))
    other = lasting(seed=6)
    with pytest.raises(DataError, match=r"another exchange: seed differ"), journal(tmp_path, other):
        pass


def test_a_line_that_cannot_be_done_again_is_named(tmp_path: Path) -> None:
    resumed(tmp_path, deeds(seed=4, count=5))
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'[0, {}, "sing", "la"]\n')
    number = len((tmp_path / FILE).read_bytes().splitlines())
    with pytest.raises(DataError, match=f"line {number} of .* is damaged"):
        resumed(tmp_path, [])


def test_without_a_journal_nothing_is_written() -> None:
    place = lasting()
    live(place, deeds(seed=4, count=50))
    plain = exchange()
    live(plain, deeds(seed=4, count=50))
    assert state(place) == state(plain)


def test_an_order_is_not_done_that_cannot_be_written(tmp_path: Path) -> None:
    place = lasting()
    with journal(tmp_path, place) as book:
        place.resume(book)
        live(place, [("open", 0), ("open", 1)])
        before = state(place)
    with pytest.raises(Refused, match="unknown error"):  # the file is closed
        place.engine.deposit("ann", "USDT", before[5][0][1]["USDT"][0], place.now_ms)
    assert state(place) == before

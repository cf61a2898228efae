"""One account has one trader, and it trades what was promoted for it: everything else is told and does nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.desk import ENTRY, Run, facts, promote
from tests.strategies.artefacts import artefact

from thunes.cli.wing import artefact_of, connected, in_environment, only_trader
from thunes.clock import SystemClock, to_ms
from thunes.errors import LockHeld
from thunes.settings import load_settings
from thunes.strategies.promoted import Promoted, folder_of

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent

HOUR_MS = 3_600_000
HOLD = """
import sys
from thunes.cli.wing import in_environment, only_trader
with only_trader(in_environment("sim")):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_trader() -> Iterator[subprocess.Popen[str]]:
    """A process that trades in `sim` until it is ended."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.covers("fault 36")
@pytest.mark.covers("pitfall X19")
def test_a_second_trader_ends_with_nine_and_does_nothing(run: Run) -> None:
    promote()
    with another_trader():
        code, out, err = run("paper", "--bars", str(ENTRY))
        assert (code, out, err.count("\n")) == (9, "", 1)
        assert err.startswith("✗ another process trades in sim: it holds state/sim/trader.lock.")
        assert err.endswith("[E-LOCK-TRADER]\n")
        assert facts(run, "orders")["orders"] == []
        assert facts(run, "kill", "enough")["recorded"] is True  # the switch is nobody's alone


@pytest.mark.covers("fault 37")
def test_a_trader_that_was_killed_leaves_no_lock(run: Run) -> None:
    promote()
    with another_trader() as process:
        process.kill()
        process.wait()
        assert Path("state/sim/trader.lock").exists()
        assert run("paper")[0] == 0


@pytest.mark.covers("fault 36")
def test_each_environment_has_a_trader_of_its_own() -> None:
    with only_trader(in_environment("sim")):
        with only_trader(in_environment("testnet")):
            pass
        with pytest.raises(LockHeld), only_trader(in_environment("sim")):
            pass


@pytest.mark.covers("pitfall X14")
def test_what_was_tuned_for_one_market_is_not_traded_on_another(run: Run) -> None:
    Promoted(folder_of("sim"), SystemClock()).promote(artefact(symbol="ETHUSDT", interval="4h"))
    code, out, err = run("paper", "--strategy", "sma_cross", "--symbol", "BTCUSDT", "--interval", "1h")
    assert (code, out, err.count("\n")) == (4, "", 1)
    slot = next(Path(folder_of("sim")).glob("*ETHUSDT*4h*"))
    slot.rename(slot.with_name(slot.name.replace("ETHUSDT", "BTCUSDT").replace("4h", "1h")))
    code, out, err = run("paper", "--strategy", "sma_cross", "--symbol", "BTCUSDT", "--interval", "1h")
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert not Path("state").exists()


@pytest.mark.covers("pitfall X14")
def test_what_was_promoted_for_sim_is_not_traded_elsewhere(run: Run) -> None:
    promote()
    Path(folder_of("sim")).rename(folder_of("testnet"))
    code, out, err = run("paper", "--environment", "testnet")
    assert (code, out, err.count("\n")) == (4, "", 1)


@pytest.mark.covers("pitfall X2")
@pytest.mark.covers("fault 63")
def test_a_kill_from_another_process_stops_the_next_pass(run: Run, root: Path) -> None:
    promote()
    run("paper", "--bars", str(ENTRY - 1))
    subprocess.run([sys.executable, "-m", "thunes", "kill", "enough"], check=True, capture_output=True)
    assert run("paper")[0] == 7
    assert facts(run, "orders")["orders"] == []


def test_a_second_market_in_sim_is_refused_before_it_looks_like_money_lost(run: Run) -> None:
    promote()
    run("paper", "--bars", str(ENTRY))
    promote(symbol="ETHUSDT")
    code, out, err = run("paper", "--symbol", "ETHUSDT")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("✗ in sim one account trades one market, and this one has traded BTCUSDT 1h.")
    assert facts(run, "risk")["state"] == "ACTIVE"
    assert run("paper", "--symbol", "BTCUSDT")[0] == 0


def test_a_candle_whose_pass_was_broken_off_is_decided_on_first(run: Run) -> None:
    """Nothing is to be skipped: the embedded exchange's time stands still between two runs."""
    promote()
    before = facts(run, "paper")["bar_ms"]
    settings = load_settings()
    with connected(settings, lambda: artefact_of(settings)) as wing:
        assert wing.exchange is not None
        wing.exchange.advance(bars=1)
    found = [facts(run, "paper")["bar_ms"] for _ in range(2)]
    assert found == [before + HOUR_MS, before + 2 * HOUR_MS]


def test_another_interval_is_another_market(run: Run) -> None:
    promote()
    run("paper", "--bars", str(ENTRY))
    promote(interval="4h")
    for _ in range(2):  # the refusal leaves no exchange behind that would be let pass
        code, _, err = run("paper", "--interval", "4h")
        assert (code, "has traded BTCUSDT 1h" in err) == (2, True)
    assert facts(run, "risk")["state"] == "ACTIVE"
    assert run("paper", "--interval", "1h")[0] == 0
    assert facts(run, "balance")["balances"], "the account that traded is shown"


def test_what_was_judged_on_other_candles_does_not_go_on_where_the_former_stood(run: Run) -> None:
    promote()
    run("paper")
    made = artefact(source="synthetic:8,edge=2", anchor=to_ms("2023-08-13T12:00"))
    Promoted(folder_of("sim"), SystemClock()).promote(made)
    code, out, err = run("paper")
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert err.endswith("or roll back: thunes promoted rollback. [E-PAPER-MARKET]\n")
    assert run("promoted", "rollback", "--strategy", "sma_cross")[0] == 0
    assert run("paper")[0] == 0

"""`thunes unpause`: what is paused, why, and a person's word that ends it."""

from __future__ import annotations

import io

import pytest
from tests.cli.desk import ENTRY, Run, facts, promote

from thunes.cli.wing import in_environment, opened
from thunes.trading.ledger.values import SymbolPause

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent


@pytest.fixture
def paused(run: Run) -> None:
    promote()
    assert run("paper")[0] == 0
    with opened(in_environment("sim")) as wing:
        wing.ledger.pause(SymbolPause("BTCUSDT", "E-PRICE-JUMP", "the price went up", wing.clock.now_ms() - 1))


@pytest.mark.usefixtures("paused")
def test_a_pause_is_listed_and_lifted(run: Run) -> None:
    code, out, _ = run("unpause")
    assert (code, "BTCUSDT: paused since" in out, "the price went up [E-PRICE-JUMP]" in out) == (0, True, True)
    run("paper", "--bars", str(ENTRY - 1))
    told = facts(run, "why", "BTCUSDT")
    assert told["stop"] == "filters"
    assert "thunes unpause BTCUSDT" in run("why", "BTCUSDT")[1]
    code, out, _ = run("unpause", "BTCUSDT", "--reason", "it is real", "--yes")
    assert (code, out) == (0, "Nothing is paused in sim.\n")
    assert facts(run, "unpause")["paused"] == []
    assert [event["event"] for event in facts(run, "audit", "tail")["events"]][-1] == "operator_action"
    run("paper")
    assert facts(run, "positions")["open_positions"] == 1


@pytest.mark.usefixtures("paused")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("ETHUSDT", "--reason", "it is real", "--yes"), "E-PAUSE-NONE"),
        (("BTCUSDT", "--yes"), "E-PAUSE-REASON"),
        (("BTCUSDT", "--reason", " ", "--yes"), "E-PAUSE-REASON"),
        (("BTCUSDT", "--reason", "it is real"), "E-CONFIRM"),
    ],
)
def test_what_lifts_nothing(words: tuple[str, ...], code: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    ended, out, err = run("unpause", *words)
    assert (ended, out, code in err) == (2, "", True)
    assert len(facts(run, "unpause")["paused"]) == 1

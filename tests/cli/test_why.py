"""`thunes why`: the ladder, and the rung where a pass stopped."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.desk import ENTRY, Run, facts, promote

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent


def verdicts(told: dict[str, Any]) -> list[str]:
    return [rung["verdict"] for rung in told["ladder"]]


def test_an_order_climbed_the_whole_ladder(run: Run) -> None:
    promote()
    run("paper", "--bars", str(ENTRY))
    told = facts(run, "why", "BTCUSDT")
    assert [rung["stage"] for rung in told["ladder"]] == ["data", "exposure", "sizing", "filters", "risk", "order"]
    assert (verdicts(told), told["stop"]) == (["passed"] * 6, None)
    assert [event["event"] for event in told["order"]] == ["intent", "outcome", "fill"]
    assert "The whole story: thunes audit show th-" in run("why", "BTCUSDT")[1]


def test_nothing_wanted_stops_at_the_exposure(run: Run) -> None:
    promote()
    run("paper", "--bars", str(ENTRY))
    told = facts(run, "why", "BTCUSDT", "--at", "2023-09-13T20:00")
    assert (told["bar"], told["stop"]) == ("2023-09-13 20:00", "exposure")
    assert verdicts(told) == ["passed", "stop", *["not reached"] * 4]
    assert "STOP  exposure" in run("why", "BTCUSDT", "--at", "2023-09-13T20:00")[1]


def test_a_refusal_stops_at_the_rule_that_said_no(run: Run) -> None:
    promote()
    run("kill", "enough")
    run("paper", "--bars", str(ENTRY))
    told = facts(run, "why", "BTCUSDT")
    assert told["stop"] == "risk"
    failed = [check for rung in told["ladder"] for check in rung["checks"] if not check["passed"]]
    assert [check["name"] for check in failed] == ["state"]
    assert "✗ no entries while REDUCING" in run("why", "BTCUSDT")[1]


@pytest.mark.parametrize("words", [("NOSUCHPAIR",), ("BTCUSDT", "--at", "2019-01-01")])
def test_what_was_never_decided(words: tuple[str, ...], run: Run) -> None:
    promote()
    run("paper")
    code, out, err = run("why", *words)
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "E-WHY-NONE" in err


def test_a_time_that_is_none(run: Run) -> None:
    assert run("why", "BTCUSDT", "--at", "yesterday")[0] == 2

"""`thunes promoted`: list, show, compare, verify and roll back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.strategies.artefacts import artefact

from thunes.cli.app import main
from thunes.clock import SystemClock
from thunes.kernels.metrics import METRICS
from thunes.strategies.artefact import Artefact
from thunes.strategies.promoted import Promoted, folder_of

FOLDER = folder_of("sim")

Run = Callable[..., tuple[int, str, str]]
FIGURES = dict.fromkeys(METRICS, 0.5)
GATES = [
    {"gate": "G1 SPA", "value": 0.0021, "threshold": 0.01, "passed": True, "meaning": "more than luck " * 5},
    {"gate": "G2 recency", "value": 0.4, "threshold": 0.5, "passed": False, "meaning": "alive of late"},
]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `thunes promoted …`; gives exit code, stdout, stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["promoted", *words])
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def store() -> Promoted:
    return Promoted(FOLDER, SystemClock())


@pytest.fixture
def pair(store: Promoted) -> tuple[Artefact, Artefact]:
    """Two artefacts promoted one after the other."""
    told: dict[str, Any] = {"in_sample": FIGURES, "gates": GATES, "forced": "to see"}
    first = artefact("synthetic:7,edge=2", out_of_sample=FIGURES, created="2026-02-01T12:00:00Z", **told)
    faster = {"parameters": {"fast": 10, "slow": 50}, "out_of_sample": FIGURES | {"sharpe": 1.25}}
    second = artefact("synthetic:7,edge=2", **told, **faster)
    store.promote(first)
    store.promote(second)
    return first, second


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"slow": 50', b'"slow": 51'))


def file_of(made: Artefact) -> Path:
    return FOLDER / "sma_cross-BTCUSDT-1h" / f"{made.id}.json"


def fits(out: str) -> bool:
    return max(map(len, out.splitlines())) <= 80


def test_nothing_promoted_is_no_error(run: Run) -> None:
    assert run("list") == (0, "Nothing is promoted yet: see thunes promote --help.\n", "")
    assert json.loads(run("list", "--json")[1])["promoted"] == []


@pytest.mark.parametrize("command", ["show", "diff", "verify", "rollback"])
def test_nothing_promoted_cannot_be_looked_at(command: str, run: Run) -> None:
    code, out, err = run(command)
    assert (code, out) == (4, "")
    assert err == "✗ nothing is promoted. See thunes promoted list. [E-ARTEFACT-NONE]\n"


def test_the_list_names_what_is_current(pair: tuple[Artefact, Artefact], store: Promoted, run: Run) -> None:
    store.promote(artefact(strategy="bollinger_reversion", symbol="1000SATSUSDT", interval="15m", environment="paper"))
    code, out, err = run("list")
    assert (code, err, fits(out)) == (0, "", True)
    assert out.splitlines()[-1].split() == ["sma_cross", "BTCUSDT", "1h", pair[1].id, "sim", "1.25"]
    assert "1000SATSUSDT 15m" in out
    rows = json.loads(run("list", "--json")[1])["promoted"]
    assert [(row["id"], row["problem"]) for row in rows if row["strategy"] == "sma_cross"] == [(pair[1].id, None)]


def test_the_list_shows_what_cannot_be_read(pair: tuple[Artefact, Artefact], run: Run) -> None:
    spoil(file_of(pair[1]))
    code, out, err = run("list")
    assert (code, "cannot be read" in out) == (0, True)
    assert err.count("\n") == 1
    assert "E-ARTEFACT-TAMPERED" in err
    assert "E-ARTEFACT-TAMPERED" in json.loads(run("list", "--json")[1])["promoted"][0]["problem"]


def test_show_tells_all_of_it_in_80_columns(pair: tuple[Artefact, Artefact], run: Run) -> None:
    code, out, _ = run("show")
    assert (code, fits(out)) == (0, True)
    for text in ("fast=10  slow=50", "SYNTHETIC MARKET", "FORCED past the gates: to see", "G1 SPA", "FAILED", "1.25"):
        assert text in out
    assert "not calibrated" in out
    assert out.index(pair[0].id) > out.index("Was made current")


def test_show_as_json_is_the_artefact_and_its_moves(pair: tuple[Artefact, Artefact], run: Run) -> None:
    found = json.loads(run("show", "--id", pair[0].id[:15], "--json")[1])
    assert found["kind"] == "promoted"
    assert Artefact(**{k: v for k, v in found["artefact"].items() if k not in ("id", "sha256")}) == pair[0]
    assert (found["artefact"]["id"], found["artefact"]["sha256"]) == (pair[0].id, pair[0].sha256)
    assert [move["id"] for move in found["moves"]] == [made.id for made in pair]


def test_diff_shows_what_changed_since_the_former_one(pair: tuple[Artefact, Artefact], run: Run) -> None:
    code, out, _ = run("diff")
    assert (code, fits(out)) == (0, True)
    assert [line.split() for line in out.splitlines() if line.startswith(("fast", "Sharpe"))] == [
        ["fast", "20", "10"],
        ["Sharpe", "0.50", "1.25"],
    ]
    found = json.loads(run("diff", pair[1].id, pair[0].id, "--json")[1])
    assert (found["old"], found["new"], found["same_source"]) == (pair[1].id, pair[0].id, True)
    assert found["parameters"]["fast"] == {"old": 10, "new": 20}


def test_diff_needs_two(store: Promoted, run: Run) -> None:
    store.promote(artefact())
    code, _, err = run("diff")
    assert (code, "no former artefact" in err) == (4, True)


def test_each_environment_has_its_own(
    pair: tuple[Artefact, Artefact], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("verify") == (0, "2 of 2 artefacts are sound; the current ones were tried for sim.\n", "")
    monkeypatch.setenv("ENVIRONMENT", "paper")
    code, out, err = run("verify")
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "nothing is promoted" in err


def test_verify_finds_each_changed_file_and_names_it(pair: tuple[Artefact, Artefact], run: Run) -> None:
    for made in pair:
        spoil(file_of(made))
    code, out, err = run("verify")
    assert (code, out.startswith("0 of 2"), err.count("E-ARTEFACT-TAMPERED")) == (4, True, 2)
    code, out, _ = run("verify", "--json")
    found = json.loads(out)["artefacts"]
    assert (code, [row["ok"] for row in found]) == (4, [False, False])
    assert all(row["id"] in row["problem"] for row in found)


def test_rollback_goes_back_and_says_where_to(pair: tuple[Artefact, Artefact], store: Promoted, run: Run) -> None:
    assert run("rollback") == (0, f"Current for sma_cross BTCUSDT 1h: {pair[0].id}\n", "")
    code, _, err = run("rollback")
    assert (code, "no former artefact" in err) == (4, True)
    found = json.loads(run("rollback", "--to", pair[1].id, "--json")[1])
    assert (found["kind"], found["id"], found["moves"]) == ("promoted_rollback", pair[1].id, 4)
    assert store.current("sma_cross", "BTCUSDT", "1h") == pair[1]


def test_a_lost_record_is_made_again_by_naming_everything(pair: tuple[Artefact, Artefact], run: Run) -> None:
    (FOLDER / "sma_cross-BTCUSDT-1h" / "current.json").unlink()
    assert run("rollback")[0] == 4
    named = ("--strategy", "sma_cross", "--symbol", "BTCUSDT", "--interval", "1h")
    assert run("rollback", *named, "--to", pair[0].id)[0] == 0
    assert pair[0].id in run("list")[1]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["show"], 2, "several are promoted: sma_cross BTCUSDT 1h; sma_cross ETHUSDT 1h."),
        (["show", "--symbol", "BTC"], 4, "nothing is promoted for BTC."),
        (["show", "--symbol", "ETHUSDT", "--id", "none"], 2, "no artefact of sma_cross ETHUSDT 1h is called 'none'."),
        (["rollback", "--strategy", "../x", "--symbol", "A", "--interval", "1h"], 2, "'../x' cannot be promoted"),
    ],
)
def test_bad_input_is_one_line(words: list[str], code: int, text: str, store: Promoted, run: Run) -> None:
    store.promote(artefact())
    store.promote(artefact(symbol="ETHUSDT"))
    found, out, err = run(*words)
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert text in err

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.research.search.worlds import MARKET, RANGES, flat, loaded

from thunes.clock import ManualClock, SystemClock
from thunes.errors import DataError, GateRefused, LockHeld, NetworkError, UsageError
from thunes.model import Costs
from thunes.research.search.result import SHARED, SearchResult
from thunes.research.search.search import search
from thunes.storage.locking import locked


def searched(place: Path | str, **terms: Any) -> SearchResult:
    given: dict[str, Any] = {"ranges": RANGES, "sampler": "random", "trials": 16, "study": "study", **terms}
    return search("sma_cross", given.pop("candles", MARKET), place=place, **given)


def test_a_study_carries_where_it_comes_from(tmp_path: Path) -> None:
    result = searched(tmp_path)
    attributes = loaded(tmp_path / "study.log", "study").user_attrs
    assert attributes["thunes:provenance"] == json.loads(json.dumps(result.provenance))
    assert attributes["thunes:provenance"]["candles"]["sha256"] == MARKET.fingerprint()
    assert attributes["thunes:settings"]["seed"] == 0


def test_by_default_its_name_changes_with_whatever_changes_its_trials(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"seed": 1},
        {"sampler": "tpe"},
        {"ranges": {**RANGES, "fast": range(5, 14)}},
        {"costs": Costs(0, 0)},
        {"folds": 4},
        {"min_trades": 11},
        {"objectives": ("calmar",)},
        {"prune": False},
        {"candles": MARKET[1:]},
    ]
    names = [searched(tmp_path, study="", **change).study for change in changes]
    assert len(set(names)) == len(changes)
    assert all(name.startswith("sma_cross_BTCUSDT_1h_") for name in names)
    assert searched(tmp_path, study="").study == names[0]


@pytest.mark.parametrize(
    ("change", "named"),
    [({"seed": 1}, "seed"), ({"candles": MARKET[1:]}, "candles, folds"), ({"costs": Costs(0, 0)}, "costs")],
)
def test_a_study_of_that_name_with_other_settings_is_refused_and_left_alone(
    change: dict[str, Any], named: str, tmp_path: Path
) -> None:
    searched(tmp_path)
    before = (tmp_path / "study.log").read_bytes()
    with pytest.raises(UsageError, match=f"study study was begun with other settings: {named}"):
        searched(tmp_path, **change)
    assert (tmp_path / "study.log").read_bytes() == before


@pytest.mark.parametrize("content", [b"garbage", b"garbage\n", b"\xff\xfe\n{}\n", b"{}\n", b"[1]\n", b"{}\n{"])
def test_a_file_that_is_no_journal_is_refused_and_left_alone(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "study.log").write_bytes(content)
    with pytest.raises(DataError, match=r"study\.log is damaged: no study"):
        searched(tmp_path)
    assert (tmp_path / "study.log").read_bytes() == content


def test_a_journal_with_a_broken_middle_is_refused(tmp_path: Path) -> None:
    searched(tmp_path)
    path = tmp_path / "study.log"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:8], lines[8][:20], *lines[8:]]))
    with pytest.raises(DataError, match="is damaged"):
        searched(tmp_path, trials=24)


def test_a_study_that_another_process_works_on_is_left_to_it(tmp_path: Path) -> None:
    with locked(tmp_path / "study.lock", SystemClock()), pytest.raises(LockHeld, match="another process holds"):
        searched(tmp_path, clock=ManualClock(0))


def test_a_folder_that_cannot_be_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(DataError, match="taken"):
        searched(tmp_path / "taken" / "deeper")


# -- storage URLs


def test_a_database_keeps_the_same_study_as_a_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    searched(url, trials=10)
    assert searched(url).frame.equals(searched(tmp_path).frame)


@pytest.mark.parametrize(
    ("url", "error", "line"),
    [
        ("sqlite:////no/such/folder/studies.db", NetworkError, "cannot use the storage sqlite:////no/such"),
        ("nonsense", UsageError, "cannot read the storage URL"),
        ("oracal://host/x", UsageError, "no driver for the storage oracal://host/x"),
    ],
)
def test_a_storage_that_cannot_be_used_is_one_line(url: str, error: type[Exception], line: str) -> None:
    with pytest.raises(error, match=line):
        searched(url)


@pytest.mark.loopback
def test_a_database_that_does_not_answer_is_a_network_error_without_the_password() -> None:
    with pytest.raises(NetworkError, match=r"cannot use the storage postgresql\+psycopg://me:\*\*\*@127") as caught:
        searched("postgresql+psycopg://me:geheim@127.0.0.1:9/x")  # pragma: allowlist secret
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "studies.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(DataError, match="holds no study"):
        searched(f"sqlite:///{tmp_path / 'studies.db'}")


def test_another_programs_study_is_not_touched(tmp_path: Path) -> None:
    import optuna

    url = f"sqlite:///{tmp_path / 'studies.db'}"
    optuna.create_study(storage=url, study_name="study").optimize(lambda trial: trial.suggest_float("x", 0, 1), 1)
    with pytest.raises(UsageError, match="study study was not made by thunes"):
        searched(url)
    with sqlite3.connect(tmp_path / "studies.db") as database:
        assert database.execute("select count(*) from trials").fetchone() == (1,)
    database.close()


# -- nothing found, too little to look at


def test_flat_prices_have_no_viable_parameters(tmp_path: Path) -> None:
    line = "no viable parameters: of 16 sets 1[0-9] have no defined sharpe on some fold"
    with pytest.raises(GateRefused, match=line):
        searched(tmp_path, candles=flat(900))
    with pytest.raises(GateRefused, match="no viable parameters"):
        searched(tmp_path, candles=flat(900), sampler="exhaustive")


def test_too_little_history_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="180 bars are too few for 5 folds after 53 bars of warm-up; it takes 203"):
        searched(tmp_path, candles=MARKET[:180])
    assert list(tmp_path.iterdir()) == []


# -- shared studies


def test_a_shared_study_says_that_it_cannot_be_made_again(tmp_path: Path) -> None:
    result = searched(tmp_path, shared=True)
    assert result.to_dict()["reproducible"] is False
    assert loaded(tmp_path / "study.log", "study").user_attrs["thunes:note"] == result.note == SHARED
    assert len(searched(tmp_path, shared=True)) == 32
    with pytest.raises(UsageError, match="other settings: seed, shared"):
        searched(tmp_path)

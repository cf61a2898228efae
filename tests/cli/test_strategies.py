from __future__ import annotations

import json
import shutil
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from thunes.cli.app import main
from thunes.strategies import registry

LEAKING = Path(__file__).parents[1] / "strategies" / "leaking.py"


@pytest.fixture
def thunes(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command; its exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_the_list_names_every_strategy_with_its_parameters_in_80_columns(thunes: Any) -> None:
    code, out, _ = thunes("strategies")
    assert code == 0
    assert "sma_cross  9,370 parameter sets with fast < slow" in out
    assert "Long while the fast average of closes is above the slow one, flat otherwise." in out
    assert all(name in out for name in registry.BUILT_IN)
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 80


def test_the_list_as_json_has_defaults_ranges_units_and_sizes(thunes: Any) -> None:
    _, out, _ = thunes("strategies", "--json")
    listed = {entry["name"]: entry for entry in json.loads(out)["strategies"]}
    rsi = listed["rsi_reversion"]
    assert rsi["constraints"] == ["lower < upper"]
    assert rsi["sets"] == registry.load("rsi_reversion").space_size()
    assert rsi["parameters"][1] == {
        "name": "lower", "unit": "RSI points", "default": 30.0, "first": 10.0, "last": 44.0, "step": 2.0
    }  # fmt: skip
    assert listed["buy_and_hold"]["sets"] == 1


def test_a_broken_package_is_named_and_the_rest_is_listed(thunes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "BUILT_IN", {"sma_cross": "SmaCross"})
    monkeypatch.setattr(registry, "_installed", lambda: {"gone": _entry("gone_thunes_test:Gone")})
    code, out, err = thunes("strategies")
    assert code == 0
    assert "sma_cross" in out
    assert err.startswith("! gone = gone_thunes_test:Gone raised ModuleNotFoundError")


def _entry(value: str) -> Any:
    return EntryPoint("gone", value, registry.GROUP)


def test_an_honest_strategy_passes_both_checks(thunes: Any) -> None:
    code, out, _ = thunes("strategies", "check", "sma_cross", "--last", "300")
    assert code == 0
    first, second = out.splitlines()
    assert first.startswith("look-ahead SmaCross(fast=20, slow=50): passed")
    assert second.startswith("walk-forward SmaCross(fast=20, slow=50): passed")


def test_the_parameters_checked_are_those_that_were_set(thunes: Any) -> None:
    code, out, _ = thunes("strategies", "check", "sma_cross", "--set", "fast=5", "--set", "slow=9", "--last", "300")
    assert code == 0
    assert all("SmaCross(fast=5, slow=9): passed" in line for line in out.splitlines())


def test_a_leak_is_exit_code_6_and_names_its_first_bar(thunes: Any) -> None:
    code, out, err = thunes("strategies", "check", f"{LEAKING}:PeeksOneBar", "--last", "300", "--json")
    assert code == 6
    check = json.loads(out)["checks"][0]
    assert check["leak"]["bar"] == 0
    assert not check["passed"]
    assert "bar 0 (" in err
    assert err.count("\n") == 1
    assert "[E-STRATEGY-LEAK]" in err


def test_a_leak_in_a_file_of_this_folder_is_found(thunes: Any, tmp_path: Path) -> None:
    shutil.copy(LEAKING, tmp_path / "mine.py")
    code, _, err = thunes("strategies", "check", "mine.py:CountsFromTheEnd", "--last", "200")
    assert code == 6
    assert err.startswith("✗ look-ahead check of mine.py:CountsFromTheEnd: bar 0 (")


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["sma_cros"], 2, "Did you mean 'sma_cross'?"),
        (["none.py:Mine"], 2, "cannot read none.py"),
        (["broken.py"], 1, "broken.py:1: "),
        (["twice.py"], 1, "exposure is 2 at bar 0"),
        (["short.py"], 1, "bars need (300,)"),
        (["nan.py"], 1, "exposure is nan at bar 7"),
        (["sma_cross", "--last", "1"], 2, "--last"),
        (["sma_cross", "--last", "20"], 4, "slow=50"),
        (["sma_cross", "--data", "nowhere.csv"], 4, "nowhere.csv"),
        (["sma_cross", "--set", "fats=5"], 2, "Did you mean 'fast'?"),
        (["sma_cross", "--set", "fast"], 2, "cannot read --set 'fast'"),
        (["sma_cross", "--set", "fast=5", "--set", "fast=6"], 2, "--set fast is given twice"),
        ([], 2, "NAME_OR_PATH"),
    ],
)
def test_what_cannot_be_checked_is_one_line_with_its_exit_code(
    arguments: list[str], code: int, text: str, thunes: Any, tmp_path: Path
) -> None:
    answers = {"twice": "candles.close * 0 + 2", "short": "candles.close[1:] * 0", "nan": "_nan(candles.close * 0)"}
    for name, answer in answers.items():
        (tmp_path / f"{name}.py").write_text(OWN.format(answer=answer))
    (tmp_path / "broken.py").write_text("class Broken(:")
    last = [] if "--last" in arguments else ["--last", "300"]
    found, out, err = thunes("strategies", "check", *arguments, *last)
    assert (found, out) == (code, "")
    assert text in err
    assert err.count("\n") == 1


OWN = """
from thunes import Strategy

def _nan(x):
    x[7] = float("nan")
    return x

class Own(Strategy):
    def exposure(self, candles):
        return {answer}
"""


def test_a_new_strategy_is_written_here_and_can_be_checked(thunes: Any, tmp_path: Path) -> None:
    code, out, _ = thunes("new-strategy", "my_idea")
    assert code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my_idea.py", "test_my_idea.py"]
    assert "thunes strategies check my_idea.py:MyIdea" in out
    assert thunes("strategies", "check", "my_idea.py:MyIdea", "--last", "300")[0] == 0


def test_a_new_strategy_as_json_names_the_files(thunes: Any) -> None:
    _, out, _ = thunes("new-strategy", "my_idea", "--json")
    answer = json.loads(out)
    assert (answer["strategy"], answer["files"]) == ("my_idea.py:MyIdea", ["my_idea.py", "test_my_idea.py"])


def test_a_new_strategy_overwrites_nothing_and_needs_a_name(thunes: Any, tmp_path: Path) -> None:
    (tmp_path / "my_idea.py").write_text("precious")
    assert thunes("new-strategy", "my_idea")[0] == 2
    assert thunes("new-strategy", "my-idea")[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["my_idea.py"]

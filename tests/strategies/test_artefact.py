"""A promoted strategy as a value and as a file."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import FrozenInstanceError, asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.artefacts import artefact

from thunes.errors import DataError
from thunes.strategies.artefact import Artefact, dump, load_strategy, read, verify
from thunes.strategies.sma_cross import SmaCross

MINE = """
from pathlib import Path
from thunes import Strategy, param

Path("imported").touch()

class Mine(Strategy):
    level: float = param(0.5, "fraction", first=0.0, last=1.0, step=0.1)

    @staticmethod
    def rule(held, level):
        return level
"""


def refusal(code: str, made: Artefact, environment: str = "sim") -> str:
    with pytest.raises(DataError) as caught:
        verify(made, environment)
    assert (caught.value.code, caught.value.exit_code) == (code, 4)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def written(content: bytes) -> Path:
    path = Path("a.json")
    path.write_bytes(content)
    return path


def mine() -> Artefact:
    Path("mine.py").write_text(MINE)
    return artefact(strategy="mine", reference="mine.py:Mine", parameters={"level": 0.3})


def test_what_is_written_is_read() -> None:
    made = artefact()
    assert read(written(dump(made))) == made


def test_its_hash_is_that_of_its_json_with_sorted_keys() -> None:
    made = artefact()
    text = json.dumps(asdict(made), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert made.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert json.loads(dump(made))["sha256"] == made.sha256
    assert made.id == f"20260301T120000Z-{made.sha256[:12]}"


def test_every_field_counts_in_the_hash() -> None:
    made = artefact()
    changed: dict[str, Any] = {"anchor": 1, "parameters": {"fast": 21, "slow": 50}, "notes": [], "gates": []}
    for name, value in asdict(made).items():
        other = changed.get(name, "x" if value is None or isinstance(value, str) else {"x": 1.0})
        assert replace(made, **{name: other}).sha256 != made.sha256, name


@given(st.data())
def test_any_changed_byte_is_found(data: st.DataObject) -> None:
    content = dump(artefact())
    at = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != content[at]))
    with pytest.raises(DataError, match=r"E-ARTEFACT-TAMPERED|E-FORMAT-"):
        read(written(content[:at] + bytes([byte]) + content[at + 1 :]))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text + b"\n",
        lambda text: text.replace(b"  ", b" "),
        lambda text: text.replace(b'"fast": 20', b'"fast": 20, "fast": 20'),
        lambda _: b"",
        lambda _: b"[]",
    ],
)
def test_a_file_in_another_form_is_found(change: Any) -> None:
    with pytest.raises(DataError) as caught:
        read(written(change(dump(artefact()))))
    assert caught.value.code == "E-ARTEFACT-TAMPERED"
    assert "SHA-256" in str(caught.value) or "no artefact" in str(caught.value)


def test_a_field_too_many_is_refused_even_with_a_hash_that_fits() -> None:
    from thunes.strategies.artefact import FORMAT, seal

    with pytest.raises(DataError, match="fields"):
        read(written(seal(FORMAT, {**asdict(artefact()), "more": 1})))


def test_a_newer_format_is_refused() -> None:
    with pytest.raises(DataError, match="E-FORMAT-NEWER"):
        read(written(dump(artefact()).replace(b'"format": 1', b'"format": 2')))


def test_a_missing_file_is_one_line() -> None:
    with pytest.raises(DataError, match="E-ARTEFACT-MISSING"):
        read(Path("none.json"))


def test_its_values_become_plain_so_that_reading_gives_the_same() -> None:
    made = artefact(
        parameters=MappingProxyType({"fast": np.int64(20), "slow": 50}),
        in_sample={"sharpe": np.float64(1.5), "sortino": float("nan")},
        notes=("one",),
    )
    assert made.parameters == {"fast": 20, "slow": 50}
    assert made.in_sample == {"sharpe": 1.5, "sortino": None}
    assert made.notes == ["one"]
    assert read(written(dump(made))).sha256 == made.sha256


def test_it_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        artefact().anchor = 2  # type: ignore[misc]


def test_a_sound_one_passes_where_it_was_promoted_for() -> None:
    verify(artefact(), "sim")
    verify(artefact("synthetic:7,edge=2", forced="to see"), "sim")
    verify(artefact(environment="live"), "live")


@pytest.mark.covers("pitfall X14")
def test_another_environment_is_refused() -> None:
    assert "for sim, not for live" in refusal("E-ARTEFACT-ENVIRONMENT", artefact(), "live")


def test_made_up_candles_count_in_sim_only() -> None:
    refusal("E-ARTEFACT-SYNTHETIC", artefact("synthetic:7,edge=2", environment="paper"), "paper")


@pytest.mark.parametrize("told", [{}, {"candles": {}}, {"candles": {"synthetic": None, "source": "binance"}}])
def test_candles_that_nobody_vouches_for_are_made_up(told: dict[str, Any]) -> None:
    refusal("E-ARTEFACT-SYNTHETIC", artefact(environment="live", provenance=told), "live")


def test_a_promotion_by_force_counts_in_sim_only() -> None:
    refusal("E-ARTEFACT-FORCED", artefact(environment="testnet", forced="I know better"), "testnet")


@pytest.mark.parametrize("change", [{"parameters": {"fast": 5, "slow": 50}}, {"symbol": "ETHUSDT"}, {"interval": "4h"}])
def test_parts_that_contradict_the_provenance_are_found(change: dict[str, Any]) -> None:
    refusal("E-ARTEFACT-TAMPERED", replace(artefact(), **change))


def test_a_changed_source_is_refused_before_it_is_imported() -> None:
    made = mine()
    verify(made, "sim")
    Path("mine.py").write_text(MINE.replace("return level", "return level / 2"))
    assert "is not the source that was promoted" in refusal("E-ARTEFACT-SOURCE", made)
    with pytest.raises(DataError, match="E-ARTEFACT-SOURCE"):
        load_strategy(made)
    assert not Path("imported").exists()


def test_a_source_that_changes_between_the_check_and_the_import_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = mine()
    Path("mine.py").write_text(MINE + "\n")
    monkeypatch.setattr("thunes.strategies.artefact.source_sha256", lambda _: made.strategy_sha256)
    with pytest.raises(DataError, match="while it was loaded"):
        load_strategy(made)


def test_a_missing_source_is_refused() -> None:
    made = mine()
    Path("mine.py").unlink()
    assert "cannot read the strategy" in refusal("E-ARTEFACT-SOURCE", made)


def test_a_strategy_without_a_file_is_refused() -> None:
    assert "has no file" in refusal("E-ARTEFACT-SOURCE", artefact(strategy_sha256=""))


def test_a_strategy_that_is_not_installed_is_refused() -> None:
    made = artefact(reference="gone", strategy_sha256="0" * 64)
    assert "there is no strategy 'gone'" in refusal("E-ARTEFACT-SOURCE", made)


@pytest.mark.parametrize("link", [False, True])
def test_a_source_outside_the_project_is_refused(link: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("elsewhere") / "mine.py"
    outside.write_text(MINE)
    path = Path("link.py") if link else outside
    if link:
        path.symlink_to(outside)
    digest = hashlib.sha256(outside.read_bytes()).hexdigest()
    made = artefact(reference=f"{path}:Mine", strategy_sha256=digest, parameters={"level": 0.3})
    assert "outside the project" in refusal("E-ARTEFACT-SOURCE", made)


def test_a_strategy_comes_back_with_its_parameters() -> None:
    assert load_strategy(artefact()) == SmaCross(20, 50)
    loaded = load_strategy(mine())
    assert (loaded.name(), loaded.values) == ("mine", {"level": 0.3})


def test_checking_a_built_in_imports_nothing() -> None:
    made, name = artefact(reference="macd_trend", strategy="macd_trend"), "thunes.strategies.macd_trend"
    kept = sys.modules.pop(name, None)
    try:
        verify(made, "sim")
        assert name not in sys.modules
    finally:
        if kept is not None:
            sys.modules[name] = kept

from __future__ import annotations

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes import errors
from thunes.errors import Blocked, NetworkError, RateLimited, ThunesError, UsageError, did_you_mean

TREE = {name: cls for name, cls in vars(errors).items() if inspect.isclass(cls) and issubclass(cls, ThunesError)}
EXITS = {
    "ThunesError": 1,
    "UsageError": 2,
    "SettingsError": 3,
    "DataError": 4,
    "StrategyError": 1,
    "CheckFailed": 1,
    "NetworkError": 5,
    "Blocked": 5,
    "RateLimited": 5,
    "GateRefused": 6,
    "ReconcileError": 8,
    "LockHeld": 9,
    "AuditError": 4,
    "RiskError": 7,
}


def test_exit_codes_are_those_of_the_contract() -> None:
    assert {name: cls.exit_code for name, cls in TREE.items()} == EXITS


def test_the_tree_at_the_top_of_the_module_is_the_tree_of_the_code() -> None:
    drawn = re.findall(r"^[│ ├└─]*([A-Z]\w+) +(\d|carries)", errors.__doc__ or "", re.MULTILINE)
    assert {name: code for name, code in drawn if code != "carries"} == {
        name: str(code) for name, code in EXITS.items() if name != "ThunesError"
    }
    assert issubclass(Blocked, NetworkError)
    assert issubclass(RateLimited, NetworkError)


def test_an_error_is_one_line_of_what_why_and_code() -> None:
    error = UsageError("E-THING", "it broke.", "Mend it.")
    assert str(error) == "it broke. Mend it. [E-THING]"
    assert (error.code, error.message, error.hint) == ("E-THING", "it broke.", "Mend it.")
    assert str(UsageError("E-THING", "it broke.")) == "it broke. [E-THING]"


def test_a_rate_limit_says_how_long_to_wait() -> None:
    assert RateLimited("E-RATE", "slow down.", retry_after=2.5).retry_after == 2.5


@pytest.mark.parametrize(
    ("word", "hint"),
    [("fats", "Did you mean 'fast'?"), ("sow", "Did you mean 'slow'?"), ("zzzz", "Known: fast, slow.")],
)
def test_the_nearest_known_word_is_named_or_all_of_them(word: str, hint: str) -> None:
    assert did_you_mean(word, ["slow", "fast"]) == hint


@given(word=st.text(max_size=20), known=st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=5))
def test_a_hint_always_names_a_known_word(word: str, known: list[str]) -> None:
    assert any(name in did_you_mean(word, known) for name in known)

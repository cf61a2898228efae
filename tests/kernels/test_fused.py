"""Compiled loops are kept between processes, and an edit anywhere in what they call is seen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.kernels.plain import COMPILER

import thunes
from thunes.kernels import fused

STRATEGIES = """
import numba
import numpy as np
import lib
import lib.deep
import middle
from lib import ARRAY, NUMBER, TABLE, PAIR, compiled, python, with_default
from middle import through
from thunes import Strategy, indicators, Line, param

def make(value):
    @numba.njit
    def inner():
        return value
    return inner

closed_over = make(FIRST)

class Rule(Strategy):
    '''One character of the rule.'''
    @staticmethod
    def rule(held):
        return FIRST

class PythonCallee(Rule):
    '''A plain function of another file.'''
    @staticmethod
    def rule(held):
        return python()

class CachedCallee(Rule):
    '''A function of another file that numba caches.'''
    @staticmethod
    def rule(held):
        return compiled()

class CalleeOfCallee(Rule):
    '''A cached function that uses a third file.'''
    @staticmethod
    def rule(held):
        return through()

class ModuleCallee(Rule):
    '''The same by the name of its module.'''
    @staticmethod
    def rule(held):
        return lib.module_compiled()

class ModuleCalleeOfCallee(Rule):
    '''The same through a third file.'''
    @staticmethod
    def rule(held):
        return middle.module_through()

class SubmoduleCallee(Rule):
    '''A module inside a module.'''
    @staticmethod
    def rule(held):
        return lib.deep.by_its_place()

class Number(Rule):
    '''A number of another file.'''
    @staticmethod
    def rule(held):
        return NUMBER

class ModuleNumber(Rule):
    '''A number by the name of its module.'''
    @staticmethod
    def rule(held):
        return lib.MODULE_NUMBER

class ArrayValue(Rule):
    '''An element of an array.'''
    @staticmethod
    def rule(held):
        return ARRAY[1]

class ArrayShape(Rule):
    '''Numbers that stay, in another shape.'''
    @staticmethod
    def rule(held):
        return 0.5 if TABLE.shape[0] == 2 else 0.8

class ArraysInATuple(Rule):
    '''Long arrays, which numpy prints shortened.'''
    @staticmethod
    def rule(held):
        return PAIR[0][1000]

class Default(Rule):
    '''A default value.'''
    @staticmethod
    def rule(held):
        return with_default()

class Closure(Rule):
    '''A value that a function closes over.'''
    @staticmethod
    def rule(held):
        return closed_over()

class Kernel(Strategy):
    '''A kernel in place of a rule.'''
    @staticmethod
    def kernel(out, close):
        for t in range(out.size):
            out[t] = compiled()

class Switch(Strategy):
    '''Long or flat, by a function of another file.'''
    @staticmethod
    def rule(held):
        return compiled() > 0.6
"""
LIB = """
import numba
import numpy as np

NUMBER = FIRST
ARRAY = np.array([0.0, FIRST])
TABLE = np.arange(6.0).reshape(SHAPE)
PAIR = (np.concatenate([np.zeros(1000), [FIRST], np.zeros(1000)]), np.zeros(3))

MODULE_NUMBER = FIRST

def python():
    return FIRST

@numba.njit(cache=True)
def compiled():
    return FIRST

@numba.njit(cache=True)
def module_compiled():
    return FIRST

@numba.njit
def with_default(value=FIRST):
    return value
"""
MIDDLE = """
import numba
from lib.deep import deepest

@numba.njit(cache=True)
def through():
    return deepest()

@numba.njit(cache=True)
def module_through():
    return deepest()
"""
DEEP = """
import numba

@numba.njit(cache=True)
def deepest():
    return FIRST

@numba.njit(cache=True)
def by_its_place():
    return FIRST
"""
FORMS = [line.split()[1].partition("(")[0] for line in STRATEGIES.splitlines() if line.startswith("class ")]
SWITCH = "Switch swept"
FORMS.remove("Switch")
OTHERS = {"ArrayShape": ([0.5], [0.8]), SWITCH: ([0.0], [1.0])}  # what these answer before and after the edit

SCRIPT = """
import json, sys, pathlib
folder, loops = sys.argv[1:3]
sys.path.insert(0, folder)
import numpy as np
from numba.core import event
from tests.series import walk
from thunes.kernels import fused
from thunes.research.sweep import sweep
from thunes.strategies import registry
from thunes.strategies.base import evaluate

fused.FOLDER = pathlib.Path(loops)
candles, found = walk(50), {}
with event.install_recorder("numba:compile") as recorder:
    for form in sys.argv[3:]:
        name, _, how = form.partition(" ")
        try:
            strategy = registry.load(f"{folder}/strategies.py:{name}")
            if how == "swept":
                shares = sweep(strategy, candles, metrics=("exposure",), threads=1).metrics["exposure"] * 50 / 49
            else:
                shares = np.unique(evaluate(strategy(), candles))
            found[form] = shares.round(1).tolist()
        except Exception as error:
            found[form] = repr(error)
print(json.dumps({"found": found, "compiled": len(recorder.buffer)}))
"""


def start(folder: Path, loops: Path, *forms: str, **environment: str) -> subprocess.Popen[str]:
    """A process that evaluates and sweeps some of the strategies of a folder."""
    untraced = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}  # twice as fast
    paths = os.pathsep.join([str(Path(thunes.__file__).parents[1]), str(Path(__file__).parents[2])])
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), str(loops), *forms],
        env={**untraced, "PYTHONPATH": paths, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(process: subprocess.Popen[str]) -> dict[str, object]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return json.loads(out)


def write(folder: Path, value: str, shape: str) -> None:
    """The strategies and what they call, all saying the same value; `middle.py` says none and is left as it is."""
    (folder / "lib").mkdir(exist_ok=True)
    for name, text in (("strategies.py", STRATEGIES), ("lib/__init__.py", LIB), ("lib/deep.py", DEEP)):
        (folder / name).write_text(text.replace("FIRST", value).replace("SHAPE", shape))
    if not (folder / "middle.py").exists():
        (folder / "middle.py").write_text(MIDDLE)


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """Answers before an edit, from a second process, and after the edit; with the files that each left."""
    folder, loops = tmp_path_factory.mktemp("strategies"), tmp_path_factory.mktemp("loops")
    write(folder, "0.5", "(2, 3)")
    answers = {}
    for name in ("first", "second", "edited"):
        if name == "edited":
            write(folder, "0.7", "(3, 2)")
        answers[name] = {**answer(start(folder, loops, *FORMS, SWITCH)), "files": listing(loops)}
    return answers


@COMPILER
def test_a_second_process_compiles_nothing_and_adds_no_file(runs: dict[str, dict[str, object]]) -> None:
    assert runs["first"]["compiled"]
    assert runs["second"] == {**runs["first"], "compiled": 0}


@COMPILER
@pytest.mark.parametrize("form", [*FORMS, SWITCH])
def test_an_edit_gives_the_new_result(form: str, runs: dict[str, dict[str, dict[str, object]]]) -> None:
    before, after = OTHERS.get(form, ([0.5], [0.7]))
    assert runs["first"]["found"][form] == before
    assert runs["edited"]["found"][form] == after


@COMPILER
def test_two_processes_may_compile_the_same_at_once(tmp_path: Path) -> None:
    write(tmp_path, "0.5", "(2, 3)")
    loops = tmp_path / "loops"
    both = [start(tmp_path, loops, "Rule", "CachedCallee") for _ in range(2)]
    for process in both:
        assert answer(process)["found"] == {"Rule": [0.5], "CachedCallee": [0.5]}
    assert not [name for name in listing(loops) if name.startswith("tmp")]
    third = answer(start(tmp_path, loops, "Rule", "CachedCallee"))
    assert third["found"] == {"Rule": [0.5], "CachedCallee": [0.5]}


@COMPILER
def test_where_nothing_can_be_written_it_compiles_anew(tmp_path: Path) -> None:
    write(tmp_path, "0.5", "(2, 3)")
    loops = tmp_path / "loops"
    loops.write_text("a file where the folder should be")
    assert answer(start(tmp_path, loops, "Rule", "Kernel"))["found"] == {"Rule": [0.5], "Kernel": [0.5]}
    assert loops.is_file()


@COMPILER
def test_an_install_that_nobody_may_write_to_still_computes(tmp_path: Path) -> None:
    shutil.copytree(Path(thunes.__file__).parent, tmp_path / "thunes", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("kernels", "research"):
        (tmp_path / "thunes" / folder / "__pycache__").write_text("no folder")
    code = "import numpy as np; from thunes import indicators; print(indicators.sma(np.arange(4.0), 2).tolist()[1:])"
    hidden = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "XDG"))}
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        env={**hidden, "PYTHONPATH": str(tmp_path), "HOME": "/dev/null"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip() == "[0.5, 1.5, 2.5]", done.stderr


# -- in one process


def one(held: float) -> float:
    return 1.0


def same_as_one(held: float) -> float:
    return 1.0


def calls_one(held: float) -> float:
    return one(held)


def test_a_fingerprint_tells_what_a_function_does_not_what_it_is_called() -> None:
    prints = [fused.fingerprint(function) for function in (one, same_as_one, calls_one)]
    assert prints[0] == prints[1] != prints[2]


def test_a_rule_is_run_bar_by_bar_on_what_it_held() -> None:
    def count(held: float, close: float, step: float) -> float:
        return held + step if close > 0 else 0.0

    close = np.array([1.0, 1.0, -1.0, 1.0])
    assert fused.decide(count, [close, 0.25], 4).tolist() == [0.25, 0.5, 0, 0.25]
    assert fused.decide(one, [], 3).tolist() == [1, 1, 1]
    assert fused.decide(one, [], 0).tolist() == []


def down(n: float) -> float:
    return down(n - 1.0) if n > 1.0 else n


def test_a_function_that_calls_itself_has_a_fingerprint() -> None:
    assert fused.fingerprint(down) == fused.fingerprint(down) != fused.fingerprint(one)

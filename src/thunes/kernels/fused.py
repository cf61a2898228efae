"""Loops that take a strategy's rule or kernel, compiled as one with it and cached by content.

Numba does not cache a loop that takes a function as an argument, and a cached function does not notice that a callee in
another file was edited. So the loop's source is written to a module of its own, named by the hash of that source and of
everything it calls; numba's ordinary cache then works, and an edit anywhere gives another name. The modules live in
`__pycache__/fused` beside this file; where that cannot be written, they are compiled anew in each process.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from thunes.kernels.compiled import HAVE_NUMBA, jit
from thunes.kernels.freshness import fingerprint, fresh, is_ours
from thunes.model import Float1D

KEPT = 200  # loops on disk, about 300 KB each
FOLDER = Path(__file__).parent / "__pycache__" / "fused"
MAKER = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()  # another way of compiling gives other names

DECIDE = """
def loop(out, {arguments}):
    held = 0.0
    for t in range(out.size):
        held = rule(held, {values})
        out[t] = held
"""

_loaded: dict[str, Callable[..., Any]] = {}


def load(source: str, functions: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    """The function `loop` of a module source, compiled, whose globals are `functions` and numpy as `np`."""
    prints = "".join(f"# {name} {fingerprint(function)}\n" for name, function in sorted(functions.items()))
    text = f"{source}\n# calls:\n{prints}"
    name = "loop_" + hashlib.sha256((MAKER + text).encode()).hexdigest()[:32]
    if name not in _loaded:
        _loaded[name] = _compile(name, text, functions)
    return _loaded[name]


def _compile(name: str, text: str, functions: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    path = FOLDER / f"{name}.py"
    cached = HAVE_NUMBA and _written(path, text)
    module = sys.modules[name] = types.ModuleType(name)  # numba looks it up there when it loads from its cache
    vars(module).update(np=np, **{key: fresh(function, name, {}) for key, function in functions.items()})
    exec(compile(text, str(path), "exec"), vars(module))  # noqa: S102  (our own text)
    loop: Callable[..., Any] = vars(module)["loop"]
    return jit(loop, cache=cached)


def _written(path: Path, text: str) -> bool:
    """Write atomically unless it is there (two processes may, with the same content); False where that is forbidden."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(handle, "w") as file:
                file.write(text)
            Path(temporary).replace(path)
            _prune(path.parent)
        for index in _indexes(path):
            os.utime(index)  # in use: the last to be forgotten
    except OSError:
        return False
    return True


def _indexes(module: Path) -> list[Path]:
    """numba's index files of a module; their time is ours to use, the module's own is numba's stamp."""
    return list(module.parent.glob(f"__pycache__/{module.stem}.*.nbi"))


def _last_use(module: Path) -> float:
    return max((file.stat().st_mtime for file in (module, *_indexes(module)) if file.exists()), default=0.0)


def _prune(folder: Path) -> None:
    """Forget the loops beyond `KEPT` that were not used for longest: every edit of a rule leaves one behind."""
    modules = list(folder.glob("loop_*.py"))
    if len(modules) > KEPT:
        for module in sorted(modules, key=_last_use)[:-KEPT]:
            for file in (module, *folder.glob(f"__pycache__/{module.stem}.*")):
                file.unlink(missing_ok=True)


CALL = """
def loop({arguments}):
    return rule({arguments})
"""


def call(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Call a user's kernel, all that it calls compiled from today's source; our own kernels are called as is."""
    if is_ours(function):
        return function(*arguments)
    names = ", ".join(f"a{k}" for k in range(len(arguments)))
    return load(CALL.format(arguments=names), {"rule": function})(*arguments)


def decide(rule: Callable[..., Any], arguments: Sequence[Any], bars: int) -> Float1D:
    """Run a rule over the bars: float64[bars]. Array arguments give their bar's value, others pass as they are."""
    out = np.zeros(bars)
    names = [f"a{k}" for k in range(len(arguments))]
    values = [f"{n}[t]" if isinstance(a, np.ndarray) else n for n, a in zip(names, arguments, strict=True)]
    load(DECIDE.format(arguments=", ".join(names), values=", ".join(values)), {"rule": rule})(out, *arguments)
    return out

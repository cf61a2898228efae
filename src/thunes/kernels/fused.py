"""Loops that take a strategy's rule or kernel, compiled as one with it and cached by content.

Numba does not cache a loop that takes a function as an argument, and a cached function does not notice that a callee in
another file was edited. So the loop's source is written to a module of its own, named by the hash of that source and of
everything it calls; numba's ordinary cache then works, and an edit anywhere gives another name. The modules live in
`__pycache__/fused` beside this file; where that cannot be written, they are compiled anew in each process.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import tempfile
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from thunes.kernels.compiled import HAVE_NUMBA, is_compiled, jit, plain
from thunes.model import Float1D

KERNELS = "thunes.kernels."
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
    prints = "".join(f"# {name} {_print(function)}\n" for name, function in sorted(functions.items()))
    text = f"{source}\n# calls:\n{prints}"
    name = "loop_" + hashlib.sha256((MAKER + text).encode()).hexdigest()[:32]
    if name not in _loaded:
        _loaded[name] = _compile(name, text, functions)
    return _loaded[name]


def _compile(name: str, text: str, functions: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    path = FOLDER / f"{name}.py"
    cached = HAVE_NUMBA and _written(path, text)
    module = sys.modules[name] = types.ModuleType(name)  # numba looks it up there when it loads from its cache
    vars(module).update(np=np, **{key: _fresh(function, name) for key, function in functions.items()})
    exec(compile(text, str(path), "exec"), vars(module))  # noqa: S102  (our own text)
    loop: Callable[..., Any] = vars(module)["loop"]
    return jit(loop, cache=cached)


def _fresh(value: Any, module: str) -> Any:
    """A function compiled anew with all that it calls: a cached callee may be older than what that one calls.

    It is made a member of `module`, which numba finds again when it loads from its cache, as it may not a user's file.
    Our own kernels are as they are; `compiled.py` says why they cannot be stale. Other values stay.
    """
    original = plain(value)
    if not isinstance(original, types.FunctionType) or original.__module__.startswith(KERNELS):
        return value
    names = {name for code in _codes(original.__code__) for name in code.co_names}
    scope = {**original.__globals__, "__name__": module}
    for name in names & scope.keys():
        if isinstance(scope[name], types.ModuleType):
            scope[name] = _fresh_module(scope[name], names, module)
        elif scope[name] is not value:
            scope[name] = _fresh(scope[name], module)
    cells = tuple(types.CellType(_fresh(cell.cell_contents, module)) for cell in original.__closure__ or ())
    copy = types.FunctionType(original.__code__, scope, original.__name__, original.__defaults__, cells)
    return jit(copy, cache=False)


def _fresh_module(library: types.ModuleType, names: set[str], module: str) -> types.ModuleType:
    """A module whose compiled functions of these names are compiled anew; itself where it has none."""
    used = {name: vars(library)[name] for name in names & vars(library).keys()}
    compiled = {name: _fresh(value, module) for name, value in used.items() if is_compiled(value)}
    if not compiled:
        return library
    copy = types.ModuleType(library.__name__)
    vars(copy).update(vars(library), **compiled)
    return copy


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
    except OSError:
        return False
    return True


def _prune(folder: Path) -> None:
    """Forget the oldest loops beyond `KEPT`: every edit of a rule leaves one behind."""
    modules = sorted(folder.glob("loop_*.py"), key=lambda module: module.stat().st_mtime)
    for module in modules[:-KEPT]:
        for file in (module, *folder.glob(f"__pycache__/{module.stem}.*")):
            file.unlink(missing_ok=True)


def _print(function: Callable[..., Any]) -> str:
    """A function's fingerprint; our own kernels, which nobody edits in a running process, keep theirs."""
    ours = plain(function).__module__.startswith(KERNELS)
    return _kept_print(function) if ours else fingerprint(function)


def fingerprint(function: Callable[..., Any]) -> str:
    """Hash of what a function does: its bytecode, constants, defaults, and all of that for whatever it refers to."""
    digest = hashlib.sha256()
    for part in _parts(plain(function), set()):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


_kept_print = functools.cache(fingerprint)


def _parts(function: Callable[..., Any], seen: set[int]) -> Iterator[str]:
    if id(function) in seen or not isinstance(function, types.FunctionType):
        yield getattr(function, "__qualname__", repr(function))
        return
    seen.add(id(function))
    yield from _code_parts(function.__code__)
    yield repr(function.__defaults__)
    names = {name for code in _codes(function.__code__) for name in code.co_names}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    found = {n: function.__globals__[n] for n in names if n in function.__globals__}
    found |= {name: cell.cell_contents for name, cell in cells}
    for name, value in sorted(found.items()):
        yield name
        yield from _value_parts(value, names, seen)


def _value_parts(value: Any, names: set[str], seen: set[int]) -> Iterator[str]:
    """A global's part: functions by content, modules by the attributes that are used, arrays and tuples by element."""
    if isinstance(value, types.ModuleType):
        yield value.__name__
        if id(value) not in seen:
            seen.add(id(value))
            for name in sorted(names & vars(value).keys()):
                yield name
                yield from _value_parts(vars(value)[name], names, seen)
    elif callable(value):
        yield from _parts(plain(value), seen)
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    elif isinstance(value, tuple):
        for element in value:
            yield from _value_parts(element, names, seen)
        yield f"tuple of {len(value)}"
    else:
        yield repr(value)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _code_parts(code: types.CodeType) -> Iterator[str]:
    for part in _codes(code):
        constants = [c for c in part.co_consts if not isinstance(c, types.CodeType)]
        yield f"{part.co_code.hex()} {constants!r} {part.co_names} {part.co_varnames} {part.co_freevars}"


def decide(rule: Callable[..., Any], arguments: Sequence[Any], bars: int) -> Float1D:
    """Run a rule over the bars: float64[bars]. Array arguments give their bar's value, others pass as they are."""
    out = np.zeros(bars)
    names = [f"a{k}" for k in range(len(arguments))]
    values = [f"{n}[t]" if isinstance(a, np.ndarray) else n for n, a in zip(names, arguments, strict=True)]
    load(DECIDE.format(arguments=", ".join(names), values=", ".join(values)), {"rule": rule})(out, *arguments)
    return out

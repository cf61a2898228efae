"""What a compiled function depends on: all it calls and every value it freezes, so that no compiled code is stale."""

from __future__ import annotations

import functools
import hashlib
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from thunes.errors import StrategyError
from thunes.kernels.compiled import is_compiled, jit, plain

KERNELS = "thunes.kernels."
LIBRARIES = ("numpy", "numba", "math", "builtins")  # what numba knows by identity, and their versions tell apart
Seen = set[tuple[int, str]]


def is_ours(function: Any) -> bool:
    """Whether it is a kernel of this package, which `compiled.py` keeps fresh."""
    return (getattr(plain(function), "__module__", None) or "").startswith(KERNELS)


def fingerprint(function: Callable[..., Any]) -> str:
    """Hash of what a function does: its bytecode, constants, defaults, and all of that for whatever it refers to.

    Errors: `StrategyError` for a compiled thing that cannot be looked into: a vectorized function, a jitclass.
    """
    return _of_ours(function) if is_ours(function) else _hash(function)


def _hash(function: Callable[..., Any]) -> str:
    digest = hashlib.sha256()
    for part in _parts(plain(function), set()):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


_of_ours = functools.cache(_hash)  # nobody edits them in a running process


def _parts(function: Any, seen: Seen) -> Iterator[str]:
    if not isinstance(function, types.FunctionType):
        if type(function).__module__.startswith("numba."):
            hint = "Use plain functions or numba.njit."
            raise StrategyError("E-STRATEGY-CALLEE", f"{function!r} cannot be compiled into a strategy's loop.", hint)
        yield f"{getattr(function, '__module__', '')} {getattr(function, '__qualname__', repr(function))}"
        return
    if (id(function), "") in seen:
        yield function.__qualname__
        return
    seen.add((id(function), ""))
    yield from _code_parts(function.__code__)
    yield repr(function.__defaults__)
    names = _names(function)
    for name, value in sorted(_values(function, names).items()):
        yield name
        yield from _value_parts(value, names, seen)


def _values(function: types.FunctionType, names: set[str]) -> dict[str, Any]:
    """The globals and enclosed variables that a function refers to."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    used = {name: function.__globals__[name] for name in names if name in function.__globals__}
    return used | {name: cell.cell_contents for name, cell in cells}


def _value_parts(value: Any, names: set[str], seen: Seen) -> Iterator[str]:
    """A value's part: functions by content, modules by the attributes that are used, arrays and tuples by element."""
    if isinstance(value, types.ModuleType):
        yield value.__name__
        if value.__name__.partition(".")[0] in LIBRARIES:
            return
        for name in sorted(names & vars(value).keys()):
            if (id(value), name) not in seen:
                seen.add((id(value), name))
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


def _names(function: types.FunctionType) -> set[str]:
    return {name for code in _codes(function.__code__) for name in code.co_names}


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _code_parts(code: types.CodeType) -> Iterator[str]:
    for part in _codes(code):
        constants = [c for c in part.co_consts if not isinstance(c, types.CodeType)]
        signature = (part.co_argcount, part.co_kwonlyargcount, part.co_flags, part.co_varnames, part.co_freevars)
        yield f"{part.co_code.hex()} {part.co_exceptiontable.hex()} {constants!r} {part.co_names} {signature}"


def fresh(value: Any, module: str, done: dict[int, Any]) -> Any:
    """A function compiled anew with all that it calls: a cached callee may be older than what that one calls.

    It is made a member of `module`, which numba finds again when it loads from its cache, as it may not a user's file.
    Our own kernels, library functions and other values stay as they are. `done` holds what was made already, by id.
    """
    original = plain(value)
    if not isinstance(original, types.FunctionType) or is_ours(original) or _root(original) in LIBRARIES:
        return value
    if id(original) not in done:
        scope: dict[str, Any] = {**original.__globals__, "__name__": module}
        cells = tuple(types.CellType() for _ in original.__closure__ or ())
        copy = types.FunctionType(original.__code__, scope, original.__name__, original.__defaults__, cells)
        done[id(original)] = jit(copy, cache=False, boundscheck=True)
        names = _names(original)
        for name in names & scope.keys():
            library = isinstance(scope[name], types.ModuleType)
            scope[name] = (
                _fresh_module(scope[name], names, module, done) if library else fresh(scope[name], module, done)
            )
        for cell, old in zip(cells, original.__closure__ or (), strict=True):
            cell.cell_contents = fresh(old.cell_contents, module, done)
    return done[id(original)]


def _fresh_module(library: types.ModuleType, names: set[str], module: str, done: dict[int, Any]) -> types.ModuleType:
    """A module whose compiled functions of these names are compiled anew; itself where it has none."""
    used = {name: vars(library)[name] for name in names & vars(library).keys()}
    compiled = {name: fresh(value, module, done) for name, value in used.items() if is_compiled(value)}
    if all(compiled[name] is used[name] for name in compiled):
        return library
    copy = types.ModuleType(library.__name__)
    vars(copy).update(vars(library), **compiled)
    return copy


def _root(function: types.FunctionType) -> str:
    return (function.__module__ or "").partition(".")[0]

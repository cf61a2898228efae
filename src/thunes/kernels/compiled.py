"""Compiling: numba where it is installed, the plain function where it is not.

Kernels are nopython, `nogil` (a thread pool runs them side by side) and single-threaded, without fastmath, and divide
by zero as numpy does: compiled and plain give the same bits. Numba caches a function by its own file's time stamp and
does not see an edit in another file; so a function decorated here uses only functions and constants of its own file.
A loop over a strategy's rule is compiled by `fused.py`, which has its own rule for freshness.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

numba: Any
try:
    numba = importlib.import_module("numba")
except ImportError:  # the daemon's install: plain functions serve
    numba = None

HAVE_NUMBA = numba is not None

F = TypeVar("F", bound=Callable[..., Any])


def jit(function: F, *, cache: bool = True, boundscheck: bool = False) -> F:
    """Compile a kernel, cached on disk beside its file; the plain function stays reachable by `plain`.

    With `boundscheck` an index outside its array raises IndexError, as in plain Python, where it would corrupt memory.
    """
    if not HAVE_NUMBA:
        return function
    options = {"nogil": True, "error_model": "numpy", "boundscheck": boundscheck}
    try:
        compiled: F = numba.njit(cache=cache, **options)(function)
    except RuntimeError:  # numba found no folder that it may write to
        compiled = numba.njit(**options)(function)
    return compiled


def plain(function: F) -> F:
    """The Python function that a kernel was compiled from."""
    original: F = getattr(function, "py_func", function)
    return original


def is_compiled(function: Callable[..., Any]) -> bool:
    """Whether a function was compiled, and so may be called from compiled code."""
    return hasattr(function, "py_func")

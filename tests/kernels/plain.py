"""A kernel module as plain Python, its own callees included: what runs where numba is not installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from thunes.kernels import compiled

COMPILES = compiled.HAVE_NUMBA and os.environ.get("NUMBA_DISABLE_JIT", "0") == "0"
COMPILER = pytest.mark.skipif(not COMPILES, reason="nothing is compiled here")


def plain_module(module: ModuleType) -> Any:
    """The module run again with nothing compiled in it. Its classes are new ones; what it imports is as it was."""
    twin = ModuleType(module.__name__)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "jit", lambda function: function)
        patch.setitem(sys.modules, module.__name__, twin)  # dataclasses look their module up there
        exec(Path(str(module.__file__)).read_text(), vars(twin))  # noqa: S102 (our own source)
    return twin


def same_bits(ours: Any, theirs: Any) -> bool:
    """Whether two arrays are equal byte for byte: NaN equals NaN, and 0.0 is not −0.0."""
    left, right = np.asarray(ours), np.asarray(theirs)
    return left.shape == right.shape and left.dtype == right.dtype and left.tobytes() == right.tobytes()

"""Warnings are errors; the exceptions in pyproject.toml are still needed."""

from __future__ import annotations

import subprocess
import sys

import pytest


def test_python_binance_imports_what_websockets_has_deprecated() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", "import binance"], capture_output=True, text=True)
    if done.returncode == 0:
        pytest.fail("take the exception out of pyproject.toml")
    assert "DeprecationWarning: websockets." in done.stderr

"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import thunes


def test_every_example_gives_what_it_shows() -> None:
    results = [
        doctest.testmod(importlib.import_module(module.name))
        for module in pkgutil.walk_packages(thunes.__path__, "thunes.")
        if module.name != "thunes.__main__"
    ]
    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) > 0

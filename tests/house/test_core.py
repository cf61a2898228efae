"""What the core lock promises: the trading wing's rooms work without the research extra."""

from __future__ import annotations

import subprocess
import sys

WITHOUT_RESEARCH = """
import sys
for library in ("numba", "pandas", "plotly", "scipy", "vectorbt"):
    sys.modules[library] = None  # importing it fails

import importlib, pkgutil
import thunes
for module in pkgutil.walk_packages(thunes.__path__, "thunes."):
    if not module.name.startswith(("thunes.research", "thunes.api", "thunes.__main__")):
        importlib.import_module(module.name)

from thunes.kernels.compiled import HAVE_NUMBA
from thunes.market.synthetic import generate
from thunes.strategies.sma_cross import SmaCross
candles = generate("BTCUSDT", "1d", 400, seed=7)
print(HAVE_NUMBA, 0 < SmaCross().exposure(candles).mean() < 1)
"""


def test_candles_and_strategies_work_without_the_research_extra() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_RESEARCH], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False", "True"], done.stderr

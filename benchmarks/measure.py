"""Measuring: repeated calls, fresh processes, and the machine they ran on."""

from __future__ import annotations

import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from thunes.kernels.sweep import available_cores

LIBRARIES = ("thunes", "numpy", "numba", "polars", "pandas", "vectorbt", "vectorbt-rust", "backtesting", "backtrader")
# Linux carries ru_maxrss from the parent through fork and exec; the kernel's own high-water mark starts anew.
PEAK = """
import json as _json, pathlib as _pathlib, resource as _resource
_status = _pathlib.Path("/proc/self/status")
_lines = _status.read_text().splitlines() if _status.exists() else []
_marks = [line.split()[1] for line in _lines if line.startswith("VmHWM")]
_peak = int(_marks[0]) * 1024 if _marks else _resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss
print(_json.dumps({"peak_bytes": _peak, **found}))
"""


@dataclass(frozen=True)
class Timing:
    """Seconds of repeated calls: on the wall, and of all cores together (on a busy machine the wall says little)."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    @property
    def least(self) -> float:
        return min(self.wall)

    @property
    def median(self) -> float:
        return statistics.median(self.wall)

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "min": self.least, "median": self.median, "min_cpu": min(self.cpu)}


def timed(call: Callable[[], object], repeats: int, *, warm: bool = True, tidy: bool = False) -> Timing:
    """Time `call` `repeats` times, with `warm` after one that does not count; with `tidy`, free cycles before each."""
    if warm:
        call()
    wall, cpu = [], []
    for _ in range(repeats):
        if tidy:
            gc.collect()
        began, spent = time.perf_counter(), time.process_time()
        call()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - spent)
    return Timing(tuple(wall), tuple(cpu))


def process(command: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[float, str]:
    """Wall seconds and stdout of a whole process; an exit code other than 0 raises with its stderr."""
    began = time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)[:200]}\n{done.stderr}")
    return seconds, done.stdout


def fresh(code: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a fresh interpreter leaves in `found`, with its peak memory in bytes and its wall seconds."""
    seconds, out = process([sys.executable, "-c", f"found = {{}}\n{code}\n{PEAK}"], environment)
    return {"process_seconds": seconds, **json.loads(out.splitlines()[-1])}


def machine() -> dict[str, Any]:
    """Cores, processor, load and versions."""
    return {
        "cores": available_cores(),
        "processor": _processor(),
        "system": platform.platform(),
        "load_average": os.getloadavg(),
        "python": platform.python_version(),
        "versions": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

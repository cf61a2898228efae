"""Servers in processes of their own, and the processor time they take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.exchange import scene
from benchmarks.setting import ROOT

PATIENCE = 10  # seconds for a server to end
MONEY = ",".join(f"{asset}={amount}" for asset, amount in scene.MONEY.items())
EXCHANGE = (
    *("-m", "thunes", "exchange", "serve", "--port", "0", "--json", "--stepped", "--limits", "off"),
    *("--data", f"synthetic:{scene.SEED}", "--symbol", scene.SYMBOL, "--interval", scene.INTERVAL),
    *("--account", f"{scene.KEY}:{scene.SECRET}:{MONEY}"),
)


@dataclass(frozen=True)
class Server:
    """Where a server listens, and which process it is."""

    port: int
    pid: int

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """Processor time so far; 0 where the system does not tell."""
        stat = Path(f"/proc/{self.pid}/stat")
        if not stat.exists():
            return 0.0
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def exchange() -> Iterator[Server]:
    """`thunes exchange serve`, as a user starts it."""
    with _process(EXCHANGE) as process:
        yield Server(_announced(process), process.pid)


@contextmanager
def small(module: str, *arguments: str) -> Iterator[Server]:
    """One of the bench's own servers: `bare http`, `bare trades`, `served`."""
    with _process(("-m", f"benchmarks.exchange.{module}", *arguments)) as process:
        yield Server(int(_line(process)), process.pid)


@contextmanager
def _process(arguments: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def _announced(process: subprocess.Popen[str]) -> int:
    """The port from the first JSON document on stdout."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        try:
            url = json.loads(text)["http"]
        except json.JSONDecodeError:
            continue
        return int(url.rpartition(":")[2])
    raise _ended(process)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise _ended(process)
    return line


def _ended(process: subprocess.Popen[str]) -> RuntimeError:
    assert process.stderr is not None
    return RuntimeError(f"a server did not start\n{process.stderr.read()}")

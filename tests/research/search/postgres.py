"""A PostgreSQL of one's own on this machine: started in a folder that goes when the tests are done."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
SETPRIV = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]  # initdb refuses root


def programs() -> Path | None:
    """The folder of initdb and pg_ctl, or None where PostgreSQL is not installed."""
    found = shutil.which("initdb") or (INSTALLED[-1] if INSTALLED else None)
    return Path(found).parent if found else None


@contextmanager
def running(programs: Path) -> Iterator[str]:
    """The address of a fresh database, as SQLAlchemy writes it."""
    folder = Path(tempfile.mkdtemp(prefix="thunes-postgres-", dir="/tmp"))
    lesser = SETPRIV if os.geteuid() == 0 else []
    if lesser:
        shutil.chown(folder, "nobody", "nogroup")

    def call(program: str, *arguments: str) -> None:
        command = [*lesser, str(programs / program), *arguments]
        subprocess.run(
            command, check=True, cwd=folder, stdout=subprocess.DEVNULL, env={"LC_ALL": "C", "PATH": os.defpath}
        )

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data, options = str(folder / "data"), f"-p {port} -h 127.0.0.1 -k {folder} -F"
    try:
        call("initdb", "-D", data, "-U", "thunes", "--auth=trust", "-E", "UTF8", "--no-sync")
        call("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            yield f"postgresql+psycopg://thunes@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)

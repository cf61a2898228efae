"""Connections: SQLite in WAL mode, or PostgreSQL. One writer at a time on both."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DisconnectionError

from thunes.errors import UsageError

PRAGMAS = (
    "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "wal_autocheckpoint=20000", "journal_size_limit=0",
)  # fmt: skip
BUSY_WAIT = 10.0  # seconds for another process's write to end
WRITER = 0x7468756E6573  # the advisory lock that PostgreSQL's writers hold, any number that nobody else takes


def connected(place: Path | str) -> Engine:
    """An engine for SQLite's file, or PostgreSQL's URL; nothing is opened yet. Error: `UsageError` for another URL."""
    if isinstance(place, Path):
        engine = create_engine(URL.create("sqlite", database=str(place)), connect_args={"timeout": BUSY_WAIT})
        event.listen(engine, "connect", _tune_sqlite)
    else:
        engine = _postgresql(place)
    event.listen(engine, "connect", _sign)
    event.listen(engine, "checkout", _refuse_inherited)
    return engine


def _postgresql(place: str) -> Engine:
    try:
        url = make_url(place)
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        if url.get_backend_name() == "postgresql":
            return create_engine(url, pool_pre_ping=True)
    except ArgumentError:
        pass
    except ModuleNotFoundError as error:
        raise UsageError("E-LEDGER-URL", f"{error}.", "Install psycopg for a PostgreSQL ledger.") from error
    raise UsageError("E-LEDGER-URL", "the ledger's address is no PostgreSQL URL.", "postgresql://USER@HOST/DATABASE")


def _tune_sqlite(connection: Any, _: Any) -> None:
    """NORMAL: a crash of the machine may take the last writes, never the order of them; the audit trail has them.

    The log is folded into the file by `Store.tidy`, for that waits for the disk; a bound holds where nobody tidies.
    """
    connection.isolation_level = None  # the driver begins nothing on its own, so that DDL is in transactions, too
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _sign(_: Any, record: Any) -> None:
    record.info["process"] = os.getpid()


def _refuse_inherited(_: Any, record: Any, proxy: Any) -> None:
    """A forked process opens its own connections."""
    if record.info["process"] != os.getpid():
        record.dbapi_connection = proxy.dbapi_connection = None
        raise DisconnectionError("opened by another process")

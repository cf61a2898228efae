"""Bringing a database to the tables of this version: a backup first, then all steps or none."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text

from thunes.errors import DataError
from thunes.trading.ledger import schema

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory


@dataclass(frozen=True)
class Migrations:
    """A folder of steps and the name of the last of them."""

    folder: Path
    last: str


OURS = Migrations(Path(__file__).with_name("migrations"), schema.FORMAT)


def format_of(connection: Connection) -> str | None:
    """The last migration that a database has seen; None for an empty one.

    Error: `DataError` for the database of somebody else.
    """
    names = set(inspect(connection).get_table_names())
    if not names:
        return None
    if not {"alembic_version", schema.meta.name} <= names:
        raise DataError("E-LEDGER-DAMAGED", "the database holds other tables than a ledger's.", "Give another.")
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def refuse_unknown(found: str | None, migrations: Migrations) -> None:
    """Error: `DataError` where a database is newer than this program."""
    known = {script.revision for script in _scripts(migrations).walk_revisions()}
    if found is not None and found not in known:
        newer = f"the ledger has format {found}; this program knows formats up to {migrations.last}."
        raise DataError("E-FORMAT-NEWER", newer, "Update the program.")


def upgrade(connection: Connection, migrations: Migrations) -> None:
    """Run the steps that a database has not seen, in the transaction of its connection."""
    from alembic.config import Config  # rarely needed, and not small
    from alembic.runtime.environment import EnvironmentContext

    scripts = _scripts(migrations)

    def steps(revision: Any, _: Any) -> Any:
        return scripts._upgrade_revs("head", revision)

    with EnvironmentContext(Config(), scripts, fn=steps, destination_rev="head") as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()


def _scripts(migrations: Migrations) -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(migrations.folder))


def back_up(path: Path, found: str) -> Path:
    """A copy of a SQLite file beside it as `NAME.formatN`, whole or not there."""
    target = path.with_name(f"{path.name}.format{int(found)}")
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(temporary)) as copy:
        source.backup(copy)
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return temporary.replace(target)

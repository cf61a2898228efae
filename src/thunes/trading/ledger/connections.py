"""Transactions on open connections. What each costs beside its statements counts on the way of an order."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine

from thunes.trading.ledger.engine import WRITER
from thunes.trading.ledger.statements import Statement, Values

KEPT = 1  # connections that wait for the next transaction; more go back to the pool, for which other threads wait


class Database(ABC):
    """A connection that runs statements, one transaction after the other. All of each is kept, or nothing."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.process = connection, os.getpid()
        self._dialect = connection.dialect

    @abstractmethod
    def begin(self, *, writes: bool) -> None:
        """Whoever writes has the lock before reading anything: what is decided on cannot change under it."""

    @abstractmethod
    def commit(self) -> None: ...

    @abstractmethod
    def undo(self) -> None: ...

    @abstractmethod
    def rows(self, statement: Statement, values: Values) -> list[list[Any]]:
        """What is found."""

    @abstractmethod
    def change(self, statement: Statement, values: Values) -> int:
        """How many rows were changed."""

    @abstractmethod
    def change_all(self, statement: Statement, values: Sequence[Values]) -> None:
        """Once for each of the values."""

    def row(self, statement: Statement, values: Values) -> list[Any] | None:
        """The first that is found."""
        found = self.rows(statement, values)
        return found[0] if found else None


class Sqlite(Database):
    """Its driver is asked itself; it begins nothing on its own."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._driver: Any = connection.connection.driver_connection

    def begin(self, *, writes: bool) -> None:
        self._driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")

    def commit(self) -> None:
        self._driver.commit()

    def undo(self) -> None:
        self._driver.rollback()

    def rows(self, statement: Statement, values: Values) -> list[list[Any]]:
        one = statement.prepared(self._dialect)
        return one.read(self._driver.execute(one.text, one.bound(values)).fetchall())

    def change(self, statement: Statement, values: Values) -> int:
        one = statement.prepared(self._dialect)
        return int(self._driver.execute(one.text, one.bound(values)).rowcount)

    def change_all(self, statement: Statement, values: Sequence[Values]) -> None:
        one = statement.prepared(self._dialect)
        self._driver.executemany(one.text, [one.bound(each) for each in values])


class PostgreSql(Database):
    """SQLAlchemy passes the text on, and begins with the first statement."""

    def begin(self, *, writes: bool) -> None:
        self.connection.exec_driver_sql(
            f"SELECT pg_advisory_xact_lock({WRITER})" if writes else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
        )

    def commit(self) -> None:
        self.connection.commit()

    def undo(self) -> None:
        self.connection.rollback()

    def rows(self, statement: Statement, values: Values) -> list[list[Any]]:
        one = statement.prepared(self._dialect)
        return one.read(self.connection.exec_driver_sql(one.text, one.bound(values)).all())

    def change(self, statement: Statement, values: Values) -> int:
        one = statement.prepared(self._dialect)
        keep = {"preserve_rowcount": True}  # the driver forgets it with the cursor
        return self.connection.exec_driver_sql(one.text, one.bound(values), execution_options=keep).rowcount

    def change_all(self, statement: Statement, values: Sequence[Values]) -> None:
        one = statement.prepared(self._dialect)
        if values:
            self.connection.exec_driver_sql(one.text, [one.bound(each) for each in values])


class Connections:
    """An engine's connections, the last one kept open. Threads may share it; a forked process opens its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._keeps = engine.dialect.name == "sqlite"  # a server may hang up: there the pool looks before each use
        self._idle: list[Database] = []
        self._inherited: list[Database] = []  # not ours to use, nor to close

    def begin(self, *, writes: bool) -> Database:
        """A transaction, which ends with `commit` or `undo`. One that writes has the lock from its beginning."""
        database = self._taken()
        try:
            database.begin(writes=writes)
        except BaseException:
            database.connection.close()
            raise
        return database

    def commit(self, database: Database) -> None:
        """Keep all of it. What cannot be kept is undone."""
        try:
            database.commit()
        except BaseException:
            self.undo(database)
            raise
        if self._keeps and len(self._idle) < KEPT:
            self._idle.append(database)
        else:
            database.connection.close()

    def undo(self, database: Database) -> None:
        """Keep nothing of it."""
        try:
            database.undo()
        finally:
            database.connection.close()

    def close(self) -> None:
        """Close what is not in use."""
        while self._idle:
            database = self._idle.pop()
            if database.process == os.getpid():
                database.connection.close()
            else:
                self._inherited.append(database)
        self._engine.dispose()

    def _taken(self) -> Database:
        try:
            while (database := self._idle.pop()).process != os.getpid():
                self._inherited.append(database)
        except IndexError:
            connection = self._engine.connect()
            return Sqlite(connection) if self._keeps else PostgreSql(connection)
        return database

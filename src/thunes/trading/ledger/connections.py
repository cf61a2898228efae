"""Transactions on open connections. An order needs a dozen: what each costs beside its statements counts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine

from thunes.trading.ledger.engine import begin

KEPT = 1  # connections that wait for the next transaction; more go back to the pool, for which other threads wait


class Connections:
    """An engine's connections, the last one kept open. Threads may share it; a forked process opens its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._keeps = engine.dialect.name == "sqlite"  # a server may hang up: there the pool looks before each use
        self._idle: list[tuple[int, Connection]] = []
        self._inherited: list[Connection] = []  # not ours to use, nor to close

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[Connection]:
        """All of it is kept, or nothing. One that writes has the lock from its beginning."""
        connection = self._taken()
        try:
            with connection.begin():
                begin(connection, writes=writes)
                yield connection
        except BaseException:
            connection.close()
            raise
        self._give_back(connection)

    def close(self) -> None:
        """Close what is not in use."""
        while self._idle:
            process, connection = self._idle.pop()
            if process == os.getpid():
                connection.close()
            else:
                self._inherited.append(connection)
        self._engine.dispose()

    def _taken(self) -> Connection:
        with suppress(IndexError):
            while True:
                process, connection = self._idle.pop()
                if process == os.getpid():
                    return connection
                self._inherited.append(connection)
        return self._engine.connect()

    def _give_back(self, connection: Connection) -> None:
        if self._keeps and len(self._idle) < KEPT:
            self._idle.append((os.getpid(), connection))
        else:
            connection.close()

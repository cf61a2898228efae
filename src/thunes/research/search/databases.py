"""Studies in a database: any address that SQLAlchemy can read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError, SQLAlchemyError

from thunes.errors import DataError, NetworkError, UsageError

ATTEMPTS = 5  # several workers that begin at once all try to make the tables


@contextmanager
def database(url: str) -> Iterator[RDBStorage]:
    """Optuna's storage at an address, closed at the end.

    Errors, also of what is done inside: `UsageError` for an address that cannot be read or has no driver, `DataError`
    for a database that cannot hold studies, `NetworkError` for one that cannot be reached.
    """
    with reached(url):
        storage = _storage(url)
        try:
            yield storage
        finally:
            storage.remove_session()
            storage.engine.dispose()


@contextmanager
def reached(url: str) -> Iterator[None]:
    """Errors of a database as ours; the password in its address is not shown."""
    try:
        shown = make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        raise UsageError(
            "E-STORAGE-URL", "cannot read the storage URL.", "Write sqlite:///FILE, for instance."
        ) from None
    try:
        yield
    except (NoSuchModuleError, ImportError) as error:
        what = f"no driver for the storage {shown}: {_line(error)}."
        raise UsageError("E-STORAGE-URL", what, "Install its driver, such as psycopg.") from error
    except (SQLAlchemyError, StorageInternalError) as error:
        cause = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
        if isinstance(cause, DatabaseError) and not isinstance(cause, OperationalError):
            raise DataError("E-STUDY-DAMAGED", f"the storage {shown} holds no study: {_line(cause)}.") from error
        hint = "Check that it runs, its address and its password."
        raise NetworkError("E-STORAGE", f"cannot use the storage {shown}: {_line(cause)}.", hint) from error


def _line(error: BaseException) -> str:
    """The first line of what a driver says."""
    original = getattr(error, "orig", None) or error
    return str(original).strip().splitlines()[0].rstrip(".") if str(original).strip() else type(original).__name__


def _storage(url: str) -> RDBStorage:
    for _ in range(ATTEMPTS - 1):
        try:
            return RDBStorage(url)
        except (NoSuchModuleError, ArgumentError):
            raise
        except SQLAlchemyError as error:
            if "exist" not in str(error) and "unique" not in str(error).lower():
                raise
    return RDBStorage(url)

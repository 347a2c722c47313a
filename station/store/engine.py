"""The database by its URL: SQLite in a file, or PostgreSQL. What is committed is on the disk."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from errors import BadDatabase
from station.times import SECOND_MS

BUSY_TIMEOUT_MS: Final = 10_000  # how long one process waits for another one's transaction
# SQLite itself looks again after 1, 2, 5, ... and then 100 ms: a process that writes often would
# keep another one waiting for a second.
LOOK_AGAIN_MS: Final = 1
CONNECT_TIMEOUT_S: Final = 10
# The database is down, cannot be reached, or cannot write now. None of these is a bug of ours.
FAILURES: Final = (OperationalError, InterfaceError, NoConnectionFree)
# A transaction is not acknowledged before it is on the disk, whatever the server's default.
# remote_apply waits for more than that.
_COMMIT_ON_DISK: Final = (
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') <> 'remote_apply'"
)


def open_engine(url: str) -> Engine:
    """Return the engine of a URL: sqlite:///FILE or postgresql://USER@HOST/NAME.

    Raises BadDatabase where it is no URL, or names another kind of database.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise BadDatabase("STATION_DATABASE is no URL; sqlite:///FILE is one") from None
    kind = parsed.get_backend_name()
    if kind == "postgresql":
        return _postgresql(parsed)
    if kind != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise BadDatabase(
            f"STATION_DATABASE is of the kind {kind}; allowed are sqlite:///FILE and "
            "postgresql://USER@HOST/NAME"
        )
    engine = create_engine(parsed)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def place_of(engine: Engine) -> str:
    """Return where a database is, for the log: the URL may have a password in several places."""
    url = engine.url
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{url.database}"
    port = "" if url.port is None else f":{url.port}"
    return f"postgresql://{url.host or ''}{port}/{url.database or ''}"


def bad_database(engine: Engine, error: SQLAlchemyError) -> BadDatabase:
    """Return why a database cannot be used, without the driver's message, which may quote it."""
    reason = type(error).__name__
    if isinstance(error, DBAPIError) and error.orig is not None:
        reason = getattr(error.orig, "sqlite_errorname", type(error.orig).__name__)
    return BadDatabase(f"STATION_DATABASE, {place_of(engine)}: {reason}")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Run a transaction that writes; it is committed where the block ends without an exception."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


def _postgresql(url: URL) -> Engine:
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(CONNECT_TIMEOUT_S)})
    engine = create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(connection: Any, _: object) -> None:
    # Outside of a transaction, whose end could undo it.
    connection.autocommit = True
    connection.execute(_COMMIT_ON_DISK)
    connection.autocommit = False


def _prepare_sqlite(connection: Any, _: object) -> None:
    # The driver must not begin transactions by itself; _begin_sqlite does.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    # In WAL mode, FULL flushes the log to the disk at each commit; NORMAL does not.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql("BEGIN")
        return
    # A transaction that reads first and writes later could find that another one wrote between.
    deadline_s = time.monotonic() + BUSY_TIMEOUT_MS / SECOND_MS
    _wait_at_most(connection, LOOK_AGAIN_MS)
    try:
        while not _could_begin(connection, deadline_s):
            pass
    finally:
        _wait_at_most(connection, BUSY_TIMEOUT_MS)


def _could_begin(connection: Connection, deadline_s: float) -> bool:
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError as error:
        is_busy = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
        if not is_busy or time.monotonic() > deadline_s:
            raise
        return False
    return True


def _wait_at_most(connection: Connection, timeout_ms: int) -> None:
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {timeout_ms}")

"""The database by its URL: SQLite in a file, or PostgreSQL. What is committed is on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

BUSY_TIMEOUT_MS = 10_000  # how long one process waits for another one's transaction


def open_engine(url: str) -> Engine:
    """Return the engine of a URL: sqlite:///FILE or postgresql+psycopg://...

    Raises ArgumentError, or ValueError where it names another kind of database.
    """
    parsed = make_url(url)
    kind = parsed.get_backend_name()
    if kind == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    if kind != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise ValueError(f"{kind}: allowed are sqlite:///FILE and postgresql://...")
    engine = create_engine(parsed)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Run a transaction that writes; it is committed where the block ends without an exception."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


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
    # A transaction that reads first and writes later could find that another one wrote between.
    is_writing = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")

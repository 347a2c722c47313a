"""Databases by their URL: what is refused, and how each connection is set up."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from errors import BadDatabase
from station.store import engine as engine_module
from station.store.engine import open_engine, place_of, writing
from station.store.migrate import migrate
from tests.station.postgres import PostgreSQL


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("station.db", "no URL"),
        ("postgresql://u@h:port/n", "no URL"),
        ("mysql://u@h/n", "of the kind mysql"),
        ("sqlite://", "of the kind sqlite"),
        ("sqlite:///:memory:", "of the kind sqlite"),
    ],
)
def test_another_kind_of_database_is_refused(url: str, reason: str) -> None:
    with pytest.raises(BadDatabase, match=reason):
        open_engine(url)


def refusal(url: str) -> str:
    engine = open_engine(url)
    with pytest.raises(BadDatabase) as refused:
        migrate(engine)
    engine.dispose()
    return refused.value.detail


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("not a database" * 100)
    assert refusal(f"sqlite:///{tmp_path}/notes").endswith("notes: SQLITE_NOTADB")
    assert refusal(f"sqlite:///{tmp_path}/missing/s.db").endswith("s.db: SQLITE_CANTOPEN")


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    # Port 9 is discard (RFC 863): nothing listens.
    detail = refusal("postgresql://u:secret@127.0.0.1:9/n?password=secret&user=u")
    assert detail == "STATION_DATABASE, postgresql://127.0.0.1:9/n: OperationalError"


def test_the_place_of_a_database_has_no_password() -> None:
    engine = open_engine("postgresql://u:secret@h/n?password=secret")
    assert place_of(engine) == "postgresql://h/n"


def test_the_tables_of_a_later_version_are_refused(database_url: str) -> None:
    engine = open_engine(database_url)
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    assert "another version of the station" in refusal(database_url)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("default", "expected"), [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")]
)
def test_a_commit_on_postgresql_is_on_the_disk(
    database_url: str, postgres: PostgreSQL, default: str, expected: str
) -> None:
    """Whatever the server's default is."""
    engine = open_engine(f"{database_url}?options=-csynchronous_commit%3D{default}")
    for _ in range(2):
        with engine.connect() as connection:
            assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == expected
            connection.rollback()
    engine.dispose()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_commit_on_sqlite_is_on_the_disk(database_url: str) -> None:
    engine = open_engine(database_url)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2  # FULL
    engine.dispose()


def test_a_writer_waits_for_another_one_and_gives_up_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/s.db")
    migrate(engine)
    begun, is_over = threading.Event(), threading.Event()

    def write() -> None:
        with writing(engine):
            begun.set()
            is_over.wait()

    other = threading.Thread(target=write)
    other.start()
    begun.wait()
    with monkeypatch.context() as patched:
        patched.setattr(engine_module, "BUSY_TIMEOUT_MS", 20)
        with pytest.raises(OperationalError, match="locked"), writing(engine):
            pass
    threading.Timer(0.05, is_over.set).start()
    with writing(engine) as connection:
        assert other.join(10) is None and not other.is_alive()
        (timeout_ms,) = connection.execute(text("PRAGMA busy_timeout")).one()
    assert timeout_ms == engine_module.BUSY_TIMEOUT_MS
    engine.dispose()

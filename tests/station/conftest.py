"""Real databases for the tests of the station: SQLite in a file, and PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from station.store.engine import open_engine
from station.store.migrate import migrate
from tests.station.postgres import PostgreSQL, running_postgres

for _name in [name for name in os.environ if name.startswith("STATION_")]:
    del os.environ[_name]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    with running_postgres() as server:
        if server is None:
            pytest.skip("PostgreSQL is NOT TESTED: initdb and pg_ctl are not installed")
        yield server


@pytest.fixture
def postgres_emptied(postgres: PostgreSQL) -> str:
    """The URL of an empty database of PostgreSQL."""
    engine = open_engine(postgres.url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return postgres.url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/station.db"
    url: str = request.getfixturevalue("postgres_emptied")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with this version's tables."""
    engine = open_engine(database_url)
    migrate(engine)
    yield engine
    engine.dispose()

"""The migrations make the tables that the code has, on both databases, and only once."""

from __future__ import annotations

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from station.store.dead_letters import dead_letters
from station.store.engine import open_engine, writing
from station.store.migrate import configuration, migrate
from station.store.tables import METADATA


def test_the_migrations_lead_from_nothing_to_the_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_second_start_changes_nothing(database_url: str) -> None:
    for _ in range(2):
        engine = open_engine(database_url)
        migrate(engine)
        assert {*METADATA.tables, "alembic_version"} == set(inspect(engine).get_table_names())
        engine.dispose()


def test_a_database_of_the_first_version_keeps_its_rows(database_url: str) -> None:
    engine = open_engine(database_url)
    migrate(engine, "0001")
    with writing(engine) as connection:
        connection.execute(
            text(
                "INSERT INTO dead_letters (received_ms, sender, source, reason, detail) "
                "VALUES (1, 'gateway', 'strap-1', 'invalid', 'fs: 5')"
            )
        )
    migrate(engine)
    with engine.connect() as connection:
        (row,) = dead_letters(connection).rows
    assert row.detail == "fs: 5" and row.frame_bytes is None
    engine.dispose()


def test_the_way_back_leaves_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        command.downgrade(configuration(connection), "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]

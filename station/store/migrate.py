"""Brings the database to this version's schema, by Alembic's migrations."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from errors import BadDatabase
from station.store import (
    alarms,
    beat_records,
    dead_letters,
    events,
    lease,
    patients,
    progress,
    records,
    sources,
    streams,
    watched,
)
from station.store.archive import files
from station.store.engine import bad_database, place_of, writing
from station.store.external import labels, outbox
from station.store.reports import holters
from station.store.tables import METADATA

# The modules of the tables, which make METADATA complete.
TABLE_MODULES: Final = (
    *(sources, patients, records, dead_letters),
    *(streams, progress, watched, beat_records, alarms, events, outbox, files, lease, holters),
    labels,
)
MIGRATIONS: Final = Path(__file__).parent / "migrations"
# Of PostgreSQL's advisory locks, so that processes that start together take turns. Any number.
_LOCK: Final = 0x45434753


def migrate(engine: Engine, revision: str = "head") -> None:
    """Apply the migrations that the database lacks, in one transaction. Raises BadDatabase."""
    try:
        with writing(engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            command.upgrade(configuration(connection), revision)
    except SQLAlchemyError as error:
        raise bad_database(engine, error) from None
    except CommandError:
        raise BadDatabase(
            f"STATION_DATABASE, {place_of(engine)}: its tables are those of another version of "
            "the station"
        ) from None


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration for a connection that is in a transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["metadata"] = METADATA
    return config

"""The names of sources and patients by their ids."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, Table, select

from station.store.batches import among
from station.store.patients import PATIENTS
from station.store.sources import SOURCES


def source_names(connection: Connection, sources: Collection[int]) -> dict[int, str]:
    """Return source id -> name."""
    return _names(connection, SOURCES, sources)


def names_of_pairs(
    connection: Connection, pairs: Collection[tuple[int, int]]
) -> dict[tuple[int, int], tuple[str, str]]:
    """Return (source id, patient id) -> names of both."""
    sources = source_names(connection, {source for source, _ in pairs})
    patients = _names(connection, PATIENTS, {patient for _, patient in pairs})
    return {pair: (sources[pair[0]], patients[pair[1]]) for pair in pairs}


def _names(connection: Connection, table: Table, ids: Collection[int]) -> dict[int, str]:
    query = select(table.c.id, table.c.name).where(among(connection, table.c.id, ids))
    return dict(connection.execute(query).all())

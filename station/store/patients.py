"""Patients: the names that records refer to. Sex, birth year and limits come with the history."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import Column, Connection, Table, Text, insert, select

from station.store.pages import in_chunks
from station.store.tables import LONG, METADATA

# name  the pseudonym or number that the site gave the patient; never written to a log
PATIENTS: Final = Table(
    "patients",
    METADATA,
    Column("id", LONG, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_ms", LONG, nullable=False),
)


def add_patients(connection: Connection, names: Collection[str], now_ms: int) -> int:
    """Register patients that are not yet; return how many these were.

    Raises IntegrityError where another process registers one of them at the same time.
    """
    new = sorted(set(names) - patient_ids(connection, names).keys())
    if new:
        connection.execute(insert(PATIENTS), [{"name": name, "created_ms": now_ms} for name in new])
    return len(new)


def patient_ids(connection: Connection, names: Collection[str]) -> dict[str, int]:
    """Return name -> id of those patients that are registered."""
    ids: dict[str, int] = {}
    for chunk in in_chunks(sorted(names)):
        rows = connection.execute(
            select(PATIENTS.c.name, PATIENTS.c.id).where(PATIENTS.c.name.in_(chunk))
        )
        ids.update({row.name: row.id for row in rows})
    return ids

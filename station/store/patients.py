"""Patients: the names that records refer to, their details and the limits of their alarms."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    SmallInteger,
    Table,
    Text,
    bindparam,
    select,
    update,
)

from station.store.batches import among, insert_rows
from station.store.pages import MAX_PAGE_ROWS, Page
from station.store.tables import LONG, METADATA, AnyRow

# name                 the pseudonym or number that the site gave the patient; never in a log
# sex                  female, male, other or unknown
# rate_low, rate_high  limits of the alarm on the heart rate, beats a minute; NULL for none
# changed_ms           when the details were changed last; created_ms before the first change
PATIENTS: Final = Table(
    "patients",
    METADATA,
    Column("id", LONG, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_ms", LONG, nullable=False),
    Column("sex", Text, nullable=False, server_default="unknown"),
    Column("birth_year", SmallInteger),
    Column("notes", Text, nullable=False, server_default=""),
    Column("rate_low", SmallInteger),
    Column("rate_high", SmallInteger),
    Column("changed_ms", LONG, nullable=False, server_default="0"),
)


class NewPatient(NamedTuple):
    """A patient to be stored; see the columns."""

    name: str
    created_ms: int
    changed_ms: int
    sex: str = "unknown"
    birth_year: int | None = None
    notes: str = ""
    rate_low: int | None = None
    rate_high: int | None = None


_CHANGE: Final = (
    update(PATIENTS)
    .where(PATIENTS.c.id == bindparam("changed_id"))
    .values(
        {
            name: bindparam(name)
            for name in ("sex", "birth_year", "notes", "rate_low", "rate_high", "changed_ms")
        }
    )
)


def add_patients(connection: Connection, names: Collection[str], now_ms: int) -> int:
    """Register patients that are not yet; return how many these were."""
    new = sorted(set(names) - patient_ids(connection, names).keys())
    rows = [NewPatient(name=name, created_ms=now_ms, changed_ms=now_ms) for name in new]
    # Another process may register one of them at the same time.
    return insert_rows(connection, PATIENTS, NewPatient._fields, rows, "ON CONFLICT DO NOTHING")


def insert_patients(connection: Connection, patients: Sequence[NewPatient]) -> None:
    """Store patients. Raises IntegrityError where one is registered."""
    insert_rows(connection, PATIENTS, NewPatient._fields, patients)


def change_patients(connection: Connection, changes: Sequence[dict[str, Any]]) -> None:
    """Store new details: all of them for each patient, with `changed_id` and `changed_ms`."""
    if changes:
        connection.execute(_CHANGE, changes)


def patient_ids(connection: Connection, names: Collection[str]) -> dict[str, int]:
    """Return name -> id of those patients that are registered."""
    query = select(PATIENTS.c.name, PATIENTS.c.id)
    found = connection.execute(query.where(among(connection, PATIENTS.c.name, names)))
    return dict(found.all())


def patients_to_change(connection: Connection, names: Collection[str]) -> dict[str, AnyRow]:
    """Return name -> row of those patients that are registered.

    On PostgreSQL the rows are locked until the transaction ends, in the order of their ids.
    """
    query = select(PATIENTS).where(among(connection, PATIENTS.c.name, names))
    query = query.order_by(PATIENTS.c.id).with_for_update()
    return {row.name: row for row in connection.execute(query)}


def patient_named(connection: Connection, name: str) -> AnyRow | None:
    return connection.execute(select(PATIENTS).where(PATIENTS.c.name == name)).one_or_none()


def list_patients(
    connection: Connection, *, after: int = 0, limit: int = MAX_PAGE_ROWS
) -> Page[AnyRow]:
    """Return patients in the order of their registration.

    after  the id of the last one of the page before
    """
    query = select(PATIENTS).where(PATIENTS.c.id > after).order_by(PATIENTS.c.id)
    rows = connection.execute(query.limit(limit + 1)).all()
    return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)

"""The outbox: what clients are told, in the order in which it became true.

A reader that has seen an id has seen every smaller one: on PostgreSQL, whoever adds events holds a
lock until its transaction ends; SQLite has one writer anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import Column, Connection, ForeignKey, Table, Text, func, select, text

from station.store.batches import insert_rows
from station.store.patients import PATIENTS
from station.store.tables import LONG, METADATA, AnyRow

# kind   alarm, problem or silence; docs/station.md describes their data
# at_ms  when it was added, by the station's clock
# data   a JSON object
EVENTS: Final = Table(
    "events",
    METADATA,
    Column("id", LONG, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("patient_id", LONG, ForeignKey(PATIENTS.c.id)),
    Column("at_ms", LONG, nullable=False),
    Column("data", Text, nullable=False),
    # An id is never used again, also where all events have been deleted.
    sqlite_autoincrement=True,
)
# Of PostgreSQL's advisory locks. Any number that no other lock has.
_LOCK: Final = 0x45434745


class Event(NamedTuple):
    """An event to be added; see the columns."""

    kind: str
    patient_id: int | None
    at_ms: int
    data: dict[str, Any]


def add_events(connection: Connection, events: Sequence[Event]) -> None:
    """Add events. Call it last in a transaction: others that add events wait for its end."""
    if not events:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    rows = [(*event[:-1], orjson.dumps(event.data).decode()) for event in events]
    insert_rows(connection, EVENTS, Event._fields, rows)


def newest_event(connection: Connection) -> int:
    """Return the id of the newest event; 0 where there is none."""
    return int(connection.execute(select(func.coalesce(func.max(EVENTS.c.id), 0))).scalar_one())


def events_after(connection: Connection, after: int, limit: int) -> Sequence[AnyRow]:
    """Return the events with an id above `after`, in the order of their ids."""
    query = select(EVENTS).where(EVENTS.c.id > after).order_by(EVENTS.c.id).limit(limit)
    return connection.execute(query).all()

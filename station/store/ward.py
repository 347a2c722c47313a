"""What a ward shows: the active streams with their patients, and whether watching goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from station.store.patients import PATIENTS
from station.store.progress import CURSORS
from station.store.records import RECORDS
from station.store.sources import SOURCES
from station.store.streams import STREAMS
from station.store.tables import AnyRow


class Watching(NamedTuple):
    """How far the worker is.

    heartbeat_ms  when it last wrote, by the station's clock; None where none has ever run
    behind        numbers of records that it has not processed
    """

    heartbeat_ms: int | None
    behind: int


def active_streams(connection: Connection) -> Sequence[AnyRow]:
    """Return the active streams with the names of patients and sources."""
    query = (
        select(STREAMS, PATIENTS.c.name.label("patient"), SOURCES.c.name.label("source"))
        .join(PATIENTS, PATIENTS.c.id == STREAMS.c.patient_id)
        .join(SOURCES, SOURCES.c.id == STREAMS.c.source_id)
        .where(STREAMS.c.closed_ms.is_(None))
        .order_by(PATIENTS.c.name, SOURCES.c.name)
    )
    return connection.execute(query).all()


def watching(connection: Connection) -> Watching:
    newest = connection.execute(select(func.coalesce(func.max(RECORDS.c.number), 0))).scalar_one()
    cursor = connection.execute(select(CURSORS)).one_or_none()
    if cursor is None:
        return Watching(None, int(newest))
    return Watching(cursor.heartbeat_ms, max(0, int(newest) + 1 - cursor.next))

"""What a ward shows: the active streams with their patients, and whether watching goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from station.store.patients import PATIENTS
from station.store.progress import CURSORS, RECORDS_CURSOR
from station.store.records import newest_number
from station.store.sources import SOURCES
from station.store.streams import STREAMS
from station.store.tables import AnyRow


class Watching(NamedTuple):
    """How far the worker is.

    heartbeat_ms  when it last wrote, by the station's clock; None where none has ever run. Of the
                  partitions of a topic, that which was written longest ago
    behind        numbers of records, or messages of a topic, that are not processed
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
    cursors = connection.execute(select(CURSORS)).all()
    oldest_ms = min((cursor.heartbeat_ms for cursor in cursors), default=None)
    if all(cursor.worker == RECORDS_CURSOR for cursor in cursors):
        newest = newest_number(connection)
        following = cursors[0].next if cursors else 1
        return Watching(oldest_ms, max(0, newest + 1 - following))
    return Watching(oldest_ms, sum(cursor.behind or 0 for cursor in cursors))

"""Streams: what one source sends of one patient, and what was last seen of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    insert,
    select,
)

from station.store.batches import among_pairs, update_rows
from station.store.patients import PATIENTS
from station.store.sources import SOURCES
from station.store.tables import LONG, METADATA, AnyRow

# leads         number of leads of the newest record
# newest_ms     end of the newest sample, by the device's clock
# received_ms   when the last record was received, by the station's clock
# closed_ms     since when nothing more is expected of it; NULL while it is active
# rate_per_min, known, irregular   of the newest window; NULL before the first (watch/outputs.py)
# last_beat_ms  time of the newest beat; NULL before the first
# last_beats    classes of the newest beats, the newest last
STREAMS: Final = Table(
    "streams",
    METADATA,
    Column("id", LONG, primary_key=True),
    Column("source_id", LONG, ForeignKey(SOURCES.c.id), nullable=False),
    Column("patient_id", LONG, ForeignKey(PATIENTS.c.id), nullable=False, index=True),
    Column("leads", Integer, nullable=False),
    Column("newest_ms", LONG, nullable=False),
    Column("received_ms", LONG, nullable=False),
    Column("closed_ms", LONG),
    Column("rate_per_min", Float(53)),
    Column("known", Float(53)),
    Column("irregular", Boolean),
    Column("last_beat_ms", LONG),
    Column("last_beats", Text, nullable=False),
    UniqueConstraint("source_id", "patient_id"),
)
_CHANGING: Final = (
    *("leads", "newest_ms", "received_ms", "closed_ms", "rate_per_min", "known", "irregular"),
    *("last_beat_ms", "last_beats"),
)


@dataclass
class StreamState:
    """A row of the table; see the columns."""

    id: int
    source_id: int
    patient_id: int
    leads: int
    newest_ms: int
    received_ms: int
    closed_ms: int | None = None
    rate_per_min: float | None = None
    known: float | None = None
    irregular: bool | None = None
    last_beat_ms: int | None = None
    last_beats: str = ""


def find_streams(
    connection: Connection, pairs: Collection[tuple[int, int]]
) -> dict[tuple[int, int], StreamState]:
    """Return (source id, patient id) -> state of those pairs that are streams."""
    query = select(STREAMS).where(
        among_pairs(connection, (STREAMS.c.source_id, STREAMS.c.patient_id), pairs)
    )
    states = map(_state, connection.execute(query))
    return {(state.source_id, state.patient_id): state for state in states}


def open_streams(connection: Connection) -> list[StreamState]:
    """Return the streams that are active."""
    return list(
        map(_state, connection.execute(select(STREAMS).where(STREAMS.c.closed_ms.is_(None))))
    )


def add_stream(connection: Connection, state: StreamState) -> int:
    """Store a new stream, and return its id. Raises IntegrityError where the pair has one."""
    values = {name: getattr(state, name) for name in ("source_id", "patient_id", *_CHANGING)}
    return int(
        connection.execute(insert(STREAMS).values(values).returning(STREAMS.c.id)).scalar_one()
    )


def save_streams(connection: Connection, states: Iterable[StreamState]) -> None:
    """Store what was last seen of some streams."""
    columns = ("id", *_CHANGING)
    rows = [tuple(getattr(state, name) for name in columns) for state in states]
    update_rows(connection, STREAMS, columns, rows)


def _state(row: AnyRow) -> StreamState:
    return StreamState(**row._mapping)

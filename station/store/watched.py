"""What watching found: beats, windows and gaps of streams. A replay stores nothing twice."""

from __future__ import annotations

from collections.abc import Iterable
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
    select,
    tuple_,
)

from station.store.inserts import insert_new
from station.store.pages import Page
from station.store.sources import SOURCES
from station.store.streams import STREAMS
from station.store.tables import LONG, METADATA, AnyRow
from station.watch.outputs import BEAT_CLASSES, BeatFound, Gap, Window

# The columns are those of station/watch/outputs.py; windows have a count for each class of beats.
BEATS: Final = Table(
    "beats",
    METADATA,
    Column("stream", LONG, ForeignKey(STREAMS.c.id), primary_key=True),
    Column("at_ms", LONG, primary_key=True),
    Column("label", Text, nullable=False),
    Column("probability", Float(53), nullable=False),
    Column("interval_ms", Integer),
    sqlite_with_rowid=False,
)
WINDOWS: Final = Table(
    "windows",
    METADATA,
    Column("stream", LONG, ForeignKey(STREAMS.c.id), primary_key=True),
    Column("start_ms", LONG, primary_key=True),
    Column("end_ms", LONG, nullable=False),
    Column("known", Float(53), nullable=False),
    Column("rate_per_min", Float(53)),
    *(Column(f"beats_{label.lower()}", Integer, nullable=False) for label in BEAT_CLASSES),
    Column("irregular", Boolean),
    sqlite_with_rowid=False,
)
GAPS: Final = Table(
    "gaps",
    METADATA,
    Column("stream", LONG, ForeignKey(STREAMS.c.id), primary_key=True),
    Column("start_ms", LONG, primary_key=True),
    Column("end_ms", LONG, nullable=False),
    sqlite_with_rowid=False,
)
_BEAT_COLUMNS: Final = tuple(BEATS.c.keys())
_WINDOW_COLUMNS: Final = tuple(WINDOWS.c.keys())
_GAP_COLUMNS: Final = tuple(GAPS.c.keys())


def add_beats(connection: Connection, beats: Iterable[BeatFound]) -> None:
    rows = [
        (beat.stream, beat.at_ms, beat.label, beat.probability, beat.interval_ms) for beat in beats
    ]
    insert_new(connection, BEATS, _BEAT_COLUMNS, rows)


def add_windows(connection: Connection, windows: Iterable[Window]) -> None:
    rows = [
        (
            *(window.stream, window.start_ms, window.end_ms, window.known, window.rate_per_min),
            *window.beats,
            window.irregular,
        )
        for window in windows
    ]
    insert_new(connection, WINDOWS, _WINDOW_COLUMNS, rows)


def add_gaps(connection: Connection, gaps: Iterable[Gap]) -> None:
    rows = [(gap.stream, gap.start_ms, gap.end_ms) for gap in gaps]
    insert_new(connection, GAPS, _GAP_COLUMNS, rows)


def listed(
    connection: Connection,
    table: Table,
    patient_id: int,
    *,
    from_ms: int,
    to_ms: int,
    after: tuple[int, int] | None,
    limit: int,
) -> Page[AnyRow]:
    """Return the rows of BEATS, WINDOWS or GAPS of a patient that begin in [from_ms, to_ms), each
    with the name of its source.

    after  time and stream of the last row of the page before
    """
    time_ms = table.c.at_ms if table is BEATS else table.c.start_ms
    query = (
        select(table, SOURCES.c.name.label("source"))
        .join(STREAMS, STREAMS.c.id == table.c.stream)
        .join(SOURCES, SOURCES.c.id == STREAMS.c.source_id)
        .where(STREAMS.c.patient_id == patient_id, time_ms >= from_ms, time_ms < to_ms)
        .order_by(time_ms, table.c.stream)
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(tuple_(time_ms, table.c.stream) > tuple_(*after))
    rows = connection.execute(query).all()
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1]._mapping
    return Page(rows[:limit], f"{last[time_ms]}.{last['stream']}")

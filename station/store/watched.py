"""What watching found: beats, windows and gaps of streams. A replay stores nothing twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    ForeignKey,
    Integer,
    Table,
    Text,
    literal,
    select,
)

from station.store.batches import insert_new
from station.store.pages import Page, in_order
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
    newest_first: bool = False,
) -> Page[AnyRow]:
    """Return the rows of BEATS, WINDOWS or GAPS of a patient that begin in [from_ms, to_ms), each
    with the name of its source.

    after  time and stream of the last row of the page before
    """
    name = "at_ms" if table is BEATS else "start_ms"
    time_ms = table.c[name]
    streams = (
        select(STREAMS.c.id, SOURCES.c.name)
        .join(SOURCES, SOURCES.c.id == STREAMS.c.source_id)
        .where(STREAMS.c.patient_id == patient_id)
    )
    rows: list[AnyRow] = []
    # Each stream by itself, in the order of the primary key: a join would sort the whole time.
    for stream, source in connection.execute(streams).all():
        query = (
            select(table, literal(source).label("source"))
            .where(table.c.stream == stream, time_ms >= from_ms, time_ms < to_ms)
            .order_by(*in_order((time_ms,), newest_first))
            .limit(limit + 1)
        )
        if after is not None:
            query = query.where(_follows(time_ms, stream, after, newest_first))
        rows += connection.execute(query).all()
    rows.sort(key=lambda row: (row._mapping[name], row.stream), reverse=newest_first)
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1]
    return Page(rows[:limit], f"{last._mapping[name]}.{last.stream}")


def _follows(
    time_ms: Column[Any], stream: int, after: tuple[int, int], newest_first: bool
) -> ColumnElement[bool]:
    """Return the condition that a row of a stream comes after the last one of the page before."""
    last_ms, last_stream = after
    if newest_first:
        return time_ms <= last_ms if stream < last_stream else time_ms < last_ms
    return time_ms >= last_ms if stream > last_stream else time_ms > last_ms

"""Labels that the inference server gave to windows of twelve leads, and whether it answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Column, Connection, ForeignKey, Table, Text, func, select, update

from station.store.batches import insert_new
from station.store.sources import SOURCES
from station.store.streams import STREAMS
from station.store.tables import LONG, METADATA, AnyRow
from station.store.watched import WINDOWS

# model    name of the network that answered; NULL where the window got no labels
# version  SHA-256 of its weights
# labels   JSON: name -> probability, threshold, positive; NULL where the window got none
# reason   the server's code for that; NULL where there are labels
# at_ms    when the server answered, by the station's clock
WINDOW_LABELS: Final = Table(
    "window_labels",
    METADATA,
    Column("stream", LONG, ForeignKey(STREAMS.c.id), primary_key=True),
    Column("start_ms", LONG, primary_key=True),
    Column("end_ms", LONG, nullable=False),
    Column("model", Text),
    Column("version", Text),
    Column("labels", Text),
    Column("reason", Text),
    Column("at_ms", LONG, nullable=False),
    sqlite_with_rowid=False,
)
# One row, once a station asks for labels.
# failed_ms  since when the server does not answer; NULL while it does
# reason     why
LABELLING: Final = Table(
    "labelling",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("failed_ms", LONG),
    Column("reason", Text),
)
_ROW: Final = "labels"
LEADS: Final = 12


class WindowLabels(NamedTuple):
    """A row of WINDOW_LABELS; see the columns."""

    stream: int
    start_ms: int
    end_ms: int
    model: str | None
    version: str | None
    labels: str | None
    reason: str | None
    at_ms: int


def windows_to_label(
    connection: Connection, every_ms: int, *, after: int, limit: int
) -> Sequence[AnyRow]:
    """Return the newest window of active streams of twelve leads that are due, at most `limit`.

    Each with stream, patient_id, source, start_ms and end_ms. One window in `every_ms` is due. The
    streams with an id above `after` are first, then the others.
    """
    newest = (
        select(func.max(WINDOWS.c.start_ms))
        .where(WINDOWS.c.stream == STREAMS.c.id)
        .correlate(STREAMS)
        .scalar_subquery()
    )
    labelled = (
        select(func.max(WINDOW_LABELS.c.start_ms))
        .where(WINDOW_LABELS.c.stream == STREAMS.c.id)
        .correlate(STREAMS)
        .scalar_subquery()
    )
    query = (
        select(
            STREAMS.c.id.label("stream"),
            STREAMS.c.patient_id,
            SOURCES.c.name.label("source"),
            WINDOWS.c.start_ms,
            WINDOWS.c.end_ms,
        )
        .join(SOURCES, SOURCES.c.id == STREAMS.c.source_id)
        .join(WINDOWS, (WINDOWS.c.stream == STREAMS.c.id) & (WINDOWS.c.start_ms == newest))
        .where(
            STREAMS.c.closed_ms.is_(None),
            STREAMS.c.leads >= LEADS,
            WINDOWS.c.start_ms >= func.coalesce(labelled, -every_ms) + every_ms,
        )
        .order_by(STREAMS.c.id <= after, STREAMS.c.id)
        .limit(limit)
    )
    return connection.execute(query).all()


def add_labels(connection: Connection, rows: Collection[WindowLabels]) -> None:
    insert_new(connection, WINDOW_LABELS, WindowLabels._fields, list(rows))


def note_server(connection: Connection, failed_ms: int | None, reason: str | None) -> None:
    """Note that the server answers, or since when it does not."""
    insert_new(connection, LABELLING, ("name",), [(_ROW,)])
    connection.execute(update(LABELLING).values(failed_ms=failed_ms, reason=reason))


def server_state(connection: Connection) -> AnyRow | None:
    """Return the row of LABELLING; None where no station asks for labels."""
    return connection.execute(select(LABELLING)).one_or_none()

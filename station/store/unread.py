"""Records in the order of their numbers, as watching reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, func, or_, select, text

from station.store.encoding import STRETCH
from station.store.records import RECORDS, RECORDS_LOCK
from station.store.tables import AnyRow

# What watching needs of a record.
_COLUMNS: Final = (
    RECORDS.c.number,
    RECORDS.c.source_id,
    RECORDS.c.patient_id,
    RECORDS.c.seq,
    RECORDS.c.device_ms,
    RECORDS.c.end_ms,
    RECORDS.c.received_ms,
    RECORDS.c.kind,
    RECORDS.c.fs_hz,
    RECORDS.c.leads,
    RECORDS.c.encoding,
    RECORDS.c.gain,
    RECORDS.c.samples,
)


def last_settled(connection: Connection) -> int:
    """Return a number below or at which no record will be committed any more; 0 for none.

    On PostgreSQL, numbers are given before transactions end: this waits for those that run. The
    transaction must have read nothing before, and should end soon.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": RECORDS_LOCK})
    return int(
        connection.execute(select(func.coalesce(func.max(RECORDS.c.number), 0))).scalar_one()
    )


def records_from(
    connection: Connection, first: int, last: int, *, beats_from: int, limit: int
) -> Sequence[AnyRow]:
    """Return records with numbers from `first` to `last`; of beats, those from `beats_from`."""
    query = (
        _between(first, last)
        .where(or_(RECORDS.c.kind == STRETCH, RECORDS.c.number >= beats_from))
        .limit(limit)
    )
    return connection.execute(query).all()


def records_of_stream(
    connection: Connection, source_id: int, patient_id: int, first: int, last: int
) -> Sequence[AnyRow]:
    """Return a stream's stretches of signal with numbers from `first` to `last`."""
    query = _between(first, last).where(
        RECORDS.c.source_id == source_id,
        RECORDS.c.patient_id == patient_id,
        RECORDS.c.kind == STRETCH,
    )
    return connection.execute(query).all()


def _between(first: int, last: int) -> Select[Any]:
    return (
        select(*_COLUMNS)
        .where(RECORDS.c.number >= first, RECORDS.c.number <= last)
        .order_by(RECORDS.c.number)
    )


def newest_records(
    connection: Connection, first: int, last: int, *, received_ms: int
) -> Sequence[AnyRow]:
    """Return stretches of signal with these numbers that were received at this time or later."""
    query = _between(first, last).where(
        RECORDS.c.kind == STRETCH, RECORDS.c.received_ms >= received_ms
    )
    return connection.execute(query).all()

"""Records in the order of their numbers, as watching reads them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, or_, select, text

from station.store.encoding import STRETCH
from station.store.records import RECORDS, RECORDS_LOCK, newest_number


class StoredRecord(NamedTuple):
    """What watching needs of a record; see the columns of RECORDS."""

    number: int
    source_id: int
    patient_id: int
    seq: int
    device_ms: int
    end_ms: int
    received_ms: int
    kind: int
    fs_hz: float
    leads: str
    encoding: int
    gain: float
    samples: bytes


_COLUMNS: Final = tuple(RECORDS.c[name] for name in StoredRecord._fields)


def last_settled(connection: Connection) -> int:
    """Return a number below or at which no record will be committed any more; 0 for none.

    On PostgreSQL, numbers are given before transactions end: this waits for those that run. The
    transaction must have read nothing before, and should end soon.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": RECORDS_LOCK})
    return newest_number(connection)


def records_from(
    connection: Connection, first: int, last: int, *, beats_from: int, limit: int
) -> list[StoredRecord]:
    """Return records with numbers from `first` to `last`; of beats, those from `beats_from`."""
    query = (
        _between(first, last)
        .where(or_(RECORDS.c.kind == STRETCH, RECORDS.c.number >= beats_from))
        .limit(limit)
    )
    return _records(connection, query)


def records_of_stream(
    connection: Connection, source_id: int, patient_id: int, first: int, last: int
) -> list[StoredRecord]:
    """Return a stream's stretches of signal with numbers from `first` to `last`."""
    query = _between(first, last).where(
        RECORDS.c.source_id == source_id,
        RECORDS.c.patient_id == patient_id,
        RECORDS.c.kind == STRETCH,
    )
    return _records(connection, query)


def _records(connection: Connection, query: Select[Any]) -> list[StoredRecord]:
    return list(map(StoredRecord._make, connection.execute(query)))


def _between(first: int, last: int) -> Select[Any]:
    return (
        select(*_COLUMNS)
        .where(RECORDS.c.number >= first, RECORDS.c.number <= last)
        .order_by(RECORDS.c.number)
    )


def newest_records(
    connection: Connection, first: int, last: int, *, received_ms: int
) -> list[StoredRecord]:
    """Return stretches of signal with these numbers that were received at this time or later."""
    query = _between(first, last).where(
        RECORDS.c.kind == STRETCH, RECORDS.c.received_ms >= received_ms
    )
    return _records(connection, query)

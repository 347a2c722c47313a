"""Records: stretches of signal and beats, in the order in which they were committed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)

from station.store.batches import among, among_pairs, insert_rows
from station.store.pages import MAX_PAGE_ROWS, Page, in_order, is_beyond
from station.store.patients import PATIENTS
from station.store.sources import SOURCES
from station.store.tables import LONG, METADATA, AnyRow

# Of PostgreSQL's advisory locks: shared by the transactions that store records. Any number that no
# other lock has. See station/store/unread.py.
RECORDS_LOCK: Final = 0x45434752

# number      of the row, in the order of commits where one process writes
# seq         the source's own number of the record
# device_ms   time of the first sample by the device's clock
# end_ms      time of the first sample after the last one, rounded up
# crc         CRC-32 of the frame, which tells a doubled frame from another one with its number
# kind        0 a stretch of signal, 1 one beat
# beat_class  0 none, else as in station/ingest/frame.py
# leads       names, comma-separated
# encoding    0 int16, -32768 for a gap; 1 float32, NaN for a gap; little-endian
# gain        values per mV of int16; 1 for float32
# samples     (leads, samples) in this encoding, lead by lead
RECORDS: Final = Table(
    "records",
    METADATA,
    Column("number", LONG, primary_key=True),
    Column("source_id", LONG, ForeignKey(SOURCES.c.id), nullable=False),
    Column("seq", LONG, nullable=False),
    Column("patient_id", LONG, ForeignKey(PATIENTS.c.id), nullable=False),
    Column("device_ms", LONG, nullable=False),
    Column("end_ms", LONG, nullable=False),
    Column("received_ms", LONG, nullable=False),
    Column("crc", LONG, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("beat_class", SmallInteger, nullable=False),
    Column("fs_hz", Float(53), nullable=False),
    Column("leads", Text, nullable=False),
    Column("encoding", SmallInteger, nullable=False),
    Column("gain", Float(53), nullable=False),
    Column("samples", LargeBinary, nullable=False),
    UniqueConstraint("source_id", "seq"),
    Index(None, "patient_id", "device_ms", "number"),
)
_INSERTED: Final = tuple(column.name for column in RECORDS.columns if column.name != "number")
# A list of records needs neither their samples nor what they are checked by.
_LISTED: Final = (
    RECORDS.c.number,
    RECORDS.c.seq,
    RECORDS.c.device_ms,
    RECORDS.c.received_ms,
    RECORDS.c.fs_hz,
    RECORDS.c.leads,
    RECORDS.c.kind,
    RECORDS.c.beat_class,
)


class NewRecord(NamedTuple):
    """A record to be stored, in the order of the columns; see there."""

    source_id: int
    seq: int
    patient_id: int
    device_ms: int
    end_ms: int
    received_ms: int
    crc: int
    kind: int
    beat_class: int
    fs_hz: float
    leads: str
    encoding: int
    gain: float
    samples: bytes


assert NewRecord._fields == _INSERTED


def insert_records(connection: Connection, records: Sequence[NewRecord]) -> None:
    """Store records. Raises IntegrityError where one of a source's numbers is stored already."""
    if records and connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({RECORDS_LOCK})")
    insert_rows(connection, RECORDS, _INSERTED, records)


def numbers_of(connection: Connection, records: Sequence[NewRecord]) -> dict[tuple[int, int], int]:
    """Return (source id, seq) -> number of records that are stored."""
    pairs = [(record.source_id, record.seq) for record in records]
    query = select(RECORDS.c.source_id, RECORDS.c.seq, RECORDS.c.number).where(
        among_pairs(connection, (RECORDS.c.source_id, RECORDS.c.seq), pairs)
    )
    return {(source, seq): number for source, seq, number in connection.execute(query)}


def newest_number(connection: Connection) -> int:
    """Return the highest number of a record; 0 where there is none."""
    return int(
        connection.execute(select(func.coalesce(func.max(RECORDS.c.number), 0))).scalar_one()
    )


def stored_crcs(
    connection: Connection, source_id: int, seqs: Collection[int]
) -> dict[tuple[int, int], int]:
    """Return (source id, seq) -> CRC of those numbers of a source that are stored."""
    query = select(RECORDS.c.seq, RECORDS.c.crc).where(
        RECORDS.c.source_id == source_id, among(connection, RECORDS.c.seq, seqs)
    )
    return {(source_id, row.seq): row.crc for row in connection.execute(query)}


def records_of(
    connection: Connection,
    patient_id: int,
    *,
    from_ms: int,
    to_ms: int,
    after: tuple[int, int] | None = None,
    limit: int = MAX_PAGE_ROWS,
    newest_first: bool = False,
) -> Page[AnyRow]:
    """Return what is listed of a patient's records that begin in [from_ms, to_ms), by time.

    after  device_ms and number of the last record of the page before
    """
    place = (RECORDS.c.device_ms, RECORDS.c.number)
    query = (
        select(*_LISTED, SOURCES.c.name.label("source"))
        .join(SOURCES)
        .where(
            RECORDS.c.patient_id == patient_id,
            RECORDS.c.device_ms >= from_ms,
            RECORDS.c.device_ms < to_ms,
        )
        .order_by(*in_order(place, newest_first))
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(is_beyond(place, after, newest_first))
    rows = connection.execute(query).all()
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1]
    return Page(rows[:limit], f"{last.device_ms}.{last.number}")

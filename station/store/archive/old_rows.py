"""The rows that are old enough for the archive, some at a time, and their deletion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, delete, func, literal, select

from station.store.archive.datasets import RECORDS_SET, Dataset
from station.store.batches import among, among_pairs
from station.store.beat_records import BEAT_LABELS
from station.store.patients import PATIENTS
from station.store.progress import first_needed
from station.store.records import RECORDS
from station.store.streams import STREAMS
from station.store.tables import AnyRow

# Of a file of the archive. Its rows, and the file, are in memory while it is written and compared.
MAX_ROWS: Final = 20_000
MAX_BYTES: Final = 32 * 1024 * 1024
NO_LIMIT: Final = 2**62
# The place before the first row.
FIRST: Final = (-1, -1)
Place = tuple[int, int]
"""Number of a row, or of a stream and a time in it, after which the next rows are looked for."""


@dataclass(frozen=True)
class OldRows:
    """Rows of a dataset, and the place of the last one."""

    rows: Sequence[AnyRow]
    last: Place


@dataclass(frozen=True)
class Watched:
    """How far the watch is.

    below        number of the first record that it may read again
    received_ms  when the station received that record; None where there is none yet
    """

    below: int
    received_ms: int | None


def watched(connection: Connection) -> Watched:
    """Return how far the watch is. Where it has never run, it may read every record."""
    needed = first_needed(connection)
    below = NO_LIMIT if needed is None else needed
    query = select(RECORDS.c.received_ms).where(RECORDS.c.number >= below)
    received_ms = connection.execute(query.order_by(RECORDS.c.number).limit(1)).scalar()
    return Watched(below, received_ms)


def numbered(
    connection: Connection,
    dataset: Dataset,
    after: Place,
    *,
    before_ms: int,
    below: int,
    limit: int,
) -> OldRows:
    """Return the next rows with a number below `below`, up to the first one that is not old.

    The row with the highest number stays: SQLite would give its number again.
    """
    number = dataset.column(dataset.key[0])
    highest = connection.execute(select(func.max(number))).scalar_one()
    size = func.length(dataset.column(dataset.size)) if dataset.size else literal(0)
    query = (
        select(number, dataset.column(dataset.age_ms).label("age_ms"), size.label("size"))
        .where(number > after[0], number < min(below, highest or 0))
        .order_by(number)
        .limit(limit)
    )
    last, taken = None, 0
    for key, age_ms, bytes_of in connection.execute(query):
        taken += bytes_of or 0
        if age_ms >= before_ms or (last is not None and taken > MAX_BYTES):
            break
        last = key
    if last is None:
        return OldRows((), after)
    chosen = dataset.rows.where(number > after[0], number <= last).order_by(number)
    return OldRows(connection.execute(chosen).all(), (last, -1))


def of_streams(
    connection: Connection, dataset: Dataset, after: Place, *, before_ms: int, limit: int
) -> OldRows:
    """Return the next rows that are old, stream by stream, each in the order of its times."""
    stream, at_ms = (dataset.column(name) for name in dataset.key)
    rows: list[AnyRow] = []
    last = after
    for number in _streams_from(connection, after[0]):
        from_ms = last[1] if number == last[0] else -NO_LIMIT
        query = (
            dataset.rows.where(stream == number, at_ms > from_ms, at_ms < before_ms)
            .order_by(at_ms)
            .limit(limit - len(rows))
        )
        found = connection.execute(query).all()
        rows += found
        if found:
            last = number, found[-1]._mapping[dataset.at_ms]
        if len(rows) == limit:
            break
    return OldRows(rows, last)


def _streams_from(connection: Connection, first: int) -> Sequence[int]:
    return (
        connection.execute(select(STREAMS.c.id).where(STREAMS.c.id >= first).order_by(STREAMS.c.id))
        .scalars()
        .all()
    )


def of_patient(dataset: Dataset, patient: str, *, from_ms: int, to_ms: int) -> Select[Any]:
    """Return the query of a patient's rows in [from_ms, to_ms), as the archive has them."""
    at_ms = dataset.column(dataset.at_ms)
    chosen = dataset.rows.where(at_ms >= from_ms, at_ms < to_ms)
    return chosen.where(PATIENTS.c.name == patient).order_by(at_ms)


def delete_rows(connection: Connection, dataset: Dataset, keys: Sequence[tuple[int, ...]]) -> None:
    """Delete the rows with these keys; those that are gone already change nothing."""
    columns = [dataset.column(name) for name in dataset.key]
    if len(columns) == 2:
        pairs = [(key[0], key[1]) for key in keys]
        condition = among_pairs(connection, (columns[0], columns[1]), pairs)
        connection.execute(delete(dataset.table).where(condition))
        return
    numbers = [key[0] for key in keys]
    connection.execute(delete(dataset.table).where(among(connection, columns[0], numbers)))
    if dataset is RECORDS_SET:
        labels = among(connection, BEAT_LABELS.c.record, numbers)
        connection.execute(delete(BEAT_LABELS).where(labels))

"""A patient's rows of any time, from the archive and from the database, each once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Connection

from station.archive.parquet import ROWS_OF_GROUP, decode_part, table_of
from station.archive.place import BadArchive, Place
from station.store.archive.datasets import Dataset
from station.store.archive.old_rows import of_patient

# Of an answer, which is in memory: longer stretches are read in parts.
MAX_BYTES: Final = 512 * 1024 * 1024
_TIMES: Final = re.compile(r"(-?\d+)-(-?\d+)-[0-9a-f]+\.parquet")


def rows_of(
    place: Place,
    connection: Connection,
    dataset: Dataset,
    patient: str,
    *,
    from_ms: int,
    to_ms: int,
) -> pa.Table:
    """Return a patient's rows in [from_ms, to_ms) by time, each once. Raises BadArchive.

    The database is read first: a row that is moved meanwhile is in both parts rather than in none.
    """
    parts = chain(
        _stored(connection, dataset, patient, from_ms, to_ms),
        (
            _part(place, path, dataset, patient, from_ms, to_ms)
            for path in _paths(place, dataset, from_ms, to_ms)
        ),
    )
    tables, size = [table_of(dataset, ())], 0
    for part in parts:
        tables.append(part)
        size += part.nbytes
        if size > MAX_BYTES:
            raise BadArchive(f"more than {MAX_BYTES} bytes; ask for a shorter stretch")
    table = pa.concat_tables(tables)
    return table.take(_first_of_each(table.select(list(dataset.identity)))).sort_by(dataset.at_ms)


def _stored(
    connection: Connection, dataset: Dataset, patient: str, from_ms: int, to_ms: int
) -> Iterator[pa.Table]:
    """Yield the rows that the database has, some at a time."""
    query = of_patient(dataset, patient, from_ms=from_ms, to_ms=to_ms)
    result = connection.execute(query, execution_options={"yield_per": ROWS_OF_GROUP})
    for rows in result.partitions():
        yield table_of(dataset, rows)


def _part(
    place: Place, path: str, dataset: Dataset, patient: str, from_ms: int, to_ms: int
) -> pa.Table:
    try:
        with place.open(path) as file:
            return decode_part(file, dataset, patient, from_ms, to_ms)
    except (pa.ArrowException, OSError) as error:
        raise BadArchive(f"{path}: {type(error).__name__}") from None


def _paths(place: Place, dataset: Dataset, from_ms: int, to_ms: int) -> Iterator[str]:
    """Yield the files with rows in [from_ms, to_ms), as their names say."""
    for path in place.names(dataset.name):
        times = _TIMES.fullmatch(path.rsplit("/", 1)[-1])
        if times is not None and int(times[2]) >= from_ms and int(times[1]) < to_ms:
            yield path


def _first_of_each(identities: pa.Table) -> Sequence[int]:
    """Return the places of the first row with each identity."""
    seen: dict[tuple[Any, ...], int] = {}
    columns = (column.to_pylist() for column in identities.columns)
    for place, identity in enumerate(zip(*columns, strict=True)):
        seen.setdefault(identity, place)
    return list(seen.values())

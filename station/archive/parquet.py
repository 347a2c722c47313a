"""Rows as a Parquet file, and back.

The columns are those of the database, with names of patients and sources in place of their ids.
Rows are sorted by patient and time, and row groups are small, so that a reader of one patient's
stretch takes little of a file.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import types

from station.store.archive.datasets import Dataset
from station.store.tables import AnyRow

VERSION: Final = "1"
ROWS_OF_GROUP: Final = 1000
PATIENT: Final = "patient"
# The first one that fits: BigInteger and SmallInteger are Integers too.
_TYPES: Final = (
    (types.BigInteger, pa.int64()),
    (types.SmallInteger, pa.int16()),
    (types.Boolean, pa.bool_()),
    (types.Integer, pa.int32()),
    (types.Float, pa.float64()),
    (types.Text, pa.string()),
    (types.LargeBinary, pa.binary()),
)


def _schema_of(dataset: Dataset) -> pa.Schema:
    """Return the columns of a dataset's files."""
    fields = [
        (column.name, next(arrow for kind, arrow in _TYPES if isinstance(column.type, kind)))
        for column in dataset.rows.selected_columns
    ]
    about = {"ecg_station_dataset": dataset.name, "ecg_station_version": VERSION}
    return pa.schema(fields, metadata=about)


def table_of(dataset: Dataset, rows: Sequence[AnyRow]) -> pa.Table:
    """Return rows as a table, sorted by patient, where they have one, and time."""
    schema = _schema_of(dataset)
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=schema)
    return table.sort_by([(name, "ascending") for name in _sorted_by(dataset)])


def encode(dataset: Dataset, table: pa.Table) -> bytes:
    """Return the content of a Parquet file."""
    file = io.BytesIO()
    pq.write_table(
        table,
        file,
        compression="zstd",
        row_group_size=ROWS_OF_GROUP,
        write_statistics=_sorted_by(dataset),
    )
    return file.getvalue()


def decode(content: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the rows of a file, or some columns of them. Raises pyarrow.ArrowException."""
    chosen = None if columns is None else list(columns)
    return pq.read_table(pa.BufferReader(content), columns=chosen)


def decode_part(file: Any, dataset: Dataset, patient: str, from_ms: int, to_ms: int) -> pa.Table:
    """Return a patient's rows in [from_ms, to_ms). Raises pyarrow.ArrowException."""
    at_ms = pc.field(dataset.at_ms)
    wanted = (pc.field(PATIENT) == patient, at_ms >= from_ms, at_ms < to_ms)
    return pq.read_table(file, schema=_schema_of(dataset), filters=reduce(and_, wanted))


def _sorted_by(dataset: Dataset) -> list[str]:
    names = _schema_of(dataset).names
    return [name for name in (PATIENT, dataset.at_ms) if name in names]

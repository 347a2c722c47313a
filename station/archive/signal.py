"""The signal of a stretch of time whose records are in the archive, in the database, or in both."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection

from station.archive.place import Place
from station.archive.reading import rows_of
from station.store.archive.datasets import RECORDS_SET
from station.store.encoding import MAX_RECORD_S, STRETCH
from station.store.waveforms import part_of, put_together
from station.times import SECOND_MS


def signal_of(
    place: Place, connection: Connection, patient: str, *, from_ms: int, to_ms: int
) -> list[dict[str, Any]]:
    """Return a patient's signal in [from_ms, to_ms) as the station's route for waveforms does.

    Raises BadArchive, RecordingTooLong.
    """
    first_ms = from_ms - MAX_RECORD_S * SECOND_MS
    table = rows_of(place, connection, RECORDS_SET, patient, from_ms=first_ms, to_ms=to_ms)
    rows = (row for row in _rows(table) if row.kind == STRETCH and row.end_ms > from_ms)
    return [part_of(waveform) for waveform in put_together(rows, from_ms=from_ms, to_ms=to_ms)]


def _rows(table: pa.Table) -> Iterator[Any]:
    for batch in table.to_batches(max_chunksize=1000):
        yield from (SimpleNamespace(**row) for row in batch.to_pylist())

"""Imports patients, some in each transaction. What is stored stays if the import ends early."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from station.patients.merge import Counts, Fault, Merged, Row, merge
from station.store.engine import writing
from station.times import now_ms

# Of a transaction. Records that arrive meanwhile wait for its end.
MAX_BATCH_ROWS: Final = 1000
# Another process may add the same patient between our look-up and our insert.
MAX_TRIES: Final = 3


def import_rows(
    engine: Engine, rows: Iterable[Row | Fault], report: Callable[[Fault], None]
) -> Counts:
    """Store the rows, and report those that are refused, roughly in their order."""
    counts = Counts()
    for batch in _batches(rows):
        good = []
        for row in batch:
            if isinstance(row, Fault):
                counts.add(Counts(rows=1, refused=1))
                report(row)
            else:
                good.append(row)
        if good:
            merged = _merge(engine, good)
            counts.add(merged.counts)
            for fault in merged.faults:
                report(fault)
    return counts


def _batches(rows: Iterable[Row | Fault]) -> Iterator[list[Row | Fault]]:
    batch: list[Row | Fault] = []
    for row in rows:
        batch.append(row)
        if len(batch) == MAX_BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _merge(engine: Engine, rows: list[Row]) -> Merged:
    for _ in range(MAX_TRIES - 1):
        try:
            with writing(engine) as connection:
                return merge(connection, rows, now_ms())
        except IntegrityError:
            continue
    with writing(engine) as connection:
        return merge(connection, rows, now_ms())

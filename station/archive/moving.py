"""Moves old rows from the database to the archive: written, read back, compared, then deleted.

It may end at any point, and nothing is lost: rows are deleted by the keys that a verified file has.
What a run has left is finished or undone by the next one. Until then rows of one file may be in
both places; readers join them (station/archive/reading.py).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Connection, Engine

from station.archive.parquet import decode, encode, table_of
from station.archive.place import BadArchive, Place
from station.store import lease
from station.store.archive import files
from station.store.archive.datasets import ALL, OF_STREAMS, RECORDS_SET, Dataset
from station.store.archive.old_rows import (
    FIRST,
    MAX_ROWS,
    NO_LIMIT,
    OldRows,
    Watched,
    delete_rows,
    numbered,
    of_streams,
    watched,
)
from station.store.engine import FAILURES, writing
from station.times import SECOND_MS, now_ms

LEASE: Final = "archive"
# Renewed with each transaction. Writing and reading one file must take less.
LEASE_MS: Final = 300 * SECOND_MS
# Of a transaction: records that arrive meanwhile wait for its end.
DELETED_AT_ONCE: Final = 1000
# A replay of the watch finds again what it found before in up to this time before a record.
_FOUND_BEFORE_MS: Final = 3600 * SECOND_MS
_BY_NAME: Final = {dataset.name: dataset for dataset in ALL}


class Busy(Exception):
    """Another process moves rows to the archive."""


@dataclass
class Moved:
    """What became of a dataset in a run.

    is_held  whether old rows stay because the watch may read their records again
    """

    rows: int = 0
    files: int = 0
    bytes: int = 0
    is_held: bool = False


class Mover:
    """Raises Busy, BadArchive, LeaseLost, and one of FAILURES where the database fails."""

    def __init__(
        self, engine: Engine, place: Place, keep_ms: Mapping[str, int], clock_behind_ms: int
    ) -> None:
        """keep_ms: name of a dataset -> age of its rows from which they are moved."""
        self._engine = engine
        self._place = place
        self._keep_ms = keep_ms
        self._clock_behind_ms = clock_behind_ms
        self._holder = secrets.token_hex(8)

    def run(self) -> dict[str, Moved]:
        """Move all rows that are old. Return name -> what became of each dataset."""
        self._begin()
        try:
            self._finish_interrupted()
            return {name: self._move(_BY_NAME[name], keep) for name, keep in self._keep_ms.items()}
        finally:
            # Where that fails, it ends by itself.
            with suppress(lease.LeaseLost, *FAILURES), writing(self._engine) as connection:
                lease.give_back(connection, LEASE, self._holder)

    def _begin(self) -> None:
        at_ms = now_ms()
        with writing(self._engine) as connection:
            if not lease.take(
                connection, LEASE, self._holder, now_ms=at_ms, until_ms=at_ms + LEASE_MS
            ):
                raise Busy

    def _renew(self, connection: Connection) -> None:
        lease.renew(connection, LEASE, self._holder, until_ms=now_ms() + LEASE_MS)

    def _finish_interrupted(self) -> None:
        """Undo files that were not verified; delete the rows of those that were."""
        with self._engine.connect() as connection:
            left = files.unfinished(connection)
        for row in left:
            if row.state == files.WRITING:
                self._place.remove(row.path)
                with writing(self._engine) as connection:
                    self._renew(connection)
                    files.forget_file(connection, row.id)
            else:
                content = self._place.read(row.path)
                _check(row.path, content, row.sha256)
                dataset = _BY_NAME[row.dataset]
                self._delete(dataset, row.id, decode(content, dataset.key))

    def _move(self, dataset: Dataset, keep_ms: int) -> Moved:
        moved = Moved()
        after = FIRST
        while True:
            with self._engine.connect() as connection:
                reached = watched(connection)
                old = self._old_rows(connection, dataset, after, keep_ms, reached, MAX_ROWS)
            if not old.rows:
                moved.is_held = self._is_held(dataset, after, keep_ms)
                return moved
            size = self._write_and_delete(dataset, table_of(dataset, old.rows))
            moved.rows += len(old.rows)
            moved.files += 1
            moved.bytes += size
            after = old.last

    def _old_rows(
        self,
        connection: Connection,
        dataset: Dataset,
        after: tuple[int, int],
        keep_ms: int,
        reached: Watched,
        limit: int,
    ) -> OldRows:
        before_ms = now_ms() - keep_ms
        if dataset in OF_STREAMS:
            if reached.received_ms is not None:
                found_ms = reached.received_ms - self._clock_behind_ms - _FOUND_BEFORE_MS
                before_ms = min(before_ms, found_ms)
            return of_streams(connection, dataset, after, before_ms=before_ms, limit=limit)
        below = reached.below if dataset is RECORDS_SET else NO_LIMIT
        return numbered(connection, dataset, after, before_ms=before_ms, below=below, limit=limit)

    def _is_held(self, dataset: Dataset, after: tuple[int, int], keep_ms: int) -> bool:
        """Return whether more would be moved if the watch were further."""
        everything = Watched(NO_LIMIT, None)
        with self._engine.connect() as connection:
            return bool(self._old_rows(connection, dataset, after, keep_ms, everything, 1).rows)

    def _write_and_delete(self, dataset: Dataset, table: pa.Table) -> int:
        """Move the rows of a table. Return the size of the file in bytes."""
        content = encode(dataset, table)
        times = table[dataset.at_ms].to_numpy()
        first_ms, last_ms = int(times.min()), int(times.max())
        path = _path(dataset, first_ms, last_ms)
        sha256 = hashlib.sha256(content).hexdigest()
        number = None if dataset in OF_STREAMS else int(table[dataset.key[0]].to_numpy().max())
        with writing(self._engine) as connection:
            self._renew(connection)
            file = files.add_file(
                connection,
                {
                    "dataset": dataset.name,
                    "path": path,
                    "rows": len(table),
                    "bytes": len(content),
                    "sha256": sha256,
                    "first_ms": first_ms,
                    "last_ms": last_ms,
                    "last_key": number,
                    "written_ms": now_ms(),
                },
            )
        self._place.write(path, content)
        found = self._place.read(path)
        _check(path, found, sha256)
        if not decode(found).equals(table):
            raise BadArchive(f"{path}: its rows are not those that were written")
        with writing(self._engine) as connection:
            self._renew(connection)
            files.set_state(connection, file, files.VERIFIED)
        self._delete(dataset, file, table.select(list(dataset.key)))
        return len(content)

    def _delete(self, dataset: Dataset, file: int, keys: pa.Table) -> None:
        """Delete the rows of a verified file, some in each transaction."""
        for piece in _pieces(keys):
            with writing(self._engine) as connection:
                self._renew(connection)
                delete_rows(connection, dataset, piece)
        with writing(self._engine) as connection:
            self._renew(connection)
            files.set_state(connection, file, files.DONE)


def _check(path: str, content: bytes, sha256: str) -> None:
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BadArchive(f"{path}: its content is not what was written")


def _pieces(keys: pa.Table) -> Iterator[list[tuple[Any, ...]]]:
    for start in range(0, len(keys), DELETED_AT_ONCE):
        piece = keys.slice(start, DELETED_AT_ONCE)
        yield list(zip(*(column.to_pylist() for column in piece.columns), strict=True))


def _path(dataset: Dataset, first_ms: int, last_ms: int) -> str:
    """Return the path of a new file, which says of which times its rows are.

    A word of its own keeps the files of two databases apart.
    """
    month = datetime.fromtimestamp(first_ms / SECOND_MS, UTC).strftime("%Y-%m")
    return f"{dataset.name}/{month}/{first_ms}-{last_ms}-{secrets.token_hex(8)}.parquet"

"""The records of a device that the station has not acknowledged yet, in one SQLite file.

What `add` has returned survives a kill of the process and a power cut. Numbers are never used
twice: the next one is stored in the transaction that stores the records.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from ecgfm_client.device.frames import CheckedRecord, frame_of
from ecgfm_client.errors import BadBuffer, BufferFull

# "ECGB", by which a buffer is told from other SQLite files.
_APPLICATION_ID: Final = 0x45434742
_VERSION: Final = 1
# Another process has the file for as long as it runs; one that was just killed, for moments.
_BUSY_TIMEOUT_S: Final = 1.0
# Of records that were not simply stored, the newest are kept.
MAX_NOTES: Final = 10_000
_SCHEMA: Final = """
CREATE TABLE device (source TEXT NOT NULL, first_seq INTEGER NOT NULL, next_seq INTEGER NOT NULL,
                     noted_from INTEGER NOT NULL);
CREATE TABLE waiting (seq INTEGER PRIMARY KEY, frame BLOB NOT NULL);
CREATE TABLE notes (seq INTEGER PRIMARY KEY, outcome TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE counts (outcome TEXT PRIMARY KEY, records INTEGER NOT NULL);
"""


class Waiting(NamedTuple):
    seq: int
    frame: bytes


class Note(NamedTuple):
    """What became of a record that was not simply stored. `detail` says why, or is empty."""

    seq: int
    outcome: str
    detail: str


class Buffer:
    """The buffer of one source. Threads may share it; other processes are kept out.

    max_bytes  of the frames that wait
    Raises BadBuffer.
    """

    def __init__(self, path: Path, source: str, max_bytes: int) -> None:
        self._path, self._source, self._max_bytes = path, source, max_bytes
        self._lock = threading.Lock()
        with self._failures():
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
        try:
            with self._failures():
                self._open()
        except BadBuffer:
            self._connection.close()
            raise

    def _open(self) -> None:
        # The lock of the file is kept until the process ends.
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._connection.execute("PRAGMA journal_mode = WAL")
        # In WAL mode, FULL flushes the log to the disk at each commit; NORMAL does not.
        self._connection.execute("PRAGMA synchronous = FULL")
        with self._transaction():
            (application,) = self._row("PRAGMA application_id")
            (tables,) = self._row("SELECT count(*) FROM sqlite_master")
            if not tables:
                self._create()
            elif application != _APPLICATION_ID:
                raise BadBuffer(f"{self._path}: a file of another program")
            (version,) = self._row("PRAGMA user_version")
            (source,) = self._row("SELECT source FROM device")
        if version != _VERSION:
            raise BadBuffer(f"{self._path}: of version {version}; this is version {_VERSION}")
        if source != self._source:
            raise BadBuffer(f"{self._path}: the buffer of {source}, not of {self._source}")
        self.records, self.bytes = self._row(
            "SELECT count(*), coalesce(sum(length(frame)), 0) FROM waiting"
        )

    def _create(self) -> None:
        for statement in _SCHEMA.split(";"):
            self._connection.execute(statement)
        self._connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version = {_VERSION}")
        # The device may have had another buffer, which is lost. Microseconds since 1970 are above
        # every number that it can have used.
        first = time.time_ns() // 1000
        self._connection.execute(
            "INSERT INTO device VALUES (?, ?, ?, ?)", (self._source, first, first, first)
        )

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def add(self, records: Sequence[CheckedRecord]) -> range:
        """Store records and return their numbers. Raises BufferFull, BadBuffer; none is stored."""
        size = sum(record.frame_bytes for record in records)
        with self._lock, self._failures():
            if self.bytes + size > self._max_bytes:
                raise BufferFull(
                    f"{self._path}: {self.bytes} bytes wait for the station, {size} are new; "
                    f"the limit is {self._max_bytes}"
                )
            with self._transaction():
                (first,) = self._row("SELECT next_seq FROM device")
                seqs = range(first, first + len(records))
                self._connection.executemany(
                    "INSERT INTO waiting VALUES (?, ?)",
                    (
                        (seq, frame_of(record, self._source, seq))
                        for seq, record in zip(seqs, records, strict=True)
                    ),
                )
                self._connection.execute("UPDATE device SET next_seq = ?", (seqs.stop,))
            self.records += len(records)
            self.bytes += size
        return seqs

    def batch(self, most_records: int, most_bytes: int) -> list[Waiting]:
        """Return the oldest records, in their order: one at least, where any wait."""
        batch: list[Waiting] = []
        size = 0
        with self._lock, self._failures():
            rows = self._connection.execute(
                "SELECT seq, frame FROM waiting ORDER BY seq LIMIT ?", (most_records,)
            )
            for waiting in map(Waiting._make, rows):
                size += len(waiting.frame)
                if batch and size > most_bytes:
                    break
                batch.append(waiting)
            rows.close()
        return batch

    def forget(
        self, acknowledged: Sequence[Waiting], counts: Mapping[str, int], notes: Sequence[Note]
    ) -> None:
        """Remove records that the station has answered for, and keep what it said."""
        with self._lock, self._failures():
            with self._transaction():
                self._connection.executemany(
                    "DELETE FROM waiting WHERE seq = ?", ((each.seq,) for each in acknowledged)
                )
                self._connection.executemany(
                    "INSERT INTO counts VALUES (?, ?) ON CONFLICT (outcome) "
                    "DO UPDATE SET records = records + excluded.records",
                    counts.items(),
                )
                self._connection.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", notes)
                self._drop_old_notes()
            self.records -= len(acknowledged)
            self.bytes -= sum(len(each.frame) for each in acknowledged)

    def _drop_old_notes(self) -> None:
        old = self._connection.execute(
            "SELECT seq FROM notes ORDER BY seq DESC LIMIT 1 OFFSET ?", (MAX_NOTES,)
        ).fetchone()
        if old is not None:
            self._connection.execute("DELETE FROM notes WHERE seq <= ?", old)
            self._connection.execute("UPDATE device SET noted_from = ? + 1", old)

    def counts(self) -> dict[str, int]:
        """Return outcome -> records that had it, since the buffer was made."""
        with self._lock, self._failures():
            return dict(self._connection.execute("SELECT * FROM counts ORDER BY outcome"))

    def notes(self) -> list[Note]:
        """Return the notes that are kept, the oldest first."""
        with self._lock, self._failures():
            return [Note(*row) for row in self._connection.execute("SELECT * FROM notes")]

    def outcome(self, seq: int) -> str | None:
        """Return "waiting", an outcome, or None where the number is unknown or long gone."""
        with self._lock, self._failures(), self._transaction():
            if self._connection.execute("SELECT 1 FROM waiting WHERE seq = ?", (seq,)).fetchone():
                return "waiting"
            note = self._connection.execute(
                "SELECT outcome FROM notes WHERE seq = ?", (seq,)
            ).fetchone()
            noted_from, next_seq = self._row("SELECT noted_from, next_seq FROM device")
        if note is not None:
            return str(note[0])
        return "stored" if noted_from <= seq < next_seq else None

    def _row(self, query: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._connection.execute(query).fetchone()
        return row

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            raise BadBuffer(f"{self._path}: {name} ({error})") from error

"""A table that grows over hours and that another run can continue.

While it grows, rows are in shards in OUT.parts/, each written under another name and then renamed,
so a shard is complete or absent. `finish` joins them into OUT in the same way. The file's metadata
state what the rows were made with.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ecgfm_client.errors import UnusableInput

ABOUT_KEY = b"ecgfm"
# Columns whose type cannot be inferred from a shard in which they are all empty.
TYPES = {
    "embedding": pa.list_(pa.float32()),
    "segments": pa.int32(),
    "warnings": pa.list_(pa.string()),
}
# What the server uses for an option that is not given. Older versions did not store it.
DEFAULTS = {"layer": -1, "pooling": "mean"}
# Stored by older versions; the encoder's name and sha256 say which one it chose.
NOT_COMPARED = frozenset({"model"})
# A recording's answer names these only if it has the part that they give.
MODELS_OF_PARTS = frozenset({"labels", "few_leads", "superclass", "pacemaker"})
ROWS_A_SHARD = 2000  # 6 MB of embeddings
FLUSH_EVERY_S = 5.0  # the most that a killed run loses


class Table:
    """Rows by record id; a second run on the same file at the same time is refused.

    about  what the rows are made with; the same for all runs on one file
    """

    def __init__(self, out: Path, rows_a_shard: int = ROWS_A_SHARD) -> None:
        if out.suffix.lower() not in (".parquet", ".csv"):
            raise UnusableInput(f"--out: {out.name}; the extension must be .parquet or .csv")
        self.out, self.parts = out, out.with_name(out.name + ".parts")
        self.failed = out.with_name(out.name + ".failed.csv")
        self._rows_a_shard = rows_a_shard
        self._rows: list[dict[str, Any]] = []
        self._failures: dict[str, tuple[str, str]] = {}
        self._flushed_s = time.monotonic()
        self.about: dict[str, Any] | None = None
        self.done: set[str] = set()

    def open(self) -> None:
        """Find the rows that exist.

        A Parquet file is continued; a finished CSV is not, because it does not state what it was
        made with. Raises UnusableInput if another run uses the table, or another program wrote it.
        """
        if self.out.suffix.lower() == ".csv" and self.out.exists():
            raise UnusableInput(f"--out: {self.out} exists; remove it or choose another file")
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self.parts.mkdir(exist_ok=True)
        self._lock()
        try:
            self._find_rows()
        except BaseException:
            self.close()
            raise

    def _find_rows(self) -> None:
        for left in self.parts.glob("*.tmp"):
            left.unlink()
        for file in self._files():
            with pq.ParquetFile(file) as table:
                self.must_match(_about(table.schema_arrow))
                for batch in table.iter_batches(columns=["record_id"]):
                    self.done.update(batch.column(0).to_pylist())

    def must_match(self, about: Mapping[str, Any]) -> None:
        """Raise UnusableInput if rows are made with something other than the table's first ones."""
        if self.about is None:
            self.about = dict(about)
            return
        different = _differences(self.about, about)
        if different:
            raise UnusableInput(
                f"--out: {self.out.name} has rows made with {_listed(self.about, different)}; "
                f"these are made with {_listed(about, different)}; choose another file"
            )
        known = {name: about[name] for name in MODELS_OF_PARTS if about.get(name) is not None}
        self.about |= known

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        self.done.add(row["record_id"])
        if (
            len(self._rows) >= self._rows_a_shard
            or time.monotonic() > self._flushed_s + FLUSH_EVERY_S
        ):
            self.flush()

    def fail(self, record_id: str, code: str, detail: str) -> None:
        self._failures[record_id] = (code, detail)

    def flush(self) -> None:
        """Write the added rows to disk."""
        if self._rows:
            number = 1 + max(
                (int(path.stem.removeprefix("part-")) for path in self._shards()), default=-1
            )
            _write(self._table(self._rows), self.parts / f"part-{number:06d}.parquet")
            self._rows = []
        self._flushed_s = time.monotonic()
        self._write_failures()

    def finish(self) -> int:
        """Join all shards into OUT; return the number of its rows."""
        self.flush()
        if self._shards():
            self._join(list(self._files()))
        self.close()
        return len(self.done)

    def close(self) -> None:
        """Release the table for another run. The shards stay unless they were joined."""
        (self.parts / "lock").unlink(missing_ok=True)
        if self.parts.is_dir() and not any(self.parts.iterdir()):
            self.parts.rmdir()

    def _join(self, files: list[Path]) -> None:
        """Copy row groups one by one: a table of millions of rows is never in memory as a whole."""
        schema = pa.unify_schemas(
            [pq.read_schema(file).remove_metadata() for file in files], promote_options="permissive"
        )
        schema = schema.with_metadata({ABOUT_KEY: json.dumps(self.about).encode()})
        joined = self.parts / "joined.parquet.tmp"
        with pq.ParquetWriter(joined, schema, compression="zstd") as writer:
            for file in files:
                for batch in pq.ParquetFile(file).iter_batches():
                    writer.write_table(_fitted(pa.Table.from_batches([batch]), schema))
        if self.out.suffix.lower() == ".csv":
            _to_csv(joined, self.out)
        else:
            joined.replace(self.out)
        shutil.rmtree(self.parts)

    def _table(self, rows: list[dict[str, Any]]) -> pa.Table:
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns = {
            name: pa.array([row.get(name) for row in rows], TYPES.get(name)) for name in names
        }
        return pa.table(columns).replace_schema_metadata(
            {ABOUT_KEY: json.dumps(self.about).encode()}
        )

    def _files(self) -> Iterator[Path]:
        if self.out.is_file() and self.out.suffix.lower() == ".parquet":
            yield self.out
        yield from self._shards()

    def _shards(self) -> list[Path]:
        return sorted(self.parts.glob("part-*.parquet"))

    def _lock(self) -> None:
        lock = self.parts / "lock"
        try:
            with lock.open("x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            holder = lock.read_text().strip()
            if holder.isdigit() and _is_alive(int(holder)):
                raise UnusableInput(f"--out: process {holder} is writing {self.out.name}") from None
            lock.write_text(str(os.getpid()))

    def _write_failures(self) -> None:
        if not self._failures:
            self.failed.unlink(missing_ok=True)
            return
        being_written = self.failed.with_name(self.failed.name + ".tmp")
        with being_written.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["record_id", "code", "detail"])
            writer.writerows([name, *why] for name, why in sorted(self._failures.items()))
        being_written.replace(self.failed)


def _write(table: pa.Table, path: Path) -> None:
    being_written = path.with_suffix(".tmp")
    pq.write_table(table, being_written, compression="zstd")
    with being_written.open("rb") as file:
        os.fsync(file.fileno())
    being_written.replace(path)


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the table with all columns of the schema, in its order."""
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.column_names
        else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _to_csv(parquet: Path, out: Path) -> None:
    being_written = out.with_name(out.name + ".tmp")
    with (
        pq.ParquetFile(parquet) as table,
        pa.csv.CSVWriter(being_written, table.schema_arrow.remove_metadata()) as writer,
    ):
        for batch in table.iter_batches():
            writer.write_batch(batch)
    being_written.replace(out)


def _about(schema: pa.Schema) -> dict[str, Any]:
    about = (schema.metadata or {}).get(ABOUT_KEY)
    if about is None:
        raise UnusableInput("--out: another program wrote this table; choose another file")
    return dict(json.loads(about))


def _differences(first: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the names of what two rows were made with that differs."""
    different = []
    for name in dict.fromkeys([*first, *other]):
        one, two = (about.get(name, DEFAULTS.get(name)) for about in (first, other))
        unknown = name in MODELS_OF_PARTS and (one is None or two is None)
        if one != two and not unknown and name not in NOT_COMPARED:
            different.append(name)
    return different


def _listed(about: Mapping[str, Any], names: Sequence[str]) -> str:
    values = {name: about.get(name, DEFAULTS.get(name)) for name in names}
    return ", ".join(
        f"no {name}" if value is None else f"{name} {value}" for name, value in values.items()
    )


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

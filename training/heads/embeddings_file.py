"""Embeddings of many recordings in one Parquet file, with the encoder that made them.

Columns: record_id (string), patient_id (string), embedding (list of float32, all of one length).
Columns e0, e1, ... are read in place of the list. File metadata: `ecg.encoder`, a JSON object
{name, revision, sha256}; `ecg.embedding`, {layer, pooling, level}. docs/heads.md describes the
format for other writers.

The files of `ecgfm features` and `bulk` are read too: their metadata `ecgfm` is one object with the
encoder and the options that were given. They have no patient_id; the table of labels may have it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from atomic_files import temporary_file
from errors import BadTrainingData
from heads.head import EncoderReference

Strings = NDArray[np.str_]
Values = NDArray[np.float32]

ENCODER_KEY: Final = b"ecg.encoder"
EMBEDDING_KEY: Final = b"ecg.embedding"
BULK_KEY: Final = b"ecgfm"  # ecgfm_client.tables.ABOUT_KEY; training does not need the client

# The embedding that the server passes to a head.
DEFAULT_EMBEDDING: Final = {"layer": -1, "pooling": "mean", "level": "record"}
NUMBERED_COLUMN: Final = re.compile(r"e(\d+)")
SHA256: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Embeddings of one encoder.

    records, patients  (records,) ids
    values             (records, width) float32
    patients_known     False if the file has no patients; then each record counts as one patient
    """

    records: Strings
    patients: Strings
    values: Values
    encoder: EncoderReference
    patients_known: bool = True

    def __len__(self) -> int:
        return len(self.records)


def write_embeddings(path: Path, embeddings: Embeddings) -> None:
    """Write the file atomically."""
    count, width = embeddings.values.shape
    values = np.ascontiguousarray(embeddings.values, np.float32)
    flat = pa.array(values.reshape(count * width))
    table = pa.table(
        {
            "record_id": pa.array(embeddings.records.tolist(), pa.string()),
            "patient_id": pa.array(embeddings.patients.tolist(), pa.string()),
            "embedding": pa.FixedSizeListArray.from_arrays(flat, width),
        }
    )
    metadata = {
        ENCODER_KEY: json.dumps(asdict(embeddings.encoder)),
        EMBEDDING_KEY: json.dumps(DEFAULT_EMBEDDING),
    }
    with temporary_file(path) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary)


def read_embeddings(path: Path) -> Embeddings:
    """Return the embeddings in a file. Raises BadTrainingData that names the fault."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        reason = str(error)[:120]
        raise BadTrainingData(f"{path.name}: cannot be read as Parquet ({reason})") from None
    metadata = table.schema.metadata or {}
    is_bulk = ENCODER_KEY not in metadata and BULK_KEY in metadata
    encoder = _encoder(path, metadata, BULK_KEY if is_bulk else ENCODER_KEY)
    _check_kind(path, _bulk_kind(metadata) if is_bulk else _kind(metadata))
    records = _strings(path, table, "record_id")
    patients_known = not is_bulk or "patient_id" in table.column_names
    patients = _strings(path, table, "patient_id") if patients_known else records
    if len(np.unique(records)) != len(records):
        raise BadTrainingData(f"{path.name}: a record_id occurs twice")
    values = _values(path, table)
    faulty = int((~np.isfinite(values).all(axis=1)).sum())
    if faulty:
        raise BadTrainingData(f"{path.name}: {faulty} embeddings hold values that are not finite")
    return Embeddings(records, patients, values, encoder, patients_known)


def _encoder(path: Path, metadata: Mapping[bytes, bytes], key: bytes) -> EncoderReference:
    name = key.decode()
    try:
        stated = json.loads(metadata[key])
        encoder = EncoderReference(stated["name"], stated["revision"], stated["sha256"])
    except (KeyError, ValueError, TypeError):
        raise BadTrainingData(
            f"{path.name}: the file's metadata has no {name} of the form "
            "{name, revision, sha256}; without it the encoder of these embeddings is unknown"
        ) from None
    if not isinstance(encoder.sha256, str) or not SHA256.fullmatch(encoder.sha256):
        raise BadTrainingData(f"{path.name}: {name}: sha256 must be 64 hex digits")
    if not isinstance(encoder.name, str) or not isinstance(encoder.revision, str | None):
        raise BadTrainingData(
            f"{path.name}: {name}: name must be a string, revision a string or null"
        )
    return encoder


def _check_kind(path: Path, stated: Any) -> None:
    """Raise BadTrainingData for embeddings of another layer or pooling than heads read."""
    if stated != DEFAULT_EMBEDDING:
        raise BadTrainingData(
            f"{path.name}: embeddings of {stated}; heads read {DEFAULT_EMBEDDING}"
        )


def _kind(metadata: Mapping[bytes, bytes]) -> Any:
    """Return `ecg.embedding`; the default if it is missing, None if it is not JSON."""
    if EMBEDDING_KEY not in metadata:
        return DEFAULT_EMBEDDING
    try:
        return json.loads(metadata[EMBEDDING_KEY])
    except ValueError:
        return None


def _bulk_kind(metadata: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Return the embedding that a bulk command requested; missing options had the defaults."""
    options = json.loads(metadata[BULK_KEY])
    return {name: options.get(name, default) for name, default in DEFAULT_EMBEDDING.items()}


def _strings(path: Path, table: Any, column: str) -> Strings:
    if column not in table.column_names:
        columns = ", ".join(table.column_names[:5])
        raise BadTrainingData(f"{path.name}: no column {column}; found {columns}")
    values = table.column(column).to_pylist()
    empty = sum(value is None for value in values)
    if empty:
        raise BadTrainingData(f"{path.name}: {column} is empty in {empty} rows")
    return np.array([str(value) for value in values], np.str_)


def _values(path: Path, table: Any) -> Values:
    """Return the embeddings, (records, width), from the list or the numbered columns."""
    if "embedding" in table.column_names:
        return _list_column(path, table)
    names = [name for name in table.column_names if NUMBERED_COLUMN.fullmatch(name)]
    names.sort(key=lambda name: int(name[1:]))
    if not names or [int(name[1:]) for name in names] != list(range(len(names))):
        raise BadTrainingData(
            f"{path.name}: neither a column embedding nor e0, e1, ... without a gap"
        )
    return np.stack([np.asarray(table.column(name), np.float32) for name in names], axis=1)


def _list_column(path: Path, table: Any) -> Values:
    column = table.column("embedding").combine_chunks()
    width = _list_width(column)
    if width is None:
        raise BadTrainingData(
            f"{path.name}: embedding must be a list of numbers, the same count in every row"
        )
    return np.asarray(column.flatten(), np.float32).reshape(len(column), width)


def _list_width(column: Any) -> int | None:
    """Return the length of all lists; None for another type, empty lists, or different lengths."""
    kind = column.type
    is_list = (
        pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind)
    )
    if not is_list or column.null_count or not len(column):
        return None
    element = kind.value_type
    if not (pa.types.is_floating(element) or pa.types.is_integer(element)):
        return None
    lengths = np.asarray(pc.list_value_length(column))
    if (lengths != lengths[0]).any() or not lengths[0]:
        return None
    return int(lengths[0])

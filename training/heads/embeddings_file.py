"""Embeddings of many recordings in one Parquet file, and which encoder made them. docs/heads.md has the format for others to write.

Columns: record_id (text), patient_id (text), embedding (list of float32, all of one length); read
are also columns e0, e1, ... in place of the list. File metadata: `ecg.encoder`, a JSON object
{name, revision, sha256}; `ecg.embedding`, {layer, pooling}.

What `ecgfm features` and `bulk` write is read as well: `ecgfm`, one object with the encoder and the
options that were given, and no patient_id, for which the labels may have one.
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

ENCODER_KEY: Final = b"ecg.encoder"
EMBEDDING_KEY: Final = b"ecg.embedding"
BULK_KEY: Final = b"ecgfm"  # ecgfm_client.tables.ABOUT_KEY; training does not need the client
DEFAULT_EMBEDDING: Final = {
    "layer": -1,
    "pooling": "mean",
    "level": "record",
}  # what the server gives a head
NUMBERED: Final = re.compile(r"e(\d+)")


@dataclass(frozen=True, eq=False)
class Embeddings:
    """records and patients (records,) texts, values (records, width) float32, all of one encoder.

    patients_known  False where the file has none, and every record counts as a patient of its own
    """

    records: NDArray[np.str_]
    patients: NDArray[np.str_]
    values: NDArray[np.float32]
    encoder: EncoderReference
    patients_known: bool = True

    def __len__(self) -> int:
        return len(self.records)


def write_embeddings(path: Path, embeddings: Embeddings) -> None:
    """The file, whole or not at all."""
    count, width = embeddings.values.shape
    flat = pa.array(np.ascontiguousarray(embeddings.values, np.float32).reshape(count * width))
    table = pa.table(
        {
            "record_id": pa.array(embeddings.records.tolist(), pa.string()),
            "patient_id": pa.array(embeddings.patients.tolist(), pa.string()),
            "embedding": pa.FixedSizeListArray.from_arrays(flat, width),
        }
    )
    said = {
        ENCODER_KEY: json.dumps(asdict(embeddings.encoder)),
        EMBEDDING_KEY: json.dumps(DEFAULT_EMBEDDING),
    }
    with temporary_file(path) as temporary:
        pq.write_table(table.replace_schema_metadata(said), temporary)


def read_embeddings(path: Path) -> Embeddings:
    """Raises BadTrainingData that says what is missing or wrong in the file."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise BadTrainingData(
            f"{path.name}: cannot be read as Parquet ({str(error)[:120]})"
        ) from None
    metadata = table.schema.metadata or {}
    bulk = ENCODER_KEY not in metadata and BULK_KEY in metadata
    encoder = _encoder(path, metadata, BULK_KEY if bulk else ENCODER_KEY)
    _check_kind(path, metadata, bulk=bulk)
    records = _texts(path, table, "record_id")
    patients_known = not bulk or "patient_id" in table.column_names
    patients = _texts(path, table, "patient_id") if patients_known else records
    if len(np.unique(records)) != len(records):
        raise BadTrainingData(f"{path.name}: a record_id stands there twice")
    values = _values(path, table)
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise BadTrainingData(
            f"{path.name}: {int((~finite).sum())} embeddings hold values that are not finite"
        )
    return Embeddings(records, patients, values, encoder, patients_known)


def _encoder(path: Path, metadata: Mapping[bytes, bytes], key: bytes) -> EncoderReference:
    try:
        stated = json.loads(metadata[key])
        encoder = EncoderReference(stated["name"], stated["revision"], stated["sha256"])
    except (KeyError, ValueError, TypeError):
        raise BadTrainingData(
            f"{path.name}: the file's metadata has no {key.decode()} of the form {{name, revision, sha256}}; "
            "without it nobody knows which encoder these embeddings are of"
        ) from None
    if not isinstance(encoder.sha256, str) or not re.fullmatch("[0-9a-f]{64}", encoder.sha256):
        raise BadTrainingData(f"{path.name}: {key.decode()}: sha256 must be 64 hex digits")
    if not isinstance(encoder.name, str) or not isinstance(encoder.revision, str | None):
        raise BadTrainingData(
            f"{path.name}: {key.decode()}: name must be a text, revision a text or null"
        )
    return encoder


def _check_kind(path: Path, metadata: Mapping[bytes, bytes], *, bulk: bool) -> None:
    """Other layers and poolings may be studied with other tools; a head is given this one by the server."""
    stated = _bulk_kind(metadata) if bulk else _kind(metadata)
    if stated != DEFAULT_EMBEDDING:
        raise BadTrainingData(
            f"{path.name}: embeddings of {stated}; heads read {DEFAULT_EMBEDDING}"
        )


def _kind(metadata: Mapping[bytes, bytes]) -> Any:
    try:
        return json.loads(metadata.get(EMBEDDING_KEY, json.dumps(DEFAULT_EMBEDDING)))
    except ValueError:
        return None


def _bulk_kind(metadata: Mapping[bytes, bytes]) -> dict[str, Any]:
    """What was not asked for is the server's default."""
    asked = json.loads(metadata[BULK_KEY])
    return {name: asked.get(name, default) for name, default in DEFAULT_EMBEDDING.items()}


def _texts(path: Path, table: Any, column: str) -> NDArray[np.str_]:
    if column not in table.column_names:
        raise BadTrainingData(
            f"{path.name}: no column {column}; found {', '.join(table.column_names[:5])}"
        )
    values = table.column(column).to_pylist()
    if any(value is None for value in values):
        raise BadTrainingData(
            f"{path.name}: {column} is empty in {sum(value is None for value in values)} rows"
        )
    return np.array([str(value) for value in values], np.str_)


def _values(path: Path, table: Any) -> NDArray[np.float32]:
    if "embedding" in table.column_names:
        return _flat(path, table)
    numbered = sorted(
        (int(match[1]), name) for name in table.column_names if (match := NUMBERED.fullmatch(name))
    )
    if not numbered or [number for number, _ in numbered] != list(range(len(numbered))):
        raise BadTrainingData(
            f"{path.name}: neither a column embedding nor e0, e1, ... without a gap"
        )
    return np.stack([np.asarray(table.column(name), np.float32) for _, name in numbered], axis=1)


def _flat(path: Path, table: Any) -> NDArray[np.float32]:
    kind = table.schema.field("embedding").type
    is_list = (
        pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind)
    )
    column = table.column("embedding").combine_chunks()
    lengths = (
        np.asarray(pc.list_value_length(column))
        if is_list and not column.null_count
        else np.zeros(0)
    )
    if (
        not lengths.size
        or (lengths != lengths[0]).any()
        or not lengths[0]
        or not _is_number(kind.value_type)
    ):
        raise BadTrainingData(
            f"{path.name}: embedding must be a list of numbers, the same count in every row"
        )
    return np.asarray(column.flatten(), np.float32).reshape(len(lengths), int(lengths[0]))


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))

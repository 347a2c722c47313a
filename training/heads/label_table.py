"""What is known of each recording: labels of 0, 1 or nothing, and which part of the work it serves.

A CSV or Parquet table with a column record_id, a column for each label, and, where wanted,
patient_id and split (train, gate or test). Without a split, patients are dealt by a digest of their
id: the same patient is always in the same part, whatever the seed and however the table grows, so
that nobody of the gate set is ever trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from errors import BadTrainingData
from training.heads.embeddings_file import Embeddings
from training.heads.examples import Examples

Split = Literal["train", "gate", "test"]
SPLITS: Final[tuple[Split, ...]] = get_args(Split)
SHARES: Final[dict[Split, float]] = {
    "gate": 0.2,
    "test": 0.2,
}  # of the patients, where the table has no split
KEYS: Final = ("record_id", "patient_id", "split")
TRUTHS: Final = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "false": 0.0, "true": 1.0, "": np.nan}


@dataclass(frozen=True, eq=False)
class LabelTable:
    """truth (records, labels) of 0, 1, NaN for unknown; patients and split None where the table has none."""

    records: NDArray[np.str_]
    labels: tuple[str, ...]
    truth: NDArray[np.float64]
    patients: NDArray[np.str_] | None = None
    split: NDArray[np.str_] | None = None


@dataclass(frozen=True, eq=False)
class Labelled:
    """The recordings that have both an embedding and a row of labels."""

    examples: Examples
    records: NDArray[np.str_]
    split: NDArray[np.str_]
    labels: tuple[str, ...]
    left_out: int

    def part(self, split: Split) -> Examples:
        """Raises BadTrainingData where nothing is in it."""
        rows = self.split == split
        if not rows.any():
            there = ", ".join(f"{int((self.split == name).sum())} in {name}" for name in SPLITS)
            raise BadTrainingData(f"no recording is in {split}; there are {there}")
        return self.examples.at(rows)


def read_labels(path: Path, labels: Sequence[str] = ()) -> LabelTable:
    """labels: the columns to take, all but the keys where empty. Raises BadTrainingData."""
    table = _read(path)
    if "record_id" not in table.column_names:
        raise BadTrainingData(
            f"{path.name}: no column record_id; found {', '.join(table.column_names[:5])}"
        )
    wanted = tuple(labels) or tuple(name for name in table.column_names if name not in KEYS)
    missing = [name for name in wanted if name not in table.column_names]
    if missing or not wanted:
        raise BadTrainingData(
            f"{path.name}: no column {missing[0] if missing else 'of labels'}; found {', '.join(table.column_names[:20])}"
        )
    columns = {
        name: [_text(value) for value in table.column(name).to_pylist()]
        for name in {*KEYS, *wanted} & set(table.column_names)
    }
    records = np.array(columns["record_id"], np.str_)
    if len(np.unique(records)) != len(records):
        raise BadTrainingData(f"{path.name}: a record_id stands there twice")
    truth = np.array(
        [[_truth(path, name, value) for value in columns[name]] for name in wanted], np.float64
    ).T
    split = _split(path, columns["split"]) if "split" in columns else None
    return LabelTable(
        records,
        wanted,
        truth,
        np.array(columns["patient_id"], np.str_) if "patient_id" in columns else None,
        split,
    )


def join(embeddings: Embeddings, table: LabelTable) -> Labelled:
    """By record_id. Raises BadTrainingData where nothing is in both, or a patient is in two parts."""
    rows = {record: row for row, record in enumerate(table.records.tolist())}
    both = np.array([rows.get(record, -1) for record in embeddings.records.tolist()], np.intp)
    there = both >= 0
    if not there.any():
        raise BadTrainingData(
            f"no record_id is in both: embeddings have {str(embeddings.records[0])!r} and so on, the labels {str(table.records[0])!r}"
        )
    at = both[there]
    patients = embeddings.patients[there] if table.patients is None else table.patients[at]
    split = dealt(patients) if table.split is None else table.split[at]
    _check_apart(patients, split)
    examples = Examples(embeddings.values[there].astype(np.float64), table.truth[at], patients)
    return Labelled(examples, embeddings.records[there], split, table.labels, int((~there).sum()))


def dealt(patients: NDArray[np.str_]) -> NDArray[np.str_]:
    """(records,): each patient's part by a digest of the id."""
    parts = {patient: _dealt(patient) for patient in np.unique(patients).tolist()}
    return np.array([parts[patient] for patient in patients.tolist()], np.str_)


def _dealt(patient: str) -> Split:
    at = int.from_bytes(hashlib.sha256(f"split:{patient}".encode()).digest()[:8], "big") / 2**64
    if at < SHARES["gate"]:
        return "gate"
    return "test" if at < SHARES["gate"] + SHARES["test"] else "train"


def _check_apart(patients: NDArray[np.str_], split: NDArray[np.str_]) -> None:
    pairs = {
        (patient, part) for patient, part in zip(patients.tolist(), split.tolist(), strict=True)
    }
    torn = len(pairs) - len({patient for patient, _ in pairs})
    if torn:
        raise BadTrainingData(
            f"split: {torn} patients have recordings in more than one part; a patient belongs to one"
        )


def _read(path: Path) -> Any:
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pq.read_table(path)
        names = pa_csv.open_csv(path).schema.names
        return pa_csv.read_csv(
            path,
            convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except (OSError, pa.ArrowInvalid) as error:
        raise BadTrainingData(
            f"{path.name}: cannot be read as a table ({str(error)[:120]})"
        ) from None


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _truth(path: Path, column: str, value: str) -> float:
    found = TRUTHS.get(value.lower())
    if found is None:
        raise BadTrainingData(
            f"{path.name}: column {column} holds {value[:40]!r}; a label is 0, 1 or empty (--columns names those that are labels)"
        )
    return found


def _split(path: Path, values: list[str]) -> NDArray[np.str_]:
    other = sorted(set(values) - set(SPLITS))
    if other:
        raise BadTrainingData(
            f"{path.name}: split holds {other[0][:40]!r}; {', '.join(SPLITS)} are allowed"
        )
    return np.array(values, np.str_)

"""The labels of recordings, and the part of the work that each recording serves.

A CSV or Parquet table with a column record_id, a column for each label with 0, 1 or nothing, and
optionally patient_id and split (train, gate or test). Without a split, a digest of the patient's id
decides: a patient is always in the same part, whatever the seed and however the table grows, so no
patient of the gate set is ever trained on.
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

Strings = NDArray[np.str_]

Split = Literal["train", "gate", "test"]
SPLITS: Final[tuple[Split, ...]] = get_args(Split)
GATE_SHARE: Final = 0.2  # of the patients, where the table has no split
TEST_SHARE: Final = 0.2
KEYS: Final = ("record_id", "patient_id", "split")
TRUTHS: Final = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "false": 0.0, "true": 1.0, "": np.nan}
MAX_SHOWN: Final = 40  # characters of a refused value in a message


@dataclass(frozen=True, eq=False)
class LabelTable:
    """The table of labels.

    truth            (records, labels) of 0, 1 and NaN for unknown
    patients, split  (records,); None if the table has no such column
    """

    records: Strings
    labels: tuple[str, ...]
    truth: NDArray[np.float64]
    patients: Strings | None = None
    split: Strings | None = None


@dataclass(frozen=True, eq=False)
class Labelled:
    """The recordings that have both an embedding and a row of labels.

    split     (records,) part of each recording
    left_out  number of embeddings without a row of labels
    """

    examples: Examples
    records: Strings
    split: Strings
    labels: tuple[str, ...]
    left_out: int

    def part(self, split: Split) -> Examples:
        """Return the examples of one part. Raises BadTrainingData if it has none."""
        rows = self.split == split
        if not rows.any():
            counts = ", ".join(f"{int((self.split == name).sum())} in {name}" for name in SPLITS)
            raise BadTrainingData(f"no recording is in {split}; found {counts}")
        return self.examples.at(rows)


def read_labels(path: Path, labels: Sequence[str] = ()) -> LabelTable:
    """Return the table in a CSV or Parquet file.

    labels  the columns to read; all but the keys if empty
    Raises BadTrainingData.
    """
    table = _read_table(path)
    wanted = _label_columns(path, table.column_names, labels)
    columns = {
        name: [_string(value) for value in table.column(name).to_pylist()]
        for name in {*KEYS, *wanted} & set(table.column_names)
    }
    records = np.array(columns["record_id"], np.str_)
    if len(np.unique(records)) != len(records):
        raise BadTrainingData(f"{path.name}: a record_id occurs twice")
    truth = [[_truth(path, name, value) for value in columns[name]] for name in wanted]
    patients = columns.get("patient_id")
    split = columns.get("split")
    return LabelTable(
        records=records,
        labels=wanted,
        truth=np.array(truth, np.float64).T,
        patients=None if patients is None else np.array(patients, np.str_),
        split=None if split is None else _split(path, split),
    )


def _label_columns(path: Path, columns: Sequence[str], labels: Sequence[str]) -> tuple[str, ...]:
    """Return the columns to read as labels. Raises BadTrainingData if one is missing."""
    if "record_id" not in columns:
        raise BadTrainingData(f"{path.name}: no column record_id; found {', '.join(columns[:5])}")
    wanted = tuple(labels) or tuple(name for name in columns if name not in KEYS)
    missing = [name for name in wanted if name not in columns]
    if missing or not wanted:
        lacking = missing[0] if missing else "of labels"
        found = ", ".join(columns[:20])
        raise BadTrainingData(f"{path.name}: no column {lacking}; found {found}")
    return wanted


def join(embeddings: Embeddings, table: LabelTable) -> Labelled:
    """Join embeddings and labels by record_id.

    Raises BadTrainingData if no record is in both, or if a patient is in two parts.
    """
    row_of = {record: row for row, record in enumerate(table.records.tolist())}
    rows = np.array([row_of.get(record, -1) for record in embeddings.records.tolist()], np.intp)
    labelled = rows >= 0
    if not labelled.any():
        raise BadTrainingData(
            f"no record_id is in both: embeddings have {str(embeddings.records[0])!r} and so on, "
            f"the labels {str(table.records[0])!r}"
        )
    rows = rows[labelled]
    patients = embeddings.patients[labelled] if table.patients is None else table.patients[rows]
    split = assign_parts(patients) if table.split is None else table.split[rows]
    _check_apart(patients, split)
    values = embeddings.values[labelled].astype(np.float64)
    return Labelled(
        examples=Examples(values, table.truth[rows], patients),
        records=embeddings.records[labelled],
        split=split,
        labels=table.labels,
        left_out=int((~labelled).sum()),
    )


def assign_parts(patients: Strings) -> Strings:
    """Return the part of each record, (records,), by a digest of its patient's id."""
    parts = {patient: _part_of(patient) for patient in np.unique(patients).tolist()}
    return np.array([parts[patient] for patient in patients.tolist()], np.str_)


def _part_of(patient: str) -> Split:
    sha256 = hashlib.sha256(f"split:{patient}".encode()).digest()
    # Uniform in [0, 1) over patients.
    position = int.from_bytes(sha256[:8], "big") / 2**64
    if position < GATE_SHARE:
        return "gate"
    return "test" if position < GATE_SHARE + TEST_SHARE else "train"


def _check_apart(patients: Strings, split: Strings) -> None:
    pairs = set(zip(patients.tolist(), split.tolist(), strict=True))
    surplus = len(pairs) - len({patient for patient, _ in pairs})
    if surplus:
        raise BadTrainingData(
            f"split: {surplus} patients have recordings in more than one part; "
            "a patient belongs to one"
        )


def _read_table(path: Path) -> Any:
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pq.read_table(path)
        # All columns as strings: an id like 007 keeps its zeros.
        names = pa_csv.open_csv(path).schema.names
        types = dict.fromkeys(names, pa.string())
        return pa_csv.read_csv(path, convert_options=pa_csv.ConvertOptions(column_types=types))
    except (OSError, pa.ArrowInvalid) as error:
        reason = str(error)[:120]
        raise BadTrainingData(f"{path.name}: cannot be read as a table ({reason})") from None


def _string(value: object) -> str:
    return "" if value is None else str(value).strip()


def _truth(path: Path, column: str, value: str) -> float:
    truth = TRUTHS.get(value.lower())
    if truth is None:
        raise BadTrainingData(
            f"{path.name}: column {column} holds {value[:MAX_SHOWN]!r}; a label is 0, 1 or empty "
            "(--columns names those that are labels)"
        )
    return truth


def _split(path: Path, values: list[str]) -> Strings:
    other = sorted(set(values) - set(SPLITS))
    if other:
        raise BadTrainingData(
            f"{path.name}: split holds {other[0][:MAX_SHOWN]!r}; {', '.join(SPLITS)} are allowed"
        )
    return np.array(values, np.str_)

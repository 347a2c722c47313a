"""A table of labels is read as written; parts follow from digests of the patients' ids."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from errors import BadTrainingData
from tests.heads.small_heads import ENCODER
from training.heads.embeddings_file import Embeddings
from training.heads.label_table import LabelTable, assign_parts, join, read_labels

VALUES = np.arange(8, dtype=np.float32).reshape(4, 2)
EMBEDDINGS = Embeddings(
    np.array(["a", "b", "c", "d"]), np.array(["p", "q", "q", "r"]), VALUES, ENCODER
)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_keys_and_labels_are_told_apart(tmp_path: Path) -> None:
    path = write(
        tmp_path / "l.csv",
        "MI,record_id,split,AF,patient_id\n"
        "1, a ,train,false,007\nTRUE,b,gate,,8\n0.0,c,test,1.0,9\n",
    )
    table = read_labels(path)
    assert table.records.tolist() == ["a", "b", "c"]
    assert table.labels == ("MI", "AF")
    np.testing.assert_array_equal(table.truth, [[1, 0], [1, np.nan], [0, 1]])
    assert table.patients is not None and table.patients.tolist() == ["007", "8", "9"]
    assert table.split is not None and table.split.tolist() == ["train", "gate", "test"]
    assert read_labels(path, ("AF",)).labels == ("AF",)
    np.testing.assert_array_equal(read_labels(path, ("AF", "MI")).truth[0], [0, 1])


def test_parquet_is_read_by_its_ending(tmp_path: Path) -> None:
    for name in ("l.parquet", "l.PQ"):
        pq.write_table(pa.table({"record_id": [1, 2], "AF": [True, None]}), tmp_path / name)
        table = read_labels(tmp_path / name)
        assert table.records.tolist() == ["1", "2"]
        np.testing.assert_array_equal(table.truth, [[1], [np.nan]])
        assert (table.patients, table.split) == (None, None)


@pytest.mark.parametrize(
    "text, labels, message",
    [
        ("id,AF\n1,1\n", (), "l.csv: no column record_id; found id, AF"),
        ("record_id\n1\n", (), "l.csv: no column of labels; found record_id"),
        ("record_id,AF\n1,1\n", ("AF", "MI"), "l.csv: no column MI; found record_id, AF"),
        (
            "record_id,AF\n1,2\n",
            (),
            "l.csv: column AF holds '2'; a label is 0, 1 or empty "
            "(--columns names those that are labels)",
        ),
        ("record_id,AF\n1,1\n1,0\n", (), "l.csv: a record_id occurs twice"),
        (
            "record_id,AF,split\n1,1,holdout\n",
            (),
            "l.csv: split holds 'holdout'; train, gate, test are allowed",
        ),
    ],
)
def test_a_faulty_table_is_refused(
    tmp_path: Path, text: str, labels: tuple[str, ...], message: str
) -> None:
    with pytest.raises(BadTrainingData) as refused:
        read_labels(write(tmp_path / "l.csv", text), labels)
    assert refused.value.detail == message


def test_parts_are_fifths_of_the_digests_range() -> None:
    """gate below 0.2 of 2**64, test below 0.4, train above."""
    patients = np.array([f"p{number}" for number in range(500)])
    expected = []
    for patient in patients.tolist():
        digest = hashlib.sha256(b"split:" + patient.encode()).hexdigest()
        position = int(digest[:16], 16) / 16**16
        expected.append("gate" if position < 0.2 else "test" if position < 0.4 else "train")
    assert assign_parts(patients).tolist() == expected
    assert set(expected) == {"gate", "test", "train"}


def test_rows_are_joined_by_record_in_the_order_of_the_embeddings() -> None:
    table = LabelTable(
        np.array(["d", "x", "a"]),
        ("AF",),
        np.array([[1.0], [0.0], [np.nan]]),
        split=np.array(["gate", "test", "train"]),
    )
    labelled = join(EMBEDDINGS, table)
    assert labelled.records.tolist() == ["a", "d"]
    assert labelled.split.tolist() == ["train", "gate"]
    assert labelled.left_out == 2
    assert labelled.labels == ("AF",)
    np.testing.assert_array_equal(labelled.examples.x, VALUES[[0, 3]])
    assert labelled.examples.x.dtype == np.float64
    np.testing.assert_array_equal(labelled.examples.truth, [[np.nan], [1]])
    assert labelled.examples.patients.tolist() == ["p", "r"]
    assert labelled.part("gate").patients.tolist() == ["r"]
    with pytest.raises(BadTrainingData) as refused:
        labelled.part("test")
    assert refused.value.detail == (
        "no recording is in test; found 1 in train, 1 in gate, 0 in test"
    )


def test_patients_of_the_table_come_before_those_of_the_embeddings() -> None:
    table = LabelTable(
        np.array(["d", "b"]), ("AF",), np.array([[1.0], [0.0]]), np.array(["s", "t"])
    )
    assert join(EMBEDDINGS, table).examples.patients.tolist() == ["t", "s"]


def test_a_patient_in_two_parts_is_refused() -> None:
    table = LabelTable(
        EMBEDDINGS.records,
        ("AF",),
        np.ones((4, 1)),
        split=np.array(["train", "train", "gate", "test"]),
    )
    with pytest.raises(BadTrainingData) as refused:
        join(EMBEDDINGS, table)
    assert refused.value.detail == (
        "split: 1 patients have recordings in more than one part; a patient belongs to one"
    )


def test_without_a_common_record_both_are_shown() -> None:
    table = LabelTable(np.array(["x"]), ("AF",), np.ones((1, 1)))
    with pytest.raises(BadTrainingData) as refused:
        join(EMBEDDINGS, table)
    assert refused.value.detail == (
        "no record_id is in both: embeddings have 'a' and so on, the labels 'x'"
    )

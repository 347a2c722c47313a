"""PTB-XL as downloaded and as packed gives the same recordings and labels."""

from __future__ import annotations

import csv
import gzip
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from superclasses import SUPERCLASSES
from tests.data import SHARED, requires_shared
from training.datasets.ptbxl import (
    BIFASCICULAR,
    ECG_FM_LABELS,
    PtbXl,
    in_standard_order,
    read_file,
    read_signals,
    read_table,
)

PACKED = SHARED / "ptbxl"
COPIED_COLUMNS = ("ecg_id", "patient_id", "age", "sex", "scp_codes", "strat_fold")
COLUMN = {
    "1st degree atrioventricular block": "y_first_degree_av_block",
    **{
        name: "y_" + name.lower().replace(" ", "_")
        for name in (*ECG_FM_LABELS, BIFASCICULAR)
        if not name.startswith("1st")
    },
}


@pytest.fixture(scope="module")
def packed() -> PtbXl:
    return read_table(PACKED)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with gzip.open(PACKED / "metadata.csv.gz", "rt", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def downloaded(tmp_path: Path, rows: list[dict[str, str]]) -> Path:
    """A folder as PhysioNet's, with the recordings of raw100 alone."""
    kept_rows = [row for row in rows if row["raw100"] == "1"]
    folder = tmp_path / "records100" / "00000"
    folder.mkdir(parents=True)
    for path in sorted((PACKED / "raw100").iterdir()):
        shutil.copy(path, folder / path.name)
    shutil.copy(PACKED / "scp_statements.csv", tmp_path)
    with (tmp_path / "ptbxl_database.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*COPIED_COLUMNS, "filename_lr", "filename_hr"])
        writer.writeheader()
        for row in kept_rows:
            copied = {column: row[column] for column in COPIED_COLUMNS}
            copied["patient_id"] += ".0"  # as in the release
            name = f"00000/{int(row['ecg_id']):05d}"
            copied["filename_lr"] = f"records100/{name}_lr"
            copied["filename_hr"] = f"records500/{name}_hr"
            writer.writerow(copied)
    return tmp_path


@requires_shared
def test_labels_follow_from_the_statements(packed: PtbXl, rows: list[dict[str, str]]) -> None:
    for name, column in COLUMN.items():
        wanted = np.array([row[column] == "1" for row in rows])
        # Two rows of the packed table have statements that their own columns leave out.
        assert np.count_nonzero(packed.ecg_fm_label(name) != wanted) <= 2, name
    wanted = np.array([[row[name] == "1" for name in SUPERCLASSES] for row in rows])
    assert np.count_nonzero((packed.superclasses() != wanted).any(axis=1)) <= 2


@requires_shared
def test_a_label_that_no_statement_gives_is_unknown(packed: PtbXl) -> None:
    with pytest.raises(KeyError):
        packed.ecg_fm_label("Ventricular tachycardia")


@requires_shared
def test_no_patient_is_in_two_folds(packed: PtbXl) -> None:
    folds: dict[int, set[int]] = {}
    for patient, fold in zip(packed.patient_id.tolist(), packed.fold.tolist(), strict=True):
        folds.setdefault(patient, set()).add(fold)
    assert all(len(of_patient) == 1 for of_patient in folds.values())


@pytest.mark.long  # it decodes all of PTB-XL
@requires_shared
def test_a_download_and_the_packed_copy_hold_the_same(
    downloaded: Path, packed: PtbXl, tmp_path: Path
) -> None:
    table = read_table(downloaded)
    signals = read_signals(table)
    at = {number: index for index, number in enumerate(packed.ecg_id.tolist())}
    rows_in_packed = [at[number] for number in table.ecg_id.tolist()]
    assert len(table) == 30
    assert np.array_equal(table.superclasses(), packed.superclasses()[rows_in_packed])
    assert [table.statements[index] for index in range(30)] == [
        packed.statements[index] for index in rows_in_packed
    ]
    assert np.array_equal(table.fold, packed.fold[rows_in_packed])
    assert np.array_equal(table.patient_id, packed.patient_id[rows_in_packed])
    again = read_signals(packed)[rows_in_packed]
    # The packed copy rounds I, II and V1 to V6 to 5 or 10 uV: a derived lead is within 10 + 1 uV.
    assert np.median(np.abs(signals.astype(int) - again).max(axis=(1, 2))) <= 11


@requires_shared
def test_a_packed_recording_has_its_files_where_they_were_kept(packed: PtbXl) -> None:
    kept = [path for path in packed.files[500] if path is not None]
    assert len(kept) == 58
    record = read_file(kept[0])
    assert record.fs == 500.0
    assert in_standard_order(record).shape == (12, 5000)


def test_another_folder_is_refused_with_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"neither ptbxl_database\.csv .* nor metadata\.csv\.gz"
    ):
        read_table(tmp_path)


def table_of(*statements: set[str]) -> PtbXl:
    """Return a table of recordings with these statements."""
    count = len(statements)
    numbers = np.arange(count)
    return PtbXl(
        folder=Path(),
        ecg_id=numbers,
        patient_id=numbers,
        age=numbers.astype(np.float64),
        sex=numbers % 2,
        fold=numbers + 1,
        statements=tuple(map(frozenset, statements)),
        diagnostic_class={"IMI": "MI", "ASMI": "MI", "NORM": "NORM", "CLBBB": "CD", "LVH": "HYP"},
        files={100: (None,) * count, 500: (None,) * count},
        packed=True,
    )


def test_a_superclass_is_any_diagnostic_statement_of_it() -> None:
    table = table_of({"SR", "NORM"}, {"IMI", "CLBBB", "PVC"}, {"AFIB"}, set())
    positive = [
        {name for name, is_true in zip(SUPERCLASSES, row, strict=True) if is_true}
        for row in table.superclasses().tolist()
    ]
    assert positive == [{"NORM"}, {"MI", "CD"}, set(), set()]


def test_a_label_is_any_of_its_statements_and_bifascicular_block_two_at_once() -> None:
    table = table_of({"CRBBB"}, {"CRBBB", "LAFB"}, {"LAFB"}, {"IRBBB", "LPFB"}, {"CRBBB", "LPFB"})
    assert table.ecg_fm_label("Right bundle branch block").tolist() == [
        True,
        True,
        False,
        True,
        True,
    ]
    assert table.ecg_fm_label(BIFASCICULAR).tolist() == [False, True, False, False, True]
    both = table.with_any_statement(frozenset({"LAFB", "LPFB"}))
    assert both.tolist() == [False, True, True, True, True]
    assert len(table) == 5


def test_a_table_with_another_number_of_recordings_is_refused(tmp_path: Path) -> None:
    loader = "import numpy as np\ndef load_signals(folder, numbers):\n"
    (tmp_path / "load.py").write_text(loader + "    return np.full((2, 12, 1000), 1.5)\n")
    (tmp_path / "chunk_0.bin").touch()
    table = replace(table_of(set(), set()), folder=tmp_path)
    assert (read_signals(table) == 1500).all()
    assert read_signals(table, 1).shape == (1, 12, 1000)
    larger = replace(table_of(set(), set(), set()), folder=tmp_path)
    with pytest.raises(ValueError, match=r": 2 recordings; the table has 3$"):
        read_signals(larger)

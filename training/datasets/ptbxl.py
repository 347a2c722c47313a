"""PTB-XL, as PhysioNet distributes it or packed: recordings, patients, folds, statements.

PTB-XL 1.0.3 (Wagner et al., Scientific Data 7:154, 2020, doi 10.1038/s41597-020-0495-6; CC BY 4.0).
Two layouts are read: the download (ptbxl_database.csv, scp_statements.csv, records100/ and
records500/ as WFDB) and a packed copy of its 100 Hz signals (load.py, chunk_*.bin, metadata.csv.gz,
scp_statements.csv, some files of raw100/ and raw500/).
"""

from __future__ import annotations

import ast
import csv
import gzip
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from formats.parts import Part
from formats.registry import read
from signals.leads import LEADS
from signals.record import EcgRecord
from superclasses import SUPERCLASSES
from training.datasets.packed import loader_of

RATE_HZ: Final = 100.0  # of `read_signals`
SAMPLES: Final = 1000
MICROVOLTS_PER_MV: Final = 1000.0  # a microvolt is the release's own resolution
AGE_OVER_89: Final = 300.0  # stands for an age that would identify the patient

# The infarction statements. The other statements of the class MI are injuries (INJAL, INJAS, INJIL,
# INJIN, INJLA), which are no infarction in the sense of ECG-FM's label.
_INFARCTIONS: Final = frozenset(
    {"AMI", "ASMI", "ALMI", "IMI", "ILMI", "IPMI", "IPLMI", "LMI", "PMI"}
)
_RIGHT_BLOCK: Final = frozenset({"CRBBB", "IRBBB"})

# Label -> any of these statements: the mapping to ECG-FM's labels, which come from another
# hospital's machine reports.
ECG_FM_LABELS: Final[Mapping[str, frozenset[str]]] = {
    "Sinus rhythm": frozenset({"SR", "SBRAD", "STACH", "SARRH"}),
    "Premature ventricular contraction": frozenset({"PVC"}),
    "Tachycardia": frozenset({"STACH", "SVTAC", "PSVT"}),
    "Atrial fibrillation": frozenset({"AFIB"}),
    "Atrial flutter": frozenset({"AFLT"}),
    "Bradycardia": frozenset({"SBRAD"}),
    "Accessory pathway conduction": frozenset({"WPW"}),
    "Atrioventricular block": frozenset({"1AVB", "2AVB", "3AVB"}),
    "1st degree atrioventricular block": frozenset({"1AVB"}),
    "Right bundle branch block": _RIGHT_BLOCK,
    "Left bundle branch block": frozenset({"CLBBB", "ILBBB"}),
    "Infarction": _INFARCTIONS,
    "Electronic pacemaker": frozenset({"PACE"}),
}
BIFASCICULAR: Final = "Bifascicular block"  # the one label that needs two statements at once


def _has_bifascicular_block(statements: frozenset[str]) -> bool:
    """Return whether complete right bundle branch block comes with a left fascicular block."""
    return "CRBBB" in statements and bool(statements & {"LAFB", "LPFB"})


@dataclass(frozen=True, eq=False)
class PtbXl:
    """The table, one row for each recording.

    age      years, NaN where unknown, 300 for over 89
    sex      0 male, 1 female, as in the database
    fold     1..10; all recordings of a patient are in one fold
    statements        SCP statements of each recording, whatever their likelihood
    diagnostic_class  superclass by diagnostic statement
    files    sampling rate -> each recording's path without suffix, None where the folder does not
             hold the file
    """

    folder: Path
    ecg_id: NDArray[np.int64]
    patient_id: NDArray[np.int64]
    age: NDArray[np.float64]
    sex: NDArray[np.int64]
    fold: NDArray[np.int64]
    statements: tuple[frozenset[str], ...]
    diagnostic_class: Mapping[str, str]
    files: Mapping[int, tuple[Path | None, ...]]
    packed: bool

    def __len__(self) -> int:
        return len(self.ecg_id)

    def superclasses(self) -> NDArray[np.bool_]:
        """Return (records, 5), columns as SUPERCLASSES.

        True for any diagnostic statement of that class, which is the database's own rule.
        """
        truth = np.zeros((len(self), len(SUPERCLASSES)), np.bool_)
        for record, statements in enumerate(self.statements):
            classes = {self.diagnostic_class.get(statement) for statement in statements}
            truth[record] = [name in classes for name in SUPERCLASSES]
        return truth

    def with_any_statement(self, statements: frozenset[str]) -> NDArray[np.bool_]:
        """Return (records,) whether a recording has any of these statements."""
        return self._where(lambda of_record: bool(of_record & statements))

    def ecg_fm_label(self, name: str) -> NDArray[np.bool_]:
        """Return (records,) the truth of one of ECG_FM_LABELS, or of BIFASCICULAR.

        Raises KeyError for a label that follows from no statement.
        """
        if name == BIFASCICULAR:
            return self._where(_has_bifascicular_block)
        return self.with_any_statement(ECG_FM_LABELS[name])

    def _where(self, condition: Callable[[frozenset[str]], bool]) -> NDArray[np.bool_]:
        """Return (records,) whether a recording's statements meet a condition."""
        truth = np.zeros(len(self), np.bool_)
        for record, of_record in enumerate(self.statements):
            truth[record] = condition(of_record)
        return truth


def read_table(folder: Path) -> PtbXl:
    """Read the table of either layout.

    Raises FileNotFoundError, which names the files of both, if the folder holds neither.
    """
    packed = (folder / "metadata.csv.gz").is_file()
    table_file = folder / ("metadata.csv.gz" if packed else "ptbxl_database.csv")
    if not table_file.is_file():
        raise FileNotFoundError(
            f"{folder}: neither ptbxl_database.csv (PTB-XL as downloaded) nor metadata.csv.gz"
            " (packed) is in this folder"
        )
    rows = _rows(table_file)
    files = {}
    for rate in (100, 500):
        files[rate] = tuple(_file(folder, row, rate, packed) for row in rows)
    return PtbXl(
        folder=folder,
        ecg_id=np.array([int(row["ecg_id"]) for row in rows], np.int64),
        patient_id=np.array([int(float(row["patient_id"])) for row in rows], np.int64),
        age=np.array([_number(row["age"]) for row in rows], np.float64),
        sex=np.array([int(row["sex"]) for row in rows], np.int64),
        fold=np.array([int(row["strat_fold"]) for row in rows], np.int64),
        statements=tuple(frozenset(ast.literal_eval(row["scp_codes"])) for row in rows),
        diagnostic_class=_diagnostic_classes(folder / "scp_statements.csv"),
        files=files,
        packed=packed,
    )


def read_signals(table: PtbXl, limit: int | None = None) -> NDArray[np.int16]:
    """Return (records, 12, 1000) microvolts at 100 Hz, leads as LEADS, in the table's order.

    limit  only the first so many recordings; files of others are not read

    Raises ValueError if the number of recordings is not the table's.
    """
    if limit is not None:
        return _first_signals(table, limit)
    signals = np.empty((len(table), len(LEADS), SAMPLES), np.int16)
    filled = 0
    for piece in _pieces(table):
        signals[filled : filled + len(piece)] = _microvolts(piece)
        filled += len(piece)
    if filled != len(table):
        raise ValueError(f"{table.folder}: {filled} recordings; the table has {len(table)}")
    return signals


def _first_signals(table: PtbXl, limit: int) -> NDArray[np.int16]:
    found: list[NDArray[np.int16]] = []
    pieces = _pieces(table)
    while sum(map(len, found)) < min(limit, len(table)):
        found.append(_microvolts(next(pieces)))
    return np.concatenate(found)[:limit]


def _pieces(table: PtbXl) -> Iterator[NDArray[np.float32]]:
    """Yield (records, 12, 1000) mV, in the table's order."""
    return _packed_pieces(table.folder) if table.packed else _downloaded_pieces(table)


def read_file(path: Path) -> EcgRecord:
    """Read one WFDB recording of the database by its path without suffix."""
    parts = []
    for suffix in (".hea", ".dat"):
        name = f"{path.name}{suffix}"
        parts.append(Part(name, path.with_name(name).read_bytes()))
    return read(parts)


def in_standard_order(record: EcgRecord) -> NDArray[np.float32]:
    """Return (12, samples) mV, leads as LEADS, of a recording that has all twelve."""
    return record.signal[[record.lead_names.index(lead) for lead in LEADS]]


def _packed_pieces(folder: Path) -> Iterator[NDArray[np.float32]]:
    """Yield (records, 12, 1000) mV of each chunk file."""
    loader = loader_of(folder)
    chunks = len(list(folder.glob("chunk_*.bin")))
    for number in range(chunks):
        yield loader.load_signals(folder, [number])


def _downloaded_pieces(table: PtbXl) -> Iterator[NDArray[np.float32]]:
    """Yield (1, 12, 1000) mV of each recording."""
    for path in table.files[int(RATE_HZ)]:
        assert path is not None, (
            "the download's table names a file for each recording. This is a bug."
        )
        yield in_standard_order(read_file(path))[np.newaxis]


def _microvolts(signal: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return mV as rounded microvolts; NaN becomes 0, and what int16 cannot hold its limit."""
    limits = np.iinfo(np.int16)
    without_nan = np.nan_to_num(signal)
    microvolts: NDArray[np.float32] = np.rint(without_nan * MICROVOLTS_PER_MV)
    within_limits = np.clip(microvolts, limits.min, limits.max)
    return within_limits.astype(np.int16)


def _rows(path: Path) -> list[dict[str, Any]]:
    """Read a CSV file, gzipped or not."""
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _diagnostic_classes(path: Path) -> dict[str, str]:
    """Return statement -> superclass of the diagnostic statements."""
    classes = {}
    for row in _rows(path):
        if _number(row["diagnostic"]) == 1:
            classes[row[""]] = row["diagnostic_class"]
    return classes


def _file(folder: Path, row: Mapping[str, str], rate: int, packed: bool) -> Path | None:
    """Return a recording's path without suffix; None where the packed copy lacks the file."""
    resolution = "lr" if rate == RATE_HZ else "hr"
    if not packed:
        return folder / row[f"filename_{resolution}"]
    if row[f"raw{rate}"] != "1":
        return None
    return folder / f"raw{rate}" / f"{int(row['ecg_id']):05d}_{resolution}"


def _number(field: str | None) -> float:
    """Return a CSV field as a number; NaN where it is empty."""
    return float(field) if field else float("nan")

"""PTB-XL, as PhysioNet has it or packed: recordings, patients, folds, and what the statements say.

PTB-XL 1.0.3 (Wagner et al., Scientific Data 7:154, 2020, doi 10.1038/s41597-020-0495-6; CC BY 4.0). Two layouts are read:
the download (ptbxl_database.csv, scp_statements.csv, records100/ and records500/ as WFDB) and a packed copy of its 100 Hz
signals (load.py, chunk_*.bin, metadata.csv.gz, scp_statements.csv, some files of raw100/ and raw500/).
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
MICROVOLTS_PER_MV: Final = 1000.0  # in a mV: the release's own resolution
AGE_OVER_89: Final = 300.0  # what stands for an age that would identify

# The infarction statements; MI's others are injuries (INJAL, INJAS, INJIL, INJIN, INJLA): no infarction as ECG-FM's label means it.
_INFARCTIONS: Final = frozenset(
    {"AMI", "ASMI", "ALMI", "IMI", "ILMI", "IPMI", "IPLMI", "LMI", "PMI"}
)
_RIGHT_BLOCK: Final = frozenset({"CRBBB", "IRBBB"})

# Label -> any of these statements: the cross-walk to ECG-FM's labels, which come from another hospital's machine reports.
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


def has_bifascicular_block(statements: frozenset[str]) -> bool:
    """Complete right bundle branch block with a block of one of the left fascicles."""
    return "CRBBB" in statements and bool(statements & {"LAFB", "LPFB"})


@dataclass(frozen=True, eq=False)
class PtbXl:
    """The table, one row for each recording.

    age      years, NaN where unknown, 300 for over 89
    sex      0 male, 1 female, as the database has it
    fold     1..10; patients never cross folds
    statements   SCP statements of each recording, whatever their likelihood
    files    sampling rate -> each recording's path without suffix, None where the folder does not hold it
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
        """(records, 5), columns as SUPERCLASSES: any diagnostic statement of that class (the database's own rule)."""
        classes = [{self.diagnostic_class.get(code) for code in codes} for codes in self.statements]
        return np.array(
            [[name in found for name in SUPERCLASSES] for found in classes], np.bool_
        ).reshape(len(self), len(SUPERCLASSES))

    def with_any_statement(self, statements: frozenset[str]) -> NDArray[np.bool_]:
        """(records,): any of these statements."""
        return self._where(lambda codes: bool(codes & statements))

    def ecg_fm_label(self, name: str) -> NDArray[np.bool_]:
        """(records,): one of ECG_FM_LABELS, or BIFASCICULAR. Raises KeyError for a label that no statement gives."""
        return (
            self._where(has_bifascicular_block)
            if name == BIFASCICULAR
            else self.with_any_statement(ECG_FM_LABELS[name])
        )

    def _where(self, holds: Callable[[frozenset[str]], bool]) -> NDArray[np.bool_]:
        return np.array([holds(codes) for codes in self.statements], np.bool_)


def read_table(folder: Path) -> PtbXl:
    """The table of either layout. Raises FileNotFoundError that says what a folder of PTB-XL holds."""
    packed = (folder / "metadata.csv.gz").is_file()
    listing = folder / ("metadata.csv.gz" if packed else "ptbxl_database.csv")
    if not listing.is_file():
        raise FileNotFoundError(
            f"{folder}: neither ptbxl_database.csv (PTB-XL as downloaded) nor metadata.csv.gz (packed) is there"
        )
    rows = _rows(listing)
    return PtbXl(
        folder=folder,
        ecg_id=np.array([int(row["ecg_id"]) for row in rows], np.int64),
        patient_id=np.array([int(float(row["patient_id"])) for row in rows], np.int64),
        age=np.array([_number(row["age"]) for row in rows], np.float64),
        sex=np.array([int(row["sex"]) for row in rows], np.int64),
        fold=np.array([int(row["strat_fold"]) for row in rows], np.int64),
        statements=tuple(frozenset(ast.literal_eval(row["scp_codes"])) for row in rows),
        diagnostic_class=_diagnostic_classes(folder / "scp_statements.csv"),
        files={
            rate: tuple(_file(folder, row, rate, packed) for row in rows) for rate in (100, 500)
        },
        packed=packed,
    )


def read_signals(table: PtbXl) -> NDArray[np.int16]:
    """(records, 12, 1000) in microvolts at 100 Hz, leads as LEADS, in the table's order."""
    signals = np.empty((len(table), len(LEADS), SAMPLES), np.int16)
    at = 0
    for piece in _packed_pieces(table.folder) if table.packed else _downloaded_pieces(table):
        signals[at : at + len(piece)] = _microvolts(piece)
        at += len(piece)
    if at != len(table):
        raise ValueError(f"{table.folder}: {at} recordings, the table has {len(table)}")
    return signals


def read_file(path: Path) -> EcgRecord:
    """One WFDB recording of the database, by its path without suffix."""
    return read(
        [
            Part(f"{path.name}{kind}", path.with_name(f"{path.name}{kind}").read_bytes())
            for kind in (".hea", ".dat")
        ]
    )


def in_standard_order(record: EcgRecord) -> NDArray[np.float32]:
    """(12, samples) mV of a recording that has all twelve leads."""
    return record.signal[[record.lead_names.index(lead) for lead in LEADS]]


def _packed_pieces(folder: Path) -> Iterator[NDArray[np.float32]]:
    loader = loader_of(folder)
    for number in range(len(list(folder.glob("chunk_*.bin")))):
        yield loader.load_signals(folder, [number])


def _downloaded_pieces(table: PtbXl) -> Iterator[NDArray[np.float32]]:
    for path in table.files[int(RATE_HZ)]:
        assert path is not None, (
            "the download's table names a file for each recording. This is a bug."
        )
        yield in_standard_order(read_file(path))[np.newaxis]


def _microvolts(signal: NDArray[np.float32]) -> NDArray[np.int16]:
    limits = np.iinfo(np.int16)
    whole: NDArray[np.float32] = np.rint(np.nan_to_num(signal) * MICROVOLTS_PER_MV)
    return np.clip(whole, limits.min, limits.max).astype(np.int16)


def _rows(path: Path) -> list[dict[str, Any]]:
    with (
        gzip.open(path, "rt", encoding="utf-8", newline="")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8", newline="") as file
    ):
        return list(csv.DictReader(file))


def _diagnostic_classes(path: Path) -> dict[str, str]:
    """Statement -> superclass, of the statements that are diagnostic."""
    return {
        row[""]: row["diagnostic_class"] for row in _rows(path) if _number(row["diagnostic"]) == 1
    }


def _file(folder: Path, row: Mapping[str, str], rate: int, packed: bool) -> Path | None:
    if not packed:
        return folder / row["filename_lr" if rate == RATE_HZ else "filename_hr"]
    if row[f"raw{rate}"] != "1":
        return None
    return folder / f"raw{rate}" / f"{int(row['ecg_id']):05d}_{'lr' if rate == RATE_HZ else 'hr'}"


def _number(text: str | None) -> float:
    return float(text) if text else float("nan")

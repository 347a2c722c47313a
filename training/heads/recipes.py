"""Label tables of PTB-XL for three heads: superclass, pacemaker, rhythm.

The database's folds keep patients apart: fold 10 is the test set, fold 9 the gate set, the others
are trained on. A statement counts at any likelihood, as in the database's own superclasses.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from errors import BadTrainingData
from superclasses import SUPERCLASSES
from training.datasets.ptbxl import PtbXl, read_table
from training.heads.label_table import LabelTable

Recipe = Literal["superclass", "pacemaker", "rhythm"]

GATE_FOLD: Final = 9
TEST_FOLD: Final = 10

# Rhythm statements of the database (scp_statements.csv, column rhythm) with 50 recordings or more.
# PSVT, SVTAC and TRIGU have fewer.
RHYTHMS: Final[Mapping[str, str]] = {
    "Sinus rhythm": "SR",
    "Sinus tachycardia": "STACH",
    "Sinus bradycardia": "SBRAD",
    "Sinus arrhythmia": "SARRH",
    "Atrial fibrillation": "AFIB",
    "Atrial flutter": "AFLT",
    "Supraventricular arrhythmia": "SVARR",
    "Bigeminy": "BIGU",
    "Electronic pacemaker": "PACE",
}
PACEMAKER: Final[Mapping[str, str]] = {"Electronic pacemaker": "PACE"}


def recipe_labels(recipe: Recipe, folder: Path) -> LabelTable:
    """Return the labels of every recording of PTB-XL in `folder`, as downloaded or packed.

    Raises BadTrainingData if the folder is not PTB-XL.
    """
    try:
        table = read_table(folder)
    except (OSError, KeyError, ValueError) as error:
        raise BadTrainingData(f"{folder}: cannot be read as PTB-XL ({error})") from None
    labels, truth = _truth(recipe, table)
    split = np.full(len(table.fold), "train")
    split[table.fold == GATE_FOLD] = "gate"
    split[table.fold == TEST_FOLD] = "test"
    return LabelTable(
        records=table.ecg_id.astype(np.str_),
        labels=labels,
        truth=truth.astype(np.float64),
        patients=table.patient_id.astype(np.str_),
        split=split,
    )


def _truth(recipe: Recipe, table: PtbXl) -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    """Return the names of the labels and their truth, (records, labels)."""
    if recipe == "superclass":
        return SUPERCLASSES, table.superclasses()
    statements = PACEMAKER if recipe == "pacemaker" else RHYTHMS
    columns = [table.with_any_statement(frozenset({code})) for code in statements.values()]
    return tuple(statements), np.column_stack(columns)

"""Label tables of PTB-XL for three heads: superclass, pacemaker, rhythm.

The database's folds keep patients apart: fold 10 is for the test, fold 9 for the gate, the others
to train on. Statements count whatever their likelihood, as in the database's own superclasses.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import numpy as np

from errors import BadTrainingData
from superclasses import SUPERCLASSES
from training.datasets.ptbxl import PtbXl, read_table
from training.heads.label_table import LabelTable

Recipe = Literal["superclass", "pacemaker", "rhythm"]

GATE_FOLD: Final = 9
TEST_FOLD: Final = 10

# The database's rhythm statements (scp_statements.csv, column rhythm) with 50 recordings or more;
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


def recipe_labels(recipe: Recipe, folder: Path) -> LabelTable:
    """The labels of every recording of PTB-XL in `folder`, as downloaded or packed. Raises BadTrainingData."""
    try:
        table = read_table(folder)
    except (OSError, KeyError, ValueError) as error:
        raise BadTrainingData(f"{folder}: cannot be read as PTB-XL ({error})") from None
    names, truth = _truth(recipe, table)
    split = np.where(
        table.fold == TEST_FOLD, "test", np.where(table.fold == GATE_FOLD, "gate", "train")
    )
    return LabelTable(
        table.ecg_id.astype(np.str_),
        names,
        truth.astype(np.float64),
        table.patient_id.astype(np.str_),
        split,
    )


def _truth(recipe: Recipe, table: PtbXl) -> tuple[tuple[str, ...], np.ndarray]:
    if recipe == "superclass":
        return SUPERCLASSES, table.superclasses()
    statements = {"Electronic pacemaker": "PACE"} if recipe == "pacemaker" else RHYTHMS
    return tuple(statements), np.column_stack(
        [table.with_any_statement(frozenset({code})) for code in statements.values()]
    )

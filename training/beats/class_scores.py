"""How classes of beats agree with the experts', pooled and per patient, with intervals.

F1 is 2 TP / (2 TP + FP + FN) of one class over all beats. The macro-F1 is the mean over N, S and V:
F and Q are too few in MIT-BIH without its paced patients. The intervals resample patients.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.classes import CLASSES
from training.estimate import Estimate

SCORED: Final = 3  # N, S and V
RESAMPLES: Final = 2000
INTERVAL: Final = (0.025, 0.975)

Labels = NDArray[np.intp]
# (patients, classes, classes) beats of each patient, by true class and by class found. Those of
# streams have one class more: beats that were not found, and those that are none.
Tables = NDArray[np.float64]


def tables_of(truth: Labels, found: Labels, patient: Labels) -> Tables:
    """Return the beats of each patient, counted by true class and by class found."""
    tables = np.zeros((int(patient.max()) + 1, len(CLASSES), len(CLASSES)))
    np.add.at(tables, (patient, truth, found), 1)
    return tables


def f1(tables: Tables, label: int) -> float:
    """Return the F1 of a class over all patients; NaN if it neither occurs nor is found."""
    total = tables.sum(axis=0)
    both = total[label].sum() + total[:, label].sum()
    return float(2 * total[label, label] / both) if both else float("nan")


def macro_f1(tables: Tables) -> float:
    return float(np.mean([f1(tables, label) for label in range(SCORED)]))


def sensitivity(tables: Tables, label: int) -> float:
    total = tables.sum(axis=0)
    beats = total[label].sum()
    return float(total[label, label] / beats) if beats else float("nan")


def _predictive_value(tables: Tables, label: int) -> float:
    total = tables.sum(axis=0)
    beats = total[:, label].sum()
    return float(total[label, label] / beats) if beats else float("nan")


def estimate(figure: Callable[[Tables], float], tables: Tables, digits: int = 3) -> Estimate:
    """Return a figure over all patients with its interval."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(tables), size=(RESAMPLES, len(tables)))
    value = figure(tables)
    if np.isnan(value):
        return Estimate(value, value, value, digits, digits - 1)
    low, high = np.nanquantile([figure(tables[rows]) for rows in drawn], INTERVAL)
    return Estimate(value, float(low), float(high), digits, digits - 1)


def pooled_rows(tables: Tables) -> str:
    """Return the rows of a table in Markdown: each class with F1, sensitivity, predictive value."""
    rows = []
    for label, name in enumerate(CLASSES[:SCORED]):
        figures = [
            estimate(partial(figure, label=label), tables)
            for figure in (f1, sensitivity, _predictive_value)
        ]
        beats = tables[:, label].sum()
        rows.append(f"| {name} | {beats:,.0f} | " + " | ".join(map(str, figures)) + " |")
    return "\n".join([*rows, f"| mean of the three | | {estimate(macro_f1, tables)} | | |"])

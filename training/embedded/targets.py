"""The embedded model's targets.

The labels that ship: superclasses, ECG-FM's labels that PTB-XL has statements for, and extras.
Helping targets are learned along with them and do not ship.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model_store.labels import Joining
from superclasses import SUPERCLASSES
from training.datasets.ptbxl import BIFASCICULAR, ECG_FM_LABELS, PtbXl

# Of a label that ships. With fewer, the interval of its AUROC spans half of the possible range.
MIN_POSITIVES: Final = 50
HELPING_AGES: Final = (40, 55, 65, 75)
MIN_HELPING: Final = 20  # positives of a helping statement

# ECG-FM's training labels atrial fibrillation and flutter with this name (docs/models/ecg-fm.md),
# so WPW has another one.
_NOT_THE_SAME: Final = frozenset({"Accessory pathway conduction"})
# Visible in some seconds of a recording only, so the highest window counts. Other labels are
# averaged over windows.
_PASSING: Final = frozenset(
    {"Premature ventricular contraction", "Premature atrial complex", "Electronic pacemaker"}
)

_SUPERCLASS_WORDS: Final = {
    "NORM": "Normal ECG",
    "MI": "Myocardial infarction, with what is suspected of one",
    "STTC": "ST/T change",
    "CD": "Conduction disturbance",
    "HYP": "Hypertrophy or enlargement",
}
EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "Left anterior fascicular block": ("LAFB",),
    "Left posterior fascicular block": ("LPFB",),
    "Complete right bundle branch block": ("CRBBB",),
    "Incomplete right bundle branch block": ("IRBBB",),
    "Complete left bundle branch block": ("CLBBB",),
    "Incomplete left bundle branch block": ("ILBBB",),
    "Intraventricular conduction disturbance": ("IVCD",),
    "Wolff-Parkinson-White pattern": ("WPW",),
    "Premature atrial complex": ("PAC",),
    "Left ventricular hypertrophy": ("LVH",),
    "Right ventricular hypertrophy": ("RVH",),
    "Left atrial enlargement": ("LAO/LAE",),
    "Ischaemia": ("ISC_", "ISCAL", "ISCAS", "ISCIL", "ISCIN", "ISCLA", "ISCAN"),
    "Anterior infarction": ("AMI", "ASMI", "ALMI"),
    "Inferior infarction": ("IMI", "ILMI", "IPMI", "IPLMI"),
}


@dataclass(frozen=True)
class Target:
    """One label that ships."""

    name: str
    joining: Joining
    description: str


@dataclass(frozen=True, eq=False)
class Targets:
    """Labels and truths of all records of PTB-XL.

    labels   the labels that ship
    truth    (records, labels), columns as `labels`
    helping  (records, n) targets that do not ship
    """

    labels: tuple[Target, ...]
    truth: NDArray[np.bool_]
    helping: NDArray[np.bool_]

    @property
    def superclasses(self) -> NDArray[np.bool_]:
        return self.truth[:, : len(SUPERCLASSES)]


def targets_of(table: PtbXl) -> Targets:
    """Return the targets of all records of PTB-XL.

    The superclasses come first, then ECG-FM's labels in its order, then the extras. Labels with
    fewer than MIN_POSITIVES positives are left out, except superclasses.
    """
    superclasses = table.superclasses()
    labels = [
        Target(name, "mean", f"{_SUPERCLASS_WORDS[name]} (PTB-XL superclass)")
        for name in SUPERCLASSES
    ]
    columns = [superclasses[:, number] for number in range(len(SUPERCLASSES))]
    for target, column in _findings(table):
        if column.sum() >= MIN_POSITIVES:
            labels.append(target)
            columns.append(column)
    return Targets(tuple(labels), np.stack(columns, axis=1), _helping(table))


def _findings(table: PtbXl) -> Iterator[tuple[Target, NDArray[np.bool_]]]:
    """Yield ECG-FM's labels and the extras, each with its truth (records,)."""
    for name in _ecg_fm_order():
        if name == BIFASCICULAR:
            statements = "CRBBB with LAFB or LPFB"
        else:
            statements = ", ".join(sorted(ECG_FM_LABELS[name]))
        target = Target(name, _joining(name), f"PTB-XL: {statements}")
        yield target, table.ecg_fm_label(name)
    for name, codes in EXTRAS.items():
        target = Target(name, _joining(name), f"PTB-XL: {', '.join(codes)}")
        yield target, table.with_any_statement(frozenset(codes))


def _ecg_fm_order() -> list[str]:
    order = list(ECG_FM_LABELS)
    order.insert(order.index("Right bundle branch block"), BIFASCICULAR)
    return [name for name in order if name not in _NOT_THE_SAME]


def _joining(name: str) -> Joining:
    return "max" if name in _PASSING else "mean"


def _helping(table: PtbXl) -> NDArray[np.bool_]:
    """Return the helping targets, (records, n): single statements, then sex and age."""
    counts = Counter(code for codes in table.statements for code in codes)
    columns = [
        table.with_any_statement(frozenset({code}))
        for code, count in sorted(counts.items())
        if count >= MIN_HELPING
    ]
    # Sex and age are not inputs. As targets they teach the network what is usual for a person.
    columns.append(table.sex == 1)
    columns += [table.age >= years for years in HELPING_AGES]
    return np.stack(columns, axis=1)

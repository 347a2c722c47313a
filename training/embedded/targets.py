"""What the embedded model learns to say: superclasses, those of ECG-FM's labels that PTB-XL shows, extras; and what only helps it learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model_store.labels import Joining
from superclasses import SUPERCLASSES
from training.datasets.ptbxl import BIFASCICULAR, ECG_FM_LABELS, PtbXl

MIN_POSITIVES: Final = (
    50  # of a label that ships; with fewer an interval of its AUROC spans half of what can be
)
HELPING_AGES: Final = (40, 55, 65, 75)
MIN_HELPING: Final = 20  # of a statement that is learned along and not shipped

# In ECG-FM's training this one is atrial fibrillation and flutter (docs/models/ecg-fm.md), so its name is not given to WPW.
_NOT_THE_SAME: Final = frozenset({"Accessory pathway conduction"})
# Seen in some seconds of a recording alone, so that the highest window counts; the others' windows are averaged.
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
    """shipped: `labels`, one a column of `truth` (records, labels); `helping` (records, n): statements learned along."""

    labels: tuple[Target, ...]
    truth: NDArray[np.bool_]
    helping: NDArray[np.bool_]

    @property
    def superclasses(self) -> NDArray[np.bool_]:
        return self.truth[:, : len(SUPERCLASSES)]


def targets_of(table: PtbXl) -> Targets:
    """The superclasses first, then ECG-FM's labels in its order, then the extras; those with too few positives left out."""
    found = [(Target(name, "mean", f"{_SUPERCLASS_WORDS[name]} (PTB-XL superclass)"), table.superclasses()[:, number])
             for number, name in enumerate(SUPERCLASSES)]  # fmt: skip
    for name in _ecg_fm_order():
        codes = (
            "CRBBB with LAFB or LPFB"
            if name == BIFASCICULAR
            else ", ".join(sorted(ECG_FM_LABELS[name]))
        )
        found.append((Target(name, _joining(name), f"PTB-XL: {codes}"), table.ecg_fm_label(name)))
    for name, statements in EXTRAS.items():
        found.append(
            (
                Target(name, _joining(name), f"PTB-XL: {', '.join(statements)}"),
                table.with_any_statement(frozenset(statements)),
            )
        )
    kept = [
        (target, column)
        for number, (target, column) in enumerate(found)
        if number < 5 or column.sum() >= MIN_POSITIVES
    ]
    return Targets(
        tuple(target for target, _ in kept),
        np.stack([column for _, column in kept], axis=1),
        _helping(table),
    )


def _ecg_fm_order() -> list[str]:
    order = list(ECG_FM_LABELS)
    order.insert(order.index("Right bundle branch block"), BIFASCICULAR)
    return [name for name in order if name not in _NOT_THE_SAME]


def _joining(name: str) -> Joining:
    return "max" if name in _PASSING else "mean"


def _helping(table: PtbXl) -> NDArray[np.bool_]:
    counts = Counter(code for codes in table.statements for code in codes)
    columns = [
        table.with_any_statement(frozenset({code}))
        for code, count in sorted(counts.items())
        if count >= MIN_HELPING
    ]
    # Sex and age are no inputs; learned along, they teach what a person's ECG looks like for them.
    columns += [table.sex == 1, *(table.age >= years for years in HELPING_AGES)]
    return np.stack(columns, axis=1)

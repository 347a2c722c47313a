"""The promotion gate: does a candidate beat the champion on patients that neither was trained on, and by enough?

A paired bootstrap over patients: both heads are scored on the same resamples, so that what makes a resample hard cancels.
The gain is the share by which the log loss of the calibrated probabilities falls: a proper score, which sees better order
and better probabilities, also where an AUROC has little room left. Promoted when the 5 % bound of the gain is above a margin
and no label's AUROC falls by more than stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from heads.auroc import Ranked, patient_resamples

MIN_PATIENTS: Final = 20  # fewer, and a bootstrap over them says nothing
MIN_EACH: Final = (
    5  # positives, and negatives, that a label needs in the gate set for its AUROC to be judged
)
PROBABILITY_FLOOR: Final = (
    1e-6  # of a log loss: one confident error must not outweigh everything else
)

Truth = NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """The gate's own numbers.

    margin          the 5 % bound of the gain must be above this: a hundredth of the log loss; less is not worth a change
    max_label_loss  how much AUROC any judged label may lose; more than a label's own noise in a gate set of a few hundred patients
    """

    margin: float = 0.01  # of the champion's log loss
    max_label_loss: float = 0.02
    quantile: float = 0.05
    resamples: int = 2000
    seed: int = 0


@dataclass(frozen=True, eq=False)
class GateSet:
    """What both heads are judged on.

    truth     (records, labels) of 0, 1 and NaN for unknown; columns as `labels`
    patients  (records,): whose each recording is
    """

    labels: tuple[str, ...]
    truth: Truth
    patients: NDArray[Any]

    @property
    def patient_count(self) -> int:
        return len(np.unique(self.patients))


@dataclass(frozen=True)
class LabelChange:
    """One label's AUROC under both heads; None where the gate set has too few positives or negatives to judge it."""

    name: str
    positives: int
    champion: float | None
    candidate: float | None

    @property
    def change(self) -> float | None:
        return (
            None
            if self.champion is None or self.candidate is None
            else self.candidate - self.champion
        )


@dataclass(frozen=True)
class Verdict:
    """promote, and why or why not.

    gain, gain_bound  share by which the log loss falls, and its 5 % quantile over resamples
    auroc_gain, auroc_bound  candidate minus champion in macro AUROC, for people
    """

    promote: bool
    reason: str
    patients: int
    records: int
    gain: float | None = None
    gain_bound: float | None = None
    auroc_gain: float | None = None
    auroc_bound: float | None = None
    labels: tuple[LabelChange, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def judge(gate: GateSet, champion: Truth, candidate: Truth, limits: Limits = Limits()) -> Verdict:
    """Whether the candidate replaces the champion. Both are calibrated probabilities (records, labels), columns as the gate's labels."""
    records, patients = len(gate.truth), gate.patient_count
    if patients < MIN_PATIENTS:
        return Verdict(
            False,
            f"the gate set has {patients} patients; at least {MIN_PATIENTS} are needed",
            patients,
            records,
        )
    changes = tuple(
        _change(gate, column, champion[:, column], candidate[:, column])
        for column in range(len(gate.labels))
    )
    judged = [column for column, change in enumerate(changes) if change.change is not None]
    if not judged:
        reason = f"no label has {MIN_EACH} positives and {MIN_EACH} negatives in the gate set; nothing can be compared"
        return Verdict(False, reason, patients, records, labels=changes)
    gains, auroc_gains = _bootstrap(gate, champion, candidate, judged, limits)
    bound, auroc_bound = (
        float(np.nanquantile(found, limits.quantile)) for found in (gains, auroc_gains)
    )
    worst = min(
        (change for change in changes if change.change is not None),
        key=lambda change: change.change or 0.0,
    )
    promote, reason = _decide(bound, worst, limits)
    old, new = (
        float(_log_loss(gate.truth, probabilities).mean())
        for probabilities in (champion, candidate)
    )
    return Verdict(
        promote=promote,
        reason=reason,
        patients=patients,
        records=records,
        gain=1 - new / old,
        gain_bound=bound,
        auroc_gain=float(np.mean([changes[column].change or 0.0 for column in judged])),
        auroc_bound=auroc_bound,
        labels=changes,
    )


def _decide(bound: float, worst: LabelChange, limits: Limits) -> tuple[bool, str]:
    said = f"the {100 * limits.quantile:g} % bound of the gain in log loss is {100 * bound:+.2f} %"
    if not bound > limits.margin:
        return False, f"{said}; it must be above {100 * limits.margin:+g} %"
    if (worst.change or 0.0) < -limits.max_label_loss:
        return (
            False,
            f"{worst.name} loses {-(worst.change or 0.0):.4f} of AUROC; no label may lose more than {limits.max_label_loss:g}",
        )
    return True, f"{said}, above {100 * limits.margin:+g} %, and no label loses too much"


def _change(
    gate: GateSet, column: int, champion: NDArray[np.float64], candidate: NDArray[np.float64]
) -> LabelChange:
    truth = gate.truth[:, column]
    positives, negatives = int((truth == 1).sum()), int((truth == 0).sum())
    if min(positives, negatives) < MIN_EACH:
        return LabelChange(gate.labels[column], positives, None, None)
    once = np.ones((1, len(truth)))
    found = [float(Ranked(truth, scores).auroc(once)[0]) for scores in (champion, candidate)]
    return LabelChange(gate.labels[column], positives, found[0], found[1])


def _bootstrap(
    gate: GateSet, champion: Truth, candidate: Truth, judged: Sequence[int], limits: Limits
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(resamples,) of the gain and of the gain in macro AUROC."""
    ranked = [
        (Ranked(gate.truth[:, c], champion[:, c]), Ranked(gate.truth[:, c], candidate[:, c]))
        for c in judged
    ]
    old, new = _log_loss(gate.truth, champion), _log_loss(gate.truth, candidate)
    gains, auroc_gains = [], []
    for weights in patient_resamples(gate.patients, limits.resamples, limits.seed):
        gains.append(1 - (weights @ new) / (weights @ old))
        auroc_gains.append(
            np.mean(
                [later.auroc(weights) - before.auroc(weights) for before, later in ranked], axis=0
            )
        )
    return np.concatenate(gains), np.concatenate(auroc_gains)


def _log_loss(truth: Truth, probabilities: Truth) -> NDArray[np.float64]:
    """(records,): mean over the labels that are known of each."""
    p = np.clip(probabilities, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)
    losses = -np.where(truth == 1, np.log(p), np.log1p(-p))
    known = ~np.isnan(truth)
    return np.asarray(np.where(known, losses, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1))


def patients_trained_on(
    gate_digests: NDArray[np.uint64], trained_on: Sequence[NDArray[np.uint64]]
) -> int:
    """How many patients of a gate set any of the heads was trained on; a gate set has none."""
    seen = np.unique(np.concatenate([np.zeros(0, np.uint64), *trained_on]))
    return int(np.isin(gate_digests, seen).sum())

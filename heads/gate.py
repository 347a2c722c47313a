"""The promotion gate: decides whether a candidate replaces the champion.

A head computes the probabilities of its labels from an encoder's embedding. The champion is the
version that answers requests; the candidate is a later version of the same head.

Both are judged on patients that neither was trained on, by a paired bootstrap over patients:
both are scored on the same resamples, so a resample of difficult recordings affects both alike.

The gain is the share by which the log loss of the calibrated probabilities falls. Log loss is a
proper score: it depends on the order of the recordings and on the probabilities, and it still
changes where an AUROC is close to 1. The candidate is promoted if the 5 % quantile of the gain over
the resamples is above a margin and no label's AUROC falls by more than a limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from heads.auroc import RankedRecords, auroc, patient_resamples

MIN_PATIENTS: Final = 20  # a bootstrap over fewer patients is not meaningful
# A label's AUROC is judged only if the gate set has at least this many positive records and at
# least this many negative ones.
MIN_PER_CLASS: Final = 5

# The log loss clips probabilities to the range from this value to 1 minus this value, so that one
# confident error does not outweigh everything else.
PROBABILITY_FLOOR: Final = 1e-6

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """The gate's settings.

    margin          what the lower bound of the gain must exceed, as a share of the champion's log
                    loss; a smaller gain is not worth a change of behaviour
    max_auroc_drop  by how much a judged label's AUROC may fall; larger than the noise of one
                    label's AUROC in a gate set of a few hundred patients
    quantile        which quantile of the resampled gains is their lower bound
    resamples       number of resamples of the bootstrap
    seed            seed of the random numbers that draw the resamples
    """

    margin: float = 0.01
    max_auroc_drop: float = 0.02
    quantile: float = 0.05
    resamples: int = 2000
    seed: int = 0


@dataclass(frozen=True, eq=False)
class GateSet:
    """The recordings that both heads are judged on.

    labels    names of the labels
    truth     (records, labels) of 0, 1 and NaN for unknown; columns in the order of `labels`
    patients  (records,) the patient of each record
    """

    labels: tuple[str, ...]
    truth: Array
    patients: NDArray[Any]

    @property
    def patient_count(self) -> int:
        """Return the number of different patients."""
        return len(np.unique(self.patients))


@dataclass(frozen=True)
class LabelChange:
    """The AUROC of one label with the champion and with the candidate.

    positives            number of records with this label in the gate set
    champion, candidate  AUROC of each head; None with too few positives or negatives
    """

    name: str
    positives: int
    champion: float | None
    candidate: float | None

    @property
    def change(self) -> float | None:
        """Return the candidate's AUROC minus the champion's; None if either is None."""
        if self.champion is None or self.candidate is None:
            return None
        return self.candidate - self.champion


@dataclass(frozen=True)
class Verdict:
    """Whether to promote the candidate, the reason, and the figures behind it.

    patients, records        numbers of patients and of recordings in the gate set
    gain, gain_bound         share by which the log loss falls, and its lower bound: the quantile
                             `Limits.quantile` over resamples
    auroc_gain, auroc_bound  candidate minus champion in macro AUROC, and its lower bound; for
                             information only, the decision does not use them
    labels                   the AUROC of each label

    The gains and their bounds are None if the gate set is too small for a comparison.
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


def judge(
    gate_set: GateSet, champion: Array, candidate: Array, limits: Limits = Limits()
) -> Verdict:
    """Decide whether the candidate replaces the champion.

    champion, candidate  calibrated probabilities (records, labels), with the rows and columns of
                         `gate_set.truth`

    A gate set that is too small for a comparison keeps the champion; it raises no error.
    """
    patients = gate_set.patient_count
    records = len(gate_set.truth)
    if patients < MIN_PATIENTS:
        reason = f"the gate set has {patients} patients; at least {MIN_PATIENTS} are needed"
        return Verdict(False, reason, patients, records)
    changes = tuple(
        _label_change(gate_set, column, champion[:, column], candidate[:, column])
        for column in range(len(gate_set.labels))
    )
    auroc_changes = {
        column: change.change for column, change in enumerate(changes) if change.change is not None
    }
    if not auroc_changes:
        reason = (
            f"no label has {MIN_PER_CLASS} positives and {MIN_PER_CLASS} negatives "
            "in the gate set; nothing can be compared"
        )
        return Verdict(False, reason, patients, records, labels=changes)

    judged = list(auroc_changes)
    gains, auroc_gains = _bootstrap(gate_set, champion, candidate, judged, limits)
    gain_bound = float(np.nanquantile(gains, limits.quantile))
    # NaN: the resample has no positive or no negative record of a judged label.
    auroc_bound = float(np.nanquantile(auroc_gains, limits.quantile))
    worst = min(judged, key=auroc_changes.__getitem__)
    worst_change = auroc_changes[worst]
    promote, reason = _decide(gain_bound, gate_set.labels[worst], worst_change, limits)
    champion_loss = float(_log_loss(gate_set.truth, champion).mean())
    candidate_loss = float(_log_loss(gate_set.truth, candidate).mean())
    return Verdict(
        promote=promote,
        reason=reason,
        patients=patients,
        records=records,
        gain=1 - candidate_loss / champion_loss,
        gain_bound=gain_bound,
        auroc_gain=float(np.mean(list(auroc_changes.values()))),
        auroc_bound=auroc_bound,
        labels=changes,
    )


def _decide(
    gain_bound: float, worst_label: str, worst_change: float, limits: Limits
) -> tuple[bool, str]:
    """Return the decision and its reason.

    worst_label, worst_change  the label with the lowest change of AUROC, and that change
    """
    margin = f"{100 * limits.margin:+g} %"
    quantile = f"{100 * limits.quantile:g} %"
    bound = f"the {quantile} bound of the gain in log loss is {100 * gain_bound:+.2f} %"
    # "not >" instead of "<=", so that the champion stays if the bound is NaN.
    if not gain_bound > limits.margin:
        return False, f"{bound}; it must be above {margin}"
    if worst_change < -limits.max_auroc_drop:
        return False, (
            f"{worst_label} loses {-worst_change:.4f} of AUROC; "
            f"no label may lose more than {limits.max_auroc_drop:g}"
        )
    return (
        True,
        f"{bound}, above {margin}, and no label loses more than {limits.max_auroc_drop:g} of AUROC",
    )


def _label_change(gate_set: GateSet, column: int, champion: Array, candidate: Array) -> LabelChange:
    """Return the AUROC of the label in this column with both heads.

    champion, candidate  (records,) probabilities of that label
    """
    name = gate_set.labels[column]
    truth = gate_set.truth[:, column]
    positives = int((truth == 1).sum())
    negatives = int((truth == 0).sum())
    if min(positives, negatives) < MIN_PER_CLASS:
        return LabelChange(name, positives, None, None)
    return LabelChange(name, positives, auroc(truth, champion), auroc(truth, candidate))


def _bootstrap(
    gate_set: GateSet, champion: Array, candidate: Array, judged: Sequence[int], limits: Limits
) -> tuple[Array, Array]:
    """Return the gain and the gain in macro AUROC of each resample, both (resamples,).

    champion, candidate  probabilities (records, labels)
    judged               columns of the labels whose AUROC is compared
    """
    champion_ranks = [RankedRecords(gate_set.truth[:, k], champion[:, k]) for k in judged]
    candidate_ranks = [RankedRecords(gate_set.truth[:, k], candidate[:, k]) for k in judged]
    champion_loss = _log_loss(gate_set.truth, champion)
    candidate_loss = _log_loss(gate_set.truth, candidate)
    gains = []
    auroc_gains = []
    for weights in patient_resamples(gate_set.patients, limits.resamples, limits.seed):
        gains.append(1 - (weights @ candidate_loss) / (weights @ champion_loss))
        label_gains = [
            candidate_label.auroc(weights) - champion_label.auroc(weights)
            for champion_label, candidate_label in zip(champion_ranks, candidate_ranks, strict=True)
        ]
        auroc_gains.append(np.mean(label_gains, axis=0))
    return np.concatenate(gains), np.concatenate(auroc_gains)


def _log_loss(truth: Array, probabilities: Array) -> Array:
    """Return the log loss of each record, (records,): the mean over its known labels."""
    p = np.clip(probabilities, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)
    losses = -np.where(truth == 1, np.log(p), np.log1p(-p))
    known = ~np.isnan(truth)
    total = np.where(known, losses, 0.0).sum(axis=1)
    return np.asarray(total / np.maximum(known.sum(axis=1), 1))


def patients_trained_on(
    gate_digests: NDArray[np.uint64], trained_on: Sequence[NDArray[np.uint64]]
) -> int:
    """Return how many patients of a gate set any head was trained on; 0 for a valid gate set.

    gate_digests  (patients,) digests of the patients' ids
    trained_on    `Head.trained_on` of each head
    """
    # numpy.concatenate needs at least one array, also if `trained_on` is empty.
    trained = np.unique(np.concatenate([np.zeros(0, np.uint64), *trained_on]))
    return int(np.isin(gate_digests, trained).sum())

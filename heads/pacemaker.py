"""Whether a recording is of a paced heart: one probability from pacing spikes, the form of the beats and an encoder's label.

In log odds, at PTB-XL's prevalence of pacing:

    log odds = pool(form of the beats, label) + log likelihood ratio of the spikes

The form of the beats (`paced_beats`) is calibrated on PTB-XL, out of fold; alone, it is the answer. The spikes' likelihood ratio
compares "a pacemaker's spike before a share of the beats, any share as likely" with "as many spikes, anywhere". It counts for no
more than spikes have been seen to be right: the ratios of recordings with and without found pacing among the paced and the
others, each half a recording towards undecided (Jeffreys). Where spikes cannot be seen it is 1.

The label is an encoder's reading of the same beats, so both are not added up but pooled with equal weights (logarithmic opinion
pool; Genest and Zidek, Statistical Science 1986;1:114-35). That weight is an assumption: no encoder's answers on paced recordings
were there to learn it from. The label's own prevalence is taken out first. A label trained with its positives weighted by
negatives / positives (ECG-FM) has a logit that is a log likelihood ratio as it is; one that is calibrated is taken to be so at
PTB-XL's prevalence.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from math import comb, exp, expm1, log, log1p
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from heads.paced_beats import PacedBeatModel, restored, stored
from signals.spikes import ATRIAL_MS, STABLE_MS, VENTRICULAR_MS, Chamber, Pacing, Spikes

FILE: Final = Path(__file__).with_name("pacemaker.npz")
PACEMAKER_LABEL: Final = "Electronic pacemaker"
LABEL_WEIGHT: Final = 0.5  # of the pool; see above
_SURE: Final = 1e-9  # a probability of 0 or 1 would outvote everything


@dataclass(frozen=True)
class PacemakerEvidence:
    """What is known of pacing before a label speaks; plain numbers that travel between processes.

    spikes      how many were found that stand out as a pacemaker's do; None where they cannot be seen
    chamber     what they pace, None where too few stand in a stable relation to beats
    spike_log_ratio  log likelihood ratio of the spikes, 0 where they cannot be seen
    morphology  log odds by the form of the beats alone, None where it cannot be judged
    visible     whether the recording could show spikes
    warnings    "pacemaker: ...", why something of this is missing
    """

    spikes: int | None
    chamber: Chamber | None
    spike_log_ratio: float
    morphology: float | None
    visible: bool
    warnings: tuple[str, ...] = ()

    def to_dict(
        self, probability: float, present: bool, label: LabelEvidence | None
    ) -> dict[str, Any]:
        """As /analyze answers it."""
        evidence = {
            "spikes": self.spikes,
            "chamber": self.chamber,
            "morphology": None if self.morphology is None else sigmoid(self.morphology),
            "label": None if label is None else label.probability,
        }
        return {
            "present": present,
            "probability": probability,
            "evidence": evidence,
            "visible": self.visible,
        }


@dataclass(frozen=True, eq=False)
class PacemakerHead:
    """What is learned: the model of the beats' form, PTB-XL's log odds of pacing, the spikes' limits, the threshold.

    spike_limits  log likelihood ratios of a recording without, and with found pacing
    threshold     on the probability, from which on a pacemaker is called present
    """

    beats: PacedBeatModel
    prior_log_odds: float
    spike_limits: tuple[float, float]
    threshold: float

    def spike_log_ratio(self, spikes: Spikes, pacing: Pacing, seconds: float) -> float:
        """How much likelier these spikes are with a pacemaker than without one."""
        low, high = self.spike_limits
        return min(max(stable_log_ratio(spikes.times_s.size, pacing, seconds), low), high)

    def probability(
        self, found: PacemakerEvidence, label: LabelEvidence | None = None
    ) -> float | None:
        """That the heart is paced; None where neither spikes, nor the form of the beats, nor a label say anything."""
        form = found.morphology
        said = None if label is None else self.prior_log_odds + label.log_ratio(self.prior_log_odds)
        if form is None and said is None and not found.visible:
            return None
        if form is not None and said is not None:
            pooled = (1 - LABEL_WEIGHT) * form + LABEL_WEIGHT * said
        else:
            pooled = next((odds for odds in (form, said) if odds is not None), self.prior_log_odds)
        return sigmoid(pooled + found.spike_log_ratio)

    def present(self, probability: float) -> bool:
        return probability >= self.threshold


@dataclass(frozen=True)
class LabelEvidence:
    """An encoder's probability, and what its positives were weighted by in training; None where it is calibrated as it is."""

    probability: float
    pos_weight: float | None = None

    def log_ratio(self, prior_log_odds: float) -> float:
        """log P(recording | paced) / P(recording | not paced), as far as the label tells them apart.

        A weight of negatives / positives makes a training set of equal shares, whose odds are the likelihood ratio.
        """
        sure = min(max(self.probability, _SURE), 1 - _SURE)
        odds = log(sure) - log1p(-sure)
        return odds if self.pos_weight is not None else odds - prior_log_odds


def stable_log_ratio(spikes: int, pacing: Pacing, seconds: float) -> float:
    """Bayes factor of the beats with a spike at a common distance: any share of the beats, against chance.

    By chance a beat has one with the probability that spikes at random, as many as there are, put one within STABLE_MS of a place;
    the best of the places within the windows was chosen, so the evidence is divided by how many there are.
    """
    if pacing.beats == 0 or seconds <= 0:
        return 0.0
    chance = min(max(-expm1(-2 * STABLE_MS / 1000 * spikes / seconds), _SURE), 1 - _SURE)
    ratios = []
    for count, (start, stop) in (
        (pacing.atrial_beats, ATRIAL_MS),
        (pacing.ventricular_beats, VENTRICULAR_MS),
    ):
        by_any_share = -log(pacing.beats + 1) - log(comb(pacing.beats, count))
        by_chance = count * log(chance) + (pacing.beats - count) * log1p(-chance)
        ratios.append(
            by_any_share - by_chance - (log((stop - start) / (2 * STABLE_MS)) if count else 0.0)
        )
    return max(ratios)


def sigmoid(log_odds: float) -> float:
    return 1 / (1 + exp(-min(max(log_odds, -50.0), 50.0)))


@cache
def shipped() -> PacemakerHead:
    """The head in this folder."""
    with np.load(FILE, allow_pickle=False) as file:
        return from_arrays(dict(file))


@cache
def version() -> str:
    """pacemaker@ and the beginning of its file's SHA-256."""
    return f"pacemaker@{hashlib.sha256(FILE.read_bytes()).hexdigest()[:12]}"


def to_arrays(head: PacemakerHead) -> dict[str, NDArray[Any]]:
    numbers = {
        "prior_log_odds": head.prior_log_odds,
        "spike_limits": head.spike_limits,
        "threshold": head.threshold,
    }
    return {**stored(head.beats), **{name: np.asarray(number) for name, number in numbers.items()}}


def from_arrays(arrays: dict[str, NDArray[Any]]) -> PacemakerHead:
    low, high = arrays["spike_limits"].tolist()
    return PacemakerHead(
        restored(arrays), float(arrays["prior_log_odds"]), (low, high), float(arrays["threshold"])
    )

"""The probability that a recording is of a paced heart, from three kinds of evidence.

The evidence is pacing spikes, the morphology of the beats, and an encoder's label. In log odds, at
PTB-XL's prevalence of pacing:

    log odds = pool(morphology, label) + log likelihood ratio of the spikes

Morphology: the model in `paced_beats`, calibrated out of fold on PTB-XL. Without a label it is used
unpooled.

Spikes: the likelihood ratio compares "a pacemaker spike before a share of the beats, any share
equally likely" with "as many spikes at random times". It is limited to what spikes have been worth
on labelled recordings: the ratios, among paced and unpaced recordings, of those in which pacing was
found and of those in which it was not. Each count starts at one half (Jeffreys' prior). The ratio
is 1 where spikes cannot be seen.

Label: an encoder reads the same beats as the morphology model, so the two are pooled with equal
weights instead of added (logarithmic opinion pool; Genest and Zidek, Statistical Science
1986;1:114-35). The weight is an assumption: no encoder's answers on paced recordings were available
to fit it. The label's own prevalence is removed first. If training weighted the label's positives
by negatives / positives, as for ECG-FM, its logit is a log likelihood ratio already. A calibrated
label is assumed to be calibrated at PTB-XL's prevalence.
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

from heads.paced_beats import PacedBeatModel
from signals.spikes import (
    ATRIAL_WINDOW_MS,
    STABLE_MS,
    VENTRICULAR_WINDOW_MS,
    Chamber,
    Pacing,
    Spikes,
)

FILE: Final = Path(__file__).with_name("pacemaker.npz")
PACEMAKER_LABEL: Final = "Electronic pacemaker"
LABEL_WEIGHT: Final = 0.5  # of the label in the pool; an assumption, see above
VERSION_SHA256_DIGITS: Final = 12  # hexadecimal, of the file's checksum in the head's version

# Probabilities are kept this far from 0 and 1, whose log odds would outweigh all other evidence.
_MIN_PROBABILITY: Final = 1e-9
_MAX_LOG_ODDS: Final = 50.0  # exp does not overflow, and the sigmoid is 0 or 1 within 2e-22


@dataclass(frozen=True)
class PacemakerEvidence:
    """The evidence of pacing without an encoder's label. Plain values, sent between processes.

    spikes           number of spikes that look like a pacemaker's; None where they cannot be seen
    chamber          what they pace; None where too few are at a stable distance from beats
    spike_log_ratio  log likelihood ratio of the spikes, 0 where they cannot be seen
    morphology       log odds from the beats' morphology alone, None where it cannot be judged
    visible          whether the recording can show spikes
    warnings         "pacemaker: ...", why some evidence is missing
    spike_times_s    of the spikes, in seconds from the recording's start
    """

    spikes: int | None
    chamber: Chamber | None
    spike_log_ratio: float
    morphology: float | None
    visible: bool
    warnings: tuple[str, ...] = ()
    spike_times_s: tuple[float, ...] = ()

    @property
    def morphology_probability(self) -> float | None:
        return None if self.morphology is None else _sigmoid(self.morphology)


@dataclass(frozen=True)
class LabelEvidence:
    """An encoder's answer for PACEMAKER_LABEL.

    pos_weight  what training weighted the positives by; None where the probability is calibrated
    """

    probability: float
    pos_weight: float | None = None

    def log_ratio(self, prior_log_odds: float) -> float:
        """Return log P(recording | paced) / P(recording | not paced) according to the label.

        A weight of negatives / positives balances the training set, so the odds are the likelihood
        ratio. From calibrated odds the prior is subtracted.
        """
        probability = min(max(self.probability, _MIN_PROBABILITY), 1 - _MIN_PROBABILITY)
        log_odds = log(probability) - log1p(-probability)
        return log_odds if self.pos_weight is not None else log_odds - prior_log_odds


@dataclass(frozen=True, eq=False)
class PacemakerHead:
    """What training determined.

    beats           model of the beats' morphology
    prior_log_odds  of pacing in PTB-XL
    spike_limits    lowest and highest log likelihood ratio of the spikes: of a recording where no
                    pacing was found, and of one where pacing was found
    threshold       on the probability; at or above it a pacemaker is present
    """

    beats: PacedBeatModel
    prior_log_odds: float
    spike_limits: tuple[float, float]
    threshold: float

    def spike_log_ratio(self, spikes: Spikes, pacing: Pacing, seconds: float) -> float:
        """Return the log likelihood ratio of the spikes, within `spike_limits`."""
        low, high = self.spike_limits
        ratio = stable_log_ratio(spikes.times_s.size, pacing, seconds)
        return min(max(ratio, low), high)

    def probability(
        self, evidence: PacemakerEvidence, label: LabelEvidence | None = None
    ) -> float | None:
        """Return the probability that the heart is paced.

        None without any evidence: no label, morphology that cannot be judged, spikes not visible.
        """
        morphology = evidence.morphology
        if label is not None:
            label_log_odds = self.prior_log_odds + label.log_ratio(self.prior_log_odds)
            if morphology is None:
                pooled = label_log_odds
            else:
                pooled = (1 - LABEL_WEIGHT) * morphology + LABEL_WEIGHT * label_log_odds
        elif morphology is not None:
            pooled = morphology
        elif evidence.visible:
            pooled = self.prior_log_odds
        else:
            return None
        return _sigmoid(pooled + evidence.spike_log_ratio)

    def present(self, probability: float) -> bool:
        return probability >= self.threshold

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the head as plain arrays."""
        return {
            **self.beats.to_arrays(),
            "prior_log_odds": np.asarray(self.prior_log_odds),
            "spike_limits": np.asarray(self.spike_limits),
            "threshold": np.asarray(self.threshold),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> PacemakerHead:
        """Return the head that `to_arrays` stored."""
        low, high = arrays["spike_limits"].tolist()
        return cls(
            beats=PacedBeatModel.from_arrays(arrays),
            prior_log_odds=float(arrays["prior_log_odds"]),
            spike_limits=(low, high),
            threshold=float(arrays["threshold"]),
        )


def stable_log_ratio(spikes: int, pacing: Pacing, seconds: float) -> float:
    """Return the log Bayes factor of beats with a spike at a common distance, against chance.

    Under pacing any share of the beats has such a spike, all shares equally likely. Under chance, a
    beat has one with the probability that `spikes` spikes at random times in `seconds` put one
    within STABLE_MS of a given place. The best of all places in the window was selected, so the
    factor is divided by their number. The larger of the factors of atrial and ventricular pacing
    counts.
    """
    if pacing.beats == 0 or seconds <= 0:
        return 0.0
    chance = -expm1(-2 * STABLE_MS / 1000 * spikes / seconds)
    chance = min(max(chance, _MIN_PROBABILITY), 1 - _MIN_PROBABILITY)
    atrial = _window_log_ratio(pacing.atrial_beats, pacing.beats, chance, ATRIAL_WINDOW_MS)
    ventricular = _window_log_ratio(
        pacing.ventricular_beats, pacing.beats, chance, VENTRICULAR_WINDOW_MS
    )
    return max(atrial, ventricular)


def _window_log_ratio(
    count: int, beats: int, chance: float, window_ms: tuple[float, float]
) -> float:
    """Return the log Bayes factor of `count` of `beats` with a spike at one place in a window."""
    start, stop = window_ms
    by_any_share = -log(beats + 1) - log(comb(beats, count))
    by_chance = count * log(chance) + (beats - count) * log1p(-chance)
    # Without a spike, no place was selected.
    selection = log((stop - start) / (2 * STABLE_MS)) if count else 0.0
    return by_any_share - by_chance - selection


def _sigmoid(log_odds: float) -> float:
    """Return the logistic function of one number.

    Not signals.logistic.sigmoid: for negative log odds its form differs in the last bit, and
    answers would change. `math.exp` also costs less than numpy for a single number.
    """
    return 1 / (1 + exp(-min(max(log_odds, -_MAX_LOG_ODDS), _MAX_LOG_ODDS)))


@cache
def shipped_head() -> PacemakerHead:
    """Return the head from the file in this folder, which ships with the server."""
    with np.load(FILE, allow_pickle=False) as file:
        return PacemakerHead.from_arrays(dict(file))


@cache
def version() -> str:
    """Return the version of the shipped head: pacemaker@ and the start of its file's SHA-256."""
    sha256 = hashlib.sha256(FILE.read_bytes()).hexdigest()
    return f"pacemaker@{sha256[:VERSION_SHA256_DIGITS]}"

"""Fit the probability that the network's reading is a P wave, where its own probability is low.

The recordings are LUDB's, and their variants with P waves on T or nowhere (`p_on_t`); each is read
by a network that was not trained on it. Readings that other rules refuse do not count: most of them
are the last beat's T wave.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from intervals.beats import Beats, delineator_beat, find_beats
from intervals.boundaries import reportable_boundaries
from intervals.calibration import ByLength
from intervals.delineator import delineate
from intervals.fiducials import P_ON, Fiducials, find_fiducials
from intervals.p_evidence import PEvidence, PSigns, p_signs
from intervals.p_waves import P_PRESENT
from intervals.unet import Network, build_network
from signals.conditioned import Conditioned, condition
from signals.order import median
from signals.r_peaks import r_peaks_of
from training.datasets.ludb import reference
from training.delineator.beats import BeatSource, condition_unpaced
from training.delineator.p_on_t import p_variants

Array = NDArray[np.float64]

# A PR within this distance of the true one is read from the P wave; a P wave lasts about 100 ms.
SAME_P_MS: Final = 30.0
WITHIN_PERCENT: Final = 80.0  # of the references, within the uncertainty
# Of a reading that is a P wave; one that is not has 1. How many of the variants are which is a
# choice; this one was made on folds 1-5 of PTB-XL, so that PR is given in about 85 % of their
# recordings with first-degree block.
P_WEIGHT: Final = 1.5
LITTLE_PENALTY: Final = 1e3  # C of the regression: a thousand recordings need none


@dataclass(frozen=True)
class POutcome:
    """The signs of what a network reads as P, and how far its PR is from the true one.

    length_ms, spread_ms  of the PR interval
    error_ms  infinite without a P wave
    """

    signs: PSigns
    length_ms: float
    spread_ms: float
    error_ms: float

    @property
    def is_p(self) -> bool:
        """Return whether the reading is the P wave."""
        return self.error_ms <= SAME_P_MS


def hold_out_p(
    sources: list[BeatSource],
    fold_weights: dict[int, dict[str, NDArray[np.float32]]],
    biases: dict[int, Array],
    fold: NDArray[np.intp],
) -> list[list[POutcome]]:
    """Return the outcomes of each recording and its variants, by the network of its fold.

    biases  of the readings of each fold's network
    fold    (sources,) number of each source's fold
    """
    outcomes: list[list[POutcome]] = [[] for _ in sources]
    for number, weights in fold_weights.items():
        network = build_network(weights)
        for index in np.flatnonzero(fold == number):
            outcomes[index] = list(_outcomes_of(sources[index], network, biases[number]))
    return outcomes


def fit_p_evidence(outcomes: Sequence[POutcome], pr: ByLength) -> PEvidence:
    """Return the regression that fits the outcomes, which are held out of the training.

    The uncertainty is widened so that it holds for as many of the P waves that are believed as for
    others.

    pr  the calibration of the PR interval
    """
    signs = np.array([astuple(outcome.signs) for outcome in outcomes])
    is_p = np.array([int(outcome.is_p) for outcome in outcomes])
    fitted = LogisticRegression(
        C=LITTLE_PENALTY, max_iter=5000, class_weight={0: 1.0, 1: P_WEIGHT}
    ).fit(signs, is_p)
    intercept, *weights = (
        round(float(number), 3) for number in (fitted.intercept_[0], *fitted.coef_[0])
    )
    likeness, log_spread, t_to_p_s, qrs_s = weights
    evidence = PEvidence(intercept, likeness, log_spread, t_to_p_s, qrs_s, widening=1.0)
    ratios = [
        outcome.error_ms / pr.uncertainty(outcome.length_ms, outcome.spread_ms)
        for outcome in outcomes
        if np.isfinite(outcome.error_ms) and evidence.probability(outcome.signs) >= P_PRESENT
    ]
    widening = max(1.0, float(np.percentile(ratios, WITHIN_PERCENT))) if ratios else 1.0
    return replace(evidence, widening=round(widening, 3))


def _outcomes_of(source: BeatSource, network: Network, bias_ms: Array) -> Iterator[POutcome]:
    record = source.record
    unpaced = condition_unpaced(record)
    recordings = [(unpaced.ready, unpaced.r_peaks_s, reference(record).pr_ms)]
    if unpaced.was_paced:
        recordings = []
    for variant in p_variants(record):
        ready = condition(variant.signal, record.fs)
        recordings.append((ready, r_peaks_of(ready), variant.truth_ms))
    for ready, r_peaks_s, truth_ms in recordings:
        outcome = _outcome(ready, r_peaks_s, truth_ms, network, bias_ms)
        if outcome is not None:
            yield outcome


def _outcome(
    ready: Conditioned, r_peaks_s: Array, truth_ms: float, network: Network, bias_ms: Array
) -> POutcome | None:
    """Return the outcome of one recording; None where the network alone decides.

    truth_ms  PR; NaN without P waves
    """
    beats = find_beats(ready, r_peaks_s)
    if beats.representative is None:
        return None
    fiducials = find_fiducials(delineate(delineator_beat(beats), network), bias_ms)
    signs = p_signs(beats, fiducials)
    if signs is None or fiducials.p_present >= P_PRESENT:
        return None
    if not _passes_other_rules(beats, fiducials):
        return None
    length_ms = fiducials.length_ms("pr_ms")
    error_ms = abs(length_ms - truth_ms) if np.isfinite(truth_ms) else float("inf")
    return POutcome(signs, length_ms, fiducials.interval_spread("pr_ms"), error_ms)


def _passes_other_rules(beats: Beats, fiducials: Fiducials) -> bool:
    """Return whether a PR would be given if P were sure to be present."""
    rr_ms = float(median(np.diff(beats.centre_s))) * 1000.0
    sure = replace(fiducials, p_present=1.0)
    times, _ = reportable_boundaries(beats, sure, rr_ms, flutter_per_min=None, paced=False)
    return bool(np.isfinite(times[P_ON]))

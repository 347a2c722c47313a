"""What models say about recordings of folds that they were not fitted to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heads.pacemaker import PacemakerHead
from training.pacemaker.fit import (
    SPECIFICITY,
    calibrated,
    fit,
    prior_log_odds,
    spike_limits,
    threshold_at,
)
from training.pacemaker.rows import SpikeRecording

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Log odds of each recording by a model of the other folds; NaN where it is not judged.

    uncalibrated  (recordings,) from the trees of the other folds
    log_odds      (recordings,) with a calibration that was also fitted on the other folds
    heads         fold -> the head that was not fitted to it
    """

    uncalibrated: Array
    log_odds: Array
    heads: dict[int, PacemakerHead]


def fit_out_of_fold(
    rows: NDArray[np.float32],
    paced: Flags,
    fold: NDArray[np.int64],
    chosen: Flags,
    spike_recordings: list[SpikeRecording],
    seed: int,
) -> OutOfFold:
    """Fit one head for each fold.

    Its trees are fitted to the other folds. Its calibration and threshold come from the out-of-fold
    log odds of the other folds' recordings.

    rows    (recordings, features)
    chosen  (recordings,) which recordings take part
    """
    uncalibrated = np.full(len(rows), np.nan)
    log_odds = np.full(len(rows), np.nan)
    models = {}
    heads = {}
    folds = np.unique(fold[chosen]).tolist()
    for number in folds:
        held = chosen & (fold == number)
        others = chosen & (fold != number)
        models[number] = fit(rows[others], paced[others], seed)
        uncalibrated[held] = models[number].uncalibrated_log_odds(rows[held])
        print(f"fold {number} of {len(folds)}", flush=True)
    for number in folds:
        held = chosen & (fold == number)
        others = chosen & (fold != number)
        model = calibrated(models[number], uncalibrated[others], paced[others])
        log_odds[held] = model.log_odds(rows[held])
        slope, shift = model.calibration
        probability = sigmoid(slope * uncalibrated[others] + shift)
        heads[number] = PacemakerHead(
            beats=model,
            prior_log_odds=prior_log_odds(paced[others]),
            spike_limits=spike_limits(spike_recordings),
            threshold=threshold_at(SPECIFICITY, probability, paced[others]),
        )
    return OutOfFold(uncalibrated, log_odds, heads)


def sigmoid(log_odds: Array) -> Array:
    """Return the logistic function, elementwise.

    Not signals.logistic.sigmoid, whose form differs in the last bit for negative log odds: the
    thresholds of the shipped head and of its report come from this one. Log odds of trees do not
    overflow exp.
    """
    return np.asarray(1 / (1 + np.exp(-log_odds)), np.float64)

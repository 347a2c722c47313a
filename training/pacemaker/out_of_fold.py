"""Cross-validate the pacemaker head: predict each fold with a head fitted to the other folds."""

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
    """The log odds of a pacemaker for each recording, by a model fitted to the other folds.

    They are NaN for recordings that do not take part.

    uncalibrated  (recordings,) log odds from trees fitted to the other folds
    log_odds      (recordings,) calibrated log odds; the calibration uses only the other folds
    heads         number of a fold -> the head fitted to the other folds
    """

    uncalibrated: Array
    log_odds: Array
    heads: dict[int, PacemakerHead]


def fit_out_of_fold(
    rows: NDArray[np.float32],
    paced: Flags,
    fold: NDArray[np.int64],
    takes_part: Flags,
    spike_recordings: list[SpikeRecording],
    seed: int,
) -> OutOfFold:
    """Fit one head for each fold and return the log odds that it predicts for that fold.

    The head's trees are fitted to the other folds. Its calibration and threshold come from the
    out-of-fold log odds of the other folds' recordings.

    rows              (recordings, features)
    paced             (recordings,) whether the recording is labelled as paced
    fold              (recordings,) the number of each recording's fold
    takes_part        (recordings,) whether the recording is used
    spike_recordings  recordings from which the limits of the spikes' likelihood ratio come
    seed              of the trees' random choices
    """
    uncalibrated = np.full(len(rows), np.nan)
    log_odds = np.full(len(rows), np.nan)
    models = {}
    heads = {}
    folds = np.unique(fold[takes_part]).tolist()
    for number in folds:
        in_fold = takes_part & (fold == number)
        in_other_folds = takes_part & (fold != number)
        models[number] = fit(rows[in_other_folds], paced[in_other_folds], seed)
        uncalibrated[in_fold] = models[number].uncalibrated_log_odds(rows[in_fold])
        print(f"fold {number} of {len(folds)}", flush=True)
    for number in folds:
        in_fold = takes_part & (fold == number)
        in_other_folds = takes_part & (fold != number)
        model = calibrated(models[number], uncalibrated[in_other_folds], paced[in_other_folds])
        log_odds[in_fold] = model.log_odds(rows[in_fold])
        slope, shift = model.calibration
        probability = sigmoid(slope * uncalibrated[in_other_folds] + shift)
        heads[number] = PacemakerHead(
            beats=model,
            prior_log_odds=prior_log_odds(paced[in_other_folds]),
            spike_limits=spike_limits(spike_recordings),
            threshold=threshold_at(SPECIFICITY, probability, paced[in_other_folds]),
        )
    return OutOfFold(uncalibrated, log_odds, heads)


def sigmoid(log_odds: Array) -> Array:
    """Return the logistic function of each element: probabilities of the same shape.

    It differs from signals.logistic.sigmoid in the last bit for negative log odds. The thresholds
    of the shipped head and of its report were computed with this formula. The log odds of trees do
    not overflow exp.
    """
    return np.asarray(1 / (1 + np.exp(-log_odds)), np.float64)

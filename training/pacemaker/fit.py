"""Fit the parts of the pacemaker head.

These are boosted trees on the features of the beats, their calibration, the limits of the spikes'
likelihood ratio, and the threshold.
"""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from heads.paced_beats import PacedBeatModel
from training.forest import forest_of
from training.pacemaker.rows import SpikeRecording

SPECIFICITY: Final = 0.995  # at which the threshold is set; a choice
# One recording in 74 is paced. Each member sees all paced recordings and a third of the others.
MEMBERS: Final = 3
TREES: Final = 150  # of each member
_HALF: Final = 0.5  # added to each cell of a table of counts (Jeffreys' prior)

Rows = NDArray[np.float32]
Flags = NDArray[np.bool_]


def fit(rows: Rows, paced: Flags, seed: int) -> PacedBeatModel:
    """Return trees fitted to all rows (recordings, features), not calibrated."""
    share = np.random.default_rng(seed).permutation(len(rows)) % MEMBERS
    members = []
    for number in range(MEMBERS):
        chosen = paced | (share == number)
        members.append(_boosted(rows[chosen], paced[chosen], seed + number))
    start = float(np.mean([member._baseline_prediction.item() for member in members]))
    trees = [tree[0].nodes for member in members for tree in member._predictors]
    return PacedBeatModel(forest_of(trees, 1 / MEMBERS), start, (1.0, 0.0))


def _boosted(rows: Rows, paced: Flags, seed: int) -> Any:
    classifier = HistGradientBoostingClassifier(
        max_iter=TREES,
        learning_rate=0.06,
        max_leaf_nodes=12,
        l2_regularization=5.0,
        min_samples_leaf=20,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    )
    return classifier.fit(rows.astype(np.float64), paced)


def calibrated(
    model: PacedBeatModel, log_odds: NDArray[np.float64], paced: Flags
) -> PacedBeatModel:
    """Return the model with Platt's calibration.

    log_odds  (recordings,) uncalibrated, of recordings that the trees were not fitted to
    """
    line = LogisticRegression(C=1e3).fit(log_odds[:, np.newaxis], paced)
    return replace(model, calibration=(float(line.coef_[0, 0]), float(line.intercept_[0])))


def prior_log_odds(paced: Flags) -> float:
    """Return the log odds of pacing among the recordings."""
    return log(paced.mean() / (1 - paced.mean()))


def spike_limits(recordings: list[SpikeRecording]) -> tuple[float, float]:
    """Return the log likelihood ratios of recordings whose spikes speak against, and for, pacing.

    They are counted on the recordings that can show spikes.
    """
    visible = [recording for recording in recordings if recording.visible]
    share_of_paced = _share_speaking_for_pacing([r for r in visible if r.paced])
    share_of_others = _share_speaking_for_pacing([r for r in visible if not r.paced])
    against = log((1 - share_of_paced) / (1 - share_of_others))
    return against, log(share_of_paced / share_of_others)


def _share_speaking_for_pacing(recordings: list[SpikeRecording]) -> float:
    speaking = sum(recording.log_ratio > 0 for recording in recordings)
    return (speaking + _HALF) / (len(recordings) + 2 * _HALF)


def threshold_at(specificity: float, probability: NDArray[np.float64], paced: Flags) -> float:
    """Return the lowest probability of an unpaced recording at which the specificity is reached.

    That share of the unpaced recordings has a lower probability.
    """
    return float(np.quantile(probability[~paced], specificity, method="higher"))

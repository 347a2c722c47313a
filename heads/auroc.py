"""AUROC of one score under many weightings of the same records, for a bootstrap over patients.

The records are sorted once. Each resample is a weighting of the records: how often their patient
was drawn. A tie between a positive and a negative counts one half.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating[Any]]

CHUNK_CELLS = 4_000_000  # resamples x records computed at once; bounds memory at some tens of MB


class RankedRecords:
    """Records sorted by one score, with the truth of one label.

    Records of unknown truth are left out.

    order       (known records,) rows of the records, from the lowest score to the highest
    positive    (known records,) whether the label is true, in that order
    tie_starts  first index in `order` of each run of equal scores
    """

    def __init__(self, truth: Values, score: Values) -> None:
        """Sort the records.

        truth  (records,) of 0, 1 and NaN for unknown
        score  (records,), higher where the label is more likely
        """
        order = np.argsort(score, kind="stable")
        self.order = order[~np.isnan(truth[order])]
        self.positive = truth[self.order] == 1
        sorted_scores = score[self.order]
        if sorted_scores.size:
            is_start = np.concatenate([[True], sorted_scores[1:] != sorted_scores[:-1]])
            self.tie_starts = np.flatnonzero(is_start)
        else:
            self.tie_starts = np.zeros(0, np.intp)

    def auroc(self, weights: Values) -> NDArray[np.float64]:
        """Return the AUROC of each weighting: weights (resamples, records) -> (resamples,).

        NaN where a resample has no positive or no negative.
        """
        areas = np.full(len(weights), np.nan)
        if not self.order.size:
            return areas
        ordered = weights[:, self.order]
        positive = ordered * self.positive
        negative = ordered - positive
        if len(self.tie_starts) < len(self.order):
            positive = np.add.reduceat(positive, self.tie_starts, axis=1)
            negative = np.add.reduceat(negative, self.tie_starts, axis=1)
        below = np.cumsum(negative, axis=1) - negative
        pairs = positive.sum(axis=1, dtype=np.float64) * negative.sum(axis=1, dtype=np.float64)
        won = (positive * (below + 0.5 * negative)).sum(axis=1, dtype=np.float64)
        np.divide(won, pairs, out=areas, where=pairs > 0)
        return areas


def auroc(truth: Values, score: Values) -> float:
    """Return the AUROC of one label with equal weights; NaN if it has no positive or no negative.

    truth  (records,) of 0, 1 and NaN for unknown
    score  (records,)
    """
    once = np.ones((1, len(score)))
    return float(RankedRecords(truth, score).auroc(once)[0])


def patient_resamples(
    patients: NDArray[Any], resamples: int, seed: int
) -> Iterator[NDArray[np.float32]]:
    """Yield bootstrap weights in chunks (rows, records), `resamples` rows in total.

    Patients are drawn with replacement; a weight says how often the record's patient was drawn.
    """
    _, patient_of = np.unique(patients, return_inverse=True)
    count = int(patient_of.max()) + 1 if patient_of.size else 0
    random = np.random.default_rng(seed)
    chunk = max(1, CHUNK_CELLS // max(1, len(patient_of)))
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        drawn = random.multinomial(count, np.full(count, 1 / count), size=size)
        yield drawn[:, patient_of].astype(np.float32)

"""AUROC under many weightings of the same records at once: what a bootstrap over patients asks for.

Sorting is done once; each resample is a weighting of the records by how often their patient was drawn. Ties count half.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK_CELLS = 4_000_000  # resamples x records at once: bounds memory at some tens of MB


class Ranked:
    """Records in the order of one score, with what is known of one label; unknown truths are left out."""

    def __init__(self, truth: NDArray[np.floating[Any]], score: NDArray[np.floating[Any]]) -> None:
        """truth (records,) of 0, 1 and NaN for unknown; score (records,), higher for more likely positive."""
        order = np.argsort(score, kind="stable")
        self.order = order[~np.isnan(truth[order])]
        ranked = score[self.order]
        self.positive = truth[self.order] == 1
        self.ties = (
            np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
            if ranked.size
            else np.zeros(0, np.intp)
        )

    def auroc(self, weights: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(resamples,) from weights (resamples, records); NaN where a resample has no positive or no negative."""
        if not self.order.size:
            return np.full(len(weights), np.nan)
        ordered = weights[:, self.order]
        positive = ordered * self.positive
        negative = ordered - positive
        if len(self.ties) < len(self.order):
            positive, negative = (
                np.add.reduceat(found, self.ties, axis=1) for found in (positive, negative)
            )
        below = np.cumsum(negative, axis=1) - negative
        pairs = positive.sum(axis=1, dtype=np.float64) * negative.sum(axis=1, dtype=np.float64)
        won = (positive * (below + 0.5 * negative)).sum(axis=1, dtype=np.float64)
        return np.asarray(
            np.divide(won, pairs, out=np.full(len(weights), np.nan), where=pairs > 0), np.float64
        )


def auroc(truth: NDArray[np.floating[Any]], score: NDArray[np.floating[Any]]) -> float:
    """Of one label; NaN without a positive or a negative."""
    return float(Ranked(truth, score).auroc(np.ones((1, len(score))))[0])


def patient_resamples(
    patients: NDArray[Any], resamples: int, seed: int
) -> Iterator[NDArray[np.float32]]:
    """Pieces (some resamples, records) of so many in all: how often each record's patient was drawn, patients with replacement."""
    _, index = np.unique(patients, return_inverse=True)
    count = int(index.max()) + 1 if index.size else 0
    random, at_once = np.random.default_rng(seed), max(1, CHUNK_CELLS // max(1, len(index)))
    for start in range(0, resamples, at_once):
        drawn = random.multinomial(
            count, np.full(count, 1 / count), size=min(at_once, resamples - start)
        )
        yield drawn[:, index].astype(np.float32)

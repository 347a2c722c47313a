"""Gaps, the runs of NaN in a lead: where they are, and the short ones bridged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_FILLED_GAP_S: Final = (
    0.2  # docs/api.md, "Leads and gaps": about two QRS complexes long; longer ones stay gaps
)


@dataclass(frozen=True, eq=False)
class Gaps:
    """Runs of missing samples, ordered by lead and time: `lead` is the row, `start`..`stop` (exclusive) its samples."""

    lead: NDArray[np.intp]
    start: NDArray[np.intp]
    stop: NDArray[np.intp]

    @property
    def samples(self) -> NDArray[np.intp]:
        return self.stop - self.start


def find_gaps(missing: NDArray[np.bool_]) -> Gaps:
    """Runs of True in a mask (leads, samples)."""
    samples = missing.shape[1]
    start, stop = _edges(missing)
    lead, first = np.divmod(start, samples + 1)
    return Gaps(lead, first, stop - lead * (samples + 1))


def longest_runs(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(leads, samples) -> (leads,) samples in the longest run of True."""
    leads, samples = mask.shape
    start, stop = _edges(mask)
    first = np.searchsorted(start, np.arange(leads + 1) * (samples + 1))
    some = first[1:] > first[:-1]
    longest = np.zeros(leads, np.intp)
    if start.size:
        longest[some] = np.maximum.reduceat(stop - start, first[:-1][some])
    return longest


def _edges(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where runs of True start and stop (exclusive), lead after lead with a sample behind each, which ends a run."""
    leads, samples = mask.shape
    row_by_row = np.zeros(1 + leads * (samples + 1), np.bool_)
    row_by_row[1:].reshape(leads, samples + 1)[:, :-1] = mask
    # Starts and stops take turns, so the n-th of the one belongs to the n-th of the other.
    edges = np.flatnonzero(row_by_row[1:] != row_by_row[:-1])
    return edges[::2], edges[1::2]


def max_gap_samples(fs: float, max_gap_s: float = MAX_FILLED_GAP_S) -> int:
    """Samples in the longest gap that is bridged: a gap of k samples lasts k / fs seconds."""
    return int(
        max_gap_s * fs + 1e-6
    )  # 0.2 * 35 is 7.000000000000001, 0.29 * 100 is 28.999999999999996


def fill_short_gaps(
    signal: NDArray[np.float64], fs: float, max_gap_s: float = MAX_FILLED_GAP_S
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Bridge gaps of up to `max_gap_s` linearly; at the ends of a lead its nearest sample is held.

    signal  (leads, samples) with NaN for gaps
    -> (filled, still_missing): `filled` is `signal` itself where nothing is missing, else a copy, with NaN left in the
    longer gaps; `still_missing` (leads, samples) marks those.
    """
    missing = np.isnan(signal)
    if not missing.any():
        return signal, missing
    gaps = find_gaps(missing)
    long = gaps.samples > max_gap_samples(fs, max_gap_s)
    still_missing = _mask_of(gaps, long, missing.shape)
    filled = signal.copy()
    for row in np.unique(gaps.lead[~long]):
        bridged, known = (
            np.flatnonzero(missing[row] & ~still_missing[row]),
            np.flatnonzero(~missing[row]),
        )
        if known.size == 0:
            still_missing[row] = True
        else:
            filled[row, bridged] = np.interp(bridged, known, signal[row, known])
    return filled, still_missing


def _mask_of(gaps: Gaps, chosen: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """True in the chosen gaps, as the running sum of +1 at starts and -1 at stops."""
    steps = np.zeros((shape[0], shape[1] + 1), np.int8)
    steps[gaps.lead[chosen], gaps.start[chosen]] = 1
    steps[gaps.lead[chosen], gaps.stop[chosen]] = -1
    return np.cumsum(steps[:, :-1], axis=1, dtype=np.int8).astype(np.bool_)

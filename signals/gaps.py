"""Gaps, which are runs of NaN in a lead: finding them, and filling the short ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# docs/api.md, "Leads and gaps": about two QRS complexes long. Longer gaps stay gaps.
MAX_FILLED_GAP_S: Final = 0.2


@dataclass(frozen=True, eq=False)
class Gaps:
    """Runs of missing samples, ordered by lead and time.

    lead   (runs,) row of the lead
    start  (runs,) first missing sample
    stop   (runs,) the sample after the last missing one
    """

    lead: NDArray[np.intp]
    start: NDArray[np.intp]
    stop: NDArray[np.intp]

    @property
    def samples(self) -> NDArray[np.intp]:
        """(runs,) number of missing samples."""
        return self.stop - self.start


def find_gaps(missing: NDArray[np.bool_]) -> Gaps:
    """Return the runs of True in a mask (leads, samples)."""
    row_length = missing.shape[1] + 1
    flat_start, flat_stop = _run_edges(missing)
    lead, start = np.divmod(flat_start, row_length)
    return Gaps(lead, start, flat_stop - lead * row_length)


def longest_runs(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return (leads,) the number of samples in each lead's longest run of True.

    mask  (leads, samples)
    """
    leads, samples = mask.shape
    flat_start, flat_stop = _run_edges(mask)
    row_starts = np.arange(leads + 1) * (samples + 1)
    # Runs first_run[n] to first_run[n + 1] belong to lead n.
    first_run = np.searchsorted(flat_start, row_starts)
    has_run = first_run[1:] > first_run[:-1]
    longest = np.zeros(leads, np.intp)
    if flat_start.size:
        run_lengths = flat_stop - flat_start
        longest[has_run] = np.maximum.reduceat(run_lengths, first_run[:-1][has_run])
    return longest


def _run_edges(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where the runs of True start and stop (exclusive), as places in the flattened mask.

    In the flattened mask each lead has one more sample at its end, which is False: it ends a run,
    so that no run continues in the next lead.
    """
    leads, samples = mask.shape
    # The sample before the first lead is False too: a run may start at sample 0.
    flat = np.zeros(1 + leads * (samples + 1), np.bool_)
    flat[1:].reshape(leads, samples + 1)[:, :-1] = mask
    # Starts and stops alternate, so the n-th start and the n-th stop belong to one run.
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return edges[::2], edges[1::2]


def max_gap_samples(fs: float, max_gap_s: float = MAX_FILLED_GAP_S) -> int:
    """Return the number of samples of the longest gap that is filled.

    A gap of k samples lasts k / fs seconds.
    """
    # The margin is for products such as 0.29 * 100, which is 28.999999999999996.
    return int(max_gap_s * fs + 1e-6)


def fill_short_gaps(
    signal: NDArray[np.float64], fs: float, max_gap_s: float = MAX_FILLED_GAP_S
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Fill gaps of up to `max_gap_s` by linear interpolation.

    At the ends of a lead, a gap is filled with the nearest sample.

    signal  (leads, samples) with NaN for gaps; never written to
    Returns (filled, still_missing): `filled` is `signal` itself if no sample is missing, else a
    copy with NaN in the longer gaps; `still_missing` (leads, samples) marks those. A lead without
    any sample stays missing, whatever its length.
    """
    missing = np.isnan(signal)
    if not missing.any():
        return signal, missing
    gaps = find_gaps(missing)
    is_long = gaps.samples > max_gap_samples(fs, max_gap_s)
    still_missing = _mask_of(gaps, is_long, missing.shape)
    filled = signal.copy()
    for row in np.unique(gaps.lead[~is_long]):
        known_places = np.flatnonzero(~missing[row])
        if known_places.size == 0:
            still_missing[row] = True
            continue
        to_fill = np.flatnonzero(missing[row] & ~still_missing[row])
        known_values = signal[row, known_places]
        filled[row, to_fill] = np.interp(to_fill, known_places, known_values)
    return filled, still_missing


def _mask_of(gaps: Gaps, chosen: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return a mask (leads, samples) that is True in the chosen gaps.

    It is the running sum of +1 at each start and -1 at each stop: the work does not grow with the
    number of gaps, as it would with one slice for each.
    """
    leads, samples = shape
    steps = np.zeros((leads, samples + 1), np.int8)
    steps[gaps.lead[chosen], gaps.start[chosen]] = 1
    steps[gaps.lead[chosen], gaps.stop[chosen]] = -1
    return np.cumsum(steps[:, :-1], axis=1, dtype=np.int8).astype(np.bool_)

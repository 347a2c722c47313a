"""Recordings whose leads were recorded one group after another, as an ECG is printed on paper.

Each lead of such a recording is known for one stretch only, its page, usually 2.5 s of 10 s, and a
gap in the rest; a lead may be recorded throughout, as a rhythm strip. Nothing was interrupted, so
these leads are not missing ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.record import EcgRecord

# A page is as long as the shortest recording that is analysed, signals.checks.MIN_SECONDS.
MIN_PAGE_S: Final = 2.0


@dataclass(frozen=True)
class Page:
    """Leads of a record that are known over the same stretch, from sample `start` to `stop` - 1.

    rows  of the record's signal
    """

    rows: tuple[int, ...]
    start: int
    stop: int

    def part_of(self, record: EcgRecord) -> EcgRecord:
        """Return the page as a record of its own."""
        signal = np.ascontiguousarray(record.signal[list(self.rows), self.start : self.stop])
        names = tuple(record.lead_names[row] for row in self.rows)
        return replace(record, signal=signal, lead_names=names, warnings=())


def page_rows(signal: NDArray[np.float32], fs: float) -> NDArray[np.bool_]:
    """Return (leads,) whether a lead is known for one page only, while others have other pages.

    signal  (leads, samples), NaN for gaps
    """
    leads, samples = signal.shape
    if samples == 0 or not np.isnan(signal[:, [0, -1]]).any():
        return np.zeros(leads, np.bool_)
    known = ~np.isnan(signal)
    counts = np.count_nonzero(known, axis=1)
    starts, stops = _stretches(known)
    is_one_stretch = (counts > 0) & (counts == stops - starts)
    is_page: NDArray[np.bool_] = (
        is_one_stretch & (counts >= MIN_PAGE_S * fs) & (2 * counts < samples)
    )
    if not is_page.any():
        return is_page
    # Two pages that do not overlap show that the leads were recorded one after another.
    if starts[is_page].max() >= stops[is_page].min():
        return is_page
    return np.zeros(leads, np.bool_)


def _stretches(known: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return (leads,) the first known sample of each lead, and the one after the last."""
    return np.argmax(known, axis=1), known.shape[1] - np.argmax(known[:, ::-1], axis=1)


def pages_of(record: EcgRecord) -> list[Page]:
    """Return the pages of a record by their start, the longest first; none if it has no pages.

    Leads that were recorded throughout are one page, and so are leads with most samples missing,
    which come last.
    """
    is_page = page_rows(record.signal, record.fs)
    if not is_page.any():
        return []
    known = ~np.isnan(record.signal)
    starts, stops = _stretches(known)
    is_throughout = 2 * np.count_nonzero(known, axis=1) >= record.samples
    rows: dict[tuple[int, int], list[int]] = {}
    missing: list[int] = []
    for row, on_page in enumerate(is_page):
        if on_page:
            rows.setdefault((int(starts[row]), int(stops[row])), []).append(row)
        elif is_throughout[row]:
            rows.setdefault((0, record.samples), []).append(row)
        else:
            missing.append(row)
    order = sorted(rows, key=lambda stretch: (stretch[0], stretch[0] - stretch[1]))
    pages = [Page(tuple(rows[stretch]), *stretch) for stretch in order]
    if missing:
        pages.append(Page(tuple(missing), 0, record.samples))
    return pages

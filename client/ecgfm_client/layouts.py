"""Which lead is drawn where on the ECG paper, and from which second on.

The three standard layouts are those of the 12-lead printout (Kligfield et al., Recommendations for
the standardization and interpretation of the electrocardiogram, part I, Circulation
2007;115:1306-24): four columns of 2.5 s with a rhythm strip, two columns of 5 s, and twelve rows of
10 s. A recording of few leads has a row for each, and one of a single lead a row for each 10 s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
ROW_S = 10.0  # what one row shows, in all layouts
# Leads in each column, from left to right.
COLUMNS = {
    "3x4+1": (LEADS[:3], LEADS[3:6], LEADS[6:9], LEADS[9:]),
    "6x2": (LEADS[:6], LEADS[6:]),
    "12x1": (LEADS,),
}
LAYOUTS = ("auto", *COLUMNS)
STRIP_LEADS = ("II", "V1")  # the first of them that was recorded is the rhythm strip
FEW_LEADS = 6  # up to this number, each lead has a row
MAX_ROWS = 6  # of a single lead: a minute
MAX_CUT_S = 0.1  # a shorter rest of a recording is neither shown nor mentioned
MAX_ROUNDING_S = 0.05  # a beginning that differs by less is not named
NEARLY_COMPLETE = 0.9  # of the samples that the most complete lead has


@dataclass(frozen=True)
class Panel:
    """A stretch of one lead.

    row        0 for the uppermost
    column_s   how far to the right it begins, in seconds of the row
    start_s    where in the recording it begins
    seconds    how long it is
    label      what is written above its beginning
    is_strip   the beats' boundaries are drawn below it
    """

    lead: str
    row: int
    column_s: float
    start_s: float
    seconds: float
    label: str
    is_strip: bool = False


@dataclass(frozen=True)
class Sheet:
    """The data that are drawn.

    leads      lead name -> (samples,) mV, NaN for gaps
    fs         sampling rate in Hz
    fiducials  one mapping for each beat: `class`, and the times of `r`, `p_onset`, `p_offset`,
               `qrs_onset`, `qrs_offset` and `t_offset` in seconds
    computed   the leads that were not recorded but computed from two others
    """

    leads: Mapping[str, NDArray[np.float64]]
    fs: float
    fiducials: Sequence[Mapping[str, object]]
    computed: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Return the duration of the longest lead."""
        return max((lead.size for lead in self.leads.values()), default=0) / self.fs

    def shown(self, panel: Panel) -> NDArray[np.float64]:
        """Return the samples of a panel; none if the lead is missing."""
        first = round(panel.start_s * self.fs)
        last = round((panel.start_s + panel.seconds) * self.fs)
        return self.leads.get(panel.lead, np.empty(0))[first:last]


def panels(sheet: Sheet, layout: str) -> list[Panel]:
    """Return the panels of a layout, one of LAYOUTS."""
    recorded = [name for name in LEADS if _has_samples(sheet, name)]
    if layout == "auto" and len(recorded) == 1:
        return _rows_of_one_lead(sheet, recorded[0])
    if layout == "auto" and 0 < len(recorded) <= FEW_LEADS:
        return _columns(sheet, (recorded,), strips=True)
    if layout == "auto" or layout == "3x4+1":
        grid = _columns(sheet, COLUMNS["3x4+1"], strips=False)
        name = _strip_lead(sheet)
        row = 1 + max(panel.row for panel in grid)
        return [*grid, Panel(name, row, 0.0, 0.0, ROW_S, name, is_strip=True)]
    return _columns(sheet, COLUMNS[layout], strips=True)


def _columns(sheet: Sheet, columns: Sequence[Sequence[str]], *, strips: bool) -> list[Panel]:
    """Return a panel for each lead; the columns follow each other in time.

    strips  the panels of the lowest row are strips
    """
    seconds = ROW_S / len(columns)
    found = []
    for column, names in enumerate(columns):
        for row, name in enumerate(names):
            column_s = column * seconds
            start_s = _start_s(sheet, name, column_s, seconds)
            is_usual = abs(start_s - column_s) < MAX_ROUNDING_S
            label = name if is_usual else f"{name}, from {start_s:.1f} s"
            is_strip = strips and row == len(names) - 1
            found.append(Panel(name, row, column_s, start_s, seconds, label, is_strip))
    return found


def _rows_of_one_lead(sheet: Sheet, name: str) -> list[Panel]:
    rows = min(MAX_ROWS, max(1, math.ceil((sheet.seconds - MAX_CUT_S) / ROW_S)))
    starts_s = [row * ROW_S for row in range(rows)]
    return [
        Panel(
            name,
            row,
            0.0,
            start_s,
            ROW_S,
            name if row == 0 else f"{name}, from {start_s:g} s",
            is_strip=True,
        )
        for row, start_s in enumerate(starts_s)
    ]


def _start_s(sheet: Sheet, name: str, usual_s: float, seconds: float) -> float:
    """Return the second from which on a lead is shown.

    It is the usual one, unless the recording ends before it or the lead has only gaps from there
    on: in some recordings the leads follow each other, each with 2.5 s of its own.
    """
    last_s = max(0.0, sheet.seconds - seconds)
    start_s = min(usual_s, last_s)
    lead = sheet.leads.get(name)
    if lead is None:
        return usual_s
    has_value = np.isfinite(lead)
    if has_value[round(start_s * sheet.fs) : round((start_s + seconds) * sheet.fs)].any():
        return start_s
    first = int(np.argmax(has_value))
    return min(first / sheet.fs, last_s) if has_value.any() else usual_s


def _strip_lead(sheet: Sheet) -> str:
    """Return the lead of the rhythm strip: one of STRIP_LEADS, if it is nearly complete.

    Otherwise the lead with the most samples in the first ten seconds.
    """
    counts = {
        name: int(np.isfinite(lead[: round(ROW_S * sheet.fs)]).sum())
        for name, lead in sheet.leads.items()
    }
    most = max(counts.values(), default=0)
    for name in (*STRIP_LEADS, *counts):
        if counts.get(name, -1) >= NEARLY_COMPLETE * most:
            return name
    return STRIP_LEADS[0]


def _has_samples(sheet: Sheet, name: str) -> bool:
    return name in sheet.leads and bool(np.isfinite(sheet.leads[name]).any())

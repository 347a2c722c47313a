"""A recording on ECG paper, true to scale: 25 mm/s, 10 mm/mV.

Three rows of four leads and a rhythm strip. Layout and scale are those of the standard 12-lead
printout (Kligfield et al., Recommendations for the standardization and interpretation of the
electrocardiogram, part I, Circulation 2007;115:1306-24).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecgfm_client.errors import UnusableInput
from ecgfm_client.results import Analysis, array

PARTS = "clinical_analysis,superclass,pacemaker,measurements,quality,fiducials,signal,reported"
MM_PER_S, MM_PER_MV = 25.0, 10.0
PAGE_MM = (297.0, 210.0)  # A4, landscape
LEFT_MM, COLUMN_S = 20.0, 2.5
ROWS_MM = (143.0, 106.0, 69.0)  # baselines from the bottom: a row has 37 mm, 3.7 mV
STRIP_MM = 32.0
PAPER_MM = (5.0, 12.0, 290.0, 167.0)  # left, bottom, right, top of the grid
COLUMNS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
STRIP_LEAD = "II"
PULSE_S, PULSE_MV = 0.2, 1.0
INK, FINE, COARSE, MARK = "#111111", "#f6c9c9", "#e58f8f", "#1f4fa3"
LINE_MM = 0.25
TICKS_MM = (-14.5, -17.0, -17.3)  # below the strip's baseline: from, to, letters
LINE_CHARS, LINES = 90, 4  # of the header's second column


@dataclass(frozen=True)
class Sheet:
    """What is drawn: leads in mV (NaN for gaps), sampling rate, beats' boundaries in seconds."""

    leads: dict[str, NDArray[np.float64]]
    fs: float
    fiducials: Sequence[Any]

    @property
    def seconds(self) -> float:
        return max((lead.size for lead in self.leads.values()), default=0) / self.fs

    @property
    def starts_s(self) -> list[float]:
        """Return when each column begins.

        Columns follow each other; if the recording is too short, they show its last seconds again.
        """
        return [
            min(column * COLUMN_S, max(0.0, self.seconds - COLUMN_S))
            for column in range(len(COLUMNS))
        ]

    @classmethod
    def read(cls, analysis: Analysis) -> Sheet:
        """Return the sheet. Raises UnusableInput for an analysis without the signal in mV."""
        signal = analysis.raw.get("signal")
        if signal is None:
            raise UnusableInput("plot: the answer holds no signal")
        if signal["units"] != "mV":
            raise UnusableInput("plot: the recording's unit is unknown, so there is no scale in mV")
        rows = array(signal["data"]).astype(np.float64)
        return cls(
            _all_limb_leads(dict(zip(signal["lead_names"], rows, strict=True))),
            float(signal["fs"]),
            analysis.fiducials or (),
        )


def plot(analysis: Analysis, out: Path, title: str) -> None:
    """Write PNG, SVG or PDF, by the file's extension."""
    figure = draw(Sheet.read(analysis), title, _words(analysis))
    try:
        figure.savefig(out, dpi=200)
    except ValueError as error:
        raise UnusableInput(f"--out: {error}") from error


def draw(sheet: Sheet, title: str, words: Sequence[str]) -> Figure:
    figure = Figure(figsize=(PAGE_MM[0] / 25.4, PAGE_MM[1] / 25.4), facecolor="white")
    page = figure.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, PAGE_MM[0]), ylim=(0, PAGE_MM[1]))
    page.set_axis_off()
    _grid(page)
    for column, (names, start_s) in enumerate(zip(COLUMNS, sheet.starts_s, strict=True)):
        for name, level in zip(names, ROWS_MM, strict=True):
            _trace(
                page, sheet, name, LEFT_MM + column * COLUMN_S * MM_PER_S, level, start_s, COLUMN_S
            )
    strip = STRIP_LEAD if STRIP_LEAD in sheet.leads else next(iter(sheet.leads))
    _trace(page, sheet, strip, LEFT_MM, STRIP_MM, 0.0, COLUMN_S * len(COLUMNS))
    _fiducials(page, sheet)
    for level in (*ROWS_MM, STRIP_MM):
        _pulse(page, level)
    page.text(PAPER_MM[0], 202, title, fontsize=11, weight="bold", va="top")
    for number, line in enumerate(words):
        page.text(
            PAPER_MM[0] + 100 * (number // 4),
            195 - 6.5 * (number % 4),
            line,
            fontsize=8.5,
            va="top",
        )
    page.text(PAPER_MM[0], 7, "   ".join(_legend(sheet)), fontsize=8, va="center")
    page.text(
        PAPER_MM[2], 7, "for research; not a medical device", fontsize=8, va="center", ha="right"
    )
    return figure


def _legend(sheet: Sheet) -> list[str]:
    """Return the notes that are needed to read the sheet."""
    notes = ["25 mm/s", "10 mm/mV", "unfiltered, as recorded"]
    shown_s = COLUMN_S * len(COLUMNS)
    if sheet.seconds > shown_s + 0.1:
        notes.append(f"the first {shown_s:g} s of {sheet.seconds:.1f} s")
    if sheet.seconds < shown_s - 0.1:
        notes.append(f"columns from {', '.join(f'{start:.1f}' for start in sheet.starts_s)} s")
    if sheet.fiducials:
        classes = sorted({beat["class"] for beat in sheet.fiducials} - {"normal"})
        notes.append(
            ", ".join(
                [
                    "P, Q: onset of P and QRS",
                    "T: end of T",
                    *(f"{name[0]}: {name} beat" for name in classes),
                ]
            )
        )
    return notes


def _grid(page: Axes) -> None:
    left, bottom, right, top = PAPER_MM
    for step, colour, width in ((1, FINE, 0.1), (5, COARSE, 0.2)):
        page.vlines(
            np.arange(left, right + 0.5, step),
            bottom,
            top,
            colors=colour,
            linewidths=_points(width),
        )
        page.hlines(
            np.arange(bottom, top + 0.5, step),
            left,
            right,
            colors=colour,
            linewidths=_points(width),
        )


def _trace(
    page: Axes,
    sheet: Sheet,
    name: str,
    x_mm: float,
    level_mm: float,
    start_s: float,
    seconds: float,
) -> None:
    """Draw one lead from `start_s` on, with its median on the level, as a printer centres it."""
    page.text(x_mm + 1.5, level_mm + 13, name, fontsize=9, weight="bold", va="center")
    if x_mm > LEFT_MM:
        page.vlines(x_mm, level_mm - 4, level_mm + 4, colors=INK, linewidths=_points(LINE_MM))
    signal = sheet.leads.get(name)
    if signal is None:
        page.text(
            x_mm + seconds * MM_PER_S / 2,
            level_mm,
            "not recorded",
            fontsize=8,
            ha="center",
            va="center",
        )
        return
    first = round(start_s * sheet.fs)
    shown = signal[first : round((start_s + seconds) * sheet.fs)]
    if not np.isfinite(shown).any():
        return
    millivolts = shown - np.nanmedian(signal)
    x = x_mm + np.arange(shown.size) / sheet.fs * MM_PER_S
    page.plot(
        x,
        level_mm + millivolts * MM_PER_MV,
        color=INK,
        linewidth=_points(LINE_MM),
        solid_joinstyle="round",
    )


def _fiducials(page: Axes, sheet: Sheet) -> None:
    """Draw the boundaries of P, QRS and T as ticks below the rhythm strip.

    A beat that is not normal has the first letter of its class.
    """
    names = {"p_onset": "P", "p_offset": "", "qrs_onset": "Q", "qrs_offset": "", "t_offset": "T"}
    top, bottom, text = TICKS_MM
    for beat in sheet.fiducials:
        for name, letter in names.items():
            at = beat.get(name)
            if at is None or at > COLUMN_S * len(COLUMNS):
                continue
            x = LEFT_MM + at * MM_PER_S
            page.vlines(x, STRIP_MM + top, STRIP_MM + bottom, colors=MARK, linewidths=_points(0.3))
            page.text(x, STRIP_MM + text, letter, fontsize=5.5, color=MARK, ha="center", va="top")
        if beat["class"] != "normal" and beat["r"] <= COLUMN_S * len(COLUMNS):
            page.text(
                LEFT_MM + beat["r"] * MM_PER_S,
                STRIP_MM + text,
                beat["class"][0],
                fontsize=7,
                color=MARK,
                ha="center",
                va="top",
            )


def _pulse(page: Axes, level_mm: float) -> None:
    """Draw the calibration pulse: 1 mV for 0.2 s, so 10 mm by 5 mm."""
    start = LEFT_MM - 12
    x = start + np.array([0, 2, 2, 2 + PULSE_S * MM_PER_S, 2 + PULSE_S * MM_PER_S, 9])
    y = level_mm + np.array([0, 0, PULSE_MV * MM_PER_MV, PULSE_MV * MM_PER_MV, 0, 0])
    page.plot(
        x,
        y,
        color=INK,
        linewidth=_points(LINE_MM),
        solid_joinstyle="miter",
        gid="calibration pulse",
    )


def _points(mm: float) -> float:
    return mm / 25.4 * 72


def _all_limb_leads(leads: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Return the leads; with I and II, also the four limb leads that follow from them."""
    if "I" not in leads or "II" not in leads:
        return leads
    one, two = leads["I"], leads["II"]
    derived = {
        "III": two - one,
        "aVR": -(one + two) / 2,
        "aVL": one - two / 2,
        "aVF": two - one / 2,
    }
    return {**derived, **leads}


def _words(analysis: Analysis) -> list[str]:
    """Return the header's lines: measurements, then findings; a dash for what was not measured."""
    values = analysis.measurements
    numbers = [
        ("Rate", getattr(values, "heart_rate_bpm", None), "/min"),
        ("PR", getattr(values, "pr_ms", None), " ms"),
        ("QRS", getattr(values, "qrs_ms", None), " ms"),
        ("QT", getattr(values, "qt_ms", None), " ms"),
        ("QTcF", getattr(values, "qtc_fridericia_ms", None), " ms"),
        ("Axis", getattr(values, "qrs_axis_deg", None), "°"),
    ]
    values_as_text = [
        f"{name} {'-' if value is None else f'{value:.0f}{unit}'}" for name, value, unit in numbers
    ]
    lines = ["   ".join(values_as_text[:3]), "   ".join(values_as_text[3:])]
    lines.append(f"Quality {analysis.signal_quality or '-'}")
    lines.append(_recorded(analysis.raw.get("reported") or {}))
    source = f" (by {analysis.rhythm_source})" if analysis.rhythm_source else ""
    lines.append(f"{analysis.rhythm or 'no rhythm'}{source}")
    superclass = None if analysis.superclass is None else analysis.superclass.get("top")
    lines += _fitted(analysis.abnormalities, LINES - 1 - (superclass is not None))
    return lines if superclass is None else [*lines, f"Superclass {superclass}"]


def _recorded(reported: Mapping[str, Any]) -> str:
    """Return the date, age and sex, as far as the file states them."""
    age, date = reported.get("age"), reported.get("recording_date")
    who = [None if age is None else f"{age:g} years", reported.get("sex")]
    return "   ".join(
        str(each)
        for each in (None if date is None else str(date).replace("T", " "), *who)
        if each is not None
    )


def _fitted(names: Sequence[str], lines: int) -> list[str]:
    """Return the names in at most `lines` lines, with the number of those that do not fit."""
    for shown in range(len(names), 0, -1):
        more = [f"and {len(names) - shown} more"] if shown < len(names) else []
        wrapped = wrap(", ".join([*names[:shown], *more]), LINE_CHARS)
        if len(wrapped) <= lines:
            return wrapped
    return []

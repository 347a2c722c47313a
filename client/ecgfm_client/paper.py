"""Draw a recording on ECG paper, true to scale: 25 mm/s, 10 mm/mV.

The page has three rows of four leads, and below them a rhythm strip: one lead over the whole
width. Layout and scale are those of the standard 12-lead printout (Kligfield et al.,
Recommendations for the standardization and interpretation of the electrocardiogram, part I,
Circulation 2007;115:1306-24).
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
from ecgfm_client.naming import abnormality_texts, rhythm_text, superclass_text
from ecgfm_client.results import Analysis, array

# The value of `include` for an analysis that `plot` can draw completely.
PARTS = (
    "clinical_analysis,labels,superclass,pacemaker,measurements,quality,fiducials,signal,reported"
)
MM_PER_S, MM_PER_MV = 25.0, 10.0
# Positions on the page are in mm from its left and bottom edges.
PAGE_MM = (297.0, 210.0)  # width and height: A4, landscape
LEFT_MM, COLUMN_S = 20.0, 2.5  # left end of the first column; length of a column
ROWS_MM = (143.0, 106.0, 69.0)  # baselines of the rows; a row is 37 mm high, which is 3.7 mV
STRIP_MM = 32.0  # baseline of the rhythm strip
GRID_MM = (5.0, 12.0, 290.0, 167.0)  # left, bottom, right, top of the grid
COLUMNS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
STRIP_LEAD = "II"
PULSE_S, PULSE_MV = 0.2, 1.0  # the calibration pulse
INK_COLOUR, FIDUCIAL_COLOUR = "#111111", "#1f4fa3"
FINE_GRID_COLOUR, COARSE_GRID_COLOUR = "#f6c9c9", "#e58f8f"  # every 1 mm and every 5 mm
LINE_WIDTH_MM = 0.25
# From the strip's baseline: top and bottom of the ticks, and top of the letters.
FIDUCIALS_MM = (-14.5, -17.0, -17.3)
HEADER_LINES = 4  # in each of the header's two columns
HEADER_LINE_CHARS = 90  # in the second column


@dataclass(frozen=True)
class Sheet:
    """The data that are drawn.

    leads      lead name -> (samples,) mV, NaN for gaps
    fs         sampling rate in Hz
    fiducials  one mapping for each beat: `class`, and the times of `r`, `p_onset`, `p_offset`,
               `qrs_onset`, `qrs_offset` and `t_offset` in seconds
    """

    leads: dict[str, NDArray[np.float64]]
    fs: float
    fiducials: Sequence[Any]

    @property
    def seconds(self) -> float:
        """Return the duration of the longest lead."""
        return max((lead.size for lead in self.leads.values()), default=0) / self.fs

    @property
    def starts_s(self) -> list[float]:
        """Return at which second of the recording each column begins.

        The columns follow each other in time. A column that would exceed the end of the recording
        shows the recording's last 2.5 s.
        """
        return [
            min(column * COLUMN_S, max(0.0, self.seconds - COLUMN_S))
            for column in range(len(COLUMNS))
        ]

    @classmethod
    def from_analysis(cls, analysis: Analysis) -> Sheet:
        """Return the sheet of an analysis. Raises UnusableInput if it has no signal in mV."""
        signal = analysis.raw.get("signal")
        if signal is None:
            raise UnusableInput("plot: the answer contains no signal")
        if signal["units"] != "mV":
            raise UnusableInput("plot: the recording's unit is unknown, so there is no scale in mV")
        rows = array(signal["data"]).astype(np.float64)
        return cls(
            _all_limb_leads(dict(zip(signal["lead_names"], rows, strict=True))),
            float(signal["fs"]),
            analysis.fiducials or (),
        )


def plot(analysis: Analysis, out: Path, title: str) -> None:
    """Write the drawing of an analysis to the file `out`, as PNG, SVG or PDF by its extension.

    Raises UnusableInput for another extension or an analysis without a signal in mV.
    """
    figure = draw(Sheet.from_analysis(analysis), title, _header_lines(analysis))
    try:
        figure.savefig(out, dpi=200)
    except ValueError as error:
        raise UnusableInput(f"--out: {error}") from error


def draw(sheet: Sheet, title: str, header_lines: Sequence[str]) -> Figure:
    """Return the page with title, header lines, leads, rhythm strip and legend."""
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
    page.text(GRID_MM[0], 202, title, fontsize=11, weight="bold", va="top")
    for number, line in enumerate(header_lines):
        page.text(
            GRID_MM[0] + 100 * (number // HEADER_LINES),
            195 - 6.5 * (number % HEADER_LINES),
            line,
            fontsize=8.5,
            va="top",
        )
    page.text(GRID_MM[0], 7, "   ".join(_legend(sheet)), fontsize=8, va="center")
    page.text(
        GRID_MM[2], 7, "for research; not a medical device", fontsize=8, va="center", ha="right"
    )
    return figure


def _legend(sheet: Sheet) -> list[str]:
    """Return the notes below the grid: scale, which seconds are shown, and the letters' meaning."""
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
    """Draw the grid of 1 mm and 5 mm."""
    left, bottom, right, top = GRID_MM
    for step, colour, width in ((1, FINE_GRID_COLOUR, 0.1), (5, COARSE_GRID_COLOUR, 0.2)):
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
    """Draw `seconds` of the lead `name` from `start_s` on.

    x_mm      left end of the trace
    level_mm  height of the baseline, on which the lead's median lies
    """
    page.text(x_mm + 1.5, level_mm + 13, name, fontsize=9, weight="bold", va="center")
    if x_mm > LEFT_MM:
        page.vlines(
            x_mm, level_mm - 4, level_mm + 4, colors=INK_COLOUR, linewidths=_points(LINE_WIDTH_MM)
        )
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
        color=INK_COLOUR,
        linewidth=_points(LINE_WIDTH_MM),
        solid_joinstyle="round",
    )


def _fiducials(page: Axes, sheet: Sheet) -> None:
    """Draw the boundaries of P, QRS and T as ticks below the rhythm strip.

    The first letter of its class is below the R peak of a beat that is not normal.
    """
    names = {"p_onset": "P", "p_offset": "", "qrs_onset": "Q", "qrs_offset": "", "t_offset": "T"}
    top, bottom, letter_top = FIDUCIALS_MM
    for beat in sheet.fiducials:
        for name, letter in names.items():
            time_s = beat.get(name)
            if time_s is None or time_s > COLUMN_S * len(COLUMNS):
                continue
            x = LEFT_MM + time_s * MM_PER_S
            page.vlines(
                x,
                STRIP_MM + top,
                STRIP_MM + bottom,
                colors=FIDUCIAL_COLOUR,
                linewidths=_points(0.3),
            )
            page.text(
                x,
                STRIP_MM + letter_top,
                letter,
                fontsize=5.5,
                color=FIDUCIAL_COLOUR,
                ha="center",
                va="top",
            )
        if beat["class"] != "normal" and beat["r"] <= COLUMN_S * len(COLUMNS):
            page.text(
                LEFT_MM + beat["r"] * MM_PER_S,
                STRIP_MM + letter_top,
                beat["class"][0],
                fontsize=7,
                color=FIDUCIAL_COLOUR,
                ha="center",
                va="top",
            )


def _pulse(page: Axes, level_mm: float) -> None:
    """Draw the calibration pulse: 1 mV for 0.2 s, so 10 mm high and 5 mm wide."""
    start = LEFT_MM - 12
    x = start + np.array([0, 2, 2, 2 + PULSE_S * MM_PER_S, 2 + PULSE_S * MM_PER_S, 9])
    y = level_mm + np.array([0, 0, PULSE_MV * MM_PER_MV, PULSE_MV * MM_PER_MV, 0, 0])
    page.plot(
        x,
        y,
        color=INK_COLOUR,
        linewidth=_points(LINE_WIDTH_MM),
        solid_joinstyle="miter",
        gid="calibration pulse",
    )


def _points(mm: float) -> float:
    """Convert mm to points, matplotlib's unit of line widths."""
    return mm / 25.4 * 72


def _all_limb_leads(leads: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Return the leads, and if I and II are among them, the four limb leads computed from them.

    A limb lead that is already among them stays as it is.
    """
    if "I" not in leads or "II" not in leads:
        return leads
    lead_i, lead_ii = leads["I"], leads["II"]
    derived = {
        "III": lead_ii - lead_i,
        "aVR": -(lead_i + lead_ii) / 2,
        "aVL": lead_i - lead_ii / 2,
        "aVF": lead_ii - lead_i / 2,
    }
    return {**derived, **leads}


def _header_lines(analysis: Analysis) -> list[str]:
    """Return the header's lines.

    The first column has the measurements, the quality, and the recording's date with the patient's
    age and sex. The second column has the rhythm, the findings and the superclass. A dash
    stands for a value that was not measured.
    """
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
    lines.append(_date_age_sex(analysis.raw.get("reported") or {}))
    lines.append(rhythm_text(analysis))
    has_superclass = analysis.superclass is not None
    lines += _names_that_fit(abnormality_texts(analysis), HEADER_LINES - 1 - has_superclass)
    if analysis.superclass is not None:
        lines.append(f"Superclass {superclass_text(analysis.superclass)}")
    return lines


def _date_age_sex(reported: Mapping[str, Any]) -> str:
    """Return the recording's date and the patient's age and sex, as far as the file states them."""
    age, date = reported.get("age"), reported.get("recording_date")
    who = [None if age is None else f"{age:g} years", reported.get("sex")]
    return "   ".join(
        str(each)
        for each in (None if date is None else str(date).replace("T", " "), *who)
        if each is not None
    )


def _names_that_fit(names: Sequence[str], lines: int) -> list[str]:
    """Return at most `lines` lines of text with the names, separated by commas.

    Names that do not fit are replaced by their number, "and 4 more". No lines if nothing fits.
    """
    for shown in range(len(names), 0, -1):
        more = [f"and {len(names) - shown} more"] if shown < len(names) else []
        wrapped = wrap(", ".join([*names[:shown], *more]), HEADER_LINE_CHARS)
        if len(wrapped) <= lines:
            return wrapped
    return []

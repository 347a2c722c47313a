"""Draw a recording on ECG paper, true to scale: 25 mm/s, 10 mm/mV.

Above the traces is what the analysis says, beside what the recording's device reported; below them
are the scale, faults of the signal and warnings. The page is A4, landscape; it is higher where the
text or the amplitudes need it, so that nothing is left out and nothing overlaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ecgfm_client.errors import UnusableInput
from ecgfm_client.layouts import MAX_CUT_S, Panel, Sheet, panels
from ecgfm_client.page_geometry import (
    GRID_LEFT_MM,
    GRID_RIGHT_MM,
    HEADER_LINE_MM,
    MARGIN_MM,
    MM_PER_MV,
    MM_PER_S,
    NOTE_LINE_MM,
    PAGE_WIDTH_MM,
    SQUARE_MM,
    TOP_MM,
    TRACE_LEFT_MM,
    Geometry,
    geometry,
    trace,
)
from ecgfm_client.page_header import (
    NOTE_POINTS,
    NOTES_MM,
    TEXT_POINTS,
    TITLE_POINTS,
    PageTexts,
    page_texts,
)
from ecgfm_client.page_text import MM_PER_POINT, lines_that_fit, width_mm
from ecgfm_client.results import Analysis, array

# The value of `include` for an analysis that `plot` can draw completely.
PARTS = (
    "clinical_analysis,labels,superclass,pacemaker,measurements,quality,fiducials,signal,reported"
)
PULSE_S, PULSE_MV = 0.2, 1.0  # the calibration pulse
INK_COLOUR, FIDUCIAL_COLOUR = "#111111", "#1f4fa3"
FINE_GRID_COLOUR, COARSE_GRID_COLOUR = "#f6c9c9", "#e58f8f"  # every 1 mm and every 5 mm
LINE_WIDTH_MM = 0.25
LEAD_POINTS, LETTER_POINTS = 9.0, 5.5
# Left ends of the columns of the table, and of the blocks at its right.
VALUE_MM, REPORTED_MM, NOTE_MM, ANALYSIS_LEFT_MM, DEVICE_LEFT_MM = 33.0, 56.0, 78.0, 117.0, 211.0
# The letter below each boundary.
FIDUCIALS = {"p_onset": "P", "p_offset": "", "qrs_onset": "Q", "qrs_offset": "", "t_offset": "T"}
LABEL_LOWEST_MM, LABEL_STEP_MM = 7.0, 2.0  # heights that are tried for the name of a lead
LABEL_CLEARANCE_MM = 2.2  # from the middle of a name to a trace


def plot(analysis: Analysis, out: Path, title: str, layout: str = "auto") -> None:
    """Write the drawing of an analysis to the file `out`, as PNG, SVG or PDF by its extension.

    layout  one of `ecgfm_client.layouts.LAYOUTS`
    Raises UnusableInput for another extension or an analysis without a signal in mV.
    """
    figure = draw(sheet_of(analysis), page_texts(analysis, title), layout)
    try:
        figure.savefig(out, dpi=200)
    except ValueError as error:
        raise UnusableInput(f"--out: {error}") from error


def sheet_of(analysis: Analysis) -> Sheet:
    """Return what is drawn of an analysis. Raises UnusableInput if it has no signal in mV."""
    signal = analysis.raw.get("signal")
    if signal is None:
        raise UnusableInput("plot: the answer contains no signal")
    if signal["units"] != "mV":
        raise UnusableInput("plot: the recording's unit is unknown, so there is no scale in mV")
    rows = array(signal["data"]).astype(np.float64)
    recorded = dict(zip(signal["lead_names"], rows, strict=True))
    computed = _computed_limb_leads(recorded)
    return Sheet(
        {**recorded, **computed}, float(signal["fs"]), analysis.fiducials or (), tuple(computed)
    )


def draw(sheet: Sheet, texts: PageTexts, layout: str = "auto") -> Figure:
    """Return the page with title, texts, leads in the layout, and notes."""
    placed = panels(sheet, layout)
    scale = lines_that_fit([" · ".join(_legend(sheet, placed))], NOTES_MM, NOTE_POINTS)
    note_lines = len(scale) + max(map(len, texts.note_columns)) + 1
    where = geometry(sheet, placed, texts.header_lines, note_lines)
    figure = Figure(figsize=(PAGE_WIDTH_MM / 25.4, where.height / 25.4), facecolor="white")
    page = figure.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, PAGE_WIDTH_MM), ylim=(0, where.height))
    page.set_axis_off()
    _draw_grid(page, where)
    _draw_header(page, texts, where)
    _draw_notes(page, scale, texts, where)
    for level in where.levels:
        _draw_pulse(page, level)
    traces = [(panel, *trace(sheet, panel, where.levels[panel.row])) for panel in placed]
    for panel, x, y in traces:
        _draw_trace(page, panel, x, y, where)
    for panel, _, _ in traces:
        _write_name(page, panel, where, [(x, y) for _, x, y in traces])
        if panel.is_strip:
            _draw_fiducials(page, sheet, panel, where)
    return figure


def _legend(sheet: Sheet, placed: Sequence[Panel]) -> list[str]:
    """Return the notes on the scale, which seconds are shown, and what the letters mean."""
    notes = ["25 mm/s", "10 mm/mV", "unfiltered, as recorded"]
    shown_s = max(panel.start_s + panel.seconds for panel in placed)
    if sheet.seconds > shown_s + MAX_CUT_S:
        notes.append(f"the first {shown_s:g} s of {sheet.seconds:.1f} s")
    if sheet.computed:
        notes.append(f"{', '.join(sheet.computed)}: computed from the other limb leads")
    if sheet.fiducials:
        classes = sorted({str(beat["class"]) for beat in sheet.fiducials} - {"normal"})
        letters = ["P, Q: onset of P and QRS", "T: end of T"]
        letters += [f"{name[0]}: {name} beat" for name in classes]
        notes.append(", ".join(letters))
    return notes


def _draw_grid(page: Axes, where: Geometry) -> None:
    """Draw the grid of 1 mm and 5 mm."""
    for step, colour, width in (
        (1.0, FINE_GRID_COLOUR, 0.1),
        (SQUARE_MM, COARSE_GRID_COLOUR, 0.2),
    ):
        columns = np.arange(GRID_LEFT_MM, GRID_RIGHT_MM + 0.5, step)
        rows = np.arange(where.grid_bottom, where.grid_top + 0.5, step)
        style: dict[str, Any] = {"colors": colour, "linewidths": width / MM_PER_POINT}
        page.vlines(columns, where.grid_bottom, where.grid_top, **style)
        page.hlines(rows, GRID_LEFT_MM, GRID_RIGHT_MM, **style)


def _draw_header(page: Axes, texts: PageTexts, where: Geometry) -> None:
    top = where.height - TOP_MM
    _write(page, GRID_LEFT_MM, where.height - 5.0, texts.title, TITLE_POINTS, weight="bold")
    _write(page, GRID_RIGHT_MM, where.height - 5.5, texts.origin, TEXT_POINTS, ha="right")
    has_reported = any(row.reported is not None for row in texts.table)
    headings = [(ANALYSIS_LEFT_MM, "Analysis")]
    if texts.table:
        headings.append((VALUE_MM, "measured"))
    if has_reported:
        headings.append((REPORTED_MM, "by the device"))
    if texts.device:
        headings.append((DEVICE_LEFT_MM, "The device states"))
    for x, heading in headings:
        _write(page, x, top, heading, TEXT_POINTS, weight="bold")
    for number, row in enumerate(texts.table, 1):
        y = top - number * HEADER_LINE_MM
        _write(page, GRID_LEFT_MM, y, row.title, TEXT_POINTS)
        _write(page, VALUE_MM, y, row.value_text, TEXT_POINTS)
        _write(page, REPORTED_MM, y, row.reported_text, TEXT_POINTS)
        _write(page, NOTE_MM if has_reported else REPORTED_MM, y, row.note, TEXT_POINTS)
    for x, lines in ((ANALYSIS_LEFT_MM, texts.analysis), (DEVICE_LEFT_MM, texts.device)):
        for number, line in enumerate(lines, 1):
            _write(page, x, top - number * HEADER_LINE_MM, line, TEXT_POINTS)


def _draw_notes(page: Axes, scale: Sequence[str], texts: PageTexts, where: Geometry) -> None:
    """Write the scale, below it the notes in their columns, and the model."""
    column_mm = (NOTES_MM + 5.0) / texts.columns
    blocks = [(0.0, 0, scale)]
    blocks += [
        (column * column_mm, len(scale), lines) for column, lines in enumerate(texts.note_columns)
    ]
    blocks.append((0.0, len(scale) + max(map(len, texts.note_columns)), [texts.model]))
    for left, first, lines in blocks:
        for number, line in enumerate(lines, first):
            y = where.grid_bottom - MARGIN_MM - number * NOTE_LINE_MM
            _write(page, GRID_LEFT_MM + left, y, line, NOTE_POINTS)


def _draw_pulse(page: Axes, level_mm: float) -> None:
    """Draw the calibration pulse: 1 mV for 0.2 s, so 10 mm high and 5 mm wide."""
    start = TRACE_LEFT_MM - 12.0
    x = start + np.array([0, 2, 2, 2 + PULSE_S * MM_PER_S, 2 + PULSE_S * MM_PER_S, 9])
    y = level_mm + PULSE_MV * MM_PER_MV * np.array([0, 0, 1, 1, 0, 0])
    page.plot(
        x,
        y,
        color=INK_COLOUR,
        linewidth=LINE_WIDTH_MM / MM_PER_POINT,
        solid_joinstyle="miter",
        gid="calibration pulse",
    )


def _draw_trace(
    page: Axes, panel: Panel, x: NDArray[np.float64], y: NDArray[np.float64], where: Geometry
) -> None:
    """Draw a panel's samples, and a mark where it follows another panel of its row."""
    level = where.levels[panel.row]
    left = TRACE_LEFT_MM + panel.column_s * MM_PER_S
    width = LINE_WIDTH_MM / MM_PER_POINT
    if panel.column_s > 0:
        page.vlines(left, level - 3.0, level + 3.0, colors=INK_COLOUR, linewidths=width)
    if not np.isfinite(y).any():
        middle = left + panel.seconds * MM_PER_S / 2
        _write(page, middle, level + 1.5, "not recorded", TEXT_POINTS, ha="center")
        return
    (line,) = page.plot(
        x, y, color=INK_COLOUR, linewidth=width, solid_joinstyle="round", gid=f"trace {panel.lead}"
    )
    grid = Rectangle(
        (GRID_LEFT_MM, where.grid_bottom),
        GRID_RIGHT_MM - GRID_LEFT_MM,
        where.grid_top - where.grid_bottom,
        transform=page.transData,
    )
    line.set_clip_path(grid)


def _write_name(
    page: Axes,
    panel: Panel,
    where: Geometry,
    traces: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> None:
    """Write the lead's name above the beginning of its trace, at the lowest height without a trace.

    Above the row's highest trace there is always room (`page_geometry.LABEL_MM`).
    """
    left = TRACE_LEFT_MM + panel.column_s * MM_PER_S + 1.5
    right = left + width_mm(panel.label, LEAD_POINTS, bold=True)
    # Between two samples the trace is a line, which may be steep.
    lines = [y[(x > left - 1.0) & (x < right + 1.0)] - where.levels[panel.row] for x, y in traces]
    lows = np.concatenate([np.minimum(y[:-1], y[1:]) for y in lines])
    highs = np.concatenate([np.maximum(y[:-1], y[1:]) for y in lines])

    def clearance(height: float) -> float:
        return float(np.nanmin(np.maximum(lows - height, height - highs), initial=np.inf))

    highest = max(where.ups[panel.row] + LABEL_CLEARANCE_MM + 1.0, LABEL_LOWEST_MM)
    tried = [*np.arange(LABEL_LOWEST_MM, highest, LABEL_STEP_MM).tolist(), highest]
    free = [height for height in tried if clearance(height) > LABEL_CLEARANCE_MM]
    y = where.levels[panel.row] + (free[0] if free else max(tried, key=clearance))
    _write(page, left, y, panel.label, LEAD_POINTS, weight="bold", va="center")


def _draw_fiducials(page: Axes, sheet: Sheet, panel: Panel, where: Geometry) -> None:
    """Draw the boundaries of P, QRS and T as ticks below a panel, with letters below them.

    The first letter of its class is below the R peak of a beat that is not normal.
    """
    top = where.levels[panel.row] - where.downs[panel.row] - 2.0
    upper, lower = top - 2.8, top - 4.8
    letters = []
    for beat in sheet.fiducials:
        for name, letter in FIDUCIALS.items():
            x = _x_of(beat.get(name), panel)
            if x is not None:
                page.vlines(
                    x, top - 2.5, top, colors=FIDUCIAL_COLOUR, linewidths=0.3 / MM_PER_POINT
                )
                # The end of T may be where the next P begins.
                letters.append((lower if letter == "T" else upper, x, letter))
        x = _x_of(beat["r"], panel)
        if x is not None and beat["class"] != "normal":
            letters.append((lower, x, str(beat["class"])[0]))
    free_from = dict.fromkeys((upper, lower), 0.0)
    for y, x, letter in sorted(letters):
        half_mm = width_mm(letter, LETTER_POINTS) / 2 + 0.1
        if letter and x - half_mm >= free_from[y]:
            _write(page, x, y, letter, LETTER_POINTS, color=FIDUCIAL_COLOUR, ha="center")
            free_from[y] = x + half_mm


def _x_of(time_s: object, panel: Panel) -> float | None:
    """Return where a time of the recording is on a panel, None if it is not on it."""
    if not isinstance(time_s, float | int):
        return None
    since_s = time_s - panel.start_s
    if not 0 <= since_s <= panel.seconds:
        return None
    return TRACE_LEFT_MM + (panel.column_s + since_s) * MM_PER_S


def _write(page: Axes, x: float, y: float, text: str, size_points: float, **style: Any) -> None:
    """Write a line of text, whose top is at `y` unless `va` says otherwise."""
    # Without parse_math, a name with two dollar signs would be taken for a formula.
    page.text(x, y, text, fontsize=size_points, **{"va": "top", **style}, parse_math=False)


def _computed_limb_leads(
    recorded: dict[str, NDArray[np.float64]],
) -> dict[str, NDArray[np.float64]]:
    """Return the limb leads that were not recorded, if two of I, II and III were."""
    known = {name: recorded[name] for name in ("I", "II", "III") if name in recorded}
    if len(known) < 2:
        return {}
    lead_i = known["I"] if "I" in known else known["II"] - known["III"]
    lead_ii = known["II"] if "II" in known else lead_i + known["III"]
    limb_leads = {
        "I": lead_i,
        "II": lead_ii,
        "III": lead_ii - lead_i,
        "aVR": -(lead_i + lead_ii) / 2,
        "aVL": lead_i - lead_ii / 2,
        "aVF": lead_ii - lead_i / 2,
    }
    return {name: lead for name, lead in limb_leads.items() if name not in recorded}

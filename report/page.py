"""The report as a PDF of one page, drawn in mm from a recording and its analysis."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis.answer_types import Analysis
from report.cells import Scale, beyond, draw_names, draw_row, draw_washes
from report.foot import draw_foot, foot_notes, models_text
from report.grid import draw_grid, time_axis
from report.head import draw_head, head_text
from report.options import ReportOptions
from report.paper import GRID_HEIGHT, GRID_TOP, SIZES
from report.pen import Pen
from report.plan import Plan, plan_page
from report.quality_text import poor_leads
from report.rows import place_rows
from report.words import word
from signals.leads import twelve_leads
from signals.record import EcgRecord

# Where the unit is unknown, the largest deflection gets this height.
UNSCALED_HEIGHT: Final = 20.0


def pdf_report(
    record: EcgRecord, answer: Analysis, options: ReportOptions, *, version: str
) -> bytes:
    """Return the report.

    record   as it was sent
    answer   its analysis, with the parts of `report.parts.PARTS`
    version  of the rules, which is the server's
    """
    paper = SIZES[options.paper]
    leads = twelve_leads(record)
    axis = time_axis(paper, options)
    plan = plan_page(record, leads, options, axis.capacity_s)
    spikes_s = _spikes_s(answer)
    scale = Scale(
        axis,
        _mm_per_unit(record, plan, options),
        record.units == "mV",
        options.lang,
        poor_leads(answer, options.lang),
        spikes_s,
    )
    places = place_rows(plan.rows, scale.mm_per_unit, GRID_TOP, GRID_HEIGHT)
    pen = Pen(paper.width, paper.height, word("document_title", options.lang), options.lang)
    draw_washes(pen, plan.rows, places, scale)
    draw_grid(pen, paper)
    pen.clip(paper.left, GRID_TOP, paper.grid_width, GRID_HEIGHT)
    for row, place in zip(plan.rows, places, strict=True):
        draw_row(pen, row, place, scale)
    for row, place in zip(plan.rows, places, strict=True):
        draw_names(pen, row, place, scale)
    pen.unclip()
    left_grid = beyond(plan.rows, places, scale, GRID_TOP, paper.grid_bottom)
    draw_head(pen, paper, head_text(record, answer, len(record.lead_names), options), options)
    draw_foot(
        pen,
        paper,
        plan,
        options,
        models=models_text(answer, version, options),
        notes=foot_notes(record, plan, options, left_grid, spikes_s.size > 0),
        calibrated=scale.calibrated,
    )
    return pen.pdf()


def _mm_per_unit(record: EcgRecord, plan: Plan, options: ReportOptions) -> float:
    """Return mm for one unit of the samples: the gain, or what fits where the unit is unknown."""
    if record.units == "mV":
        return float(options.gain)
    pieces = [cell.piece.samples for row in plan.rows for cell in row]
    spans = [np.ptp(samples[~np.isnan(samples)]) for samples in pieces if not _is_empty(samples)]
    largest = max(map(float, spans), default=0.0)
    return UNSCALED_HEIGHT / largest if largest > 0 else 1.0


def _is_empty(samples: NDArray[np.float32]) -> bool:
    return bool(np.isnan(samples).all())


def _spikes_s(answer: Analysis) -> NDArray[np.float64]:
    """Return the spikes of a pacemaker in seconds; none where none is present."""
    pacemaker = answer.get("pacemaker")
    if pacemaker is None or not pacemaker["present"]:
        return np.zeros(0)
    return np.asarray(pacemaker["evidence"]["spike_times_s"] or (), np.float64)

"""The page is true to scale: measured on the rendered PDF at 600 dpi."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pypdfium2
import pytest

from report.options import Paper
from tests.report.pages import (
    BLACK,
    MM,
    centres,
    ecg,
    flat,
    good,
    only,
    part,
    pdf_of,
    picture,
)

SIZES = {"a4": (297.0, 210.0, 13.5, 270.0), "letter": (279.4, 215.9, 9.7, 260.0)}
TRACE_X = 26.0  # mm from the left edge of A4 to the first sample at 25 mm/s
TOLERANCE = 0.1  # mm
DARKEST_HATCH = 60  # grey level


@pytest.mark.parametrize("paper", ["a4", "letter"])
def test_the_page_has_the_size_of_the_paper(paper: Paper) -> None:
    document = pypdfium2.PdfDocument(pdf_of(flat(), good(), paper=paper))
    width, height, *_ = SIZES[paper]
    assert len(document) == 1
    assert document[0].get_width() * 25.4 / 72 == pytest.approx(width, abs=0.01)
    assert document[0].get_height() * 25.4 / 72 == pytest.approx(height, abs=0.01)
    document.close()


@pytest.mark.parametrize("paper", ["a4", "letter"])
def test_the_grid_has_a_line_for_each_mm(paper: Paper) -> None:
    pixels = picture(pdf_of(flat(), good(), paper=paper))
    _, _, margin, width = SIZES[paper]
    # Between two horizontal lines, below the last row's trace; and between two vertical ones.
    across = part(pixels, 0, 194.3, 300, 194.7).max(axis=0)
    columns = centres(across < 245)
    assert len(columns) == width + 1
    np.testing.assert_allclose(columns, margin + np.arange(width + 1), atol=TOLERANCE)
    down = part(pixels, margin + 0.3, 49, margin + 0.7, 196).max(axis=1)
    rows = centres(down < 245) + 49
    assert len(rows) == 146
    np.testing.assert_allclose(rows, 50 + np.arange(146), atol=TOLERANCE)


@pytest.mark.parametrize(
    ("options", "width", "height"),
    [
        ({}, 5.0, 10.0),
        ({"speed": 50}, 10.0, 10.0),
        ({"gain": 5}, 5.0, 5.0),
        ({"gain": 20}, 5.0, 20.0),
        ({"paper": "letter"}, 5.0, 10.0),
        ({"layout": "6x2"}, 5.0, 10.0),
        ({"layout": "cabrera"}, 5.0, 10.0),
    ],
    ids=str,
)
def test_each_row_has_a_pulse_of_1_mv_and_200_ms(
    options: dict[str, Any], width: float, height: float
) -> None:
    """A flat trace in the last row: nothing but the pulse is black left of it."""
    pixels = picture(pdf_of(flat(), good(), **options))
    margin = SIZES[options.get("paper", "a4")][2]
    left = part(pixels, margin, 51, margin + width + 5, 194.5) < BLACK
    first = int(np.flatnonzero(left.any(axis=0))[0])
    feet = centres(left[:, first : first + round(0.6 * MM)].any(axis=1))
    assert len(feet) == (6 if options.get("layout") == "6x2" else 4), "a pulse in each row"
    level = 51 + feet[-1]
    middle = part(pixels, margin, level - height / 2 - 0.1, margin + width + 5, level - height / 2)
    sides = centres((middle < BLACK).any(axis=0))
    assert len(sides) == 2
    assert sides[1] - sides[0] == pytest.approx(width, abs=TOLERANCE)
    inside = margin + sides.mean()
    column = part(pixels, inside - 0.1, level - height - 1, inside + 0.1, level + 1) < BLACK
    assert level - (level - height - 1 + centres(column.any(axis=1))[0]) == pytest.approx(
        height, abs=TOLERANCE
    )


def test_a_step_is_where_it_belongs() -> None:
    """0.5 mV from 1.30 to 1.90 s of lead II, the only lead: 1.30 s are 32.5 mm of paper."""
    record = only(flat(), "II")
    record.signal[0, 650:950] = 0.5
    pixels = picture(pdf_of(record, good()))
    trace = part(pixels, TRACE_X, 60, TRACE_X + 60, 190) < BLACK
    level = centres(trace[:, 500:600].any(axis=1))[-1]
    half = round((level - 2.5) * MM)
    begin, end = centres(trace[half])
    assert begin == pytest.approx(32.5, abs=0.2)
    assert end == pytest.approx(47.5, abs=0.2)
    upper = centres(trace[:, round(40 * MM)])[0]
    assert level - upper == pytest.approx(5.0, abs=TOLERANCE)


def test_columns_begin_where_the_one_before_ends() -> None:
    """A step in aVR, the second column, at 3.0 s: 75 mm after the first sample."""
    record = flat()
    record.signal[3, 1500:1600] = 0.8
    pixels = picture(pdf_of(record, good()))
    row = part(pixels, TRACE_X, 50, TRACE_X + 250, 86) < BLACK
    rows = row.any(axis=1)
    # The upper end of the step is the row's highest black pixel right of the lead's name.
    step = row[:, round(74 * MM) : round(82 * MM)]
    assert rows.any()
    level = centres(step[:, :10].any(axis=1))[-1]
    half = round((level - 4.0) * MM)
    begin, end = centres(step[half])
    assert 74 + begin == pytest.approx(75.0, abs=0.2)
    assert 74 + end == pytest.approx(80.0, abs=0.2)


def test_a_gap_is_left_open_and_hatched() -> None:
    """Lead II from 3 to 4 s; the hatch is lighter than a trace."""
    record = only(flat(), "II")
    record.signal[0, 1500:2000] = np.nan
    pixels = picture(pdf_of(record, good()))
    gap = part(pixels, TRACE_X + 75.3, 50, TRACE_X + 99.7, 195)
    assert gap.min() > DARKEST_HATCH
    assert (gap < 130).sum() > 1000, "there is a hatch"
    before = part(pixels, TRACE_X + 60, 50, TRACE_X + 74.7, 195)
    assert before.min() < DARKEST_HATCH


def test_grey_print_keeps_the_trace_apart_from_the_grid() -> None:
    pixels = picture(pdf_of(ecg()))
    grid = part(pixels, 14, 194.05, 282, 194.45).min()
    trace = part(pixels, 26, 60, 276, 190).min()
    assert grid > 150 > 60 > trace


def test_no_samples_are_lost_at_1000_hz() -> None:
    """A peak of a single sample is drawn, whatever its place in a column of the page."""
    for sample in (1300, 1301):
        record = replace(flat(fs=1000.0), fs=1000.0)
        record.signal[1, sample] = 1.0
        pixels = picture(pdf_of(only(record, "II"), good()))
        x = TRACE_X + sample / 1000 * 25
        column = part(pixels, x - 0.2, 60, x + 0.2, 190) < BLACK
        rows = np.flatnonzero(column.any(axis=1))
        assert (rows[-1] - rows[0]) * 1 / MM == pytest.approx(10.3, abs=0.2)

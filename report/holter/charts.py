"""Charts over the time of a long recording: rates, ectopic beats, fibrillation, RMSSD and ST."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.holter.report import HolterReport
from analysis.holter.rhythm import CLASSES, Episode
from analysis.holter.waves import SEGMENT_S
from report.holter.surface import Surface
from report.holter.times import axis_hours, start_of
from report.holter.words import holter_word as word
from report.options import Language
from report.paper import BLACK, QUIET_TEXT, TECHNICAL
from report.words import number_text

TITLE_SIZE, LABEL_SIZE = 3.1, 2.4
LINE: Final = 0.12
MARK: Final = 0.35
AXIS: Final = 0xD3D8DF
BAR: Final = 0x3D46C2
RANGE: Final = 0xBFC4EC
LEFT: Final = 11.0  # of the plot, for the labels of values
TOP: Final = 5.5  # for the title
BOTTOM: Final = 4.5  # for the labels of times
ROUND_STEPS: Final = (1, 2, 5)

# Start and value of each point; None where nothing is measured.
Points = Sequence[tuple[float, float | None]]


@dataclass(frozen=True)
class Box:
    """Where a chart is, in mm."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class _Axes:
    """Where times and values are in a box."""

    box: Box
    duration_s: float
    low: float
    high: float

    def x(self, at_s: float) -> float:
        return self.box.x + LEFT + at_s / self.duration_s * (self.box.width - LEFT)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.box.y + self.box.height - BOTTOM - share * (self.box.height - TOP - BOTTOM)


def draw_rates(surface: Surface, box: Box, report: HolterReport, lang: Language) -> None:
    """Draw the mean of each hour, and a bar from the slowest to the fastest rate."""
    hours = report.rates.hours
    values = [
        rate.per_min for hour in hours for rate in (hour.slowest, hour.fastest) if rate is not None
    ]
    axes = _axes(surface, box, report, word("rate_chart", lang), values, lang)
    for hour in hours:
        if hour.slowest is not None and hour.fastest is not None:
            left, right = axes.x(hour.start_s), axes.x(hour.end_s)
            top, bottom = axes.y(hour.fastest.per_min), axes.y(hour.slowest.per_min)
            surface.area(left + 0.3, top, max(right - left - 0.6, 0.3), bottom - top, RANGE)
    for hour in hours:
        if hour.mean_per_min is not None:
            y = axes.y(hour.mean_per_min)
            ends = (axes.x(hour.start_s) + 0.3, y, axes.x(hour.end_s) - 0.3, y)
            surface.lines([ends], 2 * MARK, BAR)


def draw_beats(
    surface: Surface, box: Box, report: HolterReport, label: str, lang: Language
) -> None:
    """Draw a bar for the beats of a class, V or S, in each hour."""
    hours = report.rates.hours
    counts = [hour.beats[CLASSES.index(label)] for hour in hours]
    key = "ventricular_chart" if label == "V" else "supraventricular_chart"
    axes = _axes(surface, box, report, word(key, lang), [0.0, *map(float, counts)], lang)
    for hour, count in zip(hours, counts, strict=True):
        left, right = axes.x(hour.start_s), axes.x(hour.end_s)
        if count:
            top = axes.y(count)
            surface.area(left + 0.3, top, max(right - left - 0.6, 0.3), axes.y(0) - top, BAR)


def draw_episodes(
    surface: Surface, box: Box, report: HolterReport, episodes: Sequence[Episode], lang: Language
) -> None:
    """Draw a bar over the time of each episode of atrial fibrillation."""
    axes = _Axes(box, report.recording.duration_s, 0.0, 1.0)
    _head(surface, box, word("fibrillation_chart", lang))
    _times(surface, axes, report)
    for each in episodes:
        left, right = axes.x(each.start_s), axes.x(each.end_s)
        surface.area(left, axes.y(0.9), max(right - left, 0.2), axes.y(0.1) - axes.y(0.9), BAR)


def draw_variability(surface: Surface, box: Box, report: HolterReport, lang: Language) -> None:
    """Draw the RMSSD of the segments."""
    points = [(each.start_s, each.rmssd_ms) for each in report.variability.segments]
    _draw_points(surface, box, report, word("variability_chart", lang), points, lang)


def draw_st(surface: Surface, box: Box, report: HolterReport, row: int, lang: Language) -> None:
    """Draw the trend of ST in a lead."""
    trend = report.st[row]
    points = [(place * float(SEGMENT_S), mv) for place, mv in enumerate(trend.levels_mv)]
    title = word("st_chart", lang, lead=trend.lead)
    if trend.reason is not None:
        title += f" {word('not_measured', lang, reason=word(trend.reason, lang))}"
    _draw_points(surface, box, report, title, points, lang)


def _draw_points(
    surface: Surface, box: Box, report: HolterReport, title: str, points: Points, lang: Language
) -> None:
    """Draw a line through the points; where one is missing the line is open."""
    values = [value for _, value in points if value is not None]
    axes = _axes(surface, box, report, title, values, lang)
    line: list[tuple[float, float]] = []
    for at_s, value in [*points, (0.0, None)]:
        if value is not None:
            middle_s = min(at_s + SEGMENT_S / 2, axes.duration_s)
            line.append((axes.x(middle_s), axes.y(value)))
        elif line:
            surface.polyline(np.array(line), MARK, TECHNICAL)
            line = []


def _axes(
    surface: Surface,
    box: Box,
    report: HolterReport,
    title: str,
    values: Sequence[float],
    lang: Language,
) -> _Axes:
    """Draw the title and the axes; return where values are."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    step = _round_step((high - low) / 3 or 1.0)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    if high == low:
        high = low + step
    axes = _Axes(box, report.recording.duration_s, low, high)
    _head(surface, box, title)
    digits = max(0, -math.floor(math.log10(step)))
    for mark in range(round((high - low) / step) + 1):
        value = low + mark * step
        y = axes.y(value)
        surface.lines([(box.x + LEFT, y, box.x + box.width, y)], LINE, AXIS)
        label = number_text(value, digits, lang)
        surface.text(box.x + LEFT - 1.2, y + 0.9, label, LABEL_SIZE, "regular", QUIET_TEXT, "right")
    _times(surface, axes, report)
    return axes


def _round_step(least: float) -> float:
    """Return the smallest of 1, 2, 5, 10, ... that is not below a value."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((step * power for step in ROUND_STEPS if step * power >= least), 10 * power)


def _head(surface: Surface, box: Box, title: str) -> None:
    surface.text(box.x, box.y + 3.0, title, TITLE_SIZE, "medium", BLACK)


def _times(surface: Surface, axes: _Axes, report: HolterReport) -> None:
    box = axes.box
    bottom = box.y + box.height - BOTTOM
    surface.lines([(box.x + LEFT, bottom, box.x + box.width, bottom)], 2 * LINE, QUIET_TEXT)
    for at_s, label in axis_hours(axes.duration_s, start_of(report.recording.start)):
        x = axes.x(at_s)
        surface.lines([(x, bottom, x, bottom + 0.8)], 2 * LINE, QUIET_TEXT)
        if x < box.x + box.width - 6:
            surface.text(x + 0.5, bottom + 3.4, label, LABEL_SIZE, "regular", QUIET_TEXT)

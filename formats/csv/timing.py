"""Find the sampling rate of a text table by its head and its times, and the gaps of the times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile
from formats.csv.cells import split_cells
from formats.csv.clock import clock_seconds
from formats.csv.sample_values import parse_numbers
from formats.csv.spelling import is_number
from formats.csv.statements import Rate
from formats.csv.table_head import Column
from formats.csv.text_table import Table
from formats.hints import Hints
from formats.timeline import RATE_TOLERANCE, Timeline, timeline

# Times without a unit are in seconds unless their steps are larger: no ECG is sampled at 10 Hz.
MAX_SECONDS_STEP: Final = 0.1
# Seconds of 1980 and 2100: a time between them is counted from 1970, and shows its unit.
_EPOCH_S: Final = (3.2e8, 4.1e9)
_UNITS_S: Final = (1.0, 1e-3, 1e-6, 1e-9)


@dataclass(frozen=True, eq=False)
class Timing:
    """What a column of times gives: a time line, or the reason why it gives none."""

    line: Timeline | None
    warnings: tuple[str, ...] = ()


def find_timing(table: Table, columns: Sequence[Column], *, has_rate: bool) -> Timing | None:
    """Return the time line of the best column of times; None if there is none.

    Times of the device, which are numbers with a unit, are better than those of a clock.

    has_rate  whether the request states the rate: times that are not even are then only a warning
    Raises CorruptFile if the times do not rise in even steps, gaps excepted.
    """
    candidates = [index for index, column in enumerate(columns) if column.kind == "time"]
    candidates.sort(key=lambda index: columns[index].seconds is None)
    fault: CorruptFile | None = None
    for index in candidates:
        try:
            line = _timeline(table, index, columns[index].seconds)
        except CorruptFile as error:
            fault = fault or error
            continue
        if line is not None:
            return Timing(line, _time_warnings(table, line, has_rate=has_rate))
    if fault is None:
        return None
    if not has_rate:
        raise fault
    return Timing(None, (f"fs: {fault.detail}; the request's rate is used",))


def _time_warnings(table: Table, line: Timeline, *, has_rate: bool) -> tuple[str, ...]:
    warnings = line.gap_warnings(table.place_of)
    if line.packet > 1 and not has_rate:
        warnings += (
            f"fs: {line.fs:g} Hz, computed from times that up to {line.packet} samples share; "
            "send fs if the rate is known",
        )
    return warnings


def _timeline(table: Table, column: int, unit_s: float | None) -> Timeline | None:
    """Return the time line of a column of times.

    None if it has fewer than two different times, or no unit and steps that are too large for
    seconds, because it then numbers the samples. Raises CorruptFile.

    unit_s  the unit of the times in seconds, if the file states it
    """
    cells = split_cells(table.lines[0], table.delimiter)
    if is_number(cells[column]):
        times = parse_numbers(table, [column])[:, 0]
        if unit_s is None:
            unit_s = _unit_of_times(times)
            if unit_s is None:
                return None
        seconds = (times - times[0]) * unit_s
    else:
        texts = [split_cells(line, table.delimiter)[column] for line in table.lines]
        seconds = clock_seconds(texts, table.line_of)
    if len(seconds) < 2:
        return None
    return timeline(seconds, table.place_of)


def _unit_of_times(times: NDArray[np.float64]) -> float | None:
    """Return the unit in seconds of times without one; None if they number the samples."""
    for unit_s in _UNITS_S[1:]:
        if _EPOCH_S[0] <= times[0] * unit_s <= _EPOCH_S[1]:
            return unit_s
    if len(times) < 2 or not math.isfinite(times[-1] - times[0]):
        return 1.0
    step = (times[-1] - times[0]) / (len(times) - 1)
    return None if step > MAX_SECONDS_STEP else 1.0


def sampling_rate(
    stated: Rate | None, timing: Timing | None, hints: Hints
) -> tuple[float | None, tuple[str, ...]]:
    """Return the rate that the head states, or that the times give, with warnings.

    Raises BadSamplingRate if the head's rate cannot be read, or if the times contradict it, unless
    the request states the rate.
    """
    line = timing.line if timing is not None else None
    warnings = timing.warnings if timing is not None else ()
    stated_fs = stated.fs if stated is not None else None
    if hints.fs is None and stated is not None and stated_fs is None and line is None:
        raise BadSamplingRate(
            "fs: the CSV file states a rate that is no number in the file's own spelling; send fs",
            loc=("fs",),
        )
    if line is None:
        return stated_fs, warnings
    if stated_fs is None:
        return line.fs, warnings
    if abs(stated_fs - line.fs) > RATE_TOLERANCE * line.fs and hints.fs is None:
        raise BadSamplingRate(
            f"fs: the CSV file states {stated_fs:g} Hz, its times are those of {line.fs:g} Hz; "
            "send fs",
            loc=("fs",),
        )
    return stated_fs, tuple(warning for warning in warnings if not warning.startswith("fs: "))

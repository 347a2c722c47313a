"""Parse the numbers of a text table; an error names its line and column."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from errors import BadShape, BadType, BodyTooLarge, RaggedSignal, RecordingTooLong
from formats.csv.cells import MAX_CELLS_ONE_BY_ONE, count_cells, split_cells
from formats.csv.spelling import is_gap
from formats.csv.text_table import MAX_COLUMNS, Table
from formats.limits import MAX_VALUES
from formats.numbers import number_of_text


def parse_numbers(table: Table, columns: Sequence[int] | None = None) -> NDArray[np.float64]:
    """Return (lines, columns) of the chosen columns, or of all; gaps are NaN.

    Raises RaggedSignal and BadType, which name the line (and column), RecordingTooLong
    and BodyTooLarge.
    """
    width = table.columns
    count = width if columns is None else len(columns)
    if len(table.lines) * count > MAX_VALUES:
        raise RecordingTooLong(
            f"a table of {len(table.lines)} lines and {count} columns of samples; the limit is "
            f"{MAX_VALUES} values",
            loc=("signal",),
        )
    # numpy.loadtxt does not check columns that it does not return.
    for row, line in enumerate(table.lines):
        cells = count_cells(line, table.delimiter)
        if cells != width:
            raise _ragged(table, row, cells)
    try:
        return np.loadtxt(
            table.lines,
            np.float64,
            comments=None,
            delimiter=table.delimiter,
            usecols=columns,
            ndmin=2,
        )
    except ValueError:
        return _parse_one_by_one(table, range(width) if columns is None else columns)


def _parse_one_by_one(table: Table, columns: Sequence[int]) -> NDArray[np.float64]:
    """Do the same as `parse_numbers`, slowly; allow gaps, and locate the first error."""
    if len(table.lines) * len(columns) > MAX_CELLS_ONE_BY_ONE:
        raise BodyTooLarge(
            f"a table with gaps or text and more than {MAX_CELLS_ONE_BY_ONE} cells; send .npy"
        )
    width = table.columns
    values = np.empty((len(table.lines), len(columns)))
    for row, line in enumerate(table.lines):
        cells = split_cells(line, table.delimiter)
        if len(cells) != width:
            raise _ragged(table, row, len(cells))
        for place, column in enumerate(columns):
            values[row, place] = _parse_cell(
                cells[column], table.line_of(row), table.first_column + column
            )
    return values


def _ragged(table: Table, row: int, count: int) -> RaggedSignal:
    """Return the error for a line of numbers with another number of cells than the first."""
    removed = table.first_column - 1
    return RaggedSignal(
        f"line {table.line_of(row)}: {count + removed} cells; the lines before it have "
        f"{table.columns + removed}",
        loc=("signal",),
    )


def _parse_cell(cell: str, line: int, column: int) -> float:
    if is_gap(cell):
        return math.nan
    number = number_of_text(cell)
    if number is None:
        raise BadType(f"line {line}, column {column}: not a number", loc=("signal",))
    return number


def check_shape(table: Table) -> None:
    """Raise BadShape for a single line of more cells than a table of leads can have."""
    if table.columns > MAX_COLUMNS and len(table.lines) == 1:
        raise BadShape(
            f"signal: one line of {table.columns} cells; one line per sample (or per lead) is "
            "required",
            loc=("signal",),
        )

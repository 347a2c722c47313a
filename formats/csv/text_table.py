"""Parse a text table of numbers: encoding, delimiter, decimal sign, header lines, numbers.

Cells are never evaluated, and messages never contain them; an error names its line and column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadShape, BadType, BodyTooLarge, RaggedSignal, RecordingTooLong
from formats.limits import MAX_VALUES
from formats.numbers import number_of_text

MAX_HEAD_LINES: Final = 100
MAX_COLUMNS: Final = 4096
MAX_CELLS_ONE_BY_ONE: Final = 3_000_000
MAX_LINES: Final = 2_000_000  # ten minutes at 2000 Hz are 1.2 million lines
MAX_LINE_CHARS: Final = 16_000_000  # ten minutes of one lead at 2000 Hz, 13 characters a number
MAX_JUDGED_CHARS: Final = 65_536  # of a line: whether it holds numbers, names or other text
COMMENT_SIGNS: Final = ("#", "%", "//")
GAPS: Final = frozenset({"", "nan", "na", "n/a", "null", "none", "-"})
MIN_COUNTED: Final = 4  # "1,2,3" may be samples; a longer count is a line of column numbers
_DELIMITERS: Final = ("\t", ";", ",", "|")
_DECIMAL_COMMA: Final = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d{1,4})?", re.ASCII)
_QUOTED: Final = re.compile(r'"([^"]*)"')
_UTF16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
_CONTROL_CHARACTERS: Final = frozenset("\0\x01\x02\x03\x04\x05\x06\x07\x08\x1a")


@dataclass(frozen=True)
class Table:
    """A text split into the lines above the numbers and the lines of numbers.

    head        cells of each line above, comments included, without quotes
    lines       the lines of numbers, with a point as decimal sign
    first_line  the line number of the first of them in the file, from 1
    delimiter   None for white space
    """

    head: tuple[tuple[str, ...], ...]
    lines: tuple[str, ...]
    first_line: int
    delimiter: str | None

    @cached_property
    def columns(self) -> int:
        """Return the number of cells in the first line of numbers, without creating them."""
        line = self.lines[0]
        return _count_words(line) if self.delimiter is None else line.count(self.delimiter) + 1


def decode_text(data: bytes) -> str | None:
    """Decode by the byte order mark, else as UTF-8, else as Windows-1252.

    None if the text contains NUL or other control characters.
    """
    if data.startswith(_UTF16_BOMS):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    if any(character in text for character in _CONTROL_CHARACTERS):
        return None
    return text


def split_cells(line: str, delimiter: str | None) -> list[str]:
    """Return the cells without quotes. A quoted delimiter ("Watch6,1") does not split."""
    if delimiter is None:
        return line.split()
    if '"' not in line and "'" not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    sign = re.escape(delimiter)
    cells = re.findall(rf"""(?:^|{sign})\s*("[^"]*"|'[^']*'|[^{sign}]*)""", line)
    return [cell.strip().strip("\"'").strip() for cell in cells]


def is_number(cell: str) -> bool:
    """Return whether a cell is a number, with a point or a comma as decimal sign."""
    return number_of_text(cell.replace(",", ".", 1)) is not None


def parse_table(text: str, max_lines: int = MAX_LINES) -> Table | None:
    """Split a text at its first line of numbers (or gaps), up to `max_lines` of them.

    None if there is no such line among the first 100. Raises RecordingTooLong, BodyTooLarge.
    """
    lines = _split_lines(text)
    for index, line in enumerate(lines[:MAX_HEAD_LINES]):
        if _is_skipped(line):
            continue
        beginning = line[:MAX_JUDGED_CHARS]
        delimiter = _find_delimiter(beginning)
        cells = split_cells(beginning, delimiter)
        if len(line) > MAX_JUDGED_CHARS and len(cells) > 1:
            cells.pop()  # it may be cut off
        if not _is_data(cells) or is_counting(cells):
            continue
        head: list[tuple[str, ...]] = []
        for above in lines[:index]:
            above = above[:MAX_JUDGED_CHARS]
            cells = split_cells(above.lstrip("#%/ "), _head_delimiter(above, delimiter))
            head.append(tuple(cells))
        rows = [_plain(row, delimiter) for row in lines[index:] if not _is_skipped(row)]
        rows = rows[:max_lines]
        return _without_row_numbers(Table(tuple(head), tuple(rows), index + 1, delimiter))
    return None


def _split_lines(text: str) -> list[str]:
    """Return the lines, which end with LF, CR or both.

    Raises RecordingTooLong for too many or too long lines, BodyTooLarge for too many quotes.
    """
    if text.count('"') > 2 * MAX_CELLS_ONE_BY_ONE:
        raise BodyTooLarge(f"a table of more than {MAX_CELLS_ONE_BY_ONE} quoted cells; send .npy")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > MAX_LINES:
        raise RecordingTooLong(f"a table of more than {MAX_LINES} lines", loc=("signal",))
    lines = text.split("\n")
    if len(text) > MAX_LINE_CHARS and max(map(len, lines)) > MAX_LINE_CHARS:
        raise RecordingTooLong(
            f"a table with a line of more than {MAX_LINE_CHARS} characters", loc=("signal",)
        )
    return lines


def _is_skipped(line: str) -> bool:
    """Return whether a line is empty or a comment."""
    return not line.strip() or line.lstrip().startswith(COMMENT_SIGNS)


def is_counting(cells: Sequence[str]) -> bool:
    """Return whether the cells count from 0 or 1, after at most one cell with another text.

    pandas writes such a line above columns without names.
    """
    numbers = list(cells if cells and cells[0].isdigit() else cells[1:])
    required = 1 if cells and cells[0] == "" else MIN_COUNTED
    if len(numbers) < required or numbers[0] not in ("0", "1"):
        return False
    first = int(numbers[0])
    return numbers == [str(number) for number in range(first, first + len(numbers))]


def _without_row_numbers(table: Table) -> Table:
    """Remove a trailing delimiter of all lines, or a first column that numbers the rows.

    The delimiter is removed if a line of the head has one cell less. The row numbers are removed if
    a line of the head numbers the columns and its first cell does not.
    """
    width = table.columns
    sign = table.delimiter
    if sign is None:
        return table
    is_narrower = any(len(cells) == width - 1 for cells in table.head)
    if is_narrower and all(line.endswith(sign) for line in table.lines):
        return replace(table, lines=tuple(line.removesuffix(sign) for line in table.lines))
    if not any(_is_numbering(cells, width) for cells in table.head):
        return table
    rows = [line.partition(sign) for line in table.lines]
    first = rows[0][0].strip()
    if first not in ("0", "1"):
        return table
    for number, (cell, _, _) in enumerate(rows, int(first)):
        if cell.strip() != str(number):
            return table
    return replace(table, lines=tuple(values for _, _, values in rows))


def _is_numbering(cells: Sequence[str], width: int) -> bool:
    """Return whether a line numbers the columns except the first one."""
    return len(cells) == width and is_counting(cells) and not cells[0].isdigit()


def _is_data(cells: Sequence[str]) -> bool:
    """Return whether the cells are numbers and gaps.

    One other cell is allowed among more than two: a time or the name of a lead.
    """
    numbers = others = 0
    for cell in cells:
        if is_number(cell):
            numbers += 1
        elif cell.lower() not in GAPS:
            others += 1
        if others > 1:
            return False
    return numbers > 0 and (others == 0 or len(cells) > 2)


def _find_delimiter(line: str) -> str | None:
    """Return the delimiter of a line of numbers; None for white space."""
    tokens = line.split()
    may_be_white_space = "\t" not in line and ";" not in line and len(tokens) > 1
    # "1,5 2,5": commas are decimal signs if white space separates nothing but such numbers.
    if may_be_white_space and all(_DECIMAL_COMMA.fullmatch(token) for token in tokens):
        return None
    return next((sign for sign in _DELIMITERS if sign in line), None)


def _head_delimiter(line: str, delimiter: str | None) -> str | None:
    """Return the delimiter of a line above the numbers, which may differ from theirs.

    A file of one column may have "key,value" above it.
    """
    if delimiter is not None and delimiter in line:
        return delimiter
    return next((sign for sign in _DELIMITERS if sign in line), delimiter)


def _plain(line: str, delimiter: str | None) -> str:
    """Return a line of numbers without quotes and with a point as decimal sign."""
    # A leading or trailing tab is an empty cell.
    line = line.strip(" \r\n") if delimiter == "\t" else line.strip()
    if '"' in line:
        line = _QUOTED.sub(lambda cell: cell[1].replace(",", "."), line).replace('"', "")
    line = line.replace("'", "")
    return line if delimiter == "," else line.replace(",", ".")


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
    if table.delimiter is not None:
        # numpy.loadtxt does not check columns that it does not return.
        for row, line in enumerate(table.lines):
            cells = line.count(table.delimiter) + 1
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
            values[row, place] = _parse_cell(cells[column], table.first_line + row, column)
    return values


def _ragged(table: Table, row: int, count: int) -> RaggedSignal:
    """Return the error for a line of numbers with another number of cells than the first."""
    return RaggedSignal(
        f"line {table.first_line + row}: {count} cells; the lines before it have {table.columns}",
        loc=("signal",),
    )


def _parse_cell(cell: str, line: int, column: int) -> float:
    if cell.lower() in GAPS:
        return math.nan
    number = number_of_text(cell)
    if number is None:
        raise BadType(f"line {line}, column {column + 1}: not a number", loc=("signal",))
    return number


def _count_words(line: str) -> int:
    """Return the number of words that white space separates."""
    is_space = np.frombuffer(line.encode("ascii", errors="replace"), np.uint8) <= ord(" ")
    starts = np.count_nonzero(is_space[:-1] & ~is_space[1:])
    return int(starts + np.count_nonzero(~is_space[:1]))


def check_shape(table: Table) -> None:
    """Raise BadShape for a single line of more cells than a table of leads can have."""
    if table.columns > MAX_COLUMNS and len(table.lines) == 1:
        raise BadShape(
            f"signal: one line of {table.columns} cells; one line per sample (or per lead) is "
            "required",
            loc=("signal",),
        )

"""A table of numbers as text: encoding, delimiter, decimal sign, what stands above the numbers, and the numbers themselves.

Cells are never evaluated or echoed; a fault is told by its line and column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadShape, BadType, BodyTooLarge, RaggedSignal

MAX_HEAD_LINES: Final = 100
MAX_COLUMNS: Final = 4096
MAX_CELLS_ONE_BY_ONE: Final = 3_000_000
MAX_CELL_CHARS: Final = 64
COMMENT_SIGNS: Final = ("#", "%", "//")
GAPS: Final = frozenset({"", "nan", "na", "n/a", "null", "none", "-"})
MIN_COUNTED: Final = 4  # numbers in a row that count: three may be samples
_DELIMITERS: Final = ("\t", ";", ",", "|")
_NUMBER: Final = re.compile(r"[-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d{1,4})?", re.ASCII)
_DECIMAL_COMMA: Final = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d{1,4})?", re.ASCII)
_QUOTED: Final = re.compile(r'"([^"]*)"')
# Words that Python's float() takes and a table of samples does not mean as numbers; "nan" is a gap.
_INFINITE: Final = ("inf", "infinity")


@dataclass(frozen=True)
class Table:
    """A text cut into what stands above the numbers and the lines of numbers.

    head       cells of each line above, comments too, unquoted
    lines      the lines of numbers, with a point for the decimal sign
    first      the first of them's place in the file, from 1
    delimiter  None for white space
    """

    head: tuple[tuple[str, ...], ...]
    lines: tuple[str, ...]
    first: int
    delimiter: str | None

    @property
    def columns(self) -> int:
        return len(cells_of(self.lines[0], self.delimiter))


def text_of(data: bytes) -> str | None:
    """The text, by its byte order mark, else UTF-8, else Windows-1252; None where it holds NUL or other control characters."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    return None if any(sign in text for sign in "\0\x01\x02\x03\x04\x05\x06\x07\x08\x1a") else text


def cells_of(line: str, delimiter: str | None) -> list[str]:
    """Cells without their quotes; a delimiter within quotes is no delimiter, as in "Watch6,1"."""
    if delimiter is None:
        return line.split()
    if '"' in line or "'" in line:
        pieces = re.findall(
            rf"""(?:^|{re.escape(delimiter)})\s*("[^"]*"|'[^']*'|[^{re.escape(delimiter)}]*)""",
            line,
        )
        return [piece.strip().strip("\"'").strip() for piece in pieces]
    return [cell.strip() for cell in line.split(delimiter)]


def is_number(cell: str) -> bool:
    return len(cell) <= MAX_CELL_CHARS and _NUMBER.fullmatch(cell) is not None


def table_of(text: str) -> Table | None:
    """The table in a text; None where no line of the first hundred is one of numbers (or gaps among them)."""
    lines = text.splitlines()
    for place, line in enumerate(lines[:MAX_HEAD_LINES]):
        if not line.strip() or line.lstrip().startswith(COMMENT_SIGNS):
            continue
        delimiter = _delimiter(line)
        cells = cells_of(line, delimiter)
        if _is_data(cells) and not counts(cells):
            head = tuple(
                tuple(cells_of(above.lstrip("#%/ "), _head_delimiter(above, delimiter)))
                for above in lines[:place]
            )
            data = [
                row
                for row in lines[place:]
                if row.strip() and not row.lstrip().startswith(COMMENT_SIGNS)
            ]
            return _trimmed(
                Table(head, tuple(_plain(row, delimiter) for row in data), place + 1, delimiter)
            )
    return None


def counts(cells: Sequence[str]) -> bool:
    """0, 1, 2, ... or 1, 2, 3, ..., behind one text at most: what pandas writes above columns that have no names."""
    numbers = list(cells if cells and cells[0].isdigit() else cells[1:])
    enough = 1 if cells and cells[0] == "" else MIN_COUNTED
    return (
        len(numbers) >= enough
        and numbers[0] in ("0", "1")
        and numbers == [str(int(numbers[0]) + row) for row in range(len(numbers))]
    )


def _trimmed(table: Table) -> Table:
    """Without the delimiter that ends each line but the names', and without the lines' own numbers below a cell that names nothing."""
    width, sign = table.columns, table.delimiter
    if sign is None:
        return table
    if any(len(line) == width - 1 for line in table.head) and all(
        line.endswith(sign) for line in table.lines
    ):
        return replace(table, lines=tuple(line.removesuffix(sign) for line in table.lines))
    numbered = any(
        len(line) == width and counts(line) and not line[0].isdigit() for line in table.head
    )
    split = [line.partition(sign) for line in table.lines] if numbered else []
    first = split[0][0].strip() if split else ""
    if first in ("0", "1") and all(
        cell.strip() == str(int(first) + row) for row, (cell, _, _) in enumerate(split)
    ):
        return replace(table, lines=tuple(rest for _, _, rest in split))
    return table


def _is_data(cells: Sequence[str]) -> bool:
    """Numbers and gaps, but for one cell at most that may be a time or a name; or a lead's name and then numbers."""
    numbers = sum(is_number(cell) for cell in cells)
    gaps = sum(cell.lower() in GAPS for cell in cells)
    others = len(cells) - numbers - gaps
    return numbers >= 1 and (others == 0 or (others == 1 and len(cells) > 2))


def _delimiter(line: str) -> str | None:
    tokens = line.split()
    if (
        "\t" not in line
        and ";" not in line
        and len(tokens) > 1
        and all(_DECIMAL_COMMA.fullmatch(token) for token in tokens)
    ):
        return None
    return next((sign for sign in _DELIMITERS if sign in line), None)


def _head_delimiter(line: str, delimiter: str | None) -> str | None:
    """A file of one column may have "key,value" above it."""
    return (
        delimiter
        if delimiter is not None and delimiter in line
        else next((sign for sign in _DELIMITERS if sign in line), delimiter)
    )


def _plain(line: str, delimiter: str | None) -> str:
    line = line.strip(" \r\n") if delimiter == "\t" else line.strip()
    if '"' in line:
        line = _QUOTED.sub(lambda cell: cell[1].replace(",", "."), line).replace('"', "")
    line = line.replace("'", "")
    return line if delimiter == "," else line.replace(",", ".")


def numbers_of(table: Table, columns: Sequence[int], skip: int = 0) -> NDArray[np.float64]:
    """(lines, columns) of the chosen columns. Raises RaggedSignal and BadType, which name the line (and column), BodyTooLarge."""
    width = table.columns
    if table.delimiter is not None:
        for row, line in enumerate(table.lines):
            count = line.count(table.delimiter) + 1
            if count != width:
                raise RaggedSignal(
                    f"line {table.first + row}: {count} cells where the lines before have {width}",
                    loc=("signal",),
                )
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
        return _one_by_one(table, columns)


def _one_by_one(table: Table, columns: Sequence[int]) -> NDArray[np.float64]:
    """As `numbers_of`, with gaps, and with the place of the first fault."""
    if len(table.lines) * len(columns) > MAX_CELLS_ONE_BY_ONE:
        raise BodyTooLarge(
            f"a table of more than {MAX_CELLS_ONE_BY_ONE} cells with gaps or texts among them; send .npy instead"
        )
    values = np.empty((len(table.lines), len(columns)))
    for row, line in enumerate(table.lines):
        cells = cells_of(line, table.delimiter)
        if len(cells) != table.columns:
            raise RaggedSignal(
                f"line {table.first + row}: {len(cells)} cells where the lines before have {table.columns}",
                loc=("signal",),
            )
        for place, column in enumerate(columns):
            values[row, place] = _number(cells[column], table.first + row, column)
    return values


def _number(cell: str, line: int, column: int) -> float:
    if cell.lower() in GAPS:
        return math.nan
    if not is_number(cell):
        raise BadType(
            f"line {line}, column {column + 1}: a text where a number is needed", loc=("signal",)
        )
    return float(cell)


def check_shape(table: Table) -> None:
    """Raises BadShape for a line of more cells than any table of leads or samples has."""
    if table.columns > MAX_COLUMNS and len(table.lines) == 1:
        raise BadShape(
            f"signal: one line of {table.columns} cells; a line for each sample (or for each lead) is needed",
            loc=("signal",),
        )

"""Parse a text table of numbers: encoding, delimiter, decimal sign, header lines, numbers.

Every line from the first one of numbers to the last is a row: its cells are samples or gaps, or it
is an error. Cells are never evaluated, and messages never contain them; an error names its line and
column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Final

from errors import BadType, BodyTooLarge, RaggedSignal, RecordingTooLong
from formats.csv.cells import (
    DELIMITERS,
    MAX_CELLS_ONE_BY_ONE,
    UNIT_TOKEN,
    count_cells,
    find_delimiter,
    have_lead_rows,
    is_below_leads,
    is_comment,
    is_counting,
    is_data,
    is_gap_row,
    joined_moment,
    name_of,
    split_cells,
)
from formats.csv.spelling import (
    is_decimal_comma,
    is_gap,
    is_number,
    plain_characters,
    spelling_fault,
)
from formats.csv.statements import lead_of_key
from formats.numbers import whole_number
from signals.leads import canonical_lead

MAX_HEAD_LINES: Final = 100
MAX_COLUMNS: Final = 4096
MAX_LINES: Final = 2_000_000  # ten minutes at 2000 Hz are 1.2 million lines
MAX_LINE_CHARS: Final = 16_000_000  # ten minutes of one lead at 2000 Hz, 13 characters a number
MAX_JUDGED_CHARS: Final = 65_536  # of a line: whether it holds numbers, names or other text
_QUOTED_COMMA: Final = re.compile(r'"[^",\n]*\d,\d')
_QUOTED: Final = re.compile(r'"([^"]*)"')
_UTF16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
_CONTROL_CHARACTERS: Final = frozenset("\0\x01\x02\x03\x04\x05\x06\x07\x08\x1a")


@dataclass(frozen=True)
class Table:
    """A text split into the lines above the numbers and the lines of numbers.

    head        cells of each line above, without quotes and the signs of comments
    texts       each line above as text
    lines       the lines of numbers, with a point as decimal sign
    first_line  the line number of the first of them in the file, from 1
    line_step   2 if every second line of the file is empty
    delimiter   None for white space
    decimal_sign  of the numbers in the file; None if they show none
    first_column  the number of the first column in the file, from 1
    """

    head: tuple[tuple[str, ...], ...]
    texts: tuple[str, ...]
    lines: tuple[str, ...]
    first_line: int
    delimiter: str | None
    line_step: int = 1
    decimal_sign: str | None = None
    first_column: int = 1

    @cached_property
    def columns(self) -> int:
        """Return the number of cells in the first line of numbers, without creating them."""
        return count_cells(self.lines[0], self.delimiter)

    def line_of(self, row: int) -> int:
        """Return the number of a row's line in the file, from 1."""
        return self.first_line + row * self.line_step

    def place_of(self, row: int) -> str:
        """Return a row's name in messages."""
        return f"line {self.line_of(row)}"

    def without_first_column(self, lines: Sequence[str]) -> Table:
        """Return the table with `lines`, which lack its first column, for its own lines."""
        return replace(self, lines=tuple(lines), first_column=self.first_column + 1)


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
    return plain_characters(text)


def parse_table(
    text: str, max_lines: int = MAX_LINES, lead_count: int | None = None
) -> Table | None:
    """Split a text at its first line of numbers (or gaps), up to `max_lines` of them.

    lead_count  how many leads the request names

    None if there is no such line among the first 100. Raises RecordingTooLong, BodyTooLarge, and
    BadType or RaggedSignal for a row that is neither samples nor gaps.
    """
    lines = _split_lines(text)
    found = _first_row(lines)
    if found is None:
        return None
    start, delimiter = found
    heads = [_head_cells(line, delimiter) for line in lines[:start]]
    rows, step = _rows(lines, start, max_lines)
    is_one_column = delimiter == "," and _is_one_column(rows, heads, lead_count)
    if is_one_column:
        delimiter = None
        heads = [_head_cells(line, delimiter, is_one_cell=True) for line in lines[:start]]
    elif delimiter is None and count_cells(rows[0], None) == 1:
        heads = [_head_cells(line, delimiter, is_one_cell=True) for line in lines[:start]]
    table = Table(
        tuple(heads),
        tuple(line[:MAX_JUDGED_CHARS].strip() for line in lines[:start]),
        tuple(rows),
        start + 1,
        delimiter,
        step,
    )
    table = replace(table, decimal_sign=_decimal_sign(table, is_one_column=is_one_column))
    plain = tuple(_plain(row, "" if is_one_column else delimiter) for row in table.lines)
    return _without_row_numbers(_padded(_with_empty_lines(replace(table, lines=plain))))


def _with_empty_lines(table: Table) -> Table:
    """Return the table with a gap for each empty line of a single column.

    Raises RaggedSignal for an empty line among several columns: it may be a row or none.
    """
    if all(table.lines):
        return table
    if table.columns > 1:
        line = table.line_of(table.lines.index(""))
        raise RaggedSignal(
            f"line {line}: empty, among lines of samples; write a row of gaps as nan, or remove it",
            loc=("signal",),
        )
    return replace(table, lines=tuple(row or "nan" for row in table.lines))


def _first_row(lines: Sequence[str]) -> tuple[int, str | None] | None:
    """Return the index of the first row and the delimiter; None if there is no line of numbers.

    Rows of gaps right above the first line of numbers belong to the table.
    """
    first_gap: int | None = None
    above: list[str] = []
    delimiter: str | None = None
    for index, line in enumerate(lines):
        if index >= MAX_HEAD_LINES and first_gap is None:
            return None
        if not line.strip():
            continue
        # A text in a cell may hold another delimiter than the names above, such as "a|b".
        is_below_names = any(canonical_lead(name_of(cell)) for cell in above)
        above_delimiter = delimiter if is_below_names else None
        delimiter = find_delimiter(line[:MAX_JUDGED_CHARS])
        cells = _first_cells(line, delimiter)
        if is_gap_row(cells):
            first_gap = index if first_gap is None else first_gap
            continue
        if not is_comment(line):
            if _is_row(cells, above):
                return (index if first_gap is None else first_gap), delimiter
            if above_delimiter is not None and _is_row(_first_cells(line, above_delimiter), above):
                return (index if first_gap is None else first_gap), above_delimiter
            above = cells
        first_gap = None
    return None


def _first_cells(line: str, delimiter: str | None) -> list[str]:
    """Return the cells in the part of a line that is judged, without one that is cut off."""
    beginning = line[:MAX_JUDGED_CHARS]
    cells = split_cells(joined_moment(beginning, delimiter), delimiter)
    if len(line) > MAX_JUDGED_CHARS and len(cells) > 1 and not is_gap_row(cells):
        cells.pop()
    return cells


def _is_row(cells: Sequence[str], above: Sequence[str]) -> bool:
    """Return whether a line holds numbers, judged by the line above it."""
    return (is_data(cells) or is_below_leads(cells, above)) and not is_counting(cells)


def _rows(lines: Sequence[str], start: int, max_lines: int) -> tuple[list[str], int]:
    """Return the rows from `start` to the last line of the table, and 2 if every other is empty.

    Raises BadType for a comment among the rows.
    """
    end = len(lines)
    while end > start + 1 and (not lines[end - 1].strip() or is_comment(lines[end - 1])):
        end -= 1
    rows = list(lines[start : min(end, start + 2 * max_lines)])
    step = 1
    if len(rows) > 2 and not any(row.strip() for row in rows[1::2]):
        rows, step = rows[::2], 2
    rows = rows[:max_lines]
    for number, row in enumerate(rows):
        if is_comment(row):
            raise BadType(
                f"line {start + 1 + number * step}: a comment among the samples; numbers or gaps "
                "are required",
                loc=("signal",),
            )
    return rows, step


def _split_lines(text: str) -> list[str]:
    """Return the lines, which end with LF, CR or both.

    Raises RecordingTooLong for too many or too long lines, BodyTooLarge for too many quotes.
    """
    if text.count('"') > 2 * MAX_CELLS_ONE_BY_ONE:
        raise BodyTooLarge(f"a table of more than {MAX_CELLS_ONE_BY_ONE} quoted cells; send .npy")
    text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > MAX_LINES:
        raise RecordingTooLong(f"a table of more than {MAX_LINES} lines", loc=("signal",))
    lines = text.split("\n")
    if len(text) > MAX_LINE_CHARS and max(map(len, lines)) > MAX_LINE_CHARS:
        raise RecordingTooLong(
            f"a table with a line of more than {MAX_LINE_CHARS} characters", loc=("signal",)
        )
    return lines


def _is_one_column(
    rows: Sequence[str], heads: Sequence[Sequence[str]], lead_count: int | None
) -> bool:
    """Return whether commas in rows are decimal signs, as in "-0,7": one column of numbers.

    They are decimal signs if every row is such a number, a whole number or a gap, and if a row is a
    whole number, or the head or the request names one lead only.
    """
    cells = [row.strip() for row in rows]
    with_comma = [cell for cell in cells if "," in cell]
    if not with_comma or '"' in with_comma[0]:
        return False
    if not all(map(is_decimal_comma, with_comma)):
        return False
    without = [cell for cell in cells if "," not in cell]
    if not all(is_gap(cell) or is_number(cell) for cell in without):
        return False
    named = [cells for cells in heads if any(canonical_lead(name_of(cell)) for cell in cells)]
    if named and len(named[-1]) > 1 and lead_of_key(named[-1]) is None:
        return False
    is_one_lead = bool(named) or lead_count == 1 or any(map(lead_of_key, heads))
    # A time before the lead rises in every row.
    return (is_one_lead and not _is_rising(with_comma)) or any(map(is_number, without))


def _is_rising(rows: Sequence[str]) -> bool:
    """Return whether the parts before the comma rise in every row, as times do."""
    before = [whole_number(row.partition(",")[0]) for row in rows]
    return all(a is not None and b is not None and a < b for a, b in pairwise(before))


def _decimal_sign(table: Table, *, is_one_column: bool) -> str | None:
    """Return the decimal sign of the rows, or None if they show none.

    Raises BadType if a column has two, or if its commas may separate thousands.
    """
    body = "\n".join(table.lines)
    is_comma_possible = table.delimiter != "," or _QUOTED_COMMA.search(body) is not None
    if "," in body and is_comma_possible:
        _check_spelling(table, "" if is_one_column else table.delimiter)
        return ","
    return "." if table.delimiter == "," or "." in body else None


def _check_spelling(table: Table, delimiter: str | None) -> None:
    """Raise BadType for the first cell that contradicts the decimal sign of its lead.

    A lead is a column, or a line if each begins with the name of one. Of a large table, the first
    MAX_CELLS_ONE_BY_ONE cells are checked.
    """
    lines = table.lines[: MAX_CELLS_ONE_BY_ONE // table.columns]
    if not lines:
        return
    rows = [[line.strip()] if delimiter == "" else split_cells(line, delimiter) for line in lines]
    are_leads = delimiter != "" and have_lead_rows(lines, delimiter)
    width = min(map(len, rows))
    leads = rows if are_leads else [[row[column] for row in rows] for column in range(width)]
    for lead, cells in enumerate(leads):
        fault = spelling_fault(cells)
        if fault is not None:
            place, reason = fault
            row, column = (lead, place) if are_leads else (place, lead)
            raise BadType(
                f"line {table.line_of(row)}, column {column + 1}: {reason}", loc=("signal",)
            )


def _padded(table: Table) -> Table:
    """Return the table with empty cells at the end of short rows.

    Loggers write no more cells than they have values ("time,ecg,hr,rr", with hr and rr on a few
    rows). Only cells below names that are no lead's may be missing.
    """
    sign = table.delimiter
    names = table.head[-1] if table.head else ()
    if sign is None or len(names) < 3 or all(map(is_number, names)):
        return table
    counts = {row.count(sign) + 1 for row in table.lines}
    fewest = min(counts)
    if counts == {len(names)} or max(counts) > len(names) or fewest < 2:
        return table
    if any(canonical_lead(name_of(name)) for name in names[fewest:]):
        return table
    width = len(names) - 1
    return replace(
        table, lines=tuple(row + sign * (width - row.count(sign)) for row in table.lines)
    )


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
    return table.without_first_column([values for _, _, values in rows])


def _is_numbering(cells: Sequence[str], width: int) -> bool:
    """Return whether a line numbers the columns except the first one."""
    return len(cells) == width and is_counting(cells) and not cells[0].isdigit()


def _head_cells(line: str, delimiter: str | None, *, is_one_cell: bool = False) -> tuple[str, ...]:
    """Return the cells of a line above the numbers, whose delimiter may differ from theirs.

    A file of one column may have "key,value" above it.

    is_one_cell  whether a line without a delimiter is a single cell
    """
    text = line[:MAX_JUDGED_CHARS].strip(" \r\n").lstrip("#%/ ")
    if delimiter is None or delimiter not in text:
        delimiter = next((sign for sign in DELIMITERS if sign in text), delimiter)
    if delimiter is not None and delimiter in text:
        return tuple(split_cells(text, delimiter))
    if is_one_cell:
        return (text.strip().strip("\"'").strip(),)
    cells: list[str] = []
    for token in split_cells(text, delimiter):
        # "I (mV) II (mV)" are two cells.
        if delimiter is None and cells and UNIT_TOKEN.fullmatch(token):
            cells[-1] += f" {token}"
        else:
            cells.append(token)
    return tuple(cells)


def _plain(line: str, delimiter: str | None) -> str:
    """Return a line of numbers without quotes and with a point as decimal sign."""
    # A leading or trailing tab is an empty cell.
    line = line.strip(" \r\n") if delimiter == "\t" else line.strip()
    line = joined_moment(line, delimiter)
    if '"' in line:
        line = _QUOTED.sub(lambda cell: cell[1].replace(",", "."), line).replace('"', "")
    line = line.replace("'", "")
    return line if delimiter == "," else line.replace(",", ".")

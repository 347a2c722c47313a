"""Split lines of a text table into cells, and classify cells and lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from formats.csv.clock import is_time
from formats.csv.spelling import is_decimal_comma, is_explicit_gap, is_gap, is_number
from formats.csv.statements import lead_of_key
from signals.leads import LEADS, canonical_lead

COMMENT_SIGNS: Final = ("#", "%", "//")
MIN_COUNTED: Final = 4  # "1,2,3" may be samples; a longer count is a line of column numbers
_MAX_GAP_CHARS: Final = 32
MAX_NAME_CHARS: Final = 256  # of a column with its unit
# A comma is the last, because it may be a decimal sign beside the others.
DELIMITERS: Final = ("\t", ";", "|", ",")
# A date and a time that only a space separates are one cell.
_SPACED_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d) (?=\d\d:\d\d:)")
_TOKENS: Final = re.compile(r'"[^"]*"|\'[^\']*\'|\S+')
UNIT_TOKEN: Final = re.compile(r"[(\[][^()\[\]]{1,12}[)\]]")
_MAX_SPLIT_CHARS: Final = 65_536  # of a line; a string for each word of a longer one costs memory
MAX_CELLS_ONE_BY_ONE: Final = 3_000_000


def split_cells(line: str, delimiter: str | None) -> list[str]:
    """Return the cells without quotes. A quoted delimiter ("Watch6,1") does not split."""
    if delimiter is None:
        if '"' not in line and "'" not in line:
            return line.split()
        return [cell.strip("\"'").strip() for cell in _TOKENS.findall(line)]
    if '"' not in line and "'" not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    sign = re.escape(delimiter)
    cells = re.findall(rf"""(?:^|{sign})\s*("[^"]*"|'[^']*'|[^{sign}]*)""", line)
    return [cell.strip().strip("\"'").strip() for cell in cells]


def is_gap_row(cells: Sequence[str]) -> bool:
    """Return whether a line above the numbers is a row of gaps.

    It may have its time, or begin with the name of a lead.
    """
    gaps = cells[1:] if cells and canonical_lead(cells[0]) is not None else cells
    return any(map(is_explicit_gap, gaps)) and all(is_gap(c) or is_time(c) for c in gaps)


def is_comment(line: str) -> bool:
    """Return whether a line is a comment; a cell such as #N/A is a gap."""
    stripped = line.lstrip()
    if not stripped.startswith(COMMENT_SIGNS):
        return False
    return not is_gap(re.split(r"[\t;,|]", stripped[:_MAX_GAP_CHARS], maxsplit=1)[0])


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


def is_data(cells: Sequence[str]) -> bool:
    """Return whether the cells are numbers and gaps, perhaps after times.

    One other cell is allowed among more than two: a text, or the name of a lead.
    """
    times = 0
    while times < len(cells) and is_time(cells[times]):
        times += 1
    numbers = others = 0
    for cell in cells[times:]:
        if is_number(cell):
            numbers += 1
        elif not is_gap(cell):
            others += 1
        if others > 1:
            return False
    return numbers > 0 and (others == 0 or len(cells) > 2)


def is_below_leads(cells: Sequence[str], above: Sequence[str]) -> bool:
    """Return whether a line has a number or a gap below the name of each lead in the line above.

    Its other cells may be any text: a marker, the rhythm, a comment.
    """
    if len(cells) != len(above) or lead_of_key(above) is not None:
        return False
    below = [
        cell
        for cell, name in zip(cells, above, strict=True)
        if canonical_lead(name_of(name)) is not None
    ]
    return any(map(is_number, below)) and all(is_number(cell) or is_gap(cell) for cell in below)


def have_lead_rows(lines: Sequence[str], delimiter: str | None) -> bool:
    """Return whether each line of numbers is a lead: whether it begins with the name of one."""
    if count_cells(lines[0], delimiter) <= 2:
        return False
    # A line may be long, but its first cell is short.
    starts = [line[:_MAX_SPLIT_CHARS] for line in lines[: len(LEADS)]]
    # A line that begins with so much white space has no first cell.
    first_cells = [split_cells(start, delimiter)[:1] for start in starts]
    return all(cells and canonical_lead(cells[0]) is not None for cells in first_cells)


def find_delimiter(line: str) -> str | None:
    """Return the delimiter of a line of numbers; None for white space."""
    tokens = line.split()
    may_be_white_space = "\t" not in line and ";" not in line and len(tokens) > 1
    # "1,5 2,5": commas are decimal signs if white space separates nothing but such numbers.
    if may_be_white_space and all(map(is_decimal_comma, tokens)):
        return None
    return next((sign for sign in DELIMITERS if sign in line), None)


def joined_moment(line: str, delimiter: str | None) -> str:
    return _SPACED_MOMENT.sub(r"\1T", line) if delimiter is None else line


def name_of(cell: str) -> str:
    """Return the name in "II (mV)" or "II [mV]"."""
    return UNIT_TOKEN.sub("", cell[:MAX_NAME_CHARS]).strip()


def count_cells(line: str, delimiter: str | None) -> int:
    return _count_words(line) if delimiter is None else line.count(delimiter) + 1


def _count_words(line: str) -> int:
    """Return the number of words that white space separates."""
    if len(line) <= _MAX_SPLIT_CHARS:
        return len(line.split())
    is_space = np.frombuffer(line.encode("ascii", errors="replace"), np.uint8) <= ord(" ")
    starts = np.count_nonzero(is_space[:-1] & ~is_space[1:])
    return int(starts + np.count_nonzero(~is_space[:1]))

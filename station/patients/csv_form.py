"""Patients as CSV (RFC 4180): a header, then a patient a row.

The columns are name, sex, birth_year, notes, rate_low and rate_high, in any order; all but the name
may be absent. An empty cell leaves what is stored.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, cast

from errors import MalformedBody
from station.names import NAME_RULE, is_name
from station.patients.lines import lines_of
from station.patients.merge import Fault, Row
from station.patients.rules import DETAILS, Details, fault_of

MAX_LINE_BYTES: Final = 64 * 1024
MAX_DIGITS: Final = 4
_BOM: Final = b"\xef\xbb\xbf"  # which spreadsheets write before UTF-8
_COLUMNS: Final = ("name", *DETAILS)


def rows_of_csv(chunks: Iterable[bytes]) -> Iterator[Row | Fault]:
    """Yield a row or its fault for each patient. Raises MalformedBody for a wrong header."""
    source = _Lines(chunks)
    # strict: a quote within a cell is a fault, where it would be guessed otherwise.
    reader = csv.reader(source, strict=True)
    columns: list[str] | None = None
    for line, cells in _records(reader):
        yield from source.faults()
        if isinstance(cells, str):
            yield Fault(line, cells)
        elif not cells:
            continue
        elif columns is None:
            columns = _checked_columns(cells)
        else:
            yield _row(line, columns, cells)
    yield from source.faults()
    if columns is None:
        raise MalformedBody(f"columns: none; the first line has some of {', '.join(_COLUMNS)}")


class _Lines:
    """The lines as text, for the reader. One that cannot be read is passed on empty."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._lines = lines_of(chunks, MAX_LINE_BYTES)
        self._number = 0
        self._faults: list[Fault] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self._number += 1
            yield self._text(line)

    def _text(self, line: bytes | None) -> str:
        if line is None:
            self._faults.append(Fault(self._number, f"longer than {MAX_LINE_BYTES} bytes"))
            return ""
        try:
            return (line.removeprefix(_BOM) if self._number == 1 else line).decode()
        except UnicodeDecodeError:
            self._faults.append(Fault(self._number, "not UTF-8"))
            return ""

    def faults(self) -> Iterator[Fault]:
        """Yield the lines that could not be read since the last call."""
        faults, self._faults = self._faults, []
        yield from faults


def _records(reader: Any) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the first line of each record, and its cells or what is wrong with it."""
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # After an error the reader begins with the next line.
            yield line, f"not CSV: {error}"


def _checked_columns(cells: list[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in cells]
    is_known = set(columns) <= set(_COLUMNS) and len(set(columns)) == len(columns)
    if not is_known or "name" not in columns:
        raise MalformedBody(
            f"columns: name and some of {', '.join(DETAILS)} are allowed, each once, with commas "
            "between them"
        )
    return columns


def _row(line: int, columns: list[str], cells: list[str]) -> Row | Fault:
    if len(cells) != len(columns):
        return Fault(line, f"{len(cells)} cells; there are {len(columns)} columns")
    values = {column: cell.strip() for column, cell in zip(columns, cells, strict=True)}
    name = values.pop("name")
    if not is_name(name):
        return Fault(line, f"name: {NAME_RULE}")
    details: dict[str, Any] = {}
    for column, cell in values.items():
        if cell:
            try:
                details[column] = _PARSERS[column](cell)
            except ValueError:
                return Fault(line, f"{column}: a whole number of up to {MAX_DIGITS} digits")
    checked = cast(Details, details)
    fault = fault_of(checked)
    return Row(line, name, checked) if fault is None else Fault(line, fault)


def _whole_number(cell: str) -> int:
    if not cell.isascii() or not cell.isdecimal() or len(cell) > MAX_DIGITS:
        raise ValueError
    return int(cell)


_PARSERS: Final[dict[str, Callable[[str], str | int]]] = {
    "sex": str.lower,
    "birth_year": _whole_number,
    "notes": str,
    "rate_low": _whole_number,
    "rate_high": _whole_number,
}

"""Patients as CSV: what is read, and which line is refused for what."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import MalformedBody
from station.patients.csv_form import MAX_LINE_BYTES, rows_of_csv
from station.patients.merge import Fault, Row
from station.patients.rules import MAX_NOTES_CHARS

HEADER = b"name,sex,birth_year,notes,rate_low,rate_high\n"


def rows(content: bytes, piece: int = 7) -> list[Row | Fault]:
    return list(rows_of_csv(content[at : at + piece] for at in range(0, len(content), piece)))


def test_all_columns_are_read() -> None:
    content = HEADER + b'p-1,female,1950,"fell, twice\nlast ""May""",45,120\r\np-2,,,,,\n'
    first = {"sex": "female", "birth_year": 1950, "notes": 'fell, twice\nlast "May"'}
    assert rows(content) == [
        Row(2, "p-1", {**first, "rate_low": 45, "rate_high": 120}),  # type: ignore[typeddict-item]
        Row(4, "p-2", {}),
    ]


def test_columns_may_be_absent_and_in_any_order() -> None:
    content = "\ufeffRate_High, Name \n 120 , p-1 ".encode()
    assert rows(content) == [Row(2, "p-1", {"rate_high": 120})]


def test_lines_without_cells_are_passed_over() -> None:
    assert rows(b"name\n\np-1\n\n") == [Row(3, "p-1", {})]


@pytest.mark.parametrize(
    "header", [b"", b"\n", b"sex\n", b"name,name\n", b"name;sex\n", b"name,mrn\n", b"\xff\n"]
)
def test_a_wrong_header_is_refused(header: bytes) -> None:
    with pytest.raises(MalformedBody, match="columns"):
        rows(header + b"p-1\n")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"p 1,,,,,", "name: 1 to 32 letters, digits and ._@-"),
        (b",male,,,,", "name: "),
        (b"p-1,m,,,,", "sex: allowed are female, male, other, unknown"),
        (b"p-1,,50,,,", "birth_year: 50; allowed are 1850 to "),
        (b"p-1,,%d,,," % (datetime.now(UTC).year + 1), "birth_year: "),
        (b"p-1,,19.5,,,", "birth_year: a whole number"),
        (b"p-1,,\xd9\xa1\xd9\xa9\xd9\xa5\xd9\xa0,,,", "birth_year: a whole number"),
        (b"p-1,,,%b,," % (b"a" * (MAX_NOTES_CHARS + 1)), "notes: 2001 characters"),
        (b"p-1,,,a\x00b,,", "notes: has control characters"),
        (b"p-1,,,,0,", "rate_low: 0; allowed are 1 to 400 a minute"),
        (b"p-1,,,,,401", "rate_high: 401"),
        (b"p-1,,,,120,50", "rate_low: 120; it must be below rate_high, which is 50"),
        (b"p-1,,,,", "5 cells; there are 6 columns"),
        (b'p-1,,,"a"b,,', "not CSV: "),
        (b"p-1,,,\xff,,", "not UTF-8"),
        (b"p-1,,,%b,," % (b"a" * MAX_LINE_BYTES), f"longer than {MAX_LINE_BYTES} bytes"),
    ],
)
def test_a_wrong_line_is_named_and_its_neighbours_are_read(line: bytes, reason: str) -> None:
    before, fault, after = sorted(rows(HEADER + b"p-0,,,,,\n" + line + b"\np-9,,,,,\n", 1000))
    assert (before, after) == (Row(2, "p-0", {}), Row(4, "p-9", {}))
    assert isinstance(fault, Fault) and fault.place == 3 and fault.reason.startswith(reason)


def test_a_quote_without_an_end_is_one_fault() -> None:
    lines = b"".join(b"p-%d,,,,,\n" % number for number in range(20_000))
    found = rows(HEADER + b'p-x,,,"a,,\n' + lines, 65_536)
    assert sum(isinstance(row, Row) for row in found) > 0
    faults = [row for row in found if isinstance(row, Fault)]
    assert [(fault.place, fault.reason[:7]) for fault in faults] == [(2, "not CSV")]


@given(st.binary(max_size=200), st.integers(1, 50))
def test_no_bytes_break_the_reader(content: bytes, piece: int) -> None:
    for row in rows(HEADER + content, piece):
        assert row.place >= 2


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30)


@given(st.lists(CELLS, max_size=5), st.integers(1, 50))
def test_notes_are_read_as_they_were_written(notes: list[str], piece: int) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["name", "notes"])
    writer.writerows(["p-1", note] for note in notes)
    found = [row.details.get("notes", "") for row in rows(text.getvalue().encode(), piece)]  # type: ignore[union-attr]
    assert found == [note.strip() for note in notes]

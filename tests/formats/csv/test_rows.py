"""Every row of a table is samples, gaps or an error with its line; none is skipped."""

from __future__ import annotations

import numpy as np
import pytest

from errors import BadType, EcgError, RaggedSignal
from formats.csv.cells import MAX_CELLS_ONE_BY_ONE
from formats.hints import Hints
from formats.lead_names import LeadNames
from tests.formats.csv.test_csv import read_text

WIDTH = "line {}: {} cells; the lines before it have {}"
GAPS = (
    "#N/A",
    "#DIV/0!",
    "#VALUE!",
    "#WERT!",
    "#¡VALOR!",
    "#NOM?",
    "#NV",
    "NaN",
    "NA",
    "n/a",
    "null",
    "None",
    "<NA>",
    "1.#QNAN",
    "-",
    "",
    ".",
)


@pytest.mark.parametrize("gap", GAPS)
def test_a_gap_in_any_spelling_is_a_missing_sample(gap: str) -> None:
    rows = [f"{row},{-row}" for row in range(20)]
    rows[5:8] = [f"{gap},{gap}"] * 3
    rows[10] = f"7,{gap}"
    record = read_text("I,II\n" + "\n".join(rows) + "\n")
    assert record.samples == 20
    assert np.flatnonzero(np.isnan(record.signal[0])).tolist() == [5, 6, 7]
    assert np.flatnonzero(np.isnan(record.signal[1])).tolist() == [5, 6, 7, 10]
    assert record.signal[0, 19] == 19


@pytest.mark.parametrize("gap", ["#N/A", "NaN", "null"])
@pytest.mark.parametrize("count", [1, 99, 400])
def test_gaps_before_the_first_number_are_rows(gap: str, count: int) -> None:
    record = read_text("I,II\n" + f"{gap},{gap}\n" * count + "1,2\n3,4\n5,6\n")
    assert record.samples == count + 3
    assert np.isnan(record.signal[:, :count]).all()
    assert record.signal[:, count:].tolist() == [[1, 3, 5], [2, 4, 6]]


@pytest.mark.parametrize("gap", ["#N/A", "NaN", "null"])
@pytest.mark.parametrize("head", ["", "lead,a,b,c\n", "x y\n"])
def test_a_lead_of_gaps_above_the_first_number_is_a_lead(gap: str, head: str) -> None:
    record = read_text(f"{head}I,{gap},{gap},{gap}\nII,1,2,3\nIII,4,5,6\n")
    assert (record.lead_names, record.warnings) == (("I", "II", "III"), ())
    assert np.isnan(record.signal[0]).all()
    assert record.signal[1:].tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("text", "kind", "detail"),
    [
        (
            "I,II\n1,2\n3,4\n# lost\n5,6\n",
            BadType,
            "line 4: a comment among the samples; numbers or gaps are required",
        ),
        (
            "II\n1\n2\n% 3\n5\n",
            BadType,
            "line 4: a comment among the samples; numbers or gaps are required",
        ),
        (
            "I,II\n1,2\n\n3,4\n5,6\n",
            RaggedSignal,
            "line 3: empty, among lines of samples; write a row of gaps as nan, or remove it",
        ),
        ("I,II\n5,x\n1,2\n3,4\n", BadType, "line 2, column 2: not a number"),
        ("I,II\n/5,6\n1,2\n3,4\n", BadType, "line 2, column 1: not a number"),
        ("I,II,V1\n=a|' /b'!A0,2,3\n=a|' /b'!A0,2,3\n", BadType, "line 2, column 1: not a number"),
        ("I;II;V1\n1\t2;2;3\n4;5;6\n", BadType, "line 2, column 1: not a number"),
        ("I,II\n1,2\n3,4\nI,II\n5,6\n", BadType, "line 4, column 1: not a number"),
        ("I,II\n1,2\n3,4\n5,6\nmean,4\n", BadType, "line 5, column 1: not a number"),
        ("I,5,2,3\nII,1,2,x\n", BadType, "line 2, column 4: not a number"),
        ("I,5,2,x\nII,1,2,3\nV1,1,2,3\n", BadType, "line 1, column 4: not a number"),
        ("# x\nI;5;2 mV;x\nII;1;2;3\nV1;1;2;3\n", BadType, "line 2, column 3: not a number"),
        ("lead a b c\nI 5 x 1\nII 1 2 1\nIII 1 2 3\n", BadType, "line 2, column 3: not a number"),
        ("I,,,\nII,1,2,3\nV1,1,2,3\n", BadType, "line 1: no number; write a row of gaps as nan"),
        ("I,5,2,3\nII,1,2\n", RaggedSignal, WIDTH.format(2, 3, 4)),
        (",I,II\n,0,1\n0,5,2\n1,3,x\n", BadType, "line 4, column 3: not a number"),
        ("x I II\n1 2 3\n4 5 6 7\n8 9 0\n", RaggedSignal, WIDTH.format(3, 4, 3)),
        ("I x\n1 2\n3 4\n5\n6 7\n", RaggedSignal, WIDTH.format(4, 1, 2)),
        (
            "I II time\n1 2 10:00:00.000\n3 4 10:00:00.002\n5 6\n",
            RaggedSignal,
            WIDTH.format(4, 2, 3),
        ),
    ],
)
def test_a_row_that_is_neither_samples_nor_gaps_is_named(
    text: str, kind: type[EcgError], detail: str
) -> None:
    with pytest.raises(kind) as caught:
        read_text(text)
    assert caught.value.detail == detail


def test_an_empty_line_of_a_single_column_is_a_gap() -> None:
    record = read_text("II\n1\n2\n\n4\n5\n\n")
    np.testing.assert_array_equal(record.signal, [[1, 2, np.nan, 4, 5]])


@pytest.mark.parametrize("end", ["\r\r\n", "\n\n", "\r\n\r\n"])
def test_an_empty_line_after_every_line_is_a_way_to_end_it(end: str) -> None:
    text = "II" + end + "".join(f"{number}{end}" for number in range(9))
    assert read_text(text).signal.tolist() == [list(range(9))]
    with pytest.raises(BadType) as caught:
        read_text(text.replace("7", "x"))
    lines = text.replace("\r\r\n", "\n").replace("\r\n", "\n").split("\n")
    assert caught.value.detail == f"line {lines.index('7') + 1}, column 1: not a number"


def test_comments_after_the_last_row_are_ignored() -> None:
    assert read_text("I,II\n1,2\n3,4\n5,6\n# end\n\n").samples == 3


WHOLE_AND_DECIMAL = ["0,6", "-0,7", "12", "-5", "3,25", "0", "1,5"]
NUMBERS = [0.6, -0.7, 12.0, -5.0, 3.25, 0.0, 1.5]


@pytest.mark.parametrize(
    "head",
    ["I\n", '"I (mV)"\n', "# made\nI\n", "Lead,Lead I\n\n", "Ableitung,Ableitung I\n\n"],
)
def test_one_column_of_decimal_commas_may_hold_whole_numbers(head: str) -> None:
    for cells in (WHOLE_AND_DECIMAL, [cell for cell in WHOLE_AND_DECIMAL if "," in cell]):
        record = read_text(head + "\n".join(cells) + "\n")
        assert record.lead_names == ("I",)
        expected = [NUMBERS[WHOLE_AND_DECIMAL.index(cell)] for cell in cells]
        np.testing.assert_allclose(record.signal[0], expected, rtol=1e-6)


def test_one_lead_name_of_the_request_makes_commas_decimal_signs() -> None:
    text = "\n".join(["0,6", "-0,7", "3,2", "-1,5"]) + "\n"
    record = read_text(text, Hints(fs=250.0, lead_names=LeadNames(("V2",))))
    np.testing.assert_allclose(record.signal, [[0.6, -0.7, 3.2, -1.5]], rtol=1e-6)
    two = read_text(text, Hints(fs=250.0, lead_names=LeadNames(("V2", "V3"))))
    np.testing.assert_allclose(two.signal, [[0, 0, 3, -1], [6, 7, 2, 5]])


@pytest.mark.parametrize("head", ["hr,II\n", "x,II\n", "I,II\n"])
def test_two_names_make_two_columns(head: str) -> None:
    record = read_text(head + "60,5\n61,7\n60,3\n59,4\n")
    assert record.signal[-1].tolist() == [5, 7, 3, 4]


@pytest.mark.parametrize("unit", ["uV", "µV", "mcV"])
@pytest.mark.parametrize("head", ['"II ({})"\n', "II [{}]\n", "II\n{}\n", "# x\nII_{}\n"])
def test_one_column_has_a_name_with_a_unit(head: str, unit: str) -> None:
    if "_" in head and unit == "mcV":
        unit = "uV"
    record = read_text(head.format(unit) + "100\n-200\n300\n")
    np.testing.assert_allclose(record.signal, [[0.1, -0.2, 0.3]], rtol=1e-6)
    assert (record.lead_names, record.units) == (("II",), "mV")


@pytest.mark.parametrize("minus", ["\u2212", "\u2013", "\u200e-", "\u061c-", "\u2010", "\uff0d"])
def test_minus_signs_of_all_languages_are_read(minus: str) -> None:
    record = read_text(f"I;II\n0,5;{minus}1,5\n{minus}2,5;1\n3;4\n")
    np.testing.assert_allclose(record.signal, [[0.5, -2.5, 3], [-1.5, 1, 4]])


def test_digits_of_other_scripts_and_spaces_between_thousands_are_read() -> None:
    arabic = str.maketrans("0123456789.", "٠١٢٣٤٥٦٧٨٩٫")
    devanagari = str.maketrans("0123456789", "०१२३४५६७८९")
    for translate in (arabic, devanagari):
        record = read_text("II\n" + "1.25\n-20.5\n3.75\n".translate(translate))
        np.testing.assert_allclose(record.signal, [[1.25, -20.5, 3.75]])
    for space in ("\u00a0", "\u202f"):
        record = read_text(f"II\n1{space}234,5\n-12{space}345,25\n0,5\n")
        np.testing.assert_allclose(record.signal, [[1234.5, -12345.25, 0.5]])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("I;II\n1.234,5;2,0\n3,0;4,0\n5,0;6,0\n", "line 2, column 1"),
        ("I;II\n1.234;2,0\n3,5;4,0\n5,0;6,0\n", "line 3, column 1"),
        ("I;II\n1,234;2,000\n987;4,000\n-1,200;612\n", "line 2, column 1"),
        ('I,II\n"1,234","2"\n"987","4"\n"-1,200","612"\n', "line 2, column 1"),
        ("II\n1,234\n987\n-1,200\n", "line 2, column 1"),
        ("I;1,234;987;612\nII;5;6;7\nV1;5;6;7\n", "line 1, column 2"),
        ("I\t5\t6\t7\nII\t987\t-1,200\t612\nV1\t5\t6\t7\n", "line 2, column 3"),
        ("I;0,5;6;7\nII;9,5;-1.200;6\nV1;5;6;7\n", "line 2, column 3"),
        (
            "I;II;V1\n1,5;2,5;3,5\n1.5;2,5;3,5\n" + "1,5;2,5;3,5\n" * (MAX_CELLS_ONE_BY_ONE // 3),
            "line 3, column 1",
        ),
    ],
)
def test_separators_of_thousands_are_refused(text: str, place: str) -> None:
    with pytest.raises(BadType) as caught:
        read_text(text)
    assert caught.value.detail.startswith(f"{place}: ")


@pytest.mark.parametrize("unit", ["ADC", "counts", "mm"])
def test_a_unit_of_all_columns_that_is_no_voltage_makes_them_unknown(unit: str) -> None:
    rows = "1,2\n3,4\n5,6\n"
    for head in (f"Unit: {unit}\n", f"# units = {unit}\n", f"Einheit,{unit}\n"):
        record = read_text(head + "I,II\n" + rows)
        assert record.units == "unknown"
        assert record.signal.tolist() == [[1, 3, 5], [2, 4, 6]]
        assert record.warnings == (
            f"units: the CSV file states {unit}, which is no voltage; send units or gain; "
            "results that need volts are null",
        )
    for head in (
        f"I ({unit}),II ({unit})\n",
        f"I,II\n{unit},{unit}\n",
        f"I,II\n({unit}),[{unit}]\n",
    ):
        with pytest.raises(EcgError) as caught:
            read_text(head + rows)
        assert (caught.value.code, caught.value.errors[0].loc) == ("missing_field", ("units",))
        assert f"states {unit} for I, II" in caught.value.detail


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("II,annotation\n", "{},N"),
        ("beat,II\n", "N,{}"),
        ("rhythm;II;comment\n", "SR;{};no, artefact"),
        ("time,II,label,quality\n", "2024-05-01T10:00:00.{ms:03},{},N,good"),
        ("note\tII\tnote\n", "a\t{}\tb"),
    ],
)
def test_columns_of_text_beside_a_lead_are_left_out(head: str, row: str) -> None:
    rows = [row.format(number / 10, ms=4 * number) for number in range(40)]
    record = read_text(head + "\n".join(rows) + "\n", Hints(fs=250.0))
    np.testing.assert_allclose(record.signal, [np.arange(40) / 10], rtol=1e-6)
    assert record.warnings[0].startswith("lead_names: not a standard lead in volts, left out: ")


@pytest.mark.parametrize("first", ["sep=;\n", "sep=,\n", "\ufeff", "\n\n"])
def test_what_spreadsheets_write_before_a_table_is_no_row(first: str) -> None:
    delimiter = ";" if ";" in first else ","
    text = first + delimiter.join(("I", "II")) + "\n"
    text += "".join(delimiter.join((f'"{row}"', f"{-row}")) + "\n" for row in range(9))
    assert read_text(text).signal.tolist() == [list(range(9)), [-row for row in range(9)]]


@pytest.mark.parametrize("comment", ["# 5,6", "% 5,6", "// 5,x", "#5"])
def test_a_comment_of_numbers_below_the_names_is_no_row(comment: str) -> None:
    record = read_text(f"I,II\n{comment}\n1,2\n3,4\n5,6\n")
    np.testing.assert_array_equal(record.signal, [[1, 3, 5], [2, 4, 6]])


@pytest.mark.parametrize("comment", ["# 0,5", "% 1,2", "# exported,now", "// 3"])
def test_a_comment_between_the_names_and_the_first_row_is_no_row(comment: str) -> None:
    assert read_text(f"I,II\n{comment}\n1,2\n3,4\n5,6\n").samples == 3


@pytest.mark.parametrize(
    "text",
    [
        "name=a; name=b\r\nm2/3 12 500\n\r\n494,338,-156,-416,325,91,-132,239,4at 16\n--b--\r",
        "x\nI 12 500\n\n494,338,-156,-416,325,91,-132,239,4at 16\nend",
        "x\nI 1 2 3\n \t\n1,2,3 4,5,6 7\nend",
    ],
)
def test_an_empty_line_in_a_table_without_a_delimiter_is_an_error_of_the_client(text: str) -> None:
    with pytest.raises(EcgError):
        read_text(text, Hints())

"""Text tables: the usual layouts are read, and an error names its line and column."""

from __future__ import annotations

import numpy as np
import pytest

from errors import (
    BadShape,
    BadType,
    CorruptFile,
    EcgError,
    ImplausibleValues,
    MissingField,
    RaggedSignal,
    UnknownFormat,
    UnknownLead,
)
from formats.hints import Hints
from formats.lead_names import HOW_TO_NAME, LeadNames
from formats.parts import Part
from formats.registry import read
from signals.leads import LEADS
from signals.record import EcgRecord

# (samples, leads I and II)
ROWS = np.round(np.sin(np.arange(40 * 2).reshape(40, 2) / 7), 3)
LEAD_I, LEAD_II = ROWS.T


AT_500_HZ = Hints(fs=500.0)


def read_text(text: str | bytes, hints: Hints = AT_500_HZ) -> EcgRecord:
    return read([Part("upload", text if isinstance(text, bytes) else text.encode())], hints)


def table(
    head: str = "I,II\n",
    delimiter: str = ",",
    decimal_comma: bool = False,
    times: list[str] | None = None,
    end: str = "\n",
) -> str:
    """Return ROWS as a text table.

    times  the cells of a first column
    end    of each line
    """
    lines = []
    for number, row in enumerate(ROWS):
        cells = [
            f"{value:.3f}".replace(".", ",") if decimal_comma else f"{value:.3f}" for value in row
        ]
        lines.append(delimiter.join(cells if times is None else [times[number], *cells]))
    return head + end.join(lines) + end


@pytest.mark.parametrize(
    "text",
    [
        table(),
        table(end="\r\n"),
        table("I;II\n", ";", decimal_comma=True),
        table("I;II\n", ";"),
        table("I\tII\n", "\t", decimal_comma=True),
        table("I II\n", " "),
        table("I II\n", " ", decimal_comma=True),
        table('"Lead I";"MDC_ECG_LEAD_II"\n', ";"),
        table("'I','II'\n"),
        table("# exported\n\nI,II\n"),
        table("% a comment\nI,II\n"),
        table("My recording\nI,II\n"),
        table("I (mV),II (mV)\n"),
        table("I_mV,II_mV\n"),
        table("I|II\n", "|"),
        table("I,II\n", end=",\n"),
        "I,II\n" + "".join('"{:.3f}","{:.3f}"\n'.format(*row) for row in ROWS),
        "I,II\n" + "".join('"{:.3f}","{:.3f}"\n'.format(*row).replace(".", ",") for row in ROWS),
        table("I,II\n(mV),(mV)\n"),
        table("I;II\n[mV];[mV]\n", ";", decimal_comma=True),
        table("I,II\nmV,mV\n"),
        table("\ufeffI,II\n"),
        table("ECG I,ECG II\n").encode("utf-16"),
    ],
)
def test_every_delimiter_decimal_sign_quote_and_heading_gives_the_same_record(
    text: str | bytes,
) -> None:
    record = read_text(text)
    assert (record.lead_names, record.fs, record.units) == (("I", "II"), 500.0, "mV")
    np.testing.assert_allclose(record.signal, [LEAD_I, LEAD_II], atol=1e-6)
    assert record.warnings == ()


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1e-3), ("µV", 1e-3), ("V", 1e3), ("mV", 1.0)])
def test_units_come_from_names_a_second_line_or_a_comment(unit: str, factor: float) -> None:
    for head in (f"I ({unit}),II [{unit}]\n", f"I,II\n{unit},{unit}\n", f"# unit: {unit}\nI,II\n"):
        np.testing.assert_allclose(
            read_text(table(head)).signal[0], LEAD_I * factor, rtol=1e-5, atol=1e-7
        )
    np.testing.assert_allclose(
        read_text(table(f"# Unit = {unit}\nI,II\n").encode("cp1252")).signal[0],
        LEAD_I * factor,
        rtol=1e-5,
        atol=1e-7,
    )


@pytest.mark.parametrize(
    ("name", "times", "fs"),
    [
        ("time", [f"{row / 250:.3f}" for row in range(40)], 250.0),
        ("Time (s)", [f"{row / 360:.3f}" for row in range(40)], 360.0),
        ("time_ms", [f"{row * 2}" for row in range(40)], 500.0),
        ("t [us]", [f"{row * 1000}" for row in range(40)], 1000.0),
        ("'Elapsed time'", [f"'0:{row / 250:06.3f}'" for row in range(40)], 250.0),
        ("timestamp", [f"2024-05-01T08:27:{row / 100:06.3f}" for row in range(40)], 100.0),
        ("time", [f"{1714552052 + row / 500:.3f}" for row in range(40)], 500.0),
    ],
)
def test_a_column_of_times_gives_the_rate(name: str, times: list[str], fs: float) -> None:
    record = read_text(table(f"{name},I,II\n", times=times), Hints())
    assert record.fs == pytest.approx(fs, rel=5e-3 if fs == 360.0 else 1e-6)
    np.testing.assert_allclose(record.signal, [LEAD_I, LEAD_II], atol=1e-6)


@pytest.mark.parametrize("name", ["sample", "", "index", "Unnamed: 0", "time"])
def test_a_column_of_row_numbers_is_neither_time_nor_lead(name: str) -> None:
    text = table(f"{name},I,II\n", times=[str(row) for row in range(40)])
    assert read_text(text).lead_names == ("I", "II")
    with pytest.raises(MissingField, match="fs"):
        read_text(text, Hints())


def test_times_that_fall_or_are_no_number_are_refused_with_their_line() -> None:
    times = [f"{row / 250:.3f}" for row in range(40)]
    with pytest.raises(CorruptFile) as caught:
        read_text(table("time,I,II\n", times=times[::-1]), Hints())
    assert caught.value.detail == ("line 3: the time is missing or earlier than the one before it")
    with pytest.raises(BadType) as wrong:
        read_text(table("time,I,II\n", times=[*times[:5], "soon", *times[6:]]), Hints())
    assert wrong.value.detail == "line 7, column 1: not a number"


@pytest.mark.parametrize(
    ("cells", "line"), [(["0:00.004", "0:0x.008"], 3), (["2024-05-01T08:27:32", "later"], 3)]
)
def test_the_line_of_a_clock_time_that_cannot_be_parsed_is_named(
    cells: list[str], line: int
) -> None:
    times = [*cells, *(f"0:00.{row:03}" for row in range(12, 164, 4))]
    with pytest.raises(CorruptFile) as caught:
        read_text(table("time,I,II\n", times=times), Hints())
    assert caught.value.detail == f"line {line}: the time cannot be parsed"


def test_clock_times_have_hours_and_minutes() -> None:
    times = [f"[10:59:{59 + row / 250:06.3f} 01/01/2000]" for row in range(40)]
    assert read_text(table("time,I,II\n", times=times), Hints()).fs == 250.0
    # The hour changes between two samples.
    times = [f"9:59:59.{960 + 4 * row}" for row in range(10)]
    times += [f"10:00:00.{4 * row:03}" for row in range(30)]
    assert read_text(table("time,I,II\n", times=times), Hints()).fs == 250.0
    assert read_text(table("time,I,II\n", times=[t[-12:] for t in times]), Hints()).fs == 250.0


@pytest.mark.parametrize(
    "head",
    [
        "# fs: 250 Hz\nI,II\n",
        "% Sampling frequency = 250\nI,II\n",
        "Sample Rate,250 hertz\nI,II\n",
        "# 0.25 kHz\nI,II\n",
        "Sampling rate (Hz): 250\nI,II\n",
        "Abtastrate [Hz];250\nI,II\n",
        "sample_rate_hz,250\nI,II\n",
        "fs (kHz) = 0.25\nI,II\n",
    ],
)
def test_a_stated_rate_is_read_but_not_the_frequency_of_a_filter(head: str) -> None:
    assert read_text(table("# low pass filter 40 Hz\n" + head), Hints()).fs == 250.0
    with pytest.raises(MissingField):
        read_text(table("# low pass filter 40 Hz\nI,II\n"), Hints())


def test_twelve_unnamed_columns_are_the_leads_with_or_without_a_time() -> None:
    values = np.round(np.random.default_rng(0).normal(size=(30, 12)), 3)
    plain = "\n".join(",".join(f"{value}" for value in row) for row in values)
    timed = "\n".join(
        f"{row / 200:.3f}," + ",".join(f"{value}" for value in cells)
        for row, cells in enumerate(values)
    )
    assert read_text(plain).lead_names == LEADS
    record = read_text(timed, Hints())
    assert record.fs == 200.0
    np.testing.assert_allclose(record.signal, values.T, atol=1e-6)
    transposed = "\n".join(",".join(f"{value}" for value in row) for row in values.T)
    np.testing.assert_allclose(read_text(transposed).signal, values.T, atol=1e-6)
    with pytest.raises(BadShape) as caught:
        read_text("\n".join("1,2,3" for _ in range(30)))
    assert caught.value.detail == (
        "signal: 30 x 3; one axis must have length 12 if lead_names is missing"
    )
    # A first column that does not rise is not a time.
    with pytest.raises(BadShape):
        read_text(plain.replace("\n", ",1\n") + ",1")


def test_lines_that_begin_with_a_leads_name_are_leads() -> None:
    text = "V1," + ",".join(map(str, LEAD_I)) + "\nlead II," + ",".join(map(str, LEAD_II)) + "\n"
    record = read_text(text)
    assert record.lead_names == ("V1", "II")
    np.testing.assert_allclose(record.signal, [LEAD_I, LEAD_II], atol=1e-6)


@pytest.mark.parametrize("decimal", [".", ","])
def test_the_export_of_a_watch_is_read_without_the_owners_name(decimal: str) -> None:
    head = (
        'Name,Erika Mustermann\nDate of Birth,"2. May 1960"\n'
        "Recorded Date,2024-05-01 08:27:32 +0200\nClassification,Sinus Rhythm\n"
        'Software Version,2.0\nDevice,"Watch6,1"\nSample Rate,513.281 hertz\n\n\n'
        "Lead,Lead I\nUnit,µV\n\n"
    )
    record = read_text(
        head + "\n".join(f"{value * 100:.3f}".replace(".", decimal) for value in LEAD_I), Hints()
    )
    assert (record.lead_names, record.fs, record.recording_date) == (
        ("I",),
        513.281,
        "2024-05-01T08:27:32",
    )
    assert record.reported is not None and record.reported.device == "Watch6,1"
    np.testing.assert_allclose(record.signal[0], LEAD_I / 10, atol=1e-6)
    assert record.warnings == ()
    assert "Mustermann" not in repr(record)


def test_gaps_become_nan_and_columns_of_text_are_left_out() -> None:
    record = read_text("I,II,rhythm\n" + "0.1,,SR\nnan,0.2,AF\n0.3,NA,SR\n" * 5)
    np.testing.assert_allclose(
        record.signal[:, :3], [[0.1, np.nan, 0.3], [np.nan, 0.2, np.nan]], atol=1e-6
    )
    assert record.warnings == ("lead_names: not a standard lead in volts, left out: rhythm",)


@pytest.mark.parametrize(
    ("text", "kind", "detail"),
    [
        ("I,II\n1,2\n3,4\n5,x\n7,8\n", BadType, "line 4, column 2: not a number"),
        (
            "# one\n\nI,II\n1,2\n3,4\n5\n7,8\n",
            RaggedSignal,
            "line 6: 1 cells; the lines before it have 2",
        ),
        (
            "I II\n1 2\n3 4\n5\n7 8\n",
            RaggedSignal,
            "line 4: 1 cells; the lines before it have 2",
        ),
        ("I,II\n1,2\n3,4\n=cmd(),4\n7,8\n", BadType, "line 4, column 1: not a number"),
        ("I,II\n1,2\n3,1_0\n7,8\n", BadType, "line 3, column 2: not a number"),
        ("I,II\n1,2\n3,inf\n7,8\n", ImplausibleValues, None),
        ("I,II\n1,\n3,inf\n7,8\n", BadType, "line 3, column 2: not a number"),
        (
            "a,b\n1,2\n3,4\n7,8\n",
            UnknownLead,
            f"no standard lead among the columns (a, b); {HOW_TO_NAME}",
        ),
        (
            "a,b,c\n1,2,3\n3,4,5\n7,8,9\n",
            UnknownLead,
            f"no standard lead among the columns (a, b, c); {HOW_TO_NAME}",
        ),
        (
            "\n".join(map(str, range(13))),
            BadShape,
            "signal: a table of one column without the name of its lead; send lead_names",
        ),
        (
            ",".join(["0"] * 4096),
            BadShape,
            "signal: a table of one line without the name of its lead; send lead_names",
        ),
        (
            ",".join(["0"] * 4097),
            BadShape,
            "signal: one line of 4097 cells; one line per sample (or per lead) is required",
        ),
        ("hello world\nthis is no table\n", UnknownFormat, None),
        ("1\n2\n", UnknownFormat, None),
        (",".join(["1"] * 12), UnknownFormat, None),
        ("# comment\n" * 100 + "I,II\n1,2\n3,4\n", UnknownFormat, None),
    ],
)
def test_an_error_names_its_line_and_column(
    text: str, kind: type[EcgError], detail: str | None
) -> None:
    with pytest.raises(kind) as caught:
        read_text(text)
    assert "cmd" not in caught.value.detail
    assert detail is None or caught.value.detail == detail


def test_the_numbers_may_begin_in_line_100() -> None:
    text = "# comment\n" * 98 + "I,II\n1,2\n3,4\n5,6\n"
    np.testing.assert_array_equal(read_text(text).signal, [[1, 3, 5], [2, 4, 6]])


def test_a_cell_has_at_most_64_characters() -> None:
    number = "0." + "1" * 62
    text = "I,II\n1,\n2,{}\n3,4\n"
    np.testing.assert_allclose(
        read_text(text.format(number)).signal, [[1, 2, 3], [np.nan, float(number), 4]]
    )
    with pytest.raises(BadType) as caught:
        read_text(text.format(number + "1"))
    assert caught.value.detail == "line 3, column 2: not a number"


def test_the_requests_lead_names_replace_the_names_of_the_columns() -> None:
    record = read_text("a,b\n1,2\n3,4\n5,6\n", Hints(fs=100.0, lead_names=LeadNames(("V1", "V2"))))
    assert record.lead_names == ("V1", "V2")
    assert read_text(
        "1\n2\n3\n4\n", Hints(fs=100.0, lead_names=LeadNames(("II",)))
    ).signal.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize("head", ["", "x"])
def test_column_numbers_and_row_numbers_of_pandas_are_ignored(head: str) -> None:
    """`DataFrame(x).to_csv()` writes ",0,1,2,..." above the numbers and an index before them."""
    values = np.round(np.random.default_rng(0).normal(size=(12, 30)), 3)
    for array in (values, values.T):
        rows = [",".join(map(str, row)) for row in array.tolist()]
        numbers = ",".join(map(str, range(array.shape[1])))
        indexed = "".join(f"{number},{row}\n" for number, row in enumerate(rows))
        for text in (numbers + "\n" + "\n".join(rows), f"{head},{numbers}\n{indexed}"):
            record = read_text(text)
            assert record.lead_names == LEADS
            np.testing.assert_allclose(record.signal, values, atol=1e-6)


def test_times_before_numbered_columns_give_the_rate() -> None:
    rows = [
        ",".join(map(str, row))
        for row in np.random.default_rng(0).normal(size=(30, 12)).round(3).tolist()
    ]
    text = (
        ","
        + ",".join(map(str, range(12)))
        + "\n"
        + "".join(f"{number / 250},{row}\n" for number, row in enumerate(rows))
    )
    assert read_text(text, Hints()).fs == 250.0

"""WFDB headers: every field, every default, every limit."""

from __future__ import annotations

import pytest

from errors import CorruptFile, UnknownFormat, UnsafeFile
from formats.parts import Part
from formats.registry import read
from formats.wfdb.header import (
    MAX_FRAME_SAMPLES,
    MAX_HEADER_BYTES,
    MAX_SEGMENTS,
    MAX_SIGNALS,
    Segment,
    SignalLine,
    looks_like_header,
    named_files,
    parse_header,
)
from tests.formats.wfdb.writer import RAMP, encode

SIGNAL = "rec.dat 16 200/mV 12 0 0 0 0 I"


def head(record: str = "rec 1 500 11", *lines: str) -> bytes:
    return "\n".join([record, *(lines or [SIGNAL])]).encode()


def test_every_field_of_a_header_is_read() -> None:
    parsed = parse_header(
        head(
            "rec 2 500/1000(5) 11 8:26:04 26/10/1994",
            "a.dat 16x2:3+24 200.5(-7)/uV 12 5 -31 1234 0 lead II, modified",
            "b.dat 212",
            "# Age: 63  Sex: F",
        )
    )
    full = SignalLine(
        file="a.dat",
        storage=16,
        frame_samples=2,
        skew=3,
        byte_offset=24,
        gain=200.5,
        baseline=-7,
        unit="uV",
        initial_value=-31,
        checksum=1234,
        description="lead II, modified",
    )
    bare = SignalLine("b.dat", 212, 1, 0, 0, 200.0, 0, "mV", 0, None, "", is_calibrated=False)
    assert parsed.signals == (full, bare)
    assert (parsed.fs, parsed.frames, parsed.segments) == (500.0, 11, ())
    assert (parsed.date, parsed.age_years, parsed.sex) == ("1994-10-26T08:26:04", 63.0, "female")
    assert parsed.warnings == ()


@pytest.mark.parametrize(
    ("fields", "gain", "baseline", "unit", "initial_value", "checksum"),
    [
        ("", 200.0, 0, "mV", 0, None),
        ("0", 200.0, 0, "mV", 0, None),
        ("-.5e1", -5.0, 0, "mV", 0, None),
        ("100/uV", 100.0, 0, "uV", 0, None),
        ("100/uV 12", 100.0, 0, "uV", 0, None),
        ("100 12 5", 100.0, 5, "mV", 5, None),
        ("100(-3) 12 5", 100.0, -3, "mV", 5, None),
        ("100 12 5 -7", 100.0, 5, "mV", -7, None),
        ("100 12 5 -7 9", 100.0, 5, "mV", -7, 9),
        ("100 12 5 -7 9 0", 100.0, 5, "mV", -7, 9),
    ],
)
def test_a_field_that_is_left_out_has_its_default(
    fields: str, gain: float, baseline: int, unit: str, initial_value: int, checksum: int | None
) -> None:
    (line,) = parse_header(head("rec 1 500 11", f"rec.dat 16 {fields}")).signals
    is_calibrated = fields not in ("", "0")
    assert line == SignalLine(
        "rec.dat", 16, 1, 0, 0, gain, baseline, unit, initial_value, checksum, "", is_calibrated
    )


@pytest.mark.parametrize(
    ("record", "fs", "frames", "date"),
    [
        ("rec 1", 250.0, None, None),
        ("rec 1 360.5", 360.5, None, None),
        ("rec 1 500 0", 500.0, None, None),
        ("rec 1 500 7", 500.0, 7, None),
        ("rec 1 500 7 8:26:04", 500.0, 7, None),
        ("rec 1 500 7 8:26:04.25 26/10/1994", 500.0, 7, "1994-10-26T08:26:04"),
        ("rec 1 500 7 26:04 26/10/1994", 500.0, 7, "1994-10-26T00:26:04"),
        ("rec 1 500 7 4 26/10/1994", 500.0, 7, "1994-10-26T00:00:04"),
    ],
)
def test_rate_length_and_date_may_be_left_out(
    record: str, fs: float, frames: int | None, date: str | None
) -> None:
    parsed = parse_header(head(record))
    assert (parsed.fs, parsed.frames, parsed.date) == (fs, frames, date)
    assert (parsed.warnings, parsed.states_fs) == ((), record != "rec 1")


@pytest.mark.parametrize("when", ["8:26:04 36/10/1994", "1:8:26:04 26/10/1994", "8:60:00 1/1/2000"])
def test_an_impossible_date_is_ignored_with_a_warning(when: str) -> None:
    parsed = parse_header(head(f"rec 1 500 7 {when}"))
    assert parsed.date is None
    assert parsed.warnings == ("recording_date: not readable in the WFDB header, ignored",)


@pytest.mark.parametrize(
    ("comment", "age_years", "sex"),
    [
        ("# Age: 63\n#Sex: Male", 63.0, "male"),
        ("# <age>: 81 <sex>: M", 81.0, "male"),
        ("  # age=40.5, gender = f", 40.5, "female"),
        ("# Age: 0", 0.0, None),
        ("# Age: 63.5, Sex: F", 63.5, "female"),
        ("# Age: 63,5", None, None),
        ("# Age: 6.3.5", None, None),
        ("# Age: 1.000,5", None, None),
        ("# Age: 120", 120.0, None),
        ("# Age: unknown\n# Sex: unknown", None, None),
        ("# Storage: 12", None, None),
        ("# age 12", None, None),
    ],
)
def test_age_and_sex_come_from_comments(
    comment: str, age_years: float | None, sex: str | None
) -> None:
    parsed = parse_header(head("rec 1 500 11", SIGNAL, comment))
    assert (parsed.age_years, parsed.sex, parsed.warnings) == (age_years, sex, ())


def test_an_age_beyond_120_years_is_ignored_with_a_warning() -> None:
    parsed = parse_header(head("rec 1 500 11", SIGNAL, "# <age>: 121 <sex>: F"))
    assert (parsed.age_years, parsed.sex) == (None, "female")
    assert parsed.warnings == ("patient.age: beyond 120 years in the WFDB header, ignored",)


def test_segments_are_read_with_gaps_and_layouts() -> None:
    parsed = parse_header(head("rec/3 2 500 38", "layout 0", "a-1 11", "~ 27", "# not a segment"))
    assert parsed.segments == (Segment("layout", 0), Segment("a-1", 11), Segment(None, 27))
    assert (parsed.signals, parsed.frames) == ((), 38)


def test_a_byte_order_mark_and_empty_lines_are_skipped() -> None:
    parsed = parse_header(b"\xef\xbb\xbf\r\n" + head().replace(b"\n", b"\r\n\r\n"))
    assert [line.description for line in parsed.signals] == ["I"]


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"", "the record line of the WFDB header cannot be read"),
        (b"# only a comment", "the record line of the WFDB header cannot be read"),
        (b"two words", "the record line of the WFDB header cannot be read"),
        (
            head("rec 0"),
            "WFDB header: 0 signals stated; 1 to 256 are allowed",
        ),
        (
            head("rec 2"),
            "WFDB header: 2 signals stated, 1 described; both must be equal",
        ),
        (
            head("rec/0 1"),
            "WFDB header: 0 segments stated; 1 to 2000 are allowed",
        ),
        (
            head("rec/2 1", "a 11"),
            "WFDB header: 2 segments stated, 1 described; both must be equal",
        ),
        (
            head("rec/1 1", "../a 11"),
            "WFDB header: a segment's line is not a plain name and a number of samples",
        ),
        (head("rec 1", "rec.dat"), "signal 0 of the WFDB header cannot be read"),
        (
            head("rec 2", SIGNAL, "rec.dat 16 200 twelve"),
            "signal 1: ADC resolution in the WFDB header is no number; a whole number is required",
        ),
        (
            head("rec 1", "rec.dat 16x0"),
            "signal 0: 0 samples a frame in the WFDB header; 1 to 1000 are allowed",
        ),
        (
            head("rec 1", "rec.dat 16x1001"),
            "signal 0: 1001 samples a frame in the WFDB header; 1 to 1000 are allowed",
        ),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(data: bytes, detail: str) -> None:
    with pytest.raises(CorruptFile) as caught:
        parse_header(data)
    assert caught.value.detail == detail


@pytest.mark.parametrize("gain", ["inf/mV", "nan", "1e400", "1000(x)", "--3"])
def test_a_signal_whose_gain_is_not_a_finite_number_cannot_be_read(gain: str) -> None:
    header = head(
        "rec 2 500 11", f"rec.dat 16 {gain} 12 0 0 0 0 I", "rec.dat 16 1/mV 12 0 0 0 0 II"
    )
    parts = [Part("rec.hea", header), Part("rec.dat", encode([*RAMP, *RAMP], 16))]
    record = read(parts)
    assert record.lead_names == ("II",)
    assert record.warnings == ("signal: I left out: its gain or offset is not a finite number",)


def test_an_unknown_storage_format_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnknownFormat) as caught:
        parse_header(head("rec 2 500 11", SIGNAL, "rec.dat 17"))
    assert caught.value.detail == (
        "signal 1: WFDB storage format 17; supported are "
        "8, 16, 24, 32, 61, 80, 160, 212, 310, 311, 508, 516, 524"
    )


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../a", "a\\b", "http://127.0.0.1/a", "C:a", "..", "~", "a..b", ".a"],
)
def test_a_signal_file_outside_of_the_upload_is_refused_without_its_name(name: str) -> None:
    with pytest.raises(UnsafeFile) as caught:
        parse_header(head("rec 1 500 11", f"{name} 16"))
    assert caught.value.detail == (
        "the WFDB header names a signal file outside of the upload; plain file names are allowed"
    )


def test_limits_hold_from_both_sides() -> None:
    filled = head() + b"\n#"
    filled += b"x" * (MAX_HEADER_BYTES - len(filled))
    assert len(parse_header(filled).signals) == 1
    with pytest.raises(CorruptFile) as caught:
        parse_header(filled + b"x")
    assert caught.value.detail == "WFDB header: 65537 bytes; the limit is 65536"
    for count, limit, prefix, line in (
        (256, MAX_SIGNALS, "rec ", "a.dat 16"),
        (2000, MAX_SEGMENTS, "rec/", "a 11"),
    ):
        assert limit == count
        separator = " 1" if prefix == "rec/" else ""
        parsed = parse_header(head(f"{prefix}{limit}{separator} 500", *[line] * limit))
        assert len(parsed.signals) + len(parsed.segments) == limit
        with pytest.raises(CorruptFile, match=f"^WFDB header: {limit + 1} s"):
            parse_header(head(f"{prefix}{limit + 1}{separator} 500", *[line] * limit))
    (line,) = parse_header(head("rec 1", f"rec.dat 16x{MAX_FRAME_SAMPLES}")).signals
    assert line.frame_samples == MAX_FRAME_SAMPLES == 1000


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (head(), True),
        (head("rec 1", "~ 0"), True),
        (head("rec 1", "rec.dat 508"), True),
        (head("rec 1", "rec.dat 17"), False),
        (head("rec 1", "I,II"), False),
        (b"rec 1 500", False),
        (b"rec/2 1 500", True),
        (b"", False),
        (head() + b"\0", False),
        (head("rec 1", "#" * 4096, SIGNAL), False),
        (head("rec 1", "#" * 2000, SIGNAL), True),
    ],
)
def test_a_header_is_found_by_its_first_lines(data: bytes, expected: bool) -> None:
    assert looks_like_header(data) is expected


def test_named_files_are_those_of_the_lines_in_order_once() -> None:
    assert named_files(head("rec 3", "b.dat 16", "a.dat 16", "b.dat 16")) == ("b.dat", "a.dat")
    assert named_files(head("rec/4 1", "b 1", "~ 5", "a 2", "b 3")) == ("b.hea", "a.hea")
    assert named_files(b"two words") == ()
    assert named_files(b"") == ()
    many = [f"a{number} 1" for number in range(MAX_SEGMENTS + 1)]
    assert len(named_files(head("rec/2001 1", *many))) == MAX_SEGMENTS

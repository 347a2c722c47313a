"""Multi-segment WFDB records: joined with gaps, or refused if a segment is missing or lies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from errors import CorruptFile, EcgError, MissingPart, NoSamples, RecordingTooLong
from formats.hints import Hints
from formats.parts import Part
from formats.registry import read
from formats.wfdb import segments as segments_module
from tests.formats.wfdb.writer import RAMP, Line, encode, header

ONE = b"rec/1 1 500 11\na 11\n"


def segments(master: bytes, **leads: Sequence[str]) -> list[Part]:
    """Return a master header and, for each segment, a header and a signal file.

    The signals of a segment are the ramp times 1, 2, ... with 100 units a mV.
    """
    parts = [Part("rec.hea", master)]
    for name, names in leads.items():
        lines = []
        for row, lead in enumerate(names):
            codes = [value * (row + 1) for value in RAMP]
            lines.append(Line(f"{name}.dat", "16", "100/mV", codes, lead))
        codes = [value * (row + 1) for value in RAMP for row in range(len(names))]
        head = header(lines).replace(b"rec ", name.encode() + b" ", 1)
        parts += [Part(f"{name}.hea", head), Part(f"{name}.dat", encode(codes, 16))]
    return parts


def replaced(parts: Sequence[Part], name: str, old: bytes, new: bytes) -> list[Part]:
    """Return the parts with a change in one of them."""
    result = []
    for part in parts:
        data = part.data
        if part.name == name:
            assert old in data
            data = data.replace(old, new)
        result.append(Part(part.name, data))
    return result


def test_segments_of_other_signals_and_gaps_become_gaps() -> None:
    ramp = np.array(RAMP) / 100
    master = b"rec/4 3 500 38\nlayout 0\na 11\n~ 16\nb 11\n"
    record = read(segments(master, a=["I", "II"], b=["II", "V1"]))
    assert (record.lead_names, record.fs, record.warnings) == (("I", "II", "V1"), 500.0, ())
    nothing = np.full(11, np.nan)
    gap = np.full(16, np.nan)
    expected = [
        np.concatenate([ramp, gap, nothing]),
        np.concatenate([2 * ramp, gap, ramp]),
        np.concatenate([nothing, gap, 2 * ramp]),
    ]
    np.testing.assert_allclose(record.signal, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("gain", "factor"), [(b"0.1/uV", 1.0), (b"100000/V", 1.0), (b"50/mV", 2.0)]
)
def test_segments_of_different_scales_are_joined_in_millivolt(gain: bytes, factor: float) -> None:
    parts = segments(b"rec/2 1 500 22\na 11\nb 11\n", a=["I"], b=["I"])
    record = read(replaced(parts, "b.hea", b"100/mV", gain))
    ramp = np.array(RAMP) / 100
    np.testing.assert_allclose(record.signal, [np.concatenate([ramp, factor * ramp])], rtol=1e-6)
    assert (record.units, record.warnings) == ("mV", ())


UNCALIBRATED = "units: no gain in the WFDB header for {}; WFDB's default of 200 ADC units per mV"


@pytest.mark.parametrize("leads", [["I"], ["II", "V1"], ["I", "II", "V6"]])
def test_segments_without_gains_give_the_warning_about_the_default(leads: list[str]) -> None:
    parts = segments(b"rec/2 %d 500 22\na 11\nb 11\n" % len(leads), a=leads, b=leads)
    for name in ("a.hea", "b.hea"):
        parts = replaced(parts, name, b" 100/mV ", b" 0 ")
    record = read(parts)
    ramp = np.array(RAMP) / 200
    np.testing.assert_allclose(record.signal[0], [*ramp, *ramp], rtol=1e-6)
    assert record.units == "mV"
    (warning,) = record.warnings
    assert warning.startswith(UNCALIBRATED.format(", ".join(leads)))


def test_a_gain_of_the_request_replaces_that_which_segments_lack() -> None:
    parts = segments(b"rec/2 1 500 22\na 11\nb 11\n", a=["I"], b=["I"])
    for name in ("a.hea", "b.hea"):
        parts = replaced(parts, name, b" 100/mV ", b" 0 ")
    record = read(parts, Hints(gain=100.0))
    np.testing.assert_allclose(record.signal, [np.array([*RAMP, *RAMP]) / 100], rtol=1e-6)
    assert record.warnings == ()


def test_only_the_lead_without_a_gain_is_named() -> None:
    parts = segments(b"rec/1 2 500 11\na 11\n", a=["I", "II"])
    record = read(replaced(parts, "a.hea", b"100/mV 12 0 -238", b"0 12 0 -238"))
    (warning,) = record.warnings
    assert warning.startswith(UNCALIBRATED.format("II"))
    assert record.units == "mV"


def test_warnings_of_segments_are_given_once() -> None:
    parts = segments(b"rec/2 1 500 22\na 11\nb 11\n", a=["I"], b=["I"])
    for name in ("a.hea", "b.hea"):
        parts = replaced(parts, name, b" 0 I", b" 0 I\n# Age: 300")
    assert read(parts).warnings == ("patient.age: beyond 120 years in the WFDB header, ignored",)


def test_a_segment_without_a_stated_length_has_that_of_its_file() -> None:
    parts = replaced(segments(ONE, a=["I"]), "a.hea", b"a 1 500 11", b"a 1 500")
    assert read(parts).samples == 11
    longer = replaced(parts, "rec.hea", b"11", b"12")
    with pytest.raises(CorruptFile) as caught:
        read(longer)
    assert caught.value.detail == "a: 11 frames; the WFDB record states 12"


@pytest.mark.parametrize(
    ("master", "kind", "detail"),
    [
        (
            b"rec/1 1 500 11\nnone 11\n",
            MissingPart,
            "none.hea: a segment of the WFDB record, missing in the upload",
        ),
        (
            b"rec/1 1 500 12\na 11\n",
            CorruptFile,
            "WFDB header: 12 samples a signal stated; its segments have 11",
        ),
        (
            b"rec/1 1 500 12\na 12\n",
            CorruptFile,
            "a: the segment's header states 11 samples a signal, the WFDB record 12",
        ),
        (
            b"rec/1 1 250 11\na 11\n",
            CorruptFile,
            "a: the segment's header states 500 Hz, the WFDB record 250 Hz",
        ),
        (
            b"rec/2 1 500 22\na 11\n",
            CorruptFile,
            "WFDB header: 2 segments stated, 1 described; both must be equal",
        ),
        (
            b"rec/2 1 500 999999999011\na 11\n~ 999999999000\n",
            RecordingTooLong,
            "WFDB record: 999999999011 frames of 1 signals; the limit is 16000000 values",
        ),
    ],
)
def test_segments_that_are_missing_or_lie_are_refused(
    master: bytes, kind: type[EcgError], detail: str
) -> None:
    leads = {"a": ["I"]} if b"\na 1" in master else {}
    with pytest.raises(kind) as caught:
        read(segments(master, **leads))
    assert caught.value.detail == detail


def test_the_limit_counts_the_values_of_all_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = segments(b"rec/2 2 500 22\na 11\n~ 11\n", a=["I", "II"])
    monkeypatch.setattr(segments_module, "MAX_VALUES", 44)
    assert read(parts).signal.shape == (2, 22)
    monkeypatch.setattr(segments_module, "MAX_VALUES", 43)
    with pytest.raises(RecordingTooLong, match=r"^WFDB record: 22 frames of 2 signals"):
        read(parts)


def test_a_segment_of_a_segment_is_refused() -> None:
    parts = [
        Part("rec.hea", b"rec/1 1 500 11\nin 11\n"),
        Part("in.hea", b"in/1 1 500 11\na 11\n"),
        *segments(b"", a=["I"])[1:],
    ]
    with pytest.raises(CorruptFile) as caught:
        read(parts)
    assert caught.value.detail == "in: a segment of the WFDB record has segments itself"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b" I\n", b" II\n", "two signals of one segment have its name"),
        (
            b"100/mV 12 0 -238",
            b"100/mmHg 12 0 -238",
            "its scale changes between segments, and not all of its units are volts",
        ),
        (
            b"100/mV 12 0 -238",
            b"100/unknown 12 0 -238",
            "its scale changes between segments, and not all of its units are volts",
        ),
    ],
)
def test_a_signal_whose_segments_do_not_fit_together_is_left_out_and_named(
    old: bytes, new: bytes, fault: str
) -> None:
    parts = segments(b"rec/2 3 500 22\na 11\nb 11\n", a=["I", "II", "V1"], b=["I", "II", "V1"])
    record = read(replaced(parts, "b.hea", old, new))
    ramp = np.array(RAMP) / 100
    assert "II" not in record.lead_names
    np.testing.assert_allclose(record.signal[-1], [*3 * ramp, *3 * ramp], rtol=1e-6)
    assert record.warnings == (f"signal: II left out: {fault}",)


def test_a_signal_of_another_rate_in_a_segment_is_left_out_and_named() -> None:
    parts = segments(b"rec/2 2 500 22\na 11\nb 11\n", a=["I", "II"], b=["I", "II"])
    # II has two samples a frame in the second segment.
    codes = [code for value in RAMP for code in (value, 2 * value, 2 * value)]
    parts = [*parts[:-1], Part("b.dat", encode(codes, 16))]
    record = read(replaced(parts, "b.hea", b"16 100/mV 12 0 -238", b"16x2 100/mV 12 0 -238"))
    ramp = np.array(RAMP) / 100
    np.testing.assert_allclose(record.signal, [[*ramp, *ramp]], rtol=1e-6)
    assert "signal: II left out: its sampling rate changes between segments" in record.warnings


@pytest.mark.parametrize("unit", [b"mmHg", b"NU", b"%"])
def test_a_channel_that_is_no_lead_may_change_its_gain(unit: bytes) -> None:
    parts = segments(b"rec/2 2 500 22\na 11\nb 11\n", a=["II", "ABP"], b=["II", "ABP"])
    parts = replaced(parts, "a.hea", b"100/mV 12 0 -238", b"10/" + unit + b" 12 0 -238")
    parts = replaced(parts, "b.hea", b"100/mV 12 0 -238", b"5(-3)/" + unit + b" 12 0 -238")
    record = read(parts)
    ramp = np.array(RAMP) / 100
    np.testing.assert_allclose(record.signal, [[*ramp, *ramp]], rtol=1e-6)
    assert record.warnings == ("lead_names: not a standard lead in volts, left out: ABP",)


def test_segments_may_share_a_file() -> None:
    parts = [
        Part("rec.hea", b"rec/2 1 500 11\na 5\nb 6\n"),
        Part("a.hea", b"a 1 500 5\nrec.dat 16 100/mV 12 0 -119 0 0 I\n"),
        Part("b.hea", b"b 1 500 6\nrec.dat 16+10 100/mV 12 0 4 0 0 I\n"),
        Part("rec.dat", encode(RAMP, 16)),
    ]
    record = read(parts)
    np.testing.assert_allclose(record.signal, [np.array(RAMP) / 100], rtol=1e-6)
    assert record.warnings == ()


@pytest.mark.parametrize("master", [b"rec/1 1 500 11\n~ 11\n", b"rec/2 1 500 9\nx 0\n~ 9\n"])
def test_a_record_of_gaps_has_no_samples(master: bytes) -> None:
    with pytest.raises(NoSamples) as caught:
        read([Part("rec.hea", master)])
    assert caught.value.detail == "the segments of the WFDB record are all gaps"


def test_a_layout_alone_has_no_samples() -> None:
    layout = b"rec_layout 2 125 0\n~ 0 83/mV 15 0 -16384 0 0 II\n~ 0 55/mV 14 0 0 0 0 V\n"
    with pytest.raises(NoSamples) as caught:
        read([Part("rec_layout.hea", layout)])
    assert caught.value.detail == (
        "signal 0 of the WFDB header has storage format 0: no samples, as in a layout; "
        "send the record's header with those of its segments"
    )

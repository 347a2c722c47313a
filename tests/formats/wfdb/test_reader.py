"""WFDB records as a whole: published ones against other readers, and what a request changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from errors import (
    BadOption,
    BadShape,
    CorruptFile,
    DuplicateLead,
    MissingPart,
    UnknownFormat,
    UnknownLead,
)
from formats.hints import Hints
from formats.lead_names import LeadNames
from formats.parts import Part
from formats.registry import read
from formats.wfdb.reader import companions
from signals.leads import LEADS
from tests.data import SHARED, requires_shared
from tests.formats.wfdb.writer import RAMP, Line, encode, header, pair, read_pair

FORMATS = SHARED / "formats"


def expected(name: str) -> dict[str, Any]:
    entries: dict[str, dict[str, Any]] = json.loads((FORMATS / "expected.json").read_text())
    return entries[name]


def parts_of(name: str) -> list[Part]:
    folder = FORMATS / "wfdb"
    return [Part(Path(file).name, (folder / file).read_bytes()) for file in expected(name)["files"]]


@requires_shared
@pytest.mark.parametrize("name", ["wfdb/00001_lr.hea", "wfdb/E07500.hea", "wfdb/100_3chan.hea"])
def test_published_records_have_the_values_that_independent_readers_found(name: str) -> None:
    truth = expected(name)
    record = read(parts_of(name))
    assert list(record.lead_names) == truth["leads"]
    assert (record.fs, record.samples, record.units) == (truth["fs"], truth["samples"], "mV")
    for lead, row in zip(record.lead_names, record.signal, strict=True):
        extremes = [np.nanmin(row), np.nanmax(row)]
        np.testing.assert_allclose(extremes, truth["min_max_mV"][lead], atol=1e-3)
        if lead in truth["first5_mV"]:
            np.testing.assert_allclose(row[:5], truth["first5_mV"][lead], atol=1e-3)
    assert record.warnings == ()


@requires_shared
@pytest.mark.parametrize(("name", "channels"), [("binformats", 10), ("flacformats", 3)])
def test_every_storage_format_is_read_as_the_wfdb_package_reads_it(
    name: str, channels: int
) -> None:
    import wfdb

    record = read(parts_of(f"wfdb/{name}.hea"), Hints(lead_names=LeadNames(LEADS[:channels])))
    oracle = wfdb.rdrecord(str(FORMATS / "wfdb" / name)).p_signal.T
    assert np.array_equal(np.isnan(record.signal), np.isnan(oracle))
    np.testing.assert_allclose(record.signal, oracle, rtol=1e-6)
    assert record.warnings == ()


@requires_shared
@pytest.mark.parametrize(("name", "leads"), [("310derive", ("I", "II")), ("311derive_2", ("I",))])
def test_signals_without_a_leads_name_need_names_from_the_request(
    name: str, leads: tuple[str, ...]
) -> None:
    import wfdb

    with pytest.raises(UnknownLead, match="col"):
        read(parts_of(f"wfdb/{name}.hea"))
    record = read(parts_of(f"wfdb/{name}.hea"), Hints(lead_names=LeadNames(leads)))
    oracle = wfdb.rdrecord(str(FORMATS / "wfdb" / name)).p_signal.T
    assert record.lead_names == leads
    np.testing.assert_allclose(record.signal, oracle, rtol=1e-6)


@requires_shared
def test_damaged_flac_is_refused() -> None:
    parts = parts_of("wfdb/flacformats.hea")
    for data in (parts[1].data[:200], b"fLaC", b"RIFF" + bytes(100)):
        damaged = [
            Part(part.name, data if part.name == "flacformats.d1" else part.data) for part in parts
        ]
        with pytest.raises(CorruptFile):
            read(damaged, Hints(lead_names=LeadNames(LEADS[:3])))


@requires_shared
def test_leads_of_several_samples_a_frame_are_read_at_full_rate_through_all_segments() -> None:
    """The wfdb package averages the four samples of a frame unless `smooth_frames` is False."""
    import wfdb

    record = read(parts_of("wfdb/041s/041s.hea"))
    oracle = wfdb.rdrecord(str(FORMATS / "wfdb" / "041s" / "041s"), smooth_frames=False)
    assert (record.lead_names, record.fs) == (("III", "I"), 500.0)
    assert record.recording_date == "1994-10-26T08:26:04"
    np.testing.assert_allclose(record.signal, oracle.e_p_signal[:2], rtol=1e-6)
    assert len(oracle.e_p_signal[3]) == record.samples // 4
    (warning,) = record.warnings
    assert warning.startswith("lead_names: not a standard lead in volts, left out: ")
    assert "ABP" in warning and "PLETH" in warning


@requires_shared
def test_age_and_sex_come_from_comments_and_a_matlab_file_is_read_behind_its_head() -> None:
    record = read(parts_of("wfdb/E07500.hea"))
    assert (record.patient.age_years, record.patient.sex) == (78.0, "male")


def test_a_header_that_ends_after_the_format_has_the_manuals_defaults() -> None:
    parts = [Part("rec.hea", b"rec 1\nrec.dat 16\n"), Part("rec.dat", encode(RAMP, 16))]
    with pytest.raises(UnknownLead):
        read(parts)
    record = read(parts, Hints(lead_names=LeadNames(("II",))))
    assert (record.fs, record.samples) == (250.0, len(RAMP))
    np.testing.assert_allclose(record.signal[0], np.array(RAMP) / 200, rtol=1e-6)
    assert record.warnings == (
        "fs: missing in the WFDB header; WFDB's default of 250 Hz is used",
        "units: no gain in the WFDB header for (no name); WFDB's default of 200 ADC units per mV "
        "is used; send gain if another is known",
    )


@pytest.mark.parametrize("gain", ["", "0", "0/mV"])
@pytest.mark.parametrize("uncalibrated", [0, 1, 2])
def test_a_channel_without_a_gain_beside_others_has_the_default_as_the_warning_says(
    gain: str, uncalibrated: int
) -> None:
    gains, names = ["400/mV", "1000/mV", "50/mV"], ("I", "II", "V1")
    gains[uncalibrated] = gain
    lines = [
        " ".join(["rec.dat 16", of_lead or "0", "16 0 0 0 0", name])
        for of_lead, name in zip(gains, names, strict=True)
    ]
    head = "\n".join(["rec 3 500", *lines]) + "\n"
    samples = [value for value in RAMP for _ in names]
    record = read([Part("rec.hea", head.encode()), Part("rec.dat", encode(samples, 16))])
    divisors = [400.0, 1000.0, 50.0]
    divisors[uncalibrated] = 200.0
    assert record.units == "mV"
    for row, divisor in zip(record.signal, divisors, strict=True):
        np.testing.assert_allclose(row, np.array(RAMP) / divisor, rtol=1e-6)
    assert record.warnings == (
        f"units: no gain in the WFDB header for {names[uncalibrated]}; WFDB's default of 200 ADC "
        "units per mV is used; send gain if another is known",
    )


@pytest.mark.parametrize("gain", ["", "0", "0/mV"])
@pytest.mark.parametrize(
    ("more", "factor"), [({"gain": 100.0}, 1 / 100), ({"units": "uV"}, 1 / 200_000)]
)
def test_what_the_request_states_does_not_contradict_the_manuals_defaults(
    gain: str, more: dict[str, Any], factor: float
) -> None:
    header = f"rec 1\nrec.dat 16 {gain}\n".encode()
    parts = [Part("rec.hea", header), Part("rec.dat", encode(RAMP, 16))]
    record = read(parts, Hints(fs=500.0, lead_names=LeadNames(("II",)), **more))
    assert (record.fs, record.units, record.warnings) == (500.0, "mV", ())
    np.testing.assert_allclose(record.signal[0], np.array(RAMP) * factor, rtol=1e-6)


def test_channels_that_are_not_a_lead_or_a_voltage_are_left_out_and_named() -> None:
    lines = [
        Line("rec.dat", "16", "20/mmHg", RAMP, "ABP"),
        Line("rec.dat", "16", "1/mV", RAMP, "V3R"),
        Line("rec.dat", "16", "1/mV", RAMP, "V2"),
    ]
    record = read_pair(header(lines), encode([value for value in RAMP for _ in range(3)], 16))
    assert record.lead_names == ("V2",)
    np.testing.assert_array_equal(record.signal, [RAMP])
    assert record.warnings == ("lead_names: not a standard lead in volts, left out: ABP, V3R",)


def test_a_lead_that_comes_twice_is_refused() -> None:
    head, data = pair()
    with pytest.raises(DuplicateLead):
        read_pair(head.replace(b" II", b" I"), data)


def test_date_age_and_sex_are_read_and_names_are_not() -> None:
    head, data = pair(
        when="8:26:04 26/10/1994", comments="# <age>: 63 <sex>: F\n# Name: Erika Mustermann"
    )
    record = read_pair(head, data)
    assert record.recording_date == "1994-10-26T08:26:04"
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")
    assert record.warnings == ()
    assert "Mustermann" not in repr(record)


def test_the_request_wins_over_the_file_with_a_warning_for_each_contradiction() -> None:
    head, data = pair(comments="#Age: 60\n#Sex: F")
    parts = [Part("rec.hea", head), Part("rec.dat", data)]
    hints = Hints(
        fs=250.0,
        lead_names=LeadNames(("V1", "V2")),
        gain=500.0,
        age=40.0,
        sex="male",
        recording_date="today",
        id=("x",),
    )
    record = read(parts, hints)
    assert (record.fs, record.lead_names) == (250.0, ("V1", "V2"))
    assert (record.id, record.recording_date) == ("x", "today")
    assert (record.patient.age_years, record.patient.sex) == (40.0, "male")
    np.testing.assert_allclose(record.signal[0], np.array(RAMP) / 500, rtol=1e-6)
    contradicted = sorted(warning.split(":")[0] for warning in record.warnings)
    assert contradicted == ["fs", "gain", "lead_names", "patient.age", "patient.sex"]
    with pytest.raises(BadShape, match="lead_names"):
        read(parts, Hints(lead_names=LeadNames(("V1",))))
    with pytest.raises(BadOption, match="units"):
        read(parts, Hints(units="furlong"))


def named(parts: list[Part]) -> list[str]:
    return [part.name for part in companions(parts[:1], parts)[0]]


def test_companions_are_the_files_that_the_header_and_its_segments_name() -> None:
    files = [Part(name, b"data") for name in ("a.dat", "other.txt", "b.dat")]
    assert named([Part("x.hea", b"x 2\na.dat 16\nb.dat 16\n"), *files]) == ["a.dat", "b.dat"]
    segment = Part("a.hea", b"a 1\na.dat 16\n")
    assert named([Part("x.hea", b"x/1 1\na 5\n"), segment, *files]) == ["a.hea", "a.dat"]
    # A signal file that looks like text is not asked for names.
    text = Part("a.dat", b"a 1\nother.txt 17\n")
    assert named([Part("x.hea", b"x 1\na.dat 16\n"), text, *files[1:]]) == ["a.dat"]


def test_one_leftover_name_takes_one_leftover_file() -> None:
    head = Part("x.hea", b"x 2\na.dat 16\nb.dat 16\n")
    assert named([head, Part("a.dat", b""), Part("other", b"")]) == ["a.dat", "other"]
    assert named([head, Part("a.dat", b""), Part("o", b""), Part("p", b"")]) == ["a.dat"]
    assert named([head, Part("other", b"")]) == []
    assert named([head, Part("a.dat", b""), Part("b.dat", b""), Part("other", b"")]) == [
        "a.dat",
        "b.dat",
    ]


def test_a_missing_signal_file_is_named() -> None:
    with pytest.raises(MissingPart) as caught:
        read([Part("rec.hea", pair()[0])])
    assert caught.value.detail == "rec.dat: named by the WFDB header, missing in the upload"
    assert caught.value.errors[0].loc == ("file",)


HEADER = header([Line("r.dat", "16", "1000/mV", RAMP, "I")], samples=len(RAMP))
DAT = Part("r.dat", encode(RAMP, 16))
NO_HEADER = (
    "file: a WFDB signal file (.dat) without its header; the header is missing: "
    "send the .hea of the same record too"
)


@pytest.mark.parametrize(
    "parts",
    [
        [DAT],
        [Part("folder/00001_LR.DAT", DAT.data)],
        [DAT, Part("r.atr", b"\x01\x70\0\0")],
        [Part("a.dat", DAT.data), Part("b.dat", DAT.data)],
        [Part("samples", b"fLaC\0\0\0\x22")],
        [DAT, Part("r.hea", b"")],
    ],
    ids=lambda parts: " ".join(part.name for part in parts),
)
def test_signal_files_without_a_header_lack_the_header(parts: list[Part]) -> None:
    with pytest.raises(MissingPart) as caught:
        read(parts)
    assert caught.value.detail == NO_HEADER


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no header at all", "the record line of the WFDB header cannot be read"),
        (b"r 1 500 11", "WFDB header: 1 signals stated, 0 described; both must be equal"),
        (b"r 1 500 11\nr.dat 99", "signal 0: WFDB storage format 99; supported are 8, 16"),
    ],
)
def test_a_header_that_is_not_recognised_is_the_fault_that_is_named(
    data: bytes, reason: str
) -> None:
    with pytest.raises((CorruptFile, UnknownFormat)) as caught:
        read([DAT, Part("r.hea", data)])
    assert caught.value.detail.startswith(reason)


@pytest.mark.parametrize("missing", ["s2.hea", "s1.dat", "s1.hea"])
def test_the_missing_file_of_a_segment_is_named(missing: str) -> None:
    segment = [
        Part("m.hea", b"m/2 1 500 22\ns1 11\ns2 11\n"),
        Part("s1.hea", HEADER.replace(b"r.dat", b"s1.dat")),
        Part("s2.hea", HEADER.replace(b"r.dat", b"s2.dat")),
        Part("s1.dat", DAT.data),
        Part("s2.dat", DAT.data),
    ]
    assert read(segment).samples == 22
    with pytest.raises(MissingPart, match=rf"^{missing}: ") as caught:
        read([part for part in segment if part.name != missing])
    assert caught.value.code == "missing_part"

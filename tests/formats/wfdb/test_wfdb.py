"""WFDB records: what PhysioNet publishes is read to the last bit, and what is damaged or hostile is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from errors import (
    BadOption,
    BadShape,
    CorruptFile,
    DuplicateLead,
    EcgError,
    MissingPart,
    RecordingTooLong,
    UnknownFormat,
    UnknownLead,
    UnsafeFile,
)
from formats.hints import Hints
from formats.parts import Part
from formats.registry import read
from formats.wfdb.storage import STORAGE
from signals.leads import LEADS
from signals.record import EcgRecord
from tests.data import SHARED, requires_shared
from tests.formats.wfdb.writer import Line, differences, encode, header

FORMATS = SHARED / "formats"
RAMP = [-119, -55, 64, 86, -91, 4, 7, 100, -100, 55, 31]
WIDTHS = {8: 8, 16: 16, 24: 24, 32: 32, 61: 16, 80: 8, 160: 16, 212: 12, 310: 10, 311: 10}


def expected(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FORMATS / "expected.json").read_text())[name]
    return found


def parts_of(name: str) -> list[Part]:
    folder = FORMATS / "wfdb"
    return [Part(Path(file).name, (folder / file).read_bytes()) for file in expected(name)["files"]]


def two_leads(head: bytes, data: bytes) -> EcgRecord:
    return read([Part("rec.hea", head), Part("rec.dat", data)])


def pair(storage: str = "16", gain: str = "1000/mV", **more: Any) -> tuple[bytes, bytes]:
    """A record of I and II in one file."""
    lines = [
        Line("rec.dat", storage, gain, RAMP, "I"),
        Line("rec.dat", storage, gain, RAMP[::-1], "II"),
    ]
    codes = [value for frame in zip(RAMP, RAMP[::-1], strict=True) for value in frame]
    return header(lines, **more), encode(
        codes, int(storage.split("x")[0].split("+")[0].split(":")[0])
    )


@requires_shared
@pytest.mark.parametrize("name", ["wfdb/00001_lr.hea", "wfdb/E07500.hea", "wfdb/100_3chan.hea"])
def test_published_records_have_the_leads_rate_and_millivolts_that_independent_readers_found(
    name: str,
) -> None:
    truth = expected(name)
    record = read(parts_of(name))
    assert list(record.lead_names) == truth["leads"]
    assert (record.fs, record.samples, record.units) == (truth["fs"], truth["samples"], "mV")
    for lead, row in zip(record.lead_names, record.signal, strict=True):
        np.testing.assert_allclose(
            [np.nanmin(row), np.nanmax(row)], truth["min_max_mV"][lead], atol=1e-3
        )
        if lead in truth["first5_mV"]:
            np.testing.assert_allclose(row[:5], truth["first5_mV"][lead], atol=1e-3)
    assert record.warnings == ()


@requires_shared
def test_every_storage_format_of_the_wfdb_package_is_read_as_that_package_reads_it() -> None:
    import wfdb

    record = read(parts_of("wfdb/binformats.hea"), Hints(lead_names=LEADS[:10]))
    oracle = wfdb.rdrecord(str(FORMATS / "wfdb" / "binformats")).p_signal.T
    assert np.array_equal(np.isnan(record.signal), np.isnan(oracle))
    np.testing.assert_allclose(record.signal, oracle, rtol=1e-6)
    assert not [warning for warning in record.warnings if "checksum" in warning]


@requires_shared
@pytest.mark.parametrize(
    ("name", "leads"), [("wfdb/310derive.hea", ("I", "II")), ("wfdb/311derive_2.hea", ("I",))]
)
def test_signals_without_a_leads_name_need_names_from_the_request(
    name: str, leads: tuple[str, ...]
) -> None:
    with pytest.raises(UnknownLead, match="col"):
        read(parts_of(name))
    record = read(parts_of(name), Hints(lead_names=leads))
    np.testing.assert_allclose(
        record.signal[-1, :3], [-0.025, -0.025, -0.03] if leads == ("I",) else record.signal[-1, :3]
    )
    assert record.samples == expected(name)["samples"]


@requires_shared
def test_flac_is_read_as_the_wfdb_package_reads_it() -> None:
    import wfdb

    record = read(parts_of("wfdb/flacformats.hea"), Hints(lead_names=LEADS[:3]))
    oracle = wfdb.rdrecord(str(FORMATS / "wfdb" / "flacformats")).p_signal.T
    assert np.array_equal(np.isnan(record.signal), np.isnan(oracle))
    np.testing.assert_allclose(record.signal, oracle, rtol=1e-6)
    assert not [warning for warning in record.warnings if "checksum" in warning]


@requires_shared
def test_flac_that_is_damaged_or_of_other_channels_is_a_damaged_file() -> None:
    parts = parts_of("wfdb/flacformats.hea")
    for name, data in (
        ("flacformats.d1", parts[1].data[:200]),
        ("flacformats.d1", b"fLaC"),
        ("flacformats.d1", b"RIFF" + bytes(100)),
    ):
        with pytest.raises(CorruptFile):
            read(
                [Part(part.name, data if part.name == name else part.data) for part in parts],
                Hints(lead_names=LEADS[:3]),
            )


@requires_shared
def test_leads_of_several_samples_a_frame_are_read_at_their_full_rate_through_all_segments() -> (
    None
):
    """The wfdb package averages the four samples of a frame unless it is told not to."""
    import wfdb

    record = read(parts_of("wfdb/041s/041s.hea"))
    oracle = wfdb.rdrecord(str(FORMATS / "wfdb" / "041s" / "041s"), smooth_frames=False)
    assert (record.lead_names, record.fs, record.recording_date) == (
        ("III", "I"),
        500.0,
        "1994-10-26T08:26:04",
    )
    np.testing.assert_allclose(record.signal, oracle.e_p_signal[:2], rtol=1e-6)
    assert len(oracle.e_p_signal[3]) == record.samples // 4
    assert any("ABP" in warning and "PLETH" in warning for warning in record.warnings)
    assert not [
        warning for warning in record.warnings if "checksum" in warning or "ignored" in warning
    ]


def segments(master: bytes, **leads: Sequence[str]) -> list[Part]:
    """A master header and, for each segment, a .hea and a .dat in which the signals are the ramp times 1, 2, ..."""
    parts = [Part("rec.hea", master)]
    for name, names in leads.items():
        lines = [
            Line(f"{name}.dat", "16", "100/mV", [value * (row + 1) for value in RAMP], lead)
            for row, lead in enumerate(names)
        ]
        codes = [value * (row + 1) for value in RAMP for row in range(len(names))]
        parts += [
            Part(f"{name}.hea", header(lines).replace(b"rec ", name.encode() + b" ")),
            Part(f"{name}.dat", encode(codes, 16)),
        ]
    return parts


def test_segments_of_other_signals_and_gaps_become_gaps() -> None:
    ramp = np.array(RAMP) / 100
    record = read(
        segments(b"rec/4 3 500 38\nlayout 0\na 11\n~ 16\nb 11\n", a=["I", "II"], b=["II", "V1"])
    )
    assert record.lead_names == ("I", "II", "V1")
    nothing = np.full(11, np.nan)
    rows = [[ramp, nothing], [2 * ramp, ramp], [nothing, 2 * ramp]]
    np.testing.assert_allclose(
        record.signal,
        [np.concatenate([one, np.full(16, np.nan), other]) for one, other in rows],
        rtol=1e-6,
    )


def test_segments_in_units_of_their_own_are_joined_in_millivolt() -> None:
    parts = segments(b"rec/2 1 500 22\na 11\nb 11\n", a=["I"], b=["I"])
    parts = [
        Part(
            part.name,
            part.data.replace(b"100/mV", b"0.1/uV") if part.name == "b.hea" else part.data,
        )
        for part in parts
    ]
    np.testing.assert_allclose(read(parts).signal[0], np.array([*RAMP, *RAMP]) / 100, rtol=1e-6)


@pytest.mark.parametrize(
    ("master", "kind"),
    [
        (b"rec/1 1 500 11\nrec 11\n", MissingPart),
        (b"rec/1 1 500 11\nnone 11\n", MissingPart),
        (b"rec/1 1 500 12\na 12\n", CorruptFile),
        (b"rec/1 1 500 12\na 11\n", CorruptFile),
        (b"rec/1 1 250 11\na 11\n", CorruptFile),
        (b"rec/2 1 500 999999999011\na 11\n~ 999999999000\n", RecordingTooLong),
        (b"rec/1 1 500 11\n../a 11\n", CorruptFile),
        (b"rec/2 1 500 22\na 11\n", CorruptFile),
    ],
)
def test_segments_that_are_missing_or_lie_are_refused(master: bytes, kind: type[EcgError]) -> None:
    leads = {"a": ["I"]} if b"\na 1" in master else {}
    with pytest.raises(kind):
        read(segments(master, **leads))


def test_a_segment_with_segments_of_its_own_ends_there() -> None:
    parts = [
        Part("rec.hea", b"rec/1 1 500 11\nin 11\n"),
        Part("in.hea", b"in/1 1 500 11\na 11\n"),
        *segments(b"", a=["I"])[1:],
    ]
    with pytest.raises(CorruptFile, match="segments itself"):
        read(parts)


@requires_shared
def test_age_and_sex_come_from_comments_and_a_matlab_file_is_read_behind_its_head() -> None:
    record = read(parts_of("wfdb/E07500.hea"))
    assert (record.patient.age_years, record.patient.sex) == (78.0, "male")


@pytest.mark.parametrize("storage", sorted(STORAGE))
@pytest.mark.parametrize("count", [7, 8, 9, 10, 11, 12])
def test_each_storage_format_gives_back_what_an_independent_encoder_wrote(
    storage: int, count: int
) -> None:
    high = (1 << (WIDTHS[storage] - 1)) - 1
    codes = (
        [int(value) for value in np.linspace(-high, high, count)]
        if storage != 8
        else [int(v) for v in np.linspace(-300, 300, count)]
    )
    lines = [
        Line("rec.dat", str(storage), "100(5)/mV", codes, "V1"),
        Line("rec.dat", str(storage), "100(5)/mV", codes[::-1], "I"),
    ]
    frames = [value for frame in zip(codes, codes[::-1], strict=True) for value in frame]
    data = differences([codes, codes[::-1]]) if storage == 8 else encode(frames, storage)
    record = two_leads(header(lines), data)
    np.testing.assert_allclose(record.signal, (np.array([codes, codes[::-1]]) - 5) / 100, rtol=1e-6)
    assert record.lead_names == ("V1", "I")
    assert record.warnings == ()


@pytest.mark.parametrize("storage", sorted(set(STORAGE) - {8}))
def test_the_smallest_code_is_a_gap(storage: int) -> None:
    codes = [1, -(1 << (WIDTHS[storage] - 1)), 3]
    record = two_leads(
        header([Line("rec.dat", str(storage), "1/mV", codes, "I")]), encode(codes, storage)
    )
    np.testing.assert_array_equal(record.signal, [[1, np.nan, 3]])


@pytest.mark.parametrize(
    ("gain", "zero", "millivolt"),
    [
        ("0", 0, 1.0),
        ("200", 0, 1.0),
        ("200(100)/mV", 0, 0.5),
        ("200/mV", 100, 0.5),
        ("0.2/uV", 0, 1.0),
        ("200000/V", 0, 1.0),
        ("200/mv", 0, 1.0),
    ],
)
def test_gain_baseline_and_unit_follow_the_manual(gain: str, zero: int, millivolt: float) -> None:
    codes = [200, 200]
    record = two_leads(header([Line("rec.dat", "16", gain, codes, "I", zero)]), encode(codes, 16))
    np.testing.assert_allclose(record.signal, [[millivolt, millivolt]], rtol=1e-6)


def test_a_header_that_ends_after_the_format_has_the_manuals_defaults() -> None:
    with pytest.raises(UnknownLead):
        two_leads(b"rec 1\nrec.dat 16\n", encode(RAMP, 16))
    record = read(
        [Part("rec.hea", b"rec 1\nrec.dat 16\n"), Part("rec.dat", encode(RAMP, 16))],
        Hints(lead_names=("II",)),
    )
    assert (record.fs, record.samples) == (250.0, len(RAMP))
    np.testing.assert_allclose(record.signal[0], np.array(RAMP) / 200, rtol=1e-6)
    assert any(warning.startswith("fs:") for warning in record.warnings)


def test_a_skewed_signal_is_moved_back_as_the_wfdb_package_does(tmp_path: Path) -> None:
    import wfdb

    head, data = pair()
    head = head.replace(b"16", b"16:3", 1)
    (tmp_path / "rec.hea").write_bytes(head)
    (tmp_path / "rec.dat").write_bytes(data)
    np.testing.assert_allclose(
        two_leads(head, data).signal, wfdb.rdrecord(str(tmp_path / "rec")).p_signal.T, rtol=1e-6
    )
    assert np.isnan(two_leads(head, data).signal[0, -3:]).all()


def test_leads_may_lie_in_several_files_of_several_formats() -> None:
    lines = [Line("a.dat", "16", "1/mV", RAMP, "I"), Line("b.dat", "212", "1/mV", RAMP, "II")]
    record = read(
        [
            Part("b.dat", encode(RAMP, 212)),
            Part("a.dat", encode(RAMP, 16)),
            Part("x.hea", header(lines)),
        ]
    )
    np.testing.assert_array_equal(record.signal, [RAMP, RAMP])


def test_channels_that_are_no_lead_or_no_voltage_are_left_out_and_named() -> None:
    lines = [
        Line("rec.dat", "16", "20/mmHg", RAMP, "ABP"),
        Line("rec.dat", "16", "1/mV", RAMP, "V3R"),
        Line("rec.dat", "16", "1/mV", RAMP, "V2"),
    ]
    record = two_leads(header(lines), encode([value for value in RAMP for _ in range(3)], 16))
    assert record.lead_names == ("V2",)
    assert any("ABP, V3R" in warning for warning in record.warnings)


def test_a_lead_that_comes_twice_is_refused() -> None:
    head, data = pair()
    with pytest.raises(DuplicateLead):
        two_leads(head.replace(b" II", b" I"), data)


def test_a_wrong_checksum_is_a_warning() -> None:
    head, data = pair()
    damaged = bytearray(data)
    damaged[4] ^= 0x10
    assert any("checksum" in warning for warning in two_leads(head, bytes(damaged)).warnings)


def test_the_recording_date_is_put_as_iso_8601_and_odd_ones_are_ignored_with_a_warning() -> None:
    head, data = pair(when="8:26:04 26/10/1994")
    assert two_leads(head, data).recording_date == "1994-10-26T08:26:04"
    head, data = pair(when="8:26:04 36/10/1994")
    record = two_leads(head, data)
    assert record.recording_date is None
    assert any(warning.startswith("recording_date") for warning in record.warnings)


def test_names_in_comments_are_dropped_and_ages_beyond_120_ignored() -> None:
    head, data = pair(comments="# <age>: 300 <sex>: F\n# Name: Erika Mustermann")
    record = two_leads(head, data)
    assert (record.patient.age_years, record.patient.sex) == (None, "female")
    assert any("age" in warning for warning in record.warnings)
    assert "Mustermann" not in repr(record)


def test_an_only_unmatched_name_takes_the_only_unmatched_file_if_its_size_fits() -> None:
    head, data = pair()
    assert read([Part("upload-1", head), Part("upload-2", data)]).lead_names == ("I", "II")
    with pytest.raises(MissingPart, match=r"rec\.dat"):
        read([Part("upload-1", head), Part("upload-2", data[:-4])])


def test_a_missing_count_is_taken_from_the_size_and_a_lying_one_refused() -> None:
    head, data = pair(samples=0)
    assert two_leads(head, data).samples == len(RAMP)
    for stated in (len(RAMP) + 1, 10**9, 10**17):
        with pytest.raises(CorruptFile, match="samples"):
            two_leads(pair(samples=stated)[0], data)


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../rec.dat", "a\\rec.dat", "http://127.0.0.1/rec.dat", "C:rec.dat", "..", "~"],
)
def test_a_header_that_points_elsewhere_is_refused_without_an_echo(name: str) -> None:
    head, data = pair()
    with pytest.raises(UnsafeFile) as caught:
        two_leads(head.replace(b"rec.dat", name.encode()), data)
    assert name not in caught.value.detail or name in ("..", "~")


@pytest.mark.parametrize("gain", ["inf/mV", "nan", "1e400", "1000(x)", "--3"])
def test_a_gain_that_is_no_number_is_refused(gain: str) -> None:
    with pytest.raises(CorruptFile, match="gain"):
        two_leads(*pair(gain=gain))


def test_unknown_storage_is_refused_by_name() -> None:
    head, data = pair()
    with pytest.raises(UnknownFormat, match="17"):
        two_leads(head.replace(b"rec.dat 16 1000/mV 12 0 31", b"rec.dat 17 1000/mV 12 0 31"), data)


def test_the_request_wins_over_the_file_with_a_warning_for_each_contradiction() -> None:
    head, data = pair(comments="#Age: 60\n#Sex: F")
    hints = Hints(
        fs=250.0,
        lead_names=("V1", "V2"),
        gain=500.0,
        age=40.0,
        sex="male",
        recording_date="today",
        id=("x",),
    )
    record = read([Part("rec.hea", head), Part("rec.dat", data)], hints)
    assert (record.fs, record.lead_names, record.id, record.recording_date) == (
        250.0,
        ("V1", "V2"),
        "x",
        "today",
    )
    assert (record.patient.age_years, record.patient.sex) == (40.0, "male")
    np.testing.assert_allclose(record.signal[0], np.array(RAMP) / 500, rtol=1e-6)
    assert sorted(warning.split(":")[0] for warning in record.warnings) == [
        "fs",
        "gain",
        "lead_names",
        "patient.age",
        "patient.sex",
    ]
    with pytest.raises(BadShape, match="lead_names"):
        read([Part("rec.hea", head), Part("rec.dat", data)], Hints(lead_names=("V1",)))
    with pytest.raises(BadOption, match="units"):
        read([Part("rec.hea", head), Part("rec.dat", data)], Hints(units="furlong"))


def test_a_header_without_signals_or_with_too_many_stated_is_refused() -> None:
    for head in (
        b"rec 3 500 11\nrec.dat 16 1/mV 12 0 0 0 0 I\n",
        b"rec 999999 500 11\nrec.dat 16 1/mV 12 0 0 0 0 I\n",
    ):
        with pytest.raises(EcgError, match="signals"):
            two_leads(head, encode(RAMP, 16))

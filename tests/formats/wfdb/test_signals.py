"""Signal files of WFDB records: matching, interleaving, skew, gaps, checksums and FLAC."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from errors import CorruptFile, MissingPart, RecordingTooLong
from formats.hints import Hints
from formats.lead_names import LeadNames
from formats.parts import Part
from formats.registry import read
from formats.wfdb import flac
from signals.record import EcgRecord
from tests.formats.wfdb.writer import RAMP, Line, encode, header, pair, read_pair

FLAC_TYPES = {508: "PCM_S8", 516: "PCM_16", 524: "PCM_24"}


def test_leads_may_be_in_several_files_of_several_formats() -> None:
    lines = [
        Line("a.dat", "16", "1/mV", RAMP, "I"),
        Line("b.dat", "212", "1/mV", RAMP[::-1], "II"),
        Line("a.dat", "16", "2/mV", RAMP[::-1], "V1"),
    ]
    interleaved = [value for frame in zip(RAMP, RAMP[::-1], strict=True) for value in frame]
    record = read(
        [
            Part("b.dat", encode(RAMP[::-1], 212)),
            Part("a.dat", encode(interleaved, 16)),
            Part("x.hea", header(lines)),
        ]
    )
    assert (record.lead_names, record.warnings) == (("I", "II", "V1"), ())
    expected = [RAMP, RAMP[::-1], np.array(RAMP[::-1]) / 2]
    np.testing.assert_array_equal(record.signal, np.array(expected, np.float32))


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
    record = read_pair(header([Line("rec.dat", "16", gain, codes, "I", zero)]), encode(codes, 16))
    np.testing.assert_allclose(record.signal, [[millivolt, millivolt]], rtol=1e-6)


def test_a_skewed_signal_is_moved_back_as_the_wfdb_package_does(tmp_path: Path) -> None:
    import wfdb

    head, data = pair()
    head = head.replace(b"16", b"16:3", 1)
    (tmp_path / "rec.hea").write_bytes(head)
    (tmp_path / "rec.dat").write_bytes(data)
    record = read_pair(head, data)
    oracle = wfdb.rdrecord(str(tmp_path / "rec")).p_signal.T
    np.testing.assert_allclose(record.signal, oracle, rtol=1e-6)
    by_hand = [*(value / 1000 for value in RAMP[3:]), np.nan, np.nan, np.nan]
    np.testing.assert_allclose(record.signal[0], by_hand, rtol=1e-6)
    np.testing.assert_allclose(record.signal[1], np.array(RAMP[::-1]) / 1000, rtol=1e-6)


def test_a_skew_is_counted_in_frames_and_may_exceed_the_record() -> None:
    codes = [1, 2, 3, 4, 5, 6]
    head = header([Line("rec.dat", "16x2:1", "1/mV", codes, "I")], samples=3)
    record = read_pair(head, encode(codes, 16))
    assert record.fs == 1000.0
    np.testing.assert_array_equal(record.signal, [[3, 4, 5, 6, np.nan, np.nan]])
    all_gap = read_pair(head.replace(b"16x2:1", b"16x2:9"), encode(codes, 16))
    np.testing.assert_array_equal(all_gap.signal, np.full((1, 6), np.nan))


def test_signals_of_different_samples_a_frame_are_interleaved_by_frame() -> None:
    """Three frames of two samples of I and one of ABP; ABP has half the rate and is left out."""
    head = b"rec 2 500 3\nrec.dat 16x2 1/mV 12 0 0 0 0 I\nrec.dat 16 1/mmHg 12 0 0 0 0 ABP\n"
    record = read_pair(head, encode([1, 2, 90, 3, 4, 91, 5, 6, 92], 16))
    assert (record.lead_names, record.fs) == (("I",), 1000.0)
    np.testing.assert_array_equal(record.signal, [[1, 2, 3, 4, 5, 6]])
    assert record.warnings == ("lead_names: not a standard lead in volts, left out: ABP",)


def test_samples_begin_at_the_byte_offset() -> None:
    head, data = pair("16+24")
    record = read_pair(head, bytes(range(24)) + data)
    np.testing.assert_allclose(record.signal[0], np.array(RAMP) / 1000, rtol=1e-6)
    assert (record.samples, record.warnings) == (len(RAMP), ())


def test_a_wrong_checksum_is_a_warning_that_counts_the_signals() -> None:
    head, data = pair()
    damaged = bytearray(data)
    damaged[4] ^= 0x10  # the second frame's sample of I
    record = read_pair(head, bytes(damaged))
    assert record.warnings == ("file: checksum wrong for 1 of 2 signals; the data may be damaged",)
    damaged[6] ^= 0x10  # the second frame's sample of II
    assert read_pair(head, bytes(damaged)).warnings == (
        "file: checksum wrong for 2 of 2 signals; the data may be damaged",
    )


def test_a_checksum_of_0_or_none_is_not_checked() -> None:
    data = encode([1, 2, 4], 16)
    for checksum in (0, 7, 7 + 65536, 7 - 65536):
        head = f"rec 1 500 3\nrec.dat 16 1/mV 12 0 1 {checksum} 0 I\n".encode()
        assert read_pair(head, data).warnings == ()
    nameless = b"rec 1 500 3\nrec.dat 16 1/mV 12 0 1\n"
    record = read(
        [Part("rec.hea", nameless), Part("rec.dat", data)], Hints(lead_names=LeadNames(("I",)))
    )
    assert [warning for warning in record.warnings if "checksum" in warning] == []


def test_an_only_unmatched_name_takes_the_only_unmatched_file_if_its_size_fits() -> None:
    head, data = pair()
    for name in ("upload-2", "REC.DAT"):
        record = read([Part("upload-1", head), Part(name, data)])
        np.testing.assert_allclose(record.signal[0], np.array(RAMP) / 1000, rtol=1e-6)
        assert record.warnings == ()
    unstated = pair(samples=0)[0]
    assert read([Part("upload-1", unstated), Part("upload-2", data)]).samples == len(RAMP)
    assert read([Part("upload-1", unstated), Part("upload-2", data[:4])]).samples == 1
    for wrong in (data[:-4], data + bytes(4)):
        assert_missing([Part("upload-1", head), Part("upload-2", wrong)])
    # Without a stated length the size must be a whole number of frames, and not empty.
    for wrong in (data[:-2], b"\0"):
        assert_missing([Part("upload-1", unstated), Part("upload-2", wrong)])
    assert_missing([Part("upload-1", head), Part("a", data), Part("b", data)])


def assert_missing(parts: list[Part]) -> None:
    with pytest.raises(MissingPart) as caught:
        read(parts)
    assert caught.value.detail == "rec.dat: named by the WFDB header, missing in the upload"


def test_a_missing_length_is_taken_from_the_shortest_file() -> None:
    head, data = pair(samples=0)
    assert read_pair(head, data).samples == len(RAMP)
    lines = [Line("a.dat", "16", "1/mV", RAMP, "I"), Line("b.dat", "16", "1/mV", RAMP, "II")]
    shorter = encode(RAMP[:9], 16)
    parts = [
        Part("x.hea", header(lines, samples=0)),
        Part("a.dat", encode(RAMP, 16)),
        Part("b.dat", shorter),
    ]
    np.testing.assert_array_equal(read(parts).signal, [RAMP[:9], RAMP[:9]])


def test_a_length_beyond_the_file_is_refused_and_a_shorter_one_cuts_it() -> None:
    _, data = pair()
    for stated in (len(RAMP) + 1, 10**9, 10**17):
        with pytest.raises(CorruptFile) as caught:
            read_pair(pair(samples=stated)[0], data)
        assert caught.value.detail == (
            f"WFDB header: {stated} samples a signal stated; the file has 11"
        )
    head = pair(samples=10)[0].replace(CHECKSUM_OF_11, b" 0 0 ")
    record = read_pair(head, data)
    np.testing.assert_allclose(record.signal[0], np.array(RAMP[:10]) / 1000, rtol=1e-6)
    assert record.warnings == (
        "file: 4 bytes (1 samples a signal) after the last sample of rec.dat, left out",
    )


CHECKSUM_OF_11 = f" {sum(RAMP)} 0 ".encode()


@pytest.mark.parametrize(
    ("storage", "surplus", "named"),
    [
        ("16", 400, "400 bytes (100 samples a signal)"),
        ("16", 3, "3 bytes (0 samples a signal)"),
        ("212", 7, "7 bytes (2 samples a signal)"),
        ("24", 6, "6 bytes (1 samples a signal)"),
        ("80", 1, "1 bytes (0 samples a signal)"),
    ],
)
def test_what_follows_the_stated_samples_is_left_out_and_named(
    storage: str, surplus: int, named: str
) -> None:
    head, data = pair(storage)
    record = read_pair(head, data + bytes(surplus))
    np.testing.assert_allclose(record.signal[0], np.array(RAMP) / 1000, rtol=1e-6)
    assert record.warnings == (f"file: {named} after the last sample of rec.dat, left out",)


def test_the_longer_of_two_files_is_cut_with_a_warning() -> None:
    lines = [Line("a.dat", "16", "1/mV", RAMP, "I"), Line("b.dat", "16", "1/mV", RAMP, "II")]
    parts = [
        Part("x.hea", header(lines)),
        Part("a.dat", encode([*RAMP, 5], 16)),
        Part("b.dat", encode(RAMP, 16)),
    ]
    record = read(parts)
    np.testing.assert_array_equal(record.signal, [RAMP, RAMP])
    assert record.warnings == (
        "file: 2 bytes (1 samples a signal) after the last sample of a.dat, left out",
    )


def test_a_padded_last_block_is_no_surplus() -> None:
    # Eleven samples of format 212 end within a block of three bytes, and of 311 within four.
    for storage in (212, 310, 311):
        head = header([Line("rec.dat", str(storage), "1/mV", RAMP, "I")])
        record = read_pair(head, encode(RAMP, storage))
        np.testing.assert_array_equal(record.signal, [RAMP])
        assert record.warnings == ()


@pytest.mark.parametrize(("storage", "times"), [("16", 2), ("16", 12), ("32", 3), ("80", 2)])
def test_a_file_that_may_hold_more_signals_than_stated_is_refused(storage: str, times: int) -> None:
    head, data = pair(storage)
    with pytest.raises(CorruptFile) as caught:
        read_pair(head, data * times)
    assert caught.value.detail == (
        f"rec.dat: {len(data) * times} bytes, {len(data)} belong to the signals and samples that "
        f"the WFDB header states; the file may hold {times} times as many signals"
    )


@pytest.mark.parametrize("stated", [1, 3])
def test_as_many_signals_are_stated_as_described(stated: int) -> None:
    head, data = pair()
    with pytest.raises(CorruptFile) as caught:
        read_pair(head.replace(b"rec 2 ", f"rec {stated} ".encode()), data)
    assert caught.value.detail == (
        f"WFDB header: {stated} signals stated, 2 described; both must be equal"
    )


def test_a_file_of_less_than_a_frame_is_refused() -> None:
    head, data = pair(samples=0)
    with pytest.raises(CorruptFile) as caught:
        read_pair(head, data[:2])
    assert caught.value.detail == "the WFDB signal file is empty"


def test_signals_of_one_file_have_one_storage_format() -> None:
    head, data = pair()
    other = head.replace(b"rec.dat 16", b"rec.dat 61", 1)
    with pytest.raises(CorruptFile) as caught:
        read_pair(other, data)
    assert caught.value.detail == "rec.dat: signals of one file in several storage formats"


# FLAC


def flac_bytes(rows: list[list[int]], storage: int) -> bytes:
    """Write (signals, samples) as a FLAC file: soundfile takes the top bits of 32."""
    bits = {508: 8, 516: 16, 524: 24}[storage]
    table = np.array(rows, np.int32).T << (32 - bits)
    file = io.BytesIO()
    soundfile.write(file, table, 500, subtype=FLAC_TYPES[storage], format="FLAC")
    return file.getvalue()


def read_flac(
    rows: list[list[int]], storage: int = 516, *, kind: str = "", samples: int | None = None
) -> EcgRecord:
    names = ["I", "II", "V1"][: len(rows)]
    lines = [
        Line("rec.dat", f"{storage}{kind}", "10/mV", row, name)
        for row, name in zip(rows, names, strict=True)
    ]
    return read_pair(header(lines, samples=samples), flac_bytes(rows, storage))


@pytest.mark.parametrize("storage", [508, 516, 524])
@pytest.mark.parametrize("samples", [None, 0, 10])
def test_flac_is_read_with_gaps(storage: int, samples: int | None) -> None:
    smallest = {508: -128, 516: -(1 << 15), 524: -(1 << 23)}[storage]
    rows = [RAMP, [*RAMP[:5], smallest, smallest + 1, *RAMP[7:]], RAMP[::-1]]
    record = read_flac(rows, storage, samples=samples)
    expected = np.array(rows, float) / 10
    expected[1, 5] = np.nan
    np.testing.assert_allclose(record.signal, expected[:, : samples or 11], rtol=1e-6)
    # The checksum is that of all 11 samples.
    assert bool(record.warnings) is (samples == 10)


def test_flac_with_several_samples_a_frame_has_their_rate() -> None:
    rows = [list(range(1, 8)), list(range(11, 18))]
    record = read_flac(rows, kind="x2", samples=3)
    assert (record.fs, record.samples) == (1000.0, 6)
    np.testing.assert_allclose(record.signal * 10, [row[:6] for row in rows], rtol=1e-6)
    # Without a stated length an incomplete frame at the end is left out.
    assert read_flac(rows, kind="x2", samples=0).samples == 6


def test_flac_signals_have_equally_many_samples_a_frame() -> None:
    head = b"rec 2 500 3\nrec.dat 516x2 1/mV 12 0 0 0 0 I\nrec.dat 516 1/mV 12 0 0 0 0 II\n"
    with pytest.raises(CorruptFile) as caught:
        read_pair(head, flac_bytes([[1] * 6, [2] * 6], 516))
    assert caught.value.detail == (
        "rec.dat: signals of one FLAC file with different numbers of samples a frame"
    )


def test_flac_of_other_channels_or_fewer_frames_is_refused() -> None:
    head = header([Line("rec.dat", "516", "1/mV", RAMP, "I")])
    with pytest.raises(CorruptFile) as caught:
        read_pair(head, flac_bytes([RAMP, RAMP], 516))
    assert caught.value.detail == ("WFDB signal file: FLAC of 2 channels; the header states 1")
    with pytest.raises(CorruptFile) as caught:
        read_pair(header([Line("rec.dat", "516", "1/mV", RAMP, "I")], samples=12), FLAC_RAMP)
    assert caught.value.detail == ("WFDB header: 12 samples a signal stated, the FLAC file has 11")
    wave = io.BytesIO()
    soundfile.write(wave, np.array(RAMP, np.int16), 500, subtype="PCM_16", format="WAV")
    with pytest.raises(CorruptFile) as caught:
        read_pair(head, wave.getvalue())
    assert caught.value.detail == "WFDB signal file: FLAC of 1 channels; the header states 1"


FLAC_RAMP = flac_bytes([RAMP], 516)


@pytest.mark.parametrize("data", [FLAC_RAMP[:60], b"fLaC", b"RIFF" + bytes(100), b"x"])
def test_a_damaged_flac_file_is_refused(data: bytes) -> None:
    with pytest.raises(CorruptFile) as caught:
        read_pair(header([Line("rec.dat", "516", "1/mV", RAMP, "I")]), data)
    assert caught.value.detail == "the FLAC file of the WFDB record is damaged"


def test_the_limit_of_flac_counts_the_values_of_all_channels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [RAMP, RAMP[::-1]]
    monkeypatch.setattr(flac, "MAX_VALUES", 22)
    assert read_flac(rows).signal.shape == (2, 11)
    monkeypatch.setattr(flac, "MAX_VALUES", 21)
    with pytest.raises(RecordingTooLong) as caught:
        read_flac(rows)
    assert caught.value.detail == (
        "WFDB record: 11 samples of 2 signals in a FLAC file; the limit is 21 values"
    )


def test_a_renamed_flac_file_is_found_by_its_magic() -> None:
    head = header([Line("rec.dat", "516", "1/mV", RAMP, "I")])
    np.testing.assert_array_equal(
        read([Part("upload-1", head), Part("upload-2", FLAC_RAMP)]).signal, [RAMP]
    )
    assert_missing([Part("upload-1", head), Part("upload-2", encode(RAMP, 16))])

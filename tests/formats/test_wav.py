"""WAV files: of Python's wave module, and encoded here as mit2wav and other writers do."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest

from errors import (
    BadSamplingRate,
    CorruptFile,
    EcgError,
    MissingField,
    NoSamples,
    RecordingTooLong,
    UnknownFormat,
    UnsafeFile,
)
from formats.hints import Hints
from formats.lead_names import LeadNames
from formats.parts import Part
from formats.registry import read
from signals.leads import LEADS
from signals.record import EcgRecord
from tests.formats.binary_files import chunk, wav

RAMP = np.stack([np.arange(-300, 300), 7 - np.arange(600)], axis=1)
TWO = Hints(lead_names=LeadNames(("II", "V5")), gain=200.0)
PLAIN = RAMP.astype("<i2").tobytes()
NO_UNIT = "units: the WAV file states none; send units or gain; results that need volts are null"


def opened(data: bytes, hints: Hints = TWO) -> EcgRecord:
    return read([Part("upload", data)], hints)


def int24(values: np.ndarray) -> bytes:
    return b"".join(int(value).to_bytes(3, "little", signed=True) for value in values.ravel())


@pytest.mark.parametrize(
    ("samples", "width"),
    [
        ((RAMP // 5 + 128).astype("u1").tobytes(), 1),
        (PLAIN, 2),
        (int24(RAMP * 1000), 3),
        ((RAMP * 100_000).astype("<i4").tobytes(), 4),
    ],
)
def test_samples_of_8_to_32_bits_are_read(samples: bytes, width: int) -> None:
    stored = {1: RAMP // 5, 2: RAMP, 3: RAMP * 1000, 4: RAMP * 100_000}[width]
    for data in (wav(samples, 2, width), wav(samples, 2, width, subformat=1)):
        record = opened(data)
        assert (record.lead_names, record.fs, record.units) == (("II", "V5"), 250.0, "mV")
        np.testing.assert_allclose(record.signal, stored.T / 200, rtol=1e-6)
        assert record.warnings == ()


@pytest.mark.parametrize("side", ["lowest", "highest"])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_what_lies_at_the_end_of_the_range_of_any_width_is_a_gap(width: int, side: str) -> None:
    half = 1 << (8 * width - 1)
    values = np.tile(np.arange(-60, 60), 10)[:, np.newaxis] * np.array([1, -1]) * (half // 128)
    values[300:600] = -half if side == "lowest" else half - 1
    signed = (values + 128 * (width == 1)).astype("<i8").view(np.uint8).reshape(-1, 8)
    record = opened(wav(signed[:, :width].tobytes(), 2, width))
    gaps = np.isnan(record.signal)
    assert gaps[:, 300:600].all()
    assert gaps.sum() == 600
    assert record.warnings == (
        "signal: all leads at the lowest or highest value that the file can hold from 1.20 to "
        "2.40 s; that is no signal",
    )


@pytest.mark.parametrize(("dtype", "width"), [("<f4", 4), ("<f8", 8)])
def test_samples_of_floats_are_read_and_nan_is_a_gap(dtype: str, width: int) -> None:
    values = RAMP / 100
    values[5, 1] = np.nan
    samples = values.astype(dtype).tobytes()
    hints = Hints(lead_names=LeadNames(("II", "V5")), units="mV")
    for data in (wav(samples, 2, width, tag=3), wav(samples, 2, width, subformat=3)):
        record = opened(data, hints)
        np.testing.assert_allclose(record.signal, values.T, rtol=1e-6)
        assert record.warnings == ()


@pytest.mark.parametrize(("channels", "fs"), [(1, 500), (2, 250), (12, 1000)])
def test_a_file_of_pythons_wave_module_is_read(channels: int, fs: int) -> None:
    values = np.arange(600 * channels).reshape(600, channels)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(fs)
        writer.writeframes(values.astype("<i2").tobytes())
    record = opened(file.getvalue(), Hints(lead_names=LeadNames(LEADS[:channels]), units="uV"))
    assert (record.lead_names, record.fs) == (LEADS[:channels], float(fs))
    np.testing.assert_allclose(record.signal, values.T / 1000, rtol=1e-6)
    assert record.warnings == ()


@pytest.mark.parametrize("adc_bits", [10, 11, 12])
def test_the_gain_holds_for_the_samples_as_mit2wav_shifts_them(adc_bits: int) -> None:
    shift = 16 - adc_bits
    samples = (RAMP // 2 << shift).astype("<i2").tobytes()
    data = wav(samples, 2, 2, bits=adc_bits)
    record = opened(data, Hints(lead_names=LeadNames(("I", "II")), gain=200.0 * (1 << shift)))
    np.testing.assert_allclose(record.signal, RAMP.T // 2 / 200, rtol=1e-6)
    assert record.warnings == ()


def test_with_its_wfdb_header_the_file_is_read_by_it() -> None:
    lines = [
        f"rec.wav 16+44 {gain}/mV 16 0 0 0 0 {lead}" for gain, lead in ((6400, "V5"), (50, "I"))
    ]
    header = "\n".join(["rec 2 250 600", *lines, ""]).encode()
    parts = [Part("rec.wav", wav(PLAIN, 2, 2)), Part("rec.hea", header)]
    record = read(parts)
    assert (record.lead_names, record.units) == (("V5", "I"), "mV")
    np.testing.assert_allclose(record.signal, RAMP.T / [[6400], [50]], rtol=1e-5)
    assert record.warnings == ()


def test_without_a_unit_the_units_are_unknown_and_a_warning_says_so() -> None:
    record = opened(wav(PLAIN, 2, 2), Hints(lead_names=LeadNames(("II", "V5"))))
    assert (record.units, record.warnings) == ("unknown", (NO_UNIT,))
    np.testing.assert_array_equal(record.signal, RAMP.T)


@pytest.mark.parametrize("channels", [1, 2, 11])
def test_channels_without_names_need_them(channels: int) -> None:
    data = wav(bytes(2 * 600 * channels), channels, 2)
    with pytest.raises(MissingField) as caught:
        opened(data, Hints())
    assert caught.value.detail == (
        f"lead_names: missing; the WAV file has {channels} channels without names, send them as "
        "a parameter"
    )


def test_twelve_channels_without_names_are_the_leads_in_their_order() -> None:
    data = wav(np.arange(7200).astype("<i2").tobytes(), 12, 2)
    record = opened(data, Hints(units="uV"))
    assert record.lead_names == LEADS
    np.testing.assert_allclose(record.signal[:, 0], np.arange(12) / 1000, rtol=1e-6)
    assert record.warnings == ()


def test_other_chunks_are_left_out() -> None:
    more = (
        chunk(b"LIST", b"INFOINAM\5\0\0\0Erika\0"),
        chunk(b"fact", b"\0\0\0\0"),
        chunk(b"odd ", b"1"),
    )
    record = opened(wav(PLAIN, 2, 2, *more) + chunk(b"bext", bytes(3)))
    assert "Erika" not in repr(record)
    np.testing.assert_allclose(record.signal, RAMP.T / 200, rtol=1e-6)


@pytest.mark.parametrize(
    ("data", "warning"),
    [
        (
            wav(PLAIN, 2, 2, size=100),
            "file: the WAV header states 108 bytes, the file has 2444",
        ),
        (
            wav(PLAIN, 2, 2, size=0xFFFFFFFF),
            "file: the WAV header states 4294967303 bytes, the file has 2444",
        ),
        (
            wav(PLAIN, 2, 2, size=2443) + bytes(7),
            "file: 7 bytes after the last WAV chunk, ignored",
        ),
        (
            wav(PLAIN + b"12", 2, 2),
            "file: 2 bytes of a last frame in the WAV file, ignored",
        ),
    ],
)
def test_sizes_that_disagree_are_named(data: bytes, warning: str) -> None:
    record = opened(data)
    np.testing.assert_allclose(record.signal, RAMP.T / 200, rtol=1e-6)
    assert record.warnings == (warning,)


def with_size(identifier: bytes, size: int) -> bytes:
    data = bytearray(wav(PLAIN, 2, 2))
    at = data.index(identifier) + 4
    data[at : at + 4] = struct.pack("<I", size)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "kind", "detail"),
    [
        (
            with_size(b"data", 2401),
            CorruptFile,
            "WAV chunk 'data': 2401 bytes stated, 2400 are left",
        ),
        (
            with_size(b"data", 0xFFFFFFFF),
            CorruptFile,
            "WAV chunk 'data': 4294967295 bytes stated, 2400 are left",
        ),
        (with_size(b"data", 0), CorruptFile, "WAV chunk 'data': 0 bytes stated, 2400 are left"),
        (wav(b"", 2, 2), NoSamples, "the WAV file has no samples"),
        (wav(PLAIN, 2, 2)[:20], CorruptFile, "WAV chunk 'fmt ': 16 bytes stated, 0 are left"),
        (wav(PLAIN, 2, 2)[:36], CorruptFile, "the WAV file has no chunk of samples (data)"),
        (
            b"RIFF\4\0\0\0WAVE",
            CorruptFile,
            "WAV chunk 'fmt ': 0 bytes; 16 state the format",
        ),
        (wav(PLAIN, 2, 2) + chunk(b"data", b""), CorruptFile, "the WAV file has two chunks 'data'"),
        (wav(PLAIN, 0, 2), CorruptFile, "WAV file: 0 channels; 1 to 512 are allowed"),
        (wav(PLAIN, 513, 2), CorruptFile, "WAV file: 513 channels; 1 to 512 are allowed"),
        (wav(PLAIN, 2, 2, fs=0), BadSamplingRate, "fs: the WAV file's sampling rate is 0"),
        (
            wav(PLAIN, 2, 2, bits=17),
            CorruptFile,
            "WAV file: frames of 4 bytes for 2 channels of 17 bits; a sample has 1, 2, 3, 4 bytes",
        ),
        (
            wav(PLAIN, 2, 5),
            CorruptFile,
            "WAV file: frames of 10 bytes for 2 channels of 40 bits; a sample has 1, 2, 3, 4 bytes",
        ),
        (
            wav(PLAIN, 2, 2, tag=3),
            CorruptFile,
            "WAV file: frames of 4 bytes for 2 channels of 16 bits; a sample has 4, 8 bytes",
        ),
        (
            wav(PLAIN, 2, 2, tag=85),
            UnknownFormat,
            "WAV samples of format 85; 1 (PCM) and 3 (float) are supported",
        ),
        (
            wav(PLAIN, 2, 2, subformat=6),
            UnknownFormat,
            "WAV samples of format 6; 1 (PCM) and 3 (float) are supported",
        ),
        (
            wav(PLAIN, 2, 2, *[chunk(b"junk", b"")] * 1000),
            UnsafeFile,
            "the WAV file has more than 1000 chunks",
        ),
        (
            wav(bytes(16_000_002), 2, 1),
            RecordingTooLong,
            "signal: 8000001 samples of 2 channels in the WAV file; the limit is 16000000 values",
        ),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    data: bytes, kind: type[EcgError], detail: str
) -> None:
    with pytest.raises(kind) as caught:
        opened(data)
    assert caught.value.detail == detail

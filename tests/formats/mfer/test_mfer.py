"""MFER files that the shared ones do not cover, written here from the words of the standard."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from errors import (
    BadSamplingRate,
    CorruptFile,
    EcgError,
    MissingField,
    NoSamples,
    UnknownFormat,
)
from formats.mfer import fields as fields_module
from formats.mfer.definitions import Definitions
from formats.mfer.fields import Field, parse_fields
from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord

RAMP = np.arange(-50, 50)
PREAMBLE = b"\x40\x0cMFR Standard"
END = b"\x80\x00"
# 2 x 10^-3 s, and 2500 x 10^-9 V a unit.
MS_2 = b"\x0b\x03\x01\xfd\x02"
NV_2500 = b"\x0c\x04\x00\xf7\x09\xc4"


def opened(data: bytes) -> EcgRecord:
    return read([Part("upload", data)])


def tag(number: int, value: bytes) -> bytes:
    length = bytes([len(value)]) if len(value) < 0x80 else b"\x84" + len(value).to_bytes(4, "big")
    return bytes([number]) + length + value


def attribute(channel: int, *inner: bytes, indefinite: bool = False) -> bytes:
    """Return the definitions of one channel."""
    body = b"".join(inner)
    length = b"\x80" if indefinite else bytes([len(body)])
    end = b"\0\0" if indefinite else b""
    return b"\x3f" + bytes([channel]) + length + body + end


def lead(number: int) -> bytes:
    return tag(0x09, number.to_bytes(2, "big"))


def data_of(*rows: np.ndarray) -> bytes:
    return tag(0x1E, np.concatenate(rows).astype(">i2").tobytes())


HEAD = PREAMBLE + MS_2 + NV_2500 + lead(1)


def test_a_resting_ecg_is_read_with_definitions_of_all_and_of_single_channels() -> None:
    head = PREAMBLE + MS_2 + NV_2500 + tag(0x05, b"\x03") + tag(0x04, b"\0\x64")
    head += tag(0x06, b"\x01")
    head += attribute(0, lead(1)) + attribute(1, lead(62), indefinite=True)
    head += attribute(2, lead(3), tag(0x0C, b"\x00\xfa\x0a"))
    person = tag(0x81, b"Mustermann^Erika") + tag(0x82, b"4711") + tag(0x84, b"\x02")
    person += tag(0x83, struct.pack(">BHHBB", 0, 0, 1960, 5, 2))
    person += tag(0x85, struct.pack(">H5BHH", 2024, 5, 1, 8, 27, 32, 0, 0))
    person += tag(0x17, b"Maker^M1^9^8\0")
    record = opened(head + person + data_of(RAMP, 2 * RAMP, 3 * RAMP) + END)
    assert (record.lead_names, record.fs) == (("I", "aVR", "V1"), 500.0)
    assert record.recording_date == "2024-05-01T08:27:32"
    np.testing.assert_allclose(record.signal, [RAMP * 2.5e-3, RAMP * 5e-3, RAMP * 0.03], rtol=1e-5)
    assert record.reported is not None and record.reported.device == "Maker / M1"
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")
    assert record.warnings == ()
    assert "Mustermann" not in repr(record) and "4711" not in repr(record)


@pytest.mark.parametrize(
    ("years", "age_years"), [(0, None), (1, 1.0), (80, 80.0), (120, 120.0), (255, None)]
)
def test_an_age_is_stated_in_years(years: int, age_years: float | None) -> None:
    age = tag(0x83, struct.pack(">BHHBB", years, 0, 0, 0, 0))
    record = opened(HEAD + age + data_of(RAMP) + END)
    assert (record.patient.age_years, record.warnings) == (age_years, ())


def test_an_age_beyond_120_years_is_left_out_with_a_warning() -> None:
    record = opened(HEAD + tag(0x83, b"\x79" + bytes(6)) + data_of(RAMP) + END)
    assert record.patient.age_years is None
    assert len(record.warnings) == 1 and record.warnings[0].startswith("patient.age: ")


@pytest.mark.parametrize(("number", "sex"), [(0, None), (1, "male"), (2, "female"), (3, "other")])
def test_sex_is_a_number(number: int, sex: str | None) -> None:
    assert opened(HEAD + tag(0x84, bytes([number])) + data_of(RAMP) + END).patient.sex == sex


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [(0, "i2"), (1, "u2"), (2, "i4"), (3, "u1"), (5, "i1"), (6, "u4"), (7, "f4"), (8, "f8")],
)
@pytest.mark.parametrize(("order", "sign"), [(0, ">"), (1, "<")])
def test_every_data_type_in_either_byte_order_with_offset_and_gap(
    kind: int, dtype: str, order: int, sign: str
) -> None:
    values = np.arange(1, 101).astype(dtype)
    offset, gap = (np.array([value], dtype=sign + dtype).tobytes() for value in (5, 7))
    head = tag(0x01, bytes([order])) + tag(0x0B, b"\x00\x00\x64") + tag(0x0C, b"\x00\xfd\x01")
    head += tag(0x0A, bytes([kind])) + tag(0x0D, offset) + tag(0x12, gap)
    head += tag(0x09, b"\x00\x02" if order == 0 else b"\x02\x00")
    record = opened(head + tag(0x1E, values.astype(sign + dtype).tobytes()) + END)
    assert (record.lead_names, record.fs, record.warnings) == (("II",), 100.0, ())
    expected = np.where(values == 7, np.nan, values.astype(float) + 5)
    np.testing.assert_allclose(record.signal[0], expected, rtol=1e-6)


def test_the_lowest_16_bit_number_is_a_gap_by_default() -> None:
    values = np.array([1, -32768, -32767, 0])
    record = opened(HEAD + data_of(values) + END)
    expected = [2.5e-3, np.nan, -32767 * 2.5e-3, 0]
    np.testing.assert_allclose(record.signal[0], expected, rtol=1e-5)


def test_an_offset_of_another_length_than_a_sample_is_0() -> None:
    record = opened(HEAD + tag(0x0D, b"\x05") + data_of(RAMP) + END)
    np.testing.assert_allclose(record.signal[0], RAMP * 2.5e-3, rtol=1e-5)


@pytest.mark.parametrize(
    ("interval", "fs"),
    [
        (b"\x00\x00\x64", 100.0),
        (b"\x00\x01\x19", 250.0),
        (b"\x01\xfd\x04", 250.0),
        (b"\x01\xfc\x00\x19", 400.0),
        (b"\x01\xfd\x03", 333.333333),
        (b"\x00\xf4" + (500 * 10**12).to_bytes(8, "big"), 500.0),
    ],
)
def test_the_interval_is_in_hertz_or_seconds(interval: bytes, fs: float) -> None:
    record = opened(PREAMBLE + tag(0x0B, interval) + NV_2500 + lead(1) + data_of(RAMP) + END)
    assert record.fs == fs


def test_sequences_of_blocks_and_frames_are_joined_and_average_beats_left_out() -> None:
    head = PREAMBLE + MS_2 + NV_2500 + tag(0x05, b"\x02") + tag(0x04, b"\x0a")
    head += attribute(0, lead(1)) + attribute(1, lead(2))
    frame = data_of(*(np.concatenate([block, 3 * block]) for block in RAMP.reshape(10, 10)))
    beat = tag(0x08, b"\x09") + frame + tag(0x08, b"\x01")
    record = opened(head + beat + frame + frame + END)
    np.testing.assert_allclose(record.signal[0], np.tile(RAMP, 2) * 2.5e-3, rtol=1e-5)
    np.testing.assert_allclose(record.signal[1], np.tile(RAMP, 2) * 7.5e-3, rtol=1e-5)
    assert record.warnings == ()
    with pytest.raises(NoSamples):
        opened(head + beat + END)


def test_channels_may_have_blocks_of_their_own_and_other_rates() -> None:
    """Two blocks of 4 samples of I at 500 Hz and of 2 status words at 250 Hz."""
    head = PREAMBLE + MS_2 + NV_2500 + tag(0x05, b"\x02") + tag(0x04, b"\x04")
    head += attribute(0, lead(1))
    status = [tag(0x0A, b"\x04"), tag(0x04, b"\x02"), tag(0x0B, b"\x00\x01\x19"), lead(2)]
    head += attribute(1, *status)
    record = opened(head + data_of(np.array([1, 2, 3, 4, 90, 91, 5, 6, 7, 8, 92, 93])) + END)
    assert (record.lead_names, record.fs) == (("I",), 500.0)
    np.testing.assert_allclose(record.signal[0], np.arange(1, 9) * 2.5e-3, rtol=1e-5)
    assert record.warnings == ("lead_names: not a standard lead in volts, left out: II",)


def test_sequences_beyond_the_stated_number_are_left_out() -> None:
    head = HEAD + tag(0x04, b"\x0a")
    np.testing.assert_allclose(
        opened(head + tag(0x06, b"\x03") + data_of(RAMP) + END).signal[0],
        RAMP[:30] * 2.5e-3,
        rtol=1e-5,
    )
    # Without a number: all complete ones.
    assert opened(head + data_of(RAMP[:39]) + END).samples == 30


def test_the_waveform_worth_most_is_read_and_the_others_are_counted() -> None:
    two_channels = tag(0x05, b"\x02") + attribute(0, lead(1)) + attribute(1, lead(2))
    scaled = NV_2500.replace(b"\x09\xc4", b"\x13\x88")
    short = MS_2 + NV_2500 + two_channels + tag(0x04, b"\x14") + data_of(RAMP[:40])
    long = scaled + tag(0x04, b"\x28") + data_of(RAMP[:80])
    record = opened(PREAMBLE + short + long + short + END)
    assert (record.samples, record.lead_names) == (40, ("I", "II"))
    np.testing.assert_allclose(record.signal[1], RAMP[40:80] * 5e-3, rtol=1e-5)
    assert record.warnings == ("file: 2 other waveforms in the MFER file, left out",)


def test_a_pressure_channel_is_not_a_lead() -> None:
    with pytest.raises(MissingField, match="units: the MFER file states unit 1 for I"):
        opened(PREAMBLE + MS_2 + b"\x0c\x03\x01\x00\x01" + lead(1) + data_of(RAMP) + END)


def test_a_file_is_found_by_its_preamble_or_by_tags_down_to_the_data() -> None:
    bare = tag(0x01, b"\0") + MS_2 + NV_2500 + lead(1)
    assert opened(bare + data_of(RAMP) + END).lead_names == ("I",)
    others = (
        bare + END,
        tag(0x01, b"\x02") + MS_2 + data_of(RAMP),
        bare + b"\x09",
        tag(0x40, b"MFR preceded by this"[4:]) + HEAD + data_of(RAMP),
    )
    for other in others:
        with pytest.raises(UnknownFormat):
            opened(other)


# Without a preamble the whole file would not be taken for MFER, so each of these has one.
@pytest.mark.parametrize(
    ("data", "kind", "detail"),
    [
        (HEAD + END, NoSamples, "the MFER file has no waveform"),
        (
            HEAD + b"\x1e\x84\xff\xff\xff\xff" + bytes(8),
            CorruptFile,
            "MFER tag: 4294967295 bytes stated, 8 are left",
        ),
        (
            HEAD + b"\x1e\x85\0\0\0\0\x01\0",
            CorruptFile,
            "the MFER file has a tag whose length cannot be read",
        ),
        (HEAD + b"\x1e", CorruptFile, "the MFER file ends within a tag"),
        (
            HEAD + tag(0x05, b"\xff\xff") + data_of(RAMP),
            CorruptFile,
            "MFER file: 65535 channels; 1 to 256 are allowed",
        ),
        (
            HEAD + tag(0x05, b"\0") + data_of(RAMP),
            CorruptFile,
            "MFER file: 0 channels; 1 to 256 are allowed",
        ),
        (
            HEAD + tag(0x04, b"\x65") + data_of(RAMP),
            CorruptFile,
            "MFER file: a sequence of 202 bytes stated, its frame has 200 bytes",
        ),
        (
            HEAD + tag(0x04, b"\0\0") + data_of(RAMP),
            CorruptFile,
            "MFER file: a block of 0 samples stated; at least 1 is required",
        ),
        (
            HEAD + tag(0x06, b"\x65") + data_of(RAMP),
            CorruptFile,
            "MFER file: 101 sequences of 2 bytes stated, their frame has 200 bytes",
        ),
        (
            HEAD + tag(0x06, b"\0") + data_of(RAMP),
            CorruptFile,
            "MFER file: 0 sequences stated; at least 1 is required",
        ),
        (
            HEAD + tag(0x01, b"\x02"),
            CorruptFile,
            "the byte order of the MFER file is neither 0 nor 1",
        ),
        (
            HEAD + tag(0x0A, b"\x09") + data_of(RAMP),
            UnknownFormat,
            "MFER data of type 9; 0 to 8 are supported",
        ),
        (
            HEAD + tag(0x0E, b"\x00\x01") + data_of(RAMP),
            UnknownFormat,
            "compressed MFER files are not supported",
        ),
        (
            PREAMBLE + tag(0x0B, b"\x01\xfd\x00") + lead(1) + data_of(RAMP),
            BadSamplingRate,
            "fs: the MFER file's sampling interval is 0, or in a unit other than Hz and seconds",
        ),
        (
            PREAMBLE + tag(0x0B, b"\x02\x00\x01") + lead(1) + data_of(RAMP),
            BadSamplingRate,
            "fs: the MFER file's sampling interval is 0, or in a unit other than Hz and seconds",
        ),
        (
            PREAMBLE + tag(0x0B, b"\x00\x0d\x01") + lead(1) + data_of(RAMP),
            CorruptFile,
            "a sampling interval or resolution of the MFER file cannot be read",
        ),
        (
            PREAMBLE + tag(0x0B, b"\x00\x01") + lead(1) + data_of(RAMP),
            CorruptFile,
            "a sampling interval or resolution of the MFER file cannot be read",
        ),
        (
            PREAMBLE + b"\x67\x80" * 200,
            CorruptFile,
            "the definitions of the MFER file are nested deeper than 4 levels",
        ),
        (
            PREAMBLE + b"\x3f" + b"\xff" * 50,
            CorruptFile,
            "the MFER file has a channel number that is too large or cut off",
        ),
        (PREAMBLE + b"\x67\x80" + lead(1), CorruptFile, "a definition of the MFER file has no end"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    data: bytes, kind: type[EcgError], detail: str
) -> None:
    with pytest.raises(kind) as caught:
        opened(data)
    assert caught.value.detail == detail


def test_a_compression_of_0_is_none() -> None:
    assert opened(HEAD + tag(0x0E, b"\0\0") + data_of(RAMP) + END).samples == 100


def test_a_resolution_of_0_is_refused() -> None:
    with pytest.raises(CorruptFile):
        opened(PREAMBLE + MS_2 + lead(1) + tag(0x0C, b"\0\0\0") + data_of(RAMP) + END)


# The encoding


def test_fields_are_found_in_channels_and_groups_down_to_the_end() -> None:
    nested = attribute(2, lead(3), b"\x67\x80" + lead(4) + b"\0\0", indefinite=True)
    far = b"\x3f\x81\x05\x03" + tag(0x04, b"\x07")  # channel 1 x 128 + 5
    data = b"\0" + lead(1) + nested + far + tag(0x17, b"x" * 200) + END + lead(9)
    assert list(parse_fields(data)) == [
        Field(0x09, b"\0\x01"),
        Field(0x09, b"\0\x03", 2),
        Field(0x09, b"\0\x04", 2),
        Field(0x04, b"\x07", 133),
        Field(0x17, b"x" * 200),
        Field(0x80, b"\0" + lead(9)),
    ]


@pytest.mark.parametrize(
    ("after", "surplus"), [(b"", 0), (b"\0" * 9, 0), (b"more\0", 4), (lead(9), 4)]
)
def test_bytes_after_the_end_are_named(after: bytes, surplus: int) -> None:
    record = opened(HEAD + data_of(RAMP) + END + after)
    np.testing.assert_allclose(record.signal, [RAMP * 2.5e-3], rtol=1e-5)
    assert record.warnings == (
        (f"file: {surplus} bytes beyond the samples that the MFER file states, left out",)
        if surplus
        else ()
    )


@pytest.mark.parametrize("surplus", [1, 2, 80])
def test_samples_beyond_the_stated_sequences_are_named(surplus: int) -> None:
    data = tag(0x1E, RAMP.astype(">i2").tobytes() + bytes(surplus))
    head = HEAD + tag(0x04, b"\0\x64") + tag(0x06, b"\x01")
    record = opened(head + data + END)
    np.testing.assert_allclose(record.signal, [RAMP * 2.5e-3], rtol=1e-5)
    assert record.warnings == (
        f"file: {surplus} bytes beyond the samples that the MFER file states, left out",
    )


def test_single_zero_bytes_are_skipped_within_an_indefinite_value_too() -> None:
    group = b"\x67\x80\0" + lead(1) + b"\0" + tag(0x01, b"\x01") + b"\0\0"
    assert list(parse_fields(group + b"\0" + lead(2))) == [
        Field(0x09, b"\0\x01"),
        Field(0x01, b"\x01"),
        Field(0x09, b"\0\x02"),
    ]


def test_a_field_may_end_with_the_file() -> None:
    assert list(parse_fields(b"\x17\x81\0")) == [Field(0x17, b"")]
    assert list(parse_fields(b"\x17\0")) == [Field(0x17, b"")]
    # The last one is the channel number 256 with another byte to come.
    for cut_off in (b"\x3f", b"\x3f\x81", b"\x17\x81", b"\x17\x82\0", b"\x3f\x82\x80\0\0"):
        with pytest.raises(CorruptFile):
            list(parse_fields(cut_off))


def test_groups_may_be_nested_four_deep() -> None:
    four = b"\x67\x0a\x67\x08\x67\x06\x67\x04" + lead(1)
    assert list(parse_fields(four)) == [Field(0x09, b"\0\x01")]
    with pytest.raises(CorruptFile, match="nested deeper than 4 levels"):
        list(parse_fields(b"\x67\x0c" + four))


@pytest.mark.parametrize(
    "one",
    [
        lead(1),
        b"\x67\0",
        b"\x3f\x01\0",
        # Groups of indefinite length, which end with two zero bytes.
        b"\x67\x80\0\0",
    ],
)
def test_the_number_of_tags_is_limited(monkeypatch: pytest.MonkeyPatch, one: bytes) -> None:
    monkeypatch.setattr(fields_module, "MAX_FIELDS", 3)
    list(parse_fields(one * 3))
    with pytest.raises(CorruptFile) as caught:
        list(parse_fields(one * 4))
    assert caught.value.detail == "the MFER file has more than 3 tags"


def test_tags_that_are_passed_to_find_the_end_of_a_group_are_limited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fields_module, "MAX_FIELDS", 3)
    full = b"\x67\x80" * 2 + lead(1) + b"\0\0" * 2  # three tags
    assert list(parse_fields(full)) == [Field(0x09, b"\0\x01")]
    with pytest.raises(CorruptFile) as caught:
        list(parse_fields(b"\x67\x80" + lead(1) * 13))
    assert caught.value.detail == "the MFER file has more than 3 tags"


def test_definitions_of_a_channel_replace_those_of_all() -> None:
    definitions = Definitions()
    for definition in (
        Field(0x05, b"\x03"),
        Field(0x09, b"\x01"),
        Field(0x04, b"\x08"),
        Field(0x04, b"\x05", 1),
        Field(0x09, b"\x02", 1),
        Field(0x17, b"maker"),
    ):
        definitions.update(definition)
    assert definitions.channels == 3
    assert definitions.of_channel(0) == {0x09: b"\x01", 0x04: b"\x08"}
    assert definitions.of_channel(1) == {0x09: b"\x02", 0x04: b"\x05"}
    # A lead that is defined for all channels is that of the first one.
    assert definitions.of_channel(2) == {0x04: b"\x08"}
    definitions.update(Field(0x04, b""))
    definitions.update(Field(0x05, b"\x07", 1))
    assert (definitions.channels, definitions.of_channel(2)) == (3, {})
    # A number of channels starts their definitions anew.
    definitions.update(Field(0x05, b""))
    assert (definitions.channels, definitions.of_channel(1)) == (1, {})


def test_integers_are_in_the_byte_order_in_force() -> None:
    definitions = Definitions()
    assert definitions.integer(b"\xff\x01") == 0xFF01
    assert definitions.integer(b"\xff\x01", signed=True) == -255
    definitions.update(Field(0x01, b"\x01"))
    assert definitions.byte_order == "<"
    assert definitions.integer(b"\xff\x01") == 0x01FF
    definitions.update(Field(0x01, b""))
    assert definitions.byte_order == ">"
    assert definitions.integer(b"\0" * 7 + b"\x01\xff") == 1

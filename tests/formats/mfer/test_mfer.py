"""ISHNE, MFER and FHIR: variants that the shared files do not have, written here from the words of the standards."""

from __future__ import annotations

import binascii
import json
import struct
from typing import Any

import numpy as np
import pytest

from errors import (
    BadSamplingRate,
    CorruptFile,
    DuplicateLead,
    EcgError,
    NoSamples,
    SeveralRecordings,
    UnknownFormat,
    UnknownLead,
)
from formats.hints import Hints
from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord

RAMP = np.arange(-50, 50)


def opened(data: bytes, hints: Hints = Hints()) -> EcgRecord:  # noqa: B008 - frozen
    return read([Part("upload", data)], hints)


# MFER


def tag(number: int, value: bytes) -> bytes:
    length = bytes([len(value)]) if len(value) < 0x80 else b"\x84" + len(value).to_bytes(4, "big")
    return bytes([number]) + length + value


def attribute(channel: int, *inner: bytes, indefinite: bool = False) -> bytes:
    body = b"".join(inner)
    return (
        b"\x3f"
        + bytes([channel])
        + (b"\x80" + body + b"\0\0" if indefinite else bytes([len(body)]) + body)
    )


def lead(number: int, order: str = "big") -> bytes:
    return tag(0x09, number.to_bytes(2, order))  # type: ignore[arg-type]


PREAMBLE = tag(0x40, b"MFR Standard 12 leads ECG")
MS_2, NV_2500 = tag(0x0B, b"\x01\xfd\x02"), tag(0x0C, b"\x00\xf7" + (2500).to_bytes(2, "big"))
END = b"\x80\x00"


def test_a_resting_ecg_in_mfer_is_read_with_what_holds_for_all_channels_said_once() -> None:
    rows = [RAMP, 2 * RAMP, 3 * RAMP]
    head = (
        PREAMBLE
        + MS_2
        + NV_2500
        + tag(0x05, b"\x03")
        + tag(0x04, (100).to_bytes(2, "big"))
        + tag(0x06, b"\x01")
    )
    head += (
        attribute(0, lead(1))
        + attribute(1, lead(62), indefinite=True)
        + attribute(2, lead(3), tag(0x0C, b"\x00\xfa\x0a"))
    )
    person = (
        tag(0x81, b"Mustermann^Erika")
        + tag(0x82, b"4711")
        + tag(0x84, b"\x02")
        + tag(0x83, struct.pack(">BHHBB", 0, 0, 1960, 5, 2))
    )
    beside = (
        person
        + tag(0x85, struct.pack(">H5BHH", 2024, 5, 1, 8, 27, 32, 0, 0))
        + tag(0x17, b"Maker^M1^9^8")
    )
    record = opened(head + beside + tag(0x1E, np.concatenate(rows).astype(">i2").tobytes()) + END)
    assert (record.lead_names, record.fs, record.recording_date) == (
        ("I", "aVR", "V1"),
        500.0,
        "2024-05-01T08:27:32",
    )
    np.testing.assert_allclose(record.signal, [RAMP * 2.5e-3, RAMP * 5e-3, RAMP * 0.03], rtol=1e-5)
    assert record.reported is not None and record.reported.device == "Maker / M1"
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")
    assert "Mustermann" not in repr(record) and "4711" not in repr(record)


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [(0, "i2"), (1, "u2"), (2, "i4"), (3, "u1"), (5, "i1"), (6, "u4"), (7, "f4"), (8, "f8")],
)
@pytest.mark.parametrize(("order", "sign"), [(0, ">"), (1, "<")])
def test_every_data_type_in_either_byte_order_with_offset_and_gap(
    kind: int, dtype: str, order: int, sign: str
) -> None:
    values = np.arange(1, 101).astype(dtype)
    numbers = [np.array([value], dtype=sign + dtype).tobytes() for value in (5, 7)]
    head = (
        tag(0x01, bytes([order]))
        + tag(0x0B, b"\x00\x00\x64")
        + tag(0x0C, b"\x00\xfd\x01")
        + tag(0x0A, bytes([kind]))
    )
    head += (
        tag(0x0D, numbers[0])
        + tag(0x12, numbers[1])
        + tag(0x09, b"\x00\x02" if order == 0 else b"\x02\x00")
    )
    record = opened(head + tag(0x1E, values.astype(sign + dtype).tobytes()) + END)
    assert (record.lead_names, record.fs) == (("II",), 100.0)
    expected = np.where(values == 7, np.nan, values.astype(float) + 5)
    np.testing.assert_allclose(record.signal[0], expected, rtol=1e-6)


def test_sequences_of_blocks_and_frames_that_go_on_are_joined_and_average_beats_left_out() -> None:
    head = (
        PREAMBLE
        + MS_2
        + NV_2500
        + tag(0x05, b"\x02")
        + tag(0x04, b"\x0a")
        + attribute(0, lead(1))
        + attribute(1, lead(2))
    )
    blocks = (
        np.concatenate([np.concatenate([part, -part]) for part in RAMP.reshape(10, 10)])
        .astype(">i2")
        .tobytes()
    )
    beat = tag(0x08, b"\x09") + tag(0x1E, blocks) + tag(0x08, b"\x01")
    record = opened(head + beat + tag(0x1E, blocks) + tag(0x1E, blocks) + END)
    np.testing.assert_allclose(record.signal[0], np.tile(RAMP, 2) * 2.5e-3, rtol=1e-5)
    np.testing.assert_allclose(record.signal[1], -record.signal[0])


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PREAMBLE + MS_2 + lead(1) + END, NoSamples),
        (PREAMBLE + MS_2 + lead(1) + b"\x1e\x84\xff\xff\xff\xff" + bytes(8), CorruptFile),
        (
            PREAMBLE + MS_2 + lead(1) + tag(0x05, b"\xff\xff") + tag(0x1E, bytes(200)) + END,
            CorruptFile,
        ),
        (
            PREAMBLE
            + MS_2
            + lead(1)
            + tag(0x04, b"\xff\xff\xff\xff")
            + tag(0x1E, bytes(200))
            + END,
            CorruptFile,
        ),
        (
            PREAMBLE
            + MS_2
            + lead(1)
            + tag(0x06, b"\xff\xff\xff\xff")
            + tag(0x1E, bytes(200))
            + END,
            CorruptFile,
        ),
        (
            PREAMBLE + MS_2 + lead(1) + tag(0x0A, b"\x09") + tag(0x1E, bytes(200)) + END,
            UnknownFormat,
        ),
        (
            PREAMBLE + MS_2 + lead(1) + tag(0x0E, b"\x00\x01") + tag(0x1E, bytes(200)) + END,
            UnknownFormat,
        ),
        (
            PREAMBLE + tag(0x0B, b"\x01\xfd\x00") + lead(1) + tag(0x1E, bytes(200)) + END,
            BadSamplingRate,
        ),
        (
            PREAMBLE + tag(0x0B, b"\x01\x7f\x01") + lead(1) + tag(0x1E, bytes(200)) + END,
            CorruptFile,
        ),
        (
            PREAMBLE + MS_2 + lead(1) + tag(0x0C, b"\x00\x00\x00") + tag(0x1E, bytes(200)) + END,
            CorruptFile,
        ),
        (PREAMBLE + b"\x67\x80" * 200, CorruptFile),
        (PREAMBLE + b"\x3f" + b"\xff" * 50, CorruptFile),
    ],
)
def test_an_mfer_file_that_cannot_be_is_refused(data: bytes, kind: type[EcgError]) -> None:
    with pytest.raises(kind):
        opened(data)



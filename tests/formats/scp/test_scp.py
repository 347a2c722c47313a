"""SCP-ECG: tables, differences, reference beats and spans that the shared files do not have, written here bit by bit."""

from __future__ import annotations

import binascii
import struct
from typing import Any

import numpy as np
import pytest

from errors import BadSamplingRate, CorruptFile, DuplicateLead, EcgError, NoSamples, UnknownFormat
from formats.parts import Part
from formats.registry import read
from formats.scp.coding import default_table
from signals.record import EcgRecord

RAMP = [0, 1, -1, 2, -8, 9, -127, 128, -129, 200, -30_000, 3, 3, 3]
DEFAULT = (19_999).to_bytes(2, "little")


def section(number: int, body: bytes) -> bytes:
    body += b"\0" * (len(body) % 2)
    whole = (
        struct.pack("<HIBB6s", number, 16 + len(body), 20, 20, b"SCPECG" if number == 0 else b"")
        + body
    )
    return struct.pack("<H", binascii.crc_hqx(whole, 0xFFFF)) + whole


def record_of(bodies: dict[int, bytes]) -> bytes:
    """Section 0 with its twelve pointers, then the sections; with checksums and size."""
    sections = {number: section(number, body) for number, body in sorted(bodies.items())}
    at, pointers = 6 + 16 + 120 + 1, [struct.pack("<HII", 0, 136, 7)]
    for number in range(1, 12):
        length = len(sections.get(number, b""))
        pointers.append(struct.pack("<HII", number, length, at if length else 0))
        at += length
    rest = section(0, b"".join(pointers)) + b"".join(sections.values())
    size = (len(rest) + 6).to_bytes(4, "little")
    return struct.pack("<H", binascii.crc_hqx(size + rest, 0xFFFF)) + size + rest


def packed(bits: str) -> bytes:
    return bytes(int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8))


def huffman(values: list[int]) -> bytes:
    """By the words of annex C: 0 is "0"; +-1 to 8 ones, a zero and a sign; then literals of 8 and 16 bits."""
    bits = ""
    for value in values:
        if value == 0:
            bits += "0"
        elif abs(value) <= 8:
            bits += "1" * abs(value) + "0" + ("1" if value < 0 else "0")
        elif -128 <= value <= 127:
            bits += "1111111110" + f"{value & 0xFF:08b}"
        else:
            bits += "1111111111" + f"{value & 0xFFFF:016b}"
    return packed(bits)


def raw(values: list[int]) -> bytes:
    return struct.pack(f"<{len(values)}h", *values)


def leads(spans: list[tuple[int, int, int]], flags: int = 0) -> bytes:
    return bytes([len(spans), flags]) + b"".join(struct.pack("<IIB", *span) for span in spans)


def waves(
    data: list[bytes],
    differences: int = 0,
    nanovolts: int = 1000,
    interval: int = 2000,
    bimodal: int = 0,
) -> bytes:
    return (
        struct.pack("<HHBB", nanovolts, interval, differences, bimodal)
        + b"".join(struct.pack("<H", len(one)) for one in data)
        + b"".join(data)
    )


def opened(bodies: dict[int, bytes]) -> EcgRecord:
    return read([Part("upload", record_of(bodies))])


def one_lead(
    data: bytes, differences: int = 0, count: int = len(RAMP), **more: Any
) -> dict[int, bytes]:
    return {3: leads([(1, count, 1)]), 6: waves([data], differences, **more)}


@pytest.mark.parametrize("differences", [0, 1, 2])
def test_raw_and_huffman_coded_samples_come_back_whatever_the_differences(differences: int) -> None:
    values = np.array(RAMP) // 4  # second differences of the whole ramp would not fit into 16 bits
    first, second = np.diff(values), np.diff(values, 2)
    coded = [[*values], [values[0], *first], [*values[:2], *second]][differences]
    for bodies in (
        one_lead(raw(coded), differences),
        one_lead(huffman(coded), differences) | {2: DEFAULT},
    ):
        record = opened(bodies)
        assert (record.lead_names, record.fs, record.warnings) == (("I",), 500.0, ())
        np.testing.assert_allclose(record.signal[0], values / 1000, rtol=1e-6)


def test_a_huffman_table_of_its_own_has_its_codes_first_bit_lowest() -> None:
    """0 -> 0, 10 -> +1, 110 -> -1, 111 and eight bits -> the number; 19999's prefixes would read otherwise."""
    lines = [(1, 1, 0, 0b0), (2, 2, 1, 0b01), (3, 3, -1, 0b011), (3, 11, 0, 0b111)]
    table = struct.pack("<HH", 1, 4) + b"".join(
        struct.pack("<BBBhI", prefix, total, 1, value, code) for prefix, total, value, code in lines
    )
    bits = "".join(["0", "10", "110", "111" + f"{-100 & 0xFF:08b}", "10", "0"])
    record = opened(one_lead(packed(bits), count=6) | {2: table})
    np.testing.assert_allclose(record.signal[0] * 1000, [0, 1, -1, -100, 1, 0], atol=1e-4)


def test_the_default_table_is_a_prefix_code() -> None:
    codes = [f"{code.prefix:0{code.prefix_bits}b}" for code in default_table()]
    assert not [
        (one, other)
        for one in codes
        for other in codes
        if one is not other and other.startswith(one)
    ]


def test_leads_recorded_one_after_the_other_stand_at_their_times_with_gaps() -> None:
    bodies = {3: leads([(1, 3, 1), (4, 6, 2)]), 6: waves([raw([1, 2, 3]), raw([4, 5, 6])])}
    nothing = [np.nan] * 3
    np.testing.assert_allclose(
        opened(bodies).signal * 1000, [[1, 2, 3, *nothing], [*nothing, 4, 5, 6]], atol=1e-4
    )


def test_the_reference_beat_is_put_back_on_its_fiducial_within_its_zone_and_for_type_0_only() -> (
    None
):
    beat, count = [10, 20, 30, 40], 20
    qrs = [(0, 3, 5, 7), (1, 11, 12, 13), (0, 15, 16, 20)]  # type, start, fiducial, end, from 1
    places = struct.pack("<HHH", 8, 2, 3) + b"".join(
        struct.pack("<HIII", *one) for one in qrs
    )  # 8 ms at 2 ms: four samples, fiducial the second
    bodies = {
        3: leads([(1, count, 1)], flags=1),
        4: places,
        5: waves([raw(beat)], nanovolts=500),
        6: waves([raw([0] * count)]),
    }
    expected = np.zeros(count)
    expected[3:7] = (
        np.array(beat) / 2
    )  # the fiducial (2nd) on sample 5, so from sample 4; all within 3..7
    expected[14:18] = np.array(beat) / 2  # from sample 15
    np.testing.assert_allclose(opened(bodies).signal[0] * 1000, expected, atol=1e-4)


def test_age_sex_time_device_and_measurements_come_along_and_names_do_not() -> None:
    device = bytes(8) + b"ELI10\0" + bytes(22) + b"\x01\0" + b"a\0b\0c\0" + b"Maker\0"
    fields = {
        0: b"Mustermann\0",
        2: b"4711\0",
        4: b"\x3f\0\x01",
        8: b"\x02",
        14: device,
        25: b"\xe8\x07\x05\x01",
        26: b"\x08\x1b\x20",
    }
    section1 = (
        b"".join(
            bytes([tag]) + len(value).to_bytes(2, "little") + value for tag, value in fields.items()
        )
        + b"\xff\0\0"
    )
    beat = struct.pack("<5H3h", 100, 200, 260, 360, 29_999, 30, 999, -10)
    section7 = (
        struct.pack("<BBHH", 1, 1, 828, 0)
        + beat
        + bytes(10)
        + struct.pack("<H", 2)
        + bytes(2)
        + struct.pack("<HHHB", 72, 0, 442, 1)
    )
    record = opened(one_lead(raw(RAMP)) | {1: section1, 7: section7})
    assert record.reported is not None
    assert (record.patient.age_years, record.patient.sex, record.recording_date) == (
        63.0,
        "female",
        "2024-05-01T08:27:32",
    )
    assert record.reported.device == "Maker / ELI10"
    assert record.reported.measurements == {
        "rr_ms": 828.0, "p_duration_ms": 100.0, "pr_ms": 160.0, "qrs_ms": 100.0, "p_axis_deg": 30.0, "t_axis_deg": -10.0,
        "heart_rate_bpm": 72.0, "qtc_ms": 442.0,
    }  # fmt: skip
    assert "Mustermann" not in repr(record)


def test_a_record_without_its_persons_name_is_read_by_the_waveforms_own_checksums() -> None:
    data = bytearray(record_of(one_lead(raw(RAMP)) | {1: b"\0\x05\0Erika\xff\0\0"}))
    place = data.index(b"Erika")
    data[place : place + 5] = b"XXXXX"
    record = read([Part("upload", bytes(data))])
    assert any("checksum" in warning for warning in record.warnings)
    data[-5] ^= 1
    with pytest.raises(CorruptFile, match="section 6"):
        read([Part("upload", bytes(data))])


@pytest.mark.parametrize(
    ("bodies", "kind", "reason"),
    [
        (one_lead(raw(RAMP), bimodal=1), UnknownFormat, "bimodal"),
        (one_lead(raw(RAMP), differences=3), UnknownFormat, "differences"),
        (one_lead(raw(RAMP)) | {2: b"\x02\0" + bytes(20)}, UnknownFormat, "several Huffman tables"),
        (one_lead(raw(RAMP)) | {2: b"\xff\0"}, CorruptFile, "Huffman tables"),
        (one_lead(raw(RAMP)) | {2: b"\x01\0\xff\xff"}, CorruptFile, "codes"),
        (one_lead(raw(RAMP)[:-2]), CorruptFile, "samples"),
        (one_lead(b"\xff\xff") | {2: DEFAULT}, CorruptFile, "samples"),
        (one_lead(raw(RAMP), nanovolts=0), CorruptFile, "gain"),
        (one_lead(raw(RAMP), interval=0), BadSamplingRate, "interval"),
        (one_lead(raw(RAMP), count=10**9), CorruptFile, "samples 1 to 1000000000 stated"),
        ({3: leads([(5, 4, 1)]), 6: waves([raw(RAMP)])}, CorruptFile, "samples 5 to 4 stated"),
        ({3: leads([(1, 14, 1), (1, 14, 1)]), 6: waves([raw(RAMP)] * 2)}, DuplicateLead, "twice"),
        ({3: leads([(1, 14, 1)], flags=1), 6: waves([raw(RAMP)])}, CorruptFile, "reference beat"),
        ({3: leads([(1, 14, 1)])}, NoSamples, "section 6"),
        ({6: waves([raw(RAMP)])}, CorruptFile, "section 3"),
        ({3: leads([(1, 14, 1)]), 6: b"\1\0"}, CorruptFile, "2 bytes; 1 leads need at least 8"),
    ],
)
def test_what_is_not_read_or_cannot_be_is_refused_by_name(
    bodies: dict[int, bytes], kind: type[EcgError], reason: str
) -> None:
    with pytest.raises(kind, match=reason):
        opened(bodies)

"""SCP-ECG: tables, differences, reference beats and spans that the shared files do not cover."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from errors import BadSamplingRate, CorruptFile, DuplicateLead, EcgError, NoSamples, UnknownFormat
from formats.parts import Part
from formats.registry import read
from formats.scp import reported
from formats.scp.coding import default_table
from formats.scp.frame import looks_like_scp
from tests.formats.scp.writer import (
    DEFAULT,
    RAMP,
    huffman,
    lead_section,
    one_lead,
    packed,
    plain,
    read_sections,
    record_of,
    stamped,
    wave_section,
)


@pytest.mark.parametrize("differences", [0, 1, 2])
def test_raw_and_huffman_coded_samples_are_restored_from_any_differences(differences: int) -> None:
    values = np.array(RAMP) // 4  # second differences of the whole ramp would not fit into 16 bits
    first, second = np.diff(values), np.diff(values, 2)
    coded = [[*values], [values[0], *first], [*values[:2], *second]][differences]
    for bodies in (
        one_lead(plain(coded), differences),
        one_lead(huffman(coded), differences) | {2: DEFAULT},
        one_lead(plain(coded), differences) | {2: b"\0\0"},
        one_lead(plain(coded), differences) | {2: b""},
    ):
        record = read_sections(bodies)
        assert (record.lead_names, record.fs, record.warnings) == (("I",), 500.0, ())
        np.testing.assert_allclose(record.signal[0], values / 1000, rtol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_second_differences_of_few_samples(count: int) -> None:
    record = read_sections(one_lead(plain([5, 7, 1][:count]), 2, count))
    np.testing.assert_allclose(record.signal[0] * 1000, [5, 7, 10][:count], atol=1e-4)


def table_section(lines: list[tuple[int, int, int, int, int]]) -> bytes:
    """Return section 2 with one table of (prefix bits, all bits, switch, value, code)."""
    return struct.pack("<HH", 1, len(lines)) + b"".join(
        struct.pack("<BBBhI", *line) for line in lines
    )


def test_a_huffman_table_of_the_file_has_its_codes_first_bit_lowest() -> None:
    """0 -> 0, 10 -> +1, 110 -> -1, 111 and eight bits -> the number.

    The prefixes of the default table would read otherwise.
    """
    lines = [
        (1, 1, 1, 0, 0b0),
        (2, 2, 1, 1, 0b01),
        (3, 3, 1, -1, 0b011),
        (3, 11, 1, 0, 0b111),
    ]
    bits = "".join(["0", "10", "110", "111" + f"{-100 & 0xFF:08b}", "10", "0"])
    record = read_sections(one_lead(packed(bits), count=6) | {2: table_section(lines)})
    np.testing.assert_allclose(record.signal[0] * 1000, [0, 1, -1, -100, 1, 0], atol=1e-4)


def test_a_code_may_have_a_prefix_of_32_bits_and_40_bits_in_all() -> None:
    lines = [(1, 1, 1, 0, 0b0), (32, 40, 1, 0, 0xFFFF_FFFF)]
    bits = "0" + "1" * 32 + f"{-3 & 0xFF:08b}" + "0"
    record = read_sections(one_lead(packed(bits), count=3) | {2: table_section(lines)})
    np.testing.assert_allclose(record.signal[0] * 1000, [0, -3, 0], atol=1e-4)


def test_the_default_table_is_a_prefix_code() -> None:
    codes = [f"{code.prefix:0{code.prefix_bits}b}" for code in default_table()]
    assert len(codes) == len(set(codes)) == 19
    clashes = [
        (code, other)
        for code in codes
        for other in codes
        if code != other and other.startswith(code)
    ]
    assert clashes == []


def test_leads_recorded_one_after_the_other_are_at_their_times_with_gaps() -> None:
    bodies = {
        3: lead_section([(11, 13, 1), (13, 15, 2), (14, 16, 3)]),
        6: wave_section([plain([1, 2, 3]), plain([4, 5, 6]), plain([7, 8, 9])]),
    }
    nan = np.nan
    expected = [[1, 2, 3, nan, nan, nan], [nan, nan, 4, 5, 6, nan], [nan, nan, nan, 7, 8, 9]]
    record = read_sections(bodies)
    assert record.lead_names == ("I", "II", "V1")
    np.testing.assert_allclose(record.signal * 1000, expected, atol=1e-4)


def qrs_section(
    qrs: list[tuple[int, int, int, int]], *, length_ms: int = 8, fiducial: int = 2
) -> bytes:
    """Return section 4 from (type, start, fiducial, end), counted from 1."""
    head = struct.pack("<HHH", length_ms, fiducial, len(qrs))
    return head + b"".join(struct.pack("<HIII", *complex_) for complex_ in qrs)


def test_the_reference_beat_is_added_at_its_fiducial_in_its_zone_and_for_type_0_only() -> None:
    beat, count = [10, 20, 30, 40], 20  # 8 ms at 2 ms a sample
    bodies = {
        3: lead_section([(1, count, 1), (1, count, 2)], flags=1),
        4: qrs_section([(0, 4, 5, 6), (1, 11, 12, 13), (0, 15, 16, 20)]),
        5: wave_section([plain(beat), plain(beat[::-1])], nanovolts=500),
        6: wave_section([plain([0] * count), plain([7] * count)]),
    }
    expected = np.zeros((2, count))
    expected[1] = 7
    # The second sample of the beat falls on sample 5, counted from 1, of the zone 4 to 6.
    expected[0, 3:6] += np.array([10, 20, 30]) / 2
    expected[1, 3:6] += np.array([40, 30, 20]) / 2
    expected[0, 14:18] += np.array(beat) / 2
    expected[1, 14:18] += np.array(beat[::-1]) / 2
    record = read_sections(bodies)
    np.testing.assert_allclose(record.signal * 1000, expected, atol=1e-4)
    assert record.warnings == ()


def test_a_beat_is_cut_at_both_ends_of_a_lead() -> None:
    """The lead has the samples 11 to 15. The beats would begin before it and end after it."""
    bodies = {
        3: lead_section([(11, 15, 1)], flags=1),
        4: qrs_section([(0, 9, 11, 12), (0, 14, 15, 18), (0, 30, 31, 33)], fiducial=2),
        5: wave_section([plain([10, 20, 30, 40])]),
        6: wave_section([plain([0] * 5)]),
    }
    record = read_sections(bodies)
    np.testing.assert_allclose(record.signal[0] * 1000, [20, 30, 0, 10, 20], atol=1e-4)


# Sections 1 and 7


def test_age_sex_time_device_and_measurements_are_read_and_names_are_not() -> None:
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
    section1 = b"\xff\0\0"
    for tag, value in reversed(fields.items()):
        section1 = bytes([tag]) + len(value).to_bytes(2, "little") + value + section1
    beat = struct.pack("<5H3h", 100, 200, 260, 360, 29_999, 30, 999, -10)
    section7 = struct.pack("<BBHH", 2, 1, 828, 0) + beat + bytes(16) + bytes(10)
    section7 += struct.pack("<H", 2) + bytes(2) + struct.pack("<HHHB", 72, 0, 442, 1)
    record = read_sections(one_lead(plain(RAMP)) | {1: section1, 7: section7})
    assert record.reported is not None
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")
    assert record.recording_date == "2024-05-01T08:27:32"
    assert record.reported.device == "Maker / ELI10"
    assert record.reported.measurements == {
        "rr_ms": 828.0,
        "p_duration_ms": 100.0,
        "pr_ms": 160.0,
        "qrs_ms": 100.0,
        "p_axis_deg": 30.0,
        "t_axis_deg": -10.0,
        "heart_rate_bpm": 72.0,
        "qtc_ms": 442.0,
    }
    assert record.warnings == ()
    assert "Mustermann" not in repr(record)


@pytest.mark.parametrize(
    ("fields", "age_years"),
    [
        ({4: b"\x12\0\x02"}, 1.5),
        ({4: b"\x12\0\x01"}, 18.0),
        ({4: b"\x34\0\x03"}, 1.0),  # 52 weeks
        ({4: b"\xda\x02\x04"}, 2.0),  # 730 days
        ({4: b"\x3e\x22\x05"}, 1.0),  # 8766 hours
        ({4: b"\x12\0\x09", 5: b"\xa8\x07\x05\x02"}, 63.0),
        ({5: b"\xa8\x07\x05\x01"}, 64.0),
        ({5: b"\xa8\x07\x05"}, None),
        ({4: b"\x12\0"}, None),
        ({}, None),
    ],
)
def test_an_age_is_stated_or_follows_from_the_date_of_birth(
    fields: dict[int, bytes], age_years: float | None
) -> None:
    patient, warnings = reported.patient(fields, "2024-05-01T08:27:32")
    assert (patient.age_years, warnings) == (age_years, ())


def test_a_date_without_a_time_is_midnight() -> None:
    assert reported.recording_date({25: b"\xe8\x07\x05\x01"}) == "2024-05-01T00:00:00"
    assert reported.recording_date({25: b"\xe8\x07\x05", 26: b"\x08\x1b\x20"}) is None
    assert reported.recording_date({}) is None


def test_tags_end_at_255_or_where_a_field_overruns_the_section() -> None:
    assert reported.parse_tags(b"\x01\x02\0ab\x02\0\0\x01\x01\0c\xff\0\0\x03\x01\0d") == {
        1: b"ab",
        2: b"",
    }
    assert reported.parse_tags(b"\x01\x01\0a\x02\x02\0b") == {1: b"a"}
    assert reported.parse_tags(b"\x01\0\0") == {1: b""}
    assert reported.parse_tags(b"\x01\x01") == {}
    assert reported.parse_tags(None) == {}


@pytest.mark.parametrize("tag", [0, 9, 200])
def test_section_1_is_read_up_to_its_thousandth_field(tag: int) -> None:
    empty = bytes([tag, 0, 0])
    male = bytes([8, 1, 0, 1])
    for before, sex in ((0, "male"), (999, "male"), (1000, None)):
        record = read_sections({1: empty * before + male, **one_lead(plain(RAMP))})
        assert record.patient.sex == sex


def test_measurements_that_are_cut_off_or_not_measured_are_left_out() -> None:
    beat = struct.pack("<5H3h", 100, 200, 260, 360, 660, 180, -180, 999)
    rate_and_qtc = struct.pack("<HHH", 72, 0, 409)
    whole = struct.pack("<BBHH", 1, 0, 29_999, 0) + beat + bytes(2) + rate_and_qtc
    expected = {
        "p_duration_ms": 100.0,
        "pr_ms": 160.0,
        "qrs_ms": 100.0,
        "qt_ms": 400.0,
        "p_axis_deg": 180.0,
        "qrs_axis_deg": -180.0,
        "heart_rate_bpm": 72.0,
        "qtc_ms": 409.0,
    }
    assert reported.measurements(whole) == expected
    del expected["qtc_ms"]
    assert reported.measurements(whole[:-1]) == expected
    rr_only = struct.pack("<BBHH", 1, 0, 828, 0) + beat
    assert reported.measurements(rr_only[:-1]) == {"rr_ms": 828.0}
    for section7 in (None, b"", rr_only[:5], b"\0" + rr_only[1:]):
        assert reported.measurements(section7) == {}


# The frame: sizes, pointers and checksums


def test_a_record_with_a_changed_section_1_is_read_by_the_waveforms_own_checksums() -> None:
    data = bytearray(record_of(one_lead(plain(RAMP)) | {1: b"\0\x05\0Erika\xff\0\0", 2: b"\0\0"}))
    position = data.index(b"Erika")
    data[position : position + 5] = b"XXXXX"
    record = read([Part("upload", bytes(data))])
    assert record.warnings == (
        "file: the checksum of the SCP-ECG record is wrong, those of its waveforms are right",
    )
    data[-5] ^= 1
    with pytest.raises(CorruptFile) as caught:
        read([Part("upload", bytes(data))])
    assert caught.value.detail == "section 6 of the SCP-ECG record: its checksum is wrong"


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6])
def test_every_waveform_section_is_checked_if_the_records_checksum_is_wrong(number: int) -> None:
    bodies = one_lead(plain(RAMP)) | {
        2: DEFAULT,
        4: qrs_section([]),
        5: wave_section([plain(RAMP)]),
    }
    data = bytearray(record_of(bodies))
    index = struct.unpack_from("<I", data, 22 + 10 * number + 6)[0]
    data[index - 1 + 16] ^= 1
    with pytest.raises(CorruptFile) as caught:
        read([Part("upload", bytes(data))])
    assert caught.value.detail == f"section {number} of the SCP-ECG record: its checksum is wrong"


def test_a_record_is_recognised_by_its_mark_or_by_its_pointer_to_section_0() -> None:
    data = record_of(one_lead(plain(RAMP)))
    unmarked = data.replace(b"SCPECG", bytes(6))
    assert looks_like_scp(data) and looks_like_scp(unmarked)
    assert looks_like_scp(data[:64]) and not looks_like_scp(unmarked[:64])
    assert looks_like_scp(unmarked[:65])
    for start, stop in ((8, 10), (10, 14), (22, 24), (24, 28)):
        changed = unmarked[:start] + b"\x01" * (stop - start) + unmarked[stop:]
        assert not looks_like_scp(changed)
    assert not looks_like_scp(bytes(200))


def test_a_wrong_size_is_damage_if_there_is_a_mark_else_another_format() -> None:
    data = record_of(one_lead(plain(RAMP)))
    fault = f"its size field states {len(data)} bytes, the file has {len(data) - 1}"
    with pytest.raises(CorruptFile) as damaged:
        read([Part("upload", data[:-1])])
    assert damaged.value.detail == f"the SCP-ECG record is damaged: {fault}"
    with pytest.raises(UnknownFormat) as unknown:
        read([Part("upload", data.replace(b"SCPECG", bytes(6))[:-1])])
    assert unknown.value.detail == f"not standard SCP-ECG (EN 1064): {fault}"


POINTERS = (
    "section 0 of the SCP-ECG record: {} bytes stated; 1 to 1024 pointers of 10 bytes within the "
    "record are allowed"
)
OUTSIDE = "section 3 of the SCP-ECG record is outside of the record"
OTHER = "section 3 of the SCP-ECG record has another number or length than section 0 states"


@pytest.mark.parametrize(
    ("offset", "value", "detail"),
    [
        (10, struct.pack("<I", 25), POINTERS.format(25)),
        (10, struct.pack("<I", 10**6), POINTERS.format(10**6)),
        # The pointer to section 3: id u16, length u32, index u32.
        (22 + 30 + 2, struct.pack("<I", 15), OUTSIDE),
        (22 + 30 + 2, struct.pack("<I", 10**6), OUTSIDE),
        (22 + 30 + 6, struct.pack("<I", 6), OUTSIDE),
        (22 + 30 + 6, struct.pack("<I", 7), OTHER),
        (22 + 30 + 2, struct.pack("<I", 27), OTHER),
    ],
)
def test_a_wrong_pointer_is_refused(offset: int, value: bytes, detail: str) -> None:
    data = record_of(one_lead(plain(RAMP)))[6:]
    start = offset - 6
    with pytest.raises(CorruptFile) as caught:
        read([Part("upload", stamped(data[:start] + value + data[start + len(value) :]))])
    assert caught.value.detail == detail


@pytest.mark.parametrize("count", [2, 3, 1000])
@pytest.mark.parametrize("number", [6, 200])
def test_sections_that_overlap_are_refused(number: int, count: int) -> None:
    """Each would be copied: a thousand of 64 MB would fill the memory."""
    first = 22 + 10 * count
    size = first + 50_000
    head = struct.pack("<HHIBB6s", 0, 0, 16 + 10 * count, 20, 20, b"SCPECG")
    body = b""
    for at in range(first, first + 16 * count, 16):
        # Each section has all that follow it.
        head += struct.pack("<HII", number, size - at, at + 1)
        body += struct.pack("<HHI8x", 0, number, size - at)
    with pytest.raises(CorruptFile) as caught:
        read([Part("upload", stamped(head + body.ljust(size - first, b"\0")))])
    needed = 2 * 50_000 - 16
    assert caught.value.detail == (
        f"the SCP-ECG record has {size} bytes; its sections 0 to {number} need {needed}: "
        "they overlap"
    )


ONE_TABLE_CODE = (1, 1, 1, 0, 0)
SEVERAL_TABLES = "SCP-ECG with several Huffman tables is not supported"


@pytest.mark.parametrize(
    ("bodies", "kind", "detail"),
    [
        (
            one_lead(plain(RAMP), bimodal=1),
            UnknownFormat,
            "SCP-ECG with bimodal compression is not supported",
        ),
        (
            one_lead(plain(RAMP), differences=3),
            UnknownFormat,
            "SCP-ECG with differences of order 3 is not supported; 0, 1 and 2 are",
        ),
        (one_lead(plain(RAMP)) | {2: b"\x02\0" + bytes(20)}, UnknownFormat, SEVERAL_TABLES),
        (one_lead(plain(RAMP)) | {2: b"\x10\0" + bytes(20)}, UnknownFormat, SEVERAL_TABLES),
        (
            one_lead(plain(RAMP)) | {2: table_section([(1, 1, 0, 0, 0)])},
            UnknownFormat,
            SEVERAL_TABLES,
        ),
        (
            one_lead(plain(RAMP)) | {2: b"\x11\0"},
            CorruptFile,
            "section 2 of the SCP-ECG record: 17 Huffman tables; the limit is 16",
        ),
        (
            one_lead(plain(RAMP)) | {2: table_section([ONE_TABLE_CODE] * 2)[:-2]},
            CorruptFile,
            "Huffman table of the SCP-ECG record: 2 codes in 18 bytes; 1 to 256 codes of 9 bytes "
            "are allowed",
        ),
        (
            one_lead(plain(RAMP)) | {2: b"\x01\0\0\0"},
            CorruptFile,
            "Huffman table of the SCP-ECG record: 0 codes in 2 bytes; 1 to 256 codes of 9 bytes "
            "are allowed",
        ),
        (
            one_lead(plain(RAMP)) | {2: table_section([ONE_TABLE_CODE] * 257)},
            CorruptFile,
            "Huffman table of the SCP-ECG record: 257 codes in 2316 bytes; 1 to 256 codes of "
            "9 bytes are allowed",
        ),
        (
            one_lead(plain(RAMP)) | {2: table_section([(33, 40, 1, 0, 0)])},
            CorruptFile,
            "Huffman table of the SCP-ECG record: a code of 33 prefix bits and 40 bits; "
            "at most 32 and 40 are allowed",
        ),
        (
            one_lead(plain(RAMP)) | {2: table_section([(3, 41, 1, 0, 0)])},
            CorruptFile,
            "Huffman table of the SCP-ECG record: a code of 3 prefix bits and 41 bits; "
            "at most 32 and 40 are allowed",
        ),
        (
            one_lead(b"\xff\xff") | {2: table_section([ONE_TABLE_CODE])},
            CorruptFile,
            "no lead of the SCP-ECG file can be read: I: it has 0 samples, 14 are stated",
        ),
        (
            one_lead(plain(RAMP)[:-2]),
            CorruptFile,
            "no lead of the SCP-ECG file can be read: I: it has 13 samples, 14 are stated",
        ),
        (
            one_lead(b"\xff\xff") | {2: DEFAULT},
            CorruptFile,
            "no lead of the SCP-ECG file can be read: I: it has 0 samples, 14 are stated",
        ),
        (
            one_lead(plain(RAMP), nanovolts=0),
            CorruptFile,
            "the gain in section 6 of the SCP-ECG record is 0",
        ),
        (
            one_lead(plain(RAMP), interval=0),
            BadSamplingRate,
            "fs: the sample interval in section 6 of the SCP-ECG record is 0",
        ),
        (
            one_lead(plain(RAMP), count=1_200_001),
            CorruptFile,
            "lead 0 of the SCP-ECG record: 1200001 samples, 1 to 1200001; the limit is 1200000",
        ),
        (
            one_lead(plain(RAMP), count=1_200_000),
            CorruptFile,
            "no lead of the SCP-ECG file can be read: I: it has 14 samples, 1200000 are stated",
        ),
        (
            {3: lead_section([(5, 4, 1)]), 6: wave_section([plain(RAMP)])},
            CorruptFile,
            "lead 0 of the SCP-ECG record: its last sample 4 precedes its first sample 5",
        ),
        (
            {3: lead_section([(0, 13, 1)], flags=1), 6: wave_section([plain(RAMP)])},
            UnknownFormat,
            "SCP-ECG that counts samples from 0, with a subtracted reference beat, is not "
            "supported",
        ),
        (
            {3: lead_section([(0, 1_200_000, 1)]), 6: wave_section([plain(RAMP)])},
            CorruptFile,
            "lead 0 of the SCP-ECG record: 1200001 samples, 0 to 1200000; the limit is 1200000",
        ),
        (
            {
                3: lead_section([(1, 1, 1), (1_200_001, 1_200_001, 2)]),
                6: wave_section([plain([1])] * 2),
            },
            CorruptFile,
            "the leads of the SCP-ECG record span 1200001 samples; the limit is 1200000",
        ),
        (
            {3: lead_section([(1, 14, 1), (1, 14, 1)]), 6: wave_section([plain(RAMP)] * 2)},
            DuplicateLead,
            "the SCP-ECG record has a lead twice",
        ),
        (
            {3: lead_section([(1, 14, 1)], flags=1), 6: wave_section([plain(RAMP)])},
            CorruptFile,
            "the SCP-ECG record states that a reference beat was subtracted; sections 4 and 5, "
            "which are needed to add it again, are not both present",
        ),
        (
            {
                3: lead_section([(1, 14, 1)], flags=1),
                4: qrs_section([]),
                5: wave_section([plain([1] * 8)], interval=1000),
                6: wave_section([plain(RAMP)]),
            },
            UnknownFormat,
            "SCP-ECG with different sampling rates of reference beat and rhythm is not supported",
        ),
        (
            {
                3: lead_section([(1, 14, 1)], flags=1),
                4: struct.pack("<HHH", 8, 2, 3),
                5: wave_section([plain([1] * 4)]),
                6: wave_section([plain(RAMP)]),
            },
            CorruptFile,
            "section 4 of the SCP-ECG record: 3 QRS complexes need 48 bytes; it has 6",
        ),
        (
            {3: lead_section([(1, 14, 1)])},
            NoSamples,
            "the SCP-ECG record has no rhythm data (section 6)",
        ),
        (
            {6: wave_section([plain(RAMP)])},
            CorruptFile,
            "section 3 of the SCP-ECG record: 0 leads in 0 bytes; at least one lead of 9 bytes "
            "is needed",
        ),
        (
            {3: b"\x02\0" + lead_section([(1, 14, 1)])[2:], 6: wave_section([plain(RAMP)])},
            CorruptFile,
            "section 3 of the SCP-ECG record: 2 leads in 12 bytes; at least one lead of 9 bytes "
            "is needed",
        ),
        (
            {3: lead_section([(1, 14, 1)]), 6: b"\1\0"},
            CorruptFile,
            "section 6 of the SCP-ECG record: 2 bytes; 1 leads need at least 8",
        ),
        (
            {3: lead_section([(1, 14, 1)]), 6: wave_section([plain(RAMP)])[:-2]},
            CorruptFile,
            "section 6 of the SCP-ECG record: 34 bytes; its leads need 36",
        ),
    ],
)
def test_a_damaged_or_unsupported_record_is_refused_with_the_reason(
    bodies: dict[int, bytes], kind: type[EcgError], detail: str
) -> None:
    with pytest.raises(kind) as caught:
        read_sections(bodies)
    assert caught.value.detail == detail


def statement_section(*statements: bytes) -> bytes:
    body = b"\0\xe8\x07\x05\x01\x08\x1b\x20" + bytes([len(statements)])
    for number, statement in enumerate(statements, start=1):
        body += bytes([number]) + len(statement).to_bytes(2, "little") + statement
    return body


@pytest.mark.parametrize(
    ("section8", "section11", "statements"),
    [
        (
            statement_section(b"Sinus rhythm\0", b"Mustermann is pale\0", b"Normal ECG\0"),
            None,
            ("Sinus rhythm", "Normal ECG"),
        ),
        (
            None,
            statement_section(b"\x01NSR\0", b"\x02Sinus rhythm\0", b"\x03LOGIC\0"),
            ("Sinus rhythm",),
        ),
        (None, statement_section(b"\x01AFIB\0", b"\x01LVH\0PRO\0"), ("AFIB", "LVH PRO")),
        (
            statement_section(b"Sinus rhythm\0"),
            statement_section(b"\x02Sinus rhythm\0", b"\x02Normales EKG f\xfcr 60\0"),
            ("Sinus rhythm", "Normales EKG für 60"),
        ),
        (statement_section(b"Sinus rhythm", b"Normal ECG")[:-1], None, ("Sinus rhythm",)),
        (b"\0" * 8, b"", ()),
    ],
)
def test_statements_of_sections_8_and_11_are_read_without_names(
    section8: bytes | None, section11: bytes | None, statements: tuple[str, ...]
) -> None:
    section1 = b"\0\x0b\0Mustermann\0\xff\0\0"
    bodies = one_lead(plain(RAMP)) | {1: section1}
    bodies |= {8: section8} if section8 is not None else {}
    bodies |= {11: section11} if section11 is not None else {}
    record = read_sections(bodies)
    assert record.reported is not None
    assert record.reported.statements == statements

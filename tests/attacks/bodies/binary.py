"""Attacks on the readers of binary files: EDF, SCP-ECG, MFER, ISHNE, DICOM."""

from __future__ import annotations

import binascii
import struct

import numpy as np

from tests.attacks.attack import (
    ITEM,
    LEADS,
    OPEN_ITEM,
    SEQUENCE,
    attack,
    deflated_zeros,
    dicom,
    dicom_group,
    edf,
)
from tests.attacks.cost import Upload

# EDF


def onset(seconds: int) -> bytes:
    """Return an annotation signal of 16 samples that states a record's start."""
    return b"+%d\x14\x14\0" % seconds


@attack(
    "EDF, BDF",
    count=100,
    largest=500,
    was="60 kB take 20 GB: two records 10,000 s apart leave a gap of 40 MB in each of 500 signals",
    now="corrupt_file recording_too_long duplicate_lead",
)
def edf_gaps(count: int) -> Upload:
    head = edf(["I"] * count + ["EDF Annotations"], 2, 500, reserved="EDF+D")
    records = [bytes(1000 * count) + onset(start).ljust(1000, b"\0") for start in (0, 9990)]
    return Upload(head + b"".join(records))


@attack(
    "EDF, BDF",
    count=50_000,
    largest=8_000_000,
    was="ten million records of one sample take 15 s: a search in each for its start",
    now="read corrupt_file",
)
def edf_short_records(count: int) -> Upload:
    head = edf(["I", "EDF Annotations"], count, 2, reserved="EDF+D")
    return Upload(head + (bytes(4) + b"+0\x14\x14") * count)


@attack("EDF, BDF", count=100_000, largest=1_300_000, now="read")
def edf_of_twelve_leads(count: int) -> Upload:
    return Upload(edf(LEADS, count, 1) + bytes(24 * count))


@attack("EDF, BDF", count=100_000, largest=1_300_000, now="read")
def bdf_of_twelve_leads(count: int) -> Upload:
    return Upload(edf(LEADS, count, 1, bdf=True) + bytes(36 * count))


# DICOM


@attack(
    "DICOM",
    count=50,
    largest=1000,
    was="a deflated data set behind 3 kB of meta information: 1 MB inflates to 1 GB, 25 s",
    now="unknown_format",
)
def dicom_deflated(count: int) -> Upload:
    return Upload(dicom(deflated_zeros(count), b"1.2.840.10008.1.2.1.99", meta_bytes=3000))


@attack(
    "DICOM",
    count=90_000,
    largest=8_000_000,
    was="a million empty items in the WaveformSequence take 13 s and 0.7 GB",
    now="corrupt_file unsafe_file",
)
def dicom_items(count: int) -> Upload:
    return Upload(dicom(SEQUENCE + struct.pack("<I", len(ITEM) * count) + ITEM * count))


@attack(
    "DICOM",
    count=90_000,
    largest=8_000_000,
    was="seven million elements of no length take 4 s",
    now="no_samples unsafe_file",
)
def dicom_elements(count: int) -> Upload:
    return Upload(dicom((struct.pack("<HH", 9, 1) + b"LO\0\0") * count))


@attack("DICOM", count=8, largest=30_000, now="unsafe_file corrupt_file")
def dicom_nested_sequences(count: int) -> Upload:
    return Upload(dicom((SEQUENCE + b"\xff\xff\xff\xff" + OPEN_ITEM) * 100 * count))


@attack("DICOM", count=100, largest=10_000, now="duplicate_lead corrupt_file")
def dicom_channels(count: int) -> Upload:
    item = dicom_group(min(count, 256), 100)
    return Upload(dicom(SEQUENCE + struct.pack("<I", len(item)) + item))


@attack("DICOM", count=500_000, largest=15_900_000, now="read recording_too_long")
def dicom_samples(count: int) -> Upload:
    item = dicom_group(1, count)
    return Upload(dicom(SEQUENCE + struct.pack("<I", len(item)) + item))


# SCP-ECG


def scp(sections: dict[int, bytes]) -> Upload:
    """Return a record of these sections, with right checksums."""
    pointers = b""
    bodies = b""
    numbers = [0, *sections]
    start = 6 + 16 + 10 * len(numbers)
    for number in numbers:
        if number == 0:
            pointers += struct.pack("<HII", 0, 16 + 10 * len(numbers), 7)
            continue
        section = struct.pack("<HIBB6x", number, 16 + len(sections[number]), 20, 20)
        section += sections[number]
        section = struct.pack("<H", binascii.crc_hqx(section, 0xFFFF)) + section
        pointers += struct.pack("<HII", number, len(section), start + 1 + len(bodies))
        bodies += section
    head = struct.pack("<HIBB6s", 0, 16 + len(pointers), 20, 20, b"SCPECG") + pointers
    head = struct.pack("<H", binascii.crc_hqx(head, 0xFFFF)) + head
    record = struct.pack("<I", 6 + len(head) + len(bodies)) + head + bodies
    return Upload(struct.pack("<H", binascii.crc_hqx(record, 0xFFFF)) + record)


def scp_rhythm(leads: int, samples: int, data: bytes, tables: bytes | None) -> Upload:
    spans = b"".join(struct.pack("<IIB", 1, samples, number) for number in SCP_LEADS[:leads])
    lengths = struct.pack(f"<{leads}H", *[len(data)] * leads)
    sections = {
        3: bytes([leads, 0]) + spans,
        6: struct.pack("<HHBB", 1000, 2000, 0, 0) + lengths + data * leads,
    }
    return scp(sections if tables is None else {2: tables, **sections})


SCP_LEADS = (1, 2, 61, 62, 63, 64, *range(3, 9), *range(20, 60), *range(70, 256))


@attack(
    "SCP-ECG",
    count=4,
    largest=12,
    was="256 codes of a table are searched for at each of 524,000 bits of a lead: 16 MB, 150 s",
    now="read corrupt_file",
)
def scp_huffman_table(count: int) -> Upload:
    # Codes of 9 bits, of which the data hold the last one only.
    codes = b"".join(
        struct.pack("<BBBhI", 9, 9, 1, 0, int(f"{code:09b}"[::-1], 2)) for code in range(256)
    )
    table = struct.pack("<HH", 1, 256) + codes
    return scp_rhythm(count, 50_000, bytes(65_000), table)


@attack(
    "SCP-ECG",
    count=100,
    largest=230,
    was="230 leads of 1.2 million samples each, of which none is needed: 2 GB",
    now="read unknown_lead corrupt_file",
)
def scp_leads(count: int) -> Upload:
    return scp_rhythm(count, 500_000, bytes(65_000), struct.pack("<H", 19_999))


@attack(
    "SCP-ECG",
    count=250_000,
    largest=64_000_000,
    was="1000 sections, each within the one before, are copied: 64 MB become 64 GB",
    now="corrupt_file",
)
def scp_nested_sections(count: int) -> Upload:
    sections = 1000
    pointers_bytes = 16 + 10 * sections
    start = 6 + pointers_bytes
    size = start + 16 * sections + count
    pointers = heads = b""
    for place in range(sections):
        at = start + 16 * place
        pointers += struct.pack("<HII", 200 + place, size - at, at + 1)
        heads += struct.pack("<HHI8x", 0, 200 + place, size - at)
    head = struct.pack("<HHIBB6s", 0, 0, pointers_bytes, 20, 20, b"SCPECG")
    record = struct.pack("<I", size) + head + pointers + heads + bytes(count)
    return Upload(struct.pack("<H", binascii.crc_hqx(record, 0xFFFF)) + record)


@attack(
    "SCP-ECG",
    count=100_000,
    largest=20_000_000,
    was="20 million empty fields of section 1 are read one by one: 9 s",
    now="read",
)
def scp_empty_fields(count: int) -> Upload:
    spans = struct.pack("<IIB", 1, 1000, 1)
    rhythm = struct.pack("<HHBBH", 1000, 2000, 0, 0, 2000) + bytes(2000)
    return scp({1: b"\x09\0\0" * count, 3: b"\1\0" + spans, 6: rhythm})


# MFER


def field(tag: int, value: bytes, channel: int | None = None) -> bytes:
    if channel is not None:
        inner = field(tag, value)
        return bytes([0x3F, channel]) + bytes([len(inner)]) + inner
    if len(value) < 128:
        return bytes([tag, len(value)]) + value
    return bytes([tag, 0x84]) + struct.pack(">I", len(value)) + value


def mfer(*fields: bytes) -> Upload:
    return Upload(field(0x40, b"MFR ".ljust(32)) + field(0x01, b"\0") + b"".join(fields))


INTERVAL = field(0x0B, b"\x01\xfd\x02")  # 2 ms
RESOLUTION = field(0x0C, b"\0\xfa\x01")  # 1 microvolt


@attack(
    "MFER",
    count=20_000,
    largest=49_000,
    was="each of 90,000 frames is appended to a copy of all frames before it: minutes",
    now="read corrupt_file unknown_lead",
)
def mfer_frames(count: int) -> Upload:
    frames = field(0x1E, bytes(400)) * count
    return mfer(field(0x05, b"\x01"), INTERVAL, RESOLUTION, field(0x09, b"\x01"), frames)


@attack(
    "MFER",
    count=100,
    largest=90_000,
    was="256 channels are set up for each of 90,000 frames: minutes",
    now="read corrupt_file unknown_lead",
)
def mfer_channels(count: int) -> Upload:
    frames = field(0x1E, bytes(512)) * count
    return mfer(field(0x05, struct.pack(">H", 256)), INTERVAL, RESOLUTION, frames)


@attack("MFER", count=40_000, largest=20_000_000, now="no_samples corrupt_file")
def mfer_tags(count: int) -> Upload:
    return mfer(field(0x16, b"") * count)


@attack(
    "MFER",
    count=40_000,
    largest=30_000_000,
    was="30 million empty groups, which did not count as tags, take 15 s",
    now="no_samples corrupt_file",
)
def mfer_groups(count: int) -> Upload:
    return mfer(field(0x67, b"") * count)


@attack(
    "MFER",
    count=50_000,
    largest=30_000_000,
    was="the end of a group is searched for at each of four levels, behind 30 million tags",
    now="no_samples corrupt_file",
)
def mfer_nested_groups(count: int) -> Upload:
    return mfer(b"\x67\x80" * 3 + field(0x16, b"") * count + bytes(6))


# ISHNE


@attack("ISHNE Holter", count=100_000, largest=1_330_000, now="read recording_too_long")
def ishne_samples(count: int) -> Upload:
    head = bytearray(522)
    head[:8] = b"ISHNE1.0"
    struct.pack_into("<4i", head, 10, 0, count, 522, 522)
    struct.pack_into("<h", head, 156, 12)
    struct.pack_into("<12h", head, 158, *range(5, 17))
    struct.pack_into("<12h", head, 206, *[1000] * 12)
    struct.pack_into("<h", head, 272, 500)
    samples = np.tile(np.arange(12, dtype="<i2"), count)
    return Upload(bytes(head) + samples.tobytes())

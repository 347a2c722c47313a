"""Every attack on the readers, as code: what it did when it was found, and what it gives now."""

from __future__ import annotations

import gzip
import struct

from tests.attacks.attack import (
    ITEM,
    JSON,
    MSGPACK,
    SEQUENCE,
    attack,
    deflated_zeros,
    dicom,
    form,
    header,
    plain_lines,
    zipped,
)
from tests.attacks.cost import MIB, OCTETS, Upload

# JSON


@attack(
    "JSON",
    count=100_000,
    largest=1_000_000,
    was="40,000 keys take a worker 137 s: simdjson looks through all keys for each key",
    now="missing_field body_too_large",
)
def json_keys(count: int) -> Upload:
    return Upload(b"{" + b",".join(b'"%x":1' % key for key in range(count)) + b"}", JSON)


@attack(
    "JSON",
    count=100_000,
    largest=1_000_000,
    was="as json_keys",
    now="unknown_lead body_too_large",
)
def json_leads(count: int) -> Upload:
    leads = b",".join(b'"%x":[1]' % lead for lead in range(count))
    return Upload(b'{"fs":500,"signal":{' + leads + b"}}", JSON)


@attack(
    "JSON",
    count=1_000_000,
    largest=15_900_000,
    was="15 million NaN take 11 s and 2.7 GB: one call and one object for each",
    now="read",
)
def json_nan(count: int) -> Upload:
    return Upload(b'{"fs":500,"lead_names":["I"],"signal":[[' + b"NaN," * count + b"1]]}", JSON)


# msgpack


@attack(
    "msgpack",
    count=100_000,
    largest=60_000_000,
    was="64 kB that unpack to 66 million empty maps take 8 s and 4.6 GB",
    now="bad_type body_too_large",
)
def msgpack_maps(count: int) -> Upload:
    body = b"\xdd" + struct.pack(">I", count) + b"\x80" * count
    return Upload(gzip.compress(body), MSGPACK, "gzip")


@attack(
    "msgpack",
    count=500,
    largest=1000,
    was="each of 500 nested lists claims 2 million items, for which the parser allocates 8 GB",
    now="malformed_body",
)
def msgpack_claims(count: int) -> Upload:
    return Upload((b"\xdd" + struct.pack(">I", 1_999_999)) * count + bytes(2_000_000), MSGPACK)


# XML


@attack(
    "XML",
    count=1000,
    largest=10_000,
    was="10 kB in which each of 10,000 elements gets 2000 attributes from the DOCTYPE: 1.7 GB",
    now="unsafe_file",
)
def xml_attribute_defaults(count: int) -> Upload:
    defaults = " ".join(f'a{number} CDATA "v{number}"' for number in range(2000))
    root = f"<!DOCTYPE RestingECG [<!ATTLIST a {defaults}>]><RestingECG>"
    return Upload(gzip.compress((root + "<a/>" * count + "</RestingECG>").encode()), OCTETS, "gzip")


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


# CSV


@attack(
    "CSV, TSV",
    count=500_000,
    largest=30_000_000,
    was="one line of 30 million cells takes 26 s and 2.8 GB: a string and a search for each cell",
    now="bad_shape recording_too_long",
)
def csv_one_line(count: int) -> Upload:
    return Upload(b"1," * count)


# WFDB


@attack(
    "WFDB",
    count=1000,
    largest=2000,
    was="2000 segments that name the same 48 MB file: it is unpacked 2000 times, 13 GB",
    now="recording_too_long",
)
def wfdb_segments_of_one_file(count: int) -> Upload:
    frames = 2 * MIB
    master = f"m/{count} 12 500 {count * frames}\n" + f"s {frames}\n" * count
    segment = header("s", 500, frames, plain_lines("s.dat"))
    files = [("m.hea", master.encode()), ("s.hea", segment), ("s.dat", bytes(24 * frames))]
    return form(files)


# Archives


@attack(
    "zip archive",
    count=100,
    largest=256,
    was="256 tables, of each of which 64 kB are parsed to detect it, take 5 s",
    now="several_recordings",
)
def zip_of_tables(count: int) -> Upload:
    return zipped((f"{number}.csv", b"1,2\n" * 60_000) for number in range(count))


# Numbers


@attack(
    "FHIR",
    count=1,
    largest=1,
    was='internal error: "\\x1c1" is a number to str.strip() and none to float()',
    now="corrupt_file",
)
def fhir_control_character(count: int) -> Upload:
    observation = (
        '{"resourceType":"Observation","code":{"text":"Lead I"},"valueSampledData":{"origin":'
        '{"value":"\\u001c1","unit":"mV"},"period":2,"dimensions":1,"data":"1 2 3"}}'
    )
    return Upload(observation.encode())

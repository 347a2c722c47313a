"""Attacks on the readers of JSON, msgpack, FHIR and text tables."""

from __future__ import annotations

import gzip
import struct

from tests.attacks.attack import JSON, LEADS, MSGPACK, attack
from tests.attacks.cost import Upload

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


@attack("JSON", count=100_000, largest=990_000, was="as json_keys", now="unknown_lead")
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


@attack("JSON", count=1_000_000, largest=15_900_000, now="read")
def json_numbers_and_null(count: int) -> Upload:
    return Upload(b'{"fs":500,"lead_names":["I"],"signal":[[' + b"0.5," * count + b"null]]}", JSON)


@attack("JSON", count=1_000_000, largest=15_900_000, now="read")
def json_numbers(count: int) -> Upload:
    return Upload(b'{"fs":500,"lead_names":["I"],"signal":[[' + b"0.5," * count + b"1]]}", JSON)


@attack("JSON", count=100_000, largest=990_000, now="bad_type")
def json_strings(count: int) -> Upload:
    return Upload(
        b'{"fs":500,"signal":[' + b",".join(b'"%x"' % n for n in range(count)) + b"]}", JSON
    )


@attack("JSON", count=200_000, largest=1_900_000, now="bad_shape")
def json_lists(count: int) -> Upload:
    return Upload(b'{"fs":500,"signal":[' + b"[]," * count + b"[]]}", JSON)


@attack("JSON", count=50_000, largest=290_000, now="bad_type too_many_records")
def json_objects(count: int) -> Upload:
    return Upload(b'{"records":[' + b'{"a":{}},' * (count // 2) + b"{}]}", JSON)


@attack("JSON", count=100_000, largest=16_000_000, now="bad_option missing_field")
def json_include(count: int) -> Upload:
    return Upload(b'{"include":"' + b"a," * count + b'"}', JSON)


# msgpack


def packed_list(count: int, item: bytes) -> bytes:
    return b"\xdd" + struct.pack(">I", count) + item * count


@attack(
    "msgpack",
    count=100_000,
    largest=60_000_000,
    was="64 kB that unpack to 66 million empty maps take 8 s and 4.6 GB",
    now="bad_type body_too_large",
)
def msgpack_maps(count: int) -> Upload:
    return Upload(gzip.compress(packed_list(count, b"\x80")), MSGPACK, "gzip")


@attack(
    "msgpack",
    count=400,
    largest=1000,
    was="each of 500 nested lists claims 2 million items, for which the parser allocates 8 GB",
    now="malformed_body",
)
def msgpack_claims(count: int) -> Upload:
    return Upload((b"\xdd" + struct.pack(">I", 1_999_999)) * count + bytes(2_000_000), MSGPACK)


def msgpack_record(signal: bytes) -> Upload:
    body = b"\x83\xa2fs\xcd\x01\xf4\xaalead_names\x91\xa1I\xa6signal\x91" + signal
    return Upload(body, MSGPACK)


@attack("msgpack", count=1_000_000, largest=15_900_000, now="read")
def msgpack_integers(count: int) -> Upload:
    return msgpack_record(packed_list(count, b"\xcd\x01\x2c"))


@attack("msgpack", count=100_000, largest=990_000, now="bad_type")
def msgpack_strings(count: int) -> Upload:
    return msgpack_record(packed_list(count, b"\xa2ab"))


@attack("msgpack", count=200_000, largest=1_900_000, now="bad_type")
def msgpack_lists(count: int) -> Upload:
    return msgpack_record(packed_list(count, b"\x90"))


# FHIR


def fhir(data: str) -> Upload:
    observation = (
        '{"resourceType":"Observation","code":{"text":"Lead I"},"valueSampledData":{"origin":'
        f'{{"value":0,"unit":"mV"}},"period":2,"dimensions":1,"data":"{data}"}}}}'
    )
    return Upload(observation.encode())


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


@attack("FHIR", count=500_000, largest=7_900_000, now="read")
def fhir_samples(count: int) -> Upload:
    return fhir("1 " * count)


@attack(
    "FHIR",
    count=500_000,
    largest=7_900_000,
    was="text with a letter in place of a sample becomes a string for each sample: 30 s, 4 GB",
    now="read",
)
def fhir_letters(count: int) -> Upload:
    return fhir("E 1 " * (count // 2))


@attack(
    "FHIR",
    count=10_000,
    largest=70_000,
    was="300,000 components take 8 s until it turns out that a lead is there twice",
    now="corrupt_file body_too_large duplicate_lead",
)
def fhir_components(count: int) -> Upload:
    component = (
        b'{"code":{"text":"Lead I"},"valueSampledData":{"origin":{"value":0,"unit":"mV"},'
        b'"period":2,"dimensions":1,"data":"1 2"}}'
    )
    components = b",".join([component] * count)
    return Upload(b'{"resourceType":"Observation","component":[' + components + b"]}")


# Tables


@attack(
    "CSV, TSV",
    count=500_000,
    largest=30_000_000,
    was="one line of 30 million cells takes 26 s and 2.8 GB: a string and a search for each cell",
    now="bad_shape recording_too_long",
)
def csv_one_line(count: int) -> Upload:
    return Upload(b"1," * count)


@attack(
    "CSV, TSV",
    count=500_000,
    largest=30_000_000,
    was="as csv_one_line",
    now="bad_shape recording_too_long",
)
def csv_one_line_of_words(count: int) -> Upload:
    return Upload(b"1 " * count)


@attack(
    "CSV, TSV",
    count=200_000,
    largest=30_000_000,
    was="30 million lines that end with CR alone take 20 s: LF alone was counted",
    now="recording_too_long bad_shape read",
)
def csv_carriage_returns(count: int) -> Upload:
    return Upload(b"1\r" * count)


@attack(
    "CSV, TSV",
    count=15_000,
    largest=30_000_000,
    was="a name with 60,000 spaces before its unit takes minutes: the search is quadratic",
    now="read unknown_format",
)
def csv_spaces_in_a_name(count: int) -> Upload:
    return Upload(b"II,x" + b" " * count + b"x\n" + b"1,2\n" * 20)


def table(line: str, count: int, head: str = "") -> Upload:
    return Upload((head + line * count).encode())


@attack("CSV, TSV", count=40_000, largest=1_100_000, now="read")
def csv_twelve_leads(count: int) -> Upload:
    return table("-123," * 11 + "4\n", count, ",".join(LEADS) + "\n")


@attack("CSV, TSV", count=50_000, largest=1_490_000, now="read body_too_large")
def csv_gaps(count: int) -> Upload:
    return table("1,\n", count, "I,II\n")


@attack("CSV, TSV", count=50_000, largest=1_490_000, now="read body_too_large")
def csv_quotes(count: int) -> Upload:
    return table('"1","2"\n', count, "I,II\n")


@attack("CSV, TSV", count=30_000, largest=1_900_000, now="corrupt_file read")
def csv_clock_times(count: int) -> Upload:
    return table("0:00:00.000,1,2\n", count, "time,I,II\n")


@attack("CSV, TSV", count=3000, largest=1_900_000, now="bad_shape duplicate_lead")
def csv_named_lines(count: int) -> Upload:
    return table("I,1,2\n", count)


@attack("CSV, TSV", count=2000, largest=4096, now="duplicate_lead bad_shape recording_too_long")
def csv_columns(count: int) -> Upload:
    line = ",".join(["1"] * count) + "\n"
    return table(line, 100, ",".join(["II"] * count) + "\n")


@attack("CSV, TSV", count=500, largest=1000, now="unknown_lead bad_shape read unknown_format")
def csv_head_lines(count: int) -> Upload:
    return table("1,2,3\n", 5, ("mV," * count + "\n") * 20)

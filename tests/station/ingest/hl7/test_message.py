"""Segments, fields and times of HL7 v2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import MalformedBody
from station.ingest.hl7.acknowledgement import Answer, ErrorCode, acknowledgement
from station.ingest.hl7.message import parse_message
from station.ingest.hl7.times import time_ms, time_text

HEADER = "MSH|^~\\&|A|B|C|D|20260102030405||ORU^R01|7|P|2.6"


def test_fields_components_and_escapes() -> None:
    text = f"{HEADER}\rPID|||1\\S\\2^x~3^y|\\F\\\\R\\\\E\\\\T\\\\H\\|\n\rOBX"
    message = parse_message(text.encode())
    assert message.header.field(2) == "^~\\&" and message.header.component(9, 2) == "R01"
    assert message.header.field(10) == "7"
    patient, observation = message.segments[1:]
    assert patient.components(3) == ["1^2", "x"]
    assert patient.component(4) == "|~\\&"
    assert (patient.component(3, 3), patient.field(99), observation.name) == ("", "", "OBX")


def test_other_separators_are_read_and_answered() -> None:
    message = parse_message(b"MSH$%*?!$A$B$C$D$20260102030405$$ORU%R01$7$P$2.6\rPID$$$a?S?b%c*d")
    assert message.segments[1].components(3) == ["a%b", "c"]
    answer = acknowledgement(message.header, Answer.ERROR, 0, code=ErrorCode.INTERNAL, text="a$b%")
    assert answer.startswith(b"MSH$%*?!$ecg-station$D$A$B$19700101000000.000+0000$$ACK%R01%ACK$7$P")
    assert b"\rMSA$AE$7\rERR$$$207%Application internal error%HL70357$E$$$$a?F?b?S?\r" in answer


@pytest.mark.parametrize(
    "content", [b"", b"\r\r", b"PID|1", b"MSH", b"MSH|^~\\", b"MSH|^^\\&|", b"MSH|^~\\&x|"]
)
def test_a_message_without_a_header_is_none(content: bytes) -> None:
    with pytest.raises(MalformedBody):
        parse_message(content)


@given(st.binary(max_size=200))
def test_no_bytes_end_the_parser_otherwise(content: bytes) -> None:
    for body in (content, HEADER.encode() + b"\r" + content):
        try:
            message = parse_message(body)
        except MalformedBody:
            continue
        for segment in message.segments:
            segment.components(5)
        acknowledgement(message.header, Answer.ACCEPTED, 0)


@pytest.mark.parametrize(
    ("text", "default", "expected"),
    [
        ("20260102030405+0000", "", 1_767_323_045_000),
        ("20260102030405.5+0100", "", 1_767_319_445_500),
        ("20260102030405.123-0530", "+0000", 1_767_342_845_123),
        ("20260102030405", "20260101000000+0000", 1_767_323_045_000),
        ("20260102", "", None),
        ("20261302030405+0000", "", None),
        ("20260102030405+9900", "", None),
        ("yesterday", "", None),
    ],
)
def test_times(text: str, default: str, expected: int | None) -> None:
    assert time_ms(text, default) == expected


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_is_read_as_it_is_written(moment_ms: int) -> None:
    assert time_ms(time_text(moment_ms), "") == moment_ms

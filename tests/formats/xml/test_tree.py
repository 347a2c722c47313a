"""XML of uploads: encodings that vendors write are read, and nothing in it declares, includes or opens anything."""

from __future__ import annotations

import numpy as np
import pytest

from errors import CorruptFile, EcgError, UnsafeFile
from formats.xml.tree import decode_base64, parse_numbers, parse_xml, root_name, text_of

DOCUMENT = (
    '<?xml version="1.0" encoding="{}"?>\n<a:ECG xmlns:a="urn:x"><a:name>µV é</a:name></a:ECG>'
)


@pytest.mark.parametrize(
    ("said", "codec"),
    [
        ("UTF-8", "utf-8"), ("UTF-8", "utf-8-sig"), ("UTF-16", "utf-16"), ("utf-16", "utf-8"), ("ISO8859-1", "latin-1"),
        ("ISO-8859-1", "latin-1"), ("windows-1252", "cp1252"), ("utf-8", "latin-1"), ("x-unheard-of", "utf-8"),
    ],
)  # fmt: skip
def test_every_encoding_that_vendors_write_is_read_by_its_bytes_first(
    said: str, codec: str
) -> None:
    data = DOCUMENT.format(said).encode(codec)
    assert root_name(data) == "ECG"
    assert text_of(parse_xml(data, "test"), "name") == "µV é"


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "latin-1"])
def test_an_empty_line_before_the_declaration_and_nul_bytes_behind_the_end_are_no_fault(
    codec: str,
) -> None:
    data = ("\r\n" + DOCUMENT.format(codec) + "\r\n\0\0").encode(codec)
    assert root_name(data) == "ECG"
    assert text_of(parse_xml(data, "test"), "name") == "µV é"


def test_the_root_is_found_behind_comments_instructions_and_a_doctype() -> None:
    assert (
        root_name(
            b"<?xml version='1.0'?><!-- <x/> --><?a b?> <!DOCTYPE RestingECG SYSTEM 'restecg.dtd'>\n<RestingECG/>"
        )
        == "RestingECG"
    )
    assert root_name(b"<!-- without end") is None
    assert root_name(b"no xml") is None
    assert root_name(b"<!--x-->" * 20_000) is None


def test_a_doctype_alone_is_no_fault_and_its_file_is_not_fetched() -> None:
    assert parse_xml(b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a>x</a>", "test").text == "x"


@pytest.mark.parametrize(
    "document",
    [
        b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        b"<!DOCTYPE a [<!ENTITY % x SYSTEM 'http://127.0.0.1:9/'> %x;]><a/>",
        b"<a>" * 200 + b"</a>" * 200,
        b"<a>" + b"<b/>" * 700_000 + b"</a>",
        b"<a " + b"".join(b"a%d='' " % number for number in range(1_000_001)) + b"/>",
    ],
)
def test_entities_depth_and_masses_of_elements_are_refused(document: bytes) -> None:
    with pytest.raises(UnsafeFile):
        parse_xml(document, "test")


@pytest.mark.parametrize(
    "document",
    [
        b"<a>",
        b"<a></b>",
        b"<a>&x;</a>",
        b"",
        b"<a/><a/>",
        b"<a>\x00</a>",
        b"\xff\xfe<\x00a",
        b"<a b='1' b='2'/>",
    ],
)
def test_what_is_no_xml_is_a_damaged_file(document: bytes) -> None:
    with pytest.raises(CorruptFile):
        parse_xml(document, "test")


def test_numbers_are_numbers_or_a_damaged_file() -> None:
    np.testing.assert_array_equal(parse_numbers(" 1, -2;+3.5\n4e2\t", "I"), [1, -2, 3.5, 400])
    assert parse_numbers(None, "I").size == 0
    for text in ("1 two", "nan", "inf", "1_0", "٣", "--1", "1e", "0x10"):
        with pytest.raises(CorruptFile):
            parse_numbers(text, "I")


def test_base64_is_strict_but_for_white_space_and_padding() -> None:
    assert decode_base64(" AQID\r\n BA ", "I") == b"\1\2\3\4"
    for text in ("AQ!D", "AQ=ID===", "Aé=="):
        with pytest.raises(EcgError):
            decode_base64(text, "I")

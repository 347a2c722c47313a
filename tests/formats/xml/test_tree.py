"""XML of uploads: vendors' encodings are read; nothing declares, includes or opens anything."""

from __future__ import annotations

import numpy as np
import pytest

from errors import CorruptFile, RecordingTooLong, UnsafeFile
from formats.xml import tree
from formats.xml.tree import (
    attribute_of,
    decode_base64,
    parse_numbers,
    parse_xml,
    root_name,
    text_of,
)

DOCUMENT = (
    '<?xml version="1.0" encoding="{}"?>\n<a:ECG xmlns:a="urn:x"><a:name>µV é</a:name></a:ECG>'
)


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("UTF-16", "utf-16"),
        ("utf-16", "utf-8"),
        ("utf-16", "utf-16-le"),
        ("utf-16", "utf-16-be"),
        ("ISO8859-1", "latin-1"),
        ("ISO-8859-1", "latin-1"),
        ("ISO-8859-1", "utf-8-sig"),
        ("windows-1252", "cp1252"),
        ("utf-8", "latin-1"),
        ("x-unheard-of", "utf-8"),
        ("windows-1299", "utf-8"),
    ],
)
def test_every_encoding_that_vendors_write_is_read_by_its_bytes_first(
    declared: str, codec: str
) -> None:
    data = DOCUMENT.format(declared).encode(codec)
    assert root_name(data) == "ECG"
    assert text_of(parse_xml(data, "test"), "name") == "µV é"


def test_a_declared_character_table_is_used() -> None:
    data = DOCUMENT.format("windows-1251").replace("µV é", "Ж").encode("cp1251")
    assert text_of(parse_xml(data, "test"), "name") == "Ж"


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "latin-1"])
def test_an_empty_line_before_the_declaration_and_nul_bytes_at_the_end_are_tolerated(
    codec: str,
) -> None:
    data = ("\r\n" + DOCUMENT.format(codec) + "\r\n\0\0").encode(codec)
    assert root_name(data) == "ECG"
    assert text_of(parse_xml(data, "test"), "name") == "µV é"


def test_the_root_is_found_behind_comments_instructions_and_a_doctype() -> None:
    prolog = b"<?xml version='1.0'?><!-- <x/> --><?a b?> "
    doctype = b"<!DOCTYPE RestingECG SYSTEM 'restecg.dtd'>\n<RestingECG/>"
    assert root_name(prolog + doctype) == "RestingECG"
    assert root_name(prolog + b"<a:b.c-d e='1'>") == "b.c-d"
    assert root_name(b"<!-- without end") is None
    assert root_name(b"no xml") is None
    assert root_name(b"") is None
    # The root is behind the 64 kB that are looked at.
    assert root_name(b"<!--x-->" * 20_000 + b"<a/>") is None


def test_a_doctype_alone_is_allowed_and_its_file_is_not_fetched() -> None:
    assert parse_xml(b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a>x</a>", "test").text == "x"


@pytest.mark.parametrize(
    "document",
    [
        b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        b"<!DOCTYPE a [<!ENTITY % x SYSTEM 'http://127.0.0.1:9/'> %x;]><a/>",
        b"<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]><a/>",
        b"<!DOCTYPE a [<!ELEMENT a ANY>]><a/>",
        b"<!DOCTYPE a SYSTEM 'a.dtd' []><a/>",
    ],
)
def test_declarations_are_refused(document: bytes) -> None:
    with pytest.raises(UnsafeFile) as caught:
        parse_xml(document, "test")
    assert caught.value.detail == (
        "the test file has declarations in its DOCTYPE, or refers to other files; neither is "
        "allowed"
    )


def test_depth_and_numbers_of_elements_and_attributes_are_limited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert parse_xml(b"<a>" * 100 + b"</a>" * 100, "test").tag == "a"
    nested = "XML: nested deeper than 100 levels or more than {} elements"
    with pytest.raises(UnsafeFile) as deep:
        parse_xml(b"<a>" * 101 + b"</a>" * 101, "test")
    assert deep.value.detail == nested.format(300_000)
    # Elements that are closed do not add to the depth.
    assert len(parse_xml(b"<a>" + b"<b></b>" * 200 + b"</a>", "test")) == 200
    monkeypatch.setattr(tree, "MAX_ELEMENTS", 5)
    assert len(parse_xml(b"<a>" + b"<b/>" * 4 + b"</a>", "test")) == 4
    with pytest.raises(UnsafeFile) as many:
        parse_xml(b"<a>" + b"<b/>" * 5 + b"</a>", "test")
    assert many.value.detail == nested.format(5)
    monkeypatch.setattr(tree, "MAX_ATTRIBUTES", 3)
    too_many = "test file: more than 5 elements or 3 attributes"
    assert parse_xml(b"<a b='' c='' d=''/>", "test").get("d") == ""
    for document in (b"<a b='' c='' d='' e=''/>", b"<a>" + b"<b>" * 9 + b"</b>"):
        with pytest.raises(UnsafeFile) as caught:
            parse_xml(document, "test")
        assert caught.value.detail == too_many


@pytest.mark.parametrize(
    ("document", "line"),
    [
        (b"<a>", " (line 1)"),
        (b"<a>\n\n</b>", " (line 3)"),
        (b"<a>&x;</a>", " (line 1)"),
        (b"", " (line 1)"),
        (b"<a/><a/>", " (line 1)"),
        (b"<a>\x00</a>", " (line 1)"),
        (b"\xff\xfe<\x00a", ""),
        (b"<a b='1' b='2'/>", " (line 1)"),
    ],
)
def test_what_is_not_well_formed_is_a_damaged_file(document: bytes, line: str) -> None:
    with pytest.raises(CorruptFile) as caught:
        parse_xml(document, "test")
    assert caught.value.detail == f"the test file is not well-formed XML{line}"


def test_texts_and_attributes_may_be_absent() -> None:
    root = parse_xml(b"<a><b c='1'> x </b><b>y</b><d> </d></a>", "test")
    assert text_of(root, "b") == "x"
    assert text_of(root, "d") is None and text_of(root, "e") is None and text_of(None, "b") is None
    assert attribute_of(root.find("b"), "c") == "1"
    assert attribute_of(root, "c") is None and attribute_of(None, "c") is None


def test_numbers_are_numbers_or_a_damaged_file(monkeypatch: pytest.MonkeyPatch) -> None:
    np.testing.assert_array_equal(parse_numbers(" 1, -2;+3.5\n4e2\t", "I"), [1, -2, 3.5, 400])
    assert parse_numbers(None, "I").size == 0
    for text in ("1 two", "nan", "inf", "1_0", "٣", "--1", "1e", "0x10"):
        with pytest.raises(CorruptFile) as caught:
            parse_numbers(text, "I")
        assert caught.value.detail == "I: a sample is not a number"
    monkeypatch.setattr(tree, "MAX_SAMPLES_CHARS", 5)
    assert parse_numbers("1 2 3", "I").size == 3
    with pytest.raises(RecordingTooLong) as too_long:
        parse_numbers("1 2 34", "I")
    assert too_long.value.detail == "I: 6 characters of samples; the limit is 5"


def test_base64_is_strict_except_for_white_space_and_padding() -> None:
    assert decode_base64(" AQID\r\n BA ", "I") == b"\1\2\3\4"
    assert decode_base64(None, "I") == b""
    for text in ("AQ!D", "AQ=ID===", "Aé=="):
        with pytest.raises(CorruptFile) as caught:
            decode_base64(text, "I")
        assert caught.value.detail == "I: the samples are not valid base64"

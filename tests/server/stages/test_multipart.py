"""Forms: fields and files, whatever the order, and forms that are refused."""

from __future__ import annotations

import pytest

from errors import BodyTooLarge, MalformedBody
from formats.parts import Part
from server.stages.multipart import MAX_FORM_FIELD_BYTES, MAX_FORM_PARTS, parse_form
from server.stages.request_body import check_content_type

TYPE = "multipart/form-data; boundary=b"
END = b"--b--\r\n"


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    head = f"--b\r\nContent-Disposition: {disposition}\r\n\r\n"
    return head.encode() + content + b"\r\n"


def test_fields_and_files() -> None:
    binary = bytes(range(256)) * 5000  # larger than the parser's chunk
    body = (
        part("include", b"labels")
        + part("files", binary, "ecg.dat")
        + part("include", "quälity".encode())
        + part("files", b"", "ecg.hea")
        + part("fs", b"")
        + END
    )
    fields, files = parse_form(body, TYPE)
    assert fields == {"include": ["labels", "quälity"], "fs": [""]}
    assert files == [Part("ecg.dat", binary), Part("ecg.hea", b"")]


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    fields, _ = parse_form(part("id", b"\xff1") + END, TYPE)
    assert fields == {"id": ["\N{REPLACEMENT CHARACTER}1"]}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (part("a", b"1"), TYPE),
        (part("a", b"1", "f")[:-10] + b"\r\n", TYPE),
        (part("a", b"1") + END, "multipart/form-data; boundary=other"),
        (part("a", b"1") + END, "multipart/form-data"),
        (b"hello", TYPE),
        (b"", TYPE),
    ],
    ids=["no end", "in a file", "another boundary", "no boundary", "no form", "empty"],
)
def test_a_form_that_cannot_be_read_is_malformed(body: bytes, content_type: str) -> None:
    with pytest.raises(MalformedBody, match=r"^the form cannot be read: .{1,120}$"):
        parse_form(body, content_type)


@pytest.mark.parametrize("length", [MAX_FORM_FIELD_BYTES, MAX_FORM_FIELD_BYTES + 1])
def test_the_limit_of_a_fields_length(length: int) -> None:
    body = part("thresholds", b"x" * length) + END
    if length == MAX_FORM_FIELD_BYTES:
        fields, _ = parse_form(body, TYPE)
        assert fields == {"thresholds": ["x" * length]}
    else:
        with pytest.raises(BodyTooLarge) as caught:
            parse_form(body, TYPE)
        assert caught.value.detail == (
            "a form field has 65537 bytes; the limit is 65536. Send recordings as file parts"
        )


@pytest.mark.parametrize("files", [0, 1, 500])
def test_the_limit_of_parts_counts_fields_and_files(files: int) -> None:
    def form(count: int) -> bytes:
        fields = count - files
        return part("a", b"1") * fields + part("f", b"2", "x") * files + END

    fields, received = parse_form(form(MAX_FORM_PARTS), TYPE)
    assert len(fields.get("a", [])) + len(received) == MAX_FORM_PARTS
    with pytest.raises(BodyTooLarge) as caught:
        parse_form(form(MAX_FORM_PARTS + 1), TYPE)
    assert caught.value.detail == "the form has more than 1000 fields and files"


@pytest.mark.parametrize(
    "parameters", ["", "; boundary=", '; boundary=""', "; charset=utf-8", "; boundary*=q'x"]
)
def test_a_form_without_a_boundary_is_refused_before_its_body(parameters: str) -> None:
    with pytest.raises(MalformedBody, match="Content-Type has no boundary"):
        check_content_type(f"multipart/form-data{parameters}", "classify")


@pytest.mark.parametrize("parameters", ["; boundary=b", ';BOUNDARY="a b"', "; boundary=\xff"])
def test_a_boundary_may_be_any_text(parameters: str) -> None:
    check_content_type(f"multipart/form-data{parameters}", "classify")

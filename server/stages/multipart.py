"""multipart/form-data (RFC 7578): a form's fields and files, all in memory."""

from __future__ import annotations

import io
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import (
    Field,
    File,
    MultipartState,
    create_form_parser,
    parse_options_header,
)

from errors import BodyTooLarge, MalformedBody
from formats.parts import Part

MAX_FORM_PARTS: Final = 1000
# Options and hints are short; thresholds for 17 labels are about 1 kB.
MAX_FORM_FIELD_BYTES: Final = 65_536
CHUNK_BYTES: Final = 1 << 20  # of the body given to the parser at a time
MAX_SHOWN_CHARS: Final = 120  # of the parser's message in an error


def check_boundary(content_type: str) -> None:
    """Refuse, before the body is read, a form whose Content-Type lacks the boundary of its parts.

    Raises MalformedBody.
    """
    _, parameters = parse_options_header(content_type)
    if not parameters.get(b"boundary"):
        raise MalformedBody("the form cannot be read: its Content-Type has no boundary")


def parse_form(body: bytes, content_type: str) -> tuple[dict[str, list[str]], list[Part]]:
    """Return a form's fields, each name with all its values, and its files.

    Raises MalformedBody, and BodyTooLarge for a long field or more than MAX_FORM_PARTS parts.
    """
    form = _Form()
    # The limit is one byte above the body's size, so that no file is ever spooled to disk.
    config = {
        "MAX_MEMORY_FILE_SIZE": len(body) + 1,
        "MAX_BODY_SIZE": len(body) + 1,
        "UPLOAD_KEEP_FILENAME": False,
    }
    try:
        # ASGI header values are decoded as latin-1.
        headers = {"Content-Type": content_type.encode("latin-1")}
        parser = create_form_parser(headers, form.add_field, form.add_file, config=config)
        stream = io.BytesIO(body)
        while chunk := stream.read(CHUNK_BYTES):
            parser.write(chunk)
        parser.finalize()
        # The library accepts a truncated form, and silently drops the file that is incomplete.
        if getattr(parser.parser, "state", None) != MultipartState.END:
            raise FormParserError("it ends before its last boundary")
    except (FormParserError, UnicodeDecodeError, ValueError) as error:
        message = str(error)[:MAX_SHOWN_CHARS]
        raise MalformedBody(f"the form cannot be read: {message}") from None
    return form.fields, form.files


class _Form:
    def __init__(self) -> None:
        self.fields: dict[str, list[str]] = {}
        self.files: list[Part] = []
        self._part_count = 0

    def add_field(self, field: Field) -> None:
        self._count_part()
        value = field.value or b""
        if len(value) > MAX_FORM_FIELD_BYTES:
            raise BodyTooLarge(
                f"a form field has {len(value)} bytes; the limit is {MAX_FORM_FIELD_BYTES}. "
                "Send recordings as file parts"
            )
        self.fields.setdefault(_decoded(field.field_name), []).append(_decoded(value))

    def add_file(self, file: File) -> None:
        self._count_part()
        file.file_object.seek(0)
        self.files.append(Part(_decoded(file.file_name), file.file_object.read()))

    def _count_part(self) -> None:
        self._part_count += 1
        if self._part_count > MAX_FORM_PARTS:
            raise BodyTooLarge(f"the form has more than {MAX_FORM_PARTS} fields and files")


def _decoded(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", errors="replace")

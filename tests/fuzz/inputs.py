"""A fuzzed request as bytes: a head that chooses how the body is sent, the query, and the body."""

from __future__ import annotations

import gzip
from urllib.parse import parse_qs

import zstandard

from server.ipc.messages import Slot, Task, TaskHead
from server.media_types import JSON, MSGPACK, MULTIPART_FORM, NPY, OCTET_STREAM
from server.recording_routes import ROUTE_OPTIONS, Route

# head: route, media type, encoding and length of the query, one byte each
HEAD_BYTES = 4
MAX_QUERY_BYTES = 255
ROUTES: tuple[Route, ...] = tuple(ROUTE_OPTIONS)  # type: ignore[arg-type]
FORM = f"{MULTIPART_FORM}; boundary=b"
FHIR = "application/fhir+json"
MEDIA_TYPES = (JSON, MSGPACK, NPY, OCTET_STREAM, FORM, MULTIPART_FORM, FHIR)
# "packed" bodies are compressed here, so that damage reaches what is behind the compression.
ENCODINGS = ("", "packed gzip", "packed zstd", "gzip", "zstd")


def input_of(
    body: bytes, media_type: str, query: str = "", route: str = "analyze", encoding: str = ""
) -> bytes:
    """Return the bytes that `task_of` reads as this request."""
    encoded = query.encode()
    assert len(encoded) <= MAX_QUERY_BYTES, query
    chosen = (ROUTES.index(route), MEDIA_TYPES.index(media_type), ENCODINGS.index(encoding))  # type: ignore[arg-type]
    return bytes([*chosen, len(encoded)]) + encoded + body


def task_of(data: bytes) -> Task:
    """Return the request that any bytes stand for."""
    route, media_type, encoding, query_bytes = data[:HEAD_BYTES].ljust(HEAD_BYTES, b"\0")
    query = data[HEAD_BYTES : HEAD_BYTES + query_bytes].decode(errors="replace")
    body = data[HEAD_BYTES + query_bytes :]
    content_encoding = ENCODINGS[encoding % len(ENCODINGS)]
    if content_encoding.startswith("packed "):
        content_encoding = content_encoding.removeprefix("packed ")
        body = _packed(body, content_encoding)
    head = TaskHead(
        0, 1, Slot(0, 0), ROUTES[route % len(ROUTES)], "fuzz", "json", received_s=0, deadline_s=1e9
    )
    content_type = MEDIA_TYPES[media_type % len(MEDIA_TYPES)]
    params = parse_qs(query, keep_blank_values=True)
    return Task(head, content_type, content_encoding, body, params, fixed_deadline=True)


def _packed(body: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.compress(body, compresslevel=1)
    return zstandard.ZstdCompressor(level=1).compress(body)

"""The media types that the server reads and writes, each spelled in this module only."""

from __future__ import annotations

from typing import Final

JSON: Final = "application/json"
MSGPACK: Final = "application/msgpack"
NPY: Final = "application/x-npy"
OCTET_STREAM: Final = "application/octet-stream"
MULTIPART_FORM: Final = "multipart/form-data"
NDJSON: Final = "application/x-ndjson"
FHIR_JSON: Final = "application/fhir+json"
PDF: Final = "application/pdf"
PNG: Final = "image/png"
DICOM: Final = "application/dicom"
PROBLEM_JSON: Final = "application/problem+json"  # RFC 9457
PLAIN_TEXT: Final = "text/plain"
PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"
JAVASCRIPT: Final = "text/javascript; charset=utf-8"
CSS: Final = "text/css; charset=utf-8"
SVG: Final = "image/svg+xml"
WOFF2: Final = "font/woff2"

# Media types that mean msgpack. IANA registered vnd.msgpack; the other two are in wide use.
MSGPACK_NAMES: Final = (MSGPACK, "application/x-msgpack", "application/vnd.msgpack")


def without_parameters(media_type: str) -> str:
    """Return a media type in lower case, without parameters such as charset or boundary."""
    return media_type.partition(";")[0].strip().lower()

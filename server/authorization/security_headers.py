"""Headers of every answer that tell a browser what it must not do with it."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders

# An answer's own header stays: pages have a policy of their own, and are kept by browsers.
SECURITY_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    # Answers about recordings are health data: no cache on the way may keep them.
    "cache-control": "no-store",
}
_RAW: Final = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]


def add_security_headers(headers: MutableHeaders) -> None:
    present = {name for name, _ in headers.raw}
    headers.raw.extend(field for field in _RAW if field[0] not in present)

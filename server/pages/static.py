"""A body that stays the same while the process runs: packed once, not sent again to who has it."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from functools import cached_property

from fastapi import Request
from starlette.responses import Response

MIN_PACKED_BYTES = 1024  # below, packing saves no packet


class Static:
    def __init__(
        self, body: bytes, media_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.body, self.media_type = body, media_type
        # Weak: packed and plain are the same thing. no-cache means ask first, so that an upgrade shows at once.
        self.etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
        self._headers = {
            **(headers or {}),
            "ETag": self.etag,
            "Cache-Control": "no-cache",
            "Vary": "Accept-Encoding",
        }

    @cached_property
    def packed(self) -> bytes:
        return gzip.compress(self.body, mtime=0)

    def respond(self, request: Request) -> Response:
        """Not quick at the first call for a big body: it is packed then."""
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=self._headers)
        if len(self.body) >= MIN_PACKED_BYTES and takes_gzip(
            request.headers.get("accept-encoding", "")
        ):
            return Response(
                self.packed, 200, {**self._headers, "Content-Encoding": "gzip"}, self.media_type
            )
        return Response(self.body, 200, self._headers, self.media_type)


def takes_gzip(accept_encoding: str) -> bool:
    for entry in accept_encoding.lower().split(","):
        name, _, weight = entry.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False

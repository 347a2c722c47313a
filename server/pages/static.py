"""A body that does not change while the process runs: compressed once, and cached by browsers."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Final

from fastapi import Request
from starlette.responses import Response

MIN_COMPRESSED_BYTES: Final = 1024  # a smaller body fits into one packet anyway
ZERO_WEIGHTS: Final = ("q=0", "q=0.0", "q=0.00", "q=0.000")  # RFC 9110: at most three decimals


class Static:
    def __init__(
        self, body: bytes, media_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.body = body
        self.media_type = media_type
        # A weak tag, as the compressed and the plain body have the same one.
        self.etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
        self._headers = {
            **(headers or {}),
            "ETag": self.etag,
            # The browser asks each time, so that an upgrade of the server shows at once.
            "Cache-Control": "no-cache",
            "Vary": "Accept-Encoding",
        }

    @cached_property
    def compressed(self) -> bytes:
        # Without the time, so that every process has the same bytes.
        return gzip.compress(self.body, mtime=0)

    def respond(self, request: Request) -> Response:
        """Return the response. The first call compresses the body, which may take a while."""
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=self._headers)
        accept_encoding = request.headers.get("accept-encoding", "")
        if len(self.body) >= MIN_COMPRESSED_BYTES and accepts_gzip(accept_encoding):
            headers = {**self._headers, "Content-Encoding": "gzip"}
            return Response(self.compressed, 200, headers, self.media_type)
        return Response(self.body, 200, self._headers, self.media_type)


def accepts_gzip(accept_encoding: str) -> bool:
    for entry in accept_encoding.lower().split(","):
        name, _, weight = entry.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in ZERO_WEIGHTS
    return False

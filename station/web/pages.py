"""The ward page and a patient's page: web/dist/ward.html, patient.html and what they need, as built
from web/src.

They are one program, which goes on while a person moves between them; patient.html names its files
from one folder higher. It holds no data, and a person enters the station's key on it, so it needs
no credential. A path of a request never becomes a path of the file system.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from errors import NotFound

BUILT_FOLDER: Final = Path(__file__).parents[2] / "web" / "dist"
MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
# Everything from this station, nothing inline. The patient's page has a <base> of its own.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "base-uri 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


@dataclass(frozen=True)
class _Built:
    """A built file, plain and compressed."""

    body: bytes
    compressed: bytes
    media_type: str
    etag: str


async def ward_page(request: Request) -> Response:
    return await _respond(request, "ward.html")


async def patient_page(request: Request) -> Response:
    """Return the page, whatever the name: only who has a key is told which patients there are."""
    return await _respond(request, "patient.html")


async def asset(request: Request) -> Response:
    name = f"assets/{request.path_params['name']}"
    if name not in _asset_names():
        raise NotFound("no such asset; the HTML of / names those that exist")
    return await _respond(request, name)


async def _respond(request: Request, name: str) -> Response:
    # In a thread, as the first answer reads the file and compresses it.
    built = await asyncio.to_thread(_built, name)
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "ETag": built.etag,
        # The browser asks each time, so that an upgrade of the station shows at once.
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == built.etag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(built.compressed, 200, headers, built.media_type)
    return Response(built.body, 200, headers, built.media_type)


@cache
def _asset_names() -> frozenset[str]:
    return frozenset(f"assets/{path.name}" for path in (BUILT_FOLDER / "assets").iterdir())


@cache
def _built(name: str) -> _Built:
    path = BUILT_FOLDER / name
    body = path.read_bytes()
    # A weak tag, as the compressed and the plain body have the same one.
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    # Without the time, so that every process has the same bytes.
    return _Built(body, gzip.compress(body, mtime=0), MEDIA_TYPES[path.suffix], etag)

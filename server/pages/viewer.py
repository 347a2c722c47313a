"""The viewer and the status page: web/dist, as it was built from web/src.

The pages hold no data, and a person enters the API key on them, so they need no credential.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import Request
from starlette.responses import Response

from errors import NotFound
from server.media_types import CSS, HTML, JAVASCRIPT, PLAIN_TEXT, SVG, WOFF2
from server.pages.static import Static

BUILT_FOLDER: Final = Path(__file__).parents[2] / "web" / "dist"
MEDIA_TYPES: Final = {
    ".js": JAVASCRIPT,
    ".css": CSS,
    ".svg": SVG,
    ".woff2": WOFF2,
    ".txt": PLAIN_TEXT,
}

# Everything from this server, nothing inline. A report and a picture are shown from blob addresses.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
}


async def viewer(request: Request) -> Response:
    return await _respond(request, _page, "index")


async def _status_page(request: Request) -> Response:
    return await _respond(request, _page, "status")


async def _asset_response(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _asset_names():
        raise NotFound("no such asset; the HTML of / names those that exist")
    return await _respond(request, _asset, name)


# Path -> handler of GET and HEAD. `/` is in OPERATOR_ROUTES, as programs get JSON there.
VIEWER_ROUTES: Final[dict[str, Callable[[Request], Awaitable[Response]]]] = {
    "/status": _status_page,
    "/assets/{name}": _asset_response,
}


async def _respond(request: Request, static_of: Callable[[str], Static], name: str) -> Response:
    # In a thread, as the first answer reads the file and compresses it.
    return await asyncio.to_thread(lambda: static_of(name).respond(request))


@cache
def _page(name: str) -> Static:
    return Static((BUILT_FOLDER / f"{name}.html").read_bytes(), HTML, HEADERS)


@cache
def _asset_names() -> frozenset[str]:
    """The names of built files. A path of a request never becomes a path of the file system."""
    return frozenset(path.name for path in (BUILT_FOLDER / "assets").iterdir())


@cache
def _asset(name: str) -> Static:
    path = BUILT_FOLDER / "assets" / name
    return Static(path.read_bytes(), MEDIA_TYPES[path.suffix], HEADERS)

"""Documentation in the browser without a network: /docs, /redoc, what they load, and docs/*.md as pages.

Swagger UI and ReDoc come from the package fastapi-offline, which carries their files; nothing else of it is used.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

from fastapi import Request
from starlette.responses import Response

from errors import NotFound
from server.media_types import CSS, HTML, JAVASCRIPT, JSON
from server.openapi.document import openapi_bytes
from server.pages.markdown import render
from server.pages.static import Static
from server.workers.service import Service

DOCS = Path(__file__).parents[2] / "docs"
OWN_ASSETS = Path(__file__).with_name("assets")

# An allowlist: name -> where it lies and what it is.
ASSETS: dict[str, tuple[str, str]] = {
    "swagger-ui-bundle.js": ("fastapi_offline", JAVASCRIPT),
    "swagger-ui.css": ("fastapi_offline", CSS),
    "redoc.standalone.js": ("fastapi_offline", JAVASCRIPT),
    "swagger-start.js": ("", JAVASCRIPT),
    "redoc-start.js": ("", JAVASCRIPT),
    "page.css": ("", CSS),
}
# The pages of docs/ that are shown, by name; a path of the request never becomes a path of the disk.
PAGES = (
    "errors",
    "api",
    "settings",
    "design",
    "accuracy",
    "heads",
    "formats",
    "models/ecg-fm",
    "models/embedded",
)

# Scripts from here only, none in the page; both UIs write style attributes, ReDoc searches in a worker from a blob.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

NAVIGATION = "".join(
    f'<a href="{path}">{title}</a>'
    for path, title in (
        ("/docs", "Try it"),
        ("/redoc", "Reference"),
        ("/docs/errors", "Errors"),
        ("/docs/models/ecg-fm", "ECG-FM's card"),
        ("/docs/models/embedded", "the embedded model's card"),
    )
)

Handler = Callable[[Request], Awaitable[Response]]


def docs_routes(service_of: Callable[[], Service]) -> dict[str, Handler]:
    """path -> handler of GET."""

    async def openapi(request: Request) -> Response:
        body = await asyncio.to_thread(openapi_bytes, service_of().settings)
        return await asyncio.to_thread(_openapi_static(body).respond, request)

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in ASSETS:
            raise NotFound("there is no such asset; /docs and /redoc name those that they load")
        return await asyncio.to_thread(lambda: _asset(name).respond(request))

    async def page(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in PAGES or not (DOCS / f"{name}.md").is_file():
            raise NotFound(
                f"there is no such page; pages are {', '.join(f'/docs/{page}' for page in PAGES)}"
            )
        return await asyncio.to_thread(lambda: _page(name).respond(request))

    async def swagger(request: Request) -> Response:
        return SWAGGER.respond(request)

    async def redoc(request: Request) -> Response:
        return REDOC.respond(request)

    return {
        "/openapi.json": openapi,
        "/docs": swagger,
        "/redoc": redoc,
        "/docs/assets/{name}": asset,
        "/docs/{name:path}": page,
    }


def _html(title: str, body: str, *, style: str = "", scripts: tuple[str, ...] = ()) -> Static:
    styles = "".join(
        f'<link rel="stylesheet" href="/docs/assets/{name}">'
        for name in (style, "page.css")
        if name
    )
    loaded = "".join(f'<script src="/docs/assets/{name}"></script>' for name in scripts)
    text = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - ECG-FM inference server</title><link rel="icon" href="data:,">{styles}</head>
<body>
<nav>{NAVIGATION}Research use only</nav>
{body}
{loaded}
</body>
</html>
"""
    return Static(
        text.encode(),
        HTML,
        {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"},
    )


SWAGGER = _html(
    "Try it",
    '<div id="page" class="swagger"></div>',
    style="swagger-ui.css",
    scripts=("swagger-ui-bundle.js", "swagger-start.js"),
)
REDOC = _html(
    "Reference", '<div id="page"></div>', scripts=("redoc.standalone.js", "redoc-start.js")
)


@cache
def _openapi_static(body: bytes) -> Static:
    return Static(body, JSON)


@cache
def _asset(name: str) -> Static:
    package, media_type = ASSETS[name]
    return Static(
        (_folder(package) / name).read_bytes(), media_type, {"X-Content-Type-Options": "nosniff"}
    )


def _folder(package: str) -> Path:
    if not package:
        return OWN_ASSETS
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None, f"{package} is in requirements.txt"
    return Path(spec.origin).with_name("static")


@cache
def _page(name: str) -> Static:
    title, body = render((DOCS / f"{name}.md").read_text(encoding="utf-8"))
    return _html(title, f"<main>{body}</main>")

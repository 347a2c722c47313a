"""Documentation in the browser that works without a network: /docs, /redoc, and docs/*.md as pages.

Swagger UI and ReDoc come from the package fastapi-offline, which ships their files; nothing else of
it is used.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import Request
from starlette.responses import Response

from errors import NotFound
from server.media_types import CSS, HTML, JAVASCRIPT, JSON, PNG
from server.openapi.document import openapi_bytes
from server.openapi.loaded_models import LoadedModels
from server.pages.markdown import render
from server.pages.static import Static
from server.workers.service import service_of

DOCS_FOLDER: Final = Path(__file__).parents[2] / "docs"
OWN_ASSETS_FOLDER: Final = Path(__file__).with_name("assets")

# The allowed files: name -> the package that ships it ("" for this one), and its media type.
ASSETS: Final[dict[str, tuple[str, str]]] = {
    "swagger-ui-bundle.js": ("fastapi_offline", JAVASCRIPT),
    "swagger-ui.css": ("fastapi_offline", CSS),
    "redoc.standalone.js": ("fastapi_offline", JAVASCRIPT),
    "swagger-start.js": ("", JAVASCRIPT),
    "redoc-start.js": ("", JAVASCRIPT),
    "page.css": ("", CSS),
}
# ReDoc's footer loads the logo of its maker from a server on the internet.
REPLACED: Final = {
    "redoc.standalone.js": (b"https://cdn.redoc.ly/redoc/logo-mini.svg", b"data:,"),
}
# The allowed pages of docs/. A path of a request never becomes a path of the file system.
PAGES: Final = (
    "errors",
    "api",
    "report",
    "settings",
    "security",
    "reliability",
    "observability",
    "deployment",
    "upgrading",
    "licences",
    "testing",
    "design",
    "accuracy",
    "heads",
    "formats",
    "viewer",
    "station",
    "watching",
    "holter",
    "glossary",
    "performance",
    "models/ecg-fm",
    "models/embedded",
    "models/one-lead",
    "models/beats",
    "models/fibrillation",
)

# Scripts from this server only, none inline. Both UIs write style attributes; ReDoc runs its
# search in a worker from a blob.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
# A browser must not guess another media type than the one that is declared.
NOSNIFF: Final = {"X-Content-Type-Options": "nosniff"}

LINKS: Final = {
    "/docs": "Try it",
    "/redoc": "Reference",
    "/docs/errors": "Errors",
    "/docs/models/ecg-fm": "ECG-FM's card",
    "/docs/models/embedded": "The embedded model's card",
    "/docs/models/one-lead": "The one-lead model's card",
}


def _html_page(
    title: str, body: str, *, style: str | None = None, scripts: tuple[str, ...] = ()
) -> Static:
    style_names = ["page.css"] if style is None else [style, "page.css"]
    styles = "".join(f'<link rel="stylesheet" href="/docs/assets/{name}">' for name in style_names)
    script_tags = "".join(f'<script src="/docs/assets/{name}"></script>' for name in scripts)
    links = "".join(f'<a href="{path}">{text}</a>' for path, text in LINKS.items())
    html = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - ECG-FM inference server</title><link rel="icon" href="data:,">{styles}</head>
<body>
<nav>{links}Research use only</nav>
{body}
{script_tags}
</body>
</html>
"""
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, **NOSNIFF}
    return Static(html.encode(), HTML, headers)


SWAGGER: Final = _html_page(
    "Try it",
    '<div id="page" class="swagger"></div>',
    style="swagger-ui.css",
    scripts=("swagger-ui-bundle.js", "swagger-start.js"),
)
REDOC: Final = _html_page(
    "Reference", '<div id="page"></div>', scripts=("redoc.standalone.js", "redoc-start.js")
)


async def openapi(request: Request) -> Response:
    # In a thread, as the first answer of a page reads or builds it, and compresses it.
    def respond() -> Response:
        service = service_of(request)
        body = openapi_bytes(service.settings, LoadedModels.of(service.deployment))
        return _openapi_page(body).respond(request)

    return await asyncio.to_thread(respond)


async def _asset_response(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in ASSETS:
        raise NotFound("no such asset; the HTML of /docs and /redoc names those that exist")
    return await asyncio.to_thread(lambda: _asset(name).respond(request))


async def page(request: Request) -> Response:
    name = request.path_params["name"]
    if name in _image_names():
        return await asyncio.to_thread(lambda: _image(name).respond(request))
    if name not in PAGES or not (DOCS_FOLDER / f"{name}.md").is_file():
        pages = ", ".join(f"/docs/{page_name}" for page_name in PAGES)
        raise NotFound(f"no such page; pages are {pages}")
    return await asyncio.to_thread(lambda: _page(name).respond(request))


async def swagger(request: Request) -> Response:
    return SWAGGER.respond(request)


async def redoc(request: Request) -> Response:
    return REDOC.respond(request)


# Path -> handler of GET and HEAD.
DOCS_ROUTES: Final[dict[str, Callable[[Request], Awaitable[Response]]]] = {
    "/openapi.json": openapi,
    "/docs": swagger,
    "/redoc": redoc,
    "/docs/assets/{name}": _asset_response,
    "/docs/{name:path}": page,
}


@cache
def _openapi_page(body: bytes) -> Static:
    return Static(body, JSON)


@cache
def _asset(name: str) -> Static:
    package, media_type = ASSETS[name]
    content = (_assets_folder(package) / name).read_bytes()
    if name in REPLACED:
        address, replacement = REPLACED[name]
        assert address in content, f"{name}: another version loads its logo from elsewhere"
        content = content.replace(address, replacement)
    return Static(content, media_type, NOSNIFF)


def _assets_folder(package: str) -> Path:
    if not package:
        return OWN_ASSETS_FOLDER
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None, f"{package} is in requirements.txt"
    return Path(spec.origin).with_name("static")


@cache
def _image_names() -> frozenset[str]:
    """The pictures of the pages, by their paths in docs/."""
    return frozenset(f"images/{path.name}" for path in (DOCS_FOLDER / "images").glob("*.png"))


@cache
def _image(name: str) -> Static:
    return Static((DOCS_FOLDER / name).read_bytes(), PNG, NOSNIFF)


@cache
def _page(name: str) -> Static:
    title, body = render((DOCS_FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    return _html_page(title, f"<main>{body}</main>")

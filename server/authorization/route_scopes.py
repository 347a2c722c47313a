"""Which scope each route needs. A path that is not in the table is refused, whatever serves it."""

from __future__ import annotations

from typing import Final, Literal

Scope = Literal["docs", "analyze", "features", "operator"]
# What a key can be given. Every key has `docs` besides.
GRANTABLE_SCOPES: Final[tuple[Scope, ...]] = ("analyze", "features", "operator")
ALL_SCOPES: Final[tuple[Scope, ...]] = ("docs", *GRANTABLE_SCOPES)

# Probes of orchestrators: neither a credential nor a known Host name is asked for.
PROBES: Final = frozenset({"/livez", "/readyz"})
ROUTE_SCOPES: Final[dict[str, Scope | None]] = {
    "/livez": None,
    "/readyz": None,
    "/health": None,  # with a short answer to those without the scope `operator`
    "/": "docs",
    "/docs": "docs",
    "/redoc": "docs",
    "/openapi.json": "docs",
    "/docs/assets/{name}": "docs",
    "/docs/{name:path}": "docs",
    "/models": "docs",
    "/analyze": "analyze",
    "/assess_quality": "analyze",
    "/predict": "analyze",
    "/classify": "analyze",
    "/diagnosis": "analyze",
    "/extract_features": "features",
    "/metrics": "operator",
}
_DOCS_PREFIX: Final = "/docs/"
_DOCS_PAGES: Final = "/docs/{name:path}"


class NotInTable(Exception):
    """The path is not in the table."""


def route_of_path(path: str) -> str:
    """Return the route of a request's path, a key of ROUTE_SCOPES. Raises NotInTable."""
    if path.startswith(_DOCS_PREFIX):
        return _DOCS_PAGES
    # The router redirects /analyze/ to /analyze.
    for route in (path, path.removesuffix("/")):
        if route in ROUTE_SCOPES:
            return route
    raise NotInTable

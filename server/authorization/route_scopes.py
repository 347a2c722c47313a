"""Which scope each route needs. A path that is not in the table is refused, whatever serves it."""

from __future__ import annotations

from typing import Final, Literal

from access.keys_command import KeysCommand

Scope = Literal["docs", "analyze", "features", "operator"]
# What a key can be given. Every key has `docs` besides.
GRANTABLE_SCOPES: Final[tuple[Scope, ...]] = ("analyze", "features", "operator")
ALL_SCOPES: Final[tuple[Scope, ...]] = ("docs", *GRANTABLE_SCOPES)
KEYS_COMMAND: Final = KeysCommand(
    "python -m server keys",
    "ECG_",
    GRANTABLE_SCOPES,
    ("analyze", "features"),
    has_default_limits=True,
)

# Probes of orchestrators: neither a credential nor a known Host name is asked for.
PROBES: Final = frozenset({"/livez", "/readyz"})
ROUTE_SCOPES: Final[dict[str, Scope | None]] = {
    "/livez": None,
    "/readyz": None,
    "/health": None,  # with a short answer to those without the scope `operator`
    # Pages without data: a person enters the key on them.
    "/": None,
    "/status": None,
    "/assets/{name}": None,
    "/docs": "docs",
    "/redoc": "docs",
    "/openapi.json": "docs",
    "/docs/assets/{name}": "docs",
    "/docs/{name:path}": "docs",
    "/models": "docs",
    "/examples": "docs",
    "/examples/{name}": "docs",
    "/analyze": "analyze",
    "/assess_quality": "analyze",
    "/predict": "analyze",
    "/classify": "analyze",
    "/diagnosis": "analyze",
    "/extract_features": "features",
    "/metrics": "operator",
}
# Prefix of paths -> the route that serves them.
_PREFIXES: Final = {
    "/docs/": "/docs/{name:path}",
    "/assets/": "/assets/{name}",
    "/examples/": "/examples/{name}",
}


class NotInTable(Exception):
    """The path is not in the table."""


def route_of_path(path: str) -> str:
    """Return the route of a request's path, a key of ROUTE_SCOPES. Raises NotInTable."""
    for prefix, route in _PREFIXES.items():
        if path.startswith(prefix):
            return route
    # The router redirects /analyze/ to /analyze.
    for route in (path, path.removesuffix("/")):
        if route in ROUTE_SCOPES:
            return route
    raise NotInTable

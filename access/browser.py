"""What browsers add to requests, and what that says about where they come from.

Two attacks need no key, only a browser inside the network: a page of another site that posts a form
to this server (cross-site request), and a name of an attacker that is made to resolve to this
server's address, which makes the page one of "the same site" (DNS rebinding). Other programs set
these headers freely, so nothing here replaces a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from errors import AccessError

LOOPBACK_HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")
# `*`, a name, an IPv4 address or an IPv6 address in brackets; `*.` before a name.
_ALLOWED_HOST: Final = re.compile(r"\*|(\*\.)?[a-z0-9._-]+|\[[0-9a-f:.]+\]")
_ORIGIN: Final = re.compile(r"\*|https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, 9.2.1, but TRACE


def checked_hosts(names: Iterable[str]) -> frozenset[str]:
    """Return the names in lower case. Raises AccessError for one that no Host could match."""
    hosts = frozenset(name.lower() for name in names)
    for host in sorted(hosts):
        if _ALLOWED_HOST.fullmatch(host) is None:
            raise AccessError(
                f"allowed host {host!r}: a name or address without a port is needed, e.g. "
                "ecg.example.org, *.example.org, 10.0.0.5 or [::1]"
            )
    return hosts


def checked_origins(origins: Iterable[str]) -> frozenset[str]:
    """Return the origins. Raises AccessError for one that no browser would send."""
    for origin in origins:
        if _ORIGIN.fullmatch(origin) is None:
            raise AccessError(
                f"origin {origin!r}: scheme, host and port without a path are needed, in lower "
                "case, e.g. https://viewer.example.org or http://localhost:5173"
            )
    return frozenset(origins)


def is_allowed_host(host: str, allowed: frozenset[str]) -> bool:
    """Return whether a Host header names an allowed host, on any port. `*` allows all.

    allowed  names in lower case, IPv6 addresses in brackets; `*.example.org` allows what ends in it
    """
    if "*" in allowed:
        return True
    name = _without_port(host.lower())
    if name in allowed:
        return True
    _, dot, parent = name.partition(".")
    return bool(dot) and f"*.{parent}" in allowed


def is_cross_site(
    method: str, host: str, origin: str | None, fetch_site: str | None, trusted: frozenset[str]
) -> bool:
    """Return whether a request that may change or cost something was sent by a foreign page.

    The rules are those of Go's net/http.CrossOriginProtection: browsers since 2023 send
    Sec-Fetch-Site to trustworthy addresses such as localhost; all send Origin with POST. A request
    with neither was not sent by a page.

    trusted  origins that CORS allows, e.g. https://viewer.example.org; `*` allows all
    """
    if method in SAFE_METHODS:
        return False
    if origin is not None and ("*" in trusted or origin in trusted):
        return False
    if fetch_site is not None:
        return fetch_site not in ("same-origin", "none")
    return origin is not None and not _is_own_origin(origin, host)


def _is_own_origin(origin: str, host: str) -> bool:
    """Compare without the scheme: behind a proxy with TLS this server sees HTTP."""
    scheme, _, address = origin.partition("://")
    return scheme in ("http", "https") and address.lower() == host.lower()


def _without_port(host: str) -> str:
    if host.startswith("["):
        address, bracket, _ = host.partition("]")
        return address + bracket
    return host.partition(":")[0]

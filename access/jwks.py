"""The public keys of an issuer of tokens (JWKS, RFC 7517), fetched over HTTPS and kept.

No request waits for a fetch, except one with a token whose key is not known yet, as after an issuer
has changed its key. Such fetches happen at most once in MIN_REFRESH_S.
"""

from __future__ import annotations

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, Final, NoReturn
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, KeySet, OKPKey, RSAKey

from access.browser import LOOPBACK_HOSTS
from errors import AccessError

logger = logging.getLogger("ecg.access")

REFRESH_EVERY_S: Final = 300.0  # so a key that the issuer withdrew is refused after five minutes
MIN_REFRESH_S: Final = 10.0  # between two fetches, however many tokens name unknown keys
FETCH_TIMEOUT_S: Final = 5.0
MAX_DOCUMENT_BYTES: Final = 1024 * 1024  # a key has about 2 kB with its certificate
MAX_KEYS: Final = 100
MIN_RSA_CHARS: Final = 342  # 2048 bits in base64; RFC 7518, 3.3
DISCOVERY_PATH: Final = "/.well-known/openid-configuration"  # OpenID Connect Discovery 1.0, 4


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect could lead to an address inside the network, or to one without TLS."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> NoReturn:
        raise urllib.error.HTTPError(req.full_url, code, "redirects are not followed", headers, fp)


class _CannotFetch(Exception):
    """The issuer did not answer, or with something that has no usable key."""


def check_url(url: str) -> None:
    """Raise AccessError unless the address has TLS or is this machine's own."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    if parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK_HOSTS):
        return
    raise AccessError(f"{url!r} must begin with https://, as whoever changes it issues tokens")


class IssuerKeys:
    """The keys of one issuer. `refresh` blocks, and is called by one thread at a time.

    url  of the JWKS; None to ask the issuer's discovery document for it
    """

    def __init__(
        self, issuer: str, url: str | None, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises AccessError for an address without TLS."""
        check_url(issuer)
        if url is not None:
            check_url(url)
        self._issuer = issuer
        self._url = url
        self._clock_s = clock_s
        self._tried_s: float | None = None
        self.key_set: KeySet | None = None

    def may_refresh(self) -> bool:
        return self._tried_s is None or self._clock_s() - self._tried_s >= MIN_REFRESH_S

    def refresh(self) -> None:
        """Fetch the keys. Where that fails those known stay in use, and the log says why."""
        self._tried_s = self._clock_s()
        try:
            url = self._url or _discovered_url(self._issuer)
            self.key_set = _key_set(_fetch(url))
        except _CannotFetch as error:
            logger.warning("keys of the issuer %s: %s", self._issuer, error)


def _discovered_url(issuer: str) -> str:
    document = _fetch(issuer.rstrip("/") + DISCOVERY_PATH)
    if document.get("issuer") != issuer:
        raise _CannotFetch("its discovery document names another issuer")
    url = document.get("jwks_uri")
    if not isinstance(url, str):
        raise _CannotFetch("its discovery document has no jwks_uri")
    try:
        check_url(url)
    except AccessError as error:
        raise _CannotFetch(f"jwks_uri: {error.detail}") from None
    return url


def _fetch(url: str) -> dict[str, Any]:
    """Return the JSON object at an address. Raises _CannotFetch."""
    opener = urllib.request.build_opener(_NoRedirects)
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    until_s = time.monotonic() + FETCH_TIMEOUT_S
    content = b""
    try:
        with opener.open(request, timeout=FETCH_TIMEOUT_S) as response:
            # The timeout is that of one read; a server may send a byte with each.
            while chunk := response.read1(65_536):
                content += chunk
                if len(content) > MAX_DOCUMENT_BYTES or time.monotonic() > until_s:
                    raise _CannotFetch(f"{url}: over {MAX_DOCUMENT_BYTES} bytes, or too slow")
        document = json.loads(content)
    except urllib.error.HTTPError as error:
        error.close()
        raise _CannotFetch(f"{url}: HTTP {error.code} {error.reason}") from None
    except (OSError, HTTPException, ValueError, RecursionError) as error:
        raise _CannotFetch(f"{url}: {error}") from None
    if not isinstance(document, dict):
        raise _CannotFetch(f"{url}: not a JSON object")
    return document


def _key_set(document: dict[str, Any]) -> KeySet:
    """Return the usable keys. Raises _CannotFetch if there is none."""
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise _CannotFetch("the JWKS has no list of keys")
    keys = [key for entry in entries[:MAX_KEYS] if (key := _usable_key(entry)) is not None]
    if not keys:
        raise _CannotFetch("the JWKS has no usable key")
    return KeySet(keys)


def _usable_key(entry: object) -> Key | None:
    """Return a public key for signatures; None for others, which RFC 7517, 5 has us ignore."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    if entry.get("kty") == "RSA" and len(str(entry.get("n"))) < MIN_RSA_CHARS:
        return None
    try:
        key = JWKRegistry.import_key(entry)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    # A symmetric key in a public document is known to everybody.
    return key if isinstance(key, RSAKey | ECKey | OKPKey) else None

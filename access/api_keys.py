"""API keys: `ecg_<prefix>_<secret>`.

The prefix is public: it finds the key's entry, and names the key in lists. The secret is 32 random
bytes. The entry has the SHA-256 of the whole key. A slow hash such as scrypt would add nothing: it
makes guesses at secrets that people choose expensive, and nobody guesses 256 random bits.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from access.identity import Identity

PREFIX_BYTES: Final = 6
SECRET_BYTES: Final = 32
# 32 bytes in URL-safe base64 without padding are 43 characters.
KEY: Final = re.compile(r"ecg_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
# Compared with the key of an unknown prefix, so that it takes as long as a wrong secret.
_NO_SHA256: Final = "0" * 64


@dataclass(frozen=True)
class ApiKey:
    """What is stored of a key. Times have a time zone.

    sha256         of the whole key, in hexadecimal
    scopes         what the key may do
    rate           requests in a time, e.g. "600/minute"; None for the application's default
    max_in_flight  requests at once; None for the application's default
    """

    name: str
    prefix: str
    sha256: str
    scopes: tuple[str, ...]
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    rate: str | None = None
    max_in_flight: int | None = None

    def is_valid(self, now: datetime) -> bool:
        return self.revoked is None and (self.expires is None or now < self.expires)


def new_secret() -> tuple[str, str, str]:
    """Return a new key, its prefix and its SHA-256. The key itself is stored nowhere."""
    prefix = secrets.token_hex(PREFIX_BYTES)
    key = f"ecg_{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
    return key, prefix, _sha256(key)


def looks_like_key(credential: str) -> bool:
    """Return whether a bearer credential is meant as an API key rather than as a token."""
    return credential.startswith("ecg_")


class KeyRing:
    """The keys of one version of the key file, found by their prefix."""

    def __init__(self, keys: Iterable[ApiKey] = ()) -> None:
        self.keys = tuple(keys)
        self._by_prefix = {key.prefix: (key, _holder(key)) for key in self.keys}

    def identity(self, credential: str, now: datetime | None = None) -> Identity | None:
        """Return the holder of a valid key; None if it is unknown, wrong, expired or revoked."""
        form = KEY.fullmatch(credential)
        if form is None:
            return None
        key, identity = self._by_prefix.get(form[1], (None, None))
        expected = _NO_SHA256 if key is None else key.sha256
        is_equal = hmac.compare_digest(_sha256(credential), expected)
        if not is_equal or key is None or not key.is_valid(now or datetime.now(UTC)):
            return None
        return identity

    def count_valid(self, now: datetime | None = None) -> int:
        moment = now or datetime.now(UTC)
        return sum(key.is_valid(moment) for key in self.keys)


def _holder(key: ApiKey) -> Identity:
    return Identity(key.name, frozenset(key.scopes), key.rate, key.max_in_flight)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()

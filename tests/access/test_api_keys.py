"""An API key is found by its prefix, and is accepted exactly while it is valid."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from access.api_keys import KEY, ApiKey, KeyRing, looks_like_key, new_secret

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def stored(key: str, prefix: str, sha256: str, **changes: object) -> ApiKey:
    entry = ApiKey("lab", prefix, sha256, ("analyze",), NOW, rate="5/minute", max_in_flight=3)
    return replace(entry, **changes)  # type: ignore[arg-type]


def test_a_new_key_has_32_random_bytes_and_its_hash_is_that_of_the_whole() -> None:
    made = [new_secret() for _ in range(100)]
    for key, prefix, sha256 in made:
        form = KEY.fullmatch(key)
        assert form is not None and form[1] == prefix
        secret = key.removeprefix(f"ecg_{prefix}_")
        assert len(base64.urlsafe_b64decode(secret + "=")) == 32
        assert hashlib.sha256(key.encode()).hexdigest() == sha256
    assert len({key for key, _, _ in made}) == len({prefix for _, prefix, _ in made}) == 100


def test_a_valid_key_has_its_holders_scopes_and_limits() -> None:
    key, prefix, sha256 = new_secret()
    identity = KeyRing([stored(key, prefix, sha256)]).identity(key, NOW)
    assert identity is not None
    assert (identity.name, identity.scopes) == ("lab", frozenset({"analyze"}))
    assert (identity.rate, identity.max_in_flight) == ("5/minute", 3)


def test_a_key_is_valid_until_its_expiry_and_not_after_it_is_revoked() -> None:
    key, prefix, sha256 = new_secret()
    ring = KeyRing([stored(key, prefix, sha256, expires=NOW)])
    assert ring.identity(key, NOW - timedelta(microseconds=1)) is not None
    assert ring.identity(key, NOW) is None
    assert (ring.count_valid(NOW - timedelta(seconds=1)), ring.count_valid(NOW)) == (1, 0)
    revoked = KeyRing([stored(key, prefix, sha256, revoked=NOW)])
    assert revoked.identity(key, NOW - timedelta(days=1)) is None


def test_another_secret_prefix_or_form_is_refused() -> None:
    key, prefix, sha256 = new_secret()
    other, other_prefix, _ = new_secret()
    ring = KeyRing([stored(key, prefix, sha256)])
    wrong = [
        other,
        other.replace(other_prefix, prefix),
        key[:-1] + ("A" if key[-1] != "A" else "B"),
        key[:-1],
        key + "A",
        key.upper(),
        f" {key}",
        f"{key}\n",
        sha256,
        "",
        "ecg_" + "\u0661" * 12 + "_" + "A" * 43,
    ]
    assert [ring.identity(text, NOW) for text in wrong] == [None] * len(wrong)
    assert KeyRing().identity(key, NOW) is None


@pytest.mark.parametrize("text", ["ecg_", "ecg_x"])
def test_what_begins_like_a_key_is_not_taken_for_a_token(text: str) -> None:
    assert looks_like_key(text)
    assert not looks_like_key("eyJhbGciOi.e30.c2ln")

"""The issuer's keys: from where they are fetched, how much of what, and how often."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from access.jwks import MAX_DOCUMENT_BYTES, MIN_REFRESH_S, IssuerKeys, check_url
from errors import AccessError
from tests.access.issuer import Issuer, ec_key, issuing, rsa_key

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


def kids(keys: IssuerKeys) -> list[str | None]:
    assert keys.key_set is not None
    return [key.kid for key in keys.key_set]


def test_the_discovery_document_names_the_keys(issuer: Issuer) -> None:
    keys = IssuerKeys(issuer.url, None)
    assert keys.key_set is None
    keys.refresh()
    assert kids(keys) == ["rsa-1", "ec-1"]
    assert issuer.fetches == [DISCOVERY, "/jwks"]


def test_a_given_address_is_asked_alone(issuer: Issuer) -> None:
    keys = IssuerKeys("https://issuer.example", f"{issuer.url}/jwks")
    keys.refresh()
    assert kids(keys) == ["rsa-1", "ec-1"]
    assert issuer.fetches == ["/jwks"]


def test_a_new_key_replaces_the_ones_before(issuer: Issuer) -> None:
    keys = IssuerKeys(issuer.url, None)
    keys.refresh()
    issuer.publish(ec_key("ec-2"))
    keys.refresh()
    assert kids(keys) == ["ec-2"]


@pytest.mark.parametrize(
    ("path", "page", "reason"),
    [
        (DISCOVERY, None, "404"),
        (DISCOVERY, b"<html>", "Expecting value"),
        (DISCOVERY, b"[" * 100_000, "recursion"),
        (DISCOVERY, [], "not a JSON object"),
        (DISCOVERY, {"issuer": "https://other.example"}, "names another issuer"),
        (DISCOVERY, {}, "names another issuer"),
        ("/jwks", None, "404"),
        ("/jwks", {"keys": {}}, "no list of keys"),
        ("/jwks", {"keys": []}, "no usable key"),
        ("/jwks", {"keys": [7, {}, {"kty": "RSA"}, {"kty": "EC", "crv": "x"}]}, "no usable key"),
        ("/jwks", b" " * (MAX_DOCUMENT_BYTES + 1), "over 1048576 bytes"),
    ],
)
def test_where_a_fetch_fails_the_known_keys_stay_and_the_log_says_why(
    issuer: Issuer, path: str, page: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    keys = IssuerKeys(issuer.url, None)
    keys.refresh()
    issuer.pages[path] = page
    with caplog.at_level(logging.WARNING):
        keys.refresh()
    assert kids(keys) == ["rsa-1", "ec-1"]
    (entry,) = caplog.records
    assert reason in entry.getMessage()


@pytest.mark.parametrize("uri", [7, None, "http://other.example/jwks", "file:///etc/passwd"])
def test_the_document_cannot_send_the_server_elsewhere(issuer: Issuer, uri: Any) -> None:
    issuer.pages[DISCOVERY]["jwks_uri"] = uri
    keys = IssuerKeys(issuer.url, None)
    keys.refresh()
    assert keys.key_set is None
    assert issuer.fetches == [DISCOVERY]


def test_redirects_are_not_followed(issuer: Issuer) -> None:
    issuer.pages["/redirect"] = {}
    keys = IssuerKeys(issuer.url, f"{issuer.url}/redirect")
    keys.refresh()
    assert keys.key_set is None
    assert issuer.fetches == ["/redirect"]


def test_an_issuer_that_is_down_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with issuing() as gone:
        pass
    with caplog.at_level(logging.WARNING):
        IssuerKeys(gone.url, None).refresh()
    assert "Connection refused" in caplog.text


def test_keys_that_cannot_be_trusted_are_left_out(issuer: Issuer) -> None:
    good = [
        rsa_key("rsa-2048"),
        ec_key("ec-1"),
        OKPKey.generate_key("Ed25519", {"kid": "ed-1"}),
    ]
    with pytest.warns(SecurityWarning):
        short = RSAKey.generate_key(1024, {"kid": "rsa-1024"})
    entries = [key.as_dict(private=False) for key in good]
    entries += [
        short.as_dict(private=False),
        OctKey.generate_key(256, {"kid": "secret"}).as_dict(private=True),
        ECKey.generate_key("P-256", {"kid": "enc", "use": "enc"}).as_dict(private=False),
        {"kty": "post-quantum", "kid": "new"},
    ]
    issuer.pages["/jwks"] = {"keys": entries}
    keys = IssuerKeys(issuer.url, None)
    keys.refresh()
    assert kids(keys) == ["rsa-2048", "ec-1", "ed-1"]


def test_the_time_between_fetches_has_a_minimum(issuer: Issuer) -> None:
    now_s = 100.0
    keys = IssuerKeys(issuer.url, None, clock_s=lambda: now_s)
    assert keys.may_refresh()
    keys.refresh()
    now_s += MIN_REFRESH_S - 0.1
    assert not keys.may_refresh()
    now_s += 0.1
    assert keys.may_refresh()


@pytest.mark.parametrize(
    "url", ["https://issuer.example/realm", "http://localhost:8080", "http://[::1]:1/x"]
)
def test_addresses_with_tls_or_of_this_machine_are_allowed(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    "url",
    ["http://issuer.example", "issuer.example", "", "file:///etc/passwd", "http://localhost.evil"],
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(AccessError, match="must begin with https://"):
        IssuerKeys(url, None)
    with pytest.raises(AccessError, match="must begin with https://"):
        IssuerKeys("https://issuer.example", url)

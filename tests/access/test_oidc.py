"""A token is accepted if it is signed by the issuer, for this server, and not out of date."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from access import oidc
from access.oidc import ALGORITHMS, InvalidToken, OidcRules, TokenVerifier, UnknownSigningKey
from errors import AccessError
from tests.access.issuer import AUDIENCE, Issuer, issuing, rsa_key

SKEW_S = 60


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


def verifier(issuer: Issuer, **changes: Any) -> TokenVerifier:
    rules = {
        "issuer": issuer.url,
        "audience": AUDIENCE,
        "algorithms": ("RS256", "ES256"),
        "clock_skew_s": SKEW_S,
        "scope_claim": "scope",
        "scope_prefix": "ecg:",
    }
    return TokenVerifier(OidcRules(**(rules | changes)))


def public(*keys: Any) -> KeySet:
    return KeySet.import_key_set(KeySet(list(keys)).as_dict(private=False))


@pytest.fixture
def keys(issuer: Issuer) -> KeySet:
    return public(issuer.rsa, issuer.ec)


def test_a_good_token_names_its_holder_and_scopes(issuer: Issuer, keys: KeySet) -> None:
    for token in (issuer.token(), issuer.token(issuer.ec, "ES256")):
        identity = verifier(issuer).identity(token, keys)
        assert (identity.name, identity.scopes) == ("oidc:dr.no", frozenset({"analyze"}))


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://other.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "another application"}, "aud"),
        ({"aud": ["a", "b"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"sub": None}, "sub"),
        ({"sub": 7}, "sub"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": True}, "exp"),
        ({"nbf": time.time() + SKEW_S + 1000}, "not yet valid"),
        ({"iat": time.time() + SKEW_S + 1000}, "in the future"),
    ],
)
def test_claims_that_are_missing_or_not_for_this_server(
    issuer: Issuer, keys: KeySet, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidToken, match=why):
        verifier(issuer).identity(issuer.token(**changes), keys)


def test_one_of_several_audiences_is_enough(issuer: Issuer, keys: KeySet) -> None:
    token = issuer.token(aud=["account", AUDIENCE])
    assert verifier(issuer).identity(token, keys).name == "oidc:dr.no"


def test_a_token_ends_with_its_expiry_and_the_clock_skew_also_once_it_is_known(
    issuer: Issuer, keys: KeySet
) -> None:
    now_s = int(time.time())
    token = issuer.token(exp=now_s, iat=now_s - 100)
    ours = verifier(issuer)
    assert ours.identity(token, keys, now_s + SKEW_S - 1).name == "oidc:dr.no"
    for other in (ours, verifier(issuer)):
        with pytest.raises(InvalidToken, match="exp"):
            other.identity(token, keys, now_s + SKEW_S)


def test_a_changed_token_is_refused(issuer: Issuer, keys: KeySet) -> None:
    head, claims, signature = issuer.token().split(".")
    more = encoded(issuer.claims(scope="ecg:operator"))
    for text in (
        f"{head}.{more}.{signature}",
        f"{head}.{claims}.{signature[:-4]}AAAA",
        f"{head}.{claims}.",
        f"{head}.{claims}",
        f"{head}.{claims}.{signature}.x",
        "..",
        "a.b.c",
        "ä.ö.ü",
        "",
        f"{encoded('text')}.{claims}.{signature}",
        f"{encoded([])}.{claims}.{signature}",
    ):
        with pytest.raises(InvalidToken):
            verifier(issuer).identity(text, keys)


def test_the_algorithm_is_one_of_those_allowed_whatever_the_token_says(
    issuer: Issuer, keys: KeySet
) -> None:
    """RFC 8725, 3.1: none; and the public key used as the secret of an HMAC."""
    pem = issuer.rsa.as_pem(private=False)
    signed = f"{encoded({'alg': 'HS256', 'kid': 'rsa-1'})}.{encoded(issuer.claims())}"
    digest = hmac.digest(pem, signed.encode(), "sha256")
    confused = f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    for algorithm in ("none", "None", "NONE"):
        head = encoded({"alg": algorithm, "kid": "rsa-1"})
        with pytest.raises(InvalidToken):
            verifier(issuer).identity(f"{head}.{encoded(issuer.claims())}.", keys)
    for text in (confused, issuer.token(issuer.rsa, "RS512"), issuer.token(issuer.rsa, "PS256")):
        with pytest.raises(InvalidToken, match="not allowed"):
            verifier(issuer).identity(text, keys)
    allowing = verifier(issuer, algorithms=("PS256",))
    assert allowing.identity(issuer.token(issuer.rsa, "PS256"), keys).name == "oidc:dr.no"
    assert not {"HS256", "HS384", "HS512", "none"} & set(ALGORITHMS)


@pytest.mark.parametrize("algorithms", [(), ("HS256",), ("none",), ("RS256", "rs256")])
def test_only_signatures_with_a_private_key_can_be_allowed(
    issuer: Issuer, algorithms: tuple[str, ...]
) -> None:
    with pytest.raises(AccessError, match="allowed are RS256"):
        verifier(issuer, algorithms=algorithms)


def test_a_critical_extension_is_not_ignored(issuer: Issuer, keys: KeySet) -> None:
    head = {"alg": "RS256", "kid": "rsa-1", "crit": ["x"], "x": 1}
    signed = f"{encoded(head)}.{encoded(issuer.claims())}.AAAA"
    with pytest.raises(InvalidToken):
        verifier(issuer).identity(signed, keys)


def test_a_key_that_is_not_the_issuers_is_told_from_a_bad_signature(
    issuer: Issuer, keys: KeySet
) -> None:
    other = rsa_key("rsa-2")
    with pytest.raises(UnknownSigningKey):
        verifier(issuer).identity(issuer.token(other), keys)
    with pytest.raises(UnknownSigningKey):
        verifier(issuer).identity(issuer.token(), None)
    same_name = rsa_key("rsa-1")
    with pytest.raises(InvalidToken):
        verifier(issuer).identity(issuer.token(same_name), keys)


def test_a_token_without_a_kid_needs_an_issuer_with_one_key(issuer: Issuer, keys: KeySet) -> None:
    token = jwt.encode({"alg": "RS256"}, issuer.claims(), issuer.rsa)
    with pytest.raises(UnknownSigningKey):
        verifier(issuer).identity(token, keys)
    assert verifier(issuer).identity(token, public(issuer.rsa)).name == "oidc:dr.no"


def test_a_token_is_forgotten_when_the_issuer_withdraws_its_key(
    issuer: Issuer, keys: KeySet
) -> None:
    ours = verifier(issuer)
    token = issuer.token()
    ours.identity(token, keys)
    with pytest.raises(UnknownSigningKey):
        ours.identity(token, public(rsa_key("rsa-2"), issuer.ec))


def test_a_known_token_is_not_verified_again(
    issuer: Issuer, keys: KeySet, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = verifier(issuer)
    token = issuer.token()
    first = ours.identity(token, keys)
    monkeypatch.setattr(oidc.jwt, "decode", None)
    assert ours.identity(token, keys) is first


def test_no_more_tokens_are_remembered_than_the_limit(
    issuer: Issuer, keys: KeySet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "MAX_REMEMBERED", 3)
    ours = verifier(issuer)
    for number in range(5):
        ours.identity(issuer.token(sub=f"s{number}"), keys)
    assert len(ours._remembered) == 3


def test_the_length_of_a_token_is_limited(issuer: Issuer, keys: KeySet) -> None:
    long = issuer.token(groups="g" * 9000)
    assert 12_000 < len(long) < oidc.MAX_TOKEN_CHARS
    assert verifier(issuer).identity(long, keys).name == "oidc:dr.no"
    with pytest.raises(InvalidToken, match="too long"):
        verifier(issuer).identity(issuer.token(groups="g" * 13_000), keys)


@pytest.mark.parametrize(
    ("claim", "prefix", "claims", "scopes"),
    [
        ("scope", "ecg:", {"scope": "ecg:analyze ecg:features"}, {"analyze", "features"}),
        ("scope", "ecg:", {"scope": "analyze operator"}, set()),
        ("scope", "", {"scope": "analyze"}, {"analyze"}),
        ("scope", "ecg:", {"scope": None}, set()),
        ("scope", "ecg:", {"scope": 5}, set()),
        ("scp", "ecg:", {"scp": ["ecg:operator", 7, "x"]}, {"operator"}),
        ("realm_access.roles", "ecg-", {"realm_access": {"roles": ["ecg-analyze"]}}, {"analyze"}),
        ("realm_access.roles", "ecg-", {"realm_access": ["ecg-analyze"]}, set()),
        ("https://ecg.example/roles", "", {"https://ecg.example/roles": ["analyze"]}, {"analyze"}),
    ],
)
def test_scopes_are_the_words_of_a_claim(
    issuer: Issuer,
    keys: KeySet,
    claim: str,
    prefix: str,
    claims: dict[str, Any],
    scopes: set[str],
) -> None:
    ours = verifier(issuer, scope_claim=claim, scope_prefix=prefix)
    assert ours.identity(issuer.token(**claims), keys).scopes == scopes


def test_subjects_have_names_fit_for_the_log_and_no_two_the_same(
    issuer: Issuer, keys: KeySet
) -> None:
    subjects = ["dr.no", "dr no", "dr\nno", "dr_no", "a" * 48, "a" * 49, "a" * 50, "ä"]
    names = [verifier(issuer).identity(issuer.token(sub=sub), keys).name for sub in subjects]
    assert len(set(names)) == len(subjects)
    assert names[0] == "oidc:dr.no" and names[4] == "oidc:" + "a" * 48
    assert all(name.isprintable() and name.isascii() and " " not in name for name in names)
    assert max(map(len, names)) == len("oidc:") + 48 + 13

"""Tokens of an issuer that changes its keys, is down, or is attacked through this server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from access import jwks
from access.key_file import WatchedKeyFile, add_key
from access.oidc import OidcRules
from access.rates import SharedCounts
from errors import IssuerUnreachable, Unauthorized
from server.authorization import guard as guard_module
from server.authorization.guard import AccessRules, Credentials, Guard
from server.authorization.rules import anonymous_scopes
from server.settings import Settings
from tests.access.issuer import AUDIENCE, Issuer, issuing, rsa_key
from tests.server.authorization.conftest import GuardedServer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


def guard_of(issuer: Issuer) -> Guard:
    rules = OidcRules(issuer.url, AUDIENCE, ("RS256",), 60, "scope", "ecg:")
    return Guard(AccessRules(oidc=rules), SharedCounts(1), 0)


def bearer(token: str) -> Credentials:
    return Credentials("GET", authorization=f"Bearer {token}")


async def name_of(guard: Guard, token: str) -> str:
    return (await guard.identify(bearer(token))).name


def test_keys_are_fetched_at_the_start_and_not_for_requests(issuer: Issuer) -> None:
    async def run() -> None:
        guard = guard_of(issuer)
        async with guard.running():
            while guard._issuer is None or guard._issuer.key_set is None:
                await asyncio.sleep(0.01)
            fetched = len(issuer.fetches)
            for number in range(50):
                assert await name_of(guard, issuer.token(sub=f"s{number}")) == f"oidc:s{number}"
            assert len(issuer.fetches) == fetched

    asyncio.run(run())


def test_a_new_key_of_the_issuer_is_fetched_when_its_first_token_comes(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "MIN_REFRESH_S", 0.0)

    async def run() -> None:
        guard = guard_of(issuer)
        assert await name_of(guard, issuer.token()) == "oidc:dr.no"
        new = rsa_key("rsa-2")
        issuer.publish(new)
        assert await name_of(guard, issuer.token(new)) == "oidc:dr.no"
        with pytest.raises(Unauthorized):
            await name_of(guard, issuer.token())

    asyncio.run(run())


def test_tokens_with_invented_keys_cause_one_fetch_in_ten_seconds(issuer: Issuer) -> None:
    async def run() -> None:
        guard = guard_of(issuer)
        await name_of(guard, issuer.token())
        fetched = len(issuer.fetches)
        for number in range(20):
            with pytest.raises(Unauthorized):
                await name_of(guard, issuer.token(rsa_keys[number % 2]))
        assert len(issuer.fetches) == fetched

    rsa_keys = [rsa_key("x"), rsa_key("y")]
    asyncio.run(run())


def test_requests_that_wait_for_the_same_fetch_share_it(issuer: Issuer) -> None:
    async def run() -> None:
        guard = guard_of(issuer)
        names = await asyncio.gather(
            *(name_of(guard, issuer.token(sub=f"s{number}")) for number in range(10))
        )
        assert names == [f"oidc:s{number}" for number in range(10)]

    asyncio.run(run())
    assert issuer.fetches == ["/.well-known/openid-configuration", "/jwks"]


def test_a_request_waits_for_a_fetch_no_longer_than_a_fetch_may_take(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_module, "FETCH_TIMEOUT_S", 0.05)
    ended = threading.Event()

    async def run() -> None:
        guard = guard_of(issuer)
        assert guard._issuer is not None
        monkeypatch.setattr(guard._issuer, "refresh", ended.wait)
        with pytest.raises(IssuerUnreachable):
            await name_of(guard, issuer.token())
        ended.set()

    asyncio.run(run())


def test_an_issuer_that_never_answered_gives_503_and_not_401() -> None:
    with issuing() as issuer:
        token = issuer.token()
    guard = guard_of(issuer)

    async def run() -> None:
        for _ in range(2):
            with pytest.raises(IssuerUnreachable) as unreachable:
                await name_of(guard, token)
            assert unreachable.value.retry_after_s == 10

    asyncio.run(run())


def test_an_issuer_that_goes_down_leaves_its_keys_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jwks, "MIN_REFRESH_S", 0.0)

    async def run() -> None:
        with issuing() as issuer:
            guard = guard_of(issuer)
            token, other = issuer.token(), issuer.token(sub="other")
            await name_of(guard, token)
        assert await name_of(guard, other) == "oidc:other"
        with pytest.raises(Unauthorized):
            await name_of(guard, issuer.token(rsa_key("new")))

    asyncio.run(run())


def test_without_an_issuer_a_token_is_refused(tmp_path: Path) -> None:
    add_key(tmp_path / "keys.json", "lab", ["analyze"])
    guard = Guard(AccessRules(key_file=WatchedKeyFile(tmp_path / "keys.json")), SharedCounts(1), 0)
    with pytest.raises(Unauthorized):
        asyncio.run(name_of(guard, "a.b.c"))


def test_the_real_server_knows_the_subject_in_its_log(guarded: GuardedServer) -> None:
    token = guarded.issuer.token(sub="nurse 7")
    with guarded.server.client() as client:
        headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "id-of-a-nurse"}
        assert client.get("/models", headers=headers).status_code == 200
    (line,) = guarded.server.logged("id-of-a-nurse")
    assert "key=oidc:nurse_7:" in line


@pytest.mark.parametrize(
    ("settings", "scopes"),
    [
        ({}, {"docs", "analyze", "features", "operator"}),
        ({"key_file": "k"}, set()),
        ({"oidc_issuer": "https://i.example"}, set()),
        ({"key_file": "k", "open_scopes": "docs, features"}, {"docs", "features"}),
        ({"key_file": "k", "allow_anonymous": True}, {"docs", "analyze", "features", "operator"}),
    ],
)
def test_what_a_request_without_a_credential_may_do(
    settings: dict[str, Any], scopes: set[str]
) -> None:
    assert anonymous_scopes(Settings(**settings)) == scopes

"""Who may do what, as one HTTP process decides it: credential, scope, allowance, host, origin."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from access.api_keys import looks_like_key
from access.browser import is_allowed_host, is_cross_site
from access.identity import ANONYMOUS_NAME, Identity
from access.jwks import FETCH_TIMEOUT_S, REFRESH_EVERY_S, IssuerKeys
from access.key_file import WatchedKeyFile
from access.oidc import InvalidToken, OidcRules, TokenVerifier, UnknownSigningKey
from access.rates import Allowances, SharedCounts
from errors import CrossSite, Forbidden, IssuerUnreachable, Unauthorized, UnknownHost
from server.authorization.route_scopes import ALL_SCOPES, Scope

RETRY_ISSUER_S: Final = 10  # as often as the issuer is asked
MAX_SHOWN_CHARS: Final = 100  # of the client's Host or Origin, in an error's detail

_BEARER: Final = "bearer "


@dataclass(frozen=True)
class AccessRules:
    """What the settings say. The main process makes it, and the HTTP processes inherit it.

    anonymous      what a request without a credential may do
    key_file       None without API keys
    oidc           None without an issuer of tokens
    allowed_hosts  names in Host; {"*"} for all
    cors_origins   origins whose pages may use the server
    holds_secrets  whether core dumps could hold keys, tokens or a private key
    """

    anonymous: Identity = field(
        default_factory=lambda: Identity(ANONYMOUS_NAME, frozenset(ALL_SCOPES))
    )
    key_file: WatchedKeyFile | None = None
    oidc: OidcRules | None = None
    oidc_jwks_url: str | None = None
    allowed_hosts: frozenset[str] = frozenset({"*"})
    cors_origins: frozenset[str] = frozenset()
    key_rate: str | None = None
    key_max_in_flight: int | None = None
    holds_secrets: bool = False

    @property
    def knows_credentials(self) -> bool:
        return self.key_file is not None or self.oidc is not None


@dataclass(frozen=True)
class Credentials:
    """What a request has in its headers. None for a header that it has not."""

    method: str
    host: str | None = None
    origin: str | None = None
    fetch_site: str | None = None
    authorization: str | None = None
    api_key: str | None = None


class Guard:
    """The rules with their state in one HTTP process."""

    def __init__(self, rules: AccessRules, counts: SharedCounts, http_process: int) -> None:
        self.rules = rules
        self.allowances = Allowances(counts, http_process, rules.key_rate, rules.key_max_in_flight)
        self._verifier: TokenVerifier | None = None
        self._issuer: IssuerKeys | None = None
        self._refresh: asyncio.Task[None] | None = None
        if rules.oidc is not None:
            self._verifier = TokenVerifier(rules.oidc)
            self._issuer = IssuerKeys(rules.oidc.issuer, rules.oidc_jwks_url)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Fetch the issuer's keys now and from time to time, in a thread, while the block runs."""
        if self._issuer is None:
            yield
            return
        task = asyncio.create_task(self._refresh_for_ever(), name="issuer's keys")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def check_sender(self, credentials: Credentials) -> None:
        """Raises UnknownHost, CrossSite: for browsers that were led here by a foreign page."""
        host = credentials.host
        rules = self.rules
        # A request without the header comes from no browser.
        if host is not None and not is_allowed_host(host, rules.allowed_hosts):
            raise UnknownHost(
                f"Host is {_shown(host)}; allowed are {', '.join(sorted(rules.allowed_hosts))} "
                "(ECG_ALLOWED_HOSTS)"
            )
        if is_cross_site(
            credentials.method,
            host or "",
            credentials.origin,
            credentials.fetch_site,
            rules.cors_origins,
        ):
            raise CrossSite(
                f"Origin is {_shown(credentials.origin or 'not sent')}; pages of other sites may "
                "not use this server (ECG_CORS_ORIGINS allows origins)"
            )

    async def identify(self, credentials: Credentials) -> Identity:
        """Return the sender: `anonymous` without a credential, or where none is known.

        Raises Unauthorized, IssuerUnreachable.
        """
        if not self.rules.knows_credentials:
            return self.rules.anonymous
        credential = _credential(credentials)
        if credential is None:
            return self.rules.anonymous
        if looks_like_key(credential):
            return self._holder_of_key(credential)
        return await self._holder_of_token(credential)

    def check_scope(self, identity: Identity, scope: Scope) -> None:
        """Raises Unauthorized, Forbidden."""
        if scope in identity.scopes:
            return
        if identity is self.rules.anonymous:
            raise unauthorized()
        if scope != "docs":
            granted = ", ".join(sorted(identity.scopes)) or "none"
            raise Forbidden(f"this route needs the scope {scope}; {identity.name} has {granted}")

    def _holder_of_key(self, key: str) -> Identity:
        if self.rules.key_file is not None:
            identity = self.rules.key_file.ring().identity(key)
            if identity is not None:
                return identity
        raise unauthorized()

    async def _holder_of_token(self, token: str) -> Identity:
        if self._verifier is None or self._issuer is None:
            raise unauthorized()
        try:
            try:
                return self._verifier.identity(token, self._issuer.key_set)
            except UnknownSigningKey:
                # The look-up of the issuer's address may take longer than the fetch itself may.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._refresh_once(), FETCH_TIMEOUT_S)
                return self._verifier.identity(token, self._issuer.key_set)
        except UnknownSigningKey:
            if self._issuer.key_set is None:
                raise IssuerUnreachable(
                    "the keys of the token's issuer could not be fetched; API keys still work",
                    retry_after_s=RETRY_ISSUER_S,
                ) from None
            raise unauthorized() from None
        except InvalidToken:
            raise unauthorized() from None

    async def _refresh_once(self) -> None:
        """Fetch the keys, or wait for the fetch in progress; not at all soon after the last."""
        assert self._issuer is not None
        if self._refresh is None or self._refresh.done():
            if not self._issuer.may_refresh():
                return
            self._refresh = asyncio.create_task(asyncio.to_thread(self._issuer.refresh))
        # A client that leaves must not cancel what others wait for.
        await asyncio.shield(self._refresh)

    async def _refresh_for_ever(self) -> None:
        while True:
            await self._refresh_once()
            await asyncio.sleep(REFRESH_EVERY_S)


def unauthorized() -> Unauthorized:
    """Return one error for every credential that is missing or not valid, and every reason."""
    return Unauthorized("a valid key or token is required: send X-API-Key or Authorization: Bearer")


def _credential(credentials: Credentials) -> str | None:
    """Return the one credential of a request. Raises Unauthorized."""
    bearer = credentials.authorization
    if bearer is None:
        return credentials.api_key
    # Two credentials: it would be unclear whose request it is.
    if credentials.api_key is not None or bearer[: len(_BEARER)].lower() != _BEARER:
        raise unauthorized()
    return bearer[len(_BEARER) :].strip()


def _shown(text: str) -> str:
    return repr(text[:MAX_SHOWN_CHARS])

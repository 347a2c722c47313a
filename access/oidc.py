"""Bearer tokens of an OpenID Connect issuer: signed JWTs (RFC 7519), with RFC 8725's precautions.

The algorithm is one of a list that the operator sets, never what the token says alone; the issuer,
the audience, the expiry and the subject are required.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from access.identity import Identity
from errors import AccessError

# Signatures with a private key of the issuer's. Not HS256, whose key we would share; not none.
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "Ed25519"),
)
MAX_TOKEN_CHARS: Final = 16_384  # the tokens of large directories list hundreds of groups
MAX_REMEMBERED: Final = 1024
MAX_SUBJECT_CHARS: Final = 48
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._@-]")


class InvalidToken(Exception):
    """The token is not accepted. The message is for tests, not for the client."""


class UnknownSigningKey(Exception):
    """The token is signed with a key that is not known, or none is known yet."""


@dataclass(frozen=True)
class OidcRules:
    """Which tokens are accepted.

    clock_skew_s  by which the clocks of issuer and server may differ
    scope_claim   the claim with the scopes: a string of words or a list; a path such as
                  realm_access.roles reaches into objects
    scope_prefix  before each scope in the claim, so that other applications' words give nothing
    """

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    clock_skew_s: int
    scope_claim: str
    scope_prefix: str

    def __post_init__(self) -> None:
        unknown = [name for name in self.algorithms if name not in ALGORITHMS]
        if unknown or not self.algorithms:
            raise AccessError(
                f"algorithms of tokens: {', '.join(unknown) or 'none'}; allowed are "
                f"{', '.join(ALGORITHMS)}"
            )


class TokenVerifier:
    """Verifies tokens, and remembers those that it has verified."""

    def __init__(self, rules: OidcRules) -> None:
        self._rules = rules
        # Unknown header fields are ignored, as RFC 7515, 4 has it; `crit` is still respected.
        self._registry = JWSRegistry(algorithms=rules.algorithms, strict_check_header=False)
        self._registry.max_header_length = 4096  # some carry a chain of certificates' names
        self._remembered: OrderedDict[bytes, tuple[Identity, float]] = OrderedDict()
        self._remembered_for: KeySet | None = None

    def identity(self, token: str, keys: KeySet | None, now_s: float | None = None) -> Identity:
        """Return the holder of a token. Raises InvalidToken, UnknownSigningKey."""
        moment_s = time.time() if now_s is None else now_s
        if len(token) > MAX_TOKEN_CHARS:
            raise InvalidToken("too long")
        if keys is not self._remembered_for:
            # The issuer may have withdrawn a key.
            self._remembered.clear()
            self._remembered_for = keys
        digest = hashlib.sha256(token.encode()).digest()
        remembered = self._remembered.get(digest)
        if remembered is not None and moment_s < remembered[1]:
            return remembered[0]
        identity, until_s = self._verified(token, keys, moment_s)
        self._remembered[digest] = identity, until_s
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return identity

    def _verified(self, token: str, keys: KeySet | None, now_s: float) -> tuple[Identity, float]:
        """Return the holder, and until when the token is accepted."""
        if token.count(".") != 2:
            raise InvalidToken("not a signed JWT")
        if keys is None:
            raise UnknownSigningKey("no keys of the issuer are known yet")
        rules = self._rules
        try:
            claims = jwt.decode(token, keys, registry=self._registry).claims
            JWTClaimsRegistry(
                now=int(now_s),
                leeway=rules.clock_skew_s,
                iss={"essential": True, "value": rules.issuer},
                aud={"essential": True, "value": rules.audience},
                exp={"essential": True},
                sub={"essential": True},
            ).validate(claims)
        except InvalidKeyIdError as error:
            raise UnknownSigningKey(str(error)) from None
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise InvalidToken(str(error)) from None
        scopes = _scopes(_claim(claims, rules.scope_claim), rules.scope_prefix)
        return Identity(_name(claims["sub"]), scopes), claims["exp"] + rules.clock_skew_s


def _name(subject: str) -> str:
    """Return the name of a subject for the log. No two subjects, and no key, have the same one."""
    readable = _NOT_IN_NAMES.sub("_", subject)[:MAX_SUBJECT_CHARS]
    if readable == subject:
        return f"oidc:{subject}"
    return f"oidc:{readable}:{hashlib.sha256(subject.encode()).hexdigest()[:12]}"


def _claim(claims: dict[str, Any], path: str) -> object:
    """Return a claim by its name, which may have dots, or by a path of names."""
    if path in claims:
        return claims[path]
    value: object = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _scopes(value: object, prefix: str) -> frozenset[str]:
    words: Sequence[object] = ()
    if isinstance(value, str):
        words = value.split()
    elif isinstance(value, list):
        words = value
    return frozenset(
        word.removeprefix(prefix)
        for word in words
        if isinstance(word, str) and word.startswith(prefix)
    )

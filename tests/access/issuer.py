"""An issuer of tokens on this machine: discovery document, public keys, and signed tokens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from tests.local_http import QuietHandler, serving

AUDIENCE = "ecg-server"


def rsa_key(kid: str, bits: int = 2048) -> RSAKey:
    return RSAKey.generate_key(bits, {"kid": kid, "use": "sig"})


def ec_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


@contextmanager
def issuing() -> Iterator[Issuer]:
    """Yield an issuer that answers on a free port of 127.0.0.1."""
    issuer = Issuer()

    class Handler(QuietHandler):
        def respond(self) -> None:
            issuer.fetches.append(self.path)
            page = issuer.pages.get(self.path)
            if page is None:
                self.answer(404)
            elif "redirect" in self.path:
                self.answer(302, headers={"Location": f"{issuer.url}/jwks"})
            else:
                self.answer(200, page if isinstance(page, bytes) else json.dumps(page).encode())

    with serving(Handler) as url:
        issuer.publish_at(url)
        yield issuer


class Issuer:
    """An issuer's keys and pages.

    pages     path -> the JSON value or bytes that it answers; tests change them
    fetches   paths that were asked for, in order
    """

    def __init__(self) -> None:
        self.rsa, self.ec = rsa_key("rsa-1"), ec_key("ec-1")
        self.fetches: list[str] = []
        self.pages: dict[str, Any] = {}
        self.url = ""

    def publish_at(self, url: str) -> None:
        self.url = url
        discovery = {"issuer": url, "jwks_uri": f"{url}/jwks"}
        self.pages["/.well-known/openid-configuration"] = discovery
        self.publish(self.rsa, self.ec)

    def publish(self, *keys: RSAKey | ECKey) -> None:
        self.pages["/jwks"] = KeySet(list(keys)).as_dict(private=False)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a good token with changes; None removes one."""
        now_s = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "dr.no",
            "iat": now_s,
            "exp": now_s + 300,
            "scope": "openid ecg:analyze",
        }
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def token(
        self, key: RSAKey | ECKey | None = None, algorithm: str = "RS256", **changes: Any
    ) -> str:
        signing = self.rsa if key is None else key
        header = {"alg": algorithm, "kid": signing.kid}
        return jwt.encode(header, self.claims(**changes), signing, algorithms=[algorithm])

"""An issuer of tokens on this machine: discovery document, public keys, and signed tokens."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

AUDIENCE = "ecg-server"


def rsa_key(kid: str, bits: int = 2048) -> RSAKey:
    return RSAKey.generate_key(bits, {"kid": kid, "use": "sig"})


def ec_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


class Issuer:
    """`with Issuer() as issuer`: answers on a free port of 127.0.0.1.

    pages     path -> the JSON value or bytes that it answers; tests change them
    fetches   paths that were asked for, in order
    """

    def __init__(self) -> None:
        self.rsa, self.ec = rsa_key("rsa-1"), ec_key("ec-1")
        self.fetches: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetches.append(self.path)
                page = issuer.pages.get(self.path)
                self.send_response(404 if page is None else 302 if "redirect" in self.path else 200)
                self.send_header("Location", f"{issuer.url}/jwks")
                self.end_headers()
                if page is not None:
                    self.wfile.write(page if isinstance(page, bytes) else json.dumps(page).encode())

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.pages: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/jwks",
            },
        }
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

    def __enter__(self) -> Issuer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

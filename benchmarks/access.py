"""CPU time that the decision about one request takes, without HTTP.

python -m benchmarks.access     prints a Markdown table
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from access.browser import LOOPBACK_HOSTS
from access.key_file import WatchedKeyFile, add_key
from access.oidc import OidcRules, TokenVerifier
from access.rates import SharedCounts
from server.authorization.guard import AccessRules, Guard
from server.authorization.middleware import AccessMiddleware

REQUESTS = 20_000
ROUNDS = 3  # the fastest counts
ISSUER, AUDIENCE = "https://issuer.example", "ecg"
HEADERS = [
    (b"host", b"127.0.0.1:8000"),
    (b"accept", b"*/*"),
    (b"user-agent", b"benchmark"),
    (b"content-type", b"application/x-npy"),
    (b"content-length", b"240128"),
]


def decision_us(rules: AccessRules, processes: int = 1, key: str | None = None) -> float:
    """Return the microseconds of CPU time for each request to /analyze."""
    credential = [] if key is None else [(b"x-api-key", key.encode())]
    service = SimpleNamespace(guard=Guard(rules, SharedCounts(processes), 0))
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/analyze",
        "headers": HEADERS + credential,
        "state": {},
        "app": SimpleNamespace(state=SimpleNamespace(service=service)),
    }
    middleware: Any = AccessMiddleware(_never)

    async def decide() -> float:
        start_s = time.process_time()
        for _ in range(REQUESTS):
            counted = await middleware._admitted(scope)
            if counted is not None:
                counted.end()
        return time.process_time() - start_s

    return min(asyncio.run(decide()) for _ in range(ROUNDS)) / REQUESTS * 1e6


async def _never(scope: object, receive: object, send: object) -> None:
    raise AssertionError


def token_us(key: RSAKey | ECKey, algorithm: str) -> float:
    """Return the microseconds of CPU time for a token that is seen for the first time."""
    rules = OidcRules(ISSUER, AUDIENCE, (algorithm,), 60, "scope", "ecg:")
    verifier, keys = TokenVerifier(rules), KeySet([key])
    now_s = int(time.time())
    tokens = [
        jwt.encode(
            {"alg": algorithm, "kid": key.kid},
            {"iss": ISSUER, "aud": AUDIENCE, "sub": str(number), "exp": now_s + 3600},
            key,
        )
        for number in range(500)
    ]
    start_s = time.process_time()
    for token in tokens:
        verifier.identity(token, keys)
    return (time.process_time() - start_s) / len(tokens) * 1e6


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "keys.json"
        plain = add_key(path, "plain", ["analyze"])
        limited = add_key(path, "limited", ["analyze"], rate="1000000/second", max_in_flight=64)
        with_keys = AccessRules(key_file=WatchedKeyFile(path))
        rows = {
            "no keys, on 127.0.0.1": decision_us(
                AccessRules(allowed_hosts=frozenset(LOOPBACK_HOSTS))
            ),
            "a key": decision_us(with_keys, key=plain),
            "a key with both allowances, 1 HTTP process": decision_us(with_keys, 1, limited),
            "a key with both allowances, 4 HTTP processes": decision_us(with_keys, 4, limited),
            "a new token, RS256": token_us(RSAKey.generate_key(2048, {"kid": "r"}), "RS256"),
            "a new token, ES256": token_us(ECKey.generate_key("P-256", {"kid": "e"}), "ES256"),
        }
    print("| a request with | CPU, µs |\n|---|---|")
    for name, microseconds in rows.items():
        print(f"| {name} | {microseconds:.0f} |")


if __name__ == "__main__":
    main()

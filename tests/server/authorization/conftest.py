from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from access.key_file import add_key, revoke_key
from tests.access.issuer import AUDIENCE, Issuer, issuing
from tests.server.harness import RunningServer


@dataclass
class GuardedServer:
    """A server that asks for keys or tokens.

    keys   name -> the key; `expired` and `revoked` are no longer valid
    """

    server: RunningServer
    issuer: Issuer
    key_file: Path
    keys: dict[str, str]


def make_keys(path: Path) -> dict[str, str]:
    keys = {scope: add_key(path, scope, [scope]) for scope in ("analyze", "features", "operator")}
    keys["all"] = add_key(path, "all", ["analyze", "features", "operator"])
    past = datetime(2020, 1, 1, tzinfo=UTC)
    keys["expired"] = add_key(path, "expired", ["analyze", "features", "operator"], expires=past)
    keys["revoked"] = add_key(path, "revoked", ["analyze", "features", "operator"])
    revoke_key(path, "revoked")
    return keys


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedServer]:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    keys = make_keys(path)
    with (
        issuing() as issuer,
        RunningServer(
            ECG_MODEL="none",
            ECG_SIGNAL_WORKERS="1",
            ECG_LOG_LEVEL="debug",
            ECG_KEY_FILE=str(path),
            ECG_OIDC_ISSUER=issuer.url,
            ECG_OIDC_AUDIENCE=AUDIENCE,
        ) as server,
    ):
        yield GuardedServer(server, issuer, path, keys)

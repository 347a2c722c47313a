"""The client and the command line send a key to a server that asks for one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ecgfm_client import AsyncEcgClient, EcgClient, Refused

from access.key_file import add_key
from tests.server.ecgs import twelve_seconds
from tests.server.harness import ROOT, RunningServer

LEADS = "I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    return {
        "file": str(path),
        "analyze": add_key(path, "lab", ["analyze"]),
        "operator": add_key(path, "ops", ["operator"]),
    }


@pytest.fixture(scope="module")
def url(keys: dict[str, str]) -> Iterator[str]:
    with RunningServer(
        ECG_MODEL="none", ECG_SIGNAL_WORKERS="1", ECG_KEY_FILE=keys["file"]
    ) as server:
        yield server.url


def quality_words(client: EcgClient) -> str:
    ecg = twelve_seconds()
    return client.assess_quality(ecg.signal, fs=ecg.fs, lead_names=LEADS).signal_quality


def test_the_key_is_a_parameter_or_in_the_environment(
    url: str, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with EcgClient(url, api_key=keys["analyze"]) as client:
        assert quality_words(client)
    monkeypatch.setenv("ECGFM_API_KEY", keys["analyze"])
    with EcgClient(url) as client:
        assert quality_words(client)
    with EcgClient(url, api_key=keys["operator"]) as client, pytest.raises(Refused) as refused:
        quality_words(client)
    assert (refused.value.status, refused.value.code) == (403, "forbidden")


def test_without_a_key_the_error_says_what_to_send(url: str) -> None:
    with EcgClient(url) as client, pytest.raises(Refused) as refused:
        client.models()
    assert (refused.value.status, refused.value.code) == (401, "unauthorized")
    assert "send X-API-Key" in refused.value.detail


def test_the_asynchronous_client_sends_it_too(url: str, keys: dict[str, str]) -> None:
    async def run() -> str | None:
        async with AsyncEcgClient(url, api_key=keys["operator"]) as client:
            return (await client.health()).version

    assert asyncio.run(run())


def test_health_without_the_scope_is_one_word(url: str, keys: dict[str, str]) -> None:
    with EcgClient(url, api_key=keys["analyze"]) as client:
        health = client.health()
    assert (health.status, health.version, health.limit, health.encoders) == ("ok", None, None, ())


def run_ecgfm(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ecgfm_client.cli", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "client")} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_line_takes_it_from_the_environment_or_a_flag(
    url: str, keys: dict[str, str]
) -> None:
    bare = run_ecgfm("health", "--url", url)
    assert (bare.returncode, bare.stdout) == (0, f"{url}: ok\n")
    operator = keys["operator"]
    for done in (
        run_ecgfm("health", "--url", url, "--api-key", operator),
        run_ecgfm("health", "--url", url, ECGFM_API_KEY=operator),
    ):
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"{url}: ok, version ")


def test_a_refused_key_is_reported_without_the_key(url: str, tmp_path: Path) -> None:
    ecg = tmp_path / "ecg.csv"
    ecg.write_text("I,II\n0,0\n")
    wrong = "ecg_000000000000_" + "A" * 43
    done = run_ecgfm("analyze", str(ecg), "--url", url, ECGFM_API_KEY=wrong)
    assert done.returncode == 1
    assert "unauthorized (401)" in done.stderr
    assert wrong not in done.stdout + done.stderr

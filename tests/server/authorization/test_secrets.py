"""Where keys and tokens must not turn up: logs, metrics, errors, core dumps."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import httpx

from server.openapi.examples import record
from tests.house.tree import ROOT
from tests.server.authorization.conftest import GuardedServer


def test_a_run_that_used_keys_has_them_nowhere(guarded: GuardedServer) -> None:
    """The log level of this server is debug."""
    token = guarded.issuer.token()
    credentials = [*guarded.keys.values(), token, guarded.keys["all"][:-1] + "?"]
    answers = []
    with guarded.server.client() as client:
        for credential in credentials:
            for headers in (
                {"X-API-Key": credential},
                {"Authorization": f"Bearer {credential}"},
                {"Authorization": credential},
            ):
                answers.append(client.post("/analyze", json=record(), headers=headers))
                answers.append(client.post("/analyze", content=b"{", headers=headers))
                answers.append(client.get("/nothing", headers=headers))
        operator = {"X-API-Key": guarded.keys["operator"]}
        metrics = client.get("/metrics", headers=operator).text
        health = client.get("/health", headers=operator).text
    # The library for WebSockets logs all headers at level debug.
    upgrade = {
        "X-API-Key": guarded.keys["all"],
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    answers.append(httpx.get(f"{guarded.server.url}/analyze", headers=upgrade))
    assert {answer.status_code for answer in answers} >= {200, 401, 403, 404}
    assert guarded.server.logged("key=analyze")
    texts = [guarded.server.log(), metrics, health, *(answer.text for answer in answers)]
    texts += [str(answer.headers) for answer in answers]
    for credential in credentials:
        secret = credential[-43:]
        lines = [line for text in texts for line in text.splitlines()]
        assert not [line for line in lines if secret in line]


def test_the_processes_that_hold_keys_write_no_core_dump(guarded: GuardedServer) -> None:
    for process in guarded.server.processes():
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
        assert core.split()[4:6] == ["0", "0"], (process.cmdline(), core)


DUMPABLE = """
import ctypes, os
from server.authorization.core_dumps import forbid_core_dumps
libc = ctypes.CDLL(None)
assert libc.prctl(3, 0, 0, 0, 0) == 1  # PR_GET_DUMPABLE
forbid_core_dumps()
assert libc.prctl(3, 0, 0, 0, 0) == 0
pid = os.fork()
if pid == 0:
    os._exit(libc.prctl(3, 0, 0, 0, 0))
assert os.waitpid(pid, 0)[1] == 0, "what is forked inherits it"
os.abort()
"""


def test_forbidding_core_dumps_lasts_over_a_fork(tmp_path: Path) -> None:
    program = (
        f"import resource\nresource.setrlimit(resource.RLIMIT_CORE, (2**30, 2**30))\n{DUMPABLE}"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGABRT, ended.stderr
    assert not list(tmp_path.iterdir())

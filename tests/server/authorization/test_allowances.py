"""Rates and requests at once on a real server with several HTTP processes."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import httpx

from access.key_file import add_key, revoke_key
from server.openapi.examples import record
from tests.server.ecgs import problem_of
from tests.server.harness import RunningServer

RATE = 40
AT_ONCE = 3


def head_only(server: RunningServer, key: str) -> socket.socket:
    """Begin a request whose body never comes; it is in flight while the connection is open."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    connection.sendall(
        f"POST /assess_quality HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{".encode()
    )
    return connection


def test_allowances_hold_for_all_http_processes_together(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    often = add_key(path, "often", ["analyze"], rate=f"{RATE}/day")
    busy = add_key(path, "busy", ["analyze"], max_in_flight=AT_ONCE)
    free = add_key(path, "free", ["analyze"])
    with RunningServer(
        ECG_MODEL="none",
        ECG_SIGNAL_WORKERS="1",
        ECG_API_WORKERS="3",
        ECG_KEY_FILE=str(path),
    ) as server:
        # A connection each, so that every process gets some.
        answers = [
            httpx.get(f"{server.url}/models", headers={"X-API-Key": often})
            for _ in range(RATE + 20)
        ]
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses == {200: RATE, 429: 20}
        refused = [answer for answer in answers if answer.status_code == 429]
        problem_of(refused[0], 429, "rate_limited")
        assert all(1 <= int(answer.headers["retry-after"]) <= 86_400 for answer in refused)

        def post(key: str) -> httpx.Response:
            return httpx.post(
                f"{server.url}/assess_quality", json=record(), headers={"X-API-Key": key}
            )

        with ExitStack() as held:
            for _ in range(AT_ONCE):
                held.enter_context(head_only(server, busy))
            until_refused = [post(busy).status_code for _ in range(30)]
            assert until_refused[-1] == 429
            assert post(free).status_code == 200
        assert any(post(busy).status_code == 200 for _ in range(200))

        # Without a restart.
        revoke_key(path, "free")
        statuses_of_free = [post(free).status_code for _ in range(200)]
        assert statuses_of_free[-1] == 401
        new = add_key(path, "new", ["analyze"])
        assert any(post(new).status_code == 200 for _ in range(200))


def test_a_replaced_http_process_knows_the_keys_of_now_and_counts_on(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    busy = add_key(path, "busy", ["analyze"], max_in_flight=1)
    once = add_key(path, "once", ["analyze"], rate="1/day")
    gone = add_key(path, "gone", ["analyze"])
    with RunningServer(ECG_MODEL="none", ECG_SIGNAL_WORKERS="1", ECG_KEY_FILE=str(path)) as server:

        def status(key: str) -> int:
            headers = {"X-API-Key": key}
            return httpx.get(f"{server.url}/models", headers=headers).status_code

        assert [status(once), status(once), status(gone)] == [200, 429, 200]
        with head_only(server, busy):
            while status(busy) != 429:
                time.sleep(0.01)
            revoke_key(path, "gone")
            (pid,) = server.http_processes()
            os.kill(pid, signal.SIGKILL)
            while server.http_processes() in ([], [pid]):
                time.sleep(0.01)
            server.wait_until_ready()
            assert [status(busy), status(once), status(gone)] == [200, 429, 401]

"""When a client leaves, its place is free again and its waiting work is dropped."""

from __future__ import annotations

import re
import socket
import time

from tests.server.ecgs import get
from tests.server.harness import ANSWER_S, RunningServer
from tests.server.load import FS, npy, recording

ABANDONED = re.compile(r"^ecg_abandoned_total (\S+)", re.MULTILINE)


def _abandoned(server: RunningServer) -> float:
    found = ABANDONED.search(get(server, "/metrics").text)
    return float(found[1]) if found else 0.0


def _send_and_leave(server: RunningServer, body: bytes) -> None:
    head = (
        f"POST /extract_features?fs={FS} HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: application/x-npy\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode() + body)
        time.sleep(0.1)


def test_work_that_nobody_waits_for_is_dropped(server: RunningServer) -> None:
    before = _abandoned(server)
    long = npy(recording(1, 600.0))
    for _ in range(8):
        _send_and_leave(server, long)
    until = time.monotonic() + ANSWER_S
    while get(server, "/health").json()["in_flight"] and time.monotonic() < until:
        time.sleep(0.05)
    assert get(server, "/health").json()["in_flight"] == 0
    with (
        server.client() as client
    ):  # behind them on the queue, so that all of them have been looked at
        answer = client.post(
            "/extract_features",
            params={"fs": FS},
            content=npy(recording(2)),
            headers={"Content-Type": "application/x-npy"},
        )
    assert answer.status_code == 200
    assert _abandoned(server) > before

"""However the server ends, what it accepted is answered where that is possible, and nothing is left."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from tests.server.harness import RunningServer
from tests.server.load import FS, npy, recording

IN_FLIGHT = 20
SECONDS = 60.0  # of signal: enough segments that twenty of them take a while


def _send(server: RunningServer, number: int) -> int:
    with server.client() as client:
        body = npy(recording(number, SECONDS))
        return client.post(
            "/extract_features",
            params={"fs": FS},
            content=body,
            headers={"Content-Type": "application/x-npy"},
        ).status_code


def _twenty_in_flight(server: RunningServer, pool: ThreadPoolExecutor) -> list[Future[int]]:
    sent = [pool.submit(_send, server, number) for number in range(IN_FLIGHT)]
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if (
            httpx.get(server.url + "/health").json()["in_flight"]
            + sum(future.done() for future in sent)
            >= IN_FLIGHT
        ):
            return sent
    raise AssertionError("twenty requests were never in flight")


@pytest.mark.parametrize(
    ("number", "to_group"), [(signal.SIGTERM, False), (signal.SIGINT, False), (signal.SIGINT, True)]
)
def test_a_stop_with_twenty_in_flight_answers_all_and_leaves_nothing(
    number: int, to_group: bool
) -> None:
    with RunningServer() as server, ThreadPoolExecutor(IN_FLIGHT) as pool:
        sent = _twenty_in_flight(server, pool)
        server.processes()
        if to_group:
            os.killpg(server.process.pid, number)
        else:
            server.process.send_signal(number)
        assert [future.result(60) for future in sent] == [200] * IN_FLIGHT
        assert server.process.wait(90) == 0
        assert server.left_after(1) == []


def test_nothing_is_left_three_seconds_after_the_main_process_is_killed() -> None:
    with RunningServer() as server:
        assert len(server.processes()) > 4
        server.process.kill()
        server.process.wait()
        assert server.left_after(3) == []


def test_a_stop_during_the_start_leaves_nothing() -> None:
    for pause_s in (0.5, 1.0, 1.5, 2.5):
        with RunningServer(wait=False) as server:
            time.sleep(pause_s)
            server.processes()
            server.process.terminate()
            server.process.wait(30)
            server.processes()
            assert server.left_after(1) == [], f"after {pause_s} s"


def test_what_comes_during_a_stop_is_refused_at_once_and_never_hangs() -> None:
    with RunningServer() as server, ThreadPoolExecutor(IN_FLIGHT) as pool:
        sent = _twenty_in_flight(server, pool)
        server.process.send_signal(signal.SIGTERM)
        while server.process.poll() is None:
            try:
                late = httpx.post(server.url + "/analyze", json={}, timeout=30)
            except httpx.TransportError:  # the socket is closed
                continue
            assert late.status_code in (422, 503)
            if late.status_code == 503:
                assert late.json()["code"] == "shutting_down"
                assert int(late.headers["retry-after"]) > 0
        assert [future.result(60) for future in sent] == [200] * IN_FLIGHT
        assert server.process.returncode == 0

"""However the server ends, it answers what it accepted where possible, and leaves no process."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.server.ecgs import get
from tests.server.harness import RunningServer
from tests.server.load import FS, npy, recording

IN_FLIGHT = 20
ANSWERED = (200, "")
GUARD_S = 120.0  # keeps a failing test from hanging
# The kernel kills the processes at once. Before, they answered what was in flight for up to 36 s.
KILLED_S = 20.0
SECONDS = 60.0  # of signal, so that twenty recordings take a while


def _server() -> RunningServer:
    """With a deadline that twenty recordings meet on a busy machine too.

    Otherwise the test says how fast the machine is: with the default of 30 s an accepted request
    may end with deadline_exceeded, or worker_restarting.
    """
    return RunningServer(ECG_REQUEST_TIMEOUT="1000", ECG_SIGNAL_WORKERS="2")


def _send(server: RunningServer, number: int) -> tuple[int, str]:
    """Return the status and the code of the error, which is empty for an answer."""
    with server.client() as client:
        answer = client.post(
            "/extract_features",
            params={"fs": FS},
            content=npy(recording(number, SECONDS)),
            headers={"Content-Type": "application/x-npy"},
        )
    return answer.status_code, answer.json().get("code", "")


def _twenty_in_flight(
    server: RunningServer, pool: ThreadPoolExecutor
) -> list[Future[tuple[int, str]]]:
    sent = [pool.submit(_send, server, number) for number in range(IN_FLIGHT)]
    deadline = time.monotonic() + GUARD_S
    while time.monotonic() < deadline:
        # Counted first: a request that is answered in between is then counted once.
        done = sum(future.done() for future in sent)
        in_flight = get(server, "/health").json()["in_flight"]
        if in_flight + done >= IN_FLIGHT:
            return sent
    raise AssertionError("twenty requests were never in flight")


@pytest.mark.parametrize(
    ("number", "to_group"), [(signal.SIGTERM, False), (signal.SIGINT, False), (signal.SIGINT, True)]
)
def test_a_stop_with_twenty_in_flight_answers_all_and_leaves_nothing(
    number: int, to_group: bool
) -> None:
    with _server() as server, ThreadPoolExecutor(IN_FLIGHT) as pool:
        sent = _twenty_in_flight(server, pool)
        server.processes()
        if to_group:
            os.killpg(server.process.pid, number)
        else:
            server.process.send_signal(number)
        assert [future.result(GUARD_S) for future in sent] == [ANSWERED] * IN_FLIGHT
        assert server.process.wait(GUARD_S) == 0
        assert server.left_at_the_end() == []


def test_nothing_is_left_after_the_main_process_is_killed_with_twenty_in_flight() -> None:
    with _server() as server, ThreadPoolExecutor(IN_FLIGHT) as pool:
        sent = _twenty_in_flight(server, pool)
        assert len(server.processes()) > 4
        folder = Path(server.env["TMPDIR"])
        server.process.kill()
        server.process.wait()
        assert server.left_at_the_end(KILLED_S) == []
        assert {path.name for path in folder.iterdir()} <= {"log", "models"}
        for future in sent:
            assert isinstance(future.exception(GUARD_S), httpx.TransportError) or future.result()


def test_a_worker_that_is_lost_during_a_stop_costs_no_answer() -> None:
    with _server() as server, ThreadPoolExecutor(IN_FLIGHT) as pool:
        sent = _twenty_in_flight(server, pool)
        server.process.send_signal(signal.SIGTERM)
        for stage in ("model", "signal"):
            os.kill(server.workers(stage)[0], signal.SIGKILL)
        assert [future.result(GUARD_S) for future in sent] == [ANSWERED] * IN_FLIGHT
        assert server.process.wait(GUARD_S) == 0
        assert server.left_at_the_end() == []


def test_a_stop_during_the_start_leaves_nothing() -> None:
    for pause_s in (0.5, 1.0, 1.5, 2.5):
        with RunningServer(wait=False) as server:
            time.sleep(pause_s)
            server.processes()
            server.process.terminate()
            server.process.wait(GUARD_S)
            server.processes()
            assert server.left_at_the_end() == [], f"after {pause_s} s"


def test_new_connections_during_a_stop_are_refused_with_a_reason() -> None:
    with _server() as server, ThreadPoolExecutor(IN_FLIGHT) as pool:
        sent = _twenty_in_flight(server, pool)
        server.process.send_signal(signal.SIGTERM)
        refusals: list[tuple[int, str, str]] = []
        probes: list[tuple[int, str]] = []
        while server.process.poll() is None:
            try:
                late = httpx.post(server.url + "/analyze", json={}, timeout=GUARD_S)
                probe = httpx.get(server.url + "/readyz", timeout=GUARD_S)
            except httpx.TransportError:  # everything is answered, and the socket closed
                continue
            if late.status_code == 503:  # 422 until the signal is handled
                refusals.append((503, late.json()["code"], late.headers["retry-after"]))
                probes.append((probe.status_code, probe.text))
        assert {*refusals} == {(503, "shutting_down", "10")}
        assert {*probes} == {(503, "draining\n")}
        assert [future.result(GUARD_S) for future in sent] == [ANSWERED] * IN_FLIGHT
        assert server.process.returncode == 0

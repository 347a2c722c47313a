"""Uploads whose reading fails or never ends, at a real server: nothing else is affected."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from tests.server.ecgs import get
from tests.server.harness import RunningServer
from tests.server.load import FS, npy, recording

GUARD_S = 180.0  # keeps a failing test from hanging
HANGS, BURNS, CRASHES = b"HANGS", b"BURNS", b"CRASHES"  # faulty/sitecustomize.py
TABLE = b"I,II\n" + b"0.123,0.456\n" * 5000
FAULTY = str(Path(__file__).parent / "faulty")


def one_worker(**settings: str) -> RunningServer:
    """Return a server with one signal worker, whose reader process fails on certain files."""
    path = os.pathsep.join([FAULTY, os.environ.get("PYTHONPATH", "")])
    return RunningServer(
        PYTHONPATH=path,
        ECG_MODEL="none",
        ECG_SIGNAL_WORKERS="1",
        **{"ECG_REQUEST_TIMEOUT": "120", "ECG_MAX_CPU_SECONDS": "600", **settings},
    )


def upload(server: RunningServer, content: bytes, **headers: str) -> httpx.Response:
    with server.client() as client:
        return client.post(
            "/assess_quality",
            params={"fs": 500},
            content=content,
            headers={"Content-Type": "application/octet-stream", **headers},
        )


def array(server: RunningServer) -> httpx.Response:
    with server.client() as client:
        return client.post(
            "/assess_quality",
            params={"fs": FS},
            content=npy(recording(0)),
            headers={"Content-Type": "application/x-npy"},
        )


def signal_restarts(server: RunningServer) -> int:
    return int(get(server, "/health").json()["workers"]["signal"]["restarts"])


def wait_for(condition: Callable[[], object], what: str) -> None:
    until_s = time.monotonic() + GUARD_S
    while not condition():
        assert time.monotonic() < until_s, f"{what} did not happen within {GUARD_S} s"
        time.sleep(0.02)


def in_flight(server: RunningServer) -> int:
    return int(get(server, "/health").json()["in_flight"])


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with one_worker() as running:
        yield running


def test_while_a_file_is_read_its_only_worker_answers_others(server: RunningServer) -> None:
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(upload, server, HANGS)
        wait_for(lambda: in_flight(server) == 1, "the upload")
        assert array(server).status_code == 200
        assert not hanging.done()
        (reader,) = server.readers()
        os.kill(reader, signal.SIGSEGV)
        problem = hanging.result().json()
    assert (problem["status"], problem["code"]) == (500, "worker_crashed")
    assert "SIGSEGV" in problem["detail"]
    assert upload(server, TABLE).status_code == 200
    assert signal_restarts(server) == 0


def test_files_that_crash_their_reader_cost_others_nothing(server: RunningServer) -> None:
    with ThreadPoolExecutor(8) as pool:
        files = pool.map(partial(upload, server), [CRASHES, TABLE] * 20)
        arrays = pool.map(lambda _: array(server), range(20))
        codes = [answer.status_code for answer in files]
        assert [answer.status_code for answer in arrays] == [200] * 20
    assert codes == [500, 200] * 20
    assert signal_restarts(server) == 0


def test_files_wait_for_the_reader_and_other_bodies_do_not(server: RunningServer) -> None:
    with ThreadPoolExecutor(8) as pool:
        deadline = {"X-Request-Deadline-Ms": "3000"}
        files = [pool.submit(upload, server, HANGS, **deadline) for _ in range(6)]
        wait_for(lambda: in_flight(server) == 6, "the uploads")
        assert array(server).status_code == 200
        assert {file.result().json()["code"] for file in files} == {"deadline_exceeded"}
    assert upload(server, TABLE).status_code == 200


def test_a_reader_ends_when_its_client_has_left(server: RunningServer) -> None:
    wait_for(server.readers, "a reader")
    (reader,) = server.readers()
    octets = {"Content-Type": "application/octet-stream"}
    with server.client() as client, pytest.raises(httpx.ReadTimeout):
        client.post("/assess_quality", content=HANGS, headers=octets, timeout=1.0)
    psutil.Process(reader).wait(GUARD_S)
    assert upload(server, TABLE).status_code == 200
    assert signal_restarts(server) == 0


def test_a_file_that_takes_too_much_cpu_time_is_refused() -> None:
    with one_worker(ECG_MAX_CPU_SECONDS="1") as server:
        problem = upload(server, BURNS).json()
        assert (problem["status"], problem["code"]) == (422, "too_costly")
        assert "1 s of CPU time" in problem["detail"]
        assert "ECG_MAX_CPU_SECONDS" in problem["detail"]
        assert upload(server, TABLE).status_code == 200
        assert signal_restarts(server) == 0


def test_a_file_that_takes_too_much_memory_is_refused() -> None:
    with one_worker(ECG_READER_MEMORY_MB="64") as server:
        problem = upload(server, b"I,II\n" + b"0.123,0.456\n" * 1_000_000).json()
        assert (problem["status"], problem["code"]) == (422, "too_costly")
        assert "ECG_READER_MEMORY_MB" in problem["detail"]
        assert upload(server, TABLE).status_code == 200
        assert signal_restarts(server) == 0


@pytest.mark.long
def test_the_reader_ends_with_its_worker_and_the_next_one_reads_the_file() -> None:
    with one_worker(ECG_REQUEST_TIMEOUT="20") as server:
        with ThreadPoolExecutor(1) as pool:
            hanging = pool.submit(upload, server, HANGS)
            wait_for(lambda: in_flight(server) == 1, "the upload")
            (reader,) = server.readers()
            os.kill(server.workers("signal")[0], signal.SIGKILL)
            psutil.Process(reader).wait(GUARD_S)
            assert hanging.result().json()["code"] == "deadline_exceeded"
        assert upload(server, TABLE).status_code == 200
    assert server.left_at_the_end() == []


def test_a_reader_that_is_stopped_costs_one_upload(server: RunningServer) -> None:
    wait_for(server.readers, "a reader")
    (reader,) = server.readers()
    os.kill(reader, signal.SIGSTOP)
    problem = upload(server, TABLE, **{"X-Request-Deadline-Ms": "2000"}).json()
    assert problem["code"] == "deadline_exceeded"
    assert upload(server, TABLE).status_code == 200
    assert reader not in server.readers()


def test_without_its_nursery_a_worker_is_replaced(server: RunningServer) -> None:
    wait_for(server.readers, "a reader")
    (reader,) = server.readers()
    nursery = psutil.Process(reader).parent()
    assert nursery is not None and nursery.name() == "ecg-nursery"
    restarts = signal_restarts(server)
    nursery.kill()
    psutil.Process(reader).wait(GUARD_S)
    assert array(server).status_code == 200
    assert upload(server, TABLE).status_code == 200
    assert signal_restarts(server) == restarts + 1

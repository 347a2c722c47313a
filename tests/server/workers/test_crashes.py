"""A recording that the encoder cannot bear costs itself its answer, and its neighbours nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.server.ecgs import get
from tests.server.harness import RunningServer
from tests.server.load import FS, npy, recording

V4_RAISES, V5_HANGS, V6_ENDS = 9, 10, 11  # faulty/sitecustomize.py


PATH = os.pathsep.join([str(Path(__file__).parent / "faulty"), os.environ.get("PYTHONPATH", "")])


@pytest.fixture(scope="module")
def faulty_server() -> Iterator[RunningServer]:
    with RunningServer(PYTHONPATH=PATH, ECG_HANG_TIMEOUT="2", ECG_REQUEST_TIMEOUT="120") as server:
        yield server


def _post(server: RunningServer, number: int, flat: int | None = None) -> httpx.Response:
    signal = recording(number)
    if flat is not None:
        signal[flat] = 0.0
    with server.client() as client:
        return client.post(
            "/analyze",
            params={"fs": FS, "id": str(number)},
            content=npy(signal),
            headers={"Content-Type": "application/x-npy"},
        )


def _twelve_with_one(server: RunningServer, flat: int) -> list[httpx.Response]:
    with ThreadPoolExecutor(12) as pool:
        return list(
            pool.map(lambda number: _post(server, number, flat if number == 5 else None), range(12))
        )


@pytest.mark.parametrize(
    ("flat", "code"),
    [(V4_RAISES, "internal_error"), (V6_ENDS, "worker_crashed"), (V5_HANGS, "worker_crashed")],
    ids=["raises", "ends", "hangs"],
)
def test_one_of_twelve_fails_alone(faulty_server: RunningServer, flat: int, code: str) -> None:
    answers = _twelve_with_one(faulty_server, flat)
    assert [answer.status_code for answer in answers] == [200] * 5 + [500] + [200] * 6
    problem = answers[5].json()
    assert problem["code"] == code
    assert "Retry-After" not in answers[5].headers
    assert [answer.json()["id"] for number, answer in enumerate(answers) if number != 5] == [
        str(number) for number in range(12) if number != 5
    ]


def test_a_bug_is_logged_with_its_request_id_and_answered_without_a_trace(
    faulty_server: RunningServer,
) -> None:
    answer = _post(faulty_server, 3, V4_RAISES)
    problem = answer.json()
    assert faulty_server.logged(problem["request_id"])
    assert "Traceback" not in answer.text and "ValueError" not in answer.text


def test_one_bad_record_of_many_is_the_only_one_that_fails(faulty_server: RunningServer) -> None:
    records = []
    for number in range(6):
        signal = recording(number)
        if number == 2:
            signal[V6_ENDS] = 0.0
        records.append({"signal": signal.tolist(), "fs": FS, "id": str(number)})
    with faulty_server.client() as client:
        results = client.post("/analyze", json={"records": records}).json()["results"]
    assert [result.get("id") for result in results] == ["0", "1", None, "3", "4", "5"]
    assert results[2]["error"]["code"] == "worker_crashed"


def test_a_device_without_memory_for_a_batch_runs_smaller_ones() -> None:
    """Every recording is answered, with the values of one that is sent alone."""
    settings = {"PYTHONPATH": PATH, "FAULTY_MAX_SEGMENTS": "1", "ECG_REQUEST_TIMEOUT": "1000"}
    with RunningServer(**settings) as server:
        alone = [_post(server, number).json() for number in range(3)]
        with ThreadPoolExecutor(12) as pool:
            together = list(pool.map(lambda number: _post(server, number % 3), range(12)))
        assert server.logged("out of memory with")
        assert [response.status_code for response in together] == [200] * 12
        assert get(server, "/health").json()["workers"]["model"]["restarts"] == 0
    for number, response in enumerate(together):
        found, expected = (
            [label["probability"] for label in answer["labels"]]
            for answer in (response.json(), alone[number % 3])
        )
        assert found == pytest.approx(expected, abs=1e-5)

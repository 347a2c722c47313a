"""A message that cannot be passed on is answered at once with an error, in every direction.

A process that can open no file can neither send a large message, which takes a memory file, nor
receive one.
"""

from __future__ import annotations

import httpx
import pytest

from tests.server.ecgs import get
from tests.server.harness import RunningServer, no_descriptors_left
from tests.server.load import FS, npy, recording

SMALL = npy(recording(0, 10.0))


def _post(client: httpx.Client, route: str, body: bytes) -> tuple[int, dict[str, object]]:
    headers = {"Content-Type": "application/x-npy"}
    answer = client.post(route, params={"fs": FS}, content=body, headers=headers)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("process", ["http", "signal", "model"])
def test_the_client_learns_at_once_that_its_request_is_not_passed_on(process: str) -> None:
    """With the deadline of 1,000 s an answer that waits for it would not come in this test."""
    large = npy(recording(0, 500.0))
    with RunningServer(ECG_SIGNAL_WORKERS="1", ECG_REQUEST_TIMEOUT="1000") as server:
        pids = server.http_processes() if process == "http" else server.workers(process)
        with server.client() as client:
            assert _post(client, "/extract_features", large)[0] == 200
            with no_descriptors_left(pids[0]):
                status, problem = _post(client, "/extract_features", large)
                assert (status, problem["code"]) == (503, "not_queued")
                # Small messages need no descriptor.
                assert _post(client, "/assess_quality", SMALL)[0] == 200
            assert _post(client, "/extract_features", large)[0] == 200
        text = get(server, "/metrics").text
        assert "ecg_lost_messages_total 1.0" in text
        assert server.logged("is lost: ")
        assert get(server, "/health").json()["in_flight"] == 0

"""A full disk neither ends the server nor costs an answer: no process depends on a file there."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.server.ecgs import get
from tests.server.harness import RunningServer
from tests.server.load import FS, npy, recording

GUARD_S = 120.0  # keeps a failing test from hanging


def _answers(server: RunningServer) -> list[int]:
    with server.client() as client:
        body, headers = npy(recording(0)), {"Content-Type": "application/x-npy"}
        routes = ("/extract_features", "/assess_quality")
        return [
            client.post(route, params={"fs": FS}, content=body, headers=headers).status_code
            for route in routes
        ]


def test_no_process_maps_a_file_that_a_full_disk_could_cut_short() -> None:
    """A write to a page of a file for which there is no space ends a process with SIGBUS."""
    with RunningServer(ECG_API_WORKERS="2") as server:
        assert _answers(server) == [200, 200]
        assert get(server, "/metrics").status_code == 200
        mapped = {
            region.path
            for process in server.processes()
            for region in process.memory_maps(grouped=False)
            if "w" in region.perms and "s" in region.perms
        }
    # /dev/zero is anonymous memory: mmap(2) with MAP_SHARED and without a file. uvloop uses
    # io_uring.
    in_memory = ("/memfd:", "/dev/zero", "anon_inode:")
    assert mapped
    assert [path for path in mapped if not path.startswith(in_memory)] == []


@pytest.mark.parametrize("stage", ["signal", "model", "http"])
def test_a_server_whose_log_and_temporary_folder_take_nothing_serves_and_replaces(
    stage: str,
) -> None:
    server = RunningServer(TMPDIR="/dev/full", ECG_SIGNAL_WORKERS="1", ECG_REQUEST_TIMEOUT="1000")
    server.log_path = Path("/dev/full")
    server.log = lambda: "the log is /dev/full"  # type: ignore[method-assign]
    with server:
        assert _answers(server) == [200, 200]
        is_http = stage == "http"
        first = server.http_processes() if is_http else server.workers(stage)
        os.kill(first[0], signal.SIGKILL)
        until_s = time.monotonic() + GUARD_S
        while first[0] in [process.pid for process in server.processes() if _runs(process)]:
            assert time.monotonic() < until_s
            time.sleep(0.05)
        server.wait_until_ready()
        assert _answers(server) == [200, 200]
        assert get(server, "/metrics").status_code == 200
    assert server.process.returncode == 0


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False

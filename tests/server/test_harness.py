"""A test run that is killed leaves no server behind."""

from __future__ import annotations

import subprocess
import sys

import psutil

from tests.server.harness import ROOT, RunningServer

RUN = """
import time
from tests.server.harness import RunningServer
with RunningServer(ECG_MODEL="none") as server:
    print(server.process.pid, flush=True)
    time.sleep(3600)
"""
GUARD_S = 120.0  # keeps a failing test from hanging


def test_the_server_ends_with_the_process_that_started_it() -> None:
    command = [sys.executable, "-c", RUN]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        main = psutil.Process(int(run.stdout.readline()))
        processes = [main, *main.children(recursive=True)]
        # At least the manager, an HTTP process and two signal workers.
        assert len(processes) >= 5
        run.kill()
    _, left = psutil.wait_procs(processes, timeout=GUARD_S)
    assert left == []


def test_a_server_that_does_not_start_leaves_nothing() -> None:
    server = RunningServer(ECG_MODEL="/no/such/folder")
    try:
        with server:
            raise AssertionError("it started")
    except AssertionError as error:
        assert "the server ended with 2" in str(error)
    assert server.left() == []

"""A station as a process of its own, on a free port."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.http_client import Target

ROOT: Final = Path(__file__).parents[2]
START_LIMIT_S: Final = 60.0


@contextmanager
def running_station(
    database: str, key_file: Path, log: Path, *, roles: str = "front,watch,web"
) -> Iterator[Target]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    arguments = ["--port", str(port), "--database", database, "--key-file", str(key_file)]
    arguments += ["--roles", roles]
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "station", *arguments],
            cwd=ROOT,
            stdout=file,
            stderr=file,
            env={name: value for name, value in os.environ.items() if "STATION_" not in name},
        )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/readyz", process, log)
        yield Target("127.0.0.1", port)
    finally:
        process.terminate()
        process.wait()


def children_cpu_s() -> float:
    """Return the CPU time of the processes that have ended, their start included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.perf_counter() + START_LIMIT_S
    while time.perf_counter() < deadline_s and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise SystemExit(f"the station does not start:\n{log.read_text()}")

"""A real server on a free port, and the CPU time and memory of each of its processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import psutil  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[1]
START_TIMEOUT_S = 180.0  # the first start converts checkpoints
STOP_TIMEOUT_S = 45.0
POLL_INTERVAL_S = 0.01
SHOWN_LOG_CHARACTERS = 4000  # of the end of the log, if the start fails


class RunningServer:
    """A server as a context manager: `with RunningServer({"ECG_MODEL": "embedded"}) as server`.

    Settings in the caller's environment are not passed on.

    root  the checkout that is run, to compare two of them
    """

    def __init__(self, settings: Mapping[str, str], root: Path = ROOT) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.ready_s = 0.0
        self._root = root
        self._folder = tempfile.TemporaryDirectory(prefix="ecg-benchmark-")
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("ECG_") and name != "PYTHONPATH"
        }
        self._environment["ECG_PORT"] = str(self.port)
        self._environment["ECG_LOG_LEVEL"] = "warning"
        self._environment["ECG_MODELS_DIR"] = f"{self._folder.name}/models"
        self._environment |= settings

    def __enter__(self) -> RunningServer:
        start_s = time.perf_counter()
        log = Path(self._folder.name) / "log"
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server"],
                cwd=self._root,
                env=self._environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        try:
            self._wait_until_ready(start_s + START_TIMEOUT_S)
        except BaseException:
            sys.stderr.write(log.read_text(errors="replace")[-SHOWN_LOG_CHARACTERS:])
            self.__exit__(None, None, None)
            raise
        self.ready_s = time.perf_counter() - start_s
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._folder.cleanup()

    def _wait_until_ready(self, deadline_s: float) -> None:
        while time.perf_counter() < deadline_s:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server exited with {self.process.returncode}")
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(POLL_INTERVAL_S)
        raise RuntimeError(f"the server was not ready after {START_TIMEOUT_S:g} s")

    def processes(self) -> list[tuple[str, psutil.Process]]:
        """Return each process with its part: main, http, model, signal or tracker.

        A signal worker's nursery and reader process are signal too. Versions up to 0.1.0 have a
        manager.
        """
        main = psutil.Process(self.process.pid)
        children = [(_part(child), child) for child in main.children(recursive=True)]
        children.sort(key=lambda pair: pair[0])
        return [("main", main), *children]

    def cpu_s(self) -> dict[str, float]:
        """Return the CPU seconds that each part has used so far, summed over its processes."""
        used: dict[str, float] = {}
        for part, process in self.processes():
            used[part] = used.get(part, 0.0) + sum(process.cpu_times()[:2])
        return used

    def pss_mb(self) -> list[tuple[str, float]]:
        """Return each process's proportional share of memory in MB."""
        return [(part, process.memory_full_info().pss / 1e6) for part, process in self.processes()]


def _part(process: psutil.Process) -> str:
    """Return the part of the server that a child process is."""
    command = " ".join(process.cmdline())
    if "resource_tracker" in command:
        return "tracker"
    if "spawn_main" in command:
        # Both kinds of workers are spawned; only the model worker loads torch.
        loads_torch = any("libtorch" in region.path for region in process.memory_maps())
        return "model" if loads_torch else "signal"
    connections = process.net_connections("tcp")
    listens = any(connection.status == psutil.CONN_LISTEN for connection in connections)
    return "http" if listens and _has_event_loop(process) else "manager"


def _has_event_loop(process: psutil.Process) -> bool:
    """Return whether the process has an event loop.

    An HTTP process has one. The manager of versions up to 0.1.0, which is forked with the same
    listening socket, has none.
    """
    for entry in Path(f"/proc/{process.pid}/fd").iterdir():
        if entry.is_symlink() and str(entry.readlink()) == "anon_inode:[eventpoll]":
            return True
    return False

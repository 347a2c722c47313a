"""A real server in processes of its own, on a free port, and what each of its processes uses."""

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
START_S = 180.0  # the first time a checkpoint is converted
STOP_S = 45.0
LOOK_EVERY_S = 0.01
KIB = 1024


class RunningServer:
    """`with RunningServer({"ECG_MODEL": "embedded"}) as server:`; no setting of the caller's own environment reaches it.

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
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("ECG_") and name != "PYTHONPATH"
        }
        own = {
            "ECG_PORT": str(self.port),
            "ECG_LOG_LEVEL": "warning",
            "ECG_MODELS_DIR": f"{self._folder.name}/models",
        }
        self._env = kept | own | dict(settings)

    def __enter__(self) -> RunningServer:
        began_s = time.perf_counter()
        log = Path(self._folder.name) / "log"
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server"],
                cwd=self._root,
                env=self._env,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        try:
            self._wait(began_s + START_S)
        except BaseException:
            sys.stderr.write(log.read_text(errors="replace")[-4000:])
            self.__exit__(None, None, None)
            raise
        self.ready_s = time.perf_counter() - began_s
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._folder.cleanup()

    def _wait(self, until_s: float) -> None:
        while time.perf_counter() < until_s:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}")
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(LOOK_EVERY_S)
        raise RuntimeError(f"the server was not ready after {START_S:g} s")

    def processes(self) -> list[tuple[str, psutil.Process]]:
        """Each of the server's processes with its part: main, queues, http, signal, model."""
        main = psutil.Process(self.process.pid)
        return [
            ("main", main),
            *sorted(
                ((self._part(child), child) for child in main.children(recursive=True)),
                key=lambda pair: pair[0],
            ),
        ]

    def _part(self, process: psutil.Process) -> str:
        command = " ".join(process.cmdline())
        if "resource_tracker" in command:
            return "tracker"
        if "spawn_main" in command:
            return (
                "model"
                if any("libtorch" in region.path for region in process.memory_maps())
                else "signal"
            )
        return (
            "http"
            if any(
                each.status == psutil.CONN_LISTEN and _watches(process)
                for each in process.net_connections("tcp")
            )
            else "manager"
        )

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds that each part has used so far, over its processes."""
        used: dict[str, float] = {}
        for part, process in self.processes():
            used[part] = used.get(part, 0.0) + sum(process.cpu_times()[:2])
        return used

    def pss_mb(self) -> list[tuple[str, float]]:
        """Each process's share of memory: what it has alone, and its part of what it shares."""
        return [(part, process.memory_full_info().pss / 1e6) for part, process in self.processes()]


def _watches(process: psutil.Process) -> bool:
    """An HTTP process has an event loop; the manager, which was forked with the same listening socket, has none."""
    links = (
        entry.readlink()
        for entry in Path(f"/proc/{process.pid}/fd").iterdir()
        if entry.is_symlink()
    )
    return any(str(link) == "anon_inode:[eventpoll]" for link in links)

"""A real server in processes of its own, on a free port, that leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

import httpx
import psutil

from tests.data import CARRIED

ROOT = Path(__file__).parents[2]
TINY = {
    "ECG_CLINICAL_CHECKPOINT": str(CARRIED / "tiny_finetuned_new.pt"),
    "ECG_FEATURES_CHECKPOINT": str(CARRIED / "tiny_pretrained_new.pt"),
}
START_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningServer:
    """`with RunningServer(ECG_DTYPE="float32") as server:`; settings are added to the tiny checkpoints unless ECG_MODEL is given."""

    def __init__(self, *, wait: bool = True, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._wait = wait
        self._folder = tempfile.TemporaryDirectory(prefix="ecg-test-")
        self.log_path = Path(self._folder.name) / "log"
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ECG_", "HF_"))
        }
        model = {} if "ECG_MODEL" in settings or "ECG_CLINICAL_CHECKPOINT" in settings else TINY
        self.env = {
            **kept,
            **model,
            "ECG_MODELS_DIR": f"{self._folder.name}/models",
            "ECG_PORT": str(self.port),
            "ECG_DTYPE": "float32",
        }
        self.env |= {
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "2",
            "TMPDIR": self._folder.name,
            **settings,
        }
        self.known: set[psutil.Process] = set()

    def __enter__(self) -> RunningServer:
        with self.log_path.open("w") as log:
            # A session of its own: a signal to the group reaches the server and nobody else.
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server"],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        if self._wait:
            try:
                self.wait_until_ready()
            except BaseException as error:  # `with` ends only what was entered
                self.__exit__(type(error), error, None)
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.processes()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(45)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for process in self.left():
            process.kill()
        if error is not None:
            sys.stderr.write(self.log()[-8000:])
        self._folder.cleanup()

    def wait_until_ready(self, seconds: float = START_S) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(
                    f"the server ended with {self.process.returncode}:\n{self.log()[-4000:]}"
                )
            try:
                if httpx.get(self.url + "/readyz", timeout=5).status_code == 200:
                    self.processes()
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready after {seconds} s:\n{self.log()[-4000:]}")

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def processes(self) -> list[psutil.Process]:
        """The main process and all below it, remembered so that `left` can look for them."""
        try:
            main = psutil.Process(self.process.pid)
            found = [main, *main.children(recursive=True)]
        except psutil.NoSuchProcess:
            found = []
        self.known.update(found)
        return found

    def left(self) -> list[psutil.Process]:
        """Those of the server's processes that are still there."""
        return [
            process
            for process in self.known
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        ]

    def left_after(self, seconds: float) -> list[psutil.Process]:
        """Those that are still there then; returns as soon as none is."""
        until = time.monotonic() + seconds
        while self.left() and time.monotonic() < until:
            time.sleep(0.02)
        return self.left()

    def workers(self, stage: str) -> list[int]:
        """Pids of the living workers of a stage, told apart by torch, which only model workers load."""
        children = [
            process for process in self.processes() if "spawn_main" in " ".join(_cmdline(process))
        ]
        torch = [process.pid for process in children if _has_torch(process)]
        return (
            torch
            if stage == "model"
            else [process.pid for process in children if process.pid not in torch]
        )

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60, **options)  # type: ignore[arg-type]


def _cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _has_torch(process: psutil.Process) -> bool:
    try:
        return any("libtorch" in region.path for region in process.memory_maps())
    except psutil.Error:
        return False

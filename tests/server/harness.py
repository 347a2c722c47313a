"""A real server in its own processes, on a free port, that leaves no process behind."""

from __future__ import annotations

import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import psutil

from tests.data import CARRIED

ROOT = Path(__file__).parents[2]
TINY = {
    "ECG_CLINICAL_CHECKPOINT": str(CARRIED / "tiny_finetuned_new.pt"),
    "ECG_FEATURES_CHECKPOINT": str(CARRIED / "tiny_pretrained_new.pt"),
}
# Generous: they only keep a failing test from hanging.
READY_S = 120.0
STOP_S = 90.0
ANSWER_S = 180.0
# Runs a command that the kernel kills when its parent ends (prctl(2), PR_SET_PDEATHSIG = 1, kept
# over execve(2)), so that a killed test run leaves no server behind. The server's other processes
# end with its main process.
END_WITH_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


@contextmanager
def no_descriptors_left(pid: int) -> Iterator[None]:
    """Let a process open no file and receive no descriptor. Those that it has stay open."""
    folder = Path(f"/proc/{pid}/fd")
    # A second time, as in the test's own process the listing has a descriptor too.
    used = {int(entry.name) for entry in list(folder.iterdir()) if entry.is_symlink()}
    lowest_free = next(number for number in count() if number not in used)
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningServer:
    """`with RunningServer(ECG_MAX_RECORDS="3") as server:`.

    The server has the tiny checkpoints and one signal worker unless the settings say otherwise.
    """

    def __init__(self, *, wait: bool = True, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._wait = wait
        self._folder = tempfile.TemporaryDirectory(prefix="ecg-test-")
        self.log_path = Path(self._folder.name) / "log"
        self.env = self._environment(settings)
        self._seen: set[psutil.Process] = set()

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ECG_", "HF_"))
        }
        model = {} if "ECG_MODEL" in settings or "ECG_CLINICAL_CHECKPOINT" in settings else TINY
        return {
            **inherited,
            **model,
            "ECG_MODELS_DIR": f"{self._folder.name}/models",
            "ECG_PORT": str(self.port),
            # Requests that tests write by hand name the host x.
            "ECG_ALLOWED_HOSTS": "localhost,127.0.0.1,[::1],x",
            "ECG_DTYPE": "float32",
            # Each takes seconds of processor time to start; tests of several name their number.
            "ECG_SIGNAL_WORKERS": "1",
            "HF_HUB_OFFLINE": "1",
            # The encoders of tests are small, and tests run side by side.
            "OMP_NUM_THREADS": "1",
            "TMPDIR": self._folder.name,
            **settings,
        }

    def __enter__(self) -> RunningServer:
        # Isolated (-I -S), so that what a test puts on PYTHONPATH reaches the server only.
        wrapper = [sys.executable, "-I", "-S", "-c", END_WITH_PARENT, str(os.getpid())]
        with self.log_path.open("w") as log:
            # A new session, so that a signal to the group reaches the server and nothing else.
            self.process = subprocess.Popen(
                [*wrapper, sys.executable, "-m", "server"],
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
            except BaseException as error:
                # `with` calls __exit__ only after __enter__ has returned.
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
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for process in self.left():
            process.kill()
        if error is not None:
            sys.stderr.write(self.log()[-8000:])
        self._folder.cleanup()

    def wait_until_ready(
        self, seconds: float = READY_S, verify: ssl.SSLContext | bool = True
    ) -> None:
        """verify: the context of an HTTPS client."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(
                    f"the server ended with {self.process.returncode}:\n{self.log()[-4000:]}"
                )
            try:
                if httpx.get(self.url + "/readyz", timeout=5, verify=verify).status_code == 200:
                    self.processes()
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready after {seconds} s:\n{self.log()[-4000:]}")

    def health_when_complete(self) -> dict[str, Any]:
        """Return /health once every worker runs: a server is ready with one worker of each stage.

        After READY_S it is returned as it is, so that the caller's check shows the reasons.
        """
        until = time.monotonic() + READY_S
        while True:
            health: dict[str, Any] = httpx.get(self.url + "/health", timeout=READY_S).json()
            if health["status"] == "ok" or time.monotonic() > until:
                return health
            time.sleep(0.05)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def logged(self, text: str) -> list[str]:
        """Return the lines with a text, as soon as there is one.

        A request is logged after its answer is sent. The limit only keeps a test from hanging.
        """
        until = time.monotonic() + STOP_S
        while text not in self.log() and time.monotonic() < until:
            time.sleep(0.02)
        return [line for line in self.log().splitlines() if text in line]

    def processes(self) -> list[psutil.Process]:
        """Return the main process and its descendants; `left` looks for them later."""
        try:
            main = psutil.Process(self.process.pid)
            processes = [main, *main.children(recursive=True)]
        except psutil.NoSuchProcess:
            processes = []
        self._seen.update(processes)
        return processes

    def left(self) -> list[psutil.Process]:
        """Return the server's processes that are still running."""
        return [
            process
            for process in self._seen
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        ]

    def left_at_the_end(self, seconds: float = STOP_S) -> list[psutil.Process]:
        """Wait until no process is left. Return those that are left after `seconds`.

        The limit only keeps a test from hanging.
        """
        until = time.monotonic() + seconds
        while self.left() and time.monotonic() < until:
            time.sleep(0.02)
        return self.left()

    def workers(self, stage: str) -> list[int]:
        """Return the pids of the running workers of a stage. Only model workers load torch."""
        is_model = stage == "model"
        workers = [
            process
            for process in self.processes()
            if "spawn_main" in " ".join(_cmdline(process)) and process.ppid() == self.process.pid
        ]
        return [process.pid for process in workers if _has_torch(process) == is_model]

    def http_processes(self) -> list[int]:
        """Return the pids of the running HTTP processes. Only they are forked."""
        children = [child for child in self.processes() if child.pid != self.process.pid]
        return [child.pid for child in children if _cmdline(child)[1:] == ["-m", "server"]]

    def readers(self) -> list[int]:
        """Return the pids of the processes that read files for the signal workers."""
        return [process.pid for process in self.processes() if _name(process) == "ecg-reader"]

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=ANSWER_S, **options)  # type: ignore[arg-type]


def has_ended(pid: int) -> bool:
    """Whether a process has ended, also where its parent has not collected its status yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""


def _has_torch(process: psutil.Process) -> bool:
    try:
        return any("libtorch" in region.path for region in process.memory_maps())
    except psutil.Error:
        return False

"""One run: a server, clients, disturbances, two restarts in between, and what is left."""

from __future__ import annotations

import contextlib
import math
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from tests.server.chaos.account import Account
from tests.server.chaos.attackers import Attackers, FullDisk
from tests.server.chaos.clients import REQUEST_TIMEOUT_S, Client, ask_once
from tests.server.chaos.disturber import Disturber
from tests.server.chaos.questions import RECORDINGS, SINGLE_KINDS, Fingerprints, Question
from tests.server.chaos.remains import Growth, Memory, remains_of
from tests.server.harness import RunningServer

CLIENTS: Final = 8
HANG_TIMEOUT_S: Final = 10.0
DISK_MIB: Final = 1
SAMPLES: Final = 150  # of the memory, in a run
# Generous: they only keep a failing run from hanging.
STALL_S: Final = 600.0
STOP_S: Final = 300.0
# The last part has no kills, so that processes live long enough for their memory to be compared.
CALM_FROM: Final = 0.75
STOP_AT: Final = 0.3  # SIGTERM and a restart after this part of the requests
KILL_AT: Final = 0.5  # SIGKILL of the main process and a restart
# Below the ports that the kernel gives to outgoing connections: a client that connects while the
# server restarts must not be given the server's port.
FIRST_PORT, LAST_PORT = 20_000, 32_000


class _ChaosServer(RunningServer):
    """A server that can be started again on the same port."""

    def __init__(self, temporary: Path) -> None:
        port = _free_low_port()
        super().__init__(
            ECG_PORT=str(port),
            ECG_API_WORKERS="2",
            ECG_SIGNAL_WORKERS="2",
            ECG_HANG_TIMEOUT=str(HANG_TIMEOUT_S),
            ECG_REQUEST_TIMEOUT=str(REQUEST_TIMEOUT_S),
            ECG_MAX_SECONDS="60",
            ECG_LOG_LEVEL="warning",
            OMP_NUM_THREADS="1",
            TMPDIR=str(temporary),
        )
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.earlier_logs: list[str] = []

    def __enter__(self) -> _ChaosServer:
        super().__enter__()
        return self

    def start_again(self) -> None:
        self.earlier_logs.append(self.log())
        self.__enter__()


@dataclass
class Report:
    """What the run found.

    remains   what was left behind, after each end of the server
    statuses  answers to requests with garbage
    log       of the server, from warnings on
    """

    account: Account
    seconds: float
    exit_codes: list[int] = field(default_factory=list)
    remains: list[str] = field(default_factory=list)
    growths: list[Growth] = field(default_factory=list)
    in_flight_after: int = 0
    full_disk: bool = False
    statuses: dict[int, int] = field(default_factory=dict)
    log: str = ""

    def table(self) -> str:
        rows: list[tuple[str, object]] = [*self.account.rows()]
        rows += [(f"garbage answered {status}", n) for status, n in sorted(self.statuses.items())]
        rows += [
            ("exit codes after SIGTERM", self.exit_codes),
            ("left behind", self.remains or "nothing"),
            ("in flight at the end", self.in_flight_after),
            ("full disk", "yes" if self.full_disk else "no: a file system cannot be mounted here"),
            ("seconds", round(self.seconds)),
        ]
        lines = [f"| {name} | {value} |" for name, value in rows]
        oldest = sorted(self.growths, key=lambda growth: -growth.requests)
        lines += [f"| memory | {growth} |" for growth in oldest[:12]]
        return "\n".join(["| what | result |", "|---|---|", *lines, ""])


class ChaosRun:
    """`ChaosRun(requests, seed).report()`.

    every     requests from one disturbance to the next, in the mean
    restarts  whether the server is also stopped and its main process killed in between
    seconds   after which no more requests are begun
    progress  is given a line about the run now and then
    """

    def __init__(
        self,
        requests: int,
        seed: int,
        *,
        every: int,
        restarts: bool = True,
        seconds: float = math.inf,
        progress: Callable[[str], object] = str,
    ) -> None:
        self._requests = requests
        self._account = Account(requests)
        self._seed = seed
        self._every = every
        self._seconds = seconds
        self._progress = progress
        self._rng = np.random.default_rng(seed)
        self._known = Fingerprints()
        self._ends: list[tuple[float, str]] = []
        if restarts:
            self._ends = [(STOP_AT, "SIGTERM"), (KILL_AT, "SIGKILL")]

    def report(self) -> Report:
        self._begun_s = time.monotonic()
        with _temporary_folder() as (folder, disk), _ChaosServer(folder) as server:
            self._folder = folder
            self._memory = Memory(server)
            self._report = Report(self._account, 0.0, full_disk=disk is not None)
            self._learn(server)
            attackers = Attackers(server.port, self._rng, self._account)
            disturber = Disturber(server, self._account, attackers, disk, self._rng)
            try:
                self._disturb_until_answered(server, disturber, attackers)
            finally:
                self._account.stop()
                attackers.close()
                if disk is not None:
                    disk.free()
            self._report.statuses = dict(attackers.statuses)
            self._finish(server)
        self._report.seconds = time.monotonic() - self._begun_s
        return self._report

    def _learn(self, server: RunningServer) -> None:
        for kind in SINGLE_KINDS:
            for number in range(RECORDINGS):
                question = Question(kind, (number,), f"{kind}-{number}")
                answer = ask_once(server.port, question)
                assert answer.status == 200, answer.body
                self._known.learn(question, answer.body)
        self._known.check_pool()

    def _disturb_until_answered(
        self, server: _ChaosServer, disturber: Disturber, attackers: Attackers
    ) -> None:
        clients = [
            Client(number, self._seed, server.port, self._account, self._known)
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        next_sample = next_disturbance = 0
        while any(client.is_alive() for client in clients):
            answered = self._account.answered
            if answered >= next_sample:
                self._memory.sample(answered)
                self._progress(f"{answered} answered, {dict(self._account.attempts)}\n")
                next_sample = answered + max(1, self._requests // SAMPLES)
            part = self._part_done(answered)
            if part >= 1.0:
                self._account.begin_no_more()
            if self._ends and part >= self._ends[0][0]:
                _, how = self._ends.pop(0)
                self._restart(server, attackers, how)
            elif answered >= next_disturbance:
                if part < CALM_FROM:
                    disturber.disturb()
                else:
                    disturber.attack()
                next_disturbance = answered + int(self._rng.integers(1, 2 * self._every))
            self._wait_for_progress(clients, answered)

    def _part_done(self, answered: int) -> float:
        """Return which part of the requests is answered, or of the time has passed."""
        passed_s = time.monotonic() - self._begun_s
        return max(answered / self._requests, passed_s / self._seconds)

    def _wait_for_progress(self, clients: list[Client], answered: int) -> None:
        """Wait until more is answered. Raises AssertionError where that does not happen."""
        until_s = time.monotonic() + STALL_S
        while self._account.answered == answered and any(map(Client.is_alive, clients)):
            assert time.monotonic() < until_s, f"no answer for {STALL_S:.0f} s"
            time.sleep(0.01)

    def _restart(self, server: _ChaosServer, attackers: Attackers, how: str) -> None:
        """End the server in the middle of everything, see what is left, and start it again."""
        self._account.note_disturbance(f"{how} to the main process, and a restart")
        server.processes()
        if how == "SIGKILL":
            self._account.note_main_killed()
            server.process.kill()
            server.process.wait()
        else:
            self._stop(server)
        self._report.remains += remains_of(server, self._folder, self._memory.shared_names)
        attackers.end_all()
        self._report.growths += self._memory.growths()
        self._account.life += 1
        server.start_again()
        self._memory = Memory(server)

    def _stop(self, server: RunningServer) -> None:
        server.process.send_signal(signal.SIGTERM)
        self._report.exit_codes.append(server.process.wait(STOP_S))

    def _finish(self, server: _ChaosServer) -> None:
        until_s = time.monotonic() + STALL_S
        while time.monotonic() < until_s:
            with contextlib.suppress(OSError, ValueError), server.client() as client:
                self._report.in_flight_after = client.get("/health").json()["in_flight"]
                if self._report.in_flight_after == 0:
                    break
            time.sleep(0.2)
        server.processes()
        self._report.growths += self._memory.growths()
        self._stop(server)
        self._report.remains += remains_of(server, self._folder, self._memory.shared_names)
        self._report.log = "".join([*server.earlier_logs, server.log()])


@contextlib.contextmanager
def _temporary_folder() -> Iterator[tuple[Path, FullDisk | None]]:
    """Yield a folder for temporary files, and its disk where it has a small one of its own."""
    with tempfile.TemporaryDirectory(prefix="ecg-chaos-") as name:
        options = ["-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", name]
        if subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
            yield Path(name), None
            return
        # Only this process holds the mount from here on, so that it ends with it in any case.
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        subprocess.run(["umount", "--lazy", name], check=True)
        try:
            folder = Path(f"/proc/{os.getpid()}/fd/{descriptor}")
            yield folder, FullDisk(folder)
        finally:
            os.close(descriptor)


def _free_low_port() -> int:
    for port in random.sample(range(FIRST_PORT, LAST_PORT), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")

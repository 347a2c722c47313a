"""What a server holds while it runs, and what it has left behind."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from tests.server.harness import RunningServer

MIB: Final = 2**20
SHARED_MEMORY: Final = Path("/dev/shm")
WARM_UP: Final = 0.3  # of the samples of a process, in which it fills its caches
MIN_SAMPLES: Final = 9


@dataclass(frozen=True)
class Sample:
    """answered: requests answered by the server until then."""

    answered: int
    resident_bytes: int
    descriptors: int


@dataclass(frozen=True)
class Growth:
    """The memory of one process in the three thirds of its life after its start, as medians."""

    role: str
    pid: int
    requests: int
    thirds_mib: tuple[float, float, float]
    descriptors: int

    @property
    def mib(self) -> float:
        return self.thirds_mib[-1] - self.thirds_mib[0]

    def __str__(self) -> str:
        thirds = ", ".join(f"{third:.1f}" for third in self.thirds_mib)
        return (
            f"{self.role} {self.pid}: {thirds} MiB in {self.requests} requests, "
            f"{self.descriptors:+d} descriptors"
        )


@dataclass
class Memory:
    """Resident memory of every process of the server, sampled as requests are answered.

    Not the private memory: that of the main and HTTP processes grows once, when the first full
    garbage collection of a forked process writes to the pages that they share.
    """

    server: RunningServer
    _samples: dict[int, list[Sample]] = field(default_factory=dict)
    _roles: dict[int, str] = field(default_factory=dict)
    shared_names: set[str] = field(default_factory=set)

    def sample(self, answered: int) -> None:
        for process in self.server.processes():
            with contextlib.suppress(psutil.Error, OSError):
                maps = Path(f"/proc/{process.pid}/maps").read_text()
                self.shared_names.update(_names_in(SHARED_MEMORY, maps))
                sample = Sample(answered, process.memory_info().rss, process.num_fds())
                # Last, as a process that has just ended has no maps.
                self.keep(process.pid, self._role(process, maps), [sample])

    def keep(self, pid: int, role: str, samples: Iterable[Sample]) -> None:
        self._roles[pid] = role
        self._samples.setdefault(pid, []).extend(samples)

    def growths(self) -> Iterator[Growth]:
        """Yield the growth of each process that was sampled often enough."""
        for pid, samples in self._samples.items():
            warm = samples[int(len(samples) * WARM_UP) :]
            if len(samples) < MIN_SAMPLES:
                continue
            third = len(warm) // 3
            first, middle, last = warm[:third], warm[third:-third], warm[-third:]
            yield Growth(
                self._roles[pid],
                pid,
                last[-1].answered - first[0].answered,
                (_median_mib(first), _median_mib(middle), _median_mib(last)),
                last[-1].descriptors - first[0].descriptors,
            )

    def _role(self, process: psutil.Process, maps: str) -> str:
        if process.pid == self.server.process.pid:
            return "main"
        name: str = process.name()
        if name.startswith("ecg-"):
            return name.removeprefix("ecg-")
        command = process.cmdline()
        if command[1:] == ["-m", "server"]:
            return "HTTP"
        if "resource_tracker" in " ".join(command):
            return "resource tracker"
        return "model" if "libtorch" in maps else "signal"


def remains_of(server: RunningServer, temporary: Path, shared_names: Iterable[str]) -> list[str]:
    """Return what an ended server has left behind: processes, sockets, files, shared memory."""
    left = [f"process {process.pid}" for process in server.left_at_the_end()]
    left += [f"process {pid} of the session" for pid in _pids_of_session(server.process.pid)]
    left += [
        f"socket {connection.laddr} {connection.status}"
        for connection in psutil.net_connections("tcp")
        if connection.laddr.port == server.port
        # What the kernel keeps of a closed connection, and it alone.
        and connection.status not in (psutil.CONN_TIME_WAIT, psutil.CONN_FIN_WAIT2)
        and connection.pid is not None
    ]
    left += [f"file {path.name}" for path in temporary.iterdir() if path.name != "filling"]
    left += [f"shared memory {name}" for name in shared_names if (SHARED_MEMORY / name).exists()]
    return left


def _pids_of_session(session: int) -> Iterator[int]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError, ValueError, IndexError):
            # proc(5): pid (name) state ppid pgrp session
            stat = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            if int(stat[3]) == session and stat[0] != "Z":
                yield process.pid


def _names_in(folder: Path, maps: str) -> Iterator[str]:
    for line in maps.splitlines():
        _, _, path = line.partition(f" {folder}/")
        if path and not path.endswith("(deleted)"):
            yield path


def _median_mib(samples: list[Sample]) -> float:
    return statistics.median(sample.resident_bytes for sample in samples) / MIB

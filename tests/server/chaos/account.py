"""What became of every request, and what was done to the server meanwhile."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import psutil

from errors import DeadlineExceeded, WorkerCrashed, WorkerRestarting, public_errors

# What says that the deadline has passed. The server of a run has one that is long enough for every
# process to be replaced, also on a busy machine.
LATE_ERRORS: Final = (DeadlineExceeded, WorkerRestarting)
LATE_CODES: Final = frozenset(error.code for error in LATE_ERRORS)
# Refusals that the documentation allows for a sound request; the client tries again.
DOCUMENTED_REFUSALS: Final = frozenset(
    (error.status, error.code)
    for error in public_errors()
    if (error.status in (408, 429, 503) and error not in LATE_ERRORS) or error is WorkerCrashed
)
# What must not happen.
LOST, SWAPPED, WRONG, LATE, HUNG, STARVED = "lost", "swapped", "wrong", "late", "hung", "starved"
FAULTS: Final = (LOST, SWAPPED, WRONG, LATE, HUNG, STARVED)
# How an attempt may end without an answer.
KILLED: Final = "broken: its HTTP process was killed"
MAIN_KILLED: Final = "broken: the main process was killed"
NOT_ACCEPTED: Final = "not accepted: no connection, or closed before 100 Continue"
GONE_S: Final = 30.0  # for a process that was killed to end; keeps a failing test from hanging


@dataclass
class Account:
    """Counts of all clients. `total` requests are answered, each by as many attempts as it takes.

    answered      requests with the right answer
    attempts      how the other attempts ended
    faults        a sentence for each of FAULTS
    disturbances  what was done to the server
    """

    total: int
    answered: int = 0
    attempts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    disturbances: Counter[str] = field(default_factory=Counter)
    life: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = 0
        self._stopped = False
        self._doomed: dict[int, psutil.Process] = {}
        self._killed_lives: set[int] = set()

    def take(self) -> int | None:
        """Return the number of the next request; None when there are no more."""
        with self._lock:
            if self._stopped or self._begun >= self.total:
                return None
            self._begun += 1
            return self._begun

    def begin_no_more(self) -> None:
        """Let the clients only finish what they have begun."""
        with self._lock:
            self.total = min(self.total, self._begun)

    def stop(self) -> None:
        self._stopped = True

    @property
    def is_stopped(self) -> bool:
        return self._stopped

    def note_answer(self) -> None:
        with self._lock:
            self.answered += 1

    def note_attempt(self, ending: str) -> None:
        with self._lock:
            self.attempts[ending] += 1

    def note_fault(self, fault: str, sentence: str) -> None:
        with self._lock:
            self.attempts[fault] += 1
            self.faults.append(f"{fault}: {sentence}")

    def note_disturbance(self, kind: str) -> None:
        with self._lock:
            self.disturbances[kind] += 1

    def note_opened(self, port: int) -> int:
        """Note a new connection by its local port. Return the life of the server it belongs to."""
        with self._lock:
            self._doomed.pop(port, None)
            return self.life

    def note_doomed(self, process: psutil.Process, ports: Iterable[int]) -> None:
        """Note that an HTTP process is stopped or will be killed, with its clients' ports."""
        with self._lock:
            for port in ports:
                self._doomed[port] = process

    def note_main_killed(self) -> None:
        with self._lock:
            self._killed_lives.add(self.life)

    def reason_of_break(self, port: int, life: int) -> str:
        """Return KILLED, MAIN_KILLED, or LOST where this test did not break the connection."""
        with self._lock:
            if life in self._killed_lives:
                return MAIN_KILLED
            process = self._doomed.get(port)
        if process is None:
            return LOST
        try:
            # The connections of a process are closed before it is gone.
            process.wait(GONE_S)
        except psutil.TimeoutExpired:
            return LOST  # it was stopped and went on, and no connection may break by that
        return KILLED

    def worker_crashes(self) -> int:
        return self.attempts[f"{WorkerCrashed.status} {WorkerCrashed.code}"]

    def rows(self) -> list[tuple[str, int]]:
        """Return the table: what, and how often."""
        return [
            ("requests with the right answer", self.answered),
            *((f"attempt: {name}", count) for name, count in sorted(self.attempts.items())),
            *((f"done: {name}", count) for name, count in sorted(self.disturbances.items())),
            *((name, self.attempts[name]) for name in FAULTS if name not in self.attempts),
        ]

"""A place for one process of the server: the process in it, and when it is to be replaced.

Only the main process has places, and only its main thread uses them: HTTP processes are forked,
which is safe while no other thread holds a lock; and the kernel signals the end of a parent when
the thread that started the child ends (prctl(2)).
"""

from __future__ import annotations

import logging
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Final

from server.ipc.shared_state import SharedState
from server.workers.backoff import Backoff

logger = logging.getLogger("ecg.supervisor")

# The event loop of an HTTP process does nothing that takes longer than some milliseconds. While it
# hangs, its clients wait in vain.
HTTP_HANG_S: Final = 10.0
MAX_STEP_S: Final = 1.0  # the supervisor looks five times a second


class _Silence:
    """The time for which a heartbeat has not changed, as far as this process ran to see it.

    A machine or container that was paused must not look like one whose processes all hang, so
    only MAX_STEP_S is counted between two looks.
    """

    def __init__(self) -> None:
        self._heartbeat = -1.0
        self._looked_s = time.monotonic()
        self._silent_s = 0.0

    def seconds(self, heartbeat: float) -> float:
        now_s = time.monotonic()
        step_s = min(now_s - self._looked_s, MAX_STEP_S)
        self._looked_s = now_s
        self._silent_s = 0.0 if heartbeat != self._heartbeat else self._silent_s + step_s
        self._heartbeat = heartbeat
        return self._silent_s


class Place(ABC):
    """What WorkerPlace and HttpPlace have in common.

    process        the process in it; None after it has ended
    failed_starts  successive processes that ended before they were ready
    """

    def __init__(self, name: str, start: Callable[[], BaseProcess]) -> None:
        self.name = name
        self.process: BaseProcess | None = None
        self.failed_starts = 0
        self._start = start
        self._silence = _Silence()
        self._backoff = Backoff()
        self._ready_since_s: float | None = None
        self._has_been_ready = False
        self._replace_at_s = 0.0

    @property
    def pid(self) -> int:
        return 0 if self.process is None else self.process.pid or 0

    @property
    def never_started(self) -> bool:
        """Whether none of its processes has ever been ready."""
        return not self._has_been_ready

    def fill(self, process: BaseProcess | None = None) -> None:
        """Put a process into the place: the given one, or a new one."""
        self._silence = _Silence()
        self._ready_since_s = None
        try:
            self.process = process or self._start()
        except OSError as error:
            # No memory, process or descriptor left.
            logger.error("%s cannot be started: %s", self.name, error)
            self._note_end()

    def check(self, *, replace: bool = True) -> None:
        """Look after the process: note that it is ready or has ended, kill it if it hangs.

        replace  whether a process that ended is replaced, as soon as the backoff allows it
        """
        if self.process is not None:
            self._note_ready()
            if not self.process.is_alive():
                self._log_end(logging.ERROR if replace else logging.INFO)
                self._note_end()
            else:
                self._kill_if_hung()
        if self.process is None and replace and time.monotonic() >= self._replace_at_s:
            self.fill()

    def terminate(self) -> None:
        """Ask the process to end (SIGTERM)."""
        if self.process is not None and self.process.is_alive():
            self.process.terminate()

    def kill(self) -> None:
        """End the process, even one that is stopped."""
        if self.process is not None and self.process.is_alive():
            self.process.kill()

    def _note_ready(self) -> None:
        if self._ready_since_s is None and self._is_ready():
            self._ready_since_s = time.monotonic()
            self._has_been_ready = True
            self.failed_starts = 0

    def _note_end(self) -> None:
        now_s = time.monotonic()
        ready_for_s = None if self._ready_since_s is None else now_s - self._ready_since_s
        if ready_for_s is None:
            self.failed_starts += 1
        self._replace_at_s = now_s + self._backoff.next_wait_s(ready_for_s)
        self.process = None

    def _log_end(self, level: int) -> None:
        assert self.process is not None
        code = self.process.exitcode
        logger.log(level, "%s (process %d) ended with exit code %s", self.name, self.pid, code)

    def _kill_if_hung(self) -> None:
        fault = self._hang_fault()
        if fault is not None:
            logger.error(
                "%s (process %d): %s; it is killed and replaced", self.name, self.pid, fault
            )
            os.kill(self.pid, signal.SIGKILL)

    @abstractmethod
    def _is_ready(self) -> bool:
        """Return whether the process has finished its setup."""

    @abstractmethod
    def _hang_fault(self) -> str | None:
        """Return why the process is to be killed; None for one that works."""


class WorkerPlace(Place):
    """The place of a signal worker or a model worker, one row of the shared tables."""

    def __init__(
        self,
        name: str,
        start: Callable[[], BaseProcess],
        state: SharedState,
        row: int,
        hang_timeout_s: float,
    ) -> None:
        super().__init__(name, start)
        self._state = state
        self._row = row
        self._hang_timeout_s = hang_timeout_s

    @property
    def cannot_start(self) -> bool:
        """Whether its process found that it cannot load the encoders."""
        return bool(self._state.cannot_start[self._row])

    def _is_ready(self) -> bool:
        return self._state.pid[self._row] == self.pid and bool(self._state.ready[self._row])

    def _hang_fault(self) -> str | None:
        state, row = self._state, self._row
        if state.pid[row] != self.pid or state.killed_start[row] == state.starts[row]:
            return None  # not registered yet, or already killed
        silent_s = self._silence.seconds(state.heartbeat_s[row])
        busy_since_s = state.busy_since_s[row]
        busy_s = time.monotonic() - busy_since_s if busy_since_s else 0.0
        stuck_s = max(busy_s, silent_s if state.ready[row] else 0.0)
        if stuck_s <= self._hang_timeout_s:
            return None
        # Before the kill: afterwards, `starts` may already count the replacement, which would be
        # marked in place of the killed process.
        state.killed_start[row] = state.starts[row]
        return (
            f"no progress or no heartbeat for {stuck_s:.0f} s; the limit is "
            f"{self._hang_timeout_s:g} s (ECG_HANG_TIMEOUT)"
        )


class HttpPlace(Place):
    """The place of an HTTP process."""

    def __init__(
        self,
        name: str,
        start: Callable[[], BaseProcess],
        state: SharedState,
        number: int,
    ) -> None:
        super().__init__(name, start)
        self._state = state
        self._number = number
        self._is_killed = False

    def fill(self, process: BaseProcess | None = None) -> None:
        self._is_killed = False
        self._state.http_starts[self._number] += 1
        super().fill(process)

    def _is_ready(self) -> bool:
        return self._state.http_pid[self._number] == self.pid

    def _hang_fault(self) -> str | None:
        # The heartbeat begins when the process is ready.
        if self._is_killed or not self._is_ready():
            return None
        silent_s = self._silence.seconds(self._state.http_heartbeat_s[self._number])
        if silent_s <= HTTP_HANG_S:
            return None
        self._is_killed = True
        return f"no heartbeat for {silent_s:.0f} s; the limit is {HTTP_HANG_S:g} s"

    def _note_end(self) -> None:
        super()._note_end()
        # Workers then drop what they have of its requests, as nobody awaits the answers.
        self._state.free_slots(self._number)

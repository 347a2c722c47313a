"""The main process's supervision: hung workers, workers that never start, ended HTTP processes."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from typing import Final

from server.ipc.shared_state import SharedState, is_alive
from server.settings import Settings

logger = logging.getLogger("ecg.supervisor")

LOOK_EVERY_S: Final = 0.2
# In a row. Another attempt would fail too, so the server ends, and whatever supervises the
# container or service is informed.
MAX_FAILED_STARTS: Final = 5


class Supervisor:
    """A thread in the main process.

    stop       shuts the server down
    exit_code  what the main process then exits with
    """

    def __init__(self, settings: Settings, state: SharedState, stop: Callable[[], None]) -> None:
        self._settings = settings
        self._state = state
        self._stop = stop
        self.exit_code = 0

    def start(self, api_workers: Sequence[BaseProcess]) -> None:
        # The main thread waits in LitServer.run, and handles signals.
        thread = threading.Thread(
            target=self._run, args=(api_workers,), daemon=True, name="supervisor"
        )
        thread.start()

    def _run(self, api_workers: Sequence[BaseProcess]) -> None:
        while not self._state.draining.value:
            fault = self._fault(api_workers)
            if fault is not None:
                logger.error("%s: the server ends", fault)
                self.exit_code = 1
                self._stop()
                return
            self._kill_hung_workers()
            time.sleep(LOOK_EVERY_S)

    def _fault(self, api_workers: Sequence[BaseProcess]) -> str | None:
        """Return why the server cannot go on, or None."""
        state = self._state
        if not all(is_alive(worker.pid or 0) for worker in api_workers):
            return "an HTTP process ended"
        if any(state.cannot_start):
            return "the encoders cannot be loaded"
        # More than, not at: a process that is being set up counts as failed until it is ready.
        if any(failed > MAX_FAILED_STARTS for failed in state.failed_starts):
            return f"a worker ended before it was ready, {MAX_FAILED_STARTS} times in a row"
        return None

    def _kill_hung_workers(self) -> None:
        for row in range(len(self._state.pid)):
            stuck_s = self._stuck_s(row)
            pid = int(self._state.pid[row])
            if stuck_s > self._settings.hang_timeout and is_alive(pid):
                logger.error(
                    "worker %d makes no progress or sends no heartbeat for %.0f s; the limit is "
                    "%g s (ECG_HANG_TIMEOUT). It is replaced",
                    pid,
                    stuck_s,
                    self._settings.hang_timeout,
                )
                # Before the kill, so that a replacement that starts at once is not meant.
                self._state.killed_start[row] = self._state.starts[row]
                os.kill(pid, signal.SIGKILL)

    def _stuck_s(self, row: int) -> float:
        """Return for how long a worker makes no progress, or sends no heartbeat."""
        state = self._state
        if state.killed_start[row] == state.starts[row]:
            return 0.0  # killed, and not replaced yet
        now_s = time.monotonic()
        busy_since_s = state.busy_since_s[row]
        busy_s = now_s - busy_since_s if busy_since_s else 0.0
        silent_s = now_s - state.heartbeat_s[row] if state.ready[row] else 0.0
        return max(busy_s, silent_s)

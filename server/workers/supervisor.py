"""The main process's watch: hung workers, workers that never come up, HTTP processes that end."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess

from server.ipc.shared_state import SharedState, is_alive
from server.settings import Settings

logger = logging.getLogger("ecg.supervisor")

LOOK_EVERY_S = 0.2
MAX_FAILED_STARTS = (
    5  # in a row; then another try would fail too, and a supervisor outside should hear of it
)


class Supervisor:
    """A thread in the main process. `stop` shuts the server down; `exit_code` is then what the process ends with."""

    def __init__(self, settings: Settings, state: SharedState, stop: Callable[[], None]) -> None:
        self._settings, self._state, self._stop = settings, state, stop
        self.exit_code = 0

    def start(self, api_workers: Sequence[BaseProcess]) -> None:
        threading.Thread(
            target=self._watch, args=(api_workers,), daemon=True, name="supervisor"
        ).start()

    def _watch(self, api_workers: Sequence[BaseProcess]) -> None:
        while not self._state.draining.value:
            if fault := self._fault(api_workers):
                logger.error("%s: the server ends", fault)
                self.exit_code = 1
                self._stop()
                return
            self._end_hung_workers()
            time.sleep(LOOK_EVERY_S)

    def _fault(self, api_workers: Sequence[BaseProcess]) -> str | None:
        state = self._state
        if not all(is_alive(worker.pid or 0) for worker in api_workers):
            return "an HTTP process ended"
        if any(state.refused):
            return "the encoders cannot be loaded"
        # A process that is being set up counts as one that failed until it is ready.
        if any(failures > MAX_FAILED_STARTS for failures in state.failures):
            return f"a worker ended before it was ready, {MAX_FAILED_STARTS} times in a row"
        return None

    def _end_hung_workers(self) -> None:
        state, now = self._state, time.monotonic()
        for row, (busy_since_s, beat_s) in enumerate(
            zip(state.busy_since_s, state.beat_s, strict=True)
        ):
            pid = int(state.pid[row])
            stuck_s = max(
                now - busy_since_s if busy_since_s else 0.0,
                now - beat_s if state.ready[row] else 0.0,
            )
            if stuck_s > self._settings.hang_timeout and is_alive(pid):
                logger.error(
                    "worker %d has been at one thing, or silent, for %.0f s (ECG_HANG_TIMEOUT) and is replaced",
                    pid,
                    stuck_s,
                )
                state.ready[row], state.busy_since_s[row] = 0, 0.0
                os.kill(pid, signal.SIGKILL)

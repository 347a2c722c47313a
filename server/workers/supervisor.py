"""The thread of the main process that kills hung workers and ends a broken server.

A server is broken if an HTTP process ended, if the encoders cannot be loaded, or if a worker
repeatedly ends before it is ready.
"""

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

CHECK_INTERVAL_S: Final = 0.2
# Failed starts in a row of one worker. After these, another attempt would fail too: the server ends
# with exit code 1, which informs the program that runs the container or service.
MAX_FAILED_STARTS: Final = 5


class Supervisor:
    """Checks the HTTP processes and the workers every CHECK_INTERVAL_S, in a thread of its own.

    stop       a function that shuts the server down
    exit_code  the exit code of the main process: 0, or 1 after the supervisor ended the server
    """

    def __init__(self, settings: Settings, state: SharedState, stop: Callable[[], None]) -> None:
        self._settings = settings
        self._state = state
        self._stop = stop
        self.exit_code = 0

    def start(self, api_workers: Sequence[BaseProcess]) -> None:
        """Start the thread; it ends when the server drains."""
        # The main thread is not free: it waits in LitServer.run, and handles signals.
        thread = threading.Thread(
            target=self._run, args=(api_workers,), daemon=True, name="supervisor"
        )
        thread.start()

    def _run(self, api_workers: Sequence[BaseProcess]) -> None:
        while not self._state.draining.value:
            fault = self._fatal_fault(api_workers)
            if fault is not None:
                logger.error("%s: the server ends", fault)
                self.exit_code = 1
                self._stop()
                return
            self._kill_hung_workers()
            time.sleep(CHECK_INTERVAL_S)

    def _fatal_fault(self, api_workers: Sequence[BaseProcess]) -> str | None:
        """Return the reason why the server cannot continue; None if it can."""
        state = self._state
        if not all(is_alive(worker.pid or 0) for worker in api_workers):
            return "an HTTP process ended"
        if any(state.cannot_start):
            return "the encoders cannot be loaded"
        # `>`, not `>=`: a process that is being set up counts as failed until it is ready.
        if any(failed > MAX_FAILED_STARTS for failed in state.failed_starts):
            return f"a worker ended before it was ready, {MAX_FAILED_STARTS} times in a row"
        return None

    def _kill_hung_workers(self) -> None:
        for row in range(len(self._state.pid)):
            stuck_s = self._stuck_s(row)
            pid = int(self._state.pid[row])
            if stuck_s > self._settings.hang_timeout and is_alive(pid):
                logger.error(
                    "worker %d: no progress or no heartbeat for %.0f s; the limit is %g s "
                    "(ECG_HANG_TIMEOUT); the worker is killed and replaced",
                    pid,
                    stuck_s,
                    self._settings.hang_timeout,
                )
                # Set before the kill: afterwards, `starts` may already count the replacement, which
                # would be marked in place of the killed process.
                self._state.killed_start[row] = self._state.starts[row]
                os.kill(pid, signal.SIGKILL)

    def _stuck_s(self, row: int) -> float:
        """Return the seconds for which a worker has made no progress or sent no heartbeat."""
        state = self._state
        if state.killed_start[row] == state.starts[row]:
            return 0.0  # already killed; its replacement has not started yet
        now_s = time.monotonic()
        busy_since_s = state.busy_since_s[row]
        busy_s = now_s - busy_since_s if busy_since_s else 0.0
        silent_s = now_s - state.heartbeat_s[row] if state.ready[row] else 0.0
        return max(busy_s, silent_s)

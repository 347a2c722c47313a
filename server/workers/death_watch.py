"""Death watch: an HTTP process notices within milliseconds that a worker has ended.

The event loop watches a pidfd (pidfd_open(2)) of each worker.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final

from server.ipc.messages import Stage
from server.ipc.shared_state import SharedState, is_alive

# New workers are found by polling; the kernel reports deaths at once.
POLL_EVERY_S: Final = 0.2


class DeathWatch:
    """Calls `on_death(stage, pid)` once for each worker that ended."""

    def __init__(self, state: SharedState, on_death: Callable[[Stage, int], None]) -> None:
        self._state = state
        self._on_death = on_death
        self._pidfds: dict[int, int] = {}
        self._dead: set[int] = set()

    async def run(self) -> None:
        """Look for new workers until cancelled."""
        try:
            while True:
                self._watch_new_workers()
                await asyncio.sleep(POLL_EVERY_S)
        finally:
            for pidfd in self._pidfds.values():
                self._close(pidfd)

    def _watch_new_workers(self) -> None:
        for stage, rows in self._state.rows.items():
            for row in rows:
                pid = int(self._state.pid[row])
                # The kernel may give a dead worker's pid to a new one.
                if pid in self._dead and is_alive(pid):
                    self._dead.discard(pid)
                self.watch(stage, pid)

    def watch(self, stage: Stage, pid: int) -> None:
        """Watch a worker. One that has ended already is reported at once."""
        if pid <= 0 or pid in self._pidfds or pid in self._dead:
            return
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._report_death(stage, pid)
            return
        self._pidfds[pid] = pidfd
        asyncio.get_running_loop().add_reader(pidfd, self._ended, stage, pid)

    def _ended(self, stage: Stage, pid: int) -> None:
        self._close(self._pidfds.pop(pid))
        self._report_death(stage, pid)

    @staticmethod
    def _close(pidfd: int) -> None:
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)

    def _report_death(self, stage: Stage, pid: int) -> None:
        self._dead.add(pid)
        self._on_death(stage, pid)

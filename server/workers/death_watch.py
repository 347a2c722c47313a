"""Notice within milliseconds that a worker has ended: a pidfd for each, watched by the event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from server.ipc.messages import Stage
from server.ipc.shared_state import SharedState, is_alive

LOOK_EVERY_S = 0.2  # for new workers; deaths are told by the kernel


class DeathWatch:
    def __init__(self, state: SharedState, on_death: Callable[[Stage, int], None]) -> None:
        self._state, self._on_death = state, on_death
        self._watched: dict[int, int] = {}
        self._dead: set[int] = set()

    async def run(self) -> None:
        """Look for new workers until cancelled."""
        try:
            while True:
                for stage, rows in self._state.rows.items():
                    for row in rows:
                        pid = int(self._state.pid[row])
                        if pid in self._dead and is_alive(pid):
                            self._dead.discard(
                                pid
                            )  # the system has given the number to a new worker
                        self.watch(stage, pid)
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            for pidfd in self._watched.values():
                asyncio.get_running_loop().remove_reader(pidfd)
                os.close(pidfd)

    def watch(self, stage: Stage, pid: int) -> None:
        """Watch a worker; one that ended before it could be watched is dead at once."""
        if pid <= 0 or pid in self._watched or pid in self._dead:
            return
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._die(stage, pid)
            return
        self._watched[pid] = pidfd
        asyncio.get_running_loop().add_reader(pidfd, self._ended, stage, pid)

    def _ended(self, stage: Stage, pid: int) -> None:
        pidfd = self._watched.pop(pid)
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
        self._die(stage, pid)

    def _die(self, stage: Stage, pid: int) -> None:
        self._dead.add(pid)
        self._on_death(stage, pid)

"""The main process's work while the server runs: it keeps the place of every other process filled.

A process that ended is replaced, at once or after a backoff; one that hangs is killed first. Only
at the start are faults fatal: where a worker or an HTTP process has never been ready, another
attempt would fail too.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from multiprocessing import connection
from typing import Final

from server.ipc.shared_state import SharedState
from server.workers.overdue import OverdueWork
from server.workers.place import HttpPlace, Place, WorkerPlace

logger = logging.getLogger("ecg.supervisor")

CHECK_INTERVAL_S: Final = 0.2
# Failed starts in a row of a place that has never had a process that was ready. The server then
# ends with exit code 1, which informs the program that runs the container or service.
MAX_FAILED_STARTS: Final = 5


class Supervisor:
    """Checks every place each CHECK_INTERVAL_S, and as soon as a process ends.

    exit_code  the exit code of the main process: 0, or 1 after a fatal fault
    """

    def __init__(self, state: SharedState, overdue: OverdueWork) -> None:
        self._state = state
        self._overdue = overdue
        self._workers: Sequence[WorkerPlace] = ()
        self._http: Sequence[HttpPlace] = ()
        self.exit_code = 0

    def take(self, workers: Sequence[WorkerPlace], http: Sequence[HttpPlace]) -> None:
        """Take over the places, which have their first processes."""
        self._workers, self._http = workers, http

    @property
    def _places(self) -> list[Place]:
        return [*self._http, *self._workers]

    def wait(self) -> None:
        """Supervise until the server drains or has a fatal fault.

        LitServer.run calls it, as its shutdown event's `wait`.
        """
        while not self._state.draining.value:
            fault = self._fatal_fault()
            if fault is not None:
                logger.error("%s: the server ends", fault)
                self.exit_code = 1
                return
            for place in self._places:
                place.check()
            self._overdue.kill_workers()
            self._sleep()

    def drain(self, seconds: float) -> None:
        """Let the HTTP processes answer what is in flight, for at most `seconds`; end all others.

        Until nothing is in flight they still accept connections, and refuse what is new with 503.
        Without that, a new connection would wait unanswered, as nobody accepts it.
        Workers are still replaced meanwhile, as requests that were accepted may need them.
        """
        self._state.draining.value = 1
        until_s = time.monotonic() + seconds
        is_ending = False
        while any(http_place.process is not None for http_place in self._http):
            if not is_ending and self._state.in_flight_count() == 0:
                is_ending = True
                for http_place in self._http:
                    http_place.terminate()
            if time.monotonic() > until_s:
                logger.error("requests in flight were not answered within %.0f s", seconds)
                break
            for http_place in self._http:
                http_place.check(replace=False)
            for worker_place in self._workers:
                worker_place.check()
            self._overdue.kill_workers()
            self._sleep()
        for place in self._places:
            place.kill()

    def _fatal_fault(self) -> str | None:
        """Return why the server cannot start; None if it can, or has started."""
        for place in self._places:
            if not place.never_started:
                continue
            if isinstance(place, WorkerPlace) and place.cannot_start:
                return "the encoders cannot be loaded"
            if place.failed_starts >= MAX_FAILED_STARTS:
                return f"{place.name} ended before it was ready, {MAX_FAILED_STARTS} times in a row"
        return None

    def _sleep(self) -> None:
        """Wait for the next check: CHECK_INTERVAL_S, or until a process ends."""
        sentinels = [place.process.sentinel for place in self._places if place.process is not None]
        if sentinels:
            connection.wait(sentinels, CHECK_INTERVAL_S)
        else:
            time.sleep(CHECK_INTERVAL_S)

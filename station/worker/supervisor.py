"""The worker as a process of its own: the station starts it, and starts it again where it ends.

The worker reads its settings from a pipe. It ends cleanly at the end of the pipe: when the station
stops, and also when the station is killed.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading
from typing import Final

from station.settings import Settings

logger = logging.getLogger("ecg.station.watch")

STOP_LIMIT_S: Final = 30.0
FIRST_PAUSE_S: Final = 1.0
MAX_PAUSE_S: Final = 30.0


class WatchProcess:
    """The station's side of the pipe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.model_dump_json().encode()
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch process")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let the worker finish what is stored, and end."""
        self._is_stopping.set()
        process = self._process
        if process is not None:
            _close(process)
        self._thread.join()

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._is_stopping.is_set():
            process = subprocess.Popen(
                [sys.executable, "-m", "station.worker"], stdin=subprocess.PIPE
            )
            self._process = process
            assert process.stdin is not None
            # It may have ended at once: its status says so.
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(self._settings + b"\n")
                process.stdin.flush()
            if self._is_stopping.is_set():
                _close(process)
            status = process.wait()
            if self._is_stopping.wait(0):
                return
            logger.error("the watch ended with the status %d; it starts again", status)
            self._is_stopping.wait(pause_s)
            pause_s = min(2 * pause_s, MAX_PAUSE_S)


def _close(process: subprocess.Popen[bytes]) -> None:
    """Let a worker end by the end of its pipe, or after a time in any case."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()

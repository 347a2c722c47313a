"""The signal worker's side of its reader process: it gives it uploads, and ends it when it must."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from errors import DeadlineExceeded, EcgError, TooCostly, WorkerCrashed
from server.ipc import record_codec
from server.ipc.shared_state import SharedState
from server.log import log_bug
from server.stages.cost_limit import CostLimit
from server.stages.parsed_request import UploadedFiles
from server.stages.signal import FilesToRead
from server.workers.reader_process import (
    BORN,
    ENDED,
    NURSERY_FDS,
    NURSERY_MESSAGE,
)
from signals.record import EcgRecord

logger = logging.getLogger("ecg.file_reader")


class NurseryLost(Exception):
    """The nursery has ended, so this worker gets no more readers and must end too."""


@dataclass(frozen=True)
class _Reader:
    """A reader process, which may have ended."""

    connection: Connection
    pidfd: int

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def close(self) -> None:
        self.connection.close()
        os.close(self.pidfd)


class FileReader:
    """Reads one upload at a time in a reader process, while the worker does other work.

    nursery  where the reader processes come from, with the same limit
    """

    def __init__(self, nursery: socket.socket, state: SharedState, limit: CostLimit) -> None:
        self._nursery = nursery
        self._state = state
        self._limit = limit
        self._reader: _Reader | None = None
        self._job: FilesToRead | None = None

    @property
    def is_busy(self) -> bool:
        return self._job is not None

    def fileno(self) -> int:
        """Return the descriptor that is readable once a busy reader has an outcome."""
        assert self._reader is not None, "no upload is being read. This is a bug."
        return self._reader.connection.fileno()

    def start(self, job: FilesToRead) -> None:
        """Give an upload to the reader. Raises NurseryLost."""
        assert not self.is_busy, "an upload is being read. This is a bug."
        while not self._is_sent(job.files):
            self._drop_reader()  # it had ended while it was idle
        self._job = job

    def _is_sent(self, files: UploadedFiles) -> bool:
        if self._reader is None:
            self._reader = self._next_reader()
        try:
            self._reader.connection.send(files)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def outcome(self) -> EcgRecord | EcgError:
        """Return the recording or the error; block until there is one. Raises NurseryLost."""
        assert self._reader is not None, "no upload is being read. This is a bug."
        assert self._job is not None, "no upload is being read. This is a bug."
        request_id = self._job.head.request_id
        self._job = None
        try:
            received = record_codec.receive(self._reader.connection)
        except (EOFError, OSError):
            self._drop_reader()
            return self._error_of_ended(self._exit_status(), request_id)
        except record_codec.UnreadableMessage as error:
            self._drop_reader()
            return log_bug(logger, request_id, error)
        if isinstance(received, str):
            return log_bug(logger, request_id, RuntimeError(f"in the reader process: {received}"))
        if isinstance(received, TooCostly):
            self._drop_reader()  # what is left of the attempt may hold memory
        return received

    def give_up_if_overdue(self) -> EcgError | None:
        """End the reader if nobody awaits its outcome any more, and then return the error."""
        assert self._job is not None, "no upload is being read. This is a bug."
        head = self._job.head
        if self._state.is_awaited(head.slot) and time.monotonic() <= head.deadline_s:
            return None
        self._job = None
        self._drop_reader()
        return DeadlineExceeded("the deadline passed while the files were read")

    def _drop_reader(self) -> None:
        """End the reader without waiting for its end; the next upload gets another one."""
        assert self._reader is not None, "there is no reader. This is a bug."
        self._reader.kill()
        self._reader.close()
        self._reader = None

    def _next_reader(self) -> _Reader:
        """Wait until the nursery has forked a reader. Raises NurseryLost."""
        while True:
            kind, _, fds = self._nursery_message()
            if kind == BORN:
                connection_fd, pidfd = fds
                return _Reader(Connection(connection_fd), pidfd)

    def _exit_status(self) -> int:
        """Wait until a reader has ended, and return its status. Raises NurseryLost."""
        while True:
            kind, status, _ = self._nursery_message()
            if kind == ENDED:
                return status

    def _nursery_message(self) -> tuple[int, int, list[int]]:
        """Return kind, status and file descriptors. Raises NurseryLost."""
        content, fds, _, _ = socket.recv_fds(self._nursery, NURSERY_MESSAGE.size, NURSERY_FDS)
        if not content:
            raise NurseryLost("the process that forks reader processes has ended")
        kind, status = NURSERY_MESSAGE.unpack(content)
        return kind, status, fds

    def _error_of_ended(self, status: int, request_id: str) -> EcgError:
        """Return the error for an upload whose reader ended with a status of waitpid(2)."""
        exit_code = os.waitstatus_to_exitcode(status)
        if exit_code == -signal.SIGXCPU:
            return self._limit.cpu_error()
        how = signal.Signals(-exit_code).name if exit_code < 0 else f"exit status {exit_code}"
        logger.error("request %s: the reader process ended with %s", request_id, how)
        return WorkerCrashed(f"the process that reads files ended with {how} on this upload")

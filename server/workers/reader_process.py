"""The reader process: it reads the files of uploads in place of its signal worker.

A file may be made to crash its parser or to keep it busy. Here it costs a process that holds
nothing else and is replaced by a fork, where a signal worker would have to start and import again.

    signal worker --forks--> nursery --forks--> reader

The worker forks the nursery while it has a single thread. The nursery parses nothing: it forks a
reader, waits for its end, reports how it ended, and forks the next one. Each ends with its parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import math
import os
import resource
import signal
import socket
import struct
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, NoReturn

from errors import EcgError
from formats.registry import known_formats, read
from server.ipc import record_codec
from server.stages.cost_limit import CostLimit
from server.stages.parsed_request import UploadedFiles
from server.workers.worker_process import PR_SET_PDEATHSIG, limit_memory

# The nursery's messages, by turns: a reader was born (its connection and its pidfd come with the
# message), or has ended (the status of waitpid(2)).
BORN: Final = 1
ENDED: Final = 2
NURSERY_MESSAGE: Final = struct.Struct("<qq")  # kind, status
NURSERY_FDS: Final = 2

PR_SET_NAME: Final = 15  # linux/prctl.h
# Standard streams, the connection, and what an import needs.
MAX_OPEN_FILES: Final = 16
# The kernel ends a reader before any other process when the machine is out of memory
# (proc_pid_oom_score_adj(5): 1000 is the highest).
OOM_SCORE_ADJ: Final = "1000"
FIRST_UNINHERITED_FD: Final = 3  # after the standard streams
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def fork_nursery(limit: CostLimit) -> socket.socket:
    """Start the nursery. Return the socket on which it sends NURSERY_MESSAGEs.

    The caller must have a single thread.
    """
    known_formats()  # imports the parsers, so that every reader has them
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    parent_pid = os.getpid()
    if os.fork() == 0:
        _run_forked(lambda: _run_nursery(theirs, limit, parent_pid))
    theirs.close()
    return ours


def _run_forked(work: Callable[[], None]) -> NoReturn:
    """Run the work of a forked process, which never returns to the code of its parent."""
    try:
        work()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent has ended, which ends this process too
    except BaseException:  # noqa: BLE001 - the process's edge
        traceback.print_exc()
    finally:
        os._exit(1)


def _run_nursery(to_worker: socket.socket, limit: CostLimit, worker_pid: int) -> None:
    _begin("ecg-nursery", worker_pid, to_worker.fileno())
    # What is alive now stays alive: the collector need not touch, and so copy, its pages.
    gc.freeze()
    nursery_pid = os.getpid()
    while True:
        workers_end, readers_end = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            _run_forked(lambda: _run_reader(readers_end, limit, nursery_pid))  # noqa: B023
        # This process keeps neither end, so that each end sees when the other is closed.
        readers_end.close()
        pidfd = os.pidfd_open(pid)
        fds = [workers_end.fileno(), pidfd]
        socket.send_fds(to_worker, [NURSERY_MESSAGE.pack(BORN, 0)], fds)
        workers_end.close()
        os.close(pidfd)
        _, status = os.waitpid(pid, 0)
        # Blocks once the worker has not read hundreds of these, so that readers that all end at
        # their start cost no CPU time.
        to_worker.send(NURSERY_MESSAGE.pack(ENDED, status))


def _begin(name: str, parent_pid: int, kept_fd: int) -> None:
    """Name this process, let it end with its parent, and close all files but `kept_fd`."""
    _LIBC.prctl(PR_SET_NAME, name.encode(), 0, 0, 0)
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have ended before the call, which then has no effect.
    if os.getppid() != parent_pid:
        os._exit(1)
    # It holds no queue of the server and no connection of a client.
    for fd in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if fd >= FIRST_UNINHERITED_FD and fd != kept_fd:
            # The descriptor of the listing itself is closed already.
            with contextlib.suppress(OSError):
                os.close(fd)


def _run_reader(socket_: socket.socket, limit: CostLimit, nursery_pid: int) -> None:
    """Read uploads until the worker closes the connection."""
    _begin("ecg-reader", nursery_pid, socket_.fileno())
    connection = Connection(socket_.detach())
    _limit_resources(limit)
    faulthandler.enable()  # a crash shows in the log where it happened
    while True:
        upload = connection.recv()
        _limit_cpu(limit.cpu_seconds)
        _answer(connection, upload, limit)


def _limit_resources(limit: CostLimit) -> None:
    # A container may forbid it.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE_ADJ)
    limit_memory(limit.memory_bytes)
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # no parser writes a file
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the recording


def _limit_cpu(cpu_seconds: float) -> None:
    """Let the kernel end this process (SIGXCPU) after this much more CPU time."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    until = math.ceil(time.process_time() + cpu_seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (until, hard))


def _answer(connection: Connection, upload: UploadedFiles, limit: CostLimit) -> None:
    """Read an upload and send the recording or the error."""
    try:
        record = read(upload.parts, upload.hints, max_bytes=upload.max_bytes)
        record_codec.send_record(connection, record)
    except EcgError as error:
        record_codec.send_error(connection, error)
    except MemoryError:
        record_codec.send_error(connection, limit.memory_error())
    except Exception:  # noqa: BLE001 - the process's edge: a bug must cost this request only
        record_codec.send_bug(connection, traceback.format_exc())

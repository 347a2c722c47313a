"""The state that all processes share: arrays in shared memory.

Spawned workers receive the arrays when they start; forked HTTP processes inherit them. There are no
locks: at any time each cell has one writer, and reads and writes of aligned 8-byte values are
atomic on the platforms that PyTorch supports. The encoder reports are longer than that. Each is
written once, before its row's `ready`, and is read only for /health.
"""

from __future__ import annotations

import ctypes
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from model_store.manifest import Role
from server.ipc.current_work import CurrentWorkTable
from server.ipc.in_progress import InProgressTable
from server.ipc.messages import RecordingKey, Slot, Stage, Uid
from server.ipc.metric_table import MetricRow, MetricTable
from server.ipc.shared_memory import SharedMemory

UID_BITS: Final = 40  # for the requests of one HTTP process; the bits above are its number
REPORT_BYTES: Final = 4096  # three encoders, a sentence each, as JSON


class SharedState:
    """Tables of workers (one row each, signal workers first) and of requests in flight (slots).

    Written by the worker process of the row. A replacement starts after its predecessor has ended.
    pid            process id, 0 before the first process
    ready          1 once the process is set up
    starts         processes that the row has had, with the present one
    cannot_start   1 once setup failed for a reason that another attempt would meet again; the
                   next process resets it
    reports        what a model worker reports of its encoders, as JSON; empty until it is set up
    heartbeat_s    monotonic time of the last heartbeat
    busy_since_s   monotonic time at which the present piece of work began; 0 when idle
    in_progress    the recordings that the process works on
    work           the present piece of work of a signal worker
    received       messages received from the stage's queues, over all processes of the row; the
                   threads of a model worker share a lock for it
    items_sent     recordings sent to the model workers; signal workers only
    backlog_since_s  monotonic time since which the oldest recording that a model worker has
                   received waits for its device; 0 where none waits

    Written by the main process.
    killed_start   value of `starts` for the process that was killed because it hung; 0 for none
    draining       1 once the server accepts no more requests
    http_starts    HTTP processes that each place has had, with the present one

    Written by the process that the row belongs to.
    metrics        the counts of each process: the main process, the HTTP processes, the workers

    Written by the HTTP process that the cell belongs to, on its event loop.
    http_pid       process id; 0 before the first process is ready
    http_heartbeat_s  monotonic time of the event loop's last heartbeat
    last_uid       uid of the last request; a replacement continues from it, so that answers to
                   requests of its predecessor match none of its own
    tasks_sent     tasks sent to the signal workers
    slots          generation of the request in each slot, 0 when free; each HTTP process has
                   `slots_per_http_process` of them
    """

    def __init__(
        self,
        signal_workers: int,
        devices: Sequence[str],
        api_workers: int,
        slots_per_http_process: int,
    ) -> None:
        self.devices = tuple(devices)
        rows = signal_workers + len(devices)
        self.rows: dict[Stage, range] = {
            "signal": range(signal_workers),
            "model": range(signal_workers, rows),
        }
        memory = SharedMemory()
        self.pid = memory.array(ctypes.c_int64, rows)
        self.ready = memory.array(ctypes.c_int64, rows)
        self.starts = memory.array(ctypes.c_int64, rows)
        self.cannot_start = memory.array(ctypes.c_int64, rows)
        self.reports = {
            row: memory.array(ctypes.c_char, REPORT_BYTES) for row in self.rows["model"]
        }
        self.heartbeat_s = memory.array(ctypes.c_double, rows)
        self.busy_since_s = memory.array(ctypes.c_double, rows)
        self.in_progress = InProgressTable(memory, rows)
        self.work = CurrentWorkTable(memory, signal_workers)
        self.received = memory.array(ctypes.c_int64, rows)
        self.items_sent = memory.array(ctypes.c_int64, signal_workers)
        self.backlog_since_s = memory.array(ctypes.c_double, rows)
        self.killed_start = memory.array(ctypes.c_int64, rows)
        self.draining = memory.value(ctypes.c_int64)
        self.http_starts = memory.array(ctypes.c_int64, api_workers)
        self.http_pid = memory.array(ctypes.c_int64, api_workers)
        self.http_heartbeat_s = memory.array(ctypes.c_double, api_workers)
        self.last_uid = memory.array(ctypes.c_int64, api_workers)
        self.tasks_sent = memory.array(ctypes.c_int64, api_workers)
        self.slots_per_http_process = slots_per_http_process
        self.slots = memory.array(ctypes.c_uint64, slots_per_http_process * api_workers)
        self.metrics = MetricTable(memory, 1 + api_workers + rows)
        # Workers compare it with their parent's pid, to notice that the main process has ended.
        self.main_pid = os.getpid()
        self.started_s = time.monotonic()

    @property
    def main_metrics(self) -> MetricRow:
        return self.metrics.rows[0]

    def http_metrics(self, http_process: int) -> MetricRow:
        return self.metrics.rows[1 + http_process]

    def worker_metrics(self, row: int) -> MetricRow:
        return self.metrics.rows[1 + len(self.http_pid) + row]

    def place_of(self, stage: Stage, row: int) -> str:
        """Return the name of a worker's place, which its replacements keep: model-0."""
        return f"{stage}-{self.rows[stage].index(row)}"

    def set_encoder_report(self, row: int, encoders: Mapping[Role, dict[str, Any]]) -> None:
        """Store what only the model worker knows of each role's encoder.

        Raises ValueError for more than REPORT_BYTES.
        """
        self.reports[row].value = json.dumps(encoders).encode()

    def encoder_report(self, row: int) -> dict[str, dict[str, Any]]:
        return json.loads(self.reports[row].value or b"{}")  # type: ignore[no-any-return]

    def slots_of(self, http_process: int) -> range:
        """Return the indices of the slots of an HTTP process."""
        first = http_process * self.slots_per_http_process
        return range(first, first + self.slots_per_http_process)

    def free_slots(self, http_process: int) -> None:
        """Free all slots of an HTTP process that has ended."""
        for index in self.slots_of(http_process):
            self.slots[index] = 0

    def is_awaited(self, slot: Slot) -> bool:
        """Return whether an HTTP process still waits for the answer to this slot's request."""
        return bool(self.slots[slot.index] == slot.generation)

    def is_uid_awaited(self, uid: Uid) -> bool:
        """As `is_awaited`, for a message that does not name its slot."""
        slots = self.slots_of(self.http_process_of(uid))
        return uid in self.slots[slots.start : slots.stop]

    @staticmethod
    def http_process_of(uid: Uid) -> int:
        """Return the number of the HTTP process that gave a request its uid."""
        return uid >> UID_BITS

    def in_flight_count(self) -> int:
        return sum(1 for generation in self.slots if generation)

    def queue_depth(self, stage: Stage) -> int:
        """Return the number of messages that no worker of the stage has received yet."""
        sent = self.tasks_sent if stage == "signal" else self.items_sent
        received = sum(self.received[row] for row in self.rows[stage])
        # The counters are not read at one moment, so the difference may briefly be negative.
        return max(0, sum(sent) - received)

    def set_in_progress(self, row: int, keys: Sequence[RecordingKey]) -> None:
        """Replace the recordings that the calling worker works on."""
        self.in_progress.set(row, self.starts[row], keys)

    def in_progress_of_live_workers(self, stage: Stage) -> set[RecordingKey]:
        keys: set[RecordingKey] = set()
        for row in self.live_rows(stage):
            keys |= self.in_progress.of_process(self.rows[stage], self.pid[row])
        return keys

    def live_rows(self, stage: Stage) -> list[int]:
        """Return the rows whose process is set up and alive."""
        return [row for row in self.rows[stage] if self._is_live(row)]

    def _is_live(self, row: int) -> bool:
        was_killed = self.killed_start[row] == self.starts[row]
        return bool(self.ready[row]) and not was_killed and is_alive(self.pid[row])

    def has_started(self) -> bool:
        """Return whether every stage has had a worker that was ready, or that was replaced."""
        return all(
            any(self.ready[row] or self.starts[row] > 1 for row in rows)
            for rows in self.rows.values()
            if rows
        )

    def is_ready(self) -> bool:
        """Return whether every stage has a live worker."""
        return all(self.live_rows(stage) for stage, rows in self.rows.items() if rows)

    def http_restart_count(self) -> int:
        return sum(max(0, starts - 1) for starts in self.http_starts)

    def restart_count(self, stage: Stage) -> int:
        return sum(max(0, self.starts[row] - 1) for row in self.rows[stage])


def is_alive(pid: int) -> bool:
    """Return whether the process exists and is no zombie."""
    if pid <= 0:
        return False
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    # proc_pid_stat(5): the state follows the command in parentheses, which may contain any bytes.
    state = stat.rsplit(b")", 1)[1].split()[0]
    return state not in (b"Z", b"X")

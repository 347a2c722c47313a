"""What all processes share without asking anybody: arrays in shared memory, each cell written by one process.

Spawned workers get them when they are started, forked HTTP processes have them. Reads and writes of aligned
8-byte values are whole on the platforms that PyTorch runs on, so there are no locks.
"""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server.ipc.in_progress import InProgress
from server.ipc.messages import Key, Slot, Stage

REPORT_BYTES = (
    4096  # of what a model worker says of its encoders, as JSON: three encoders, a sentence each
)


class SharedState:
    """Tables over workers (rows, signal workers first) and over requests in flight (slots).

    pid            of the process in that row, 0 before the first
    ready          1 once that process is set up
    starts         how many processes this row has had
    failures       how many in a row ended before they were ready
    refused        1 once a process of that row could not be set up for a reason that another try would meet again
    reports        what a model worker says of its encoders, as JSON; empty until it is set up
    beat_s         monotonic time of its last sign of life
    busy_since_s   monotonic time since when it is at one thing; 0 when idle
    in_progress        what it is at
    taken          how many messages it has taken off its stage's queue
    tasks_sent     by each HTTP process to the signal workers
    items_sent     by each signal worker to the model workers
    slots          generation of the request in each slot, 0 when free
    draining       1 once the server takes in no more
    """

    def __init__(
        self,
        signal_workers: int,
        devices: Sequence[str],
        api_workers: int,
        slots_per_api_worker: int,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.devices = tuple(devices)
        rows = signal_workers + len(devices)
        self.rows: dict[Stage, range] = {
            "signal": range(signal_workers),
            "model": range(signal_workers, rows),
        }
        self.pid = context.RawArray(ctypes.c_int64, rows)
        self.ready = context.RawArray(ctypes.c_int64, rows)
        self.starts = context.RawArray(ctypes.c_int64, rows)
        self.failures = context.RawArray(ctypes.c_int64, rows)
        self.refused = context.RawArray(ctypes.c_int64, rows)
        self.reports = {
            row: context.RawArray(ctypes.c_char, REPORT_BYTES) for row in self.rows["model"]
        }
        self.beat_s = context.RawArray(ctypes.c_double, rows)
        self.busy_since_s = context.RawArray(ctypes.c_double, rows)
        self.in_progress = InProgress(rows)
        self.taken = context.RawArray(ctypes.c_int64, rows)
        self.tasks_sent = context.RawArray(ctypes.c_int64, api_workers)
        self.items_sent = context.RawArray(ctypes.c_int64, signal_workers)
        self.api_pid = context.RawArray(ctypes.c_int64, api_workers)
        self.slots_per_api_worker = slots_per_api_worker
        self.slots = context.RawArray(ctypes.c_uint64, slots_per_api_worker * api_workers)
        self.draining = context.RawValue(ctypes.c_int64, 0)
        self.main_pid = os.getpid()
        self.started_s = time.monotonic()

    def report(self, row: int, encoders: dict[str, dict[str, Any]]) -> None:
        """The model worker in that row says of each role's encoder what only it knows. Raises ValueError for more than REPORT_BYTES."""
        self.reports[row].value = json.dumps(encoders).encode()

    def reported(self, row: int) -> dict[str, dict[str, Any]]:
        return json.loads(self.reports[row].value or b"{}")  # type: ignore[no-any-return]

    def waits(self, slot: Slot) -> bool:
        """Whether somebody still waits for the request in this slot."""
        return bool(self.slots[slot.index] == slot.generation)

    def in_flight(self) -> int:
        return sum(1 for generation in self.slots if generation)

    def waiting(self, stage: Stage) -> int:
        """Messages that no worker of the stage has taken yet."""
        sent = self.tasks_sent if stage == "signal" else self.items_sent
        return max(0, sum(sent) - sum(self.taken[row] for row in self.rows[stage]))

    def begin(self, row: int, keys: Sequence[Key]) -> None:
        """The worker in that row is at these recordings from now on."""
        self.in_progress.begin(row, self.starts[row], keys)

    def in_progress_of_living(self, stage: Stage) -> set[Key]:
        rows = self.rows[stage]
        return {
            key for row in self.living(stage) for key in self.in_progress.of(rows, self.pid[row])
        }

    def living(self, stage: Stage) -> list[int]:
        """Rows whose process is set up and there."""
        return [row for row in self.rows[stage] if self.ready[row] and is_alive(self.pid[row])]

    def was_ready(self) -> bool:
        """Every stage has had a worker that was set up: the server has started."""
        return all(
            any(self.ready[row] or self.starts[row] > 1 for row in rows)
            for rows in self.rows.values()
            if rows
        )

    def is_ready(self) -> bool:
        return all(self.living(stage) for stage, rows in self.rows.items() if rows)

    def restarts(self, stage: Stage) -> int:
        return sum(max(0, self.starts[row] - 1) for row in self.rows[stage])


def is_alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    if pid <= 0:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()[0] not in (
            b"Z",
            b"X",
        )
    except OSError:
        return False

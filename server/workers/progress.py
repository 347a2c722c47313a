"""Whether the workers of a stage make progress, for /readyz and /health."""

from __future__ import annotations

import time
from typing import Final

from server.ipc.messages import Stage
from server.ipc.shared_state import SharedState

# Without progress for this long, a server is not ready for more work.
STALLED_AFTER_S: Final = 10.0


def stalled_stages(state: SharedState) -> dict[Stage, float]:
    """Return the stages without progress for more than STALLED_AFTER_S, and their seconds."""
    seconds = {stage: _stalled_s(state, stage) for stage in state.rows}
    return {stage: stuck_s for stage, stuck_s in seconds.items() if stuck_s > STALLED_AFTER_S}


def _stalled_s(state: SharedState, stage: Stage) -> float:
    """Return for how long no worker of a stage has made progress although work waits.

    It is 0 if one makes progress, or if none is alive, which SharedState.is_ready reports.
    """
    rows = state.live_rows(stage)
    stuck_s = min((max(_busy_s(state, row), _silent_s(state, row)) for row in rows), default=0.0)
    if stuck_s > STALLED_AFTER_S and not _work_waits(state, stage):
        # Long work that holds up nothing. A worker without a heartbeat is stuck even so.
        stuck_s = min(_silent_s(state, row) for row in rows)
    return stuck_s


def _busy_s(state: SharedState, row: int) -> float:
    """Return for how long a worker has been on one piece of work."""
    busy_since_s = state.busy_since_s[row]
    return time.monotonic() - busy_since_s if busy_since_s else 0.0


def _silent_s(state: SharedState, row: int) -> float:
    """Return for how long a worker has sent no heartbeat."""
    return time.monotonic() - state.heartbeat_s[row]


def _work_waits(state: SharedState, stage: Stage) -> bool:
    """Return whether a message waits for a stage, or any request that no worker works on.

    Workers receive more than they work on, so the queue alone does not tell.
    """
    if state.queue_depth(stage):
        return True
    in_progress = {uid for each in state.rows for uid, _ in state.in_progress_of_live_workers(each)}
    return any(generation and generation not in in_progress for generation in state.slots)

"""Whether the workers of a stage make progress, for /readyz and /health."""

from __future__ import annotations

import time
from typing import Final

from server.ipc.messages import Stage
from server.ipc.shared_state import SharedState

# Without progress for this long, a server is not ready for more work.
STALLED_AFTER_S: Final = 10.0


def _stalled_s(state: SharedState, stage: Stage) -> float:
    """Return for how long no worker of a stage has made progress although work waits.

    It is 0 if one makes progress, or if none is alive, which SharedState.is_ready reports.
    """
    rows = state.live_rows(stage)
    is_waited_for = state.queue_depth(stage) > 0
    return min((_stuck_s(state, row, is_waited_for) for row in rows), default=0.0)


def stalled_stages(state: SharedState) -> dict[Stage, float]:
    """Return the stages without progress for more than STALLED_AFTER_S, and their seconds."""
    seconds = {stage: _stalled_s(state, stage) for stage in state.rows}
    return {stage: stuck_s for stage, stuck_s in seconds.items() if stuck_s > STALLED_AFTER_S}


def _stuck_s(state: SharedState, row: int, is_waited_for: bool) -> float:
    """Return for how long a worker has been on one piece of work, or has sent no heartbeat."""
    now_s = time.monotonic()
    busy_since_s = state.busy_since_s[row]
    busy_s = now_s - busy_since_s if busy_since_s and is_waited_for else 0.0
    return max(busy_s, now_s - state.heartbeat_s[row])

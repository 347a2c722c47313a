"""The status of the server in /health, and a sentence for each reason why it is not `ok`."""

from __future__ import annotations

from typing import Literal

from server.ipc.messages import Stage
from server.ipc.shared_state import SharedState, is_alive
from server.live_metrics import queue_age_s
from server.workers.progress import stalled_stages
from server.workers.service import Service

Status = Literal["ok", "degraded", "starting", "draining"]


def status_of(service: Service) -> tuple[Status, list[str]]:
    """Return the status, and the reasons for it; `ok` has none."""
    if service.is_draining:
        return "draining", ["the server shuts down: it answers what is in flight, and no more"]
    missing = _missing_processes(service.state)
    if not service.state.has_started():
        return "starting", missing
    reasons = missing + _stalled_stages(service.state) + _stuck_queues(service)
    return ("degraded" if reasons else "ok"), reasons


def workers_report(state: SharedState) -> dict[str, dict[str, int]]:
    report = {
        "api": {
            "expected": len(state.http_pid),
            "alive": sum(is_alive(pid) for pid in state.http_pid),
            "restarts": state.http_restart_count(),
        }
    }
    for stage, rows in state.rows.items():
        report[stage] = {
            "expected": len(rows),
            "alive": len(state.live_rows(stage)),
            "restarts": state.restart_count(stage),
        }
    return report


def _missing_processes(state: SharedState) -> list[str]:
    """Return a sentence for each process that does not run."""
    reasons = []
    for number, pid in enumerate(state.http_pid):
        if pid <= 0:
            reasons.append(f"api-{number}: its process is being set up")
        elif not is_alive(pid):
            reasons.append(f"api-{number}: its process has ended and is being replaced")
    for stage, rows in state.rows.items():
        live_rows = state.live_rows(stage)
        reasons += [_reason_of_row(state, stage, row) for row in rows if row not in live_rows]
    return reasons


def _reason_of_row(state: SharedState, stage: Stage, row: int) -> str:
    place, starts = state.place_of(stage, row), int(state.starts[row])
    if not starts:
        return f"{place}: its process has not begun yet"
    if state.killed_start[row] == starts:
        return f"{place}: its process made no progress, was killed and is being replaced"
    if state.cannot_start[row]:
        return f"{place}: its encoders cannot be loaded; the log has the reason"
    if is_alive(state.pid[row]):
        return f"{place}: its process is being set up (start {starts})"
    return f"{place}: its process has ended and is being replaced (after start {starts})"


def _stalled_stages(state: SharedState) -> list[str]:
    return [
        f"{stage}: no worker has made progress for {seconds:.0f} s, and work waits"
        for stage, seconds in stalled_stages(state).items()
    ]


def _stuck_queues(service: Service) -> list[str]:
    """Return a sentence for each stage whose oldest recording has waited beyond a deadline.

    It can no longer be answered in time, unless it is long, and what follows it waits too.
    """
    limit_s = service.settings.request_timeout
    reasons = []
    for stage in service.state.rows:
        age_s = queue_age_s(service, stage)
        if age_s > limit_s:
            reasons.append(
                f"{stage}: the oldest recording has waited for {age_s:.0f} s; the limit of an "
                f"answer is {limit_s:g} s (ECG_REQUEST_TIMEOUT)"
            )
    return reasons

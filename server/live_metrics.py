"""Metrics that are read when /metrics is requested: from the shared tables, and from /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from server.ipc.messages import Stage
from server.ipc.shared_state import is_alive
from server.metric_families import FamilyCollector
from server.version import VERSION
from server.workers.service import Service

PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
# proc_pid_stat(5): fields after the command, from the state (field 3) on.
_UTIME, _STIME, _RSS_PAGES = 14 - 3, 15 - 3, 24 - 3

Readings = dict[tuple[str, ...], float]


@dataclass(frozen=True)
class _LiveFamily:
    """A family of metrics that no process counts. The name of a counter ends in _total.

    read  returns the value of each series, by the values of its labels
    """

    name: str
    documentation: str
    label_names: tuple[str, ...]
    read: Callable[[Service], Readings]

    @property
    def is_counter(self) -> bool:
        return self.name.endswith("_total")

    def metric(self, service: Service) -> GaugeMetricFamily | CounterMetricFamily:
        kind = CounterMetricFamily if self.is_counter else GaugeMetricFamily
        metric = kind(self.name, self.documentation, labels=self.label_names)
        for values, value in self.read(service).items():
            metric.add_metric(values, value)
        return metric


def _queue_depth(service: Service) -> Readings:
    state = service.state
    return {(stage,): state.queue_depth(stage) for stage in state.rows}


def _queue_age(service: Service) -> Readings:
    return {(stage,): queue_age_s(service, stage) for stage in service.state.rows}


def queue_age_s(service: Service, stage: Stage) -> float:
    """Return the seconds for which the oldest message of a stage has waited; 0 for none."""
    state = service.state
    sent_s = [channel.oldest_sent_s() for channel in service.queues.of_stage(stage)]
    sent_s += [state.backlog_since_s[row] or None for row in state.live_rows(stage)]
    oldest_s = min((value for value in sent_s if value is not None), default=None)
    return 0.0 if oldest_s is None else max(0.0, time.monotonic() - oldest_s)


def _in_flight(service: Service) -> Readings:
    return {(): service.state.in_flight_count()}


def _restarts(service: Service) -> Readings:
    state = service.state
    workers: Readings = {(stage,): state.restart_count(stage) for stage in state.rows}
    return {("api",): state.http_restart_count(), **workers}


def _expected_workers(service: Service) -> Readings:
    state = service.state
    workers: Readings = {(stage,): len(rows) for stage, rows in state.rows.items()}
    return {("api",): len(state.http_pid), **workers}


def _live_workers(service: Service) -> Readings:
    state = service.state
    workers: Readings = {(stage,): len(state.live_rows(stage)) for stage in state.rows}
    return {("api",): sum(is_alive(pid) for pid in state.http_pid), **workers}


def _pids(service: Service) -> dict[str, int]:
    """Return the process id of each place of a process that is taken."""
    state = service.state
    pids = {"main": state.main_pid}
    pids |= {f"api-{number}": int(pid) for number, pid in enumerate(state.http_pid)}
    for stage, rows in state.rows.items():
        pids |= {state.place_of(stage, row): int(state.pid[row]) for row in rows}
    return {place: pid for place, pid in pids.items() if pid > 0}


def _stat(pid: int) -> list[int] | None:
    """Return the numbers of /proc/PID/stat after the state, None if the process has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The state follows the command in parentheses, which may contain any bytes.
    return [0, *map(int, stat.rsplit(b")", 1)[1].split()[1:])]


def _resident_bytes(service: Service) -> Readings:
    stats = {place: _stat(pid) for place, pid in _pids(service).items()}
    return {(place,): PAGE_BYTES * stat[_RSS_PAGES] for place, stat in stats.items() if stat}


def _cpu_s(service: Service) -> Readings:
    stats = {place: _stat(pid) for place, pid in _pids(service).items()}
    return {
        (place,): (stat[_UTIME] + stat[_STIME]) / TICKS_PER_S
        for place, stat in stats.items()
        if stat
    }


def _limits(service: Service) -> Readings:
    return {(name,): float(value) for name, value in service.settings.limits().items()}


def _uptime(service: Service) -> Readings:
    return {(): time.monotonic() - service.state.started_s}


def _build(service: Service) -> Readings:
    return {(VERSION, service.deployment.chosen): 1.0}


LIVE_FAMILIES: Final = (
    _LiveFamily(
        "ecg_queue_depth", "Messages that no worker has received yet", ("stage",), _queue_depth
    ),
    _LiveFamily(
        "ecg_queue_age_seconds",
        "Time for which the oldest recording has waited for a worker or its device; 0 for none",
        ("stage",),
        _queue_age,
    ),
    _LiveFamily("ecg_in_flight", "Requests accepted and not answered yet", (), _in_flight),
    _LiveFamily("ecg_worker_restarts_total", "Processes that were replaced", ("stage",), _restarts),
    _LiveFamily(
        "ecg_workers_expected", "Processes that the settings ask for", ("stage",), _expected_workers
    ),
    _LiveFamily("ecg_workers_alive", "Processes that run, set up", ("stage",), _live_workers),
    _LiveFamily(
        "ecg_process_resident_bytes",
        "Resident memory of each process, shared pages included",
        ("process",),
        _resident_bytes,
    ),
    _LiveFamily(
        "ecg_process_cpu_seconds_total",
        "CPU time of each process, from 0 again after a restart",
        ("process",),
        _cpu_s,
    ),
    _LiveFamily("ecg_limit", "The limits of /health, by setting", ("setting",), _limits),
    _LiveFamily("ecg_uptime_seconds", "Time since the server was started", (), _uptime),
    _LiveFamily(
        "ecg_build_info", "1, with the server's version and its model", ("version", "model"), _build
    ),
)


class _LiveCollector:
    """Gives prometheus_client the values of one request for /metrics."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        return (family.metric(self._service) for family in LIVE_FAMILIES)


def exposition(service: Service) -> bytes:
    """Return all metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(FamilyCollector(service.state.metrics))
    registry.register(_LiveCollector(service))
    return generate_latest(registry)

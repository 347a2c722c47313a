"""What /metrics reads for each scrape: queues, processes and limits."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from server.ipc.messages import Stage
from server.live_metrics import exposition
from tests.server.in_process import QUEUES, InProcessServer

promtool = shutil.which("promtool")
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: str) -> Series:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InProcessServer]:
    server = InProcessServer(tmp_path)
    server.state.http_pid[0] = os.getpid()
    for row in (0, 1):
        server.set_worker(row, os.getpid())
    yield server
    for stage in server.state.rows:
        for channel in QUEUES.of_stage(stage):
            while channel.try_receive() is not None:
                pass


def read(server: InProcessServer, name: str, **labels: str) -> float:
    series = parsed(exposition(server.service).decode())
    return series[name, frozenset(labels.items())]


@pytest.mark.parametrize(
    ("stage", "queue"), [("signal", 0), ("signal", 1), ("model", 0), ("model", 1)]
)
def test_the_age_is_that_of_the_oldest_message(
    server: InProcessServer, stage: Stage, queue: int
) -> None:
    assert read(server, "ecg_queue_age_seconds", stage=stage) == 0
    channel = QUEUES.of_stage(stage)[queue]
    before_s = time.monotonic()
    channel.send("first")
    after_s = time.monotonic()
    time.sleep(0.05)
    channel.send("second")
    asked_s = time.monotonic()
    age_s = read(server, "ecg_queue_age_seconds", stage=stage)
    assert asked_s - after_s <= age_s <= time.monotonic() - before_s
    channel.receive()
    assert read(server, "ecg_queue_age_seconds", stage=stage) <= time.monotonic() - after_s - 0.05


def test_what_waits_for_a_device_counts_for_the_age(tmp_path: Path) -> None:
    server = InProcessServer(tmp_path)
    server.set_worker(0, os.getpid())
    # Any worker that is alive; only model workers write the cell.
    server.state.backlog_since_s[0] = time.monotonic() - 7
    assert 7 <= read(server, "ecg_queue_age_seconds", stage="signal") < 60
    server.state.pid[0] = 0
    assert read(server, "ecg_queue_age_seconds", stage="signal") == 0


def test_processes_have_their_memory_and_cpu_time(server: InProcessServer) -> None:
    process = psutil.Process()
    for place in ("main", "api-0", "signal-0", "signal-1"):
        resident_bytes = read(server, "ecg_process_resident_bytes", process=place)
        assert resident_bytes == pytest.approx(process.memory_info().rss, rel=0.2)
        cpu_s = read(server, "ecg_process_cpu_seconds_total", process=place)
        # In hundredths of a second; this process worked on between the two readings.
        assert cpu_s == pytest.approx(sum(process.cpu_times()[:2]), abs=5, rel=0.2)
    server.state.pid[1] = 0
    with pytest.raises(KeyError):
        read(server, "ecg_process_resident_bytes", process="signal-1")


def test_workers_that_are_missing_show(server: InProcessServer) -> None:
    server.state.pid[1] = 0
    assert read(server, "ecg_workers_expected", stage="signal") == 2
    assert read(server, "ecg_workers_alive", stage="signal") == 1
    assert read(server, "ecg_workers_alive", stage="api") == 1


def test_limits_restarts_and_places_are_those_of_health(server: InProcessServer) -> None:
    health = server.request("GET", "/health").json()
    for setting, value in health["limits"].items():
        assert read(server, "ecg_limit", setting=setting) == value
    slot = server.in_flight.reserve()
    assert slot is not None
    assert read(server, "ecg_in_flight") == 1
    server.in_flight.release(slot)
    server.set_worker(1, os.getpid())
    assert read(server, "ecg_worker_restarts_total", stage="signal") == 1


@pytest.mark.skipif(promtool is None, reason="PROMTOOL NOT FOUND: install Debian's prometheus")
def test_prometheus_own_linter_finds_nothing(server: InProcessServer) -> None:
    command = [promtool or "", "check", "metrics"]
    checked = subprocess.run(
        command, input=exposition(server.service), capture_output=True, timeout=60, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")

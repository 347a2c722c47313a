"""What processes count together is what they counted each, and reads as prometheus_client's own."""

from __future__ import annotations

import logging
import multiprocessing
import re
import threading
from collections.abc import Iterator

import prometheus_client
import pytest

from server import metric_families, metrics
from server.ipc.metric_table import CELLS, DIRECTORY_BYTES, MetricTable
from server.ipc.shared_memory import SharedMemory
from server.metric_families import Counter, FamilyCollector, Histogram, count_into

HITS = Counter("test_hits", "Hits, by place", "place", "code")
SECONDS = Histogram("test_seconds", "Seconds, by place", (0.1, 1, 10), "place")
PLAIN = Counter("test_plain", "Without labels")


@pytest.fixture
def table() -> Iterator[MetricTable]:
    table = MetricTable(SharedMemory(), 3)
    yield table
    count_into(MetricTable(SharedMemory(), 1).rows[0])


def text(table: MetricTable) -> str:
    registry = prometheus_client.CollectorRegistry(auto_describe=False)
    registry.register(FamilyCollector(table))
    return prometheus_client.generate_latest(registry).decode()


def value(table: MetricTable, series: str) -> float | None:
    found = re.search(rf"^{re.escape(series)} (\S+)$", text(table), re.MULTILINE)
    return float(found[1]) if found else None


def _count(table: MetricTable, row: int, times: int) -> None:
    count_into(table.rows[row])
    for _ in range(times):
        HITS.labels("a", "").inc()
        SECONDS.labels("a").observe(0.5)
    HITS.labels(f"only {row}", "x").inc(0.25)


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_the_counts_of_all_processes_are_added(table: MetricTable, method: str) -> None:
    context = multiprocessing.get_context(method)
    for row, times in ((0, 3), (1, 4), (2, 5)):
        child = context.Process(target=_count, args=(table, row, times))  # type: ignore[attr-defined]
        child.start()
        child.join()
        assert child.exitcode == 0
    assert value(table, 'test_hits_total{code="",place="a"}') == 12
    assert value(table, 'test_seconds_count{place="a"}') == 12
    assert value(table, 'test_seconds_sum{place="a"}') == 6
    for row in range(3):
        assert value(table, f'test_hits_total{{code="x",place="only {row}"}}') == 0.25


def test_the_text_is_the_one_of_prometheus_client(table: MetricTable) -> None:
    """The same observations through the library's own classes."""
    count_into(table.rows[1])
    registry = prometheus_client.CollectorRegistry()
    hits = prometheus_client.Counter(
        "test_hits", "Hits, by place", ["place", "code"], registry=registry
    )
    seconds = prometheus_client.Histogram(
        "test_seconds", "Seconds, by place", ["place"], buckets=(0.1, 1, 10), registry=registry
    )
    for place, amount in (("a", 1.0), ('b"\\\n', 2.5), ("µ", 0.0)):
        HITS.labels(place, "1").inc(amount)
        hits.labels(place, "1").inc(amount)
    # Each bound belongs to its bucket.
    for observed in (0.0, 0.1, 0.11, 1.0, 10.0, 10.5, 1e9):
        SECONDS.labels("a").observe(observed)
        seconds.labels("a").observe(observed)
    expected = prometheus_client.generate_latest(registry).decode()
    created = re.compile(r"^(# \w+ )?test_\w+_created\b")
    lines = [line for line in expected.splitlines() if not created.match(line)]
    found = text(table).splitlines()
    assert [line for line in found if line in lines] == lines


def test_a_replacement_continues_the_counts_of_its_predecessor(table: MetricTable) -> None:
    _count(table, 1, 7)
    _count(table, 1, 2)
    assert value(table, 'test_hits_total{code="",place="a"}') == 9
    assert value(table, 'test_hits_total{code="x",place="only 1"}') == 0.5


def test_a_family_without_labels_is_0_before_it_is_used(table: MetricTable) -> None:
    assert value(table, "test_plain_total") == 0
    count_into(table.rows[0])
    PLAIN.inc()
    assert value(table, "test_plain_total") == 1
    assert value(table, 'test_hits_total{code="",place="a"}') is None


def test_threads_of_a_process_lose_no_count(table: MetricTable) -> None:
    count_into(table.rows[0])
    threads = [
        threading.Thread(target=lambda: [PLAIN.inc() for _ in range(20_000)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(table, "test_plain_total") == 80_000


@pytest.mark.parametrize("full", ["directory", "cells"])
def test_a_full_row_counts_on_what_it_has_and_says_so_once(
    table: MetricTable, full: str, caplog: pytest.LogCaptureFixture
) -> None:
    count_into(table.rows[0])
    PLAIN.inc()
    count = 0
    if full == "directory":
        while count * 1000 < DIRECTORY_BYTES + 5000:
            HITS.labels("x" * 1000, str(count)).inc()
            count += 1
    else:
        while count * 5 < CELLS + 50:
            SECONDS.labels(str(count)).observe(1)
            count += 1
    PLAIN.inc()
    assert value(table, "test_plain_total") == 2
    assert len([entry for entry in caplog.records if entry.levelno >= logging.ERROR]) == 1
    assert len(list(table.rows[0].series())) < count


def test_families_are_defined_once() -> None:
    with pytest.raises(AssertionError, match="twice"):
        Counter("test_hits", "again")
    with pytest.raises(AssertionError, match="labels of test_hits"):
        HITS.labels("one only")
    assert metrics.REQUESTS.name in metric_families._FAMILIES

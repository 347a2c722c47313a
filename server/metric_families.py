"""Counters and histograms that all processes of the server count together.

    RETRIED = Counter("ecg_retried", "Recordings repeated after a worker was lost", "stage")
    RETRIED.labels("signal").inc()
    BATCH = Histogram("ecg_batch_segments", "Segments in one batch", COUNTS)
    BATCH.observe(12)

A family is defined once, when its module is imported; that one line is all that a new one needs.
Its series appear on their first use. The values of labels must come from a small, fixed set
(routes, codes, stages), as every value is a series of its own in every process, for good.

`count_into` names the process's row of the shared table. What is counted before it, or without a
server, is counted in memory of the process's own.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from server.ipc.metric_table import MetricRow, MetricTable, SeriesKey
from server.ipc.shared_memory import SharedMemory

logger = logging.getLogger("ecg.metrics")

_NO_CELLS: Final = -1
_FAMILIES: Final[dict[str, _Family]] = {}


class _Writer:
    """This process's row. The lock is for its threads: `+=` on a cell is not atomic."""

    def __init__(self, row: MetricRow) -> None:
        self.row = row
        self.cells = row.cells
        self.lock = threading.Lock()
        self._starts = {key: (start, count) for key, start, count in row.series()}
        self._end = sum(count for _, count in self._starts.values())
        self._is_full = False

    def start_of(self, key: SeriesKey, count: int) -> int:
        """Return the first cell of a series; _NO_CELLS where the row has no room for it."""
        if key in self._starts:
            return self._starts[key][0]
        start = self._end
        if not self.row.add(key, start, count):
            if not self._is_full:
                logger.error("the row of metrics is full: %s is not counted", key)
            self._is_full = True
            return _NO_CELLS
        self._starts[key] = (start, count)
        self._end += count
        return start


class _Process:
    writer = _Writer(MetricTable(SharedMemory(), 1).rows[0])


def count_into(row: MetricRow) -> None:
    """Let this process count in a row of the shared table; it continues the row's counts."""
    _Process.writer = _Writer(row)


class _Series:
    """The cells of one combination of labels, found when it is first used."""

    def __init__(self, family: _Family, values: Sequence[str]) -> None:
        self._key = (family.name, *values)
        self._count = family.cells_per_series
        self._writer: _Writer | None = None
        self._start = _NO_CELLS

    def _add(self, cell: int, amount: float, sum_cell: int, value: float) -> None:
        """Add `amount` to one cell, and `value` to another."""
        writer = _Process.writer
        with writer.lock:
            if self._writer is not writer:
                self._start = writer.start_of(self._key, self._count)
                self._writer = writer
            if self._start == _NO_CELLS:
                return
            writer.cells[self._start + cell] += amount
            if value:
                writer.cells[self._start + sum_cell] += value


class _Family(ABC):
    cells_per_series = 1

    def __init__(self, name: str, documentation: str, *label_names: str) -> None:
        assert name not in _FAMILIES, f"{name} is defined twice. This is a bug."
        self.name = name
        self.documentation = documentation
        self.label_names = label_names
        _FAMILIES[name] = self

    def _check(self, values: Sequence[str]) -> None:
        assert len(values) == len(self.label_names), f"labels of {self.name}. This is a bug."

    @abstractmethod
    def metric(self, series: dict[tuple[str, ...], list[float]]) -> Metric:
        """Return the family in prometheus_client's form; `series` by their labels' values."""


def families() -> tuple[_Family, ...]:
    """Return the families of all modules that were imported, by their names."""
    return tuple(_FAMILIES[name] for name in sorted(_FAMILIES))


class Counter(_Family):
    """A number that only grows. Its name in /metrics ends in _total."""

    def __init__(self, name: str, documentation: str, *label_names: str) -> None:
        super().__init__(name, documentation, *label_names)
        self._series: dict[tuple[str, ...], _CounterSeries] = {}

    def labels(self, *values: str) -> _CounterSeries:
        series = self._series.get(values)
        if series is None:
            self._check(values)
            series = self._series[values] = _CounterSeries(self, values)
        return series

    def inc(self, amount: float = 1.0) -> None:
        self.labels().inc(amount)

    def metric(self, series: dict[tuple[str, ...], list[float]]) -> Metric:
        metric = CounterMetricFamily(self.name, self.documentation, labels=self.label_names)
        for values, (total,) in series.items():
            metric.add_metric(values, total)
        return metric


class _CounterSeries(_Series):
    def inc(self, amount: float = 1.0) -> None:
        self._add(0, amount, 0, 0.0)


class Histogram(_Family):
    """The number of values up to each bound, and their sum.

    A series has a cell for each bucket, one for the values above the last bound, and the sum.
    """

    def __init__(
        self, name: str, documentation: str, bounds: Sequence[float], *label_names: str
    ) -> None:
        super().__init__(name, documentation, *label_names)
        self.bounds = tuple(bounds)
        self.cells_per_series = len(self.bounds) + 2
        self._series: dict[tuple[str, ...], _HistogramSeries] = {}

    def labels(self, *values: str) -> _HistogramSeries:
        series = self._series.get(values)
        if series is None:
            self._check(values)
            series = self._series[values] = _HistogramSeries(self, values)
        return series

    def observe(self, value: float) -> None:
        self.labels().observe(value)

    def metric(self, series: dict[tuple[str, ...], list[float]]) -> Metric:
        metric = HistogramMetricFamily(self.name, self.documentation, labels=self.label_names)
        names = [*(str(float(bound)) for bound in self.bounds), "+Inf"]
        for values, (*counts, total) in series.items():
            buckets: list[tuple[str, float]] = []
            for name, count in zip(names, counts, strict=True):
                below = buckets[-1][1] if buckets else 0.0
                buckets.append((name, below + count))
            metric.add_metric(values, buckets, total)
        return metric


class _HistogramSeries(_Series):
    def __init__(self, family: Histogram, values: Sequence[str]) -> None:
        super().__init__(family, values)
        self._bounds = family.bounds

    def observe(self, value: float) -> None:
        self._add(bisect_left(self._bounds, value), 1.0, len(self._bounds) + 1, value)


class FamilyCollector:
    """Gives prometheus_client the sums over all processes."""

    def __init__(self, table: MetricTable) -> None:
        self._table = table

    def collect(self) -> Iterator[Metric]:
        totals = self._table.totals()
        for family in _FAMILIES.values():
            series = {key[1:]: cells for key, cells in totals.items() if key[0] == family.name}
            if not family.label_names and not series:
                series = {(): [0.0] * family.cells_per_series}
            yield family.metric(series)

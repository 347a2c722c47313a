"""GET /metrics: what this process has counted, and what the database has, for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import Response

from station.ingest.intake import Intake
from station.metrics.counting import Requests
from station.metrics.figures import Figures, OutletFigures, read_figures
from station.settings import Settings
from station.store.engine import FAILURES
from station.times import SECOND_MS, now_ms
from station.web.events import EventsRoute

Readings = Mapping[tuple[str, ...], float]


@dataclass(frozen=True)
class Counted:
    """What one process counts, for as long as it runs."""

    settings: Settings
    requests: Requests
    writer: Intake
    events: EventsRoute


@dataclass(frozen=True)
class _Moment:
    """What the values of one request are read from. figures: None while the database fails."""

    counted: Counted
    figures: Figures | None


@dataclass(frozen=True)
class _Family:
    """Some series with one name. The name of a counter ends in _total.

    read  returns the value of each series, by the values of its labels
    """

    name: str
    documentation: str
    labels: tuple[str, ...]
    read: Callable[[_Moment], Readings]

    def metric(self, moment: _Moment) -> GaugeMetricFamily | CounterMetricFamily:
        kind = CounterMetricFamily if self.name.endswith("_total") else GaugeMetricFamily
        metric = kind(self.name, self.documentation, labels=self.labels)
        for values, value in self.read(moment).items():
            metric.add_metric(values, value)
        return metric


def _stored(use: Callable[[Figures], Readings]) -> Callable[[_Moment], Readings]:
    """Return a reader of the database's figures; without them a family has no series."""
    return lambda moment: {} if moment.figures is None else use(moment.figures)


def _of_outlets(use: Callable[[OutletFigures], float]) -> Callable[[_Moment], Readings]:
    return _stored(
        lambda figures: {(name,): use(outlet) for name, outlet in figures.outlets.items()}
    )


def _watch_age(figures: Figures) -> Readings:
    return {} if figures.heartbeat_age_s is None else {(): figures.heartbeat_age_s}


def _limits(moment: _Moment) -> Readings:
    settings = moment.counted.settings
    names = ("max_waiting", "max_event_clients", "deliver_within")
    return {(name,): float(getattr(settings, name)) for name in names}


FAMILIES: Final = (
    _Family(
        "station_requests_total",
        "Answers by route and status; `other` for unknown paths",
        ("route", "status"),
        lambda moment: moment.counted.requests.copy(),
    ),
    _Family(
        "station_records_total",
        "Records by outcome, from all ways in",
        ("outcome",),
        lambda moment: {(name,): number for name, number in moment.counted.writer.counts.items()},
    ),
    _Family(
        "station_waiting_records",
        "Records that wait to be stored",
        (),
        lambda moment: {(): moment.counted.writer.waiting},
    ),
    _Family(
        "station_event_clients",
        "Clients that listen to events",
        (),
        lambda moment: {(): moment.counted.events.clients},
    ),
    _Family("station_limit", "Limits, by setting", ("setting",), _limits),
    _Family(
        "station_database_up",
        "1 where the database has answered this request, else 0",
        (),
        lambda moment: {(): moment.figures is not None},
    ),
    _Family(
        "station_watch_age_seconds",
        "Time since the watch last wrote, which it does every second",
        (),
        _stored(_watch_age),
    ),
    _Family(
        "station_watch_behind_records",
        "Records, or messages of a topic, that the watch has not processed",
        (),
        _stored(lambda figures: {(): figures.behind}),
    ),
    _Family(
        "station_streams",
        "Active streams; stale are those without records for STATION_STALE",
        ("state",),
        _stored(lambda figures: {(state,): number for state, number in figures.streams.items()}),
    ),
    _Family(
        "station_alarms",
        "Alarms that are not resolved",
        ("priority", "state"),
        _stored(lambda figures: figures.alarms),
    ),
    _Family(
        "station_labels_up",
        "1 while the inference server answers, else 0; absent where nobody asks for labels",
        (),
        _stored(lambda figures: {} if figures.labels is None else {(): figures.labels}),
    ),
    _Family(
        "station_outlet_sent_total",
        "Steps of alarms that an outlet has delivered",
        ("outlet",),
        _of_outlets(lambda outlet: outlet.sent),
    ),
    _Family(
        "station_outlet_waiting",
        "Steps of alarms that an outlet has to deliver",
        ("outlet",),
        _of_outlets(lambda outlet: outlet.waiting),
    ),
    _Family(
        "station_outlet_oldest_seconds",
        "Age of the oldest step that an outlet has to deliver; 0 for none",
        ("outlet",),
        _of_outlets(lambda outlet: outlet.oldest_s),
    ),
    _Family(
        "station_outlet_dead",
        "Steps of alarms that an outlet has given up",
        ("outlet",),
        _of_outlets(lambda outlet: outlet.dead),
    ),
)


class MetricsRoute:
    def __init__(self, engine: Engine, counted: Counted) -> None:
        self._engine, self._counted = engine, counted
        self._stale_ms = round(counted.settings.stale * SECOND_MS)

    async def metrics(self, request: Request) -> Response:
        """Return all metrics in Prometheus' text format, also while the database fails."""
        content = await asyncio.to_thread(self._exposition)
        return Response(content, media_type=CONTENT_TYPE_LATEST)

    def _exposition(self) -> bytes:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(_Moment(self._counted, self._figures())))
        ProcessCollector(registry=registry)
        return generate_latest(registry)

    def _figures(self) -> Figures | None:
        try:
            with self._engine.connect() as connection:
                return read_figures(connection, now_ms=now_ms(), stale_ms=self._stale_ms)
        except FAILURES:
            return None


class _Collector:
    """Gives prometheus_client the values of one request."""

    def __init__(self, moment: _Moment) -> None:
        self._moment = moment

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        return (family.metric(self._moment) for family in FAMILIES)

"""What was found in a patient's streams: beats, windows, gaps, problems of beat records, trends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, Table
from starlette.requests import Request
from starlette.responses import Response

from errors import BadOption
from station.store.archive.files import is_archived
from station.store.beat_records import list_problems
from station.store.external.labels import WINDOW_LABELS
from station.store.pages import Page
from station.store.tables import AnyRow
from station.store.trends import WINDOW_MS, trend
from station.store.watched import BEATS, GAPS, WINDOWS, listed
from station.times import DAY_MS
from station.watch.outputs import BEAT_CLASSES
from station.web.answers import json_answer
from station.web.queries import cursor_numbers, integer, name_of_path, newest_first, page_rows
from station.web.reading import patient_id, read

_COUNTS: Final = {label: f"beats_{label.lower()}" for label in BEAT_CLASSES}
# A day of windows is read in a few milliseconds; see docs/station.md.
MAX_TREND_MS: Final = 7 * DAY_MS
MAX_BINS: Final = 1000
List = Callable[..., Page[AnyRow]]


class FindingsRoutes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def beats(self, request: Request) -> Response:
        """List the beats in [from_ms, to_ms)."""
        return await self._list(request, "beats", _of(BEATS), _beat)

    async def windows(self, request: Request) -> Response:
        """List the windows that begin in [from_ms, to_ms)."""
        return await self._list(request, "windows", _of(WINDOWS), _window)

    async def gaps(self, request: Request) -> Response:
        """List the gaps that begin in [from_ms, to_ms)."""
        return await self._list(request, "gaps", _of(GAPS), _gap)

    async def labels(self, request: Request) -> Response:
        """List the labels of windows that begin in [from_ms, to_ms)."""
        return await self._list(request, "labels", _of(WINDOW_LABELS), _labels)

    async def problems(self, request: Request) -> Response:
        """List the records of beats in [from_ms, to_ms) that are not normal."""
        return await self._list(request, "problems", list_problems, _problem)

    async def trends(self, request: Request) -> Response:
        """Return heart rate and beats by class in bins of `bin_ms` from `from_ms` on."""
        patient = name_of_path(request)
        from_ms, to_ms = integer(request, "from_ms"), integer(request, "to_ms")
        bin_ms = integer(request, "bin_ms", lowest=WINDOW_MS)
        _check_bins(to_ms - from_ms, bin_ms)

        def use(connection: Connection) -> dict[str, Any]:
            rows = trend(
                connection,
                patient_id(connection, patient),
                from_ms=from_ms,
                to_ms=to_ms,
                bin_ms=bin_ms,
            )
            return {
                "trends": [_bin(source, row, from_ms, bin_ms) for source, row in rows],
                "archived": is_archived(connection, WINDOWS.name, from_ms=from_ms, to_ms=to_ms),
            }

        return json_answer(await read(self._engine, use))

    async def _list(
        self, request: Request, name: str, rows_of: List, shown: Callable[[AnyRow], dict[str, Any]]
    ) -> Response:
        patient = name_of_path(request)
        from_ms, to_ms = integer(request, "from_ms"), integer(request, "to_ms")
        after = cursor_numbers(request, 2)
        limit, newest = page_rows(request), newest_first(request)

        def use(connection: Connection) -> tuple[Page[AnyRow], bool]:
            page = rows_of(
                connection,
                patient_id(connection, patient),
                from_ms=from_ms,
                to_ms=to_ms,
                after=after,
                limit=limit,
                newest_first=newest,
            )
            return page, is_archived(connection, name, from_ms=from_ms, to_ms=to_ms)

        page, archived = await read(self._engine, use)
        rows = list(map(shown, page.rows))
        return json_answer({name: rows, "cursor": page.cursor, "archived": archived})


def _of(table: Table) -> List:
    def rows_of(connection: Connection, patient: int, **options: Any) -> Page[AnyRow]:
        return listed(connection, table, patient, **options)

    return rows_of


def _check_bins(span_ms: int, bin_ms: int) -> None:
    """Raises BadOption."""
    if span_ms > MAX_TREND_MS:
        raise BadOption(
            f"to_ms: {span_ms} ms after from_ms; {MAX_TREND_MS} are allowed", loc=("query", "to_ms")
        )
    if span_ms > MAX_BINS * bin_ms:
        raise BadOption(
            f"bin_ms: {bin_ms} gives more than {MAX_BINS} bins", loc=("query", "bin_ms")
        )


def _bin(source: str, row: AnyRow, from_ms: int, bin_ms: int) -> dict[str, Any]:
    return {
        "source": source,
        "start_ms": from_ms + row.place * bin_ms,
        "known_ms": round(row.known_ms),
        "rate_low": row.rate_low,
        "rate_mean": row.rate_mean,
        "rate_high": row.rate_high,
        "beats": {label: getattr(row, name) for label, name in _COUNTS.items()},
        "irregular": row.irregular / row.judged if row.judged else None,
    }


def _beat(row: AnyRow) -> dict[str, Any]:
    return {
        "source": row.source,
        "at_ms": row.at_ms,
        "class": row.label,
        "probability": row.probability,
        "interval_ms": row.interval_ms,
    }


def _window(row: AnyRow) -> dict[str, Any]:
    return {
        "source": row.source,
        "start_ms": row.start_ms,
        "end_ms": row.end_ms,
        "known": row.known,
        "rate_per_min": row.rate_per_min,
        "beats": {label: getattr(row, name) for label, name in _COUNTS.items()},
        "irregular": row.irregular,
    }


def _gap(row: AnyRow) -> dict[str, Any]:
    return {"source": row.source, "start_ms": row.start_ms, "end_ms": row.end_ms}


def _labels(row: AnyRow) -> dict[str, Any]:
    return {
        "source": row.source,
        "start_ms": row.start_ms,
        "end_ms": row.end_ms,
        "model": row.model,
        "version": row.version,
        "labels": None if row.labels is None else orjson.loads(row.labels),
        "reason": row.reason,
    }


def _problem(row: AnyRow) -> dict[str, Any]:
    return {
        "source": row.source,
        "record": row.record,
        "at_ms": row.at_ms,
        "class": row.label,
        "probability": row.probability,
    }

"""Patients: their list, one with its details, changes, and imports."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import Response

from errors import BadOption, NotFound, TooManyRecords, UnsupportedMediaType
from station.patients.csv_form import rows_of_csv
from station.patients.fhir_form import rows_of_bundle, rows_of_ndjson
from station.patients.importing import import_rows
from station.patients.merge import Fault, Row, merge
from station.patients.rules import DETAILS, Details, fault_of
from station.store.engine import writing
from station.store.pages import Page
from station.store.patients import add_patients, list_patients, patient_named
from station.store.tables import AnyRow
from station.times import now_ms
from station.web.answers import json_answer
from station.web.bodies import Bodies
from station.web.json_bodies import Name, json_body
from station.web.places import Places
from station.web.queries import cursor_numbers, name_of_path, page_rows
from station.web.uploads import read_in_thread

CREATED: Final = 201
CSV: Final = "text/csv"
BUNDLE: Final = "application/fhir+json"
NDJSON: Final = ("application/fhir+ndjson", "application/x-ndjson")
# Of an answer. The numbers of rows count all of them.
MAX_FAULTS: Final = 10_000


class _NewPatients(BaseModel):
    model_config = ConfigDict(extra="forbid")

    names: list[Name] = Field(min_length=1, fail_fast=True)


class _Change(BaseModel):
    """Only what is sent is changed; null clears what may be absent."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sex: str = ""
    birth_year: int | None = None
    notes: str = ""
    rate_low: int | None = None
    rate_high: int | None = None


assert tuple(_Change.model_fields) == DETAILS


class PatientRoutes:
    def __init__(
        self, engine: Engine, bodies: Bodies, max_records: int, piece_timeout_s: float
    ) -> None:
        self._engine = engine
        self._bodies = bodies
        self._max_records = max_records
        self._piece_timeout_s = piece_timeout_s
        # A second import would only wait for the first one's transactions.
        self._imports = Places(at_once=1, waiting=0)

    async def list(self, request: Request) -> Response:
        """Return patients in the order of their registration."""
        (after,) = cursor_numbers(request, 1) or (0,)
        limit = page_rows(request)

        def read() -> Page[AnyRow]:
            with self._engine.connect() as connection:
                return list_patients(connection, after=after, limit=limit)

        page = await asyncio.to_thread(read)
        rows = [_shown(row) for row in page.rows]
        return json_answer({"patients": rows, "cursor": page.cursor})

    async def one(self, request: Request) -> Response:
        name = name_of_path(request)

        def read() -> AnyRow | None:
            with self._engine.connect() as connection:
                return patient_named(connection, name)

        return json_answer(_shown(await asyncio.to_thread(read)))

    async def add(self, request: Request) -> Response:
        """Register patients by their names; those that are registered stay as they are."""
        new = await json_body(request, self._bodies, _NewPatients)
        if len(new.names) > self._max_records:
            raise TooManyRecords(f"names: {len(new.names)}; {self._max_records} are allowed")

        def add() -> int:
            with writing(self._engine) as connection:
                return add_patients(connection, new.names, now_ms())

        return json_answer({"registered": await asyncio.to_thread(add)}, CREATED)

    async def change(self, request: Request) -> Response:
        """Change the details that are sent, and return the patient."""
        name = name_of_path(request)
        sent = await json_body(request, self._bodies, _Change)
        details = cast(Details, sent.model_dump(exclude_unset=True))
        _check(fault_of(details))

        def change() -> AnyRow | None:
            with writing(self._engine) as connection:
                if patient_named(connection, name) is None:
                    return None
                for fault in merge(connection, [Row(1, name, details)], now_ms()).faults:
                    _check(fault.reason)
                return patient_named(connection, name)

        return json_answer(_shown(await asyncio.to_thread(change)))

    async def import_all(self, request: Request) -> Response:
        """Add and change patients of a file; say which rows are refused, and why."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        system = request.query_params.get("system")
        async with self._imports.place():
            if media_type == BUNDLE:
                async with self._bodies.body_of(request) as content:
                    answer = await asyncio.to_thread(
                        lambda: self._import(rows_of_bundle(content, system), "entry")
                    )
            elif media_type == CSV or media_type in NDJSON:

                def read(pieces: Iterator[bytes]) -> dict[str, Any]:
                    is_csv = media_type == CSV
                    rows = rows_of_csv(pieces) if is_csv else rows_of_ndjson(pieces, system)
                    return self._import(rows, "line")

                answer = await read_in_thread(request, self._piece_timeout_s, read)
            else:
                allowed = ", ".join((CSV, BUNDLE, *NDJSON))
                raise UnsupportedMediaType(f"Content-Type: allowed are {allowed}")
        return json_answer(answer)

    def _import(self, rows: Iterable[Row | Fault], place: str) -> dict[str, Any]:
        faults: list[dict[str, Any]] = []

        def report(fault: Fault) -> None:
            if len(faults) < MAX_FAULTS:
                faults.append({place: fault.place, "reason": fault.reason})

        counts = import_rows(self._engine, rows, report)
        return {**asdict(counts), "faults": faults}


def _check(fault: str | None) -> None:
    """Raises BadOption for a fault, which begins with its field."""
    if fault is not None:
        raise BadOption(fault, loc=(fault.partition(":")[0],))


def _shown(row: AnyRow | None) -> dict[str, Any]:
    """Return what is shown of a patient. Raises NotFound."""
    if row is None:
        raise NotFound("no patient with this name is registered")
    return {name: getattr(row, name) for name in ("name", *DETAILS, "created_ms", "changed_ms")}

"""Reports of a patient's long recordings: a list, and each as JSON, PDF or a page."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Engine
from starlette.requests import Request
from starlette.responses import Response

from errors import BadOption, NotFound
from station.store.pages import Page
from station.store.reports.holters import holter_in_form, list_holters
from station.store.tables import AnyRow
from station.web.answers import JSON, json_answer
from station.web.queries import cursor_numbers, name_of_path, number_of_path, page_rows
from station.web.reading import patient_id, read

_MEDIA_TYPES: Final = {
    "json": JSON,
    "pdf": "application/pdf",
    "html": "text/html; charset=utf-8",
}
_LISTED: Final = ("id", "started", "duration_s", "created_ms")
# A stored page has its style in itself, and no script; nothing of it may act for the reader.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)


class HolterRoutes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def list(self, request: Request) -> Response:
        """List the reports of a patient in the order of their import."""
        patient = name_of_path(request)
        (after,) = cursor_numbers(request, 1) or (0,)
        limit = page_rows(request)

        def use(connection: Connection) -> Page[AnyRow]:
            number = patient_id(connection, patient)
            return list_holters(connection, number, after=after, limit=limit)

        page = await read(self._engine, use)
        rows = [{name: getattr(row, name) for name in _LISTED} for row in page.rows]
        return json_answer({"holters": rows, "cursor": page.cursor})

    async def one(self, request: Request) -> Response:
        """Return a report in the form that `format` asks for; JSON without it."""
        patient, number = name_of_path(request), number_of_path(request)
        form = request.query_params.get("format", "json")
        if form not in _MEDIA_TYPES:
            raise BadOption(
                f"format: {', '.join(_MEDIA_TYPES)} are allowed", loc=("query", "format")
            )

        def use(connection: Connection) -> bytes | None:
            return holter_in_form(connection, patient_id(connection, patient), number, form)

        content = await read(self._engine, use)
        if content is None:
            raise NotFound("the patient has no report of a long recording with this number")
        headers = {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        return Response(content, 200, headers, _MEDIA_TYPES[form])

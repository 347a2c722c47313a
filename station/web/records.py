"""POST /station/v1/records: frames or JSON in, what became of each out, after the commit."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from errors import UnsupportedMediaType
from station.ingest.commit import Post
from station.ingest.intake import Intake
from station.ingest.posts import answer_of, parsed_body
from station.times import now_ms
from station.web.access import sender_of
from station.web.answers import JSON, OCTETS, json_answer
from station.web.bodies import Bodies

FRAMES: Final = "application/vnd.ecg-station.records"


class RecordsRoute:
    def __init__(self, bodies: Bodies, writer: Intake, max_records: int) -> None:
        self._bodies = bodies
        self._writer = writer
        self._max_records = max_records

    async def post(self, request: Request) -> Response:
        """Store the records of a post. Raises what docs/station.md lists."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in (FRAMES, OCTETS, JSON):
            raise UnsupportedMediaType(f"Content-Type: allowed are {FRAMES}, {OCTETS}, {JSON}")
        sender = sender_of(request)
        async with self._bodies.body_of(request) as body:
            parsed = await parsed_body(body, self._max_records, is_json=media_type == JSON)
            post = Post(parsed, sender.identity.name, sender.source, now_ms())
            result = await self._writer.store(post)
        return json_answer(answer_of(parsed, result))

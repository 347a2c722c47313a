"""POST /station/v1/records: frames or JSON in, what became of each out, after the commit."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from errors import UnsupportedMediaType
from station.ingest.commit import Post, PostResult
from station.ingest.json_form import parse_json_post
from station.ingest.parse import ParsedPost, parse_post
from station.ingest.writer import Writer
from station.times import now_ms
from station.web.access import sender_of
from station.web.answers import JSON, OCTETS, json_answer
from station.web.bodies import Bodies

FRAMES: Final = "application/vnd.ecg-station.records"
# A post of up to this size is parsed on the event loop: passing it to a thread takes as long.
PARSE_INLINE_BYTES: Final = 64 * 1024


class RecordsRoute:
    def __init__(self, bodies: Bodies, writer: Writer, max_records: int) -> None:
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
            parsed = await self._parsed(body, media_type)
            post = Post(parsed, sender.identity.name, sender.source, now_ms())
            result = await self._writer.store(post)
        return json_answer(_answer(parsed, result))

    async def _parsed(self, body: bytes, media_type: str) -> ParsedPost:
        parse = parse_json_post if media_type == JSON else parse_post
        if media_type != JSON and len(body) <= PARSE_INLINE_BYTES:
            return parse(body, self._max_records)
        return await asyncio.to_thread(parse, body, self._max_records)


def _answer(parsed: ParsedPost, result: PostResult) -> dict[str, Any]:
    """Return the JSON answer: counts, and each frame that was not simply stored."""
    details = {rejection.index: rejection.detail for rejection in result.rejections}
    notes = []
    for index, outcome in sorted(result.notes.items()):
        note: dict[str, Any] = {"index": index, "outcome": outcome}
        if index in details:
            note["detail"] = details[index]
        notes.append(note)
    return {
        "records": parsed.count,
        "outcomes": {str(outcome): count for outcome, count in sorted(result.counts.items())},
        "notes": notes,
        "missing": [
            {"source": gap.source, "first_seq": gap.first_seq, "last_seq": gap.last_seq}
            for gap in result.missing
        ],
    }

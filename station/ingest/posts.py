"""What the ways into the station share: from a body to a parsed post, and from results to JSON."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from station.ingest.commit import PostResult
from station.ingest.json_form import parse_json_post
from station.ingest.parse import ParsedPost, parse_post

# A post of up to this size is parsed on the event loop: passing it to a thread takes as long.
PARSE_INLINE_BYTES: Final = 64 * 1024


async def parsed_body(body: bytes, max_records: int, *, is_json: bool) -> ParsedPost:
    """Return the records of a body. Raises MalformedBody, MissingField, TooManyRecords."""
    parse = parse_json_post if is_json else parse_post
    if not is_json and len(body) <= PARSE_INLINE_BYTES:
        return parse(body, max_records)
    return await asyncio.to_thread(parse, body, max_records)


def answer_of(parsed: ParsedPost, result: PostResult) -> dict[str, Any]:
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

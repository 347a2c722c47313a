"""POST /station/v1/fhir: Observations in, an OperationOutcome or a batch-response out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from errors import UnsupportedMediaType
from station.ingest.commit import Post, PostResult
from station.ingest.fhir.observations import parse_observations
from station.ingest.intake import Intake
from station.ingest.outcomes import KEPT, Outcome
from station.times import now_ms
from station.web.access import sender_of
from station.web.answers import JSON
from station.web.bodies import Bodies

FHIR_JSON: Final = "application/fhir+json"
STATUS_WORDS: Final = {200: "OK", 201: "Created", 422: "Unprocessable Entity"}
# https://hl7.org/fhir/R4/valueset-issue-type.html; "invalid" for the others
ISSUE_TYPES: Final[Mapping[Outcome, str]] = {
    Outcome.CONFLICTING: "conflict",
    Outcome.UNKNOWN_SOURCE: "not-found",
    Outcome.UNKNOWN_PATIENT: "not-found",
    Outcome.FOREIGN_SOURCE: "forbidden",
}


class FhirRoute:
    def __init__(self, bodies: Bodies, writer: Intake, max_records: int) -> None:
        self._bodies = bodies
        self._writer = writer
        self._max_records = max_records

    async def post(self, request: Request) -> Response:
        """Store the signals of one Observation, or of the entries of a Bundle.

        Raises what POST /station/v1/records does.
        """
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in (FHIR_JSON, JSON):
            raise UnsupportedMediaType(f"Content-Type: allowed are {FHIR_JSON}, {JSON}")
        sender = sender_of(request)
        async with self._bodies.body_of(request) as body:
            asked = await asyncio.to_thread(
                parse_observations, body, sender.source, self._max_records
            )
            post = Post(
                asked.parsed,
                sender.identity.name,
                sender.source,
                now_ms(),
                is_numbered=False,
            )
            result = await self._writer.store(post)
        results = [_entry(indices, result) for indices in asked.entries]
        if not asked.is_bundle:
            ((status, outcome),) = results
            return Response(orjson.dumps(outcome), status, media_type=FHIR_JSON)
        bundle = {
            "resourceType": "Bundle",
            "type": "batch-response",
            "entry": [
                {"response": {"status": f"{status} {STATUS_WORDS[status]}", "outcome": outcome}}
                for status, outcome in results
            ],
        }
        return Response(orjson.dumps(bundle), media_type=FHIR_JSON)


def _entry(indices: range, result: PostResult) -> tuple[int, dict[str, Any]]:
    """Return the status and the OperationOutcome of one resource."""
    outcomes = {index: result.notes.get(index, Outcome.STORED) for index in indices}
    details = {each.index: each.detail for each in result.rejections}
    lost = [index for index, outcome in outcomes.items() if outcome not in KEPT]
    if lost:
        issues = [_refusal(outcomes[index], details[index]) for index in lost]
        return 422, {"resourceType": "OperationOutcome", "issue": issues}
    words = ", ".join(sorted(set(outcomes.values())))
    is_new = set(outcomes.values()) != {Outcome.DOUBLED}
    issues = [_issue("information", "informational", words)]
    return 201 if is_new else 200, {"resourceType": "OperationOutcome", "issue": issues}


def _refusal(outcome: Outcome, detail: str) -> dict[str, str]:
    return _issue("error", ISSUE_TYPES.get(outcome, "invalid"), f"{outcome}: {detail}")


def _issue(severity: str, code: str, diagnostics: str) -> dict[str, str]:
    return {"severity": severity, "code": code, "diagnostics": diagnostics}

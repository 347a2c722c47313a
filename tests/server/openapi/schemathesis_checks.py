"""The checks that schemathesis makes with rules of this service; it imports this module."""

from __future__ import annotations

from json import JSONDecodeError

import schemathesis
from schemathesis.specs.openapi.checks import negative_data_rejection


@schemathesis.check
def invalid_data_is_refused(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> bool | None:
    """A request against the document gets no answer, but an error for each bad record of many."""
    if response.status_code == 200 and _has_refused_record(response):
        return None
    return negative_data_rejection(ctx, response, case)


def _has_refused_record(response: schemathesis.Response) -> bool:
    try:
        answer = response.json()
    except (JSONDecodeError, UnicodeDecodeError):
        return False
    if not isinstance(answer, dict):
        return False
    return any("error" in result for result in answer.get("results", []))

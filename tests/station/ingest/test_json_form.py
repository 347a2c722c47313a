"""Records in JSON: the first fault of each is named, however many it has."""

from __future__ import annotations

import orjson
import pytest
from pydantic import ValidationError

from errors import MalformedBody
from station.ingest.json_form import _JsonRecord, parse_json_post
from station.ingest.outcomes import Outcome

RECORD = {"source": "s", "seq": 0, "patient": "p", "time_ms": 0, "fs": 250, "leads": ["II"]}


@pytest.mark.parametrize("samples", [["x"] * 1000, [["x"] * 1000], [["x"]] * 1000, [[[0]] * 1000]])
def test_a_list_of_wrong_values_is_read_up_to_the_first(samples: list[object]) -> None:
    with pytest.raises(ValidationError) as refused:
        _JsonRecord.model_validate(RECORD | {"samples": samples})
    assert refused.value.error_count() <= 2  # one for a list of numbers, one for a list of lists


def test_a_list_of_wrong_leads_is_read_up_to_the_first() -> None:
    with pytest.raises(ValidationError) as refused:
        _JsonRecord.model_validate(RECORD | {"samples": [[0.5]], "leads": [0] * 1000})
    assert refused.value.error_count() == 1


def nested(depth: int) -> bytes:
    return b'{"records": [{"samples": ' + b"[" * depth + b"]" * depth + b"}, 5]}"


def test_lists_within_each_other_are_an_outcome_or_no_post() -> None:
    parsed = parse_json_post(nested(200), 10)
    assert [fault.outcome for fault in parsed.rejections] == [Outcome.INVALID] * 2
    assert parsed.rejections[0].frame == orjson.dumps(orjson.loads(nested(200))["records"][0])
    for depth in (300, 1000, 2000, 1_000_000):
        with pytest.raises(MalformedBody):
            parse_json_post(nested(depth), 10)

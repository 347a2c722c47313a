"""The Accept header: lists, weights, wildcards, and formats that only one route has."""

from __future__ import annotations

import pytest

from server.recording_routes import Route
from server.routes.accept import AnswerFormat, accepted_format

JSON = AnswerFormat("json", lines=False)
LINES = AnswerFormat("json", lines=True)
MSGPACK = AnswerFormat("msgpack", lines=False)
NPY = AnswerFormat("npy", lines=False)
FHIR = AnswerFormat("fhir", lines=False)
PDF = AnswerFormat("pdf", lines=False)
PNG = AnswerFormat("png", lines=False)
DICOM = AnswerFormat("dicom", lines=False)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        ("application/json", JSON),
        ("application/msgpack", MSGPACK),
        ("application/x-msgpack", MSGPACK),
        ("application/vnd.msgpack", MSGPACK),
        ("Application/MsgPack", MSGPACK),
        ("application/x-ndjson", LINES),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/html", JSON),
    ],
)
def test_one_type(accept: str, expected: AnswerFormat) -> None:
    assert accepted_format(accept, "assess_quality") == expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        # The first of a list where none has a weight.
        ("application/msgpack, application/json", MSGPACK),
        ("application/json, application/msgpack", JSON),
        ("text/html,application/msgpack,*/*", MSGPACK),
        ("*/*, application/msgpack", JSON),
        # The largest weight, wherever it is in the list. A missing one is 1.
        ("application/json;q=0.2, application/msgpack;q=0.9, application/x-ndjson;q=0.5", MSGPACK),
        ("application/json;q=0.5, application/x-ndjson", LINES),
        ("application/msgpack;q=0.999, application/json;q=1.0", JSON),
        ("application/json;q=0.8, application/msgpack; q=0.8", JSON),
        ("application/msgpack;q=1, application/json", MSGPACK),
        ("application/json, application/msgpack;q=1", JSON),
        # 0 means not acceptable; so does a weight that is no number.
        ("application/msgpack;q=0", JSON),
        ("application/msgpack;q=0, application/x-ndjson;q=0.1", LINES),
        ("application/msgpack;q=much, application/x-ndjson;q=0.1", LINES),
        ("application/msgpack;q=nan, application/x-ndjson;q=0.1", LINES),
        # Other parameters change nothing.
        ("application/msgpack;version=1;q=0.3, application/x-ndjson;q=0.2;level=2", MSGPACK),
        (",, application/msgpack ,", MSGPACK),
    ],
)
def test_lists_and_weights(accept: str, expected: AnswerFormat) -> None:
    assert accepted_format(accept, "analyze") == expected


@pytest.mark.parametrize(
    ("accept", "route", "expected"),
    [
        ("application/x-npy", "extract_features", NPY),
        ("application/x-npy", "analyze", JSON),
        ("application/fhir+json", "analyze", FHIR),
        ("application/fhir+json", "extract_features", JSON),
        ("application/pdf", "analyze", PDF),
        ("image/png, application/pdf;q=0.9", "analyze", PNG),
        ("application/dicom", "analyze", DICOM),
        ("application/pdf", "assess_quality", JSON),
        ("application/pdf, application/msgpack;q=0.5", "diagnosis", MSGPACK),
        # The next type of the list is used where the route lacks the first.
        ("application/x-npy, application/msgpack;q=0.5", "analyze", MSGPACK),
        ("application/fhir+json, application/x-npy;q=0.5", "extract_features", NPY),
    ],
)
def test_formats_of_one_route(accept: str, route: Route, expected: AnswerFormat) -> None:
    assert accepted_format(accept, route) == expected

"""The form of every error, and the headers that every answer has."""

from __future__ import annotations

import re

import pytest

from errors import RequestError, ServiceError, public_errors
from tests.server.ecgs import get, post, problem_of, twelve_seconds
from tests.server.harness import RunningServer

GOOD = twelve_seconds().json()
RECORDING_ROUTES = (
    "/analyze",
    "/extract_features",
    "/assess_quality",
    "/predict",
    "/classify",
    "/diagnosis",
)
PAGES = (
    "/health",
    "/livez",
    "/readyz",
    "/models",
    "/examples",
    "/examples/sinus",
    "/metrics",
    "/",
    "/docs",
    "/openapi.json",
)
TIMED_STAGES = ("parse", "queue", "measure", "segment", "encode", "assemble")


def test_an_unknown_path_is_not_found(server: RunningServer) -> None:
    problem_of(get(server, "/analyse"), 404, "not_found")
    problem_of(post(server, "/predict/ecg", json=GOOD), 404, "not_found")


@pytest.mark.parametrize("path", RECORDING_ROUTES)
def test_recordings_are_posted(server: RunningServer, path: str) -> None:
    response = get(server, path)
    problem = problem_of(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"
    assert problem["detail"] == "GET is not allowed for this path; allowed: POST"


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_read_with_get_or_head(server: RunningServer, path: str) -> None:
    response = post(server, path, json={})
    problem = problem_of(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET, HEAD"
    assert problem["detail"] == "POST is not allowed for this path; allowed: GET, HEAD"


@pytest.mark.parametrize("client_id", ["abc-1.2_3", "x" * 64])
def test_the_clients_request_id_is_used(server: RunningServer, client_id: str) -> None:
    headers = {"X-Request-ID": client_id}
    good = post(server, "/analyze", json=GOOD, headers=headers)
    assert good.headers["x-request-id"] == good.json()["request_id"] == client_id
    bad = post(server, "/analyze", json={}, headers=headers)
    assert problem_of(bad, 422, "missing_field")["request_id"] == client_id


@pytest.mark.parametrize("client_id", ["", "x" * 65, "a b", "a/b", "<script>", "ä"])
def test_an_odd_request_id_is_replaced(server: RunningServer, client_id: str) -> None:
    headers = {"X-Request-ID": client_id.encode("latin-1")}
    problem = problem_of(post(server, "/analyze", json={}, headers=headers), 422, "missing_field")
    assert re.fullmatch(r"[0-9a-f]{32}", problem["request_id"])


def test_every_answer_has_its_duration(server: RunningServer) -> None:
    for response in (
        post(server, "/analyze", json={}),
        get(server, "/health"),
        get(server, "/nothing"),
    ):
        assert re.fullmatch(r"total;dur=\d+\.\d\d", response.headers["server-timing"])
    timing = post(server, "/analyze", json=GOOD).headers["server-timing"]
    durations = dict(entry.split(";dur=") for entry in timing.split(", "))
    assert tuple(durations) == TIMED_STAGES
    assert float(durations["encode"]) > 0
    assert all(float(milliseconds) >= 0 for milliseconds in durations.values())


def test_every_code_has_a_status_of_its_kind() -> None:
    """4xx for what is wrong with a request, 5xx (and 429) for the state of the server."""
    errors = public_errors()
    codes = [error.code for error in errors]
    assert len(codes) == len(set(codes)) > 30
    for error in errors:
        if issubclass(error, RequestError):
            assert error.status in (400, 401, 403, 404, 405, 408, 413, 415, 421, 422, 431), (
                error.code
            )
        else:
            assert issubclass(error, ServiceError)
            assert error.status in (429, 500, 503, 504), error.code
        assert error.title

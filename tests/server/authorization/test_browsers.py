"""What a page of another site can and cannot do to a server on this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any

import httpx
import pytest

from server.authorization.security_headers import SECURITY_HEADERS
from server.openapi.examples import record
from tests.server.ecgs import problem_of
from tests.server.harness import RunningServer

VIEWER = "https://viewer.example"


@pytest.fixture(scope="module")
def local() -> Iterator[RunningServer]:
    """A server on 127.0.0.1 as it starts by default, but for one origin that CORS allows."""
    settings = {"ECG_ALLOWED_HOSTS": "", "ECG_CORS_ORIGINS": VIEWER}
    with RunningServer(ECG_MODEL="none", ECG_SIGNAL_WORKERS="1", **settings) as server:
        yield server


@pytest.fixture
def client(local: RunningServer) -> Iterator[httpx.Client]:
    with local.client() as client:
        yield client


def form(headers: dict[str, str]) -> dict[str, Any]:
    """A form with a file, which a page can post anywhere without asking (a simple request)."""
    return {"files": {"file": ("ecg.csv", b"I,II\n0,0\n")}, "headers": headers}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost:1"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_foreign_page_cannot_post(client: httpx.Client, headers: dict[str, str]) -> None:
    answer = client.post("/assess_quality", **form(headers))
    problem = problem_of(answer, 403, "cross_site")
    assert headers.get("Origin", "not sent") in problem["detail"]
    assert "access-control-allow-origin" not in answer.headers


def test_this_servers_own_pages_and_programs_can_post(client: httpx.Client) -> None:
    own = f"http://127.0.0.1:{client.base_url.port}"
    for headers in (
        {},
        {"Origin": own},
        {"Origin": own, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ):
        answer = client.post("/assess_quality", json=record(), headers=headers)
        assert answer.status_code == 200, answer.text


def test_a_page_of_an_allowed_origin_can_post_and_read_the_answer(client: httpx.Client) -> None:
    headers = {"Origin": VIEWER, "Sec-Fetch-Site": "cross-site"}
    for body in ({"json": record()}, {"json": {}}):
        answer = client.post("/assess_quality", headers=headers, **body)
        assert answer.status_code in (200, 422)
        assert answer.headers["access-control-allow-origin"] == VIEWER
        assert answer.headers["vary"] == "Origin"
        assert "X-Request-ID" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in answer.headers


def preflight(client: httpx.Client, origin: str, header: str = "x-api-key") -> httpx.Response:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": header}
    return client.options("/analyze", headers={"Origin": origin, **asked})


def test_a_preflight_is_answered_for_the_allowed_origin_only(client: httpx.Client) -> None:
    allowed = preflight(client, VIEWER)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == VIEWER
    assert "X-API-Key" in allowed.headers["access-control-allow-headers"]
    foreign = preflight(client, "https://evil.example")
    assert foreign.status_code == 400
    assert "access-control-allow-origin" not in foreign.headers
    assert preflight(client, VIEWER, "x-secret").status_code == 400


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "169.254.1.1"]
)
@pytest.mark.parametrize("path", ["/health", "/metrics", "/docs", "/models"])
def test_a_name_that_was_made_to_point_here_is_refused(
    client: httpx.Client, path: str, host: str
) -> None:
    problem = problem_of(client.get(path, headers={"Host": host}), 421, "unknown_host")
    assert "allowed are 127.0.0.1, [::1], localhost (ECG_ALLOWED_HOSTS)" in problem["detail"]


def test_names_of_this_machine_are_allowed_on_any_port(client: httpx.Client) -> None:
    for host in ("localhost", "LOCALHOST:8888", "127.0.0.1:1", "[::1]:8000"):
        assert client.get("/health", headers={"Host": host}).status_code == 200


def test_probes_are_answered_under_any_name(client: httpx.Client) -> None:
    """Kubernetes asks under the address of the pod."""
    for path in ("/livez", "/readyz"):
        assert client.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200


def test_a_host_that_is_sent_twice_is_refused(local: RunningServer) -> None:
    for hosts in (("localhost", "evil.example"), ("localhost", "localhost")):
        head = ["GET /health HTTP/1.1", *(f"Host: {host}" for host in hosts), "", ""]
        with socket.create_connection(("127.0.0.1", local.port), timeout=60) as connection:
            connection.sendall("\r\n".join(head).encode())
            response = HTTPResponse(connection)
            response.begin()
            assert response.status in (400, 421)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/assess_quality"),
        ("POST", "/analyze"),
        ("GET", "/health"),
        ("GET", "/livez"),
        ("GET", "/metrics"),
        ("GET", "/models"),
        ("GET", "/examples"),
        ("GET", "/examples/sinus"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/redoc"),
        ("GET", "/docs/errors"),
        ("GET", "/docs/assets/page.css"),
        ("GET", "/nothing"),
        ("GET", "/analyze"),
    ],
)
def test_every_answer_has_the_security_headers(
    client: httpx.Client, method: str, path: str
) -> None:
    answer = client.request(method, path, json={"fs": 500} if method == "POST" else None)
    for name in SECURITY_HEADERS:
        assert len(answer.headers.get_list(name)) == 1, name
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    is_documentation = path.startswith(("/docs", "/redoc", "/openapi"))
    kept = "no-cache" if is_documentation else "no-store"
    assert answer.headers["cache-control"] == kept


def test_pages_keep_the_policy_that_lets_them_work(client: httpx.Client) -> None:
    assert "script-src 'self'" in client.get("/docs").headers["content-security-policy"]
    answer = client.post("/assess_quality", json=record())
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; frame-ancestors 'none'"
    )

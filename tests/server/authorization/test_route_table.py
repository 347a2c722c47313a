"""Route x credential x scope, sent to a real server; and what is not in the table is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from access.key_file import add_key
from access.rates import SharedCounts
from server import app as app_module
from server.app import configure_app
from server.authorization.guard import Guard
from server.authorization.route_scopes import ROUTE_SCOPES, NotInTable, route_of_path
from server.authorization.rules import access_rules
from server.openapi.examples import record
from server.pages.viewer import BUILT_FOLDER
from server.settings import Settings
from tests.house.tree import ROOT, source
from tests.server.authorization.conftest import GuardedServer
from tests.server.ecgs import problem_of
from tests.server.in_process import InProcessServer

ASSET = next((BUILT_FOLDER / "assets").iterdir()).name
# Route -> a path of it, and the scope: None for open, "any" for every valid credential.
ROUTES: dict[str, tuple[str, str | None]] = {
    "/livez": ("/livez", None),
    "/readyz": ("/readyz", None),
    "/health": ("/health", None),
    "/": ("/", None),
    "/status": ("/status", None),
    "/assets/{name}": (f"/assets/{ASSET}", None),
    "/docs": ("/docs", "any"),
    "/redoc": ("/redoc", "any"),
    "/openapi.json": ("/openapi.json", "any"),
    "/docs/assets/{name}": ("/docs/assets/page.css", "any"),
    "/docs/{name:path}": ("/docs/errors", "any"),
    "/models": ("/models", "any"),
    "/examples": ("/examples", "any"),
    "/examples/{name}": ("/examples/sinus", "any"),
    "/analyze": ("/analyze", "analyze"),
    "/assess_quality": ("/assess_quality", "analyze"),
    "/predict": ("/predict", "analyze"),
    "/classify": ("/classify", "analyze"),
    "/diagnosis": ("/diagnosis", "analyze"),
    "/extract_features": ("/extract_features", "features"),
    "/metrics": ("/metrics", "operator"),
}
POSTED = ("/analyze", "/assess_quality", "/predict", "/classify", "/diagnosis", "/extract_features")

# Credential -> the scopes that it gives; None where it is not valid.
CREDENTIALS: dict[str, tuple[str, ...] | None] = {
    "nothing": None,
    "key analyze": ("analyze",),
    "key features": ("features",),
    "key operator": ("operator",),
    "key all": ("analyze", "features", "operator"),
    "key expired": None,
    "key revoked": None,
    "key unknown": None,
    "bearer key analyze": ("analyze",),
    "bearer key revoked": None,
    "token": ("analyze",),
    "token operator": ("operator",),
    "token without scopes": (),
    "token expired": None,
    "token of another audience": None,
    "token as X-API-Key": ("analyze",),
    "basic": None,
    "key and token": None,
}


def headers_of(credential: str, guarded: GuardedServer) -> dict[str, str]:
    keys, issuer = guarded.keys, guarded.issuer
    match credential.split():
        case ["nothing"]:
            return {}
        case ["key", "unknown"]:
            return {"X-API-Key": keys["all"][:-3] + "AAA"}
        case ["key", "and", "token"]:
            return {"X-API-Key": keys["all"], "Authorization": f"Bearer {issuer.token()}"}
        case ["key", name]:
            return {"X-API-Key": keys[name]}
        case ["bearer", "key", name]:
            return {"Authorization": f"bearer {keys[name]}"}
        case ["token", "as", _]:
            return {"X-API-Key": issuer.token()}
        case ["basic"]:
            return {"Authorization": "Basic bGFiOnNlY3JldA=="}
    changes: dict[str, Any] = {
        "token": {},
        "token operator": {"scope": "ecg:operator"},
        "token without scopes": {"scope": "openid analyze"},
        "token expired": {"exp": 1_000_000_000},
        "token of another audience": {"aud": "another"},
    }[credential]
    return {"Authorization": f"Bearer {issuer.token(**changes)}"}


def ask(guarded: GuardedServer, path: str, headers: dict[str, str]) -> httpx.Response:
    with guarded.server.client() as client:
        if path in POSTED:
            return client.post(path, json=record(), headers=headers)
        return client.get(path, headers=headers)


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("route", ROUTES)
def test_the_table(guarded: GuardedServer, route: str, credential: str) -> None:
    path, needed = ROUTES[route]
    scopes = CREDENTIALS[credential]
    answer = ask(guarded, path, headers_of(credential, guarded))
    if needed is None:
        assert answer.status_code == 200
    elif scopes is None:
        problem_of(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == 'Bearer realm="ecg-fm-server"'
    elif needed != "any" and needed not in scopes:
        problem = problem_of(answer, 403, "forbidden")
        assert f"needs the scope {needed}" in problem["detail"]
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    else:
        # What the route itself answers without an encoder, or to JSON in place of a form.
        assert answer.status_code in (200, 415, 422, 503)
        assert answer.headers.get("content-type") != "application/problem+json" or (
            answer.json()["code"] not in ("unauthorized", "forbidden", "not_found")
        )


def test_every_reason_for_a_401_has_the_same_answer(guarded: GuardedServer) -> None:
    refused = [name for name, scopes in CREDENTIALS.items() if scopes is None]
    assert len(refused) == 9
    answers = [ask(guarded, "/analyze", headers_of(name, guarded)) for name in refused]
    assert len({answer.json()["detail"] for answer in answers}) == 1


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_health_is_whole_for_operators_only(guarded: GuardedServer, credential: str) -> None:
    answer = ask(guarded, "/health", headers_of(credential, guarded)).json()
    if "operator" in (CREDENTIALS[credential] or ()):
        assert {"status", "version", "model", "workers", "limits"} <= answer.keys()
    else:
        assert answer == {"status": "ok"}


@pytest.mark.parametrize("credential", ["nothing", "key all"])
@pytest.mark.parametrize("path", ["/nothing", "/analyze/x", "/Analyze", "/%2fanalyze", "/shutdown"])
def test_what_is_not_in_the_table_does_not_exist(
    guarded: GuardedServer, path: str, credential: str
) -> None:
    problem_of(ask(guarded, path, headers_of(credential, guarded)), 404, "not_found")


@pytest.mark.parametrize("path", ["/analyze/", "/metrics/", "/%61nalyze", "/docs/../metrics"])
def test_another_spelling_of_a_path_is_no_way_round(guarded: GuardedServer, path: str) -> None:
    answer = ask(guarded, path, {})
    assert answer.status_code in (401, 404), answer.text


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "GET", "TRACE"])
def test_another_method_is_no_way_round(guarded: GuardedServer, method: str) -> None:
    with guarded.server.client() as client:
        assert client.request(method, "/analyze").status_code == 401
        assert client.request(method, "/metrics").status_code == 401


def test_a_credential_that_is_sent_twice_is_refused(guarded: GuardedServer) -> None:
    key = guarded.keys["all"]
    twice = [("X-API-Key", key), ("X-API-Key", key)]
    with guarded.server.client() as client:
        problem_of(client.get("/models", headers=twice), 401, "unauthorized")


# The table itself.


def served_routes(app: FastAPI) -> set[str]:
    return {getattr(route, "path", repr(route)) for route in app.routes}


def test_the_table_has_exactly_the_routes_of_the_application() -> None:
    app = FastAPI(openapi_url=None)
    configure_app(app)
    assert served_routes(app) == set(ROUTE_SCOPES) == set(ROUTES)
    assert all(isinstance(route, Route) for route in app.routes)


def test_litserve_adds_no_route_of_its_own() -> None:
    """In a process of its own, as a server that was never run leaves its queues open."""
    program = (
        "from server.settings import Settings\n"
        "from server.start import make_server\n"
        "server = make_server(Settings(model='none', device='cpu'))\n"
        "print(*sorted(route.path for route in server.app.routes), sep='\\n')\n"
    )
    listed = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert listed.stdout.split() == sorted(ROUTE_SCOPES)


def test_a_route_without_an_entry_is_refused(tmp_path: Path) -> None:
    server = InProcessServer(tmp_path)

    async def endpoint(request: object) -> PlainTextResponse:
        return PlainTextResponse("let in")

    server.app.router.routes.insert(0, Route("/debug", endpoint))
    problem_of(server.request("GET", "/debug"), 404, "not_found")
    with pytest.raises(AssertionError, match="/debug needs an entry"):
        app_module._NamedRoute("/debug", endpoint, methods=["GET"])


def test_an_opened_scope_needs_no_credential_and_a_wrong_one_is_still_refused(
    tmp_path: Path,
) -> None:
    key = add_key(tmp_path / "keys.json", "lab", ["features"])
    settings = Settings(host="0.0.0.0", key_file=tmp_path / "keys.json", open_scopes="docs")
    server = InProcessServer(tmp_path)
    server.service.guard = Guard(access_rules(settings), SharedCounts(1), 0)
    assert server.request("GET", "/models").status_code == 200
    problem_of(server.request("POST", "/analyze", json={}), 401, "unauthorized")
    wrong = {"X-API-Key": key[:-3] + "AAA"}
    problem_of(server.request("GET", "/models", headers=wrong), 401, "unauthorized")
    assert server.request("GET", "/health", headers=wrong).json() == {"status": "starting"}
    problem_of(
        server.request("POST", "/analyze", json={}, headers={"X-API-Key": key}), 403, "forbidden"
    )


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/analyze", "/analyze"),
        ("/analyze/", "/analyze"),
        ("/", "/"),
        ("/docs/a/b", "/docs/{name:path}"),
        ("/docs/", "/docs/{name:path}"),
        ("/assets/index.js", "/assets/{name}"),
        ("/examples", "/examples"),
        ("/examples/sinus", "/examples/{name}"),
    ],
)
def test_a_path_has_its_route(path: str, route: str) -> None:
    assert route_of_path(path) == route


@pytest.mark.parametrize(
    "path", ["", "/analyze//", "/docs.json", "analyze", "/docs/../analyze"[5:]]
)
def test_other_paths_have_none(path: str) -> None:
    with pytest.raises(NotInTable):
        route_of_path(path)


def test_the_page_has_the_same_table() -> None:
    rows = re.findall(r"^\| (`/.*?) \| (.*?) \|", source("docs/security.md"), re.MULTILINE)
    documented = {
        route: scope.strip("`")
        for routes, scope in rows
        for route in re.findall(r"`(.*?)`", routes)
    }
    words = {None: "none", "any": "any valid credential"}
    expected = {route: words.get(scope, scope) for route, (_, scope) in ROUTES.items()}
    del expected["/docs/assets/{name}"], expected["/docs/{name:path}"]
    assert documented == expected

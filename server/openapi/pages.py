"""The routes that are read with GET: the operator's pages and the examples."""

from __future__ import annotations

from errors import NotFound
from server.media_types import HTML, JSON, NPY, PLAIN_TEXT, PROMETHEUS
from server.openapi.parameters import ANSWER_HEADERS
from server.openapi.responses import Schema, error_responses, header_refs, ref
from server.openapi.security import access_errors, security_of
from server.settings import Settings
from signals.synthetic.catalogue import EXAMPLES

# What a client may do with an answer of /models: name an encoder in its next request.
MODEL_LINKS: Schema = {
    f"{route}_with_model": {
        "operationId": route,
        "parameters": {"query.model": "$response.body#/models/0/name"},
        "description": "The option `model` takes the name of a loaded encoder.",
    }
    for route in ("analyze", "extract_features")
}


def page_paths(settings: Settings) -> Schema:
    """Return path -> operations of the operator's pages and of the examples."""
    pages = _operator_pages() | _example_pages()
    return {
        path: {"get": operation | _access(path, operation["responses"], settings)}
        for path, operation in pages.items()
    }


def _access(path: str, responses: Schema, settings: Settings) -> Schema:
    """Return the fields of an operation on who may call it: security, and all its answers."""
    kinds = access_errors(path)
    if "{" in path:
        kinds = sorted([*kinds, NotFound], key=lambda kind: kind.status)
    return {
        "security": security_of(path, settings),
        "responses": responses | error_responses(kinds),
    }


def _operator_pages() -> Schema:
    line = {PLAIN_TEXT: {"schema": {"type": "string"}}}
    health = {JSON: {"schema": {"anyOf": [ref("Health"), ref("ShortHealth")]}}}
    models = _answer("Bundles and heads", {JSON: {"schema": ref("Models")}})
    root = {JSON: {"schema": ref("Root")}, HTML: {"schema": {"type": "string"}}}
    metrics = {PROMETHEUS: {"schema": {"type": "string"}}}
    return {
        "/health": _page(
            "health",
            "The status; of every part with the scope `operator`",
            {
                "200": _answer("ok or degraded", health),
                "503": _answer("starting or draining", health),
            },
        ),
        "/livez": _page("livez", "Whether the process runs", {"200": _answer("It runs.", line)}),
        "/readyz": _page(
            "readyz",
            "Whether it accepts recordings",
            {"200": _answer("It does.", line), "503": _answer("It does not, or not yet.", line)},
        ),
        "/models": _page(
            "models",
            "The loaded models, their labels and cards",
            {"200": models | {"links": MODEL_LINKS}},
        ),
        "/metrics": _page(
            "metrics", "Metrics for Prometheus", {"200": _answer("Text exposition", metrics)}
        ),
        "/": _page(
            "root",
            "The viewer for browsers, a pointer to the documentation for programs",
            {
                "200": _answer(
                    "The viewer if Accept prefers HTML to JSON; if not, where the documentation is",
                    root,
                )
            },
        ),
    }


def _example_pages() -> Schema:
    name = {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": {"enum": [case.name for case in EXAMPLES]},
    }
    record = {
        JSON: {"schema": ref("Record")},
        NPY: {"schema": {"type": "string", "format": "binary", "contentMediaType": NPY}},
    }
    return {
        "/examples": _page(
            "examples",
            "The synthetic recordings to try the server with",
            {"200": _answer("Their names", {JSON: {"schema": ref("Examples")}})},
            "examples",
        ),
        "/examples/{name}": _page(
            "example",
            "A synthetic recording, as the routes for recordings take it",
            {"200": _answer("A record; as npy its samples in mV, leads x samples", record)},
            "examples",
        )
        | {"parameters": [name]},
    }


def _page(operation: str, summary: str, responses: Schema, tag: str = "operation") -> Schema:
    return {"operationId": operation, "tags": [tag], "summary": summary, "responses": responses}


def _answer(description: str, content: Schema | None = None) -> Schema:
    answer = {"description": description, "headers": header_refs(ANSWER_HEADERS)}
    return answer if content is None else answer | {"content": content}

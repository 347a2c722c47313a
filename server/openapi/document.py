"""/openapi.json: the interface of this server as OpenAPI 3.1, derived from what the code uses."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from typing import Any

import orjson

from errors import EcgError, public_errors
from formats.registry import format_names
from server.media_types import (
    FHIR_JSON,
    JSON,
    MSGPACK,
    MULTIPART_FORM,
    NDJSON,
    NPY,
    OCTET_STREAM,
    PLAIN_TEXT,
    PROBLEM_JSON,
    PROMETHEUS,
)
from server.openapi.error_examples import problem_example
from server.openapi.examples import ANSWERS, REQUESTS
from server.openapi.loaded_models import LoadedModels
from server.openapi.parameters import (
    ANSWER_HEADERS,
    ECG_ERRORS,
    HEADER_PARAMETERS,
    RETRY_AFTER,
    form_schema,
    options_schema,
    query_parameters,
    request_headers,
)
from server.openapi.schema import component_schemas
from server.openapi.security import (
    CHALLENGE_HEADER,
    SECURITY_SCHEMES,
    access_errors,
    security_of,
)
from server.openapi.texts import INFO, ROUTE_TEXTS, TAGS, body_text
from server.recording_routes import FORM_ROUTES, ROUTE_OPTIONS, Route
from server.settings import Settings
from server.version import VERSION

Schema = dict[str, Any]

ROUTES: tuple[Route, ...] = tuple(route for route in ROUTE_OPTIONS if route not in FORM_ROUTES)
ANSWER_OF: dict[Route, str] = {
    "analyze": "Analysis",
    "extract_features": "Embedding",
    "assess_quality": "QualityAnswer",
    "predict": "Prediction",
    "classify": "Classification",
    "diagnosis": "DiagnosticReport",
}

# The codes that only some routes answer; every route that takes recordings answers the others.
ONLY_ON: dict[str, tuple[str, ...]] = {
    "not_found": (),
    "method_not_allowed": (),
    "under_age": ("predict",),
    "unknown_part": ("analyze",),
    "unknown_label": ("analyze",),
    "layer_out_of_range": ("extract_features",),
    "too_few_leads": ("extract_features",),
    "no_model": ("extract_features", "classify", "diagnosis"),
    "no_samples": ("analyze", "extract_features", *FORM_ROUTES),
    "implausible_values": ("analyze", "extract_features", *FORM_ROUTES),
}
# Headers of the errors with a status.
ERROR_HEADERS = {
    401: ["WWW-Authenticate"],
    403: ["WWW-Authenticate"],
    429: ["Retry-After"],
    503: ["Retry-After"],
}
FHIR_BUNDLE: Schema = {
    "type": "object",
    "description": "A FHIR R4 Bundle: DiagnosticReport, and Observations of the ECG, "
    "the measurements and the findings.",
    "properties": {
        "resourceType": {"const": "Bundle"},
        "type": {"const": "collection"},
        "entry": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["resourceType", "type", "entry"],
}
# What a client may do with an answer of /models: name an encoder in its next request.
MODEL_LINKS: Schema = {
    f"{route}_with_model": {
        "operationId": route,
        "parameters": {"query.model": "$response.body#/models/0/name"},
        "description": "The option `model` takes the name of a loaded encoder.",
    }
    for route in ("analyze", "extract_features")
}


@lru_cache(maxsize=4)
def openapi_bytes(settings: Settings, loaded: LoadedModels) -> bytes:
    """Return the document as it is served; built once for each process."""
    return orjson.dumps(openapi_document(settings, loaded))


def openapi_document(settings: Settings, loaded: LoadedModels | None = None) -> Schema:
    """Return the document of a server with these settings and models; without any by default."""
    loaded = loaded or LoadedModels()
    recordings = {
        f"/{route}": {"post": _recording_operation(route, settings, loaded)} for route in ROUTES
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ECG-FM inference server",
            "version": VERSION,
            "summary": "Analyses ECG recordings of up to twelve leads. Research use only.",
            "description": INFO,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "This server"}],
        "tags": TAGS,
        "paths": {
            **recordings,
            **_upload_paths(settings),
            **_operator_paths(settings),
        },
        "components": {
            "schemas": component_schemas()
            | {f"{route}_options": options_schema(route) for route in ROUTE_OPTIONS},
            "securitySchemes": SECURITY_SCHEMES,
            "parameters": HEADER_PARAMETERS,
            "headers": ANSWER_HEADERS
            | {
                "Retry-After": RETRY_AFTER,
                "WWW-Authenticate": CHALLENGE_HEADER,
                "X-ECG-Errors": ECG_ERRORS,
            },
            "examples": REQUESTS,
        },
    }


def codes_of(route: Route) -> list[type[EcgError]]:
    """Return the errors that a route can answer, ordered by status."""
    return [kind for kind in public_errors() if route in ONLY_ON.get(kind.code, (route,))]


def _recording_operation(route: Route, settings: Settings, loaded: LoadedModels) -> Schema:
    text = ROUTE_TEXTS[route]
    about_models = {"analyze": loaded.labels_text, "extract_features": loaded.widths_text}
    description = text.description
    if route in about_models:
        description += f"\n\n{about_models[route]()}"
    return {
        "operationId": route,
        "tags": ["recordings"],
        "summary": text.summary,
        "description": description,
        "parameters": query_parameters(route) + request_headers(),
        "security": security_of(f"/{route}", settings),
        "requestBody": _request_body(route, settings),
        "responses": {"200": _answer(route), **_errors(codes_of(route))},
    }


def _upload_paths(settings: Settings) -> Schema:
    """Return the routes that take only a form of files and answer JSON."""
    return {f"/{route}": {"post": _upload_operation(route, settings)} for route in FORM_ROUTES}


def _upload_operation(route: Route, settings: Settings) -> Schema:
    text = ROUTE_TEXTS[route]
    content = {"schema": _ref(ANSWER_OF[route]), "example": ANSWERS[route]}
    answer = {JSON: content}
    if route == "diagnosis":
        answer[FHIR_JSON] = content
    return {
        "operationId": route,
        "tags": ["recordings"],
        "summary": text.summary,
        "description": text.description,
        "parameters": query_parameters(route) + request_headers(),
        "security": security_of(f"/{route}", settings),
        "requestBody": {
            "required": True,
            "content": {MULTIPART_FORM: {"schema": form_schema(route)}},
        },
        "responses": {
            "200": {
                "description": text.answer,
                "headers": _headers(ANSWER_HEADERS),
                "content": answer,
            },
            **_errors(codes_of(route)),
        },
    }


def _request_body(route: Route, settings: Settings) -> Schema:
    binary = {"type": "string", "format": "binary"}
    return {
        "required": True,
        "description": body_text(settings, format_names()),
        "content": {
            JSON: {
                "schema": {
                    "anyOf": [
                        {"title": "One record", **_with_options(_ref("Record"), route)},
                        {
                            "title": "Many records",
                            **_with_options(_many("records", _ref("Record")), route),
                        },
                    ]
                },
                "examples": {name: {"$ref": f"#/components/examples/{name}"} for name in REQUESTS},
            },
            MULTIPART_FORM: {"schema": form_schema(route)},
            NPY: {"schema": {**binary, "contentMediaType": NPY}},
            MSGPACK: {"schema": {**binary, "contentMediaType": MSGPACK}},
            OCTET_STREAM: {"schema": {**binary, "contentMediaType": OCTET_STREAM}},
        },
    }


def _answer(route: Route) -> Schema:
    one = _ref(ANSWER_OF[route])
    either = {"anyOf": [one, _ref("FailedRecord")]}
    whole = {
        "anyOf": [{"title": "One", "allOf": [one]}, {"title": "Many", **_many("results", either)}]
    }
    line = {
        "type": "object",
        "properties": {"index": {"type": "integer", "minimum": 0}},
        "required": ["index"],
        **either,
    }
    content: Schema = {
        JSON: {"schema": whole, "example": ANSWERS[route]},
        MSGPACK: {
            "schema": {
                **whole,
                "description": "As JSON; arrays are `{dtype, shape, data}` with binary data.",
            }
        },
        NDJSON: {
            "schema": {
                **line,
                "description": "A line for each record as soon as it is complete, in that order.",
            }
        },
    }
    headers = _headers(ANSWER_HEADERS)
    if route == "analyze":
        content[FHIR_JSON] = {"schema": FHIR_BUNDLE}
    if route == "extract_features":
        content[NPY] = {"schema": {"type": "string", "format": "binary", "contentMediaType": NPY}}
        headers |= _headers(["X-ECG-Errors"])
    return {"description": ROUTE_TEXTS[route].answer, "headers": headers, "content": content}


def _errors(kinds: Iterable[type[EcgError]]) -> Schema:
    """Return a response for each status, with an example for each of its codes."""
    return {
        str(status): _error(status, list(same))
        for status, same in groupby(kinds, key=lambda kind: kind.status)
    }


def _error(status: int, kinds: list[type[EcgError]]) -> Schema:
    codes = [kind.code for kind in kinds]
    schema = {
        "allOf": [
            _ref("Problem"),
            {"properties": {"status": {"const": status}, "code": {"enum": codes}}},
        ]
    }
    examples = {
        kind.code: {"summary": kind.title, "value": problem_example(kind)} for kind in kinds
    }
    return {
        "description": "; ".join(
            f"[{kind.code}](/docs/errors#{kind.code}): {kind.title.lower()}" for kind in kinds
        ),
        "headers": _headers([*ANSWER_HEADERS, *ERROR_HEADERS.get(status, [])]),
        "content": {PROBLEM_JSON: {"schema": schema, "examples": examples}},
    }


def _operator_paths(settings: Settings) -> Schema:
    line = {PLAIN_TEXT: {"schema": {"type": "string"}}}
    health = {JSON: {"schema": {"anyOf": [_ref("Health"), _ref("ShortHealth")]}}}
    models = {JSON: {"schema": _ref("Models")}}
    root = {JSON: {"schema": _ref("Root")}}
    metrics = {PROMETHEUS: {"schema": {"type": "string"}}}
    pages: dict[str, tuple[str, dict[str, tuple[str, Schema]]]] = {
        "/health": (
            "The status; of every part with the scope `operator`",
            {"200": ("ok or degraded", health), "503": ("starting or draining", health)},
        ),
        "/livez": ("Whether the process runs", {"200": ("It runs.", line)}),
        "/readyz": (
            "Whether it accepts recordings",
            {"200": ("It does.", line), "503": ("It does not, or not yet.", line)},
        ),
        "/models": (
            "The loaded models, their labels and cards",
            {"200": ("Bundles and heads", models)},
        ),
        "/metrics": ("Metrics for Prometheus", {"200": ("Text exposition", metrics)}),
        "/": (
            "A pointer to the documentation",
            {
                "200": ("Where the documentation is", root),
                "307": ("A browser (Accept: text/html) is redirected to it.", {}),
            },
        ),
    }
    return {
        path: _get(path, summary, answers, settings) for path, (summary, answers) in pages.items()
    }


def _get(
    path: str, summary: str, answers: dict[str, tuple[str, Schema]], settings: Settings
) -> Schema:
    responses: Schema = {}
    for status, (description, content) in answers.items():
        responses[status] = {"description": description, "headers": _headers(ANSWER_HEADERS)} | (
            {"content": content} if content else {}
        )
    if path == "/models":
        responses["200"]["links"] = MODEL_LINKS
    return {
        "get": {
            "operationId": path.strip("/") or "root",
            "tags": ["operation"],
            "summary": summary,
            "security": security_of(path, settings),
            "responses": responses | _errors(access_errors(path)),
        }
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _headers(names: Iterable[str]) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _many(field: str, schema: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {field: {"type": "array", "items": schema}},
        "required": [field],
    }


def _with_options(schema: Schema, route: Route) -> Schema:
    return {"allOf": [schema, _ref(f"{route}_options")]}

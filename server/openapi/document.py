"""/openapi.json: the interface of this server as OpenAPI 3.1, derived from what the code uses."""

from __future__ import annotations

from functools import lru_cache

import orjson

from errors import EcgError, public_errors
from formats.registry import format_names
from server.media_types import (
    DICOM,
    FHIR_JSON,
    JSON,
    MSGPACK,
    MULTIPART_FORM,
    NDJSON,
    NPY,
    OCTET_STREAM,
    PDF,
    PNG,
)
from server.openapi.examples import ANSWERS, REQUESTS
from server.openapi.loaded_models import LoadedModels
from server.openapi.pages import page_paths
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
from server.openapi.responses import Schema, error_responses, header_refs, many, ref
from server.openapi.schema import component_schemas
from server.openapi.security import (
    CHALLENGE_HEADER,
    SECURITY_SCHEMES,
    security_of,
)
from server.openapi.texts import INFO, ROUTE_TEXTS, TAGS, body_text
from server.recording_routes import FORM_ROUTES, ROUTE_OPTIONS, Route
from server.settings import Settings
from server.version import VERSION

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
# The report of one recording; a request of many gets the error several_recordings.
REPORTS = {
    PDF: "The printed report of one recording: a page in mm.",
    PNG: "The same page at 300 dpi.",
    DICOM: "The same PDF in a DICOM object (Encapsulated PDF Storage).",
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
            **page_paths(settings),
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
        "responses": {"200": _answer(route), **error_responses(codes_of(route))},
    }


def _upload_paths(settings: Settings) -> Schema:
    """Return the routes that take only a form of files and answer JSON."""
    return {f"/{route}": {"post": _upload_operation(route, settings)} for route in FORM_ROUTES}


def _upload_operation(route: Route, settings: Settings) -> Schema:
    text = ROUTE_TEXTS[route]
    content = {"schema": ref(ANSWER_OF[route]), "example": ANSWERS[route]}
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
                "headers": header_refs(ANSWER_HEADERS),
                "content": answer,
            },
            **error_responses(codes_of(route)),
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
                        {"title": "One record", **_with_options(ref("Record"), route)},
                        {
                            "title": "Many records",
                            **_with_options(many("records", ref("Record")), route),
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
    one = ref(ANSWER_OF[route])
    either = {"anyOf": [one, ref("FailedRecord")]}
    whole = {
        "anyOf": [{"title": "One", "allOf": [one]}, {"title": "Many", **many("results", either)}]
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
    headers = header_refs(ANSWER_HEADERS)
    if route == "analyze":
        content[FHIR_JSON] = {"schema": FHIR_BUNDLE}
        for media_type, description in REPORTS.items():
            content[media_type] = {
                "schema": {
                    "type": "string",
                    "format": "binary",
                    "contentMediaType": media_type,
                    "description": description,
                }
            }
    if route == "extract_features":
        content[NPY] = {"schema": {"type": "string", "format": "binary", "contentMediaType": NPY}}
        headers |= header_refs(["X-ECG-Errors"])
    return {"description": ROUTE_TEXTS[route].answer, "headers": headers, "content": content}


def _with_options(schema: Schema, route: Route) -> Schema:
    return {"allOf": [schema, ref(f"{route}_options")]}

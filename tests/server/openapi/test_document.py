"""/openapi.json is complete, its examples work, and real answers are valid by its schemas."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import httpx
import jsonschema
import msgpack
import numpy as np
import pytest
from fastapi import FastAPI
from openapi_spec_validator import validate

from analysis.options import PARTS
from errors import public_errors
from formats.hints import HINT_NAMES
from heads.one_lead.model import RhythmLabel, shipped_description
from model_store.labels import Label
from server.app import configure_app
from server.openapi.document import ONLY_ON, ROUTES, openapi_document
from server.openapi.examples import FS, record, record_by_lead
from server.openapi.loaded_models import LoadedModels
from server.openapi.parameters import ANSWER_HEADERS, HINT_SCHEMAS, OPTION_SCHEMAS
from server.pages.docs import DOCS_ROUTES
from server.pages.viewer import VIEWER_ROUTES
from server.recording_routes import ROUTE_OPTIONS
from server.settings import Settings
from tests.analysis.deployments import BOTH
from tests.server.harness import RunningServer

DOCUMENT = openapi_document(Settings())
BODY_TYPES = list(DOCUMENT["paths"]["/analyze"]["post"]["requestBody"]["content"])
BESIDE = {"fs": str(FS), "lead_names": "I,II", "units": "mV"}


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def strict(components: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas without further fields: an answer must have only documented ones."""
    closed = deepcopy(components)
    for schema in closed["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return closed


STRICT = strict(DOCUMENT["components"])


def check(value: object, schema: dict[str, Any], components: dict[str, Any] = STRICT) -> None:
    jsonschema.Draft202012Validator({**schema, "components": components}).validate(value)


def answer_schema(route: str, status: int = 200, kind: str = "application/json") -> dict[str, Any]:
    schema = DOCUMENT["paths"][f"/{route}"]["post"]["responses"][str(status)]["content"][kind][
        "schema"
    ]
    assert isinstance(schema, dict)
    return schema


def npy(array: object) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array, np.float32))
    return buffer.getvalue()


def post(client: httpx.Client, route: str, body_type: str) -> httpx.Response:
    """The document's example of one record as a body of this type."""
    example = record()
    if body_type == "multipart/form-data":
        return client.post(
            f"/{route}", files={"file": ("record.npy", npy(example["signal"]))}, data=BESIDE
        )
    bodies = {
        "application/json": (json.dumps(example).encode(), {}),
        "application/x-npy": (npy(example["signal"]), BESIDE),
        "application/octet-stream": (json.dumps(example).encode(), {}),
        "application/msgpack": (msgpack.packb(example), {}),
    }
    content, params = bodies[body_type]
    return client.post(
        f"/{route}", content=content, params=params, headers={"Content-Type": body_type}
    )


def test_the_document_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    validate(DOCUMENT)


def test_the_server_serves_that_document_with_its_own_limits() -> None:
    with (
        RunningServer(ECG_MODEL="none", ECG_MAX_RECORDS="7", ECG_SIGNAL_WORKERS="1") as server,
        server.client() as client,
    ):
        answer = client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == openapi_document(Settings(max_records=7))
    assert "7 records" in answer.json()["paths"]["/analyze"]["post"]["requestBody"]["description"]


def test_every_route_is_documented_and_no_other() -> None:
    app = FastAPI(openapi_url=None)
    configure_app(app)
    pages = VIEWER_ROUTES | DOCS_ROUTES
    served = {
        (route.path, method.lower())
        for route in app.routes
        for method in getattr(route, "methods", None) or ()
        if route.path not in pages and method != "HEAD"
    }
    assert {
        (path, method) for path, methods in DOCUMENT["paths"].items() for method in methods
    } == served


@pytest.mark.parametrize("body_type", BODY_TYPES)
@pytest.mark.parametrize("route", ROUTES)
def test_the_example_works_in_every_body_type(
    client: httpx.Client, route: str, body_type: str
) -> None:
    answer = post(client, route, body_type)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    check(answer.json(), answer_schema(route))
    assert all(name in answer.headers for name in ANSWER_HEADERS)


@pytest.mark.parametrize("name", DOCUMENT["components"]["examples"])
@pytest.mark.parametrize("route", ROUTES)
def test_each_json_example_is_valid_and_works(client: httpx.Client, route: str, name: str) -> None:
    example = DOCUMENT["components"]["examples"][name]["value"]
    check(
        example,
        DOCUMENT["paths"][f"/{route}"]["post"]["requestBody"]["content"]["application/json"][
            "schema"
        ],
        DOCUMENT["components"],
    )
    answer = client.post(f"/{route}", json=example)
    assert answer.status_code == 200, answer.text
    assert "error" not in answer.text
    check(answer.json(), answer_schema(route))


@pytest.mark.parametrize("route", ROUTES)
def test_answers_for_many_records_validate_also_where_one_failed(
    client: httpx.Client, route: str
) -> None:
    body = {"records": [record_by_lead(), {"signal": {"I": [0.0] * 50}, "fs": 50}, {"fs": 50}]}
    answer = client.post(f"/{route}", json=body)
    assert answer.status_code == 200
    assert ["error" in result for result in answer.json()["results"]] == [False, True, True]
    check(answer.json(), answer_schema(route))
    lines = client.post(
        f"/{route}", json=body, headers={"Accept": "application/x-ndjson"}
    ).text.splitlines()
    assert len(lines) == 3
    for line in lines:
        check(
            json.loads(line),
            answer_schema(route, kind="application/x-ndjson"),
            DOCUMENT["components"],
        )


def test_an_analysis_with_every_part_validates(
    client: httpx.Client, bare_server: RunningServer
) -> None:
    body = record() | {"include": ["all"]}
    with bare_server.client() as bare:
        for answer in (client.post("/analyze", json=body), bare.post("/analyze", json=body)):
            assert set(PARTS) <= answer.json().keys()
            check(answer.json(), answer_schema("analyze"))


def test_answer_types_are_those_that_come(client: httpx.Client) -> None:
    for route in ROUTES:
        for kind in DOCUMENT["paths"][f"/{route}"]["post"]["responses"]["200"]["content"]:
            answer = client.post(f"/{route}", json=record(), headers={"Accept": kind})
            assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


@pytest.mark.parametrize("route", ROUTES)
def test_every_option_and_hint_is_a_query_parameter_and_a_form_field(route: str) -> None:
    operation = DOCUMENT["paths"][f"/{route}"]["post"]
    query = {
        parameter["name"] for parameter in operation["parameters"] if parameter.get("in") == "query"
    }
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"].keys()
    assert set(HINT_SCHEMAS) == HINT_NAMES
    assert query == HINT_NAMES | set(ROUTE_OPTIONS[route]) == form - {"file"}  # type: ignore[index]


@pytest.mark.parametrize(
    ("route", "option", "value"),
    [
        (route, option, value)
        for route in ROUTES
        for option in ROUTE_OPTIONS[route]
        for value in OPTION_SCHEMAS[option].get(
            "enum", OPTION_SCHEMAS[option].get("items", {}).get("enum", ())
        )
    ],
)
def test_every_documented_value_is_allowed(
    client: httpx.Client, route: str, option: str, value: str
) -> None:
    assert client.post(f"/{route}", json=record(), params={option: value}).status_code == 200


@pytest.mark.parametrize(
    ("route", "option"), [(route, option) for route in ROUTES for option in ROUTE_OPTIONS[route]]
)
def test_no_other_value_is_allowed(client: httpx.Client, route: str, option: str) -> None:
    answer = client.post(f"/{route}", json=record(), params={option: "surely-not"})
    assert answer.status_code == 422
    check(answer.json(), answer_schema(route, 422, "application/problem+json"))


BAD_REQUESTS: list[tuple[str, dict[str, Any], str]] = [
    (
        "analyze",
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        "malformed_body",
    ),
    (
        "analyze",
        {"content": b"a,b", "headers": {"Content-Type": "text/csv"}},
        "unsupported_media_type",
    ),
    (
        "analyze",
        {"content": b"%PDF-1.7", "headers": {"Content-Type": "application/octet-stream"}},
        "unknown_format",
    ),
    ("analyze", {"json": {"fs": 50}}, "missing_field"),
    ("analyze", {"json": record() | {"fs": 5}}, "bad_sampling_rate"),
    ("analyze", {"json": record() | {"lead_names": ["I", "V9"]}}, "unknown_lead"),
    ("analyze", {"json": record() | {"include": ["lables"]}}, "unknown_part"),
    ("analyze", {"json": record() | {"thresholds": {"WPW": 0.5}}}, "unknown_label"),
    ("analyze", {"json": {"records": [{}] * 300}}, "too_many_records"),
    ("extract_features", {"json": record() | {"layer": 99}}, "layer_out_of_range"),
    (
        "extract_features",
        {"json": {"signal": {"V1": record()["signal"][0]}, "fs": FS}},
        "too_few_leads",
    ),
    ("assess_quality", {"json": record() | {"recording_duration": 9}}, "duration_mismatch"),
]


@pytest.mark.parametrize(
    ("route", "request_", "code"), BAD_REQUESTS, ids=[code for _, _, code in BAD_REQUESTS]
)
def test_errors_are_documented_where_they_come(
    client: httpx.Client, route: str, request_: dict[str, Any], code: str
) -> None:
    answer = client.post(f"/{route}", **request_)
    assert answer.json()["code"] == code
    check(answer.json(), answer_schema(route, answer.status_code, "application/problem+json"))


def test_every_error_has_an_example_in_its_place() -> None:
    documented: set[str] = set()
    for route in ROUTES:
        for status, response in DOCUMENT["paths"][f"/{route}"]["post"]["responses"].items():
            for code, example in (
                response["content"].get("application/problem+json", {}).get("examples", {}).items()
            ):
                check(
                    example["value"], answer_schema(route, int(status), "application/problem+json")
                )
                documented.add(code)
    codes = {kind.code for kind in public_errors()}
    nowhere = {code for code, routes in ONLY_ON.items() if not set(routes) & set(ROUTES)}
    assert documented == codes - nowhere
    assert set(ONLY_ON) <= codes


def test_examples_of_answers_validate() -> None:
    for route in ROUTES:
        check(
            DOCUMENT["paths"][f"/{route}"]["post"]["responses"]["200"]["content"][
                "application/json"
            ]["example"],
            answer_schema(route),
        )


@pytest.mark.parametrize("path", ["/health", "/models", "/examples", "/"])
def test_the_operators_answers_validate(
    client: httpx.Client, bare_server: RunningServer, path: str
) -> None:
    schema = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    with bare_server.client() as bare:
        for answer in (client.get(path), bare.get(path)):
            check(answer.json(), schema)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_the_operators_lines_have_the_documented_type(client: httpx.Client, path: str) -> None:
    (kind,) = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]
    assert client.get(path).headers["content-type"].startswith(kind)


def test_what_integrators_must_know_is_said() -> None:
    text = json.dumps(openapi_document(Settings(), LoadedModels.of(BOTH)))
    for said in (
        "Research use only",
        "w / (1 + w)",
        "not WPW",
        "probability_prior_corrected",
        "X-Request-Deadline-Ms",
    ):
        assert said in text


def described(document: dict[str, Any], route: str) -> str:
    return str(document["paths"][f"/{route}"]["post"]["description"])


def test_it_explains_the_labels_of_the_loaded_models(client: httpx.Client) -> None:
    served = client.get("/openapi.json").json()
    models = {model["role"]: model for model in client.get("/models").json()["models"]}
    text = described(served, "analyze")
    for model in (models["clinical"], models["superclass"]):
        assert f"**{model['name']}**. " in text
        for label in model["labels"]:
            assert f"| {label['name']} | {label['joining']} | {label['threshold']:.3f} |" in text
    assert "Accessory pathway conduction** is not WPW" in text
    widths = described(served, "extract_features")
    assert all(f"from `{model['name']}`" in widths for model in models.values())


def test_a_calibrated_model_is_not_described_as_ecg_fm() -> None:
    labels = (Label("Sinus rhythm", "mean", None, 0.4), Label("NORM", "max", None, 0.3, "normal"))
    loaded = LoadedModels((("mine", labels),), (("mine", 512),))
    document = openapi_document(Settings(), loaded)
    text = described(document, "analyze")
    assert "| NORM | max | 0.300 | normal |" in text
    assert "calibrated" in text and "is not WPW" not in text and "w / (1 + w)" not in text
    assert "512 from `mine`" in described(document, "extract_features")
    assert "`labels` and `superclass` are null" in described(DOCUMENT, "analyze")


@pytest.mark.parametrize("label", shipped_description().labels, ids=lambda label: label.name)
def test_it_explains_the_labels_of_few_leads(label: RhythmLabel) -> None:
    text = described(DOCUMENT, "analyze")
    assert "A recording of fewer than six leads" in text and "**one-lead**. " in text
    assert f"| {label.name} | mean | {label.threshold:.3f} | {label.description} |" in text

"""The client's types against /openapi.json: neither side may have a field that the other lacks."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from ecgfm_client import results
from ecgfm_client.results import Analysis, Encoder, Features, Health, Quality, array

from server.openapi.document import openapi_document
from server.settings import Settings

SCHEMAS = openapi_document(Settings())["components"]["schemas"]

# Dataclasses with the same fields as a component.
SAME = {
    results.Label: "Label",
    results.Measurements: "Measurements",
    results.Finding: "Finding",
    results.ClinicalFinding: "ClinicalFinding",
}
# Dataclasses with other names or places: client field -> path in the component.
PLACES: dict[type, tuple[str, dict[str, str]]] = {
    Encoder: ("Encoder", {name: name for name in ("name", "revision", "sha256")}),
    Quality: (
        "QualityAnswer",
        {
            "signal_quality": "signal_quality",
            "readable": "readable",
            "probability_readable": "probability_readable",
            "lead_words": "leads",
            "findings": "findings",
            "recommendation": "recommendation",
            "warnings": "warnings",
        },
    ),
    Features: (
        "Embedding",
        {
            "values": "features",
            "segments": "segments",
            "encoder": "model",
            "warnings": "warnings",
        },
    ),
    Health: (
        "Health",
        {
            "status": "status",
            "reasons": "reasons",
            "version": "version",
            "in_flight": "in_flight",
            "limit": "limit",
            "encoders": "model",
        },
    ),
    Analysis: (
        "Analysis",
        {
            **{
                name: f"clinical_analysis.{name}"
                for name in (
                    "rhythm",
                    "rhythm_source",
                    "confidence",
                    "axis_deviation",
                    "abnormalities",
                )
            },
            **{
                name: name
                for name in (
                    "findings",
                    "labels",
                    "superclass",
                    "pacemaker",
                    "measurements",
                    "signal_quality",
                    "quality",
                    "features",
                    "fiducials",
                    "hrv",
                    "reported",
                    "segments",
                    "warnings",
                    "request_id",
                )
            },
            "encoder": "model",
        },
    ),
}
# Fields of the component that the client leaves in `raw`.
ONLY_RAW = {
    Encoder: {"source"},
    Quality: {"id", "request_id", "processing_time", "version"},
    Features: {"id", "request_id", "processing_time", "version", "shape"},
    Health: {"uptime_s", "workers", "limits"},
    Analysis: {
        "id",
        "processing_time",
        "version",
        "labels_by_segment",
        "saliency",
        "signal",
        "representative_beat",
        "matrix",
        "heads",
    },
}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema that a reference points to."""
    while "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rsplit("/", 1)[1]]
    return schema


def json_types(schema: dict[str, Any]) -> set[str]:
    schema = resolved(schema)
    if "anyOf" in schema:
        return set().union(*(json_types(choice) for choice in schema["anyOf"]))
    kinds = schema["type"]
    return set(kinds) if isinstance(kinds, list) else {kinds}


def python_types(annotation: Any) -> set[str]:
    """Return the JSON types that a client's annotation stands for."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return set().union(*(python_types(choice) for choice in get_args(annotation)))
    plain = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    if annotation in plain:
        return {plain[annotation]}
    if dataclasses.is_dataclass(annotation) or origin in (dict, Mapping):
        return {"object"}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"object"}
    assert origin in (tuple, list, np.ndarray), annotation
    return {"array"}


def at(component: str, path: str) -> dict[str, Any]:
    schema = SCHEMAS[component]
    for name in path.split("."):
        schema = resolved(schema)
        if "anyOf" in schema:
            (schema,) = [resolved(part) for part in schema["anyOf"] if part != {"type": "null"}]
        schema = schema["properties"][name]
    return schema


@pytest.mark.parametrize(("kind", "component"), SAME.items(), ids=str)
def test_a_value_has_the_fields_and_types_of_its_component(kind: type, component: str) -> None:
    hints = get_type_hints(kind)
    assert set(hints) == set(SCHEMAS[component]["properties"])
    assert set(hints) == set(SCHEMAS[component]["required"])
    for name, annotation in hints.items():
        assert python_types(annotation) == json_types(at(component, name)), name


@pytest.mark.parametrize("kind", PLACES, ids=lambda kind: kind.__name__)
def test_every_field_of_a_component_is_read_or_left_in_raw(kind: type) -> None:
    component, places = PLACES[kind]
    own = {field.name for field in dataclasses.fields(kind)} - {"raw"}
    assert own == set(places)
    read = {path.split(".")[0] for path in places.values()}
    assert read | ONLY_RAW[kind] == set(SCHEMAS[component]["properties"])
    assert not read & ONLY_RAW[kind]


@pytest.mark.parametrize("kind", PLACES, ids=lambda kind: kind.__name__)
def test_types_are_those_of_the_component(kind: type) -> None:
    component, places = PLACES[kind]
    hints = get_type_hints(kind)
    for name, path in places.items():
        if path == "model":  # `encoder` and `encoders` are read from within
            continue
        # A part that is null may also be absent; both are None for the client.
        missing = {"null"} if path not in SCHEMAS[component]["required"] else set()
        nullable = {"null"} if python_types(hints[name]) >= {"null"} else set()
        expected = json_types(at(component, path))
        assert python_types(hints[name]) - missing == expected - missing | (nullable - missing), (
            name
        )


def test_an_encoders_fields_are_those_of_an_answer_and_of_health() -> None:
    own = {field.name for field in dataclasses.fields(Encoder)}
    for component in ("Encoder", "HealthEncoder"):
        assert own <= set(SCHEMAS[component]["properties"])


def test_further_fields_of_a_newer_server_stay_in_raw() -> None:
    answer = {
        "signal_quality": "Good",
        "readable": True,
        "probability_readable": 0.75,
        "leads": {"II": {"word": "Poor", "findings": [], "colour": "red"}},
        "findings": [
            {"code": "gaps", "lead": "II", "value": 1.5, "limit": 0.5, "advice": "a", "new": 1}
        ],
        "recommendation": "r",
        "warnings": ["w"],
        "surprise": 3,
    }
    quality = Quality.read(answer)
    assert quality.lead_words == {"II": "Poor"}
    assert quality.findings == (results.Finding("gaps", "II", 1.5, 0.5, "a"),)
    assert (quality.warnings, quality.raw["surprise"]) == (("w",), 3)


def test_what_an_older_server_does_not_say_has_its_default() -> None:
    analysis = Analysis.read({"measurements": {"qrs_ms": 96.0, "beats": 11}})
    assert analysis.measurements is not None
    assert (analysis.measurements.qrs_ms, analysis.measurements.qt_ms) == (96.0, None)
    assert analysis.measurements.method == "delineator"
    assert analysis.measurements.reference_ranges == {}


def test_parts_that_are_absent_or_null_are_none() -> None:
    for parts in ({}, {"labels": None, "quality": None, "features": None, "measurements": None}):
        analysis = Analysis.read({"segments": 0, "model": {"encoder": None}, **parts})
        assert (analysis.labels, analysis.quality, analysis.features) == (None, None, None)
        assert (analysis.measurements, analysis.encoder, analysis.rhythm) == (None, None, None)
        assert (analysis.abnormalities, analysis.warnings) == ((), ())


def test_an_embedding_needs_its_encoder() -> None:
    with pytest.raises(ValueError, match="without the name of its encoder"):
        Features.read({"features": [1.0], "segments": 1, "model": {"encoder": None}})


def test_arrays_come_as_lists_or_binary() -> None:
    packed = {"dtype": "<f2", "shape": [2, 2], "data": np.array([1, 2, 3, 4], "<f2").tobytes()}
    np.testing.assert_array_equal(array(packed), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(array([1.5, None]), [1.5, np.nan])
    assert array(packed).dtype == array([1]).dtype == np.float32

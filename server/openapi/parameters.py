"""What may stand beside a recording in /openapi.json: the options, what a file doesn't say of itself, and headers."""

from __future__ import annotations

from typing import Any

from analysis.options import DEFAULT_PARTS, ON_DEMAND_PARTS, PARTS
from formats.fields import MAX_AGE_YEARS, MAX_DATE_CHARS, MAX_ID_CHARS
from server.media_types import JSON
from server.recording_routes import ROUTE_OPTIONS, Route
from server.routes.admission import MAX_DEADLINE_MS
from signals.checks import MAX_FS_HZ, MIN_FS_HZ
from signals.leads import LEADS

Schema = dict[str, Any]


def _choice(description: str, *values: str) -> Schema:
    # Defaults are told in words: as `default`, Swagger UI would send them, and pooling=mean contradicts level=token.
    return {"type": "string", "enum": list(values), "description": description}


OPTION_SCHEMAS: dict[str, Schema] = {
    "include": {
        "type": "array",
        "items": {"type": "string", "enum": [*PARTS, "all"]},
        "description": f"The parts of the answer. Default: {', '.join(DEFAULT_PARTS)}. On demand: {', '.join(ON_DEMAND_PARTS)}.",
    },
    "aggregate": _choice(
        "How a label's probabilities are joined over segments. Default: each label's own rule (see /models).",
        "mean",
        "max",
    ),
    "thresholds": {
        "type": "object",
        "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
        "description": "Label -> the probability from which on it is positive. Default: the bundle's own.",
    },
    "model": {
        "type": "string",
        "description": "`features` (pretrained), `clinical` (fine-tuned), or the name of a loaded encoder: the one that gives the "
        "embedding. Labels are always the clinical one's.",
    },
    "pooling": _choice(
        "How tokens are joined to one vector a segment; `none` means level `token`. Default: mean.",
        "mean",
        "max",
        "none",
    ),
    "layer": {
        "type": "integer",
        "description": "0 is the transformer's input, i the output of layer i, -1 (the default) what is pooled.",
    },
    "level": _choice(
        "How far the values are joined: one vector a record (mean over segments; the default), a segment, or a token.",
        "record",
        "segment",
        "token",
    ),
    "dtype": _choice("Numbers on the wire. Default: float32.", "float32", "float16"),
    "lang": _choice("Of the description. Default: en.", "en", "de"),
}

# `id` may be repeated, the others not.
HINT_SCHEMAS: dict[str, Schema] = {
    "fs": {
        "type": "number",
        "minimum": MIN_FS_HZ,
        "maximum": MAX_FS_HZ,
        "description": "Samples per second; an .npy needs it.",
    },
    "lead_names": {
        "type": "string",
        "description": f"Comma-separated, in the order of the rows. Default: {','.join(LEADS)}.",
    },
    "leads": {"type": "string", "description": "Another name for `lead_names`."},
    "units": {
        "type": "string",
        "enum": ["mV", "uV", "V", "unknown"],
        "description": "Default mV; whole numbers need `units` or `gain`.",
    },
    "gain": {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "ADC units per mV: mV = value / gain.",
    },
    "age": {
        "type": "number",
        "minimum": 0,
        "maximum": MAX_AGE_YEARS,
        "description": "Years; for reference ranges only.",
    },
    "sex": {
        "type": "string",
        "enum": ["male", "female", "m", "f", "other"],
        "description": "For reference ranges only.",
    },
    "recording_date": {"type": "string", "maxLength": MAX_DATE_CHARS},
    "recording_duration": {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "Seconds, as a check on the number of samples.",
    },
    "id": {
        "type": "array",
        "items": {"type": "string", "maxLength": MAX_ID_CHARS},
        "description": "Yours, echoed back; repeated for an array of many records.",
    },
}


def options_schema(route: Route) -> Schema:
    """The options as fields of a JSON or msgpack body."""
    return {
        "type": "object",
        "properties": {name: OPTION_SCHEMAS[name] for name in ROUTE_OPTIONS[route]},
    }


def form_schema(route: Route) -> Schema:
    """A form: files under any name, options and hints as text fields."""
    files = {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "description": "One or more files, under any field name.",
    }
    fields = {name: _as_text(OPTION_SCHEMAS[name]) for name in ROUTE_OPTIONS[route]} | HINT_SCHEMAS
    return {"type": "object", "properties": {"file": files, **fields}, "required": ["file"]}


def query_parameters(route: Route) -> list[Schema]:
    """Options hold for every content type, hints for .npy, files and forms, which don't name them within."""
    options = [_option_parameter(name) for name in ROUTE_OPTIONS[route]]
    hints = [
        _parameter(
            "query",
            name,
            schema,
            "For .npy and files; in JSON and msgpack it is a field of the record.",
        )
        for name, schema in HINT_SCHEMAS.items()
    ]
    return options + hints


def request_headers() -> list[Schema]:
    """Taken by the routes that take recordings; the names are components, see `HEADER_PARAMETERS`."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in HEADER_PARAMETERS]


def _option_parameter(name: str) -> Schema:
    if name == "thresholds":  # a JSON text: the one option that is an object
        return {
            "name": name,
            "in": "query",
            "description": OPTION_SCHEMAS[name]["description"],
            "content": {JSON: {"schema": _without_description(OPTION_SCHEMAS[name])}},
        }
    parameter = _parameter("query", name, OPTION_SCHEMAS[name], "")
    return {**parameter, "style": "form", "explode": False} if name == "include" else parameter


def _parameter(place: str, name: str, schema: Schema, more: str) -> Schema:
    said = " ".join(text for text in (schema.get("description", ""), more) if text)
    return {"name": name, "in": place, "description": said, "schema": _without_description(schema)}


def _without_description(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != "description"}


def _as_text(schema: Schema) -> Schema:
    """An option as a form has it: lists are comma-separated, objects JSON texts."""
    if schema["type"] == "array":
        return {"type": "string", "description": schema["description"] + " Comma-separated."}
    if schema["type"] == "object":
        return {
            "type": "string",
            "contentMediaType": JSON,
            "description": schema["description"] + " A JSON text.",
        }
    return schema


HEADER_PARAMETERS: dict[str, Schema] = {
    "RequestId": _parameter(
        "header",
        "X-Request-ID",
        {
            "type": "string",
            "pattern": "^[A-Za-z0-9._-]{1,64}$",
            "description": "Yours, for the log and the answer; made where none is sent.",
        },
        "",
    ),
    "Deadline": _parameter(
        "header",
        "X-Request-Deadline-Ms",
        {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_DEADLINE_MS,
            "description": "Milliseconds from the request's start after which you no longer wait: then 504, and the work is dropped.",
        },
        "",
    ),
    "ContentEncoding": _parameter(
        "header",
        "Content-Encoding",
        {
            "type": "string",
            "enum": ["identity", "gzip", "zstd"],
            "description": "Of the body; the size limit holds after unpacking too.",
        },
        "",
    ),
}

ANSWER_HEADERS: dict[str, Schema] = {
    "X-Request-ID": {
        "description": "The request's id, also in the log.",
        "schema": {"type": "string"},
    },
    "Server-Timing": {
        "description": "Milliseconds in each stage: parse, queue, measure, segment, encode, assemble.",
        "schema": {"type": "string"},
    },
}
RETRY_AFTER: Schema = {
    "description": "Seconds after which another try makes sense.",
    "schema": {"type": "integer"},
}
ECG_ERRORS: Schema = {
    "description": "Of an .npy of many: the records that failed, whose rows are NaN, as `3:too_short,7:ragged_signal`.",
    "schema": {"type": "string"},
}

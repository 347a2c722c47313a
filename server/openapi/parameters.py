"""The parameters of the routes that take recordings: options, hints about a file, and headers."""

from __future__ import annotations

from typing import Any

from analysis.options import DEFAULT_PARTS, ON_DEMAND_PARTS, PARTS
from formats.fields import MAX_AGE_YEARS, MAX_DATE_CHARS, MAX_ID_CHARS
from report.measurement_rows import PRINTED
from server.recording_routes import ROUTE_OPTIONS, Route
from server.routes.admission import MAX_DEADLINE_MS
from server.stages.predict_form import ABOVE_YEARS
from server.stages.report_options import GAINS, LAYOUTS, MAX_INITIALS, PAPERS, SPEEDS
from signals.checks import MAX_FS_HZ, MIN_FS_HZ
from signals.leads import LEADS

Schema = dict[str, Any]


def _choice(description: str, *values: str) -> Schema:
    # Defaults are part of the description: Swagger UI sends a `default`, and pooling=mean
    # contradicts level=token.
    return {"type": "string", "enum": list(values), "description": description}


# The report's, which /analyze answers with Accept: application/pdf, image/png, application/dicom.
REPORT_SCHEMAS: dict[str, Schema] = {
    "layout": _choice(
        "Report: rows x columns of the leads; `cabrera` is 3x4 with the limb leads as aVL, I, "
        "-aVR, II, aVF, III. 3x4 and cabrera have a rhythm strip. Default: 3x4.",
        *LAYOUTS,
    ),
    "speed": {
        "type": "integer",
        "enum": list(SPEEDS),
        "description": "Report: mm of paper for one second. Default: 25.",
    },
    "mm_per_mv": {
        "type": "integer",
        "enum": list(GAINS),
        "description": "Report: mm of paper for one mV. Default: 10.",
    },
    "paper": _choice("Report: A4 or Letter, landscape. Default: a4.", *PAPERS),
    "rhythm_lead": _choice("Report: the lead of the rhythm strip. Default: II.", *LEADS),
    "start_s": {
        "type": "number",
        "minimum": 0,
        "description": "Report: where the traces begin, in seconds from the recording's start. "
        "Default: 0.",
    },
    "by_hand": {
        "type": "object",
        "properties": {
            "initials": {"type": "string", "minLength": 1, "maxLength": MAX_INITIALS},
            **{name: {"type": "number"} for name in PRINTED},
        },
        "description": "Report: values that a person measured, which are printed instead of the "
        "computed ones, and that person's initials.",
    },
}

OPTION_SCHEMAS: dict[str, Schema] = {
    "include": {
        "type": "array",
        "items": {"type": "string", "enum": [*PARTS, "all"]},
        "description": f"The parts of the answer. Default: {', '.join(DEFAULT_PARTS)}. "
        f"On demand: {', '.join(ON_DEMAND_PARTS)}.",
    },
    "aggregate": _choice(
        "How a label's probabilities are joined over segments. "
        "Default: each label's own rule (see /models).",
        "mean",
        "max",
    ),
    "thresholds": {
        "type": "object",
        "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
        "description": "Label -> the probability from which on it is positive. "
        "Default: the bundle's own.",
    },
    "model": {
        "type": "string",
        "description": "The encoder of the embedding: `features` (pretrained), `clinical` "
        "(fine-tuned), or a loaded encoder's name. Labels are always the clinical encoder's.",
    },
    "pooling": _choice(
        "How tokens are joined to one vector for each segment; `none` means level `token`. "
        "Default: mean.",
        "mean",
        "max",
        "none",
    ),
    "layer": {
        "type": "integer",
        "description": "0 is the transformer's input, i the output of layer i, "
        "-1 (the default) the pooled layer.",
    },
    "level": _choice(
        "How far the values are joined: one vector for each record (mean over segments; the "
        "default), segment or token.",
        "record",
        "segment",
        "token",
    ),
    "dtype": _choice("Number type on the wire. Default: float32.", "float32", "float16"),
    "judge_unreadable": {
        "type": "boolean",
        "description": "Give labels, superclass, rhythm and pacemaker also for a recording that is "
        "unreadable or has no beats, each with a warning. Default: false.",
    },
    "measurements_method": _choice(
        "What the part `measurements` is measured by: the server's own delineator, or NeuroKit2 "
        "lead by lead, for comparison. Every other part is the server's own in either case. "
        "Default: the setting ECG_MEASUREMENTS_METHOD, which is delineator unless it was changed.",
        "delineator",
        "neurokit2",
    ),
    "lang": _choice("Language of the description, or of the report. Default: en.", "en", "de"),
    **REPORT_SCHEMAS,
}

# Of the options that are objects, which queries and forms have as JSON strings.
JSON_EXAMPLES: dict[str, str] = {
    "thresholds": '{"Atrial fibrillation": 0.5}',
    "by_hand": '{"qt_ms": 412, "initials": "XY"}',
}

# What a file may not state itself. Only `id` may be repeated.
HINT_SCHEMAS: dict[str, Schema] = {
    "fs": {
        "type": "number",
        "minimum": MIN_FS_HZ,
        "maximum": MAX_FS_HZ,
        "description": "Samples per second; required for .npy.",
    },
    "lead_names": {
        "type": "string",
        "description": "Comma-separated, in the order of the rows or channels; - leaves one out. "
        f"Or renames channels of a file: ECG1=II,Resp=-. Default: {','.join(LEADS)}.",
    },
    "leads": {"type": "string", "description": "Another name for `lead_names`."},
    "units": {
        "type": "string",
        "enum": ["mV", "uV", "V", "unknown"],
        "description": "Default mV; integers need `units` or `gain`.",
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
        "description": "Chosen by the client, returned unchanged; "
        "repeated for an array of many records.",
    },
}

# /predict needs the age: in a JSON file, or in a field. The example is what Swagger UI sends.
PREDICT_FIELDS: dict[str, Schema] = {
    "age": {
        **HINT_SCHEMAS["age"],
        "description": f"Years, where no JSON file states them; above {ABOVE_YEARS} for a result.",
        "examples": [63],
    },
    "recording_date": {
        **HINT_SCHEMAS["recording_date"],
        "description": "Returned unchanged, where no JSON file states it.",
    },
}


def options_schema(route: Route) -> Schema:
    """Return the options as fields of a JSON or msgpack body."""
    return {
        "type": "object",
        "properties": {name: OPTION_SCHEMAS[name] for name in ROUTE_OPTIONS[route]},
    }


def form_schema(route: Route) -> Schema:
    """Return a form: files under any name, options and hints as text fields."""
    files = {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "description": "One or more files, under any field name.",
    }
    fields = {name: _as_form_field(name) for name in ROUTE_OPTIONS[route]} | HINT_SCHEMAS
    if route == "predict":
        fields |= PREDICT_FIELDS
    return {"type": "object", "properties": {"file": files, **fields}, "required": ["file"]}


def query_parameters(route: Route) -> list[Schema]:
    """Return the query's parameters: options always, hints for .npy, files and forms."""
    options = [_option_parameter(name) for name in ROUTE_OPTIONS[route]]
    hints = [
        _parameter(
            "query",
            name,
            schema,
            "For .npy and files; a field of the record in JSON and msgpack.",
        )
        for name, schema in HINT_SCHEMAS.items()
    ]
    return options + hints


def request_headers() -> list[Schema]:
    """Return references to `HEADER_PARAMETERS`, which are components."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in HEADER_PARAMETERS]


def _option_parameter(name: str) -> Schema:
    schema = OPTION_SCHEMAS[name]
    if schema["type"] == "object":
        return _parameter("query", name, _as_json_string(name))
    parameter = _parameter("query", name, schema)
    if name == "include":
        parameter |= {"style": "form", "explode": False}
    return parameter


def _parameter(location: str, name: str, schema: Schema, note: str = "") -> Schema:
    description = f"{schema.get('description', '')} {note}".strip()
    return {
        "name": name,
        "in": location,
        "description": description,
        "schema": _without_description(schema),
    }


def _without_description(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != "description"}


def _as_form_field(name: str) -> Schema:
    """Return an option as a form has it: lists are comma-separated, objects are JSON strings."""
    schema = OPTION_SCHEMAS[name]
    if schema["type"] == "array":
        return {"type": "string", "description": schema["description"] + " Comma-separated."}
    if schema["type"] == "object":
        return _as_json_string(name)
    return schema


def _as_json_string(name: str) -> Schema:
    """Return an option that is an object as a query or a form has it.

    With a `contentMediaType`, Swagger UI would ask for a file.
    """
    description, example = OPTION_SCHEMAS[name]["description"], JSON_EXAMPLES[name]
    return {
        "type": "string",
        "description": f"{description} A JSON string: {example}.",
    }


HEADER_PARAMETERS: dict[str, Schema] = {
    "RequestId": _parameter(
        "header",
        "X-Request-ID",
        {
            "type": "string",
            "pattern": "^[A-Za-z0-9._-]{1,64}$",
            "description": "Chosen by the client, for the log and the answer; "
            "generated if none is sent.",
        },
    ),
    "Deadline": _parameter(
        "header",
        "X-Request-Deadline-Ms",
        {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_DEADLINE_MS,
            "description": "Milliseconds after the request's start when the client stops "
            "waiting: then 504, and the work is dropped.",
        },
    ),
    "ContentEncoding": _parameter(
        "header",
        "Content-Encoding",
        {
            "type": "string",
            "enum": ["identity", "gzip", "zstd"],
            "description": "Of the body; the size limit also applies after decompression.",
        },
    ),
}

ANSWER_HEADERS: dict[str, Schema] = {
    "X-Request-ID": {
        "description": "The request's id, also in the log.",
        "schema": {"type": "string"},
    },
    "Server-Timing": {
        "description": "Milliseconds in each stage: parse, queue, measure, segment, encode, "
        "assemble.",
        "schema": {"type": "string"},
    },
}
RETRY_AFTER: Schema = {
    "description": "Seconds after which to try again.",
    "schema": {"type": "integer"},
}
ECG_ERRORS: Schema = {
    "description": "In an .npy of many records: the failed ones, whose rows are NaN, as "
    "`3:too_short,7:ragged_signal`.",
    "schema": {"type": "string"},
}

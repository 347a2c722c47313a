"""From a request's bytes to its recordings and options.

Runs in the signal workers, away from the event loop. Never trusts a size that a body declares:
compressed bodies are decompressed up to the limit, and the readers in `formats/` check every size
before they allocate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from analysis.deployment import Deployment
from errors import BadType, MissingField, MissingPart, UnsupportedMediaType
from formats import msgpack_body
from formats.arrays.npy import records_from_npy
from formats.hints import HINT_NAMES, hints_from_params
from formats.json import signals as json_signals
from formats.mapping import record_from_mapping
from formats.parts import Part
from server.ipc.messages import Task
from server.media_types import (
    JSON,
    MSGPACK_NAMES,
    MULTIPART_FORM,
    NPY,
    OCTET_STREAM,
    without_parameters,
)
from server.recording_routes import ALL_OPTIONS, FORM_ROUTES, Route
from server.stages.classify_form import read_classify_form
from server.stages.decompression import decompress
from server.stages.diagnosis_form import read_diagnosis_form
from server.stages.legacy_forms import LegacyForm
from server.stages.multipart import check_boundary, parse_form
from server.stages.options import query_options, read_options, unknown_names, unknown_params
from server.stages.parsed_request import (
    Limits,
    ParsedRequest,
    PendingRecord,
    UploadedFiles,
    pending,
    with_warnings,
)
from server.stages.predict_form import read_predict_form
from server.stages.report_options import report_options

NPY_MAGIC = b"\x93NUMPY"
MIN_SAMPLE_BYTES = 2  # in msgpack's binary arrays: int16 or float16
DETECTED_JSON_BYTES = 65_536
JSON_FILE_MARKS = (b'"resourceType"', b'"voltageMeasurements"')
MAX_SHOWN_CHARS = 64  # of a header's value in an error
BODY_TYPES = (JSON, *MSGPACK_NAMES, NPY, OCTET_STREAM, MULTIPART_FORM)


def check_content_type(content_type: str, route: Route) -> None:
    """Refuse, before the body is read, a media type that `read_request` lacks.

    Raises UnsupportedMediaType, and MalformedBody for a form without a boundary.
    """
    media_type = without_parameters(content_type)
    if media_type == MULTIPART_FORM:
        check_boundary(content_type)
        return
    if media_type:
        problem = f"Content-Type is {media_type[:MAX_SHOWN_CHARS]}"
    else:
        problem = "Content-Type is missing"
    if route in FORM_ROUTES:
        raise UnsupportedMediaType(f"{problem}; /{route} accepts files as {MULTIPART_FORM}")
    # Any +json is read as JSON (RFC 6839).
    if media_type not in BODY_TYPES and not media_type.endswith("+json"):
        allowed = f"{JSON}, {NPY}, {MSGPACK_NAMES[0]}, {MULTIPART_FORM} or {OCTET_STREAM}"
        raise UnsupportedMediaType(f"{problem}; send {allowed}")


def check_not_empty(task: Task) -> None:
    """Raises MissingField: an empty body is not malformed, it lacks the signal."""
    if not task.body:
        raise MissingField(
            "the body is empty; a record with signal and fs is needed", loc=("signal",)
        )


def holds_files(content_type: str, body: bytes | bytearray) -> bool:
    """Return whether `read_request` finds files in a body, going by its type and first bytes.

    False for a body without files; true also for a compressed npy without its own media type.
    """
    media_type = without_parameters(content_type)
    if media_type == OCTET_STREAM:
        return not body.startswith(NPY_MAGIC)
    return media_type == MULTIPART_FORM or _is_json_file(media_type, body)


def _is_json_file(media_type: str, body: bytes | bytearray) -> bool:
    """Return whether a body is JSON of another layout than a record: FHIR, or an app's export.

    Apps send their exports as JSON, not as files. Reads the first bytes only.
    """
    if media_type != JSON and not media_type.endswith("+json"):
        return False
    start = bytes(body[:DETECTED_JSON_BYTES])
    return b'"signal"' not in start and any(mark in start for mark in JSON_FILE_MARKS)


def read_request(task: Task, deployment: Deployment, limits: Limits) -> ParsedRequest:
    """Return the request's options and its recordings or files, which are not read yet.

    Raises RequestError or a subclass of it, and NoModel.
    """
    body = decompress(bytes(task.body), task.content_encoding, limits.max_body_bytes)
    media_type = without_parameters(task.content_type)
    if media_type == MULTIPART_FORM:
        return _from_form(body, task, deployment, limits)
    if media_type in MSGPACK_NAMES:
        return _from_object(msgpack_body.loads(body), task, deployment, limits)
    if media_type == NPY or (media_type == OCTET_STREAM and body.startswith(NPY_MAGIC)):
        return _from_npy(body, task, deployment, limits)
    # `holds_files` cannot see into a compressed body, and files are not read in this process.
    is_json_file = not task.content_encoding and _is_json_file(media_type, task.body)
    if media_type == OCTET_STREAM or is_json_file:
        return _from_files([Part("", body)], task.params, task.head.route, deployment, limits)
    return _from_object(json_signals.loads(body), task, deployment, limits)


def _from_object(body: object, task: Task, deployment: Deployment, limits: Limits) -> ParsedRequest:
    """Read a JSON or msgpack object: one record, or `records`; options are fields of the object."""
    if not isinstance(body, Mapping):
        raise BadType(
            f'body is {_type_name(body)}; it must be an object: a record, or {{"records": [...]}}',
            loc=(),
        )
    values = query_options(task.params)
    values.update((name, value) for name, value in body.items() if name in ALL_OPTIONS)
    options = read_options(values, task.head.route, deployment)
    report = report_options(values, task.head.route)
    options = with_warnings(options, unknown_params(task.params))
    if "records" not in body:
        record = _record_of_mapping(body, (), ALL_OPTIONS)
        return ParsedRequest([record], False, options, report=report)
    records = body["records"]
    if not isinstance(records, list):
        raise BadType(
            f"records is {_type_name(records)}; it must be a list of records", loc=("records",)
        )
    limits.check_record_count(len(records))
    warnings = unknown_names(body, frozenset({"records"}), "field next to records")
    pending_records = [
        _record_of_mapping(record, ("records", index), frozenset())
        for index, record in enumerate(records)
    ]
    options = with_warnings(options, warnings)
    return ParsedRequest(pending_records, True, options, report=report)


def _record_of_mapping(
    record: object, loc: tuple[str | int, ...], extra_fields: frozenset[str]
) -> PendingRecord:
    return PendingRecord(
        lambda: record_from_mapping(record, loc=loc, extra_fields=extra_fields),
        _declared_seconds(record),
        loc,
    )


def _declared_seconds(record: object) -> float:
    """Return the length that a record declares, which sets the deadline; 0 where it is not valid.

    Errors are left to the reader of the record.
    """
    if not isinstance(record, Mapping):
        return 0.0
    fs = record.get("fs")
    if isinstance(fs, bool) or not isinstance(fs, int | float):
        return 0.0
    if not fs >= 1:  # also true for NaN
        return 0.0
    return _declared_samples(record.get("signal")) / float(fs)


def _declared_samples(signal: object) -> int:
    """Return an upper bound of the number of samples of each lead."""
    if isinstance(signal, Mapping):
        data = signal.get("data")
        if isinstance(data, bytes):
            # The shape is not trusted: with one lead there are at most this many samples.
            return len(data) // MIN_SAMPLE_BYTES
        leads = [lead for lead in signal.values() if isinstance(lead, list | np.ndarray)]
        return max(map(len, leads), default=0)
    if isinstance(signal, np.ndarray):
        return int(max(signal.shape))
    if not isinstance(signal, list) or not signal:
        return 0
    # (leads, samples) or (samples, leads): the longer axis is the samples.
    columns = len(signal[0]) if isinstance(signal[0], list) else 0
    return max(len(signal), columns)


def _from_npy(body: bytes, task: Task, deployment: Deployment, limits: Limits) -> ParsedRequest:
    values = query_options(task.params)
    options = read_options(values, task.head.route, deployment)
    options = with_warnings(options, unknown_params(task.params, HINT_NAMES))
    report = report_options(values, task.head.route)
    records, many = records_from_npy(body, hints_from_params(task.params), limits.max_records)
    limits.check_record_count(len(records))
    return ParsedRequest([pending(record) for record in records], many, options, report=report)


def _from_form(body: bytes, task: Task, deployment: Deployment, limits: Limits) -> ParsedRequest:
    fields, files = parse_form(body, task.content_type)
    if not files:
        raise MissingPart(
            "the form has no file; send the file, or the files of one recording, as file parts"
        )
    params = {**task.params, **fields}
    form: LegacyForm | None = None
    if task.head.route == "predict":
        form, files = read_predict_form(files, params)
    elif task.head.route == "classify":
        form = read_classify_form(query_options(params))
    elif task.head.route == "diagnosis":
        form = read_diagnosis_form(query_options(params))
    request = _from_files(files, params, task.head.route, deployment, limits)
    return replace(request, form=form)


def _from_files(
    files: list[Part],
    params: Mapping[str, list[str]],
    route: Route,
    deployment: Deployment,
    limits: Limits,
) -> ParsedRequest:
    """Return a request whose recording is in these files."""
    values = query_options(params)
    options = read_options(values, route, deployment)
    options = with_warnings(options, unknown_params(params, HINT_NAMES))
    upload = UploadedFiles(files, hints_from_params(params), limits.max_body_bytes)
    report = report_options(values, route)
    return ParsedRequest([], False, options, files=upload, report=report)


def _type_name(value: object) -> str:
    """Return a value's type as a client calls it."""
    names = {
        type(None): "null",
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a string",
        bytes: "binary",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), f"a {type(value).__name__}")

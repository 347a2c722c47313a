"""From a request's bytes to its recordings and options; runs in the signal worker, away from the event loop.

Nothing here is bounded by what a body says of itself: packed bodies are unpacked up to the limit, the readers in
`formats/` check every size before they allocate.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np
import zstandard
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, MultipartState, create_form_parser

from analysis.deployment import Deployment
from analysis.options import (
    ALL_OPTIONS,
    UPLOAD_ROUTES,
    Options,
    QualityOptions,
    Route,
    analyze_options,
    feature_options,
    misplaced_options,
)
from analysis.uploads import classify_options, predict_options
from errors import (
    BadType,
    BodyTooLarge,
    MalformedBody,
    MissingField,
    MissingPart,
    NoModel,
    TooManyRecords,
    UnsupportedMediaType,
)
from formats import msgpack_body
from formats.arrays.npy import records_from_npy
from formats.hints import HINT_NAMES, hints_from_params
from formats.json import body as json_body
from formats.json import signals as json_signals
from formats.mapping import record_from_mapping
from formats.parts import Part
from formats.registry import is_recording, read
from server.ipc.messages import Task
from signals.record import EcgRecord

JSON, MSGPACK, NPY, OCTETS, MULTIPART = (
    "application/json",
    "application/msgpack",
    "application/x-npy",
    "application/octet-stream",
    "multipart/form-data",
)
MSGPACK_TYPES = (MSGPACK, "application/x-msgpack", "application/vnd.msgpack")
MEDIA_TYPES = (JSON, *MSGPACK_TYPES, NPY, OCTETS, MULTIPART)
NPY_MAGIC = b"\x93NUMPY"
PACKED_PIECE_BYTES = 65_536  # fed to the unpacker at a time
MAX_GZIP_MEMBERS = 10_000  # bgzip makes one for 64 kB; each costs time however empty it is
MAX_UNKNOWN_NAMED = 10
MAX_FORM_PARTS = 1000
MAX_FORM_FIELD_BYTES = (
    65_536  # options and hints are short; thresholds for 17 labels are about 1 kB
)


@dataclass(frozen=True)
class Limits:
    """The settings that reading holds to."""

    max_body_bytes: int
    max_records: int
    max_seconds: float


@dataclass(frozen=True)
class PendingRecord:
    """A recording that is there but not yet checked.

    seconds  what it says of its length, 0 where it doesn't
    loc      where it lies in the body, for the places that errors name
    """

    read: Callable[[], EcgRecord]
    seconds: float
    loc: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class Request:
    records: list[PendingRecord]
    many: bool
    options: Options


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def check_media_type(content_type: str, route: Route) -> None:
    """Refuse before the body is read what no reader takes. Raises UnsupportedMediaType."""
    kind = media_type(content_type)
    if kind == MULTIPART or (
        route not in UPLOAD_ROUTES and (kind in MEDIA_TYPES or kind.endswith("+json"))
    ):
        return
    found = f"Content-Type is {kind[:64]}" if kind else "Content-Type is missing"
    if route in UPLOAD_ROUTES:
        raise UnsupportedMediaType(f"{found}; /{route} takes files as multipart/form-data")
    raise UnsupportedMediaType(
        f"{found}; send application/json, application/x-npy, application/msgpack, multipart/form-data or application/octet-stream"
    )


def check_encoding(content_encoding: str) -> None:
    if content_encoding not in ("", "identity", "gzip", "x-gzip", "zstd"):
        raise UnsupportedMediaType(
            f"Content-Encoding is {content_encoding[:64]}; read are gzip and zstd"
        )


def read_request(task: Task, deployment: Deployment, limits: Limits) -> Request:
    """Parse a body as far as its list of recordings, and its options. Raises RequestError and NoModel."""
    body = unpack(task.body, task.content_encoding, limits.max_body_bytes)
    kind = media_type(task.content_type)
    if kind == MULTIPART:
        return _from_multipart(body, task, deployment, limits)
    if kind in MSGPACK_TYPES:
        return _from_object(msgpack_body.loads(body), task, deployment, limits)
    if kind == NPY or (kind == OCTETS and body.startswith(NPY_MAGIC)):
        return _from_npy(body, task, deployment, limits)
    if kind == OCTETS:
        return _from_files([Part("", body)], task.params, task.head.route, deployment, limits)
    return _from_object(json_signals.loads(body), task, deployment, limits)


def unpack(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Undo gzip or zstd up to the limit. Raises MalformedBody, BodyTooLarge."""
    if encoding in ("", "identity"):
        return body
    try:
        unpacked = (
            _ungzip(body, limit_bytes)
            if encoding in ("gzip", "x-gzip")
            else _unzstd(body, limit_bytes)
        )
    except (zlib.error, zstandard.ZstdError, EOFError):
        raise MalformedBody(
            f"body is not {encoding} as Content-Encoding says, or is cut off"
        ) from None
    if len(unpacked) > limit_bytes:
        raise BodyTooLarge(f"body unpacks to more than {limit_bytes} bytes (ECG_MAX_BODY_MB)")
    return unpacked


def _ungzip(body: bytes, limit_bytes: int) -> bytes:
    """In small pieces: a bomb must not cost a multiple of the limit. A gzip body may have several members."""
    out: list[bytes] = []
    size = 0
    member, members = zlib.decompressobj(wbits=31), 1
    stream = io.BytesIO(body)
    while rest := member.unused_data or stream.read(PACKED_PIECE_BYTES):
        if member.eof:
            member, members = zlib.decompressobj(wbits=31), members + 1
        if members > MAX_GZIP_MEMBERS:
            raise EOFError
        out.append(member.decompress(rest, limit_bytes + 1 - size))
        size += len(out[-1])
        if size > limit_bytes:
            break
    else:
        if not member.eof:
            raise EOFError
    return b"".join(out)


def _unzstd(body: bytes, limit_bytes: int) -> bytes:
    with zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(
        body, read_across_frames=True
    ) as reader:
        return reader.read(limit_bytes + 1)


def read_options(values: Mapping[str, object], route: Route, deployment: Deployment) -> Options:
    """The route's options, with a warning for each that only another route has. Raises BadOption and its kin, NoModel."""
    if route == "extract_features" and not deployment.loaded:
        raise NoModel(deployment.no_model_reason())
    misplaced = misplaced_options(values, route)
    if route == "assess_quality":
        return QualityOptions(warnings=misplaced)
    if route == "classify":
        return _with_warnings(classify_options(values, deployment), misplaced)
    options = (
        analyze_options(values, deployment)
        if route == "analyze"
        else feature_options(values, deployment)
    )
    return replace(options, warnings=options.warnings + misplaced)


def _with_warnings(options: Options, warnings: tuple[str, ...]) -> Options:
    return replace(options, warnings=options.warnings + warnings)


def _query_options(params: Mapping[str, list[str]]) -> dict[str, object]:
    # include may be given once for each part; of anything else the last one counts
    return {
        name: ",".join(values) if name == "include" else values[-1]
        for name, values in params.items()
        if name in ALL_OPTIONS
    }


def _unknown_params(params: Mapping[str, list[str]], known: frozenset[str]) -> tuple[str, ...]:
    return _unknown(params, known, "parameter")


def _unknown(names: Iterable[object], known: frozenset[str], what: str) -> tuple[str, ...]:
    """A warning for each name that nobody reads, with the one that may have been meant; of many the first few."""
    unknown = [str(name)[:64] for name in names if name not in ALL_OPTIONS and name not in known]
    warnings = []
    for name in unknown[:MAX_UNKNOWN_NAMED]:
        close = get_close_matches(name.lower(), sorted(ALL_OPTIONS | known), n=1)
        warnings.append(
            f"{name}: unknown {what}, ignored" + (f"; did you mean {close[0]}?" if close else "")
        )
    if len(unknown) > MAX_UNKNOWN_NAMED:
        warnings.append(
            f"body: {len(unknown) - MAX_UNKNOWN_NAMED} more of the kind 'unknown {what}', ignored"
        )
    return tuple(warnings)


def _from_object(body: object, task: Task, deployment: Deployment, limits: Limits) -> Request:
    """A JSON or msgpack body: one record with options among its fields, or `records` with options beside it."""
    if not isinstance(body, Mapping):
        raise BadType(
            f'body is {_kind(body)}; it must be an object: a record, or {{"records": [...]}}',
            loc=(),
        )
    values = {
        **_query_options(task.params),
        **{name: body[name] for name in body if name in ALL_OPTIONS},
    }
    options = _with_warnings(
        read_options(values, task.head.route, deployment), _unknown_params(task.params, frozenset())
    )
    if "records" not in body:
        return Request([_mapping_record(body, (), ALL_OPTIONS)], False, options)
    records = body["records"]
    if not isinstance(records, list):
        raise BadType(
            f"records is {_kind(records)}; it must be a list of records", loc=("records",)
        )
    _check_count(len(records), limits)
    beside = _unknown(body, frozenset({"records"}), "field beside records")
    pending = [
        _mapping_record(record, ("records", index), frozenset())
        for index, record in enumerate(records)
    ]
    return Request(pending, True, _with_warnings(options, beside))


def _mapping_record(
    record: object, loc: tuple[str | int, ...], extra_fields: frozenset[str]
) -> PendingRecord:
    return PendingRecord(
        lambda: record_from_mapping(record, loc=loc, extra_fields=extra_fields),
        _claimed_seconds(record),
        loc,
    )


def _claimed_seconds(record: object) -> float:
    """How long a record says it is, to set the deadline; whatever is odd about it is found when it is read."""
    if not isinstance(record, Mapping):
        return 0.0
    signal, fs = record.get("signal"), record.get("fs")
    if (
        isinstance(fs, bool) or not isinstance(fs, int | float) or not fs >= 1
    ):  # NaN is not >= 1 either
        return 0.0
    return _claimed_samples(signal) / float(fs)


def _claimed_samples(signal: object) -> int:
    if isinstance(signal, Mapping):
        data, lists = (
            signal.get("data"),
            [row for row in signal.values() if isinstance(row, list | np.ndarray)],
        )
        # At least two bytes a sample: a bound that no shape can exceed.
        return len(data) // 2 if isinstance(data, bytes) else max(map(len, lists), default=0)
    if isinstance(signal, np.ndarray):
        return int(max(signal.shape))
    if not isinstance(signal, list) or not signal:
        return 0
    return max(len(signal), len(signal[0]) if isinstance(signal[0], list) else 0)


def _from_npy(body: bytes, task: Task, deployment: Deployment, limits: Limits) -> Request:
    options = read_options(_query_options(task.params), task.head.route, deployment)
    options = _with_warnings(options, _unknown_params(task.params, HINT_NAMES))
    records, many = records_from_npy(body, hints_from_params(task.params), limits.max_records)
    _check_count(len(records), limits)
    return Request([_ready_record(record) for record in records], many, options)


def _ready_record(record: EcgRecord) -> PendingRecord:
    return PendingRecord(lambda: record, record.duration_s)


def _from_files(
    parts: list[Part],
    params: Mapping[str, list[str]],
    route: Route,
    deployment: Deployment,
    limits: Limits,
) -> Request:
    options = read_options(_query_options(params), route, deployment)
    options = _with_warnings(options, _unknown_params(params, HINT_NAMES))
    record = read(parts, hints_from_params(params), max_bytes=limits.max_body_bytes)
    return Request([_ready_record(record)], False, options)


def _from_multipart(body: bytes, task: Task, deployment: Deployment, limits: Limits) -> Request:
    fields, parts = split_multipart(body, task.content_type)
    if not parts:
        raise MissingPart(
            "the form holds no file; send the file, or the files of one recording, as file parts"
        )
    params = {**task.params, **fields}
    if task.head.route == "predict":
        return _from_person(parts, params, limits)
    return _from_files(parts, params, task.head.route, deployment, limits)


def _from_person(parts: list[Part], params: Mapping[str, list[str]], limits: Limits) -> Request:
    """/predict's form: a JSON text about the patient, and one ECG; what is which is told by content."""
    texts = [
        part
        for part in parts
        if part.data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{" and not is_recording(part)
    ]
    if len(texts) != 1:
        raise MissingPart(
            f"the form holds {len(texts)} JSON texts about the patient; one with the age is needed, and an ECG's files"
        )
    about = json_body.loads(texts[0].data)
    if not isinstance(about, Mapping):
        raise BadType("the JSON text about the patient must be an object with an age", loc=("age",))
    options = predict_options(about)
    files = [part for part in parts if part is not texts[0]]
    if not files:
        raise MissingPart("the form holds a JSON text and no ECG; send the ECG's files too")
    warnings = _unknown_params(params, HINT_NAMES) + misplaced_options(
        _query_options(params), "predict"
    )
    record = read(files, hints_from_params(params), max_bytes=limits.max_body_bytes)
    return Request([_ready_record(record)], False, _with_warnings(options, warnings))


def split_multipart(body: bytes, content_type: str) -> tuple[dict[str, list[str]], list[Part]]:
    """A form's text fields and files, all in memory. Raises MalformedBody; BodyTooLarge for a long text field or too many of anything."""
    fields: dict[str, list[str]] = {}
    parts: list[Part] = []
    count = 0

    def one_more() -> None:
        nonlocal count
        count += 1
        if count > MAX_FORM_PARTS:
            raise BodyTooLarge(f"the form has more than {MAX_FORM_PARTS} fields and files")

    def on_field(field: Field) -> None:
        one_more()
        value = field.value or b""
        if len(value) > MAX_FORM_FIELD_BYTES:
            raise BodyTooLarge(
                f"a form field holds {len(value)} bytes; at most {MAX_FORM_FIELD_BYTES} are read, send recordings as file parts"
            )
        fields.setdefault(_text(field.field_name), []).append(_text(value))

    def on_file(file: File) -> None:
        one_more()
        file.file_object.seek(0)
        parts.append(Part(_text(file.file_name), file.file_object.read()))

    # One byte above the body's size: no file is ever spooled to disk.
    config = {
        "MAX_MEMORY_FILE_SIZE": len(body) + 1,
        "MAX_BODY_SIZE": len(body) + 1,
        "UPLOAD_KEEP_FILENAME": False,
    }
    try:
        parser = create_form_parser(
            {"Content-Type": content_type.encode("latin-1")}, on_field, on_file, config=config
        )
        stream = io.BytesIO(body)
        while chunk := stream.read(1 << 20):
            parser.write(chunk)
        parser.finalize()
        # The library takes a form that is cut off for a whole one, without the file that it was in.
        if getattr(parser.parser, "state", None) != MultipartState.END:
            raise FormParserError("it is cut off before its last boundary")
    except (FormParserError, UnicodeDecodeError, ValueError) as error:
        raise MalformedBody(f"the form cannot be read: {str(error)[:120]}") from None
    return fields, parts


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", errors="replace")


def _check_count(count: int, limits: Limits) -> None:
    if count > limits.max_records:
        raise TooManyRecords(
            f"{count} records; at most {limits.max_records} are taken at once (ECG_MAX_RECORDS)",
            loc=("records",),
        )


def _kind(value: object) -> str:
    names = {
        type(None): "null",
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        bytes: "binary",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), f"a {type(value).__name__}")


def missing_body(task: Task) -> MissingField | None:
    """An empty body is no malformed one: it lacks the signal."""
    return (
        MissingField("the body is empty; a record with signal and fs is needed", loc=("signal",))
        if not task.body
        else None
    )

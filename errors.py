"""The hierarchy of all errors: of a request, a file or a model.

    EcgError
    ├── RequestError           the request cannot be served
    │   ├── MalformedBody            400 malformed_body
    │   ├── MalformedRequest         400 malformed_request
    │   ├── Unauthorized             401 unauthorized
    │   ├── Forbidden                403 forbidden
    │   ├── CrossSite                403 cross_site
    │   ├── NotFound                 404 not_found
    │   ├── MethodNotAllowed         405 method_not_allowed
    │   ├── HeadTooSlow              408 head_too_slow
    │   ├── UploadTooSlow            408 upload_too_slow
    │   ├── BodyTooLarge             413 body_too_large
    │   ├── TooManyRecords           413 too_many_records
    │   ├── RecordingTooLong         413 recording_too_long
    │   ├── UnsupportedMediaType     415 unsupported_media_type
    │   ├── UnknownFormat            415 unknown_format
    │   ├── UnknownHost              421 unknown_host
    │   ├── Unprocessable            422, one class for each code below it
    │   └── HeadTooLarge             431 head_too_large
    ├── ServiceError           the server cannot serve a request now
    │   ├── Overloaded               429 overloaded
    │   ├── RateLimited              429 rate_limited
    │   ├── InternalError            500 internal_error
    │   ├── WorkerCrashed            500 worker_crashed
    │   ├── IssuerUnreachable        503 issuer_unreachable
    │   ├── Starting                 503 starting
    │   ├── TooManyConnections       503 too_many_connections
    │   ├── NoModel                  503 no_model
    │   ├── NotQueued                503 not_queued
    │   ├── WorkerRestarting         503 worker_restarting
    │   ├── ShuttingDown             503 shutting_down
    │   └── DeadlineExceeded         504 deadline_exceeded
    ├── ModelStoreError        weights missing, unreadable or untrusted (not a request's fault)
    │   ├── UnsafeCheckpoint, BadCheckpoint, BadBundle, HubError, ChecksumMismatch
    │   └── BadHead, WrongEncoder, UnknownHead, BadTrainingData   heads and their training data
    ├── AccessError            keys, tokens or certificates that the server cannot start with
    │   └── BadKeyFile, UnknownKey
    └── StationError           only the station has these
        ├── NoDatabase               503 no_database
        ├── BadDatabase              a database that the station cannot start with
        └── BadBridge                a setting of a bridge that the station cannot start with

Each class has an HTTP status and a stable `code`. `detail` names the field, the value found and the
values allowed. It never holds sample values, patient data, paths or tracebacks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One fault. `loc` is its path in the body, e.g. ("records", 3, "fs")."""

    loc: tuple[str | int, ...]
    msg: str


class EcgError(Exception):
    """Base class. `status` and `code` belong to the class, `detail` to the instance."""

    status: int = 500
    code: str = "internal_error"
    title: str = "Internal error"

    def __init__(
        self,
        detail: str,
        *,
        loc: Sequence[str | int] | None = None,
        errors: Sequence[FieldError] = (),
        retry_after_s: int | None = None,
        extension: Mapping[str, object] | None = None,
    ) -> None:
        """extension: additional members of the problem object (RFC 9457, 3.2)."""
        super().__init__(detail)
        self.detail = detail
        own = () if loc is None else (FieldError(tuple(loc), detail),)
        self.errors = tuple(errors) or own
        self.retry_after_s = retry_after_s
        self.extension = dict(extension or {})

    def problem(self, request_id: str | None = None) -> dict[str, object]:
        """Return the error as an RFC 9457 problem object."""
        problem: dict[str, object] = {
            "type": f"/docs/errors#{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.errors:
            problem["errors"] = [
                {"loc": list(error.loc), "msg": error.msg} for error in self.errors
            ]
        if request_id is not None:
            problem["request_id"] = request_id
        return problem | self.extension

    def under(self, prefix: tuple[str | int, ...]) -> EcgError:
        """Return the error with `prefix` before each `loc`: the path of one record among many."""
        if (
            not prefix
            or not self.errors
            or all(error.loc[: len(prefix)] == prefix for error in self.errors)
        ):
            return self
        errors = tuple(FieldError((*prefix, *error.loc), error.msg) for error in self.errors)
        return _rebuild(type(self), self.detail, errors, self.retry_after_s, self.extension)

    def with_extension(self, members: Mapping[str, object]) -> EcgError:
        """Return the error with more members. Its own members win."""
        return _rebuild(
            type(self), self.detail, self.errors, self.retry_after_s, {**members, **self.extension}
        )

    def __reduce__(self) -> tuple[object, ...]:
        # Errors are pickled between processes. The default would lose the keyword arguments.
        return _rebuild, (type(self), self.detail, self.errors, self.retry_after_s, self.extension)


def _rebuild(
    kind: type[EcgError],
    detail: str,
    errors: tuple[FieldError, ...],
    retry_after_s: int | None,
    extension: Mapping[str, object],
) -> EcgError:
    return kind(detail, errors=errors, retry_after_s=retry_after_s, extension=extension)


class RequestError(EcgError):
    status, code, title = 400, "malformed_body", "Bad request"


class MalformedBody(RequestError):
    status, code, title = 400, "malformed_body", "Body cannot be read"


class Unauthorized(RequestError):
    status, code, title = 401, "unauthorized", "Valid key required"


class Forbidden(RequestError):
    status, code, title = 403, "forbidden", "Scope missing"


class CrossSite(RequestError):
    status, code, title = 403, "cross_site", "Sent by a page of another site"


class MalformedRequest(RequestError):
    status, code, title = 400, "malformed_request", "Not a valid HTTP request"


class NotFound(RequestError):
    status, code, title = 404, "not_found", "No such page"


class MethodNotAllowed(RequestError):
    status, code, title = 405, "method_not_allowed", "Method not allowed"


class HeadTooSlow(RequestError):
    status, code, title = 408, "head_too_slow", "Head of the request too slow"


class HeadTooLarge(RequestError):
    status, code, title = 431, "head_too_large", "Head of the request too large"


class UploadTooSlow(RequestError):
    status, code, title = 408, "upload_too_slow", "Upload too slow"


class BodyTooLarge(RequestError):
    status, code, title = 413, "body_too_large", "Body too large"


class TooManyRecords(RequestError):
    status, code, title = 413, "too_many_records", "Too many records"


class RecordingTooLong(RequestError):
    status, code, title = 413, "recording_too_long", "Recording too long"


class UnsupportedMediaType(RequestError):
    status, code, title = 415, "unsupported_media_type", "Unsupported content type"


class UnknownFormat(RequestError):
    status, code, title = 415, "unknown_format", "File format not recognised"


class UnknownHost(RequestError):
    status, code, title = 421, "unknown_host", "Host name not allowed"


class Unprocessable(RequestError):
    """The body was parsed, and its content is not a valid ECG request."""

    status, code, title = 422, "bad_type", "Unprocessable"


class MissingField(Unprocessable):
    code, title = "missing_field", "Field missing"


class BadType(Unprocessable):
    code, title = "bad_type", "Wrong type"


class BadShape(Unprocessable):
    code, title = "bad_shape", "Wrong shape"


class RaggedSignal(Unprocessable):
    code, title = "ragged_signal", "Leads of unequal length"


class UnknownLead(Unprocessable):
    code, title = "unknown_lead", "Unknown lead"


class DuplicateLead(Unprocessable):
    code, title = "duplicate_lead", "Lead named twice"


class TooFewLeads(Unprocessable):
    code, title = "too_few_leads", "Too few leads"


class BadSamplingRate(Unprocessable):
    code, title = "bad_sampling_rate", "Sampling rate out of range"


class TooShort(Unprocessable):
    code, title = "too_short", "Recording too short"


class DurationMismatch(Unprocessable):
    code, title = "duration_mismatch", "Duration contradicts the signal"


class NoSamples(Unprocessable):
    code, title = "no_samples", "No samples"


class ImplausibleValues(Unprocessable):
    code, title = "implausible_values", "Implausible values"


class BadOption(Unprocessable):
    code, title = "bad_option", "Option not allowed"


class UnknownPart(Unprocessable):
    code, title = "unknown_part", "Unknown part"


class UnknownLabel(Unprocessable):
    code, title = "unknown_label", "Unknown label"


class LayerOutOfRange(Unprocessable):
    code, title = "layer_out_of_range", "Layer out of range"


class CorruptFile(Unprocessable):
    code, title = "corrupt_file", "File is damaged"


class UnsafeFile(Unprocessable):
    code, title = "unsafe_file", "File refused as unsafe"


class MissingPart(Unprocessable):
    code, title = "missing_part", "Part of the recording missing"


class SeveralRecordings(Unprocessable):
    code, title = "several_recordings", "More than one recording"


class UnderAge(Unprocessable):
    code, title = "under_age", "Patient under age"


class TooCostly(Unprocessable):
    code, title = "too_costly", "Too costly to process"


class ServiceError(EcgError):
    status, code, title = 500, "internal_error", "Internal error"


class Overloaded(ServiceError):
    status, code, title = 429, "overloaded", "Server is full"


class RateLimited(ServiceError):
    status, code, title = 429, "rate_limited", "Allowance used up"


class InternalError(ServiceError):
    status, code, title = 500, "internal_error", "Internal error"


class WorkerCrashed(ServiceError):
    status, code, title = 500, "worker_crashed", "Worker crashed on this recording"


class IssuerUnreachable(ServiceError):
    status, code, title = 503, "issuer_unreachable", "Token issuer unreachable"


class Starting(ServiceError):
    status, code, title = 503, "starting", "Server is starting"


class TooManyConnections(ServiceError):
    status, code, title = 503, "too_many_connections", "Too many connections"


class NoModel(ServiceError):
    status, code, title = 503, "no_model", "No encoder loaded"


class NotQueued(ServiceError):
    status, code, title = 503, "not_queued", "Request could not be passed on"


class WorkerRestarting(ServiceError):
    status, code, title = 503, "worker_restarting", "Worker is restarting"


class ShuttingDown(ServiceError):
    status, code, title = 503, "shutting_down", "Server is shutting down"


class DeadlineExceeded(ServiceError):
    status, code, title = 504, "deadline_exceeded", "Deadline exceeded"


class ModelStoreError(EcgError):
    """Weights are missing, unreadable or untrusted.

    Shown at start or on the command line, never to a client.
    """

    status, code, title = 500, "model_store", "Model store"


class UnsafeCheckpoint(ModelStoreError):
    code, title = "unsafe_checkpoint", "Checkpoint refused as unsafe"


class BadCheckpoint(ModelStoreError):
    code, title = "bad_checkpoint", "Checkpoint cannot be used"


class BadBundle(ModelStoreError):
    code, title = "bad_bundle", "Bundle cannot be used"


class HubError(ModelStoreError):
    code, title = "hub_error", "Download from the hub failed"


class ChecksumMismatch(ModelStoreError):
    code, title = "checksum_mismatch", "Checksum differs"


class BadHead(ModelStoreError):
    code, title = "bad_head", "Head cannot be used"


class WrongEncoder(ModelStoreError):
    code, title = "wrong_encoder", "Head belongs to another encoder"


class UnknownHead(ModelStoreError):
    code, title = "unknown_head", "No such head"


class BadTrainingData(ModelStoreError):
    code, title = "bad_training_data", "Training data cannot be used"


class AccessError(EcgError):
    """Keys, tokens or certificates are configured in a way that the server cannot start with.

    Shown at start or on the command line, never to a client.
    """

    status, code, title = 500, "access", "Access"


class BadKeyFile(AccessError):
    code, title = "bad_key_file", "Key file cannot be used"


class UnknownKey(AccessError):
    code, title = "unknown_key", "No such key"


class StationError(EcgError):
    """What only the station has: its database and its bridges."""

    status, code, title = 500, "station", "Station"


class NoDatabase(StationError):
    status, code, title = 503, "no_database", "Database does not answer"


class BadDatabase(StationError):
    """The database cannot be used. Shown at start or on the command line, never to a client."""

    code, title = "bad_database", "Database cannot be used"


class BadBridge(StationError):
    """A bridge cannot be used. Shown at start or on the command line, never to a client."""

    code, title = "bad_bridge", "Bridge cannot be used"


def public_errors() -> list[type[EcgError]]:
    """Return the errors that a client of the server can get, ordered by status.

    The station answers some of them, and NoDatabase. Docs and tests list them.
    """
    by_code: dict[str, type[EcgError]] = {}
    for error in _descendants(EcgError):
        is_elsewhere = issubclass(error, ModelStoreError | AccessError | StationError)
        if not is_elsewhere and not error.__subclasses__():
            by_code[error.code] = error
    return sorted(by_code.values(), key=lambda error: (error.status, error.code))


def _descendants(error: type[EcgError]) -> Iterator[type[EcgError]]:
    for child in error.__subclasses__():
        yield child
        yield from _descendants(child)

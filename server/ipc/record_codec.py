"""A recording or an error as bytes, for the way from a reader process to its signal worker.

A reader process parses hostile files, so the worker does not unpickle what it sends: it is msgpack,
then the samples, and the worker checks every field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from multiprocessing import BufferTooShort
from multiprocessing.connection import Connection
from typing import Any, Final, get_args

import msgpack
import numpy as np

from errors import EcgError, FieldError, public_errors
from signals.record import EcgRecord, Patient, Reported, Sex, Units

# Far above the warnings and metadata of any recording.
MAX_HEADER_BYTES: Final = 16 << 20
_SIGNAL_DTYPE: Final = np.dtype(np.float32)


class UnreadableMessage(Exception):
    """Anything but what the functions of this module send."""


def send_record(connection: Connection, record: EcgRecord) -> None:
    """Send a recording. Raises OSError where the other end is closed."""
    signal = np.ascontiguousarray(record.signal, _SIGNAL_DTYPE)
    reported = record.reported
    fields = {
        "shape": signal.shape,
        "fs": record.fs,
        "lead_names": record.lead_names,
        "units": record.units,
        "patient": asdict(record.patient),
        "recording_date": record.recording_date,
        "id": record.id,
        "reported": None if reported is None else asdict(reported),
        "warnings": record.warnings,
    }
    _send_header(connection, {"record": fields})
    connection.send_bytes(signal.data.cast("B") if signal.size else b"")


def send_error(connection: Connection, error: EcgError) -> None:
    """Send an error. Raises OSError where the other end is closed."""
    fields = {
        "code": error.code,
        "detail": error.detail,
        "errors": [(fault.loc, fault.msg) for fault in error.errors],
    }
    _send_header(connection, {"error": fields})


def send_bug(connection: Connection, trace: str) -> None:
    """Send the traceback of an unexpected exception. Raises OSError as above."""
    _send_header(connection, {"bug": trace})


def receive(connection: Connection) -> EcgRecord | EcgError | str:
    """Return the recording, the error, or the traceback of a bug.

    Raises EOFError or OSError where the other end is closed, and UnreadableMessage.
    """
    try:
        return _receive(connection)
    except (ValueError, TypeError, KeyError, AttributeError, BufferTooShort) as error:
        raise UnreadableMessage("the reader process sent something else") from error


def _receive(connection: Connection) -> EcgRecord | EcgError | str:
    packed = connection.recv_bytes(MAX_HEADER_BYTES)
    header = msgpack.unpackb(packed, unicode_errors="surrogatepass")
    ((kind, content),) = header.items()
    if kind == "bug":
        return str(content)
    if kind == "error":
        return _error(content)
    return _record(content, connection)


def _send_header(connection: Connection, header: dict[str, Any]) -> None:
    # surrogatepass: a name from a file may hold what UTF-8 does not allow.
    connection.send_bytes(msgpack.packb(header, unicode_errors="surrogatepass"))


def _record(fields: dict[str, Any], connection: Connection) -> EcgRecord:
    leads, samples = fields["shape"]
    signal = np.empty((int(leads), int(samples)), _SIGNAL_DTYPE)
    if signal.size:
        received = connection.recv_bytes_into(signal.data.cast("B"))
    else:
        received = len(connection.recv_bytes(0))
    if received != signal.nbytes:
        raise ValueError(f"{received} bytes of samples; the shape needs {signal.nbytes}")
    if len(fields["lead_names"]) != leads:
        raise ValueError("as many lead names as rows are needed")
    patient, reported = fields["patient"], fields["reported"]
    return EcgRecord(
        signal=signal,
        fs=float(fields["fs"]),
        lead_names=_strings(fields["lead_names"]),
        units=_one_of(fields["units"], get_args(Units)),
        patient=Patient(
            age_years=None if patient["age_years"] is None else float(patient["age_years"]),
            sex=_one_of(patient["sex"], (*get_args(Sex), None)),
        ),
        recording_date=_optional_string(fields["recording_date"]),
        id=_optional_string(fields["id"]),
        reported=None if reported is None else _reported(reported),
        warnings=_strings(fields["warnings"]),
    )


def _reported(fields: dict[str, Any]) -> Reported:
    measurements = {str(name): float(value) for name, value in fields["measurements"].items()}
    return Reported(
        recording_date=_optional_string(fields["recording_date"]),
        device=_optional_string(fields["device"]),
        measurements=measurements,
        statements=_strings(fields["statements"]),
    )


def _error(fields: dict[str, Any]) -> EcgError:
    faults = [
        FieldError(tuple(part if isinstance(part, int) else str(part) for part in loc), str(msg))
        for loc, msg in fields["errors"]
    ]
    return _errors_by_code()[fields["code"]](str(fields["detail"]), errors=faults)


@cache
def _errors_by_code() -> dict[str, type[EcgError]]:
    return {error.code: error for error in public_errors()}


def _strings(values: Sequence[Any]) -> tuple[str, ...]:
    if not all(isinstance(value, str) for value in values):
        raise TypeError("strings are needed")
    return tuple(values)


def _optional_string(value: Any) -> str | None:
    return None if value is None else _strings([value])[0]


def _one_of(value: Any, allowed: tuple[Any, ...]) -> Any:
    if value not in allowed:
        raise ValueError(f"one of {allowed} is needed")
    return value

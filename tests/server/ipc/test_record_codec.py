"""Recordings and errors on their way from a reader process, which parses hostile files."""

from __future__ import annotations

import os
from multiprocessing.connection import Pipe

import msgpack
import numpy as np
import pytest

from errors import EcgError, FieldError, TooShort, public_errors
from server.ipc import record_codec
from signals.record import EcgRecord, Patient, Reported

SIGNAL = np.array([[0.5, np.nan, -1.0], [1.0, 2.0, 3.0]], np.float32)
PIPE_BYTES = 65_536
FULL = EcgRecord(
    SIGNAL,
    360.5,
    ("I", "V1"),
    units="unknown",
    patient=Patient(61.5, "female"),
    recording_date="2020-01-02",
    id="a \udcff",  # a byte that is not UTF-8, as some readers decode it
    reported=Reported(
        "2020", "device", {"pr_ms": 161.0, "qrs_ms": float("nan")}, ("Sinus rhythm", "Normal ECG")
    ),
    warnings=("file: one", "file: two"),
)


def sent(*messages: bytes) -> EcgRecord | EcgError | str:
    ours, theirs = Pipe()
    with ours, theirs:
        for message in messages:
            theirs.send_bytes(message)
        theirs.close()
        return record_codec.receive(ours)


def header_of(record: EcgRecord) -> dict[str, object]:
    ours, theirs = Pipe()
    with ours, theirs:
        record_codec.send_record(theirs, record)
        header = msgpack.unpackb(ours.recv_bytes(), unicode_errors="surrogatepass")
    return dict(header["record"])


def through(record: EcgRecord) -> EcgRecord:
    ours, theirs = Pipe()
    with ours, theirs:
        record_codec.send_record(theirs, record)
        received = record_codec.receive(ours)
    assert isinstance(received, EcgRecord)
    return received


@pytest.mark.parametrize("record", [FULL, EcgRecord(SIGNAL[:1], 1.0, ("II",))])
def test_a_recording_arrives_as_it_was(record: EcgRecord) -> None:
    received = through(record)
    assert received.signal.dtype == np.float32
    assert received.signal.flags.c_contiguous and received.signal.flags.writeable
    assert np.array_equal(received.signal, record.signal, equal_nan=True)
    for name in ("fs", "lead_names", "units", "patient", "recording_date", "id", "warnings"):
        assert getattr(received, name) == getattr(record, name)
    assert repr(received.reported) == repr(record.reported)  # NaN is not equal to itself


def test_a_recording_without_samples_arrives() -> None:
    assert through(EcgRecord(SIGNAL[:, :0], 500.0, ("I", "V1"))).signal.shape == (2, 0)


@pytest.mark.parametrize("kind", public_errors(), ids=lambda kind: str(kind.code))
def test_an_error_arrives_as_it_was(kind: type[EcgError]) -> None:
    error = kind("the detail", errors=[FieldError(("records", 3, "fs"), "the fault")])
    ours, theirs = Pipe()
    with ours, theirs:
        record_codec.send_error(theirs, error)
        received = record_codec.receive(ours)
    assert type(received) is kind
    assert received.problem() == error.problem()


def test_a_bug_arrives_as_its_traceback() -> None:
    ours, theirs = Pipe()
    with ours, theirs:
        record_codec.send_bug(theirs, "a traceback")
        assert record_codec.receive(ours) == "a traceback"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shape", [2]),
        ("shape", [2, -3]),
        ("shape", [1, 3]),
        ("shape", ["2", None]),
        ("fs", "fast"),
        ("lead_names", ["I"]),
        ("lead_names", ["I", 7]),
        ("units", "V"),
        ("patient", None),
        ("patient", {"age_years": "old", "sex": None}),
        ("patient", {"age_years": None, "sex": "x"}),
        ("id", 7),
        ("reported", {"measurements": {"pr_ms": "long"}, "recording_date": None, "device": None}),
        ("warnings", [b"bytes"]),
    ],
)
def test_what_is_no_recording_is_refused(name: str, value: object) -> None:
    header = header_of(FULL) | {name: value}
    packed = msgpack.packb({"record": header}, unicode_errors="surrogatepass")
    with pytest.raises(record_codec.UnreadableMessage):
        sent(packed, SIGNAL.tobytes())


@pytest.mark.parametrize(
    "message", [b"", b"\xc1", msgpack.packb(7), msgpack.packb({}), msgpack.packb({"error": {}})]
)
def test_what_is_no_message_is_refused(message: bytes) -> None:
    with pytest.raises(record_codec.UnreadableMessage):
        sent(message)


def test_an_error_with_an_unknown_code_is_refused() -> None:
    fields = {"code": "system", "detail": "", "errors": []}
    with pytest.raises(record_codec.UnreadableMessage):
        sent(msgpack.packb({"error": fields}))


@pytest.mark.parametrize("cut", [0, 1, 8, 30])
def test_a_message_that_is_cut_off_is_noticed(cut: int) -> None:
    ours, theirs = Pipe()
    other, capture = Pipe()
    with ours, theirs, other, capture:
        record_codec.send_error(capture, TooShort("too short"))
        whole = os.read(other.fileno(), PIPE_BYTES)
        os.write(theirs.fileno(), whole[:cut])
        theirs.close()
        with pytest.raises((EOFError, OSError)):
            record_codec.receive(ours)

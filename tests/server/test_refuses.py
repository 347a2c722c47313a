"""Everything that docs/api.md refuses is refused with its own status and code, its field, and never a value of the recording."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import msgpack
import numpy as np
import pytest

from errors import public_errors
from tests.server.ecgs import (
    MSGPACK,
    NPY,
    Ecg,
    answer_of,
    get,
    npy,
    places,
    post,
    post_npy,
    problem_of,
    twelve_seconds,
)
from tests.server.harness import RunningServer

ROUTES = ("/analyze", "/extract_features", "/assess_quality")
JSON = "application/json"
ECG = twelve_seconds()
GOOD = ECG.json()
TELLTALE = 0.123456  # a sample value that must not come back in any error


@pytest.fixture(scope="module")
def narrow() -> Iterator[RunningServer]:
    """A server with small limits."""
    with RunningServer(
        ECG_BODY_TIMEOUT="1",
        ECG_MAX_IN_FLIGHT="2",
        ECG_MAX_BODY_MB="2",
        ECG_MAX_RECORDS="3",
        ECG_MAX_SECONDS="20",
        ECG_SIGNAL_WORKERS="1",
    ) as running:
        yield running


def send(
    server: RunningServer,
    content: bytes,
    content_type: str = JSON,
    path: str = "/analyze",
    **headers: str,
) -> httpx.Response:
    return post(server, path, content=content, headers={"Content-Type": content_type, **headers})


# Bodies that are nothing at all


MULTIPART = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x.npy"\r\n\r\n' + npy(
    ECG.signal
)
MALFORMED: dict[str, tuple[bytes, str]] = {
    "not JSON": (b"signal: 1, 2, 3", JSON),
    "JSON cut off": (json.dumps(GOOD).encode()[:-100], JSON),
    "JSON with more behind it": (json.dumps({"fs": 500}).encode() * 2, JSON),
    "only white space": (b"  \n ", JSON),
    "UTF-16": (json.dumps({"fs": 500}).encode("utf-16"), JSON),
    "invalid UTF-8": (b'{"fs": 500, "id": "\xff\xfe"}', JSON),
    "lone surrogate": (b'{"fs": 500, "id": "\\ud800"}', JSON),
    "nested 100 000 deep": (b"[" * 100_000, JSON),
    "not msgpack": (b"\xc1", MSGPACK),
    "msgpack cut off": (ECG.msgpack()[:-100], MSGPACK),
    "msgpack with more behind it": (msgpack.packb({"fs": 500}) * 2, MSGPACK),
    "msgpack nested deeply": (b"\x91" * 100_000, MSGPACK),
    "msgpack that claims 4 billion entries": (b"\xdd\xff\xff\xff\xff", MSGPACK),
    "msgpack with an extension type": (msgpack.packb({"fs": msgpack.ExtType(5, b"x")}), MSGPACK),
    "multipart without a boundary": (PART + b"\r\n--b--\r\n", "multipart/form-data"),
    "multipart of another boundary": (
        PART + b"\r\n--b--\r\n",
        "multipart/form-data; boundary=other",
    ),
    "multipart cut off in a file": (PART, MULTIPART),
    "multipart cut off in a header": (PART[:50], MULTIPART),
    "no multipart": (b"hello", MULTIPART),
}


@pytest.mark.parametrize("body, content_type", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_body_that_cannot_be_read_is_malformed(
    server: RunningServer, body: bytes, content_type: str
) -> None:
    problem_of(send(server, body, content_type), 400, "malformed_body")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_that_is_not_packed_as_it_says_is_malformed(
    server: RunningServer, encoding: str
) -> None:
    problem_of(
        send(server, json.dumps(GOOD).encode(), **{"Content-Encoding": encoding}),
        400,
        "malformed_body",
    )


def test_a_gzip_body_that_is_cut_off_is_malformed(server: RunningServer) -> None:
    packed = gzip.compress(json.dumps(GOOD).encode())
    for cut in (packed[:-1], packed[: len(packed) // 2], packed[:5], packed + packed[:10]):
        problem_of(send(server, cut, **{"Content-Encoding": "gzip"}), 400, "malformed_body")


def test_an_empty_body_lacks_its_signal(server: RunningServer) -> None:
    for content_type in (JSON, MSGPACK, NPY, "application/octet-stream"):
        assert places(problem_of(send(server, b"", content_type), 422, "missing_field")) == [
            ["signal"]
        ]


# Paths, methods, types


def test_an_unknown_path_is_not_found(server: RunningServer) -> None:
    problem_of(get(server, "/analyse"), 404, "not_found")
    problem_of(post(server, "/predict/ecg", json=GOOD), 404, "not_found")


@pytest.mark.parametrize("path", ROUTES)
def test_recordings_are_posted(server: RunningServer, path: str) -> None:
    assert "POST" in problem_of(get(server, path), 405, "method_not_allowed")["detail"]


def test_operators_answers_are_got(server: RunningServer) -> None:
    assert (
        "GET" in problem_of(post(server, "/health", json={}), 405, "method_not_allowed")["detail"]
    )


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "image/png",
        "application/xml",
        "json",
        "/",
    ],
)
@pytest.mark.parametrize("path", ROUTES)
def test_a_content_type_that_is_not_read_is_refused_with_those_that_are(
    server: RunningServer, path: str, content_type: str
) -> None:
    problem = problem_of(
        send(server, json.dumps(GOOD).encode(), content_type, path), 415, "unsupported_media_type"
    )
    for allowed in (JSON, NPY, MSGPACK, "multipart/form-data"):
        assert allowed in problem["detail"]


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "x"])
def test_an_encoding_that_is_not_read_is_refused_with_those_that_are(
    server: RunningServer, encoding: str
) -> None:
    detail = problem_of(
        send(server, b"{}", **{"Content-Encoding": encoding}), 415, "unsupported_media_type"
    )["detail"]
    assert "gzip" in detail
    assert "zstd" in detail


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(99),
        b"%PDF-1.7\n",
        b"hello",
        bytes(5000),
        b"<html></html>",
        b'{"a": 1}',
        b" ",
    ],
    ids=str,
)
def test_a_file_of_no_known_format_is_refused_with_those_that_are(
    server: RunningServer, content: bytes
) -> None:
    for response in (
        send(server, content, "application/octet-stream"),
        post(server, "/analyze", files={"file": ("ecg.dat", content)}),
    ):
        assert "WFDB" in problem_of(response, 415, "unknown_format")["detail"]


# Records


def leads(count: int, samples: int) -> list[list[float]]:
    return [[TELLTALE + number] * samples for number in range(count)]


def wrong(**fields: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in (GOOD | {"signal": leads(12, 5000)} | fields).items()
        if value is not ...
    }


RECORDS: dict[str, tuple[dict[str, Any], int, str, list[list[str | int]]]] = {
    "no signal": (wrong(signal=...), 422, "missing_field", [["signal"]]),
    "a null signal": (wrong(signal=None), 422, "missing_field", [["signal"]]),
    "no fs": (wrong(fs=...), 422, "missing_field", [["fs"]]),
    "one lead without a name": (
        wrong(signal=leads(1, 5000)[0], lead_names=...),
        422,
        "missing_field",
        [["lead_names"]],
    ),
    "a text as signal": (wrong(signal="AAAA"), 422, "bad_type", [["signal"]]),
    "a number as signal": (wrong(signal=5), 422, "bad_type", [["signal"]]),
    "texts as samples": (wrong(signal=[["1.5"] * 5000] * 12), 422, "bad_type", [["signal", 0, 0]]),
    "booleans as samples": (
        wrong(signal=[[True] * 5000] * 12),
        422,
        "bad_type",
        [["signal", 0, 0]],
    ),
    "one text among the samples": (
        wrong(signal=[[0.5] * 5000] * 3 + [[0.5] * 7 + ["x"] + [0.5] * 4992] + [[0.5] * 5000] * 8),
        422,
        "bad_type",
        [["signal", 3, 7]],
    ),
    "three axes": (wrong(signal=[[[0.5]] * 5000] * 12), 422, "bad_type", [["signal", 0, 0]]),
    "a null among the leads": (
        wrong(signal=[*leads(11, 5000), None]),
        422,
        "bad_type",
        [["signal", 11]],
    ),
    "a text as fs": (wrong(fs="500"), 422, "bad_type", [["fs"]]),
    "a boolean as fs": (wrong(fs=True), 422, "bad_type", [["fs"]]),
    "a list as fs": (wrong(fs=[500]), 422, "bad_type", [["fs"]]),
    "a text as lead names": (wrong(lead_names="I,II"), 422, "bad_type", [["lead_names"]]),
    "a number as a lead name": (wrong(lead_names=["I", 2]), 422, "bad_type", [["lead_names", 1]]),
    "a number as id": (wrong(id=7), 422, "bad_type", [["id"]]),
    "an id of 129 characters": (wrong(id="x" * 129), 422, "bad_type", [["id"]]),
    "a list as patient": (wrong(patient=[63]), 422, "bad_type", [["patient"]]),
    "an age of 121": (wrong(patient={"age": 121}), 422, "bad_type", [["patient", "age"]]),
    "an age below 0": (wrong(patient={"age": -1}), 422, "bad_type", [["patient", "age"]]),
    "an age in words": (wrong(patient={"age": "63"}), 422, "bad_type", [["patient", "age"]]),
    "an unknown sex": (wrong(patient={"sex": "x"}), 422, "bad_option", [["patient", "sex"]]),
    "a number as date": (wrong(recording_date=20240501), 422, "bad_type", [["recording_date"]]),
    "a text as duration": (
        wrong(recording_duration="10"),
        422,
        "bad_type",
        [["recording_duration"]],
    ),
    "unknown units": (wrong(units="kg"), 422, "bad_option", [["units"]]),
    "a number as units": (wrong(units=1), 422, "bad_type", [["units"]]),
    "a gain of 0": (wrong(gain=0), 422, "bad_type", [["gain"]]),
    "a gain beside volts": (wrong(gain=1000, units="V"), 422, "bad_option", [["units"]]),
    "an empty signal": (wrong(signal=[]), 422, "bad_shape", [["signal"]]),
    "an empty object": (wrong(signal={}), 422, "bad_shape", [["signal"]]),
    "no axis as long as the names": (wrong(signal=leads(11, 5000)), 422, "bad_shape", [["signal"]]),
    "no axis of 12 without names": (
        wrong(signal=leads(8, 5000), lead_names=...),
        422,
        "bad_shape",
        [["signal"]],
    ),
    "both axes of 12 without names": (
        wrong(signal=leads(12, 12), lead_names=...),
        422,
        "bad_shape",
        [["signal"]],
    ),
    "no lead names": (wrong(lead_names=[]), 422, "bad_shape", [["lead_names"]]),
    "other names than the object's": (
        wrong(signal={"I": [0.5] * 5000}, lead_names=["II"]),
        422,
        "bad_shape",
        [["lead_names"]],
    ),
    "leads of unequal length": (
        wrong(signal=[*leads(11, 5000), [0.5] * 4999]),
        422,
        "ragged_signal",
        [["signal"]],
    ),
    "samples of unequal width": (
        wrong(signal=[*leads(4999, 12), [0.5] * 11]),
        422,
        "ragged_signal",
        [["signal", 4999]],
    ),
    "an object of unequal leads": (
        wrong(signal={"I": [0.5] * 5000, "II": [0.5]}, lead_names=...),
        422,
        "ragged_signal",
        [["signal"]],
    ),
    "an unknown lead": (
        wrong(lead_names=["V3R", *ECG.lead_names[1:]]),
        422,
        "unknown_lead",
        [["lead_names", 0]],
    ),
    "two unknown leads": (
        wrong(lead_names=["x", "y", *ECG.lead_names[2:]]),
        422,
        "unknown_lead",
        [["lead_names", 0], ["lead_names", 1]],
    ),
    "an unknown lead in an object": (
        wrong(signal={"SpO2": [0.5] * 5000}, lead_names=...),
        422,
        "unknown_lead",
        [["signal", 0]],
    ),
    "a lead named twice": (
        wrong(lead_names=["I", *ECG.lead_names[:11]]),
        422,
        "duplicate_lead",
        [["lead_names", 1]],
    ),
    "a lead in two spellings": (
        wrong(lead_names=["I", "Lead I", *ECG.lead_names[2:]]),
        422,
        "duplicate_lead",
        [["lead_names", 1]],
    ),
    "too many names": (
        wrong(lead_names=[*ECG.lead_names, "V1"], signal=leads(13, 5000)),
        422,
        "duplicate_lead",
        [["lead_names", 12]],
    ),
    "49 Hz": (wrong(fs=49), 422, "bad_sampling_rate", [["fs"]]),
    "2001 Hz": (wrong(fs=2001), 422, "bad_sampling_rate", [["fs"]]),
    "0 Hz": (wrong(fs=0), 422, "bad_sampling_rate", [["fs"]]),
    "-500 Hz": (wrong(fs=-500), 422, "bad_sampling_rate", [["fs"]]),
    "1e300 Hz": (wrong(fs=1e300), 422, "bad_sampling_rate", [["fs"]]),
    "1.99 s": (wrong(signal=leads(12, 995)), 422, "too_short", [["signal"]]),
    "no samples at all": (wrong(signal=[[]] * 12), 422, "too_short", [["signal"]]),
    "601 s": (
        wrong(signal=leads(1, 30_050), lead_names=["I"], fs=50),
        413,
        "recording_too_long",
        [["signal"]],
    ),
    "a duration 2 % off": (
        wrong(recording_duration=10.2),
        422,
        "duration_mismatch",
        [["recording_duration"]],
    ),
    "gaps throughout": (wrong(signal=[[None] * 5000] * 12), 422, "no_samples", [["signal"]]),
    "a value over 1e6": (
        wrong(signal=[[1.1e6] * 5000] * 12),
        422,
        "implausible_values",
        [["signal"]],
    ),
    "volts beyond float32": (
        wrong(signal=[[1e300] * 5000] * 12, units="V"),
        422,
        "implausible_values",
        [["signal"]],
    ),
}


@pytest.mark.parametrize("record, status, code, expected", RECORDS.values(), ids=RECORDS.keys())
def test_a_wrong_record_is_refused_with_its_place(
    server: RunningServer,
    record: dict[str, Any],
    status: int,
    code: str,
    expected: list[list[str | int]],
) -> None:
    problem = problem_of(post(server, "/analyze", json=record), status, code)
    assert places(problem) == expected
    assert str(expected[0][0]) in problem["detail"] or code in (
        "too_short",
        "recording_too_long",
        "duplicate_lead",
        "unknown_lead",
    )
    assert "0.123456" not in json.dumps(problem)
    packed = send(server, msgpack.packb(record), MSGPACK)
    assert places(problem_of(packed, status, code)) == expected


@pytest.mark.parametrize(
    "body",
    [[], [GOOD], 5, "text", None, True],
    ids=["[]", "a list", "a number", "a text", "null", "true"],
)
@pytest.mark.parametrize("path", ROUTES)
def test_a_body_that_is_no_object_is_of_the_wrong_type(
    server: RunningServer, path: str, body: Any
) -> None:
    problem_of(send(server, json.dumps(body).encode(), path=path), 422, "bad_type")
    problem_of(send(server, msgpack.packb(body), MSGPACK, path), 422, "bad_type")


@pytest.mark.parametrize("text", [b"Infinity", b"-Infinity", b"1e999"])
def test_infinity_is_implausible(server: RunningServer, text: bytes) -> None:
    body = json.dumps(GOOD).encode().replace(b'{"signal": [[', b'{"signal": [[' + text + b", ", 1)
    problem_of(send(server, body), 422, "implausible_values")


def test_infinity_in_binary_is_implausible(server: RunningServer) -> None:
    for value in (np.inf, -np.inf, 2e6):
        ecg = ECG.having("V2", value)
        assert (
            "V2"
            in problem_of(post_npy(server, "/analyze", ecg), 422, "implausible_values")["detail"]
        )
        problem_of(send(server, ecg.msgpack(), MSGPACK), 422, "implausible_values")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**19], ids=str)
def test_an_odd_rate_in_msgpack_is_refused(server: RunningServer, value: float) -> None:
    response = send(server, msgpack.packb(GOOD | {"fs": value}), MSGPACK)
    assert response.json()["code"] in ("bad_type", "bad_sampling_rate")
    both = send(server, msgpack.packb({"records": [GOOD | {"fs": value}, GOOD]}), MSGPACK)
    assert "error" in answer_of(both)["results"][0]
    assert "labels" in answer_of(both)["results"][1]


NPYS: dict[str, tuple[bytes, dict[str, Any], int, str]] = {
    "no fs": (npy(ECG.signal), {}, 422, "missing_field"),
    "int16 without units or gain": (
        npy(ECG.signal.astype(np.int16)),
        {"fs": 500},
        422,
        "missing_field",
    ),
    "complex": (npy(ECG.signal.astype(np.complex64)), {"fs": 500}, 422, "bad_type"),
    "int64": (npy(ECG.signal.astype(np.int64)), {"fs": 500}, 422, "bad_type"),
    "texts": (npy(np.array([["a"] * 5000] * 12)), {"fs": 500}, 422, "bad_type"),
    "structures": (npy(np.zeros((12, 5000), [("x", "<f4")])), {"fs": 500}, 422, "bad_type"),
    "four axes": (npy(np.zeros((1, 1, 12, 5000), np.float32)), {"fs": 500}, 422, "bad_shape"),
    "no axis": (npy(np.float32(1.0)), {"fs": 500}, 422, "bad_shape"),
    "no axis of 12": (npy(np.zeros((5000, 11), np.float32)), {"fs": 500}, 422, "bad_shape"),
    "cut off": (npy(ECG.signal)[:-4], {"fs": 500}, 422, "corrupt_file"),
    "longer than it says": (npy(ECG.signal) + b"x", {"fs": 500}, 422, "corrupt_file"),
    "cut off in its header": (npy(ECG.signal)[:40], {"fs": 500}, 422, "corrupt_file"),
    "of no npy": (b"hello", {"fs": 500}, 422, "corrupt_file"),
    "a text as fs": (npy(ECG.signal), {"fs": "fast"}, 422, "bad_type"),
    "fs twice": (npy(ECG.signal), {"fs": [500, 250]}, 422, "bad_option"),
    "an infinite fs": (npy(ECG.signal), {"fs": "inf"}, 422, "bad_type"),
    "two ids for one record": (npy(ECG.signal), {"fs": 500, "id": ["a", "b"]}, 422, "bad_option"),
    "an unknown lead": (npy(ECG.signal[:1]), {"fs": 500, "leads": "V9"}, 422, "unknown_lead"),
    "leads and lead_names at odds": (
        npy(ECG.signal[:1]),
        {"fs": 500, "leads": "V1", "lead_names": "V2"},
        422,
        "bad_option",
    ),
    "another duration": (
        npy(ECG.signal),
        {"fs": 500, "recording_duration": 99},
        422,
        "duration_mismatch",
    ),
    "a wrong age": (npy(ECG.signal), {"fs": 500, "age": 300}, 422, "bad_type"),
}


@pytest.mark.parametrize("content, query, status, code", NPYS.values(), ids=NPYS.keys())
def test_a_wrong_npy_is_refused(
    server: RunningServer, content: bytes, query: dict[str, Any], status: int, code: str
) -> None:
    response = post(
        server, "/analyze", content=content, params=query, headers={"Content-Type": NPY}
    )
    problem_of(response, status, code)


def test_a_msgpack_array_must_have_the_bytes_that_it_claims(server: RunningServer) -> None:
    good = msgpack.unpackb(ECG.msgpack())
    for change, code in (
        ({"shape": [12, 10**9]}, "bad_shape"),
        ({"shape": [12, 5000, 1]}, "bad_shape"),
        ({"shape": [-12, 5000]}, "bad_type"),
        ({"shape": "12"}, "bad_type"),
        ({"dtype": "<c8"}, "bad_type"),
        ({"dtype": "|O"}, "unsafe_file"),
        ({"data": b"123"}, "bad_shape"),
        ({"data": "123"}, "bad_type"),
    ):
        problem_of(
            send(server, msgpack.packb(good | {"signal": good["signal"] | change}), MSGPACK),
            422,
            code,
        )


# What only embeddings ask of a recording


def test_an_embedding_needs_one_segment_and_six_leads(server: RunningServer) -> None:
    problem_of(post(server, "/extract_features", json=ECG.seconds(0, 4.9).json()), 422, "too_short")
    problem_of(
        post(server, "/extract_features", json=ECG.only("V1", "V2", "V3", "V4", "V5").json()),
        422,
        "too_few_leads",
    )
    problem_of(post(server, "/extract_features", json=ECG.only("I").json()), 422, "too_few_leads")


def test_without_an_encoder_there_are_no_embeddings_and_waiting_would_not_help(
    bare_server: RunningServer,
) -> None:
    response = post(bare_server, "/extract_features", json=GOOD)
    problem_of(response, 503, "no_model")
    assert "retry-after" not in response.headers


# Limits


def test_a_body_over_the_limit_is_refused_whether_announced_or_not(narrow: RunningServer) -> None:
    body = b" " * (2 * 1024 * 1024 + 1)
    assert "2097152" in problem_of(send(narrow, body), 413, "body_too_large")["detail"]
    problem_of(
        post(
            narrow,
            "/analyze",
            content=iter([body[:-100], body[:200]]),
            headers={"Content-Type": JSON},
        ),
        413,
        "body_too_large",
    )
    problem_of(
        send(narrow, gzip.compress(body), **{"Content-Encoding": "gzip"}), 413, "body_too_large"
    )


def test_too_many_records_are_refused_in_every_format(narrow: RunningServer) -> None:
    record = Ecg(ECG.signal[:2, :1000], 500, ("I", "II"))
    for body in (
        send(narrow, json.dumps({"records": [record.json()] * 4}).encode()),
        post_npy(narrow, "/analyze", Ecg(np.stack([record.signal] * 4), 500, ("I", "II"))),
    ):
        assert "3" in problem_of(body, 413, "too_many_records")["detail"]


def test_a_recording_over_the_limit_is_refused(narrow: RunningServer) -> None:
    assert (
        "20 s"
        in problem_of(
            post_npy(narrow, "/analyze", Ecg(np.zeros((2, 1050), np.float32), 50, ("I", "II"))),
            413,
            "recording_too_long",
        )["detail"]
    )


def test_a_slow_body_is_given_up(narrow: RunningServer) -> None:
    head = b"POST /analyze HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", narrow.port), timeout=20) as connection:
        connection.sendall(head)
        answer = b"".join(
            iter(lambda: connection.recv(65_536), b"")
        )  # head and body may come one after the other
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"upload_too_slow" in answer
    assert b"application/problem+json" in answer


def test_a_full_server_says_when_to_come_again(narrow: RunningServer) -> None:
    head = b"POST /analyze HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    held = [socket.create_connection(("127.0.0.1", narrow.port), timeout=20) for _ in range(2)]
    try:
        for connection in held:
            connection.sendall(head)
        refused = next(response for response in _tries(narrow) if response.status_code == 429)
    finally:
        for connection in held:
            connection.close()
    problem_of(refused, 429, "overloaded")
    assert int(refused.headers["retry-after"]) >= 1
    assert 'ecg_rejected_total{code="overloaded"}' in get(narrow, "/metrics").text
    answer_of(next(response for response in _tries(narrow) if response.status_code == 200))


def _tries(server: RunningServer) -> Iterator[httpx.Response]:
    for _ in range(100):
        yield post(server, "/assess_quality", json=ECG.seconds(0, 2).json())
        time.sleep(0.02)


def test_of_a_burst_every_request_is_answered_or_refused(narrow: RunningServer) -> None:
    with ThreadPoolExecutor(12) as threads:
        responses = list(threads.map(lambda _: post_npy(narrow, "/analyze", ECG), range(24)))
    assert {response.status_code for response in responses} <= {200, 429}
    for response in responses:
        if response.status_code == 429:
            problem_of(response, 429, "overloaded")


def test_a_deadline_that_has_passed_is_said(server: RunningServer) -> None:
    long = Ecg(np.tile(ECG.signal, (1, 20)), 500)
    response = post(
        server,
        "/analyze",
        content=long.msgpack(),
        headers={"Content-Type": MSGPACK, "X-Request-Deadline-Ms": "1"},
    )
    problem_of(response, 504, "deadline_exceeded")


@pytest.mark.parametrize("given", ["0", "-5", "soon", "1.5", "", "²", "9" * 5000, "3600001"])
def test_an_odd_deadline_is_refused(server: RunningServer, given: str) -> None:
    headers = {"Content-Type": JSON, "X-Request-Deadline-Ms": given.encode("latin-1")}
    problem_of(
        post(server, "/analyze", content=json.dumps(GOOD), headers=headers), 422, "bad_option"
    )


def test_a_server_that_is_starting_says_when_to_come_again() -> None:
    with RunningServer(wait=False) as starting:
        response = _first_answer(starting)
        problem_of(response, 503, "starting")
        assert int(response.headers["retry-after"]) >= 1
        assert get(starting, "/livez").status_code == 200
        starting.wait_until_ready()
        answer_of(post(starting, "/analyze", json=GOOD))


def _first_answer(server: RunningServer) -> httpx.Response:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            return post(server, "/analyze", content=b"{}", headers={"Content-Type": JSON})
        except httpx.TransportError:
            time.sleep(0.01)
    raise AssertionError(server.log())


# The form of all errors


@pytest.mark.parametrize("given", ["abc-1.2_3", "x" * 64])
def test_the_clients_request_id_is_taken(server: RunningServer, given: str) -> None:
    good = post(server, "/analyze", json=GOOD, headers={"X-Request-ID": given})
    assert good.headers["x-request-id"] == good.json()["request_id"] == given
    bad = post(server, "/analyze", json={}, headers={"X-Request-ID": given})
    assert problem_of(bad, 422, "missing_field")["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a/b", "<script>", "ä"])
def test_an_odd_request_id_is_replaced(server: RunningServer, given: str) -> None:
    response = post(server, "/analyze", json={}, headers={"X-Request-ID": given.encode("latin-1")})
    assert problem_of(response, 422, "missing_field")["request_id"] not in ("", given)


def test_every_answer_says_how_long_it_took(server: RunningServer) -> None:
    for response in (
        post(server, "/analyze", json=GOOD),
        post(server, "/analyze", json={}),
        get(server, "/health"),
        get(server, "/nothing"),
    ):
        assert "dur=" in response.headers["server-timing"]
    stages = post(server, "/analyze", json=GOOD).headers["server-timing"]
    assert all(
        f"{stage};dur=" in stages for stage in ("parse", "queue", "encode", "measure", "assemble")
    )


def test_every_code_has_a_status_of_its_own_kind() -> None:
    assert all(400 <= error.status < 600 and error.title for error in public_errors())

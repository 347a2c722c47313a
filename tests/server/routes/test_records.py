"""Records that docs/api.md refuses: each has its own status and code, names its field, and never
repeats a value of the recording.
"""

from __future__ import annotations

import json
from typing import Any

import msgpack
import numpy as np
import pytest

from tests.server.ecgs import (
    MSGPACK,
    NPY,
    answer_of,
    npy,
    places,
    post,
    post_npy,
    problem_of,
    send,
    twelve_seconds,
)
from tests.server.harness import RunningServer

ROUTES = ("/analyze", "/extract_features", "/assess_quality")
ECG = twelve_seconds()
GOOD = ECG.json()
TELLTALE = 0.123456  # a sample value that no error may repeat


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
    "a string as signal": (wrong(signal="AAAA"), 422, "bad_type", [["signal"]]),
    "a number as signal": (wrong(signal=5), 422, "bad_type", [["signal"]]),
    "strings as samples": (
        wrong(signal=[["1.5"] * 5000] * 12),
        422,
        "bad_type",
        [["signal", 0, 0]],
    ),
    "booleans as samples": (
        wrong(signal=[[True] * 5000] * 12),
        422,
        "bad_type",
        [["signal", 0, 0]],
    ),
    "one string among the samples": (
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
    "a string as fs": (wrong(fs="500"), 422, "bad_type", [["fs"]]),
    "a boolean as fs": (wrong(fs=True), 422, "bad_type", [["fs"]]),
    "a list as fs": (wrong(fs=[500]), 422, "bad_type", [["fs"]]),
    "a string as lead names": (wrong(lead_names="I,II"), 422, "bad_type", [["lead_names"]]),
    "a number as a lead name": (wrong(lead_names=["I", 2]), 422, "bad_type", [["lead_names", 1]]),
    "a number as id": (wrong(id=7), 422, "bad_type", [["id"]]),
    "an id of 129 characters": (wrong(id="x" * 129), 422, "bad_type", [["id"]]),
    "a list as patient": (wrong(patient=[63]), 422, "bad_type", [["patient"]]),
    "an age of 121": (wrong(patient={"age": 121}), 422, "bad_type", [["patient", "age"]]),
    "an age below 0": (wrong(patient={"age": -1}), 422, "bad_type", [["patient", "age"]]),
    "an age in words": (wrong(patient={"age": "63"}), 422, "bad_type", [["patient", "age"]]),
    "an unknown sex": (wrong(patient={"sex": "x"}), 422, "bad_option", [["patient", "sex"]]),
    "a number as date": (wrong(recording_date=20240501), 422, "bad_type", [["recording_date"]]),
    "a string as duration": (
        wrong(recording_duration="10"),
        422,
        "bad_type",
        [["recording_duration"]],
    ),
    "unknown units": (wrong(units="kg"), 422, "bad_option", [["units"]]),
    "a number as units": (wrong(units=1), 422, "bad_type", [["units"]]),
    "a gain of 0": (wrong(gain=0), 422, "bad_type", [["gain"]]),
    "a gain next to volts": (wrong(gain=1000, units="V"), 422, "bad_option", [["units"]]),
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
    # The details of these codes do not begin with the field; `errors` has its location.
    if code not in ("too_short", "recording_too_long", "duplicate_lead", "unknown_lead"):
        assert str(expected[0][0]) in problem["detail"]
    assert str(TELLTALE) not in json.dumps(problem)
    packed = send(server, msgpack.packb(record), MSGPACK)
    assert places(problem_of(packed, status, code)) == expected


@pytest.mark.parametrize(
    "body",
    [[], [GOOD], 5, "text", None, True],
    ids=["[]", "a list", "a number", "a string", "null", "true"],
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


# NaN and infinity are not numbers; 1e19, beyond signed 64-bit integers, is a number out of range.
@pytest.mark.parametrize(
    ("value", "code"),
    [
        (float("nan"), "bad_type"),
        (float("inf"), "bad_type"),
        (10**19, "bad_sampling_rate"),
    ],
    ids=["NaN", "infinite", "1e19"],
)
def test_an_odd_rate_in_msgpack_is_refused(server: RunningServer, value: float, code: str) -> None:
    problem_of(send(server, msgpack.packb(GOOD | {"fs": value}), MSGPACK), 422, code)
    body = msgpack.packb({"records": [GOOD | {"fs": value}, GOOD]})
    bad, good = answer_of(send(server, body, MSGPACK))["results"]
    assert bad["error"]["code"] == code
    assert len(good["labels"]) == 17


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
    "strings": (npy(np.array([["a"] * 5000] * 12)), {"fs": 500}, 422, "bad_type"),
    "structures": (npy(np.zeros((12, 5000), [("x", "<f4")])), {"fs": 500}, 422, "bad_type"),
    "four axes": (npy(np.zeros((1, 1, 12, 5000), np.float32)), {"fs": 500}, 422, "bad_shape"),
    "no axis": (npy(np.float32(1.0)), {"fs": 500}, 422, "bad_shape"),
    "no axis of 12": (npy(np.zeros((5000, 11), np.float32)), {"fs": 500}, 422, "bad_shape"),
    "cut off": (npy(ECG.signal)[:-4], {"fs": 500}, 422, "corrupt_file"),
    "longer than it says": (npy(ECG.signal) + b"x", {"fs": 500}, 422, "corrupt_file"),
    "cut off in its header": (npy(ECG.signal)[:40], {"fs": 500}, 422, "corrupt_file"),
    "of no npy": (b"hello", {"fs": 500}, 422, "corrupt_file"),
    "a string as fs": (npy(ECG.signal), {"fs": "fast"}, 422, "bad_type"),
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

"""Many recordings in one request: in order, each with its own result or error."""

from __future__ import annotations

import json
from typing import Any

import httpx
import msgpack
import numpy as np
import pytest

from tests.server.ecgs import (
    MSGPACK,
    NDJSON,
    NPY,
    analyze,
    answer_of,
    array_of,
    assert_is_problem,
    lasting,
    npy,
    post,
    post_msgpack,
    problem_of,
    twelve_seconds,
)
from tests.server.harness import RunningServer

ECG = twelve_seconds()
GOOD = ECG.json()
ROUTES = ("/analyze", "/extract_features", "/assess_quality")
# One of each kind of trouble, and how it must be answered.
BAD: list[tuple[Any, str]] = [
    (GOOD | {"fs": "fast"}, "bad_type"),
    (ECG.seconds(0, 1).json(), "too_short"),
    ({}, "missing_field"),
    (None, "bad_type"),
    ([], "bad_type"),
    ("text", "bad_type"),
    (GOOD | {"lead_names": ["x"] * 12}, "unknown_lead"),
    (GOOD | {"signal": [[1.0], [1.0, 2.0]] * 6}, "ragged_signal"),
    (ECG.having("I", 1e7).json(), "implausible_values"),
]


def many(
    server: RunningServer,
    path: str,
    records: list[Any],
    accept: str = "application/json",
    **options: Any,
) -> httpx.Response:
    return post(server, path, json={"records": records, **options}, headers={"Accept": accept})


def test_results_come_in_order_each_as_if_alone(server: RunningServer) -> None:
    ecgs = [ECG, ECG.times(2), ECG.seconds(0, 6), ECG.only("I", "II"), ECG.having("V1", 0.0)]
    records = [ecg.json(id=str(index)) for index, ecg in enumerate(ecgs)]
    # Two of them are unreadable or have no beats.
    results = answer_of(many(server, "/analyze", records, judge_unreadable=True))["results"]
    assert [result["id"] for result in results] == ["0", "1", "2", "3", "4"]
    for result, ecg in zip(results, ecgs, strict=True):
        alone = analyze(server, ecg, judge_unreadable=True)
        assert result["warnings"] == alone["warnings"]
        found, expected = (
            [label["probability"] for label in answer["labels"]] for answer in (result, alone)
        )
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("path", ROUTES)
def test_one_bad_record_never_fails_the_others(server: RunningServer, path: str) -> None:
    records = [GOOD, *(record for record, _ in BAD), GOOD]
    response = many(server, path, records)
    results = answer_of(response)["results"]
    assert len(results) == len(records)
    assert "error" not in results[0]
    assert "error" not in results[-1]
    for result, (_, code) in zip(results[1:-1], BAD, strict=True):
        problem = result["error"]
        assert problem["code"] == code
        assert_is_problem(problem, 422, code)
        assert problem["request_id"] == response.headers["x-request-id"]


def test_an_error_names_its_record(server: RunningServer) -> None:
    results = answer_of(many(server, "/analyze", [GOOD, GOOD | {"fs": None}]))["results"]
    assert results[1]["error"]["errors"][0]["loc"] == ["records", 1, "fs"]


@pytest.mark.parametrize("path", ROUTES)
def test_all_bad_is_still_an_answer(server: RunningServer, path: str) -> None:
    results = answer_of(many(server, path, [record for record, _ in BAD]))["results"]
    assert [result["error"]["code"] for result in results] == [code for _, code in BAD]


@pytest.mark.parametrize("path", ROUTES)
def test_no_records_give_no_results(server: RunningServer, path: str) -> None:
    assert answer_of(many(server, path, [])) == {"results": []}
    assert msgpack.unpackb(many(server, path, [], MSGPACK).content) == {"results": []}
    assert many(server, path, [], NDJSON).content == b""


def test_one_in_a_list_is_many(server: RunningServer) -> None:
    assert len(answer_of(many(server, "/analyze", [GOOD]))["results"]) == 1
    response = post(
        server,
        "/analyze",
        content=npy(ECG.signal[np.newaxis]),
        params=ECG.query(id="a"),
        headers={"Content-Type": NPY},
    )
    (result,) = answer_of(response)["results"]
    assert lasting(result) == lasting(analyze(server, ECG, id="a"))


def test_records_that_are_no_list_are_refused(server: RunningServer) -> None:
    for records in ({}, "x", 5, None, True):
        problem_of(many(server, "/analyze", records), 422, "bad_type")  # type: ignore[arg-type]


def test_options_hold_for_all_and_one_beside_a_record_is_unknown(server: RunningServer) -> None:
    results = answer_of(
        many(server, "/extract_features", [GOOD, GOOD | {"level": "token"}], level="segment")
    )["results"]
    assert [result["shape"] for result in results] == [[2, 32], [2, 32]]
    assert any("level: unknown field" in warning for warning in results[1]["warnings"])


def test_npy_of_many_takes_ids_in_order(server: RunningServer) -> None:
    stack = np.stack([ECG.signal, ECG.signal * 2, ECG.signal[::-1]])
    for array in (stack, stack.swapaxes(1, 2), np.asfortranarray(stack)):
        response = post(
            server,
            "/analyze",
            content=npy(array),
            params=ECG.query(id=["a", "b", "c"]),
            headers={"Content-Type": NPY},
        )
        assert [result["id"] for result in answer_of(response)["results"]] == ["a", "b", "c"]
    wrong = post(
        server,
        "/analyze",
        content=npy(stack),
        params=ECG.query(id=["a", "b"]),
        headers={"Content-Type": NPY},
    )
    problem_of(wrong, 422, "bad_option")


def test_an_npy_of_no_records_gives_no_results(server: RunningServer) -> None:
    empty = np.zeros((0, 12, 5000), np.float32)
    response = post(
        server, "/analyze", content=npy(empty), params={"fs": 500}, headers={"Content-Type": NPY}
    )
    assert answer_of(response) == {"results": []}


def test_in_npy_failed_records_are_nan_and_named_in_a_header(server: RunningServer) -> None:
    records = [GOOD, ECG.seconds(0, 3).json(), GOOD, {}]
    response = many(server, "/extract_features", records, NPY)
    array = array_of(response)
    assert array.shape == (4, 32)
    assert np.isnan(array[[1, 3]]).all()
    assert np.isfinite(array[[0, 2]]).all()
    assert response.headers["x-ecg-errors"] == "1:too_short,3:missing_field"
    assert "x-ecg-errors" not in many(server, "/extract_features", [GOOD], NPY).headers


def test_in_npy_different_numbers_of_segments_are_padded_with_nan(server: RunningServer) -> None:
    records = [ECG.seconds(0, 6).json(), GOOD]
    by_segment = array_of(many(server, "/extract_features", records, NPY, level="segment"))
    assert by_segment.shape == (2, 2, 32)
    assert np.isnan(by_segment[0, 1]).all()
    assert np.isfinite(by_segment[0, 0]).all()
    assert np.isfinite(by_segment[1]).all()
    tokens = array_of(
        many(server, "/extract_features", records, NPY, level="token", dtype="float16")
    )
    assert (tokens.shape, tokens.dtype) == ((2, 2, 156, 32), np.float16)


def test_in_npy_all_failed_is_a_row_of_nothing_for_each(server: RunningServer) -> None:
    response = many(server, "/extract_features", [{}, {}], NPY)
    assert len(array_of(response)) == 2
    assert response.headers["x-ecg-errors"] == "0:missing_field,1:missing_field"


def test_msgpack_of_many_holds_arrays_and_errors(server: RunningServer) -> None:
    packed = msgpack.packb({"records": [GOOD, {}]})
    results = msgpack.unpackb(
        post_msgpack(server, "/extract_features", packed, Accept=MSGPACK).content
    )["results"]
    values = np.frombuffer(results[0]["features"]["data"], results[0]["features"]["dtype"])
    np.testing.assert_array_equal(
        values, array_of(many(server, "/extract_features", [GOOD], NPY))[0]
    )
    assert results[1]["error"]["code"] == "missing_field"


@pytest.mark.parametrize("path", ROUTES)
def test_ndjson_has_a_line_for_each_record_with_its_index(server: RunningServer, path: str) -> None:
    records = [GOOD, {}, ECG.seconds(0, 6).json(id="third"), *[GOOD] * 9]
    response = many(server, path, records, NDJSON)
    assert response.headers["content-type"].startswith(NDJSON)
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert sorted(line["index"] for line in lines) == list(range(12))
    by_index = {line["index"]: line for line in lines}
    assert by_index[1]["error"]["code"] == "missing_field"
    assert by_index[2]["id"] == "third"
    expected = answer_of(many(server, path, records))["results"]
    assert all(set(by_index[index]) - {"index"} == set(expected[index]) for index in range(12))


def test_a_body_that_cannot_be_read_is_one_error_for_ndjson_too(server: RunningServer) -> None:
    response = post(
        server,
        "/analyze",
        content=b"{",
        headers={"Content-Type": "application/json", "Accept": NDJSON},
    )
    problem_of(response, 400, "malformed_body")


def test_too_many_records_are_refused_as_a_whole(server: RunningServer) -> None:
    problem_of(many(server, "/analyze", [{}] * 257), 413, "too_many_records")
    assert len(answer_of(many(server, "/analyze", [{}] * 256))["results"]) == 256


def test_a_fault_found_late_has_the_location_of_its_record(server: RunningServer) -> None:
    body = {"records": [GOOD, GOOD | {"fs": 5}]}
    error = answer_of(post(server, "/analyze", json=body))["results"][1]["error"]
    assert error["code"] == "bad_sampling_rate"
    assert error["errors"][0]["loc"] == ["records", 1, "fs"]

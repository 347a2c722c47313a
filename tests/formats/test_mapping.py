"""The JSON record: every layout that docs/api.md allows, and an error with its place for every one that it does not."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import orjson
import pytest

from errors import (
    BadOption,
    BadSamplingRate,
    BadShape,
    BadType,
    DuplicateLead,
    DurationMismatch,
    EcgError,
    MissingField,
    RaggedSignal,
    UnknownLead,
    UnsafeFile,
)
from formats.json.body import loads
from formats.mapping import record_from_mapping
from signals.leads import LEADS

TWELVE = np.arange(12 * 20, dtype=np.float32).reshape(12, 20) / 100


def record(signal: Any = None, **more: Any) -> dict[str, Any]:
    return {"signal": TWELVE.tolist() if signal is None else signal, "fs": 500, **more}


def binary(array: np.ndarray, **more: Any) -> dict[str, Any]:
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": array.tobytes(), **more}


@pytest.mark.parametrize(
    "signal",
    [
        TWELVE.tolist(),
        TWELVE.T.tolist(),
        dict(zip(LEADS, TWELVE.tolist(), strict=True)),
        dict(zip([f"Lead {lead}" for lead in LEADS], TWELVE.tolist(), strict=True)),
        binary(TWELVE),
        binary(TWELVE.T.copy()),
        binary(TWELVE.astype(">f8")),
    ],
)
def test_every_layout_gives_leads_x_samples_in_float32(signal: Any) -> None:
    read = record_from_mapping(record(signal))
    assert read.lead_names == LEADS
    assert read.signal.dtype == np.float32
    assert read.signal.flags.c_contiguous
    np.testing.assert_array_equal(read.signal, TWELVE)
    assert (read.fs, read.units, read.warnings, read.id) == (500.0, "mV", (), None)


def test_lead_names_tell_the_axes_apart_and_leads_come_first_when_square() -> None:
    two = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    names = ["aVF", "V1"]
    np.testing.assert_array_equal(record_from_mapping(record(two, lead_names=names)).signal, two)
    np.testing.assert_array_equal(
        record_from_mapping(record(np.transpose(two).tolist(), lead_names=names)).signal, two
    )
    square = [[1.0, 2.0], [3.0, 4.0]]
    np.testing.assert_array_equal(
        record_from_mapping(record(square, lead_names=names)).signal, square
    )
    assert (
        record_from_mapping(
            record(TWELVE.T.tolist(), lead_names=[lead.lower() for lead in LEADS[::-1]])
        ).lead_names
        == LEADS[::-1]
    )


def test_one_list_is_one_lead_that_must_be_named() -> None:
    read = record_from_mapping(record([1, None, 3], lead_names=["II"]))
    np.testing.assert_array_equal(read.signal, [[1, np.nan, 3]])
    with pytest.raises(MissingField, match="lead_names"):
        record_from_mapping(record([1.0, 2.0]))


@pytest.mark.parametrize(
    "signal", [np.zeros((12, 12)).tolist(), np.zeros((3, 50)).tolist(), [], {}, [[]]]
)
def test_without_names_one_axis_must_be_twelve(signal: Any) -> None:
    with pytest.raises(BadShape):
        record_from_mapping(record(signal))


def test_null_and_nan_are_gaps_in_every_layout() -> None:
    rows = TWELVE.tolist()
    rows[3][7] = None
    rows[4][0] = math.nan
    for signal in (
        rows,
        [list(column) for column in zip(*rows, strict=True)],
        dict(zip(LEADS, rows, strict=True)),
    ):
        read = record_from_mapping(record(signal))
        assert np.argwhere(np.isnan(read.signal)).tolist() == [[3, 7], [4, 0]]


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ("1.5", "a string"),
        (True, "a boolean"),
        ([1.0], "a list"),
        ({}, "an object"),
        (b"1", "binary"),
    ],
)
def test_a_sample_that_is_no_number_is_named_by_its_place(wrong: Any, kind: str) -> None:
    rows = TWELVE.tolist()
    rows[3][5] = wrong
    with pytest.raises(BadType, match=kind) as caught:
        record_from_mapping(record(rows), loc=("records", 2))
    assert caught.value.errors[0].loc == ("records", 2, "signal", 3, 5)
    assert caught.value.detail.startswith("records[2].signal[3][5]: ")


@pytest.mark.parametrize("wrong", ["I", 1.0, None, {}])
def test_a_lead_that_is_no_list_is_named_by_its_place(wrong: Any) -> None:
    rows = TWELVE.tolist()
    rows[3] = wrong
    with pytest.raises(BadType) as caught:
        record_from_mapping(record(rows))
    assert caught.value.errors[0].loc == ("signal", 3)
    with pytest.raises(BadType) as caught:
        record_from_mapping(record({"I": [1.0], "V1": wrong}))
    assert caught.value.errors[0].loc == ("signal", "V1")


@pytest.mark.parametrize("wrong", ["[1, 2]", 5, True])
def test_a_signal_that_is_no_list_is_a_wrong_type(wrong: Any) -> None:
    with pytest.raises(BadType, match="signal"):
        record_from_mapping(record(wrong))


def test_leads_of_unequal_length_are_named_with_their_lengths() -> None:
    rows = TWELVE.tolist()
    rows[2].pop()
    with pytest.raises(RaggedSignal, match=r"II 20, III 19, aVR 20"):
        record_from_mapping(record(rows))
    with pytest.raises(RaggedSignal, match=r"V1 1, V2 2"):
        record_from_mapping(record({"V1": [1.0], "V2": [1.0, 2.0]}))
    columns = TWELVE.T.tolist()
    columns[4].append(1.0)
    with pytest.raises(RaggedSignal, match=r"signal\[4\]: 13 values"):
        record_from_mapping(record(columns))


@pytest.mark.parametrize("name", ["signal", "fs"])
@pytest.mark.parametrize("given", [True, False])
def test_signal_and_fs_are_needed(name: str, given: bool) -> None:
    mapping = record()
    mapping[name] = None
    if not given:
        del mapping[name]
    with pytest.raises(MissingField, match=name) as caught:
        record_from_mapping(mapping)
    assert caught.value.errors[0].loc == (name,)


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("fs", "500", BadType),
        ("fs", True, BadType),
        ("fs", 0, BadSamplingRate),
        ("fs", -500, BadSamplingRate),
        ("fs", math.nan, BadType),
        ("fs", 10**400, BadType),
        ("lead_names", "I,II", BadType),
        ("lead_names", ["I", "I"], DuplicateLead),
        ("lead_names", ["I", "V9"], UnknownLead),
        ("units", 5, BadType),
        ("units", "inch", BadOption),
        ("gain", 0, BadType),
        ("recording_duration", "10", BadType),
        ("recording_duration", 0.05, DurationMismatch),
        ("patient", "Erika", BadType),
        ("patient", {"age": "63"}, BadType),
        ("patient", {"age": 150.25}, BadType),
        ("patient", {"age": -1}, BadType),
        ("patient", {"sex": 1}, BadType),
        ("patient", {"sex": "femme"}, BadOption),
        ("recording_date", 20240501, BadType),
        ("id", 5, BadType),
        ("id", "x" * 129, BadType),
    ],
)
def test_a_wrong_field_is_refused_with_its_place_and_without_the_patients_data(
    field: str, value: Any, kind: type[EcgError]
) -> None:
    with pytest.raises(kind) as caught:
        record_from_mapping(record(**{field: value}), loc=("records", 1))
    assert caught.value.errors[0].loc[:3] == ("records", 1, field)
    for secret in ("150.25", "Erika", "femme"):
        assert secret not in caught.value.detail


def test_fields_beside_the_signal_are_taken_over() -> None:
    read = record_from_mapping(
        record(
            units="uV",
            patient={"age": 63, "sex": "F"},
            recording_date="01/11/1984  8:27:32",
            id="x" * 128,
            recording_duration=0.0403,
        )
    )
    assert (read.patient.age_years, read.patient.sex) == (63.0, "female")
    assert (read.recording_date, read.id) == ("01/11/1984  8:27:32", "x" * 128)
    np.testing.assert_allclose(read.signal, TWELVE / 1000, rtol=1e-6)
    assert record_from_mapping(record(units="unknown")).units == "unknown"
    np.testing.assert_allclose(
        record_from_mapping(record(gain=200)).signal, TWELVE / 200, rtol=1e-6
    )


def test_unknown_fields_are_ignored_and_named_unless_they_are_somebody_elses() -> None:
    mapping = record(lead_name=["I"], include="all", patient={"agee": 5, "shoes": 42})
    assert record_from_mapping(mapping, extra_fields=frozenset({"include"})).warnings == (
        "lead_name: unknown field, ignored; did you mean lead_names?",
        "patient.agee: unknown field, ignored; did you mean age?",
        "patient.shoes: unknown field, ignored",
    )
    many = record_from_mapping(record(**{f"x{index}" * 100: 1 for index in range(50)})).warnings
    assert len(many) == 11
    assert max(map(len, many)) < 100


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"dtype": "|O"}, UnsafeFile),
        ({"dtype": "<c8"}, BadType),
        ({"dtype": None}, BadType),
        ({"shape": [12, 10**12]}, BadShape),
        ({"shape": [-12, -20]}, BadType),
        ({"shape": [1, 12, 20]}, BadShape),
        ({"shape": [True, 20]}, BadType),
        ({"shape": "12"}, BadType),
        ({"data": "text"}, BadType),
        ({"data": b"\0"}, BadShape),
    ],
)
def test_a_binary_array_is_held_to_its_type_and_shape(
    change: dict[str, Any], kind: type[EcgError]
) -> None:
    with pytest.raises(kind):
        record_from_mapping(record(binary(TWELVE, **change)))


def test_binary_whole_numbers_need_units_or_gain() -> None:
    counts = (TWELVE * 1000).astype("<i2")
    with pytest.raises(MissingField, match="units"):
        record_from_mapping(record(binary(counts)))
    np.testing.assert_allclose(
        record_from_mapping(record(binary(counts), units="uV")).signal, TWELVE, atol=1e-3
    )


@pytest.mark.parametrize("value", [None, 5, "text", [1], True])
def test_a_record_that_is_no_object_is_a_wrong_type(value: Any) -> None:
    with pytest.raises(BadType, match="record"):
        record_from_mapping(value)


def test_numbers_beyond_float32_become_infinite_for_the_checks_to_refuse() -> None:
    for units in ("mV", "uV", "unknown"):
        rows = TWELVE.tolist()
        rows[0][0] = 1e300
        assert np.isinf(record_from_mapping(record(rows, units=units)).signal[0, 0])


def test_twelve_leads_of_ten_seconds_are_read_in_a_few_milliseconds() -> None:
    signal = np.random.default_rng(0).normal(size=(12, 5000)).round(4).tolist()
    body = orjson.dumps({"signal": signal, "fs": 500})
    times = []
    for _ in range(5):
        began = time.perf_counter()
        record_from_mapping(loads(body))
        times.append(time.perf_counter() - began)
    assert min(times) < 0.03  # about 4 ms on an idle core

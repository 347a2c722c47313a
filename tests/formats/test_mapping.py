"""The JSON record: each layout that docs/api.md allows; an error with its path for all others."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
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
from formats.hints import Hints
from formats.lead_names import LeadNames
from formats.mapping import record_from_mapping, with_hints
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


def test_lead_names_decide_which_axis_holds_the_leads_and_in_a_square_the_first_does() -> None:
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
    with pytest.raises(MissingField) as caught:
        record_from_mapping(record([1.0, 2.0]), loc=("records", 7))
    assert caught.value.detail == (
        "lead_names: missing; records[7].signal has one axis and needs one name"
    )
    assert caught.value.errors[0].loc == ("records", 7, "lead_names")


@pytest.mark.parametrize(
    ("signal", "detail"),
    [
        (
            np.zeros((12, 12)).tolist(),
            "signal: 12 x 12; without lead_names either axis could be the leads",
        ),
        (
            np.zeros((3, 50)).tolist(),
            "signal: 3 x 50; one axis must have length 12 if lead_names is missing",
        ),
        ([], "signal: an empty list; at least one lead is required"),
        ({}, "signal: an empty object; at least one lead is required"),
        ([[]], "signal: 1 x 0; one axis must have length 12 if lead_names is missing"),
    ],
)
def test_without_names_one_axis_must_be_twelve(signal: Any, detail: str) -> None:
    with pytest.raises(BadShape) as caught:
        record_from_mapping(record(signal))
    assert caught.value.detail == detail
    assert caught.value.errors[0].loc == ("signal",)


def test_with_names_one_axis_must_have_their_number() -> None:
    with pytest.raises(BadShape) as caught:
        record_from_mapping(record(np.zeros((3, 50)).tolist(), lead_names=["I", "II"]))
    assert caught.value.detail == (
        "signal: 3 x 50; one axis must have length 2, the number of lead_names"
    )


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
        (b"1", "binary data"),
    ],
)
def test_a_sample_that_is_no_number_is_named_by_its_path(wrong: Any, kind: str) -> None:
    rows = TWELVE.tolist()
    rows[3][5] = wrong
    rows[7][0] = wrong
    with pytest.raises(BadType) as caught:
        record_from_mapping(record(rows), loc=("records", 2))
    assert caught.value.errors[0].loc == ("records", 2, "signal", 3, 5)
    assert caught.value.detail == (
        f"records[2].signal[3][5]: found {kind}; a number or null is required"
    )
    with pytest.raises(BadType) as in_object:
        record_from_mapping(record({"I": [1.0, 2.0], "V1": [1.0, wrong]}))
    assert in_object.value.errors[0].loc == ("signal", "V1", 1)
    assert in_object.value.detail == f"signal.V1[1]: found {kind}; a number or null is required"
    with pytest.raises(BadType) as in_row:
        record_from_mapping(record([1.0, 2.0, wrong], lead_names=["II"]))
    assert in_row.value.errors[0].loc == ("signal", 2)


@pytest.mark.parametrize("wrong", ["I", 1.0, None, {}])
def test_a_lead_that_is_no_list_is_named_by_its_place(wrong: Any) -> None:
    rows = TWELVE.tolist()
    rows[3] = wrong
    with pytest.raises(BadType) as caught:
        record_from_mapping(record(rows))
    assert caught.value.errors[0].loc == ("signal", 3)
    assert re.fullmatch(
        r"signal\[3\]: found .*; a list of samples is required", caught.value.detail
    )
    with pytest.raises(BadType) as caught:
        record_from_mapping(record({"I": [1.0], "V1": wrong}))
    assert caught.value.errors[0].loc == ("signal", "V1")
    assert re.fullmatch(r"signal: found .*; a list of samples is required", caught.value.detail)


@pytest.mark.parametrize("wrong", ["[1, 2]", 5, True])
def test_a_signal_that_is_no_list_is_a_wrong_type(wrong: Any) -> None:
    with pytest.raises(BadType) as caught:
        record_from_mapping(record(wrong))
    assert re.fullmatch(
        r"signal: found .*; a list or an object of samples is required", caught.value.detail
    )
    assert caught.value.errors[0].loc == ("signal",)


def test_leads_of_unequal_length_are_named_with_their_lengths() -> None:
    rows = TWELVE.tolist()
    rows[2].pop()
    with pytest.raises(RaggedSignal) as caught:
        record_from_mapping(record(rows))
    lengths = ", ".join(f"{lead} {19 if lead == 'III' else 20}" for lead in LEADS)
    assert caught.value.detail == f"signal: leads of unequal length ({lengths})"
    with pytest.raises(RaggedSignal) as caught:
        record_from_mapping(record({"V1": [1.0], "V2": [1.0, 2.0], "I": [1.0]}))
    assert caught.value.detail == "signal: leads of unequal length (V1 1, V2 2, I 1)"
    with pytest.raises(RaggedSignal) as caught:
        record_from_mapping(record([[1.0], [1.0, 2.0]], lead_names=["V5", "aVF"]))
    assert caught.value.detail == "signal: leads of unequal length (V5 1, aVF 2)"
    columns = TWELVE.T.tolist()
    columns[4].append(1.0)
    columns[9].pop()
    with pytest.raises(RaggedSignal) as caught:
        record_from_mapping(record(columns))
    assert caught.value.detail == "signal[4]: 13 values; the rows before it have 12"
    assert caught.value.errors[0].loc == ("signal", 4)


@pytest.mark.parametrize("name", ["signal", "fs"])
@pytest.mark.parametrize("given", [True, False])
def test_signal_and_fs_are_needed(name: str, given: bool) -> None:
    mapping = record()
    mapping[name] = None
    if not given:
        del mapping[name]
    with pytest.raises(MissingField) as caught:
        record_from_mapping(mapping)
    assert caught.value.errors[0].loc == (name,)
    assert caught.value.detail == f"{name}: missing"


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


def test_the_other_fields_are_read() -> None:
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
    assert read.warnings == ()
    unknown = record_from_mapping(record(units="unknown"))
    assert unknown.units == "unknown"
    np.testing.assert_array_equal(unknown.signal, TWELVE)
    np.testing.assert_allclose(
        record_from_mapping(record(gain=200)).signal, TWELVE / 200, rtol=1e-6
    )


def test_unknown_fields_are_ignored_and_named_except_the_extra_ones() -> None:
    mapping = record(lead_name=["I"], include="all", patient={"agee": 5, "shoes": 42})
    assert record_from_mapping(mapping, extra_fields=frozenset({"include"})).warnings == (
        "lead_name: unknown field, ignored; did you mean lead_names?",
        "patient.agee: unknown field, ignored; did you mean age?",
        "patient.shoes: unknown field, ignored",
    )


@pytest.mark.parametrize("count", [10, 11, 50])
def test_of_many_unknown_fields_ten_are_named_shortly(count: int) -> None:
    unknown = {f"{index:02}" + "x" * 39: 1 for index in range(count)}
    named = tuple(f"{index:02}{'x' * 38}: unknown field, ignored" for index in range(10))
    others = (f"fields: {count - 10} more unknown fields, ignored",) if count > 10 else ()
    assert record_from_mapping(record(**unknown)).warnings == named + others


@pytest.mark.parametrize(
    ("change", "kind", "place", "detail"),
    [
        (
            {"dtype": "|O"},
            UnsafeFile,
            "dtype",
            "an array of objects is a pickle, which can execute code; "
            "float16, float32, float64 or int16 is required",
        ),
        (
            {"dtype": "<c8"},
            BadType,
            "dtype",
            "signal.dtype: unsupported array type; float16, float32, float64 or int16 is required",
        ),
        ({"dtype": None}, BadType, "dtype", "signal.dtype: found null; a string is required"),
        (
            {"shape": [12, 10**12]},
            BadShape,
            "data",
            "signal: 960 bytes; dtype and shape require 48000000000000",
        ),
        (
            {"shape": [-12, -20]},
            BadType,
            "shape",
            "signal.shape: a list of whole numbers is required",
        ),
        ({"shape": [1, 12, 20]}, BadShape, "shape", "signal: 3 axes; 1 or 2 are allowed"),
        ({"shape": []}, BadShape, "shape", "signal: 0 axes; 1 or 2 are allowed"),
        ({"shape": [True, 20]}, BadType, "shape", None),
        ({"shape": "12"}, BadType, "shape", None),
        ({"data": "text"}, BadType, "data", "signal.data: found a string; binary data is required"),
        ({"data": bytes(959)}, BadShape, "data", "signal: 959 bytes; dtype and shape require 960"),
        ({"data": bytes(961)}, BadShape, "data", "signal: 961 bytes; dtype and shape require 960"),
    ],
)
def test_a_binary_array_must_fit_its_type_and_shape(
    change: dict[str, Any], kind: type[EcgError], place: str, detail: str | None
) -> None:
    with pytest.raises(kind) as caught:
        record_from_mapping(record(binary(TWELVE, **change)))
    assert caught.value.errors[0].loc == ("signal", place)
    assert detail is None or caught.value.detail == detail


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("float16", "<f2"),
        ("float32", "<f4"),
        ("float64", "<f8"),
        (">float32", ">f4"),
        ("=f4", "<f4"),
        ("f8", "<f8"),
        (">i2", ">i2"),
        ("int16", "<i2"),
    ],
)
def test_a_binary_arrays_type_has_two_names_and_two_byte_orders(name: str, dtype: str) -> None:
    values = np.array([[1, -2, 300], [4, 5, -600]])
    data = binary(values.astype(dtype), dtype=name)
    read = record_from_mapping(record(data, lead_names=["V1", "V2"], units="mV"))
    np.testing.assert_array_equal(read.signal, values)


def test_a_binary_array_of_one_axis_is_one_lead() -> None:
    data = binary(np.array([1, -2, 300], "<f4"))
    read = record_from_mapping(record(data, lead_names=["V1"]))
    assert read.signal.tolist() == [[1.0, -2.0, 300.0]]


def test_an_object_of_arrays_is_stacked_in_its_order() -> None:
    signal = {"V1": np.array([1.0, 2.0]), "I": np.array([3.0, 4.0]), "II": np.array([5.0, 6.0])}
    read = record_from_mapping(record(signal))
    assert read.lead_names == ("V1", "I", "II")
    assert read.signal.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_lead_names_next_to_an_object_must_be_its_names() -> None:
    signal = {"V1": [1.0], "I": [2.0]}
    assert record_from_mapping(record(signal, lead_names=["I", "V1"])).lead_names == ("V1", "I")
    with pytest.raises(BadShape) as caught:
        record_from_mapping(record(signal, lead_names=["I", "V2"]), loc=("records", 1))
    assert caught.value.detail == (
        "lead_names: other leads than the names in signal; leave lead_names out, or "
        "rename keys of signal: NAME=LEAD"
    )
    assert caught.value.errors[0].loc == ("records", 1, "lead_names")


def test_binary_whole_numbers_need_units_or_gain() -> None:
    counts = np.rint(TWELVE * 1000).astype("<i2")
    with pytest.raises(MissingField) as caught:
        record_from_mapping(record(binary(counts)), loc=("records", 4))
    assert caught.value.detail == (
        "records[4].units: missing; int16 samples need units (mV, uV, V, unknown) or gain "
        "(ADC units per mV)"
    )
    assert caught.value.errors[0].loc == ("records", 4, "units")
    np.testing.assert_allclose(
        record_from_mapping(record(binary(counts), units="uV")).signal, TWELVE, atol=5.1e-4
    )


@pytest.mark.parametrize("value", [None, 5, "text", [1], True])
def test_a_record_that_is_no_object_is_a_wrong_type(value: Any) -> None:
    with pytest.raises(BadType) as caught:
        record_from_mapping(value)
    assert re.fullmatch(r"body: found .*; a record \(an object\) is required", caught.value.detail)
    with pytest.raises(BadType, match=r"^records\[1\]: found "):
        record_from_mapping(value, loc=("records", 1))


def test_numbers_beyond_float32_become_infinite_for_the_checks_to_refuse() -> None:
    for units in ("mV", "uV", "unknown"):
        rows = TWELVE.tolist()
        rows[0][0] = 1e300
        assert np.isinf(record_from_mapping(record(rows, units=units)).signal[0, 0])


def test_an_uploaded_record_takes_the_requests_values_with_a_warning_for_each_contradiction() -> (
    None
):
    file = record(patient={"age": 40, "shoes": 42}, units="mV", id="file")
    hints = Hints(fs=250.0, age=50.0, sex="male", units="uV", recording_date="2020", id=("x",))
    merged, warnings = with_hints(file, hints)
    assert merged["patient"] == {"age": 50.0, "shoes": 42, "sex": "male"}
    assert (merged["fs"], merged["units"], merged["id"]) == (250.0, "uV", "x")
    assert (merged["recording_date"], merged["gain"], merged["lead_names"]) == ("2020", None, None)
    contradicts = "the request contradicts the file; the request's value is used"
    names = ("fs", "units", "id", "patient.age")
    assert warnings == tuple(f"{name}: {contradicts}" for name in names)
    assert file["patient"] == {"age": 40, "shoes": 42}


def test_an_uploaded_record_is_unchanged_by_a_request_without_values() -> None:
    file = record(patient="wrong", lead_names=list(LEADS))
    merged, warnings = with_hints(file, Hints())
    assert {name: value for name, value in merged.items() if value is not None} == file
    assert warnings == ()
    same, warnings = with_hints(file, Hints(lead_names=LeadNames(LEADS), fs=500.0))
    assert (same["lead_names"], warnings) == (list(LEADS), ())


@pytest.mark.parametrize(
    ("stated", "hints"),
    [
        ({"units": "µV"}, Hints(units="uV")),
        ({"units": "mcV"}, Hints(units="uv")),
        ({"patient": {"sex": "F"}}, Hints(sex="female")),
        ({"lead_names": [f"Lead {lead}" for lead in LEADS]}, Hints(lead_names=LeadNames(LEADS))),
        ({"fs": 500}, Hints(fs=500.0)),
    ],
)
def test_another_spelling_of_a_value_is_no_contradiction(
    stated: dict[str, object], hints: Hints
) -> None:
    assert with_hints(record(**stated), hints)[1] == ()


@pytest.mark.parametrize("level", [-32768, 32767])
def test_samples_at_a_limit_of_16_bits_in_all_leads_are_gaps(level: int) -> None:
    samples = np.arange(12 * 400).reshape(12, 400) % 97
    samples[:, 0:7] = level
    record = record_from_mapping({"signal": samples.tolist(), "fs": 100, "units": "uV"})
    assert np.flatnonzero(np.isnan(record.signal).all(axis=0)).tolist() == list(range(7))
    (warning,) = record.warnings
    assert "from 0.00 to 0.07 s" in warning

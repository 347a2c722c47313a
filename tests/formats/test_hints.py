"""Query and form fields become typed values; errors name their field."""

from __future__ import annotations

import pytest

from errors import BadOption, BadSamplingRate, BadType, DuplicateLead, EcgError, UnknownLead
from formats.hints import HINT_NAMES, Hints, hints_from_params, prefer_request, single_id
from formats.lead_names import LeadNames


def test_every_field_is_read_and_others_are_ignored() -> None:
    params = {
        "fs": ["500"],
        "lead_names": ["i, avr ,V1"],
        "units": ["uV"],
        "gain": ["4.88"],
        "age": ["63"],
        "sex": ["Female"],
        "recording_date": ["2024-05-01"],
        "recording_duration": ["1e1"],
        "id": ["a", "b", "a"],
        "include": ["all"],
    }
    assert hints_from_params(params) == Hints(
        500.0,
        LeadNames(("I", "aVR", "V1")),
        "uV",
        4.88,
        63.0,
        "female",
        "2024-05-01",
        10.0,
        ("a", "b", "a"),
    )
    assert params.keys() - {"include"} | {"leads"} == HINT_NAMES


def test_missing_and_empty_fields_are_absent() -> None:
    assert hints_from_params({}) == Hints()
    empty = {"fs": [""], "leads": [" "], "sex": [], "age": [""], "units": ["", " "]}
    assert hints_from_params(empty) == Hints()


def test_a_field_may_be_repeated_with_the_same_value() -> None:
    assert hints_from_params({"fs": ["500", " 500", ""]}).fs == 500.0


def test_leads_is_an_alias_of_lead_names() -> None:
    names = LeadNames(("I", "II"))
    assert hints_from_params({"leads": ["I,II"]}).lead_names == names
    assert hints_from_params({"leads": ["I,II"], "lead_names": ["I,II"]}).lead_names == names
    with pytest.raises(BadOption) as caught:
        hints_from_params({"leads": ["I,II"], "lead_names": ["II,I"]})
    assert caught.value.detail == (
        "leads: differs from lead_names, of which it is an alias; send one of them"
    )
    assert caught.value.errors[0].loc == ("leads",)


@pytest.mark.parametrize(
    ("name", "values", "kind", "detail"),
    [
        ("fs", ["fast"], BadType, "fs: found 'fast'; a finite number is required"),
        ("fs", ["nan"], BadType, "fs: found 'nan'; a finite number is required"),
        ("fs", ["1e999"], BadType, "fs: found '1e999'; a finite number is required"),
        ("fs", ["5_00"], BadType, "fs: found '5_00'; a finite number is required"),
        ("fs", ["٥٠٠"], BadType, "fs: found '\\u0665\\u0660\\u0660'; a finite number is required"),
        ("fs", ["-1"], BadSamplingRate, "fs: found -1 Hz; it must be above 0"),
        (
            "fs",
            ["500", "250", "500"],
            BadOption,
            "fs: given with 2 different values; one is allowed",
        ),
        ("gain", ["0"], BadType, "gain: found 0; it must be above 0"),
        ("age", ["old"], BadType, "age: found a text; a finite number is required"),
        (
            "age",
            ["121"],
            BadType,
            "age: found a number above 120; 0 to 120 years are allowed",
        ),
        (
            "sex",
            ["x"],
            BadOption,
            "sex: found another string; male, female, m, f, other or null are allowed",
        ),
        ("lead_names", ["I,,II"], UnknownLead, None),
        ("lead_names", ["I,II", "V1"], BadOption, None),
        ("leads", ["I,I"], DuplicateLead, None),
        (
            "recording_date",
            ["x" * 65],
            BadType,
            "recording_date: 65 characters; at most 64 are allowed",
        ),
        ("recording_duration", ["-1"], BadType, "recording_duration: found -1; it must be above 0"),
        ("id", ["a", "x" * 129], BadType, "id[1]: 129 characters; at most 128 are allowed"),
    ],
)
def test_a_wrong_value_names_its_field(
    name: str, values: list[str], kind: type[EcgError], detail: str | None
) -> None:
    with pytest.raises(kind) as caught:
        hints_from_params({name: values})
    assert caught.value.errors[0].loc[0] == name
    assert caught.value.detail.startswith(name)
    assert detail is None or caught.value.detail == detail


def test_the_longest_date_and_id_are_read() -> None:
    hints = hints_from_params({"recording_date": ["x" * 64], "id": ["y" * 128]})
    assert (hints.recording_date, hints.id) == ("x" * 64, ("y" * 128,))


def test_empty_fields_are_absent() -> None:
    names = sorted(HINT_NAMES)
    assert hints_from_params({name: [""] for name in names}) == Hints()
    assert hints_from_params({name: ["", " "] for name in names if name != "id"}) == Hints()
    assert hints_from_params({"id": ["", "b"]}).id == ("", "b"), "the first record has none"


def test_one_record_has_one_id_at_most() -> None:
    assert single_id(Hints()) is None
    assert single_id(Hints(id=("a",))) == "a"
    with pytest.raises(BadOption) as caught:
        single_id(Hints(id=("a", "b", "c")))
    assert caught.value.detail == "id: 3 given for one record; 1 is allowed"
    assert caught.value.errors[0].loc == ("id",)


@pytest.mark.parametrize(
    ("request_value", "file_value", "value", "contradicts"),
    [
        (None, None, None, False),
        (5, None, 5, False),
        (None, 6, 6, False),
        (5, 5, 5, False),
        (0, 6, 0, True),
        (5, 6, 5, True),
    ],
)
def test_the_requests_value_is_preferred_with_a_warning_if_they_differ(
    request_value: int | None, file_value: int | None, value: int | None, contradicts: bool
) -> None:
    warning = "age: the request contradicts the file; the request's value is used"
    assert prefer_request("age", request_value, file_value) == (
        value,
        (warning,) if contradicts else (),
    )

"""Query and form fields -> typed values, with errors that name their field."""

from __future__ import annotations

import pytest

from errors import BadOption, BadSamplingRate, BadType, DuplicateLead, EcgError, UnknownLead
from formats.hints import Hints, hints_from_params


def test_every_field_is_read_and_others_are_left_alone() -> None:
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
        500.0, ("I", "aVR", "V1"), "uV", 4.88, 63.0, "female", "2024-05-01", 10.0, ("a", "b", "a")
    )


def test_nothing_said_and_empty_fields_are_nothing() -> None:
    assert hints_from_params({}) == Hints()
    assert hints_from_params({"fs": [""], "leads": [" "], "sex": [], "age": [""]}) == Hints()


def test_leads_stands_for_lead_names() -> None:
    assert hints_from_params({"leads": ["I,II"]}).lead_names == ("I", "II")
    assert hints_from_params({"leads": ["I,II"], "lead_names": ["I,II"]}).lead_names == ("I", "II")
    with pytest.raises(BadOption, match="leads"):
        hints_from_params({"leads": ["I,II"], "lead_names": ["II,I"]})


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("fs", ["fast"], BadType),
        ("fs", ["nan"], BadType),
        ("fs", ["1e999"], BadType),
        ("fs", ["5_00"], BadType),
        ("fs", ["٥٠٠"], BadType),
        ("fs", ["-1"], BadSamplingRate),
        ("fs", ["500", "250"], BadOption),
        ("gain", ["0"], BadType),
        ("age", ["121"], BadType),
        ("sex", ["x"], BadOption),
        ("lead_names", ["I,,II"], UnknownLead),
        ("leads", ["I,I"], DuplicateLead),
        ("recording_date", ["x" * 65], BadType),
        ("recording_duration", ["-1"], BadType),
        ("id", ["x" * 129], BadType),
    ],
)
def test_a_wrong_value_names_its_field(name: str, values: list[str], kind: type[EcgError]) -> None:
    with pytest.raises(kind) as caught:
        hints_from_params({name: values})
    assert caught.value.errors[0].loc[0] == name
    assert caught.value.detail.startswith(name)

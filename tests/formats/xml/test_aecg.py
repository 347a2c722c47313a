"""HL7 aECG in variants that the shared files do not cover."""

from __future__ import annotations

import numpy as np
import pytest

from errors import (
    BadSamplingRate,
    CorruptFile,
    DuplicateLead,
    EcgError,
    NoSamples,
    RaggedSignal,
)
from tests.formats.xml.documents import RAMP, RAMP_WITH_COMMAS, read_document

NAMESPACES = "xmlns='urn:hl7-org:v3' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'"


def sequence(code: str, inner: str, kind: str = "SLIST_PQ") -> str:
    value = f"<value xsi:type='{kind}'>{inner}</value>"
    return f"<component><sequence><code code='{code}'/>{value}</sequence></component>"


def time_axis(
    value: str = "2", unit: str = "ms", head: str = "20240501082732", code: str = "TIME_ABSOLUTE"
) -> str:
    inner = f"<head value='{head}'/><increment value='{value}' unit='{unit}'/>"
    return sequence(code, inner, "GLIST_TS")


def lead(
    code: str = "MDC_ECG_LEAD_I",
    digits: str = RAMP_WITH_COMMAS,
    scale: str = "unit='uV' value='5'",
    origin: str = "unit='uV' value='0'",
) -> str:
    inner = f"<origin {origin}/><scale {scale}/><digits>{digits.replace(',', ' ')}</digits>"
    return sequence(code, inner)


def series(*sets: str, code: str = "RHYTHM", more: str = "") -> str:
    inner = "".join(
        f"<component><sequenceSet>{content}</sequenceSet></component>" for content in sets
    )
    return f"<component><series><code code='{code}'/>{inner}{more}</series></component>"


def aecg(*content: str) -> str:
    return f"<AnnotatedECG {NAMESPACES}>{''.join(content)}</AnnotatedECG>"


@pytest.mark.parametrize(
    ("scale", "origin", "factor", "offset"),
    [
        ("unit='uV' value='5'", "unit='uV' value='100'", 5e-3, 0.1),
        ("unit='mV' value='0.005'", "unit='uV' value='100'", 5e-3, 0.1),
        ("unit='uV' value='5'", "unit='mV' value='0.1'", 5e-3, 0.1),
        ("unit='uV' value='5'", "unit='nV' value='-30000'", 5e-3, -0.03),
        ("unit='nV' value='5000'", "value='0'", 5e-3, 0.0),
        ("unit='V' value='5e-6'", "unit='V' value='0'", 5e-3, 0.0),
        ("unit='V' value='5e-6'", "unit='mV' value='2'", 5e-3, 2.0),
    ],
)
def test_origin_and_scale_may_have_different_units(
    scale: str, origin: str, factor: float, offset: float
) -> None:
    record = read_document(aecg(series(time_axis() + lead(scale=scale, origin=origin))))
    np.testing.assert_allclose(record.signal[0], RAMP * factor + offset, rtol=1e-5, atol=1e-7)
    assert (record.units, record.warnings) == ("mV", ())


@pytest.mark.parametrize(
    ("value", "unit"), [("2", "ms"), ("0.002", "s"), ("2000", "us"), ("0.002", ""), ("2", " MS ")]
)
@pytest.mark.parametrize("code", ["TIME_ABSOLUTE", "TIME_RELATIVE"])
def test_the_increment_of_the_time_axis_gives_the_rate_in_any_unit(
    value: str, unit: str, code: str
) -> None:
    assert read_document(aecg(series(time_axis(value, unit, code=code) + lead()))).fs == 500.0


def test_the_scale_of_a_sampled_time_axis_gives_the_rate() -> None:
    axis = time_axis("4").replace("increment", "scale")
    assert read_document(aecg(series(axis + lead()))).fs == 250.0


def test_a_list_without_units_has_unknown_units_and_lead_codes_may_be_numeric() -> None:
    digits = RAMP_WITH_COMMAS.replace(",", " ")
    inner = f"<origin value='3'/><scale value='2'/><digits>{digits}</digits>"
    record = read_document(aecg(series(time_axis() + sequence("131389", inner, "SLIST_INT"))))
    assert (record.lead_names, record.units) == (("III",), "unknown")
    np.testing.assert_allclose(record.signal[0], RAMP * 2 + 3)
    assert len(record.warnings) == 1 and record.warnings[0].startswith("units: ")


def test_the_rhythm_with_most_lead_seconds_is_read_and_sets_of_one_time_are_merged() -> None:
    beat = series(time_axis() + lead(), code="REPRESENTATIVE_BEAT")
    short = series(time_axis(head="20240501080000") + lead(digits="1,2,3"))
    whole = series(time_axis() + lead(), time_axis() + lead("MDC_ECG_LEAD_aVR", scale="value='7'"))
    longer = series(
        time_axis() + lead("MDC_ECG_LEAD_V1", RAMP_WITH_COMMAS + "," + RAMP_WITH_COMMAS)
    )
    derived = f"<derivation>{longer}</derivation>".replace("series>", "derivedSeries>")
    record = read_document(aecg(beat, short, whole.replace("</series>", derived + "</series>")))
    assert (record.lead_names, record.samples) == (("I", "aVR"), 100)
    np.testing.assert_allclose(record.signal[0], RAMP * 5e-3, rtol=1e-5)
    assert "file: 1 other sequence sets in the aECG file, left out" in record.warnings


@pytest.mark.parametrize(
    "other",
    [
        time_axis("4") + lead("MDC_ECG_LEAD_II"),
        time_axis(head="20240501082733") + lead("MDC_ECG_LEAD_II"),
        time_axis(head="soon") + lead("MDC_ECG_LEAD_II"),
        time_axis() + lead("MDC_ECG_LEAD_I"),
    ],
)
def test_sets_of_another_rate_or_unknown_or_far_start_or_of_the_same_leads_are_not_joined(
    other: str,
) -> None:
    record = read_document(aecg(series(time_axis() + lead(), other)))
    assert len(record.lead_names) == 1
    assert record.warnings == ("file: 1 other sequence sets in the aECG file, left out",)


@pytest.mark.parametrize(
    "axes",
    [
        [time_axis("20", head=f"2024050108273{second}") for second in (0, 2, 4, 6)],
        [time_axis("20", head=f"2024050108273{second}.000-0500") for second in (0, 2, 4, 6)],
        [time_axis("20", head=f"{second}", code="TIME_RELATIVE") for second in (0, 2, 4, 6)],
    ],
)
def test_sets_that_follow_each_other_are_leads_with_gaps(axes: list[str]) -> None:
    leads = ("I", "aVR", "V1", "V4")
    sets = [axis + lead(f"MDC_ECG_LEAD_{name}") for axis, name in zip(axes, leads, strict=True)]
    record = read_document(aecg(series(*sets)))
    assert (record.lead_names, record.samples, record.fs) == (leads, 400, 50.0)
    for page, row in enumerate(record.signal):
        expected = np.full(400, np.nan)
        expected[100 * page : 100 * (page + 1)] = RAMP * 5e-3
        np.testing.assert_allclose(row, expected, rtol=1e-5)
    assert record.warnings == (
        "signal: recorded in 4 groups of leads at different times; the leads of each are gaps in "
        "the time of the others",
    )


def annotation(code: str, value: str, lead_code: str = "") -> str:
    support = ""
    if lead_code:
        boundary = f"<boundary><code code='{lead_code}'/></boundary>"
        support = f"<component>{boundary}</component>"
        support = f"<support><supportingROI>{support}</supportingROI></support>"
    content = f"<code code='{code}'/><value xsi:type='PQ' value='{value}' unit='ms'/>{support}"
    return f"<component><annotation>{content}</annotation></component>"


def test_annotations_of_all_leads_are_reported_but_not_zeros_or_those_of_single_leads() -> None:
    annotations = (
        annotation("MDC_ECG_TIME_PD_QRS", "70", "MDC_ECG_LEAD_I")
        + annotation("MDC_ECG_TIME_PD_QRS", "90", "MDC_ECG_BEAT")
        + annotation("MDC_ECG_TIME_PD_QRS", "95")
        + annotation("MDC_ECG_TIME_PD_QTc", "0")
        + annotation("MDC_ECG_TIME_PD_QTc_GL", "430")
        + annotation("MDC_ECG_ANGLE_P_FRONT", "-30")
        + annotation("MDC_ECG_TIME_PD_QTCB", "440")
        + annotation("MDC_ECG_OTHER", "1")
    )
    device = "<manufacturerOrganization><name>Maker</name></manufacturerOrganization>"
    device += "<manufacturerModelName>M1</manufacturerModelName>"
    more = f"<author>{device}</author><annotationSet>{annotations}</annotationSet>"
    person = "<name>Mustermann</name><administrativeGenderCode code='F'/>"
    person += "<birthTime value='19600502'/>"
    person = f"<subjectDemographicPerson>{person}</subjectDemographicPerson>"
    date = "<effectiveTime><center value='20240501082732.000+0200'/></effectiveTime>"
    record = read_document(aecg(date, person, series(time_axis() + lead(), more=more)))
    assert record.reported is not None
    assert record.reported.measurements == {
        "qrs_ms": 90.0,
        "qtc_ms": 430.0,
        "p_axis_deg": -30.0,
        "qtc_bazett_ms": 440.0,
    }
    assert record.reported.device == "Maker / M1"
    assert record.recording_date == "2024-05-01T08:27:32"
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")
    assert record.warnings == ()
    assert "Mustermann" not in repr(record)


@pytest.mark.parametrize(
    ("effective", "date"),
    [
        ("<low value='20240501'/><high value='20240502'/>", "2024-05-01"),
        ("<low value='x'/><center value='20240503'/><high value='20240502'/>", "2024-05-03"),
        ("<high value='20240502'/>", "2024-05-02"),
        ("", "2020-01-01"),
    ],
)
def test_the_recording_date_is_that_of_the_series_else_that_of_the_document(
    effective: str, date: str
) -> None:
    series_time = f"<effectiveTime>{effective}</effectiveTime>"
    document_time = "<effectiveTime value='20200101'/>"
    record = read_document(aecg(document_time, series(time_axis() + lead(), more=series_time)))
    assert record.recording_date == date


def test_a_reported_age_is_preferred_to_the_date_of_birth() -> None:
    age = "<code code='21612-7'/><value value='18' unit='mo'/>"
    person = "<subjectDemographicPerson><birthTime value='19600502'/></subjectDemographicPerson>"
    other = "<relatedObservation><code code='1'/><value value='5'/></relatedObservation>"
    stated = f"<relatedObservation>{age}</relatedObservation>"
    content = [person, other, stated, "<effectiveTime value='20240501'/>"]
    assert read_document(aecg(*content, series(time_axis() + lead()))).patient.age_years == 1.5
    content.remove(stated)
    assert read_document(aecg(*content, series(time_axis() + lead()))).patient.age_years == 63.0


INCREMENT_MESSAGE = "fs: the aECG file's time increment is not a number above 0 in s, ms or us"
UNITS_MESSAGE = "MDC_ECG_LEAD_I: origin and scale of the aECG file have incompatible units"


@pytest.mark.parametrize(
    ("content", "kind", "detail"),
    [
        ("", NoSamples, "the aECG file has no rhythm waveform"),
        (series(time_axis()), NoSamples, "the aECG file has no rhythm waveform"),
        (series(lead()), CorruptFile, "a sequence set of the aECG file has no time axis"),
        (series(time_axis("0") + lead()), BadSamplingRate, INCREMENT_MESSAGE),
        (series(time_axis("-2") + lead()), BadSamplingRate, INCREMENT_MESSAGE),
        (series(time_axis("2", "mm") + lead()), BadSamplingRate, INCREMENT_MESSAGE),
        (
            series(time_axis().replace("increment", "x") + lead()),
            BadSamplingRate,
            INCREMENT_MESSAGE,
        ),
        (
            series(time_axis() + lead(digits="1,2,x")),
            CorruptFile,
            "MDC_ECG_LEAD_I: a sample is not a number",
        ),
        (
            series(time_axis() + lead(scale="unit='uV' value='nan'")),
            CorruptFile,
            "MDC_ECG_LEAD_I: origin or scale in the aECG file is not a number",
        ),
        (series(time_axis() + lead(origin="unit='mm' value='1'")), CorruptFile, UNITS_MESSAGE),
        (series(time_axis() + lead(origin="unit='unknown' value='1'")), CorruptFile, UNITS_MESSAGE),
        (
            series(time_axis() + lead() + lead("MDC_ECG_LEAD_II", "1,2")),
            RaggedSignal,
            "aECG file: leads of 2 to 100 samples in one sequence set",
        ),
    ],
)
def test_a_file_without_a_usable_rhythm_is_refused(
    content: str, kind: type[EcgError], detail: str
) -> None:
    with pytest.raises(kind) as caught:
        read_document(aecg(content))
    assert caught.value.detail == detail


def test_a_scale_of_0_is_refused_and_so_is_a_lead_that_occurs_twice() -> None:
    with pytest.raises(CorruptFile):
        read_document(aecg(series(time_axis() + lead(scale="unit='uV' value='0'"))))
    with pytest.raises(DuplicateLead):
        read_document(aecg(series(time_axis() + lead() + lead())))


def test_the_interpretation_is_read_without_its_comment_and_names() -> None:
    texts = {
        "MDC_ECG_INTERPRETATION_STATEMENT": "Sinus rhythm",
        "MDC_ECG_INTERPRETATION_STATEMENT ": "Mustermann was restless",
        "MDC_ECG_INTERPRETATION_SUMMARY": "Borderline ECG",
        "MDC_ECG_INTERPRETATION_COMMENT": "Seen by the night shift",
    }
    annotations = "".join(
        f"<annotation><code code='{code.strip()}'/><value>{text}</value></annotation>"
        for code, text in texts.items()
    )
    coded = "<annotation><code code='MDC_ECG_INTERPRETATION'/>"
    coded += "<value displayName='1st degree AV block'/></annotation>"
    more = f"<annotationSet>{annotations}{coded}</annotationSet>"
    person = "<subjectDemographicPerson><name><family>Mustermann</family></name>"
    person += "</subjectDemographicPerson>"
    reported = read_document(aecg(person, series(time_axis() + lead(), more=more))).reported
    assert reported is not None
    assert reported.statements == ("Sinus rhythm", "Borderline ECG", "1st degree AV block")


@pytest.mark.parametrize(
    ("code", "value", "unit", "name", "number"),
    [
        ("MDC_ECG_TIME_PD_QT", "0.412", "s", "qt_ms", 412.0),
        ("MDC_ECG_HEART_RATE", "1.2", "Hz", "heart_rate_bpm", 72.0),
        ("MDC_ECG_TIME_PD_QRS", "96000", "us", "qrs_ms", 96.0),
    ],
)
def test_measurements_are_converted_from_their_units(
    code: str, value: str, unit: str, name: str, number: float
) -> None:
    more = f"<annotationSet>{annotation(code, value)}</annotationSet>"
    more = more.replace("unit='ms'", f"unit='{unit}'")
    reported = read_document(aecg(series(time_axis() + lead(), more=more))).reported
    assert reported is not None
    assert reported.measurements == {name: pytest.approx(number)}


@pytest.mark.parametrize("head", ["1e308", "-1e300", "2e13"])
def test_a_time_at_which_samples_cannot_be_counted_is_refused(head: str) -> None:
    axis = time_axis(head=head, code="TIME_RELATIVE")
    with pytest.raises(CorruptFile, match=r"starts at .* s of the file's time"):
        read_document(aecg(series(axis + lead(), axis + lead("MDC_ECG_LEAD_II"))))

"""Vendors' XML: MUSE, aECG, CardioSoft, Schiller, Mortara and Philips in variants that the shared files do not have."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import pytest

from errors import (
    BadSamplingRate,
    CorruptFile,
    DuplicateLead,
    EcgError,
    NoSamples,
    RaggedSignal,
    UnknownFormat,
)
from formats.parts import Part
from formats.registry import read
from formats.xml.xli import DIFFERENCE_OFFSET, unpack
from signals.record import EcgRecord
from tests.data import SHARED, requires_shared

RAMP = np.arange(-50, 50)
TEXT = ",".join(map(str, RAMP))
BASE64 = base64.b64encode(RAMP.astype("<i2").tobytes()).decode()


def opened(text: str | bytes) -> EcgRecord:
    return read([Part("upload", text if isinstance(text, bytes) else text.encode())])


def elements(name: str, **inner: Any) -> str:
    return (
        f"<{name}>"
        + "".join(f"<{tag}>{value}</{tag}>" for tag, value in inner.items())
        + f"</{name}>"
    )


# MUSE


def muse_lead(lead: str, data: str = BASE64, **more: Any) -> str:
    raw = base64.b64decode(data) if len(data) % 4 == 0 else b""
    fields = {
        "LeadByteCountTotal": len(raw), "LeadSampleCountTotal": len(raw) // 2, "LeadAmplitudeUnitsPerBit": 4.88,
        "LeadAmplitudeUnits": "MICROVOLTS", "LeadID": lead, "FirstSampleBaseline": 0, "LeadSampleSize": 2, "LeadOff": "FALSE",
        "LeadDataCRC32": zlib.crc32(raw), "WaveFormData": data,
    } | more  # fmt: skip
    return (
        "<LeadData>"
        + "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
        + "</LeadData>"
    )


def muse(
    *leads: str,
    kind: str = "Rhythm",
    base: str = "250",
    exponent: str = "0",
    count: int | None = None,
    more: str = "",
) -> str:
    wave = f"<WaveformType>{kind}</WaveformType><NumberofLeads>{len(leads) if count is None else count}</NumberofLeads>"
    wave += f"<SampleBase>{base}</SampleBase><SampleExponent>{exponent}</SampleExponent>" + "".join(
        leads
    )
    return f"<!DOCTYPE RestingECG SYSTEM 'restecg.dtd'><RestingECG>{more}<Waveform>{wave}</Waveform></RestingECG>"


def test_a_muse_leads_scale_baseline_and_exponent_of_the_rate_are_applied() -> None:
    record = opened(
        muse(
            muse_lead("I"),
            muse_lead(
                "V1",
                FirstSampleBaseline=-10,
                LeadAmplitudeUnits="MILLIVOLTS",
                LeadAmplitudeUnitsPerBit="1e-3",
            ),
            base="5",
            exponent="2",
        )
    )
    assert (record.fs, record.lead_names, record.warnings) == (500.0, ("I", "V1"), ())
    np.testing.assert_allclose(record.signal, [RAMP * 4.88e-3, (RAMP + 10) * 1e-3], rtol=1e-5)


def test_a_muse_lead_with_a_wrong_checksum_or_off_is_named_and_a_negative_checksum_is_the_same_one() -> (
    None
):
    signed = zlib.crc32(RAMP.astype("<i2").tobytes()) - (1 << 32)
    record = opened(
        muse(
            muse_lead("I", LeadDataCRC32=1),
            muse_lead("II", LeadOff="TRUE"),
            muse_lead("V1", LeadDataCRC32=signed),
        )
    )
    assert any("checksum wrong for 1 of 3" in warning for warning in record.warnings)
    assert any("off" in warning and "II" in warning for warning in record.warnings)


def test_a_muse_patient_has_an_age_in_its_unit_and_no_name() -> None:
    who = elements(
        "PatientDemographics",
        PatientLastName="Mustermann",
        PatientID=4711,
        PatientAge=18,
        AgeUnits="MONTHS",
        Gender="FEMALE",
    )
    when = elements(
        "TestDemographics",
        AcquisitionDate="05-01-2024",
        AcquisitionTime="08:27:32",
        AcquisitionDevice="MAC55",
    )
    told = elements("RestingECGMeasurements", VentricularRate=0, PRInterval=160, RAxis=0, TAxis="")
    record = opened(muse(muse_lead("I"), more=who + when + told))
    assert record.reported is not None
    assert (record.patient.age_years, record.patient.sex, record.recording_date) == (
        1.5,
        "female",
        "2024-05-01T08:27:32",
    )
    assert (record.reported.device, record.reported.measurements) == (
        "MAC55",
        {"pr_ms": 160.0, "qrs_axis_deg": 0.0},
    )
    assert "Mustermann" not in repr(record) and "4711" not in repr(record)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (muse(muse_lead("I"), kind="Median"), NoSamples),
        (muse(muse_lead("I"), base="0"), BadSamplingRate),
        (muse(muse_lead("I"), exponent="300"), BadSamplingRate),
        (muse(muse_lead("I", LeadAmplitudeUnitsPerBit="NaN")), CorruptFile),
        (muse(muse_lead("I", LeadAmplitudeUnitsPerBit="0")), CorruptFile),
        (muse(muse_lead("I", LeadSampleCountTotal=7)), CorruptFile),
        (muse(muse_lead("I", LeadSampleSize=4)), UnknownFormat),
        (muse(muse_lead("I"), muse_lead("I")), DuplicateLead),
        (muse(muse_lead("I"), count=2), CorruptFile),
        (muse(muse_lead("I"), muse_lead("II", BASE64[:40])), RaggedSignal),
        (muse(muse_lead("I", "!!!!" + BASE64[4:])), CorruptFile),
    ],
)
def test_a_muse_file_that_cannot_be_is_refused(text: str, kind: type[EcgError]) -> None:
    with pytest.raises(kind):
        opened(text)


# HL7 aECG


def sequence(code: str, inner: str, kind: str = "SLIST_PQ") -> str:
    return f"<component><sequence><code code='{code}'/><value xsi:type='{kind}'>{inner}</value></sequence></component>"


def aecg_time(
    value: str = "2", unit: str = "ms", head: str = "20240501082732", code: str = "TIME_ABSOLUTE"
) -> str:
    return sequence(
        code, f"<head value='{head}'/><increment value='{value}' unit='{unit}'/>", "GLIST_TS"
    )


def aecg_lead(
    code: str = "MDC_ECG_LEAD_I",
    digits: str = TEXT,
    scale: str = "unit='uV' value='5'",
    origin: str = "unit='uV' value='0'",
) -> str:
    return sequence(
        code, f"<origin {origin}/><scale {scale}/><digits>{digits.replace(',', ' ')}</digits>"
    )


def aecg_series(*sets: str, code: str = "RHYTHM", more: str = "") -> str:
    inner = "".join(f"<component><sequenceSet>{one}</sequenceSet></component>" for one in sets)
    return f"<component><series><code code='{code}'/>{inner}{more}</series></component>"


def aecg(*series: str, more: str = "") -> str:
    spaces = "xmlns='urn:hl7-org:v3' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'"
    return f"<AnnotatedECG {spaces}>{more}{''.join(series)}</AnnotatedECG>"


@pytest.mark.parametrize(
    ("scale", "origin", "factor", "offset"),
    [
        ("unit='uV' value='5'", "unit='uV' value='100'", 5e-3, 0.1),
        ("unit='mV' value='0.005'", "unit='uV' value='100'", 5e-3, 0.1),
        ("unit='nV' value='5000'", "value='0'", 5e-3, 0.0),
        ("unit='V' value='5e-6'", "unit='V' value='0'", 5e-3, 0.0),
    ],
)
def test_an_aecgs_origin_and_scale_are_applied_each_in_its_unit(
    scale: str, origin: str, factor: float, offset: float
) -> None:
    record = opened(aecg(aecg_series(aecg_time() + aecg_lead(scale=scale, origin=origin))))
    np.testing.assert_allclose(record.signal[0], RAMP * factor + offset, rtol=1e-5)


@pytest.mark.parametrize(
    ("value", "unit"), [("2", "ms"), ("0.002", "s"), ("2000", "us"), ("0.002", "")]
)
@pytest.mark.parametrize("code", ["TIME_ABSOLUTE", "TIME_RELATIVE"])
def test_an_aecgs_increment_gives_the_rate_in_any_unit(value: str, unit: str, code: str) -> None:
    assert opened(aecg(aecg_series(aecg_time(value, unit, code=code) + aecg_lead()))).fs == 500.0


def test_an_aecg_list_without_units_is_in_unknown_ones_and_leads_may_be_numbers() -> None:
    plain = sequence(
        "131389",
        f"<origin value='0'/><scale value='1'/><digits>{TEXT.replace(',', ' ')}</digits>",
        "SLIST_INT",
    )
    record = opened(aecg(aecg_series(aecg_time() + plain)))
    assert (record.lead_names, record.units) == (("III",), "unknown")


def test_of_several_aecg_series_the_longest_rhythm_is_read_and_sets_of_one_time_are_one() -> None:
    beat = aecg_series(aecg_time() + aecg_lead() * 1, code="REPRESENTATIVE_BEAT")
    short = aecg_series(
        aecg_time(head="20240501080000") + aecg_lead(digits=TEXT[:60].rsplit(",", 1)[0])
    )
    whole = aecg_series(aecg_time() + aecg_lead(), aecg_time() + aecg_lead("MDC_ECG_LEAD_aVR"))
    longer = aecg_series(aecg_time() + aecg_lead("MDC_ECG_LEAD_V1", TEXT + "," + TEXT))
    derived = f"<derivation>{longer}</derivation>".replace("series>", "derivedSeries>")
    record = opened(aecg(beat, short, whole.replace("</series>", derived + "</series>")))
    assert (record.lead_names, record.samples) == (("I", "aVR"), 100)
    assert any("1 other sequence sets" in warning for warning in record.warnings)


def test_an_aecgs_global_annotations_come_along_and_those_of_a_lead_or_of_0_do_not() -> None:
    def note(code: str, value: str, lead: str = "") -> str:
        place = (
            f"<support><supportingROI><component><boundary><code code='{lead}'/></boundary></component></supportingROI></support>"
            if lead
            else ""
        )
        return f"<component><annotation><code code='{code}'/><value xsi:type='PQ' value='{value}' unit='ms'/>{place}</annotation></component>"

    notes = (
        note("MDC_ECG_TIME_PD_QRS", "70", "MDC_ECG_LEAD_I")
        + note("MDC_ECG_TIME_PD_QRS", "90")
        + note("MDC_ECG_TIME_PD_QTc", "0")
        + note("MDC_ECG_TIME_PD_QTCB", "440")
    )
    series = aecg_series(
        aecg_time() + aecg_lead(),
        more=f"<subjectOf><annotationSet>{notes}</annotationSet></subjectOf>",
    )
    who = "<name>Mustermann</name><administrativeGenderCode code='F'/><birthTime value='19600502'/>"
    who = f"<subjectDemographicPerson>{who}</subjectDemographicPerson>"
    record = opened(
        aecg(
            series,
            more=f"<effectiveTime><center value='20240501082732.000+0200'/></effectiveTime>{who}",
        )
    )
    assert record.reported is not None
    assert record.reported.measurements == {"qrs_ms": 90.0, "qtc_bazett_ms": 440.0}
    assert (record.recording_date, record.patient.age_years, record.patient.sex) == (
        "2024-05-01T08:27:32",
        63.0,
        "female",
    )
    assert "Mustermann" not in repr(record)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (aecg(), NoSamples),
        (aecg(aecg_series(aecg_lead())), CorruptFile),
        (aecg(aecg_series(aecg_time("0") + aecg_lead())), BadSamplingRate),
        (aecg(aecg_series(aecg_time("2", "mm") + aecg_lead())), BadSamplingRate),
        (aecg(aecg_series(aecg_time() + aecg_lead(digits="1,2,x"))), CorruptFile),
        (aecg(aecg_series(aecg_time() + aecg_lead(scale="unit='uV' value='0'"))), CorruptFile),
        (aecg(aecg_series(aecg_time() + aecg_lead(scale="unit='uV' value='nan'"))), CorruptFile),
        (aecg(aecg_series(aecg_time() + aecg_lead() + aecg_lead())), DuplicateLead),
        (
            aecg(aecg_series(aecg_time() + aecg_lead() + aecg_lead("MDC_ECG_LEAD_II", "1,2"))),
            RaggedSignal,
        ),
    ],
)
def test_an_aecg_that_cannot_be_is_refused(text: str, kind: type[EcgError]) -> None:
    with pytest.raises(kind):
        opened(text)


# CardioSoft, Schiller, Mortara


def test_cardiosofts_longest_strip_is_read_and_its_medians_are_not() -> None:
    def strip(tag: str, count: int, digits: str) -> str:
        head = f"<SampleRate units='Hz'>250</SampleRate><ChannelSampleCountTotal>{count}</ChannelSampleCountTotal>"
        head += "<Resolution units='uVperLsb'>5</Resolution>"
        return f"<{tag}>{head}<WaveformData lead='I'>{digits}</WaveformData><WaveformData lead='aVR'>{digits}</WaveformData></{tag}>"

    text = "<CardiologyXML><PatientInfo><Age units='Years'>63</Age><Gender>FEMALE</Gender></PatientInfo>{}</CardiologyXML>"
    record = opened(
        text.format(
            strip("MedianSamples", 3, "9,9,9")
            + strip("StripData", 2, "1,\t2")
            + strip("StripData", 100, TEXT)
        )
    )
    assert (record.lead_names, record.fs, record.patient.age_years) == (("I", "aVR"), 250.0, 63.0)
    np.testing.assert_allclose(record.signal[0], RAMP * 5e-3, rtol=1e-5)
    with pytest.raises(CorruptFile, match="I: 99 samples stated in the CardioSoft file, found 100"):
        opened(text.format(strip("StripData", 99, TEXT)))
    with pytest.raises(NoSamples):
        opened(text.format(strip("MedianSamples", 100, TEXT)))


def test_schillers_rhythm_is_read_in_its_unit() -> None:
    scale = "<samplerate><value>500</value></samplerate><yres><unitperbit>0.01</unitperbit><units>MV</units></yres>"
    lead = "<channel><name>AVL</name><data>{}</data><samplecount>{}</samplecount></channel>"
    wave = "<wavedata><type>{}</type><resolution>" + scale + "</resolution>" + lead + "</wavedata>"
    text = f"<x.SchillerEDI>{wave.format('ECG_AVERAGES', '1,2', 2)}{wave.format('ECG_RHYTHMS', TEXT, 100)}</x.SchillerEDI>"
    record = opened(text)
    assert record.lead_names == ("aVL",)
    np.testing.assert_allclose(record.signal[0], RAMP * 0.01, rtol=1e-5)
    with pytest.raises(CorruptFile):
        opened(text.replace(">100<", ">101<"))
    with pytest.raises(NoSamples):
        opened(text.replace("ECG_RHYTHMS", "ECG_AVERAGES"))


def test_mortaras_offset_is_added_and_other_documents_called_ecg_are_not_taken_for_its() -> None:
    form = "BITS='16' FORMAT='SIGNED' ENCODING='BASE64' OFFSET='7' UNITS_PER_MV='200' DURATION='100' SAMPLE_FREQ='1000'"
    text = f"<ECG><CHANNEL {form} NAME='V6' DATA='{BASE64}'/></ECG>"
    record = opened(text)
    assert (record.lead_names, record.fs) == (("V6",), 1000.0)
    np.testing.assert_allclose(record.signal[0], (RAMP + 7) / 200, rtol=1e-5)
    for old, new, kind in (
        ("'200'", "'0'", CorruptFile),
        ("'1000'", "'x'", BadSamplingRate),
        ("'16'", "'12'", UnknownFormat),
        ("'100'", "'99'", CorruptFile),
    ):
        with pytest.raises(kind):
            opened(text.replace(old, new, 1))
    with pytest.raises(UnknownFormat, match="XML"):
        opened("<ECG><other/></ECG>")


# Philips


def lzw(data: bytes) -> bytes:
    """Codes of 10 bits without any compression: every byte its own, then the end."""
    bits = "".join(f"{value:010b}" for value in data) + f"{1023:010b}"
    return bytes(int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8))


def xli_channel(samples: np.ndarray, start: int = 7) -> bytes:
    """By the words of the format: x[i] = 2 x[i-1] - x[i-2] - last, last the head's value and then the stored one minus 64."""
    x = [int(value) for value in samples]
    wanted = [
        2 * x[row - 1] - x[row - 2] - x[row] for row in range(2, len(x))
    ]  # what `last` must be
    x[2] = 2 * x[1] - x[0] - start
    wanted = [2 * x[row - 1] - x[row - 2] - x[row] for row in range(2, len(x))]
    stored = np.array(
        [x[0], x[1], *(last + DIFFERENCE_OFFSET for last in wanted[1:]), DIFFERENCE_OFFSET],
        np.int16,
    ).view(np.uint16)
    body = lzw(
        (stored >> 8).astype(np.uint8).tobytes() + (stored & 0xFF).astype(np.uint8).tobytes()
    )
    return (
        len(body).to_bytes(4, "little") + b"\0\0" + start.to_bytes(2, "little", signed=True) + body
    )


def sierra(channels: bytes, labels: str = "I II III aVR", duration: int = 200, **more: str) -> str:
    said = {
        "dataencoding": "Base64",
        "compression": "XLI",
        "leadlabels": labels,
        "durationperchannel": str(duration),
        "samplespersecond": "500",
        "resolution": "5",
    } | more
    attributes = " ".join(f"{name}='{value}'" for name, value in said.items() if value)
    waves = f"<waveforms><parsedwaveforms {attributes}>{base64.b64encode(channels).decode()}</parsedwaveforms></waveforms>"
    return f"<restingecgdata xmlns='http://www3.medical.philips.com'>{waves}</restingecgdata>"


def test_an_xli_channel_comes_back_as_it_was() -> None:
    samples = np.round(200 * np.sin(np.arange(100) / 9)).astype(int)
    (found,) = unpack(xli_channel(samples), 16, 1000)
    expected = samples.copy()
    expected[2] = 2 * samples[1] - samples[0] - 7
    np.testing.assert_array_equal(found[3:], expected[3:])
    np.testing.assert_array_equal(found[:3], expected[:3])


def test_philips_limb_leads_are_made_whole_and_channels_without_a_label_left_alone() -> None:
    one, two = (np.round(scale * np.sin(np.arange(100) / 9)).astype(int) for scale in (200, 100))
    zero = np.zeros(100, int)
    stored = [unpack(xli_channel(row), 1, 1000)[0] for row in (one, two, zero, zero)]
    record = opened(sierra(b"".join(xli_channel(row) for row in (one, two, zero, zero, zero))))
    assert (record.lead_names, record.fs, record.samples) == (("I", "II", "III", "aVR"), 500.0, 100)
    first, second, third, residual = (row.astype(float) for row in stored)
    whole = [first, second, second - first - third, -residual - (first + second) / 2]
    np.testing.assert_allclose(record.signal, np.array(whole) * 5e-3, atol=1e-6)


def test_plain_philips_waveforms_are_read_channel_by_channel() -> None:
    plain = np.stack([RAMP, 2 * RAMP]).astype("<i2").tobytes()
    record = opened(sierra(plain, labels="I V1", compression="Uncompressed"))
    np.testing.assert_allclose(record.signal, [RAMP * 5e-3, RAMP * 0.01], rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (sierra(b""), NoSamples),
        (sierra(xli_channel(RAMP)), CorruptFile),
        (sierra(xli_channel(RAMP), labels="I", duration=210), CorruptFile),
        (sierra(xli_channel(RAMP), labels="I", samplespersecond="0"), BadSamplingRate),
        (sierra(xli_channel(RAMP), labels="I", resolution="0"), CorruptFile),
        (sierra(xli_channel(RAMP), labels="I I"), CorruptFile),
        (sierra(xli_channel(RAMP), labels="I", compression="ZIP"), UnknownFormat),
        (sierra((-5).to_bytes(4, "little", signed=True) + bytes(20), labels="I"), CorruptFile),
        (sierra((2**31 - 1).to_bytes(4, "little") + bytes(20), labels="I"), CorruptFile),
        (sierra(xli_channel(RAMP), labels="I", duration=10**15), CorruptFile),
    ],
)
def test_a_philips_file_that_cannot_be_is_refused(text: str, kind: type[EcgError]) -> None:
    with pytest.raises(kind):
        opened(text)


@requires_shared
def test_the_philips_pulse_of_one_millivolt_stands_in_every_chest_lead_at_10_7_seconds() -> None:
    for path in sorted((SHARED / "formats" / "sierra").iterdir()):
        record = read([Part("upload", path.read_bytes())])
        chest = record.signal[[record.lead_names.index(f"V{number}") for number in range(1, 7)]]
        height = np.median(chest[:, 5375:5425], axis=1) - np.median(chest[:, 5275:5325], axis=1)
        np.testing.assert_allclose(height, 1.0, atol=0.2)  # on whatever the line below it does

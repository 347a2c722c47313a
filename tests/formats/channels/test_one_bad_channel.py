"""If one channel cannot be read, the others are, in every format with channels."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from errors import CorruptFile, EcgError
from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord
from tests.formats import test_fhir as fhir
from tests.formats import test_ishne as ishne
from tests.formats.dicom import test_dicom as dicom
from tests.formats.mfer import test_mfer as mfer
from tests.formats.xml import test_aecg as aecg
from tests.formats.xml import test_cardiosoft as cardiosoft
from tests.formats.xml import test_mortara as mortara
from tests.formats.xml import test_muse as muse
from tests.formats.xml import test_sapphire as sapphire
from tests.formats.xml import test_schiller as schiller
from tests.formats.xml.documents import RAMP, RAMP_WITH_COMMAS


def opened(data: str | bytes) -> EcgRecord:
    return read([Part("upload", data.encode() if isinstance(data, str) else data)])


def a_muse_file(**changes: object) -> str:
    leads = [muse.lead("I"), muse.lead("II", **changes), muse.lead("V1")]
    return muse.muse(muse.waveform(*leads))


def an_aecg_file(**changes: str) -> str:
    leads = [
        aecg.lead(),
        aecg.lead("MDC_ECG_LEAD_II", **changes),
        aecg.lead("MDC_ECG_LEAD_V1"),
    ]
    return aecg.aecg(aecg.series(aecg.time_axis() + "".join(leads)))


def a_cardiosoft_file(digits: str) -> str:
    leads = {"I": RAMP_WITH_COMMAS, "II": digits, "V1": RAMP_WITH_COMMAS}
    waveforms = "".join(
        f"<WaveformData lead='{name}'>{data}</WaveformData>" for name, data in leads.items()
    )
    head = "<SampleRate units='Hz'>250</SampleRate>"
    head += "<ChannelSampleCountTotal>100</ChannelSampleCountTotal>"
    head += "<Resolution units='uVperLsb'>5</Resolution>"
    return cardiosoft.cardiosoft(cardiosoft.element("StripData", head, waveforms))


def a_schiller_file(**changes: str) -> str:
    channels = [schiller.channel("I"), schiller.channel("II", **changes), schiller.channel("V1")]
    return schiller.schiller(schiller.wave(*channels))


def a_sapphire_file(digits: str = sapphire.DIGITS, **changes: object) -> str:
    leads = [sapphire.lead("I"), sapphire.lead("II", digits, **changes), sapphire.lead("V1")]
    return sapphire.sapphire(sapphire.group(*leads, **sapphire.IN_UV))


def a_mortara_file(**changes: str) -> str:
    channels = [
        mortara.channel(NAME="I"),
        mortara.channel(**{"NAME": "II", **changes}),
        mortara.channel(NAME="V1"),
    ]
    return mortara.mortara(*channels)


def a_dicom_file(**changes: object) -> bytes:
    channels = [dicom.channel("I", 1), dicom.channel("II", 2, **changes), dicom.channel("V1", 3)]
    return dicom.file(dicom.group(channels, [dicom.RAMP] * 3))


def a_fhir_file(**changes: object) -> bytes:
    bad = fhir.sampled(**changes)
    components = [
        fhir.component("131329"),
        fhir.component("131330", bad),
        fhir.component("131331"),
    ]
    return json.dumps(fhir.observation(*components)).encode()


def an_mfer_file(definition: bytes) -> bytes:
    head = mfer.PREAMBLE + mfer.MS_2 + mfer.NV_2500 + mfer.tag(0x05, b"\x03")
    head += mfer.tag(0x04, b"\0\x64") + mfer.tag(0x06, b"\x01")
    head += mfer.attribute(0, mfer.lead(1)) + mfer.attribute(1, mfer.lead(2), definition)
    head += mfer.attribute(2, mfer.lead(3))
    return head + mfer.data_of(mfer.RAMP, mfer.RAMP, mfer.RAMP) + mfer.END


def an_ishne_file(resolution: int) -> bytes:
    return ishne.ishne([ishne.RAMP] * 3, [5, 6, 11], resolutions=[2500, resolution, 2500])


CASES: list[tuple[Callable[[], str | bytes], str]] = [
    (
        lambda: a_muse_file(LeadAmplitudeUnitsPerBit="0"),
        "LeadAmplitudeUnitsPerBit of the MUSE file is 0 or not a number",
    ),
    (
        lambda: a_muse_file(FirstSampleBaseline="x"),
        "FirstSampleBaseline of the MUSE file is not a number",
    ),
    (lambda: a_muse_file(WaveFormData=""), "it has no samples"),
    (lambda: an_aecg_file(digits=""), "it has no samples"),
    (lambda: an_aecg_file(scale="unit='uV' value='0'"), "its gain is 0"),
    (
        lambda: an_aecg_file(scale="unit='uV' value='five'"),
        "origin or scale in the aECG file is not a number",
    ),
    (lambda: a_cardiosoft_file(""), "it has no samples"),
    (lambda: a_schiller_file(data=""), "it has no samples"),
    (lambda: a_sapphire_file(""), "it has no samples"),
    (lambda: a_sapphire_file(S="0"), "its scale S is 0 or not a number"),
    (lambda: a_mortara_file(DATA=""), "it has no samples"),
    (
        lambda: a_mortara_file(UNITS_PER_MV="0"),
        "UNITS_PER_MV of the Mortara file is not a number above 0",
    ),
    (
        lambda: a_dicom_file(sensitivity="0"),
        "a channel's gain in the DICOM waveform is 0 or not a number",
    ),
    (
        lambda: a_dicom_file(ChannelSensitivityCorrectionFactor="0"),
        "a channel's gain in the DICOM waveform is 0 or not a number",
    ),
    (
        lambda: a_fhir_file(factor=0),
        "factor of the FHIR SampledData is 0 or not a number",
    ),
    (
        lambda: an_mfer_file(b"\x0c\x04\x00\x55\x09\xc4"),
        "a sampling interval or resolution of the MFER file cannot be read",
    ),
    (lambda: an_mfer_file(b"\x0c\x04\x00\xf7\x00\x00"), "its gain is 0"),
    (lambda: an_ishne_file(0), "its gain is 0"),
]


@pytest.mark.parametrize(("make", "reason"), CASES)
def test_a_channel_that_cannot_be_read_is_left_out_and_named(
    make: Callable[[], str | bytes], reason: str
) -> None:
    record = opened(make())
    assert record.lead_names == ("I", "V1")
    assert record.samples == len(RAMP)
    np.testing.assert_array_equal(record.signal[0], record.signal[1])
    assert np.ptp(record.signal[0]) > 0
    # aECG names leads by code.
    names = ("II", "MDC_ECG_LEAD_II")
    assert record.warnings in [(f"signal: {name} left out: {reason}",) for name in names]


@pytest.mark.parametrize(
    ("make", "detail"),
    [
        (lambda: a_muse_file(WaveFormData="a!b"), "II: the samples are not valid base64"),
        (lambda: an_aecg_file(digits="1 2 x 4"), "MDC_ECG_LEAD_II: a sample is not a number"),
        (lambda: a_cardiosoft_file("1,2,x"), "II: a sample is not a number"),
        (lambda: a_schiller_file(data="1,,x"), "II: a sample is not a number"),
        (lambda: a_sapphire_file("1 2 x"), "II: a sample is not a number"),
        (lambda: a_mortara_file(DATA="a!b"), "II: the samples are not valid base64"),
        (lambda: a_fhir_file(data="1 2 x"), "II: a sample is not a number"),
    ],
)
def test_a_file_with_damaged_samples_is_refused(
    make: Callable[[], str | bytes], detail: str
) -> None:
    with pytest.raises(CorruptFile) as caught:
        opened(make())
    assert caught.value.detail == detail


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        (
            muse.muse(muse.waveform(muse.lead("I", FirstSampleBaseline="x"))),
            "I: FirstSampleBaseline of the MUSE file is not a number",
        ),
        (
            mortara.mortara(mortara.channel(NAME="I", UNITS_PER_MV="0")),
            "I: UNITS_PER_MV of the Mortara file is not a number above 0",
        ),
    ],
)
def test_a_file_without_a_readable_channel_is_refused_for_the_first_fault(
    document: str, detail: str
) -> None:
    with pytest.raises(EcgError) as caught:
        opened(document)
    assert caught.value.detail == detail


def test_an_aecg_lead_without_a_value_is_left_out_and_named() -> None:
    empty = "<component><sequence><code code='MDC_ECG_LEAD_II'/></sequence></component>"
    record = opened(aecg.aecg(aecg.series(aecg.time_axis() + aecg.lead() + empty)))
    assert record.lead_names == ("I",)
    assert record.warnings == ("signal: MDC_ECG_LEAD_II left out: it has no samples",)

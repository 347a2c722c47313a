"""Philips XML and its XLI compression in variants that the shared files do not cover."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from errors import BadSamplingRate, CorruptFile, EcgError, NoSamples, UnknownFormat
from formats.parts import Part
from formats.registry import read
from formats.xml.xli import DIFFERENCE_OFFSET, unpack, with_limb_leads
from tests.data import SHARED, requires_shared
from tests.formats.xml.documents import RAMP, element, read_document

SINE = np.round(200 * np.sin(np.arange(100) / 9)).astype(int)


def lzw(data: bytes) -> bytes:
    """Encode every byte as its own 10-bit code, without compression, then the end."""
    return codes_of([*data, 1023])


def codes_of(codes: list[int]) -> bytes:
    bits = "".join(f"{code:010b}" for code in codes)
    return bytes(int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8))


def chunk(body: bytes, start: int = 7) -> bytes:
    """Return a channel: its head and its compressed bytes."""
    head = len(body).to_bytes(4, "little") + b"\0\0" + start.to_bytes(2, "little", signed=True)
    return head + body


def xli_channel(samples: np.ndarray, start: int = 7) -> bytes:
    """Encode by the words of the format: x[i] = 2 x[i-1] - x[i-2] - last.

    `last` is the head's value at first, which fixes x[2], and then the stored one minus 64.
    """
    x = [int(value) for value in samples]
    x[2] = 2 * x[1] - x[0] - start
    lasts = [2 * x[row - 1] - x[row - 2] - x[row] for row in range(3, len(x))]
    stored = [x[0], x[1], *(last + DIFFERENCE_OFFSET for last in lasts), DIFFERENCE_OFFSET]
    words = np.array(stored, np.int16).view(np.uint16)
    high = (words >> 8).astype(np.uint8).tobytes()
    return chunk(lzw(high + (words & 0xFF).astype(np.uint8).tobytes()), start)


def decoded(samples: np.ndarray, start: int = 7) -> np.ndarray:
    """Return what an encoded channel holds: the samples, the third fixed by the head."""
    expected = np.array(samples, float)
    expected[2] = 2 * expected[1] - expected[0] - start
    return expected


def sierra(
    channels: bytes,
    labels: str = "I II III aVR",
    duration: object = 200,
    *content: str,
    **more: str,
) -> str:
    attributes = {
        "dataencoding": "Base64",
        "compression": "XLI",
        "leadlabels": labels,
        "durationperchannel": str(duration),
        "samplespersecond": "500",
        "resolution": "5",
    } | more
    inner = " ".join(f"{name}='{value}'" for name, value in attributes.items() if value)
    packed = base64.b64encode(channels).decode()
    waveforms = f"<waveforms><parsedwaveforms {inner}>{packed}</parsedwaveforms></waveforms>"
    namespace = "xmlns='http://www3.medical.philips.com'"
    return f"<restingecgdata {namespace}>{''.join(content)}{waveforms}</restingecgdata>"


# XLI


@pytest.mark.parametrize("start", [7, -300])
def test_an_xli_channel_comes_back_as_it_was(start: int) -> None:
    (samples,) = unpack(xli_channel(SINE, start), 16, 1000)
    np.testing.assert_array_equal(samples, decoded(SINE, start))


def test_channels_beyond_the_maximum_and_an_incomplete_head_are_left_out() -> None:
    stream = xli_channel(SINE) + xli_channel(RAMP) + bytes(7)
    assert [len(channel) for channel in unpack(stream, 3, 100)] == [100, 100]
    (samples,) = unpack(stream, 1, 100)
    np.testing.assert_array_equal(samples, decoded(SINE))
    assert unpack(b"", 3, 100) == []


def test_the_lzw_table_grows_by_each_entry_and_the_next_byte() -> None:
    """By hand, a = 0 and b = 1: a, b, ab (256), ba (257), and bab (259) while it is defined, a.

    The high bytes are 0 1 0 1 1, the low ones 0 1 0 1 0, so the words 0 257 0 257 256. Then
    x[2] = 2 * 257 - 0 - 7, x[3] = 2 * 507 - 257 - (0 - 64), x[4] = 2 * 821 - 507 - (257 - 64).
    """
    (samples,) = unpack(chunk(codes_of([0, 1, 256, 257, 259, 0, 1023, 1])), 1, 5)
    assert samples.tolist() == [0, 257, 507, 821, 942]


def test_a_channel_has_at_least_two_samples() -> None:
    """The high bytes 0 1 and the low bytes 5 7."""
    (samples,) = unpack(chunk(lzw(b"\0\1\5\7")), 1, 100)
    assert samples.tolist() == [5, 263]


def test_samples_have_16_bits() -> None:
    """x[0] = x[1] = 0, so x[2] is the negated value of the head."""
    (samples,) = unpack(chunk(lzw(bytes(6)), -32_767), 1, 100)
    assert samples.tolist() == [0, 0, 32_767]
    with pytest.raises(CorruptFile) as caught:
        unpack(chunk(lzw(bytes(6)), -32_768), 1, 100)
    assert caught.value.detail == "XLI channel: samples outside of 16 bits; the stream is damaged"


@pytest.mark.parametrize(
    ("stream", "detail"),
    [
        (
            (-5).to_bytes(4, "little", signed=True) + bytes(20),
            "XLI channel: -5 bytes stated, 16 are left in the stream",
        ),
        (bytes(24), "XLI channel: 0 bytes stated, 16 are left in the stream"),
        (
            chunk(lzw(b"abcd"))[:-1],
            "XLI channel: 7 bytes stated, 6 are left in the stream",
        ),
        ((5).to_bytes(8, "little"), "XLI channel: 5 bytes stated, 0 are left in the stream"),
        (chunk(lzw(b"abc")), "XLI channel: 3 bytes unpacked; an even number from 4 on is needed"),
        (chunk(lzw(b"ab")), "XLI channel: 2 bytes unpacked; an even number from 4 on is needed"),
        (chunk(codes_of([97, 300])), "the XLI stream uses a code before it defines it"),
        (chunk(codes_of([256])), "the XLI stream uses a code before it defines it"),
        (
            chunk(lzw(bytes(202))),
            "a channel of the XLI stream is longer than its recording",
        ),
    ],
)
def test_a_damaged_xli_stream_is_refused(stream: bytes, detail: str) -> None:
    with pytest.raises(CorruptFile) as caught:
        unpack(stream, 1, 100)
    assert caught.value.detail == detail


def test_limb_leads_are_restored_from_their_residuals() -> None:
    one, two, v1 = np.array([3.0, -4.0]), np.array([5.0, 9.0]), np.array([1.0, 2.0])
    residual = np.array([0.5, -2.0])
    stored = {"I": one, "II": two, "III": residual, "aVL": residual, "aVF": residual, "V1": v1}
    restored = with_limb_leads(stored)
    third = two - one - residual
    assert list(restored) == list(stored)
    np.testing.assert_array_equal(restored["III"], third)
    np.testing.assert_array_equal(restored["aVL"], (one - third) / 2 - residual)
    np.testing.assert_array_equal(restored["aVF"], (two + third) / 2 - residual)
    for name in ("I", "II", "V1"):
        np.testing.assert_array_equal(restored[name], stored[name])
    without = {"I": one, "II": two, "aVR": residual}
    assert with_limb_leads(without) is without


# The file


def test_compressed_waveforms_are_read_and_channels_without_a_label_left_out() -> None:
    zero = np.zeros(100, int)
    rows = (SINE, SINE // 2, zero, zero + 3, zero)
    record = read_document(sierra(b"".join(xli_channel(row) for row in rows)))
    assert (record.lead_names, record.fs) == (("I", "II", "III", "aVR"), 500.0)
    one, two, third, residual = (decoded(row) for row in rows[:4])
    expected = [one, two, two - one - third, -(one + two) / 2 - residual]
    np.testing.assert_allclose(record.signal, np.array(expected) * 5e-3, atol=1e-6)
    assert record.warnings == ()


@pytest.mark.parametrize(
    "more", [{"compression": "Uncompressed"}, {"compression": ""}, {"compressflag": "False"}]
)
def test_plain_waveforms_are_read_channel_by_channel(more: dict[str, str]) -> None:
    plain = np.stack([RAMP, 2 * RAMP]).astype("<i2").tobytes()
    for data in (plain, plain + b"\0", plain + b"\0\0"):
        record = read_document(sierra(data, "I, V1", 200, **more))
        np.testing.assert_allclose(record.signal, [RAMP * 5e-3, RAMP * 0.01], rtol=1e-5)


def test_a_duration_cuts_the_channels_and_may_be_left_out() -> None:
    plain = np.stack([RAMP, 2 * RAMP]).astype("<i2").tobytes()
    assert read_document(sierra(plain, "I V1", 198, compression="none")).samples == 99
    assert read_document(sierra(plain, "I V1", "", compression="none")).samples == 100


def test_the_twelve_leads_are_the_default_labels() -> None:
    plain = np.stack([RAMP + row for row in range(12)]).astype("<i2").tobytes()
    record = read_document(sierra(plain, "", compression="none"))
    assert record.lead_names[:2] == ("I", "II") and len(record.lead_names) == 12
    np.testing.assert_allclose(record.signal[11], (RAMP + 11) * 5e-3, rtol=1e-5)


def test_rate_and_resolution_of_1_03_are_among_the_signals_characteristics() -> None:
    characteristics = element("signalcharacteristics", samplingrate=250, resolution=10)
    acquisition = element("dataacquisition", characteristics)
    plain = RAMP.astype("<i2").tobytes()
    document = sierra(
        plain, "I", 400, acquisition, compression="none", samplespersecond="", resolution=""
    )
    record = read_document(document)
    assert record.fs == 250.0
    np.testing.assert_allclose(record.signal[0], RAMP * 0.01, rtol=1e-5)
    both = document.replace("<resolution>", "<signalresolution>20</signalresolution><resolution>")
    np.testing.assert_allclose(read_document(both).signal[0], RAMP * 0.02, rtol=1e-5)


def test_date_patient_device_and_measurements_are_read() -> None:
    acquisition = "<dataacquisition date='2024-05-01' time='08:27:32'>"
    acquisition += "<machine>PageWriter</machine></dataacquisition>"
    age = element("age", years="0", dateofbirth="1960-05-02")
    person = element("patient", element("generalpatientdata", age, sex="Female"))
    confirmed = element("globalmeasurements", heartrate=0, rrint="", print=160)
    interpretations = element("interpretations", element("interpretation", confirmed))
    computed = element("crossleadmeasurements", meanventrate=72, meanprint=150, qtcb=440)
    internal = element("internalmeasurements", computed)
    record = read_document(
        sierra(
            RAMP.astype("<i2").tobytes(),
            "I",
            200,
            acquisition,
            person,
            interpretations,
            internal,
            compression="none",
        )
    )
    assert record.reported is not None
    assert record.recording_date == "2024-05-01T08:27:32"
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")
    assert record.reported.device == "Philips / PageWriter"
    assert record.reported.measurements == {
        "heart_rate_bpm": 72.0,
        "pr_ms": 160.0,
        "qtc_ms": 440.0,
        "qtc_bazett_ms": 440.0,
    }
    assert record.warnings == ()


NO_RATE = "fs: the Philips file's sampling rate is not a number above 0"
LEADS_24 = " ".join(f"L{number}" for number in range(24))


@pytest.mark.parametrize(
    ("document", "kind", "detail"),
    [
        (sierra(b""), NoSamples, "the Philips file has no parsed waveforms"),
        (
            sierra(xli_channel(RAMP)),
            CorruptFile,
            "Philips file: 4 leads named, 1 channels found",
        ),
        (
            sierra(xli_channel(RAMP) + xli_channel(RAMP[:90]), "I II", ""),
            CorruptFile,
            "Philips file: channels of 90 to 100 samples found; all must have the same number",
        ),
        (
            sierra(xli_channel(RAMP), "I", 202),
            CorruptFile,
            "Philips file: 101 samples a channel stated, found 100",
        ),
        (sierra(xli_channel(RAMP), "I", samplespersecond="0"), BadSamplingRate, NO_RATE),
        (sierra(xli_channel(RAMP), "I", samplespersecond="-500"), BadSamplingRate, NO_RATE),
        (
            sierra(xli_channel(RAMP), "I", resolution="0"),
            CorruptFile,
            "the Philips file's resolution is 0 or not a number",
        ),
        (sierra(xli_channel(RAMP), "I I"), CorruptFile, "the Philips file names a lead twice"),
        (
            sierra(xli_channel(RAMP), LEADS_24),
            CorruptFile,
            "Philips file: 24 leads named, 1 channels found",
        ),
        (
            sierra(xli_channel(RAMP), LEADS_24 + " I"),
            CorruptFile,
            "Philips file: 25 leads named; 1 to 24 are allowed",
        ),
        (
            sierra(xli_channel(RAMP), ","),
            CorruptFile,
            "Philips file: 0 leads named; 1 to 24 are allowed",
        ),
        (
            sierra(xli_channel(RAMP), "I", compression="ZIP"),
            UnknownFormat,
            "Philips waveforms in another compression than XLI are not supported",
        ),
        (
            sierra(xli_channel(RAMP), "I", 1),
            CorruptFile,
            "Philips file: 0.5 samples a channel stated; 1 to 1200000 are allowed",
        ),
        (
            sierra(xli_channel(RAMP), "I", 2_400_002),
            CorruptFile,
            "Philips file: 1200001 samples a channel stated; 1 to 1200000 are allowed",
        ),
        (
            sierra(xli_channel(RAMP), "I", 2_400_000),
            CorruptFile,
            "Philips file: 1200000 samples a channel stated, found 100",
        ),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    document: str, kind: type[EcgError], detail: str
) -> None:
    with pytest.raises(kind) as caught:
        read_document(document)
    assert caught.value.detail == detail


def test_a_duration_of_one_sample_is_the_shortest() -> None:
    assert read_document(sierra(xli_channel(RAMP), "I", 2)).samples == 1


@requires_shared
def test_the_pulse_of_one_millivolt_is_in_every_chest_lead_at_10_7_seconds() -> None:
    for path in sorted((SHARED / "formats" / "sierra").iterdir()):
        record = read([Part("upload", path.read_bytes())])
        chest = record.signal[[record.lead_names.index(f"V{number}") for number in range(1, 7)]]
        height = np.median(chest[:, 5375:5425], axis=1) - np.median(chest[:, 5275:5325], axis=1)
        # The tolerance covers the drift of the baseline below the pulse.
        np.testing.assert_allclose(height, 1.0, atol=0.2)


def test_statements_and_severity_are_read_without_reasons_and_names() -> None:
    person = element("patient", element("generalpatientdata", element("name", lastname="Miller")))
    interpretation = element(
        "interpretation",
        element("mdsignatureline", "Confirmed by Dr. House"),
        element("severity", "- ABNORMAL ECG -"),
        element("statement", leftstatement="Sinus bradycardia", rightstatement="rate below 50"),
        element("statement", leftstatement="Miller, electrode off", rightstatement=""),
    )
    document = sierra(
        RAMP.astype("<i2").tobytes(),
        "I",
        200,
        person,
        element("interpretations", interpretation),
        compression="none",
    )
    reported = read_document(document).reported
    assert reported is not None
    assert reported.statements == ("Sinus bradycardia", "- ABNORMAL ECG -")


def test_qtc_by_other_formulas_is_read() -> None:
    others = "<qtco methodname='Framingham'>410</qtco><qtco methodname='Hodges'>405</qtco>"
    measured = element("globalmeasurements", others, qtcb=420, qtcf=412)
    document = sierra(
        RAMP.astype("<i2").tobytes(),
        "I",
        200,
        element("interpretations", element("interpretation", measured)),
        compression="none",
    )
    reported = read_document(document).reported
    assert reported is not None
    assert reported.measurements == {
        "qtc_ms": 420.0,
        "qtc_bazett_ms": 420.0,
        "qtc_fridericia_ms": 412.0,
        "qtc_framingham_ms": 410.0,
        "qtc_hodges_ms": 405.0,
    }

"""DICOM waveforms that the shared files do not cover, written with pydicom."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import config as pydicom_config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    TwelveLeadECGWaveformStorage,
)

from errors import BadSamplingRate, CorruptFile, DuplicateLead, EcgError, NoSamples, UnknownFormat
from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord

# pydicom writes what these tests ask for, valid or not.
pydicom_config.settings.reading_validation_mode = pydicom_config.IGNORE
pydicom_config.settings.writing_validation_mode = pydicom_config.IGNORE

RAMP = np.arange(-50, 50, dtype=np.int16)
INTERPRETATIONS = {
    "int8": "SB",
    "uint8": "UB",
    "int16": "SS",
    "uint16": "US",
    "int32": "SL",
    "uint32": "UL",
    "int64": "SV",
    "uint64": "UV",
}


def code(value: str, scheme: str, meaning: str) -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return Sequence([item])


def channel(
    lead: str,
    number: int | None = None,
    unit: str = "uV",
    sensitivity: str | None = "1",
    **more: Any,
) -> Dataset:
    """Return the definition of a channel, its lead coded as an MDC number or as a local text."""
    item = Dataset()
    item.ChannelSourceSequence = code("local", "99X", lead)
    if number:
        item.ChannelSourceSequence = code(f"2:{number}", "MDC", "x")
    if sensitivity is not None:
        item.ChannelSensitivity = sensitivity
        item.ChannelSensitivityUnitsSequence = code(unit, "UCUM", unit)
    for name, value in more.items():
        setattr(item, name, value)
    return item


def group(
    channels: list[Dataset],
    rows: list[np.ndarray],
    fs: str = "50",
    byte_order: str = "<",
    **more: Any,
) -> Dataset:
    item = Dataset()
    item.WaveformOriginality, item.SamplingFrequency = "ORIGINAL", fs
    item.NumberOfWaveformChannels, item.NumberOfWaveformSamples = len(rows), len(rows[0])
    item.ChannelDefinitionSequence = Sequence(channels)
    item.WaveformBitsAllocated = rows[0].dtype.itemsize * 8
    item.WaveformSampleInterpretation = INTERPRETATIONS[rows[0].dtype.name]
    data = np.stack(rows, axis=1).astype(rows[0].dtype.newbyteorder(byte_order)).tobytes()
    kind = "OW" if rows[0].dtype.itemsize > 1 else "OB"
    item.add_new("WaveformData", kind, data + b"\0" * (len(data) % 2))
    for name, value in more.items():
        setattr(item, name, value)
    return item


def file(*groups: Dataset, syntax: str = ExplicitVRLittleEndian, **more: Any) -> bytes:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = TwelveLeadECGWaveformStorage, "1.2.3"
    dataset.PatientName, dataset.PatientID = "Mustermann^Erika", "4711"
    for name, value in more.items():
        setattr(dataset, name, value)
    if groups:
        dataset.WaveformSequence = Sequence(list(groups))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def opened(data: bytes) -> EcgRecord:
    return read([Part("upload", data)])


def one_lead(**more: Any) -> Dataset:
    return group([channel("I", 1)], [RAMP], **more)


@pytest.mark.parametrize("dtype", sorted(INTERPRETATIONS))
def test_every_type_of_plain_sample_is_read(dtype: str) -> None:
    largest = {"8": 1, "6": 300, "2": 70_000, "4": 70_000}[dtype[-1]]
    values = np.arange(101).astype(dtype) * largest
    record = opened(file(group([channel("I", 1)], [values.astype(dtype)])))
    np.testing.assert_allclose(record.signal[0], values / 1000, rtol=1e-6)
    assert (record.fs, record.units, record.warnings) == (50.0, "mV", ())


NO_INTERPRETATION = (
    "signal: the DICOM file does not state how samples are stored (Waveform Sample Interpretation);"
    " they are read as signed integers, as the standard demands of an ECG"
)


@pytest.mark.parametrize("dtype", ["int16", "int32"])
@pytest.mark.parametrize("absent", [True, False])
def test_samples_without_an_interpretation_are_signed(dtype: str, absent: bool) -> None:
    item = group([channel("I", 1), channel("II", 2)], [RAMP.astype(dtype)] * 2)
    del item.WaveformSampleInterpretation
    if not absent:
        item.WaveformSampleInterpretation = ""
    record = opened(file(item))
    np.testing.assert_allclose(record.signal, [RAMP * 1e-3] * 2, rtol=1e-6)
    assert record.warnings == (NO_INTERPRETATION,)


def test_samples_of_8_bit_need_an_interpretation() -> None:
    item = group([channel("I", 1)], [RAMP.astype(np.int8)])
    del item.WaveformSampleInterpretation
    with pytest.raises(UnknownFormat, match="8 bit in interpretation ''"):
        opened(file(item))


def test_a_group_that_cannot_be_read_is_left_out_and_named() -> None:
    broken = group([channel("V1", 3)], [RAMP], fs="0")
    record = opened(file(group([channel("I", 1)], [RAMP]), broken))
    assert record.lead_names == ("I",)
    assert record.warnings == (
        "file: a group of channels is left out: fs: the DICOM waveform's sampling frequency is not "
        "a number above 0",
    )


def test_samples_are_in_the_byte_order_of_the_transfer_syntax() -> None:
    rows = [RAMP * 3, RAMP - 7]
    item = group([channel("I", 1), channel("II", 2)], rows, byte_order=">")
    record = opened(file(item, syntax=ExplicitVRBigEndian))
    np.testing.assert_allclose(record.signal, np.array(rows) / 1000, rtol=1e-6)


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1e-3), ("mV", 1.0), ("V", 1e3), ("nV", 1e-6)])
def test_sensitivity_correction_and_baseline_are_applied_in_their_unit(
    unit: str, factor: float
) -> None:
    corrections = {"ChannelSensitivityCorrectionFactor": "4", "ChannelBaseline": "3"}
    scaled = channel("II", 2, unit, "0.5", **corrections)
    record = opened(file(group([scaled], [RAMP]), syntax=ImplicitVRLittleEndian))
    np.testing.assert_allclose(record.signal[0], (RAMP * 2.0 + 3) * factor, rtol=1e-6)


def test_a_group_without_sensitivity_has_unknown_units() -> None:
    record = opened(file(group([channel("II", 2, sensitivity=None)], [RAMP])))
    assert record.units == "unknown"
    np.testing.assert_array_equal(record.signal[0], RAMP)
    assert len(record.warnings) == 1 and record.warnings[0].startswith("units: ")


def test_a_lead_is_named_by_its_code_else_by_a_meaning_or_label_that_is_a_lead() -> None:
    scp = channel("x")
    scp.ChannelSourceSequence = code("5.6.3-9-63", "SCPECG", "x")
    long_code = channel("x")
    long_code.ChannelSourceSequence = code("131389", "MDC", "x")
    channels = [
        scp,
        long_code,
        channel("Lead I (Einthoven)"),
        channel("x", ChannelLabel="V2"),
        channel("x"),
    ]
    del channels[3].ChannelSourceSequence
    record = opened(file(group(channels, [RAMP * number for number in range(1, 6)])))
    assert record.lead_names == ("aVL", "III", "I", "V2")
    np.testing.assert_allclose(record.signal[3], RAMP * 4e-3, rtol=1e-6)
    assert record.warnings == ("lead_names: not a standard lead in volts, left out: x",)


# Groups


def test_groups_of_other_leads_at_the_same_time_are_merged_and_others_left_out() -> None:
    limbs = group(
        [channel("Lead I (Einthoven)"), channel("aVF, augmented voltage, foot")], [RAMP, 2 * RAMP]
    )
    chest = group([channel("V1", 3), channel("x", 61)], [3 * RAMP, 4 * RAMP])
    later = group([channel("V2", 4)], [RAMP[:40]], MultiplexGroupTimeOffset="9000")
    record = opened(file(limbs, later, chest))
    assert record.lead_names == ("I", "aVF", "V1", "III")
    expected = [RAMP * factor * 1e-3 for factor in (1, 2, 3, 4)]
    np.testing.assert_allclose(record.signal, expected, rtol=1e-6)
    assert record.warnings == ("file: 1 other groups of channels in the DICOM file, left out",)


@pytest.mark.parametrize(
    "other",
    [
        group([channel("V1", 3)], [RAMP], fs="100"),
        group([channel("V1", 3)], [RAMP], MultiplexGroupTimeOffset="60000"),
        group([channel("V1", 3)], [RAMP[:99]], MultiplexGroupTimeOffset="2000"),
        group([channel("I", 1)], [RAMP]),
        group([channel("I", 1)], [RAMP], MultiplexGroupTimeOffset="2000"),
    ],
)
def test_groups_of_another_rate_or_far_time_or_of_the_same_lead_are_not_joined(
    other: Dataset,
) -> None:
    record = opened(file(group([channel("I", 1), channel("II", 2)], [RAMP, RAMP]), other))
    assert record.lead_names == ("I", "II")
    assert record.warnings == ("file: 1 other groups of channels in the DICOM file, left out",)


PAGES = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
NUMBERS = {"I": 1, "II": 2, "V1": 3, "V2": 4, "V3": 5, "V4": 6, "V5": 7, "V6": 8}
NUMBERS |= {"III": 61, "aVR": 62, "aVL": 63, "aVF": 64}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)])
@pytest.mark.parametrize("has_strip", [False, True])
def test_four_pages_of_three_leads_are_twelve_leads_with_gaps(
    order: tuple[int, ...], has_strip: bool
) -> None:
    pages = []
    for page in order:
        leads = PAGES[page]
        channels = [channel(lead, NUMBERS[lead]) for lead in leads]
        rows = [RAMP + NUMBERS[lead] for lead in leads]
        pages.append(group(channels, rows, MultiplexGroupTimeOffset=str(2000 * page)))
    strip = np.concatenate([RAMP, RAMP + 100, RAMP + 200, RAMP + 300])
    if has_strip:
        pages.append(group([channel("II", 2)], [strip]))
    record = opened(file(*pages))
    assert sorted(record.lead_names) == sorted(NUMBERS)
    assert (record.samples, record.fs) == (400, 50.0)
    for lead, row in zip(record.lead_names, record.signal, strict=True):
        page = next(page for page in range(4) if lead in PAGES[page])
        expected = np.full(400, np.nan)
        expected[100 * page : 100 * (page + 1)] = RAMP + NUMBERS[lead]
        if lead == "II" and has_strip:
            expected = strip
        np.testing.assert_allclose(row, expected * 1e-3, rtol=1e-5, err_msg=lead)
    assert record.warnings == (
        f"signal: recorded in {5 if has_strip else 4} groups of leads at different times; the "
        "leads of each are gaps in the time of the others",
    )


def test_the_rhythm_is_preferred_to_a_derived_group_and_an_average_beat_is_never_read() -> None:
    beat = one_lead(MultiplexGroupLabel="MEDIAN BEAT", WaveformOriginality="DERIVED")
    both = [channel("I", 1), channel("II", 2)]
    derived = group(both, [RAMP, RAMP], WaveformOriginality="DERIVED")
    rhythm = group([channel("II", 2)], [RAMP])
    assert opened(file(beat, derived, rhythm)).lead_names == ("II",)
    labelled = group([channel("II", 2)], [RAMP], MultiplexGroupLabel="BEAT-TO-BEAT RHYTHM")
    assert opened(file(labelled)).lead_names == ("II",)
    alone = opened(file(beat, derived))
    assert alone.lead_names == ("I", "II")
    assert alone.warnings == (
        "signal: derived, as the DICOM file states; it has no original waveform",
    )
    for label in ("Average", "median", "BEAT 1"):
        with pytest.raises(NoSamples) as caught:
            opened(file(one_lead(MultiplexGroupLabel=label)))
        assert caught.value.detail == (
            "the DICOM file has no rhythm waveform, only an average beat"
        )


@pytest.mark.parametrize(
    ("dtype", "padding", "gap"),
    [
        ("int16", b"\x00\x80", True),
        ("int16", b"\0\0", False),
        ("int16", b"\x80", False),
        ("uint16", b"\x00\x80", False),
        ("int32", b"\x00\x80", False),
    ],
)
def test_a_padding_value_is_a_gap_only_if_it_is_the_types_lowest(
    dtype: str, padding: bytes, gap: bool
) -> None:
    values = np.array([0, 5, -32768, 0, 7] * 20).astype(dtype)
    record = opened(file(group([channel("I", 1)], [values], WaveformPaddingValue=padding)))
    expected = values / 1000
    if gap:
        expected[2::5] = np.nan
    np.testing.assert_allclose(record.signal[0], expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
@pytest.mark.parametrize("padded", [True, False])
def test_leads_at_their_highest_code_are_a_gap_with_padding_too(dtype: str, padded: bool) -> None:
    limits = np.iinfo(dtype)
    values = np.tile(np.arange(-50, 50), 20).astype(dtype)
    values[1000:1200] = limits.max
    other = (-values).clip(limits.min + 1).astype(dtype)
    other[1000:1200] = limits.max
    if padded:
        values[:50] = other[:50] = limits.min
    more = {"WaveformPaddingValue": np.array(limits.min, dtype).tobytes()} if padded else {}
    record = opened(file(group([channel("I", 1), channel("II", 2)], [values, other], **more)))
    gaps = np.isnan(record.signal)
    assert gaps[:, 1000:1200].all()
    assert gaps.sum() == 2 * 200 + 2 * 50 * padded


# The data set


def annotation(value: str, meaning: str, channels: list[int] | None = None) -> Dataset:
    item = Dataset()
    item.ConceptNameCodeSequence, item.NumericValue = code("x", "MDC", meaning), value
    if channels is not None:
        item.ReferencedWaveformChannels = channels
    return item


def test_time_age_sex_device_and_measurements_are_read_and_the_name_is_not() -> None:
    nameless = Dataset()
    nameless.NumericValue = "5"
    valueless = annotation("", "RR interval")
    del valueless.NumericValue
    annotations = [
        annotation("0", "QRS Duration"),
        nameless,
        valueless,
        annotation("99", "PR interval", [1, 2]),
        annotation("160", "PR interval global", [1, 0]),
        annotation("170", "PR Interval"),
        annotation("-7", " Global  P Axis "),
        annotation("1", "something else"),
    ]
    record = opened(
        file(
            one_lead(),
            AcquisitionDateTime="20240501082732.5",
            PatientBirthDate="19600502",
            PatientSex="F",
            Manufacturer="Maker",
            ManufacturerModelName="M1",
            WaveformAnnotationSequence=Sequence(annotations),
        )
    )
    assert record.reported is not None
    assert record.recording_date == "2024-05-01T08:27:32"
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")
    assert record.reported.device == "Maker / M1"
    assert record.reported.measurements == {"pr_ms": 160.0, "p_axis_deg": -7.0}
    assert record.warnings == ()
    assert "Mustermann" not in repr(record)


@pytest.mark.parametrize(
    ("elements", "date", "age_years"),
    [
        ({"PatientAge": "018M"}, None, 1.5),
        ({"PatientAge": "018M", "PatientBirthDate": "19600501"}, None, 1.5),
        (
            {"StudyDate": "20240501", "StudyTime": "0827", "PatientBirthDate": "19600501"},
            "2024-05-01T08:27:00",
            64.0,
        ),
        (
            {"ContentDate": "20240502", "StudyDate": "20240501", "StudyTime": "0827"},
            "2024-05-02",
            None,
        ),
        (
            {"AcquisitionDate": "20240503", "AcquisitionTime": "082732", "ContentDate": "20240502"},
            "2024-05-03T08:27:32",
            None,
        ),
        ({"AcquisitionTime": "082732"}, None, None),
    ],
)
def test_the_best_date_and_a_stated_age_are_preferred(
    elements: dict[str, str], date: str | None, age_years: float | None
) -> None:
    record = opened(file(one_lead(), **elements))
    assert (record.recording_date, record.patient.age_years) == (date, age_years)
    assert record.warnings == ()


def test_a_data_set_without_preamble_is_read() -> None:
    whole = file(one_lead())
    np.testing.assert_array_equal(opened(whole[132:]).signal, opened(whole).signal)


RATE = "fs: the DICOM waveform's sampling frequency is not a number above 0"
GAIN = "a channel's gain in the DICOM waveform is 0 or not a number"
CHANNELS = "DICOM waveform: {} channels stated, {} defined; 1 to 256 are allowed"
SAMPLES = "DICOM waveform: 1 channels of {} samples need {} bytes; found {}"


def many(count: int) -> Dataset:
    return group([channel(f"lead {row}") for row in range(count)], [RAMP[:1]] * count)


@pytest.mark.parametrize(
    ("made", "kind", "detail"),
    [
        (file, NoSamples, "the DICOM file has no rhythm waveform, no waveform at all"),
        (lambda: file(one_lead(fs="0")), BadSamplingRate, RATE),
        (lambda: file(one_lead(fs="-50")), BadSamplingRate, RATE),
        (lambda: file(one_lead(fs="NaN")), BadSamplingRate, RATE),
        (lambda: file(group([channel("I", 1, sensitivity="0")], [RAMP])), CorruptFile, GAIN),
        (
            lambda: file(group([channel("I", 1, ChannelSensitivityCorrectionFactor="0")], [RAMP])),
            CorruptFile,
            GAIN,
        ),
        (
            lambda: file(group([channel("I", 1, ChannelBaseline="nan")], [RAMP])),
            CorruptFile,
            "a channel's baseline in the DICOM waveform is not a number",
        ),
        (
            lambda: file(one_lead(NumberOfWaveformSamples=10**9)),
            CorruptFile,
            SAMPLES.format(10**9, 2 * 10**9, 200),
        ),
        (
            lambda: file(one_lead(NumberOfWaveformSamples=99)),
            CorruptFile,
            SAMPLES.format(99, 198, 200),
        ),
        (
            lambda: file(one_lead(NumberOfWaveformSamples=0)),
            CorruptFile,
            SAMPLES.format(0, 0, 200),
        ),
        (
            lambda: file(one_lead(NumberOfWaveformChannels=2)),
            CorruptFile,
            CHANNELS.format(2, 1),
        ),
        (lambda: file(many(257)), CorruptFile, CHANNELS.format(257, 257)),
        (
            lambda: file(one_lead(WaveformSampleInterpretation="MB")),
            UnknownFormat,
            "DICOM samples: 16 bit in interpretation 'MB'; supported are SB of 8 bit, UB of 8 bit, "
            "SS of 16 bit, US of 16 bit, SL of 32 bit, UL of 32 bit, SV of 64 bit, UV of 64 bit",
        ),
        (
            lambda: file(one_lead(), syntax="1.2.840.10008.1.2.1.99"),
            UnknownFormat,
            "DICOM in the deflated transfer syntax is not supported; the uncompressed ones are",
        ),
        (lambda: file(one_lead())[:-20], CorruptFile, SAMPLES.format(100, 200, 180)),
        (lambda: file(one_lead())[:400], CorruptFile, "the DICOM file is damaged"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    made: Callable[[], bytes], kind: type[EcgError], detail: str
) -> None:
    with pytest.raises(kind) as caught:
        opened(made())
    assert caught.value.detail == detail


def test_a_lead_twice_is_refused_and_256_channels_are_read() -> None:
    with pytest.raises(DuplicateLead):
        opened(file(group([channel("I", 1), channel("I", 1)], [RAMP, RAMP])))
    channels = [channel(f"lead {row}") for row in range(255)]
    record = opened(file(group([*channels, channel("I", 1)], [RAMP] * 256)))
    assert record.lead_names == ("I",)


@pytest.mark.parametrize(
    ("after", "surplus"),
    [(b"\0" * 40, 0), (b"abc", 3), (b"more bytes after the data set\0\0", 29), (b"x" * 5000, 5000)],
)
def test_bytes_after_the_data_set_are_named(after: bytes, surplus: int) -> None:
    record = opened(file(one_lead()) + after)
    np.testing.assert_allclose(record.signal, [RAMP * 1e-3], rtol=1e-6)
    assert record.warnings == (
        (f"file: {surplus} bytes at the end of the DICOM file are no complete element, left out",)
        if surplus
        else ()
    )


def test_an_odd_number_of_bytes_is_padded_by_one() -> None:
    values = np.arange(7, dtype=np.int8)
    record = opened(file(group([channel("I", 1)], [values])))
    np.testing.assert_allclose(record.signal[0], values / 1000, rtol=1e-6)


def test_annotations_in_text_are_statements_without_names() -> None:
    annotations = []
    for text, channels in (
        ("Sinus rhythm", [1, 0]),
        ("of lead II alone", [1, 2]),
        ("Mustermann^Max is calm", [1, 0]),
        ("Normal ECG", None),
    ):
        one = Dataset()
        one.UnformattedTextValue = text
        if channels is not None:
            one.ReferencedWaveformChannels = channels
        annotations.append(one)
    data = file(
        one_lead(),
        PatientName="Mustermann^Max",
        WaveformAnnotationSequence=Sequence(annotations),
    )
    reported = opened(data).reported
    assert reported is not None
    assert reported.statements == ("Sinus rhythm", "Normal ECG")


@pytest.mark.parametrize(
    ("value", "name"), [("2:16016", "heart_rate_bpm"), ("8625-6", "pr_ms"), ("5.13.5-11", "qt_ms")]
)
def test_a_measurement_with_another_meaning_is_known_by_its_code(value: str, name: str) -> None:
    one = annotation("72", "Herzfrequenz")
    one.ConceptNameCodeSequence[0].CodeValue = value
    reported = opened(file(one_lead(), WaveformAnnotationSequence=Sequence([one]))).reported
    assert reported is not None
    assert reported.measurements == {name: 72.0}


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
@pytest.mark.parametrize("side", ["min", "max"])
def test_samples_at_a_limit_of_their_type_in_all_leads_are_gaps(dtype: str, side: str) -> None:
    rows = [RAMP.astype(dtype), (RAMP // 2).astype(dtype)]
    for row in rows:
        row[10:15] = getattr(np.iinfo(dtype), side)
    record = opened(file(group([channel("I", 1), channel("II", 2)], rows)))
    assert np.flatnonzero(np.isnan(record.signal).all(axis=0)).tolist() == list(range(10, 15))
    (warning,) = record.warnings
    assert "from 0.20 to 0.30 s" in warning

"""DICOM waveforms: groups, codes, scales and gaps that the shared files do not have, written with pydicom."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, TwelveLeadECGWaveformStorage

from errors import BadSamplingRate, CorruptFile, DuplicateLead, EcgError, NoSamples, UnknownFormat
from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord

RAMP = np.arange(-50, 50, dtype=np.int16)


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
    item = Dataset()
    item.ChannelSourceSequence = (
        code(f"2:{number}", "MDC", "x") if number else code("local", "99X", lead)
    )
    if sensitivity is not None:
        item.ChannelSensitivity = sensitivity
        item.ChannelSensitivityUnitsSequence = code(unit, "UCUM", unit)
    for name, value in more.items():
        setattr(item, name, value)
    return item


def group(channels: list[Dataset], rows: list[np.ndarray], fs: str = "50", **more: Any) -> Dataset:
    item = Dataset()
    item.WaveformOriginality, item.SamplingFrequency = "ORIGINAL", fs
    item.NumberOfWaveformChannels, item.NumberOfWaveformSamples = len(rows), len(rows[0])
    item.ChannelDefinitionSequence = Sequence(channels)
    item.WaveformBitsAllocated = rows[0].dtype.itemsize * 8
    names = {
        "int8": "SB",
        "uint8": "UB",
        "int16": "SS",
        "uint16": "US",
        "int32": "SL",
        "uint32": "UL",
    }
    item.WaveformSampleInterpretation = names[rows[0].dtype.name]
    data = np.stack(rows, axis=1).astype(rows[0].dtype.newbyteorder("<")).tobytes()
    item.add_new(
        "WaveformData", "OW" if rows[0].dtype.itemsize > 1 else "OB", data + b"\0" * (len(data) % 2)
    )
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


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [("int8", 1), ("uint8", 1), ("int16", 1), ("uint16", 1), ("int32", 1000), ("uint32", 1000)],
)
def test_every_kind_of_plain_sample_is_read(dtype: str, scale: int) -> None:
    values = np.arange(101).astype(dtype) * scale
    record = opened(file(group([channel("I", 1)], [values.astype(dtype)])))
    np.testing.assert_allclose(record.signal[0], values / 1000, rtol=1e-6)


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1e-3), ("mV", 1.0), ("V", 1e3), ("nV", 1e-6)])
def test_sensitivity_correction_and_baseline_are_applied_in_their_unit(
    unit: str, factor: float
) -> None:
    one = channel("II", 2, unit, "0.5", ChannelSensitivityCorrectionFactor="4", ChannelBaseline="3")
    record = opened(file(group([one], [RAMP]), syntax=ImplicitVRLittleEndian))
    np.testing.assert_allclose(record.signal[0], (RAMP * 2.0 + 3) * factor, rtol=1e-6)


def test_a_group_without_sensitivity_has_unknown_units() -> None:
    record = opened(file(group([channel("II", 2, sensitivity=None)], [RAMP])))
    assert record.units == "unknown"
    np.testing.assert_array_equal(record.signal[0], RAMP)


def test_groups_of_other_leads_at_the_same_time_are_one_recording_and_others_are_left_out() -> None:
    limbs = group(
        [channel("Lead I (Einthoven)"), channel("aVF, augmented voltage, foot")], [RAMP, 2 * RAMP]
    )
    chest = group([channel("V1", 3), channel("x", 61)], [3 * RAMP, 4 * RAMP])
    later = group([channel("V2", 4)], [RAMP[:40]], MultiplexGroupTimeOffset="9000")
    record = opened(file(limbs, later, chest))
    assert record.lead_names == ("I", "aVF", "V1", "III")
    assert any("1 other groups" in warning for warning in record.warnings)


def test_the_rhythm_is_taken_before_a_derived_group_and_an_average_beat_never() -> None:
    beat = group(
        [channel("I", 1)], [RAMP], MultiplexGroupLabel="MEDIAN BEAT", WaveformOriginality="DERIVED"
    )
    derived = group(
        [channel("I", 1), channel("II", 2)], [RAMP, RAMP], WaveformOriginality="DERIVED"
    )
    rhythm = group([channel("II", 2)], [RAMP])
    assert opened(file(beat, derived, rhythm)).lead_names == ("II",)
    assert opened(
        file(group([channel("II", 2)], [RAMP], MultiplexGroupLabel="BEAT-TO-BEAT RHYTHM"))
    ).lead_names == ("II",)
    alone = opened(file(beat, derived))
    assert alone.lead_names == ("I", "II")
    assert any("derived" in warning for warning in alone.warnings)
    with pytest.raises(NoSamples, match="average beat"):
        opened(file(beat))


def test_a_padding_value_is_a_gap_only_where_it_is_no_sample() -> None:
    values = np.array([0, 5, -32768, 0, 7] * 20, np.int16)
    lowest = opened(file(group([channel("I", 1)], [values], WaveformPaddingValue=b"\x00\x80")))
    np.testing.assert_array_equal(np.isnan(lowest.signal[0]), values == -32768)
    zero = opened(file(group([channel("I", 1)], [values], WaveformPaddingValue=b"\0\0")))
    assert not np.isnan(zero.signal).any()
    assert zero.signal[0, 0] == 0


def test_time_age_sex_device_and_measurements_come_along_and_the_name_does_not() -> None:
    note = Dataset()
    note.ConceptNameCodeSequence, note.NumericValue = (
        code("5.13.5-9", "SCPECG", "QRS Duration"),
        "0",
    )
    other = Dataset()
    other.ConceptNameCodeSequence, other.NumericValue = (
        code("2:15872", "MDC", "PR interval global"),
        "160",
    )
    of_lead = Dataset()
    of_lead.ConceptNameCodeSequence, of_lead.NumericValue, of_lead.ReferencedWaveformChannels = (
        other.ConceptNameCodeSequence,
        "99",
        [1, 2],
    )
    record = opened(
        file(
            group([channel("I", 1)], [RAMP]),
            AcquisitionDateTime="20240501082732.5",
            PatientBirthDate="19600502",
            PatientSex="F",
            Manufacturer="Maker",
            ManufacturerModelName="M1",
            WaveformAnnotationSequence=Sequence([note, of_lead, other]),
        )
    )
    assert record.reported is not None
    assert (record.recording_date, record.patient.age_years, record.patient.sex) == (
        "2024-05-01T08:27:32",
        63.0,
        "female",
    )
    assert (record.reported.device, record.reported.measurements) == (
        "Maker / M1",
        {"pr_ms": 160.0},
    )
    assert "Mustermann" not in repr(record)


def test_a_data_set_without_preamble_is_read() -> None:
    whole = file(group([channel("I", 1)], [RAMP]))
    np.testing.assert_array_equal(opened(whole[132:]).signal, opened(whole).signal)


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (file, NoSamples),
        (lambda: file(group([channel("I", 1)], [RAMP], fs="0")), BadSamplingRate),
        (lambda: file(group([channel("I", 1)], [RAMP], fs="NaN")), BadSamplingRate),
        (lambda: file(group([channel("I", 1, sensitivity="0")], [RAMP])), CorruptFile),
        (
            lambda: file(group([channel("I", 1, ChannelSensitivityCorrectionFactor="0")], [RAMP])),
            CorruptFile,
        ),
        (
            lambda: file(group([channel("I", 1)], [RAMP], NumberOfWaveformSamples=10**9)),
            CorruptFile,
        ),
        (lambda: file(group([channel("I", 1)], [RAMP], NumberOfWaveformChannels=2)), CorruptFile),
        (
            lambda: file(group([channel("I", 1)], [RAMP], WaveformSampleInterpretation="MB")),
            UnknownFormat,
        ),
        (lambda: file(group([channel("I", 1), channel("I", 1)], [RAMP, RAMP])), DuplicateLead),
        (
            lambda: file(group([channel("I", 1)], [RAMP]), syntax="1.2.840.10008.1.2.1.99"),
            UnknownFormat,
        ),
        (lambda: file(group([channel("I", 1)], [RAMP]))[:-20], CorruptFile),
    ],
)
def test_what_cannot_be_is_refused(made: Any, kind: type[EcgError]) -> None:
    with pytest.raises(kind):
        opened(made())

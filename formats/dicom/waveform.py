"""Decode a multiplex group of a DICOM waveform object: channels in physical units.

Source: DICOM PS3.3 C.10.9 and C.10.10; lead codes of PS3.16 CID 3001
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile, UnknownFormat
from formats import numbers
from formats.decoded import Channel, channel_or_fault, limits_of
from formats.dicom.elements import DataSet
from formats.lead_codes import lead_from_mdc_code
from formats.pages import Group
from signals.leads import canonical_lead

MAX_CHANNELS: Final = 256
# (bits, interpretation) -> numpy type
_TYPES: Final = {
    (8, "SB"): "i1",
    (8, "UB"): "u1",
    (16, "SS"): "i2",
    (16, "US"): "u2",
    (32, "SL"): "i4",
    (32, "UL"): "u4",
    (64, "SV"): "i8",
    (64, "UV"): "u8",
}
INTERPRETATION: Final = "WaveformSampleInterpretation"
# Bits -> the interpretation of samples whose file states none. The standard demands SS of 12-lead
# and general ECG (PS3.3 A.34.3.4 and A.34.4.4), and SL of 32-bit ECG (Supplement 237).
_SIGNED: Final = {16: "SS", 32: "SL"}
NO_INTERPRETATION: Final = (
    "signal: the DICOM file does not state how samples are stored (Waveform Sample "
    "Interpretation); they are read as signed integers, as the standard demands of an ECG"
)
# SCP-ECG's scheme of lead numbers, and the MDC block with the same numbers.
_SCP_SCHEME: Final = "5.6.3-9-"
_MDC_BLOCK: Final = "2:"
_MAX_ECHO_CHARS: Final = 8


def is_original(item: DataSet) -> bool:
    """Return whether the samples of a multiplex group are as acquired, not derived."""
    return item.text("WaveformOriginality").upper() != "DERIVED"


def parse_group(item: DataSet) -> Group:
    """Return one item of the WaveformSequence. A group without a time begins with the acquisition.

    Raises CorruptFile, UnknownFormat for a type of samples that is not supported, BadSamplingRate.
    """
    definitions = item.items("ChannelDefinitionSequence")
    count = item.integer("NumberOfWaveformChannels")
    samples = item.integer("NumberOfWaveformSamples")
    if not 1 <= count <= MAX_CHANNELS or count != len(definitions):
        raise CorruptFile(
            f"DICOM waveform: {count} channels stated, {len(definitions)} defined; "
            f"1 to {MAX_CHANNELS} are allowed"
        )
    fs = numbers.parse_number(item.text("SamplingFrequency"))
    if fs is None or fs <= 0:
        raise BadSamplingRate(
            "fs: the DICOM waveform's sampling frequency is not a number above 0", loc=("fs",)
        )
    codes, limits = _codes(item, count, samples)
    channels = []
    for column, definition in enumerate(definitions):
        name = _name(definition)
        row = codes[:, column]
        channels.append(channel_or_fault(name, _channel, name, definition, row, limits))
    start_ms = numbers.parse_number(item.text("MultiplexGroupTimeOffset")) or 0.0
    return Group(fs, start_ms / 1000, tuple(channels))


def _codes(item: DataSet, channels: int, samples: int) -> tuple[NDArray[Any], tuple[float, float]]:
    """Return (samples, channels) as stored, usually a view, NaN for gaps; and the codes' limits."""
    bits = item.integer("WaveformBitsAllocated")
    interpretation = item.text(INTERPRETATION) or _SIGNED.get(bits, "")
    if (bits, interpretation) not in _TYPES:
        supported = ", ".join(f"{name} of {size} bit" for size, name in _TYPES)
        raise UnknownFormat(
            f"DICOM samples: {bits} bit in interpretation {interpretation[:_MAX_ECHO_CHARS]!r}; "
            f"supported are {supported}"
        )
    byte_order = "<" if item.little_endian else ">"
    dtype = np.dtype(byte_order + _TYPES[bits, interpretation])
    data = item.data("WaveformData")
    size = channels * samples * dtype.itemsize
    # A data element has an even length, so an odd one is padded by a byte.
    if samples < 1 or not size <= len(data) <= size + 1:
        raise CorruptFile(
            f"DICOM waveform: {channels} channels of {samples} samples need {size} bytes; "
            f"found {len(data)}"
        )
    codes = np.frombuffer(data, dtype, channels * samples).reshape(samples, channels)
    return _with_gaps(codes, item.data("WaveformPaddingValue")), limits_of(dtype)


def _with_gaps(codes: NDArray[Any], padding: memoryview) -> NDArray[Any]:
    """Return the codes with NaN for the padding value, if that is the type's lowest one.

    Some writers state 0, which would make a gap of every true zero. The lowest value is not a
    sample of any electrode.
    """
    dtype = codes.dtype
    if dtype.kind != "i" or len(padding) != dtype.itemsize:
        return codes
    lowest = np.iinfo(dtype).min
    if np.frombuffer(padding, dtype)[0] != lowest:
        return codes
    gaps = codes == lowest
    if not gaps.any():
        return codes
    return np.where(gaps, np.nan, codes.astype(np.float64))


def _channel(
    name: str, definition: DataSet, codes: NDArray[Any], limits: tuple[float, float]
) -> Channel:
    """Return a channel: (code * sensitivity * correction factor + baseline), sensitivity's unit."""
    scale = _factor(definition, "ChannelSensitivity")
    correction = _factor(definition, "ChannelSensitivityCorrectionFactor")
    baseline = numbers.parse_number(definition.text("ChannelBaseline") or 0)
    if baseline is None:
        raise CorruptFile("a channel's baseline in the DICOM waveform is not a number")
    return Channel(name, codes, _unit(definition), scale * correction, baseline, limits=limits)


def _unit(definition: DataSet) -> str | None:
    """Return the sensitivity's unit, "" if it is not stated; None without a sensitivity."""
    if not definition.has("ChannelSensitivity"):
        return None
    units = definition.items("ChannelSensitivityUnitsSequence")
    return units[0].text("CodeValue") if units else ""


def _factor(definition: DataSet, keyword: str) -> float:
    if not definition.has(keyword):
        return 1.0
    factor = numbers.parse_number(definition.text(keyword))
    if not factor:
        raise CorruptFile("a channel's gain in the DICOM waveform is 0 or not a number")
    return factor


def _name(definition: DataSet) -> str:
    """Return the lead by its code, else the first name that is a lead, else the first name."""
    source = definition.items("ChannelSourceSequence")
    source_code = source[0] if source else DataSet()
    code_value = source_code.text("CodeValue")
    lead = lead_from_mdc_code(code_value.replace(_SCP_SCHEME, _MDC_BLOCK))
    if lead is not None:
        return lead
    meaning, label = source_code.text("CodeMeaning"), definition.text("ChannelLabel")
    names = [name for name in (meaning, code_value, label) if name]
    for name in names:
        if canonical_lead(name):
            return name
    return names[0] if names else ""

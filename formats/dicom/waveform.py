"""One multiplex group of a DICOM waveform object -> channels in physical units.

Source: DICOM PS3.3 C.10.9 and C.10.10; lead codes of PS3.16 CID 3001
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from errors import BadSamplingRate, CorruptFile, UnknownFormat
from formats import metadata
from formats.channels import Channel, lead_seconds
from formats.lead_codes import lead_from_mdc_code
from signals.leads import canonical_lead

MAX_CHANNELS: Final = 256
_TYPES: Final = {
    (8, "SB"): "i1", (8, "UB"): "u1", (16, "SS"): "i2", (16, "US"): "u2",
    (32, "SL"): "i4", (32, "UL"): "u4", (64, "SV"): "i8", (64, "UV"): "u8",
}  # fmt: skip
_SCP_CODE: Final = "5.6.3-9-"


@dataclass(frozen=True, eq=False)
class Group:
    """Channels sampled together. `groups` is of how many multiplex groups they are."""

    fs: float
    channels: tuple[Channel, ...]
    original: bool
    starts_ms: float
    groups: int = 1

    @property
    def leads(self) -> frozenset[str]:
        return frozenset(
            lead for channel in self.channels if (lead := canonical_lead(channel.name))
        )

    @property
    def lead_seconds(self) -> float:
        return lead_seconds(self.fs, self.channels)


def group_of(item: Dataset, little: bool) -> Group:
    """One item of the WaveformSequence. Raises CorruptFile, UnknownFormat, BadSamplingRate."""
    definitions = item.get("ChannelDefinitionSequence") or ()
    channels, samples = (
        int(item.get("NumberOfWaveformChannels") or 0),
        int(item.get("NumberOfWaveformSamples") or 0),
    )
    if not 1 <= channels <= MAX_CHANNELS or channels != len(definitions):
        raise CorruptFile(
            f"the DICOM waveform states {channels} channels and defines {len(definitions)}; 1 to {MAX_CHANNELS} are read"
        )
    fs = metadata.parse_number(str(item.get("SamplingFrequency")))
    if fs is None or fs <= 0:
        raise BadSamplingRate(
            "fs: the DICOM waveform's sampling frequency is 0 or no number", loc=("fs",)
        )
    codes = _codes(item, channels, samples, little)
    found = tuple(_channel(definition, codes[:, row]) for row, definition in enumerate(definitions))
    original = str(item.get("WaveformOriginality") or "ORIGINAL").upper() != "DERIVED"
    return Group(
        fs, found, original, metadata.parse_number(str(item.get("MultiplexGroupTimeOffset"))) or 0.0
    )


def merged(groups: list[Group]) -> list[Group]:
    """Groups of other leads over the same time become one: a 12-lead object may come as four groups of three."""
    joined: list[Group] = []
    for group in groups:
        for row, other in enumerate(joined):
            if _together(other, group):
                joined[row] = Group(
                    group.fs,
                    other.channels + group.channels,
                    group.original,
                    group.starts_ms,
                    other.groups + 1,
                )
                break
        else:
            joined.append(group)
    return joined


def _together(one: Group, other: Group) -> bool:
    same_time = (one.fs, one.starts_ms, one.original) == (other.fs, other.starts_ms, other.original)
    return (
        same_time
        and len(one.channels[0].codes) == len(other.channels[0].codes)
        and not one.leads & other.leads
    )


def _codes(item: Dataset, channels: int, samples: int, little: bool) -> NDArray[Any]:
    """(samples, channels) as stored; a view. NaN where the padding value is the type's lowest: a gap."""
    bits, kind = (
        int(item.get("WaveformBitsAllocated") or 0),
        str(item.get("WaveformSampleInterpretation") or ""),
    )
    if (bits, kind) not in _TYPES:
        readable = ", ".join(f"{name} of {size} bit" for size, name in _TYPES)
        raise UnknownFormat(
            f"DICOM samples of {bits} bit in interpretation {kind[:8]!r}; {readable} are read"
        )
    dtype = np.dtype(("<" if little else ">") + _TYPES[bits, kind])
    data = item.get("WaveformData") or b""
    needed = channels * samples * dtype.itemsize
    if samples < 1 or not needed <= len(data) <= needed + 1:  # an odd length is filled up
        raise CorruptFile(
            f"the DICOM waveform states {channels} channels of {samples} samples, which need {needed} bytes; {len(data)} are there"
        )
    codes = np.frombuffer(data, dtype, channels * samples).reshape(samples, channels)
    return _with_gaps(codes, item.get("WaveformPaddingValue"))


def _with_gaps(codes: NDArray[Any], padding: object) -> NDArray[Any]:
    # Some writers state 0, which would make a gap of every true zero; the lowest value is no sample of any electrode.
    if isinstance(padding, bytes) and len(padding) == codes.dtype.itemsize:
        padding = int(np.frombuffer(padding, codes.dtype)[0])
    if codes.dtype.kind != "i" or not isinstance(padding, int):
        return codes
    value = padding
    if value != np.iinfo(codes.dtype).min or not (codes == value).any():
        return codes
    return np.where(codes == value, np.nan, codes.astype(np.float64))


def _channel(definition: Dataset, codes: NDArray[Any]) -> Channel:
    """value = (code * sensitivity * correction factor + baseline) in the sensitivity's unit."""
    sensitivity = definition.get("ChannelSensitivity")
    units = definition.get("ChannelSensitivityUnitsSequence")
    unit = str(units[0].get("CodeValue") or "") if units else ""
    scale, correction = (
        _factor(definition, name)
        for name in ("ChannelSensitivity", "ChannelSensitivityCorrectionFactor")
    )
    baseline = metadata.parse_number(str(definition.get("ChannelBaseline") or 0))
    if baseline is None:
        raise CorruptFile("a channel's baseline in the DICOM waveform is no number")
    return Channel(
        _name(definition),
        codes,
        unit if sensitivity is not None else None,
        scale * correction,
        baseline,
    )


def _factor(definition: Dataset, name: str) -> float:
    value = definition.get(name)
    factor = 1.0 if value is None else metadata.parse_number(str(value))
    if not factor:
        raise CorruptFile("a channel's gain in the DICOM waveform is 0 or no number")
    return factor


def _name(definition: Dataset) -> str:
    """The lead by its code, else by the code's meaning, else by the channel's label."""
    source = definition.get("ChannelSourceSequence")
    code = source[0] if source else Dataset()
    value = str(code.get("CodeValue") or "")
    coded = lead_from_mdc_code(value.replace(_SCP_CODE, "2:"))
    if coded is not None:
        return coded
    texts = [
        str(text)
        for text in (code.get("CodeMeaning"), code.get("CodeValue"), definition.get("ChannelLabel"))
        if text
    ]
    return next((text for text in texts if canonical_lead(text)), texts[0] if texts else "")

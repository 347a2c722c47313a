"""The ECG waveforms of an ORU message, as IHE's Waveform Content Module carries them.

A waveform is an OBX segment with samples (OBX-2 is NA) and an MDC code of its lead. Segments whose
sub-id (OBX-4) begins with its own are its attributes: sampling rate, resolution. OBX-14 is the time
of its first sample, else OBR-7. Other waveforms and all numbers are left out.

IHE PCD Technical Framework Supplement, Waveform Content Module (WCM), rev. 1.3, 2018
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadOption, BadType, EcgError, MissingField
from formats.lead_codes import lead_from_mdc_code
from signals.units import millivolt_per_unit
from station.ingest.hl7.message import Message, Segment
from station.ingest.hl7.times import time_ms
from station.ingest.observed import ObservationPost, ObservedLead, frames_of, lead_of
from station.names import NAME_RULE, is_name

_SAMPLES: Final = "NA"
_RATE: Final = "MDC_ATTR_SAMP_RATE"
_RESOLUTION: Final = "MDC_ATTR_NU_MSMT_RES"
_HERTZ: Final = ("MDC_DIM_PER_SEC", "264608", "MDC_DIM_HZ", "/s", "Hz")
# Of MDC units: code and name. 266400 is the volt; 18, 19 and 20 more are its parts.
_UNITS: Final = {
    "266400": "V",
    "266418": "mV",
    "266419": "uV",
    "266420": "nV",
    "MDC_DIM_VOLT": "V",
    "MDC_DIM_MILLI_VOLT": "mV",
    "MDC_DIM_MICRO_VOLT": "uV",
    "MDC_DIM_NANO_VOLT": "nV",
}
# The whole device, whose OBX-18 identifies it.
_DEVICE_CLASS: Final = "_MDS"


@dataclass
class _Group:
    """The waveforms of one patient, device and OBR segment, with their attributes."""

    patient: str
    device: str
    start: str
    waveforms: list[Segment] = field(default_factory=list)
    attributes: list[Segment] = field(default_factory=list)


def add_waveforms(message: Message, only_source: str | None, post: ObservationPost) -> None:
    """Add the frames of a message to a post; a waveform that cannot be stored is refused there.

    only_source  the source that the sender may speak for; None where each message names its own
    Raises TooManyRecords.
    """
    for group in _groups(message):
        source = only_source or group.device or message.header.component(3)
        try:
            frames = frames_of(*_names(source, group), _leads(group, message.header.field(7)))
        except EcgError as error:
            post.refuse(error.detail, group.waveforms[0].text.encode("latin-1"))
        else:
            post.add(frames)


def _names(source: str, group: _Group) -> tuple[str, str]:
    """Return source and patient. Raises BadType."""
    if not is_name(source):
        raise BadType(f"source: OBX-18, else MSH-3: {NAME_RULE}")
    if not is_name(group.patient):
        raise BadType(f"patient: PID-3: {NAME_RULE}")
    return source, group.patient


def _groups(message: Message) -> Iterator[_Group]:
    """Yield the groups that have a waveform of an ECG."""
    group = _Group("", "", "")
    for segment in message.segments[1:]:
        if segment.name == "PID":
            yield from _finished(group)
            group = _Group(segment.component(3), group.device, "")
        elif segment.name == "OBR":
            yield from _finished(group)
            group = _Group(group.patient, group.device, segment.component(7))
        elif segment.name == "OBX":
            if _DEVICE_CLASS in segment.component(3, 2) and segment.component(18):
                group.device = segment.component(18)
            _take(segment, group)
    yield from _finished(group)


def _take(segment: Segment, group: _Group) -> None:
    if segment.component(2) != _SAMPLES:
        group.attributes.append(segment)
    elif _lead_of(segment) is not None:
        group.waveforms.append(segment)
        group.device = segment.component(18) or group.device


def _finished(group: _Group) -> Iterator[_Group]:
    if group.waveforms:
        yield group


def _lead_of(segment: Segment) -> str | None:
    code, text = segment.component(3), segment.component(3, 2)
    return lead_of(lead_from_mdc_code(code) or text) or lead_of(code)


def _leads(group: _Group, message_time: str) -> Iterator[ObservedLead]:
    """Yield the leads of a group. Raises EcgError."""
    for segment in group.waveforms:
        lead = _lead_of(segment)
        assert lead is not None
        attributes = _attributes(segment, group)
        text = segment.component(14) or group.start
        start_ms = time_ms(text, message_time)
        if start_ms is None:
            raise MissingField(f"{lead}: OBX-14 or OBR-7, a time with seconds, is required")
        fs_hz = _rate(lead, attributes.get(_RATE))
        yield ObservedLead(lead, _millivolts(lead, segment, attributes), fs_hz, start_ms)


def _attributes(waveform: Segment, group: _Group) -> dict[str, Segment]:
    """Return name -> segment of the attributes of a waveform."""
    begin = f"{waveform.component(4)}."
    mine = [each for each in group.attributes if each.component(4).startswith(begin)]
    return {each.component(3, 2): each for each in mine}


def _rate(lead: str, attribute: Segment | None) -> float:
    """Return the sampling rate in Hz. Raises MissingField, BadOption."""
    if attribute is None:
        raise MissingField(f"{lead}: an OBX with its {_RATE} is required")
    units = [unit.strip() for unit in attribute.components(6)]
    if any(units) and not set(units) & set(_HERTZ):
        raise BadOption(f"{lead}: the unit of its {_RATE} is none of {', '.join(_HERTZ)}")
    return _number(lead, attribute)


def _number(lead: str, segment: Segment) -> float:
    (value,) = _numbers(lead, [segment.component(5)])
    return float(value)


def _millivolts(lead: str, segment: Segment, attributes: dict[str, Segment]) -> NDArray[np.float32]:
    """Return the samples (samples,) in mV, NaN for empty components. Raises BadType, BadOption.

    Where they have no unit of voltage, they are multiples of the resolution, which has one.
    """
    values = _numbers(lead, segment.components(5))
    scale = _millivolt_per_unit(segment)
    resolution = attributes.get(_RESOLUTION)
    if scale is None and resolution is not None:
        unit = _millivolt_per_unit(resolution)
        scale = None if unit is None else unit * _number(lead, resolution)
    if scale is None:
        raise BadOption(f"{lead}: OBX-6, or a {_RESOLUTION} with a unit of voltage, is required")
    with np.errstate(over="ignore"):
        return (values * scale).astype(np.float32)


def _millivolt_per_unit(segment: Segment) -> float | None:
    for text in segment.components(6):
        scale = millivolt_per_unit(_UNITS.get(text.strip(), text))
        if scale is not None:
            return scale
    return None


def _numbers(lead: str, texts: list[str]) -> NDArray[np.float64]:
    """Return the values of components, NaN for empty ones. Raises BadType."""
    try:
        return np.array([text.strip() or "nan" for text in texts], np.float64)
    except ValueError:
        raise BadType(f"{lead}: a sample or attribute is not a number") from None

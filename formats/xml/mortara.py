"""Read Mortara ELI Link XML: an ECG element with a CHANNEL for each lead.

The layout follows other readers (BRAVEHEART, EDFbrowser); there is no public specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, Final
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile, NoSamples, UnknownFormat
from formats import metadata, numbers
from formats.channels import record_from_channels
from formats.decoded import Channel, DecodedFile, channel_or_fault, limits_of, short_name
from formats.hints import Hints
from formats.parts import About, Format, Part
from formats.reported.measurements import parse_measurements
from formats.xml.tree import attribute_of, check_sample_count, decode_base64, parse_xml, root_name
from signals.record import EcgRecord, Patient, Reported

_TYPES: Final = {
    ("8", "SIGNED"): "i1",
    ("16", "SIGNED"): "<i2",
    ("32", "SIGNED"): "<i4",
    ("8", "UNSIGNED"): "u1",
    ("16", "UNSIGNED"): "<u2",
}
# Attributes that may hold a measurement, the best first.
_MEASUREMENTS: Final = {
    "heart_rate_bpm": ("VENT_RATE",),
    "rr_ms": ("AVERAGE_RR",),
    "p_duration_ms": ("P_DURATION",),
    "pr_ms": ("PR_DURATION", "PR_INTERVAL"),
    "qrs_ms": ("QRS_DURATION",),
    "qt_ms": ("QT_DURATION", "QT_INTERVAL"),
    "qtc_ms": ("QTC", "QTC_DURATION"),
    "p_axis_deg": ("P_AXIS",),
    "qrs_axis_deg": ("QRS_AXIS",),
    "t_axis_deg": ("T_AXIS",),
}
MAX_PLACES: Final = 16  # that are searched for a measurement; real files have one
_MARK: Final = b"CHANNEL"
_UTF16_MARK: Final = "CHANNEL".encode("utf-16-le")


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Return the channels of an ELI Link file.

    Raises UnsafeFile, CorruptFile, NoSamples, UnknownFormat for another type of samples,
    BadSamplingRate, and the errors of `record_from_channels`.
    """
    root = parse_xml(head.data, "Mortara")
    channels = []
    for element in root.findall("CHANNEL"):
        name = short_name(element.get("NAME"))
        codes = _codes(element, name)
        channel = channel_or_fault(name, _channel, name, element, codes)
        stated = numbers.parse_number(element.get("DURATION"))
        check_sample_count(name, len(channel.codes), stated, "Mortara")
        channels.append(channel)
    if not channels:
        raise NoSamples("the Mortara file has no channel", loc=("signal",))
    date = metadata.iso_datetime(root.get("ACQUISITION_TIME_XML"))
    if date is None:
        date = metadata.iso_datetime(root.get("ACQUISITION_TIME"))
    source = root.find("SOURCE")
    manufacturer = attribute_of(source, "MANUFACTURER")
    device = metadata.device_name(manufacturer, attribute_of(source, "MODEL"))
    patient, patient_warnings = _patient(root.find("SUBJECT"), date)
    decoded = DecodedFile(
        "Mortara",
        None,
        channels,
        patient,
        Reported(date, device, _measurements(root)),
        patient_warnings,
    )
    return record_from_channels(decoded, hints)


def _patient(subject: Element | None, date: str | None) -> tuple[Patient, tuple[str, ...]]:
    """Return sex and age, the latter as stated or at `date`; and a warning for an odd age."""
    age_years = metadata.age_in_years(
        attribute_of(subject, "AGE"), attribute_of(subject, "AGE_UNITS")
    )
    # An age of 0 counts as not stated.
    if not age_years:
        age_years = metadata.age_at_recording(attribute_of(subject, "DOB"), date)
    sex = attribute_of(subject, "GENDER") or attribute_of(subject, "SEX")
    return metadata.plausible_patient(age_years, metadata.parse_sex(sex))


def _channel(name: str, element: Element, codes: NDArray[Any]) -> Channel:
    """Return a channel of value = (code + OFFSET) / UNITS_PER_MV in mV."""
    fs = numbers.parse_number(element.get("SAMPLE_FREQ"))
    if not fs or fs < 0:
        raise BadSamplingRate(
            f"fs: SAMPLE_FREQ of {name} in the Mortara file is not a number above 0", loc=("fs",)
        )
    units_per_mv = numbers.parse_number(element.get("UNITS_PER_MV"))
    offset = numbers.parse_number(element.get("OFFSET") or 0)
    if not units_per_mv or units_per_mv < 0:
        raise CorruptFile(f"{name}: UNITS_PER_MV of the Mortara file is not a number above 0")
    if offset is None:
        raise CorruptFile(f"{name}: OFFSET of the Mortara file is not a number")
    limits = limits_of(codes.dtype, offset)
    return Channel(name, codes + offset, "mV", 1.0 / units_per_mv, fs=fs, limits=limits)


def _codes(element: Element, name: str) -> NDArray[Any]:
    """Return the (samples,) codes as stored."""
    bits = element.get("BITS") or "16"
    sign = (element.get("FORMAT") or "SIGNED").upper()
    encoding = (element.get("ENCODING") or "BASE64").upper()
    if (bits, sign) not in _TYPES or encoding != "BASE64":
        raise UnknownFormat(
            f"{name}: Mortara samples of another type than signed integers of 8, 16 or 32 bit or "
            "unsigned ones of 8 or 16 bit, in base64, are not supported"
        )
    dtype = np.dtype(_TYPES[bits, sign])
    raw = decode_base64(element.get("DATA"), name)
    if len(raw) % dtype.itemsize:
        raise CorruptFile(
            f"{name}: {len(raw)} bytes of samples; a multiple of {dtype.itemsize} is required"
        )
    return np.frombuffer(raw, dtype)


def _measurements(root: Element) -> dict[str, float]:
    """Return the measurements of the root element, else of a TYPICAL_CYCLE."""
    places = [root, *islice(root.iter("TYPICAL_CYCLE"), MAX_PLACES)]
    return parse_measurements(
        (name, place.get(attribute))
        for name, attributes in _MEASUREMENTS.items()
        for place in places
        for attribute in attributes
    )


def _detect(part: Part) -> bool:
    """Return whether the root is an ECG and there is a CHANNEL: the root's name is a common one."""
    if root_name(part.data) != "ECG":
        return False
    return _MARK in part.data or _UTF16_MARK in part.data


FORMAT = Format(
    name="Mortara ELI Link (XML)",
    detect=_detect,
    read=read,
    about=About(
        variants="CHANNEL elements, 8, 16 or 32 bit in base64",
        parser="defusedxml; our own, after the layout that other readers use",
        metadata="time, age, sex, device, measurements in attributes",
        ignored="the typical cycle's samples, statements",
        sample_files=(
            "mortara/made_eli_link_100hz.xml: made from a real recording; no real file was found",
        ),
    ),
)

"""Mortara ELI Link XML: an ECG element with one CHANNEL for each lead.

The layout is Mortara's, as other readers have it (BRAVEHEART, EDFbrowser); there is no public specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element

import numpy as np

from errors import BadSamplingRate, CorruptFile, NoSamples, UnknownFormat
from formats import metadata
from formats.channels import Channel, DecodedFile, record_from_channels
from formats.hints import Hints
from formats.parts import About, Format, Part
from formats.xml.tree import parse, root_name, unbase64
from signals.record import EcgRecord, Reported

_TYPES: Final = {
    ("8", "SIGNED"): "i1",
    ("16", "SIGNED"): "<i2",
    ("32", "SIGNED"): "<i4",
    ("8", "UNSIGNED"): "u1",
    ("16", "UNSIGNED"): "<u2",
}
_MEASURED: Final = {
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
_MARK: Final = b"CHANNEL"
_WIDE_MARK: Final = "CHANNEL".encode("utf-16-le")


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The channels of an ELI Link file. Raises UnsafeFile, CorruptFile, NoSamples, UnknownFormat, BadSamplingRate, ..."""
    root = parse(head.data, "Mortara")
    channels = [_channel(element) for element in root.findall("CHANNEL")]
    if not channels:
        raise NoSamples("the Mortara file holds no channel", loc=("signal",))
    date = metadata.iso_datetime(root.get("ACQUISITION_TIME_XML")) or metadata.iso_datetime(
        root.get("ACQUISITION_TIME")
    )
    subject, source = root.find("SUBJECT"), root.find("SOURCE")
    age = metadata.age_in_years(
        _of(subject, "AGE"), _of(subject, "AGE_UNITS")
    ) or metadata.age_at_recording(_of(subject, "DOB"), date)
    patient, said = metadata.plausible_patient(
        age, metadata.parse_sex(_of(subject, "GENDER") or _of(subject, "SEX"))
    )
    reported = Reported(
        date,
        metadata.device_name(_of(source, "MANUFACTURER"), _of(source, "MODEL")),
        _measurements(root),
    )
    return record_from_channels(
        DecodedFile("Mortara", None, channels, patient, reported, said), hints
    )


def _of(element: Element | None, name: str) -> str | None:
    return None if element is None else element.get(name)


def _channel(element: Element) -> Channel:
    name = element.get("NAME") or ""
    kind = (element.get("BITS") or "16", (element.get("FORMAT") or "SIGNED").upper())
    if kind not in _TYPES or (element.get("ENCODING") or "BASE64").upper() != "BASE64":
        raise UnknownFormat(
            f"{name}: Mortara samples in another form than signed or unsigned numbers of 8, 16 or 32 bit in base64 are not read"
        )
    dtype = np.dtype(_TYPES[kind])
    raw = unbase64(element.get("DATA"), name)
    stated, fs = (
        metadata.parse_number(element.get("DURATION")),
        metadata.parse_number(element.get("SAMPLE_FREQ")),
    )
    if len(raw) % dtype.itemsize or (stated is not None and stated * dtype.itemsize != len(raw)):
        raise CorruptFile(
            f"{name}: the Mortara file states {stated or 0:g} samples; {len(raw)} bytes are there"
        )
    if not fs or fs < 0:
        raise BadSamplingRate(
            f"fs: SAMPLE_FREQ of {name} in the Mortara file is 0 or no number", loc=("fs",)
        )
    per_mv, offset = (
        metadata.parse_number(element.get("UNITS_PER_MV")),
        metadata.parse_number(element.get("OFFSET") or 0),
    )
    if not per_mv or per_mv < 0 or offset is None:
        raise CorruptFile(f"{name}: UNITS_PER_MV (or OFFSET) of the Mortara file is 0 or no number")
    return Channel(name, np.frombuffer(raw, dtype) + offset, "mV", 1.0 / per_mv, fs=fs)


def _measurements(root: Element) -> dict[str, float]:
    places = [root, *root.iter("TYPICAL_CYCLE")]
    found = {
        name: next(
            (
                place.get(attribute)
                for place in places
                for attribute in attributes
                if place.get(attribute)
            ),
            None,
        )
        for name, attributes in _MEASURED.items()
    }
    return metadata.parse_measurements(found)


def _detect(part: Part) -> bool:
    return root_name(part.data) == "ECG" and (_MARK in part.data or _WIDE_MARK in part.data)


FORMAT = Format(
    name="Mortara ELI Link (XML)",
    detect=_detect,
    read=read,
    about=About(
        variants="CHANNEL elements, 8, 16 or 32 bit in base64",
        parser="defusedxml; our own, after the layout that other readers have",
        metadata="time, age, sex, device, measurements that stand as attributes",
        ignored="the typical cycle's samples, statements",
        sample_files=(
            "mortara/made_eli_link_100hz.xml: made from a real recording; no real file was found",
        ),
    ),
)

"""Read Schiller SEMA XML (SchillerEDI): the rhythms, not the averaged beat.

The layout follows files written by Schiller; there is no public specification.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from xml.etree.ElementTree import Element

from errors import BadSamplingRate, CorruptFile, NoSamples, UnknownFormat
from formats import metadata, numbers
from formats.channels import Waveform, longest_waveform, record_from_channels
from formats.decoded import Channel, DecodedFile, short_name
from formats.hints import Hints
from formats.parts import About, Format, Part
from formats.reported.measurements import parse_measurements
from formats.reported.statements import clean_statements
from formats.xml.tree import check_sample_count, parse_numbers, parse_xml, root_name, text_of
from signals.record import EcgRecord, Reported

_MEASUREMENTS: Final = {
    "HR": "heart_rate_bpm",
    "RR": "rr_ms",
    "P": "p_duration_ms",
    "PQ": "pr_ms",
    "PR": "pr_ms",
    "QRS": "qrs_ms",
    "QT": "qt_ms",
    "QTC": "qtc_ms",
    "AXIS_P": "p_axis_deg",
    "AXIS_QRS": "qrs_axis_deg",
    "AXIS_T": "t_axis_deg",
}
_DATA_TYPE: Final = "COMMASEPARATE"
_DATE_DIGITS: Final = 8
_TIME_DIGITS: Final = 6


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Return the rhythm with most lead-seconds.

    Raises UnsafeFile, CorruptFile, NoSamples, UnknownFormat for another data type,
    BadSamplingRate, and the errors of `record_from_channels`.
    """
    root = parse_xml(head.data, "Schiller")
    rhythms = []
    for element in root.iter("wavedata"):
        if (text_of(element, "type") or "").upper().startswith("ECG_RHYTHM"):
            rhythms.append(_rhythm(element))
    if not rhythms:
        raise NoSamples("the Schiller file has no rhythm", loc=("signal",))
    fs, channels, warnings = longest_waveform(rhythms, "rhythms in the Schiller file")
    date = _date(root)
    age_years = metadata.age_at_recording(text_of(root, "patdata/birthdate"), date)
    sex = metadata.parse_sex(text_of(root, "patdata/gender"))
    patient, patient_warnings = metadata.plausible_patient(age_years, sex)
    vendor = text_of(root, ".//hardware/vendor")
    device = metadata.device_name(vendor, text_of(root, ".//hardware/model"))
    decoded = DecodedFile(
        "Schiller",
        fs,
        channels,
        patient,
        Reported(date, device, _measurements(root), _statements(root)),
        (*warnings, *patient_warnings),
    )
    return record_from_channels(decoded, hints)


def _date(root: Element) -> str | None:
    date = text_of(root, ".//startdatetime/date") or ""
    time = text_of(root, ".//startdatetime/time") or ""
    return metadata.iso_datetime(date[:_DATE_DIGITS] + time[:_TIME_DIGITS])


def _rhythm(element: Element) -> Waveform:
    """Return the sampling rate and the channels of one rhythm."""
    # samplerate/exponent is not an exponent of ten: it is 1 in files of 500 Hz whose value is 500.
    fs = numbers.parse_number(text_of(element, "resolution/samplerate/value"))
    if not fs or fs < 0:
        raise BadSamplingRate(
            "fs: the Schiller file's samplerate is not a number above 0", loc=("fs",)
        )
    scale = numbers.parse_number(text_of(element, "resolution/yres/unitperbit"))
    if not scale:
        raise CorruptFile("the Schiller file's unitperbit is 0 or not a number")
    unit = text_of(element, "resolution/yres/units")
    channels = []
    for channel in element.findall("channel"):
        name = short_name(text_of(channel, "name"))
        channels.append(_channel(channel, name, scale, unit))
        stated = numbers.parse_number(text_of(channel, "samplecount"))
        check_sample_count(name, len(channels[-1].codes), stated, "Schiller")
    return fs, channels


def _channel(element: Element, name: str, scale: float, unit: str | None) -> Channel:
    data_type = (text_of(element, "datastype") or _DATA_TYPE).upper()
    if data_type != _DATA_TYPE:
        raise UnknownFormat(
            f"{name}: Schiller samples of another type than {_DATA_TYPE} are not supported"
        )
    codes = parse_numbers(text_of(element, "data"), name)
    return Channel(name, codes, unit, scale)


def _measurements(root: Element) -> dict[str, float]:
    """Return the global annotations under our names."""
    stated = []
    for annotation in root.iter("annotation_global"):
        names = annotation.findall("name")
        values = annotation.findall("value")
        for name, value in zip(names, values, strict=False):
            key = _MEASUREMENTS.get((name.text or "").strip().upper())
            if key is not None:
                stated.append((key, value.text))
    return parse_measurements(stated)


def _statements(root: Element) -> tuple[str, ...]:
    """Return the lines of the interpretation."""
    lines = []
    for element in root.iter("textdata"):
        if (text_of(element, "type") or "").upper() == "INTERPRETATION":
            lines.append(text_of(element, "textdata"))
    return clean_statements(lines, _persons(root))


def _persons(root: Element) -> Iterator[str | None]:
    """Yield names and identifiers, which no statement may have."""
    for tag in ("id", "lastname", "firstname"):
        yield text_of(root, f"patdata/{tag}")
    for element in root.iterfind(".//idu/*"):
        if element.tag.endswith("_user"):
            yield from (child.text for child in element)


FORMAT = Format(
    name="Schiller SEMA (XML)",
    detect=lambda part: (root_name(part.data) or "").endswith("SchillerEDI"),
    read=read,
    about=About(
        variants="ECG_RHYTHMS, comma separated samples",
        parser="defusedxml; our own, after a file written by Schiller",
        metadata="time, age at that time, sex, device, global annotations, interpretation",
        ignored="averaged beats, annotations of leads",
        sample_files=("schiller/schiller_at110_sema.xml: a real file",),
    ),
)

"""Schiller SEMA XML (SchillerEDI): the rhythms, not the averaged beat before them.

The layout is Schiller's, as the files themselves have it; there is no public specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element

from errors import BadSamplingRate, CorruptFile, NoSamples, UnknownFormat
from formats import metadata
from formats.channels import Channel, DecodedFile, lead_seconds, record_from_channels
from formats.hints import Hints
from formats.parts import About, Format, Part
from formats.xml.tree import numbers, parse, root_name, text_of
from signals.record import EcgRecord, Reported

_MEASURED: Final = {
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


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The longest rhythm. Raises UnsafeFile, CorruptFile, NoSamples, UnknownFormat (another data type), BadSamplingRate, ..."""
    root = parse(head.data, "Schiller")
    waves = [
        _wave(element)
        for element in root.iter("wavedata")
        if (text_of(element, "type") or "").upper().startswith("ECG_RHYTHM")
    ]
    if not waves:
        raise NoSamples("the Schiller file holds no rhythm", loc=("signal",))
    fs, channels = max(waves, key=lambda wave: lead_seconds(*wave))
    said = (
        (f"file: {len(waves) - 1} other rhythms in the Schiller file, left out",)
        if len(waves) > 1
        else ()
    )
    date = metadata.iso_datetime(
        _digits(root, ".//startdatetime/date", 8) + _digits(root, ".//startdatetime/time", 6)
    )
    age = metadata.age_at_recording(text_of(root, "patdata/birthdate"), date)
    patient, patient_said = metadata.plausible_patient(
        age, metadata.parse_sex(text_of(root, "patdata/gender"))
    )
    device = metadata.device_name(
        text_of(root, ".//hardware/vendor"), text_of(root, ".//hardware/model")
    )
    reported = Reported(date, device, _measurements(root))
    return record_from_channels(
        DecodedFile("Schiller", fs, channels, patient, reported, (*said, *patient_said)), hints
    )


def _digits(root: Element, path: str, count: int) -> str:
    return (text_of(root, path) or "")[:count]


def _wave(element: Element) -> tuple[float, list[Channel]]:
    # samplerate/exponent is 1 in files of 500 Hz whose value is 500: it is no exponent of ten.
    fs = metadata.parse_number(text_of(element, "resolution/samplerate/value"))
    scale, unit = (
        metadata.parse_number(text_of(element, "resolution/yres/unitperbit")),
        text_of(element, "resolution/yres/units"),
    )
    if not fs or fs < 0:
        raise BadSamplingRate("fs: the Schiller file's samplerate is 0 or no number", loc=("fs",))
    if not scale:
        raise CorruptFile("the Schiller file's unitperbit is 0 or no number")
    return fs, [_channel(channel, scale, unit) for channel in element.findall("channel")]


def _channel(element: Element, scale: float, unit: str | None) -> Channel:
    name = text_of(element, "name") or ""
    kind = (text_of(element, "datastype") or "COMMASEPARATE").upper()
    if kind != "COMMASEPARATE":
        raise UnknownFormat(
            f"{name}: Schiller samples of a type other than COMMASEPARATE are not read"
        )
    codes, stated = (
        numbers(text_of(element, "data"), name),
        metadata.parse_number(text_of(element, "samplecount")),
    )
    if stated is not None and stated != len(codes):
        raise CorruptFile(
            f"{name}: the Schiller file states {stated:g} samples; {len(codes)} are there"
        )
    return Channel(name, codes, unit, scale)


def _measurements(root: Element) -> dict[str, float]:
    found: dict[str, object] = {}
    for note in root.iter("annotation_global"):
        pairs = zip(note.findall("name"), note.findall("value"), strict=False)
        for name, value in pairs:
            key = _MEASURED.get((name.text or "").strip().upper())
            if key is not None:
                found.setdefault(key, value.text)
    return metadata.parse_measurements(found)


FORMAT = Format(
    name="Schiller SEMA (XML)",
    detect=lambda part: (root_name(part.data) or "").endswith("SchillerEDI"),
    read=read,
    about=About(
        variants="ECG_RHYTHMS, comma separated samples",
        parser="defusedxml; our own, after the file itself",
        metadata="time, age at that time, sex, device, global annotations",
        ignored="averaged beats, annotations of leads",
        sample_files=("schiller/schiller_at110_sema.xml: a real file",),
    ),
)

"""Read Philips Sierra and PhilipsECG XML 1.03, 1.04 and 1.04.01 (restingecgdata).

Reads the element `parsedwaveforms`, whose samples are plain or XLI-compressed.

Source: the sierra-ecg-tools project's description of the format,
https://github.com/sixlettervariables/sierra-ecg-tools
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile, NoSamples, UnknownFormat
from formats import metadata, numbers
from formats.channels import record_from_channels
from formats.decoded import Channel, DecodedFile
from formats.hints import Hints
from formats.parts import About, Format, Part
from formats.reported.measurements import parse_measurements
from formats.reported.statements import clean_statements
from formats.xml import xli
from formats.xml.tree import attribute_of, decode_base64, parse_xml, root_name, text_of
from signals.leads import LEADS
from signals.number_text import number_text
from signals.record import EcgRecord, Patient, Reported

MAX_SAMPLES: Final = 1_200_000  # of a channel: ten minutes at 2000 Hz
MAX_PLACES: Final = 16  # that are searched for a measurement; real files have four and less
MAX_LEADS: Final = 24  # the largest lead sets have 18
# Elements that may hold a measurement, the best first.
_MEASUREMENTS: Final = {
    "heart_rate_bpm": ("heartrate", "meanventrate"),
    "rr_ms": ("rrint", "meanrrint"),
    "p_duration_ms": ("pdur",),
    "pr_ms": ("print", "meanprint"),
    "qrs_ms": ("qrsdur", "meanqrsdur"),
    "qt_ms": ("qtint", "meanqtint"),
    "qtc_ms": ("qtcb", "meanqtc"),
    "qtc_bazett_ms": ("qtcb",),
    "qtc_fridericia_ms": ("qtcf",),
    "p_axis_deg": ("pfrontaxis",),
    "qrs_axis_deg": ("qrsfrontaxis",),
    "t_axis_deg": ("tfrontaxis",),
}
# QTc by another formula, by the name of the formula.
_OTHER_QTC: Final = {"framingham": "qtc_framingham_ms", "hodges": "qtc_hodges_ms"}
_PERSON_PATHS: Final = (
    "patient/generalpatientdata/patientid",
    "patient/generalpatientdata/uniquepatientid",
    "patient/generalpatientdata/MRN",
    "patient/generalpatientdata/name/*",
    ".//orderingclinician",
    ".//operator",
    ".//userdefine/value",
)
# Where measurements are: first those of the confirmed report, then those of the algorithm.
_MEASUREMENT_PATHS: Final = (
    "interpretations//globalmeasurements",
    "interpretations//interpretationmeasurements",
    "measurements/globalmeasurements",
    "internalmeasurements/crossleadmeasurements",
)

# Lead name -> (samples,)
_Leads = dict[str, NDArray[np.float64]]


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Return the recording of a Philips file, from its element `parsedwaveforms`.

    Raises UnsafeFile, CorruptFile, NoSamples, UnknownFormat for another compression than XLI,
    BadSamplingRate, and the errors of `record_from_channels`.
    """
    root = parse_xml(head.data, "Philips")
    waveforms = root.find("waveforms/parsedwaveforms")
    if waveforms is None or not (waveforms.text or "").strip():
        raise NoSamples("the Philips file has no parsed waveforms", loc=("signal",))
    characteristics = root.find("dataacquisition/signalcharacteristics")
    fs = _sampling_rate(waveforms, characteristics)
    scale_uv = _resolution(waveforms, characteristics)
    leads, lead_warnings = _leads(waveforms, fs)
    channels = [Channel(name, codes, "uV", scale_uv) for name, codes in leads.items()]
    date = _recording_date(root)
    patient, patient_warnings = _patient(root, date)
    device = metadata.device_name("Philips", text_of(root, "dataacquisition/machine"))
    decoded = DecodedFile(
        "Philips",
        fs,
        channels,
        patient,
        Reported(date, device, _measurements(root), _statements(root)),
        (*lead_warnings, *patient_warnings),
    )
    return record_from_channels(decoded, hints)


def _recording_date(root: Element) -> str | None:
    """Return the date, with the time if stated, in ISO 8601; None without a date."""
    acquisition = root.find("dataacquisition")
    date = attribute_of(acquisition, "date")
    return metadata.iso_datetime(f"{date}T{attribute_of(acquisition, 'time')}")


def _patient(root: Element, date: str | None) -> tuple[Patient, tuple[str, ...]]:
    """Return sex and age, and a warning for an implausible age.

    The age is the stated one, or else is computed from the date of birth and `date`.
    """
    person = root.find("patient/generalpatientdata")
    age_years = metadata.age_in_years(text_of(person, "age/years"), "y")
    # An age of 0 counts as not stated.
    if not age_years:
        age_years = metadata.age_at_recording(text_of(person, "age/dateofbirth"), date)
    return metadata.plausible_patient(age_years, metadata.parse_sex(text_of(person, "sex")))


def _number(
    waveforms: Element, characteristics: Element | None, attribute: str, *tags: str
) -> float | None:
    """Return an attribute of the waveforms (1.04), else a signal characteristic (1.03)."""
    value = numbers.parse_number(waveforms.get(attribute))
    for tag in tags:
        if value is None:
            value = numbers.parse_number(text_of(characteristics, tag))
    return value


def _sampling_rate(waveforms: Element, characteristics: Element | None) -> float:
    fs = _number(waveforms, characteristics, "samplespersecond", "samplingrate")
    if not fs or fs < 0:
        raise BadSamplingRate(
            "fs: the Philips file's sampling rate is not a number above 0", loc=("fs",)
        )
    return fs


def _resolution(waveforms: Element, characteristics: Element | None) -> float:
    """Return microvolts per unit of the stored samples. Raises CorruptFile for 0 or no number."""
    scale_uv = _number(waveforms, characteristics, "resolution", "signalresolution", "resolution")
    if not scale_uv:
        raise CorruptFile("the Philips file's resolution is 0 or not a number")
    return scale_uv


def _leads(waveforms: Element, fs: float) -> tuple[_Leads, tuple[str, ...]]:
    """Return the leads as stored, cut to the stated duration, and warnings for what is cut off."""
    samples = _stated_samples(waveforms, fs)
    names = _lead_names(waveforms)
    packed = decode_base64(waveforms.text, "waveforms")
    if _is_xli(waveforms):
        stored = xli.unpack(packed, len(names), MAX_SAMPLES)
        channels = [channel.astype(np.float64) for channel in stored]
        leads, warnings = _named(names, channels, samples)
        return xli.with_limb_leads(leads), warnings
    rows, surplus_warnings = _plain_rows(packed, len(names), samples)
    leads, warnings = _named(names, rows, samples)
    return leads, (*surplus_warnings, *warnings)


def _stated_samples(waveforms: Element, fs: float) -> int | None:
    """Return the samples of a channel by the stated duration; None without one."""
    duration_ms = numbers.parse_number(waveforms.get("durationperchannel"))
    if duration_ms is None:
        return None
    samples = duration_ms * fs / 1000
    if not 1 <= samples <= MAX_SAMPLES:
        raise CorruptFile(
            f"Philips file: {number_text(samples, 1, MAX_SAMPLES)} samples a channel stated; "
            f"1 to {MAX_SAMPLES} are allowed"
        )
    return round(samples)


def _plain_rows(
    packed: bytes, leads: int, samples: int | None
) -> tuple[Sequence[NDArray[np.float64]], tuple[str, ...]]:
    """Return uncompressed channels, which follow each other, each with all its samples.

    leads    the number of named leads; the file may have further channels
    samples  of a channel, as stated; None if the file states no duration

    Also returns a warning for what follows the named leads. Raises CorruptFile if the bytes are a
    multiple of what is stated, as either the channels or their samples may then be more.
    """
    plain = np.frombuffer(packed[: len(packed) // 2 * 2], "<i2").astype(np.float64)
    stated_values = leads * (samples or len(plain) // leads)
    length = len(plain) // leads
    if samples is not None and len(plain) > stated_values and len(plain) % samples == 0:
        if len(plain) % stated_values == 0:
            raise CorruptFile(
                f"Philips file: {len(plain)} samples found, {stated_values} belong to the {leads} "
                f"leads of {samples} samples that it states"
            )
        length = samples
    surplus_bytes = len(packed) - 2 * leads * length
    warnings: tuple[str, ...] = ()
    if surplus_bytes:
        warnings = (f"file: {surplus_bytes} bytes after the leads of the Philips file, left out",)
    return list(plain[: length * leads].reshape(leads, -1)), warnings


def _lead_names(waveforms: Element) -> list[str]:
    """Return the labels of the channels; the twelve leads if there are none."""
    labels = waveforms.get("leadlabels") or " ".join(LEADS)
    names = labels.replace(",", " ").split()
    if len(set(names)) < len(names):
        raise CorruptFile("the Philips file names a lead twice")
    if not 1 <= len(names) <= MAX_LEADS:
        raise CorruptFile(f"Philips file: {len(names)} leads named; 1 to {MAX_LEADS} are allowed")
    return names


def _is_xli(waveforms: Element) -> bool:
    """Return whether the waveforms are XLI-compressed.

    Raises UnknownFormat for another compression.
    """
    compression = waveforms.get("compression") or waveforms.get("compressmethod") or "NONE"
    is_compressed = (waveforms.get("compressflag") or "True").lower() == "true"
    if compression.upper() not in ("UNCOMPRESSED", "NONE", "XLI"):
        raise UnknownFormat("Philips waveforms in another compression than XLI are not supported")
    return compression.upper() == "XLI" and is_compressed


def _named(
    names: Sequence[str], channels: Sequence[NDArray[np.float64]], samples: int | None
) -> tuple[_Leads, tuple[str, ...]]:
    """Return the first channels under their names, cut to `samples`, with a warning if they are.

    An XLI stream usually has 16 channels, which are more than the names. Raises CorruptFile if
    there are fewer channels than names, if the lengths of the named channels differ, or if they
    are shorter than `samples`; None means that the file does not state it.
    """
    if len(channels) < len(names):
        raise CorruptFile(f"Philips file: {len(names)} leads named, {len(channels)} channels found")
    lengths = {len(channel) for channel in channels[: len(names)]}
    shortest = min(lengths)
    if len(lengths) > 1:
        raise CorruptFile(
            f"Philips file: channels of {shortest} to {max(lengths)} samples found; "
            "all must have the same number"
        )
    if samples is not None and shortest < samples:
        raise CorruptFile(f"Philips file: {samples} samples a channel stated, found {shortest}")
    warnings: tuple[str, ...] = ()
    if samples is not None and shortest > samples:
        warnings = (
            f"file: {shortest - samples} samples a lead after the {samples} that the Philips file "
            "states, left out",
        )
    leads = {name: channel[:samples] for name, channel in zip(names, channels, strict=False)}
    return leads, warnings


def _measurements(root: Element) -> dict[str, float]:
    found = (element for path in _MEASUREMENT_PATHS for element in root.iterfind(path))
    places = list(islice(found, MAX_PLACES))
    stated = [
        (name, text_of(place, tag))
        for name, tags in _MEASUREMENTS.items()
        for place in places
        for tag in tags
    ]
    for place in places:
        for element in place.findall("qtco"):
            name = _OTHER_QTC.get((element.get("methodname") or "").lower())
            if name is not None:
                stated.append((name, element.text))
    return parse_measurements(stated)


def _statements(root: Element) -> tuple[str, ...]:
    """Return the statements without their reasons, and how severe the ECG is, which is the last.

    The line of the signature is not read.
    """
    lines = []
    for interpretation in islice(root.iterfind("interpretations/interpretation"), MAX_PLACES):
        lines += [text_of(one, "leftstatement") for one in interpretation.findall("statement")]
        lines.append(text_of(interpretation, "severity"))
    return clean_statements(lines, _persons(root))


def _persons(root: Element) -> Iterator[str | None]:
    """Yield names and identifiers, which no statement may have."""
    for path in _PERSON_PATHS:
        for element in root.iterfind(path):
            yield element.text
            yield element.get("id")


FORMAT = Format(
    name="Philips Sierra (XML)",
    detect=lambda part: root_name(part.data) == "restingecgdata",
    read=read,
    about=About(
        variants=(
            "schema 1.03, 1.04 and 1.04.01, UTF-8 and UTF-16, plain or XLI-compressed waveforms, "
            "any labelled leads"
        ),
        parser="defusedxml; our own, after the sierra-ecg-tools project's description",
        metadata=(
            "time, age, sex, device, global measurements (qtcb as qtc_ms and qtc_bazett_ms), "
            "statements and severity"
        ),
        ignored=(
            "representative beats, reasons of statements; a calibration pulse at the end stays in "
            "the signal and is left out of the analysis"
        ),
        sample_files=(
            "sierra/129DYPRG_1_03.xml: a real file",
            "sierra/15lead_1_04.xml: a real file of 15 leads",
            "sierra/2020_1_04_01_utf16.xml: a real file",
        ),
    ),
)

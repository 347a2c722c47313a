"""Read GE Sapphire XML, which the electrocardiographs MAC 800, MAC 2000 and others export.

The layout is what public programs read from its files, in the namespaces urn:ge:sapphire:dcar_1 and
sapphire_3: seanvelasco/ecg.js on GitHub (src/documentParser.ts, a file of a MAC 800) and loaders of
MAC 2000 files. Values are attributes V, units U, scales S; a value of -32768 is not valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile, NoSamples
from formats import metadata, numbers
from formats.channels import Waveform, longest_waveform, record_from_channels
from formats.decoded import Channel, DecodedFile, channel_or_fault, faulty_channel, short_name
from formats.hints import Hints
from formats.parts import About, Format, Part
from formats.reported.measurements import parse_measurements
from formats.xml.tree import attribute_of, parse_numbers, parse_xml, root_name
from signals.record import EcgRecord, Reported

INVALID_CODE: Final = -32768.0  # of samples
_HERTZ_PER_UNIT: Final = {"": 1.0, "hz": 1.0, "khz": 1000.0}
_SAMPLE_COUNTS: Final = ("asizeVT", "asizeBT")  # the number of samples, of either namespace
_MEASUREMENTS: Final = {
    "heart_rate_bpm": "ventricularRate",
    "rr_ms": "aveRRInterval",
    "pr_ms": "PR_Interval",
    "qrs_ms": "QRS_Duration",
    "qt_ms": "QT_Interval",
    "qtc_ms": "QT_Corrected",
    "qtc_bazett_ms": "qtcBazettCorrection",
    "qtc_fridericia_ms": "qtcFredericiaCorrection",
    "p_axis_deg": "P_Axis",
    "qrs_axis_deg": "R_Axis",
    "t_axis_deg": "T_Axis",
}
# Where they are, in the median beat and in the ECG, in either namespace.
_MEDIAN_PLACES: Final = ("measurements/global", "num/global", "num")
_ECG_PLACES: Final = ("num",)


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Return the rhythm with most lead-seconds.

    Raises UnsafeFile, CorruptFile, NoSamples if there is only a median beat, BadSamplingRate, and
    the errors of `record_from_channels`.
    """
    root = parse_xml(head.data, "Sapphire")
    waveforms: list[Waveform] = []
    # The median beat has waveforms of the same name elsewhere.
    for place in root.iter("wav"):
        waveforms += [_waveform(element) for element in place.findall("ecgWaveformMXG")]
    if not waveforms:
        raise NoSamples("the Sapphire file has no rhythm (wav)", loc=("signal",))
    fs, channels, warnings = longest_waveform(waveforms, "rhythms in the Sapphire file")
    date = metadata.iso_datetime(_value(root, "acquisitionDateTime"))
    sex = metadata.parse_sex(_value(root, "gender"))
    patient, patient_warnings = metadata.plausible_patient(_age_years(root, date), sex)
    device = metadata.device_name(_value(root, "deviceName"), _value(root, "modelID"))
    decoded = DecodedFile(
        "Sapphire",
        fs,
        channels,
        patient,
        Reported(date, device, _measurements(root)),
        (*warnings, *patient_warnings),
    )
    return record_from_channels(decoded, hints)


def _waveform(element: Element) -> Waveform:
    """Return the sampling rate and the channels of one rhythm."""
    rate = element.find("sampleRate")
    hertz = numbers.parse_number(attribute_of(rate, "V"))
    factor = _HERTZ_PER_UNIT.get((attribute_of(rate, "U") or "").strip().lower())
    if hertz is None or hertz <= 0 or factor is None:
        raise BadSamplingRate(
            "fs: the Sapphire file's sampleRate is not a number above 0 in Hz or kHz", loc=("fs",)
        )
    channels = []
    for waveform in element.findall("ecgWaveform"):
        name = short_name(waveform.get("lead") or waveform.get("label"))
        codes = parse_numbers(waveform.get("V"), name)
        channel = channel_or_fault(name, _channel, name, codes, waveform, element)
        _check_count(waveform, channel)
        channels.append(channel)
    return hertz * factor, channels


def _check_count(waveform: Element, channel: Channel) -> None:
    """Raise CorruptFile if a lead has more or fewer samples than the file states for it.

    A lead without samples is left out and named.
    """
    samples = len(channel.codes)
    for attribute in _SAMPLE_COUNTS:
        stated = waveform.get(attribute)
        if samples and stated is not None and numbers.parse_number(stated) != samples:
            raise CorruptFile(
                f"{channel.name}: the Sapphire file has {samples} samples, which {attribute} does "
                "not state"
            )


def _channel(name: str, codes: NDArray[np.float64], waveform: Element, group: Element) -> Channel:
    """Return one lead; scale and unit are stated by itself or by its group."""
    codes[codes == INVALID_CODE] = np.nan
    scale_text = waveform.get("S", group.get("S"))
    unit = waveform.get("U", group.get("U"))
    if scale_text is None:
        return Channel(name, codes, None)
    scale = numbers.parse_number(scale_text)
    if not scale:
        return faulty_channel(name, "its scale S is 0 or not a number")
    return Channel(name, codes, unit, scale)


def _value(root: Element, tag: str) -> str | None:
    """Return the value of the first element with this name."""
    return attribute_of(next(root.iter(tag), None), "V")


def _age_years(root: Element, date: str | None) -> float | None:
    """Return the age as stated, else as the birth date gives it at `date`."""
    stated = next(root.iter("patientAge"), None)
    if stated is not None:
        return metadata.age_in_years(stated.get("V"), stated.get("U"))
    return metadata.age_at_recording(_value(root, "birthDateTime"), date)


def _measurements(root: Element) -> dict[str, float]:
    """Return the device's measurements, the best place first."""
    median = next(root.iter("medianTemplate"), None)
    ecg = next(root.iter("ecg"), None)
    places: list[Element | None] = []
    if median is not None:
        places += [median.find(path) for path in _MEDIAN_PLACES]
    if ecg is not None:
        places += [ecg.find(path) for path in _ECG_PLACES]
    return parse_measurements(
        (name, element.get("V"))
        for name, tag in _MEASUREMENTS.items()
        for place in places
        if place is not None
        for element in place.iterfind(tag)
    )


FORMAT = Format(
    name="GE Sapphire (XML)",
    detect=lambda part: root_name(part.data) == "sapphire",
    read=read,
    about=About(
        variants="the rhythm of MAC 800, MAC 2000 and others, namespaces dcar_1 and sapphire_3",
        parser=(
            "defusedxml; our own, after what public programs read of such files; neither a file "
            "nor a description by GE was at hand"
        ),
        metadata="time, age (or computed from birth date and time), sex, device, measurements",
        ignored="the median beat, statements, measurements of single leads, shorter rhythms",
        sample_files=(),
    ),
)

"""Philips Sierra and PhilipsECG XML 1.03, 1.04 and 1.04.01 (restingecgdata): the parsed waveforms, plain or XLI-compressed.

Source: the sierra-ecg-tools project's description of the format, https://github.com/sixlettervariables/sierra-ecg-tools
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile, NoSamples, UnknownFormat
from formats import metadata
from formats.channels import Channel, DecodedFile, record_from_channels
from formats.hints import Hints
from formats.parts import About, Format, Part
from formats.xml import xli
from formats.xml.tree import parse, root_name, text_of, unbase64
from signals.leads import LEADS
from signals.record import EcgRecord, Reported

MAX_SAMPLES: Final = 1_200_000  # ten minutes at 2000 Hz
MAX_LEADS: Final = 24  # 18 in the largest sets
_MEASURED: Final = {
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
# What the reader's report shows comes first, then what the algorithm found.
_PLACES: Final = (
    "interpretations//globalmeasurements",
    "interpretations//interpretationmeasurements",
    "measurements/globalmeasurements",
    "internalmeasurements/crossleadmeasurements",
)


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The waveforms of a Philips file. Raises UnsafeFile, CorruptFile, NoSamples, UnknownFormat (another compression), ..."""
    root = parse(head.data, "Philips")
    waves = root.find("waveforms/parsedwaveforms")
    if waves is None or not (waves.text or "").strip():
        raise NoSamples("the Philips file holds no parsed waveforms", loc=("signal",))
    characteristics = root.find("dataacquisition/signalcharacteristics")
    fs, scale = _rate(waves, characteristics), _resolution(waves, characteristics)
    channels = [Channel(name, codes, "uV", scale) for name, codes in _leads(waves, fs).items()]
    acquired = root.find("dataacquisition")
    date = (
        None
        if acquired is None
        else metadata.iso_datetime(f"{acquired.get('date')}T{acquired.get('time')}")
    )
    person = root.find("patient/generalpatientdata")
    age = metadata.age_in_years(text_of(person, "age/years"), "y") or metadata.age_at_recording(
        text_of(person, "age/dateofbirth"), date
    )
    patient, said = metadata.plausible_patient(age, metadata.parse_sex(text_of(person, "sex")))
    reported = Reported(
        date,
        metadata.device_name("Philips", text_of(root, "dataacquisition/machine")),
        _measurements(root),
    )
    return record_from_channels(
        DecodedFile("Philips", fs, channels, patient, reported, said), hints
    )


def _number(
    waves: Element, characteristics: Element | None, attribute: str, *tags: str
) -> float | None:
    """1.04 has it on the waveforms, 1.03 among the signal's characteristics."""
    texts = [waves.get(attribute), *(text_of(characteristics, tag) for tag in tags)]
    return next(
        (value for text in texts if (value := metadata.parse_number(text)) is not None), None
    )


def _rate(waves: Element, characteristics: Element | None) -> float:
    fs = _number(waves, characteristics, "samplespersecond", "samplingrate")
    if not fs or fs < 0:
        raise BadSamplingRate("fs: the Philips file's sampling rate is 0 or no number", loc=("fs",))
    return fs


def _resolution(waves: Element, characteristics: Element | None) -> float:
    """Microvolts per unit."""
    scale = _number(waves, characteristics, "resolution", "signalresolution", "resolution")
    if not scale:
        raise CorruptFile("the Philips file's resolution is 0 or no number")
    return scale


def _leads(waves: Element, fs: float) -> dict[str, NDArray[np.float64]]:
    """Lead name -> (samples,) as stored, cut to the stated duration."""
    duration_ms = metadata.parse_number(waves.get("durationperchannel"))
    stated = MAX_SAMPLES if duration_ms is None else duration_ms * fs / 1000
    if not 1 <= stated <= MAX_SAMPLES:
        raise CorruptFile(
            f"the Philips file states {stated:g} samples a channel; 1 to {MAX_SAMPLES} are read"
        )
    samples = round(stated)
    names = (waves.get("leadlabels") or " ".join(LEADS)).replace(",", " ").split()
    if len(set(names)) < len(names) or len(names) > MAX_LEADS:
        raise CorruptFile(f"the Philips file names a lead twice, or more than {MAX_LEADS}")
    packed = unbase64(waves.text, "waveforms")
    compression = (
        waves.get("compression") or waves.get("compressmethod") or "Uncompressed"
    ).upper()
    if compression == "XLI" and (waves.get("compressflag") or "True").lower() == "true":
        stored = xli.unpack(packed, len(names), MAX_SAMPLES)
        return xli.with_limb_leads(
            _named(names, [channel.astype(np.float64) for channel in stored], samples, duration_ms)
        )
    if compression not in ("UNCOMPRESSED", "NONE", "XLI"):
        raise UnknownFormat("Philips waveforms in another compression than XLI are not read")
    plain = np.frombuffer(packed[: len(packed) // 2 * 2], "<i2").astype(np.float64)
    rows = plain[: len(plain) // len(names) * len(names)].reshape(len(names), -1)
    return _named(names, list(rows), samples, duration_ms)


def _named(
    names: Sequence[str],
    channels: Sequence[NDArray[np.float64]],
    samples: int,
    duration_ms: float | None,
) -> dict[str, NDArray[np.float64]]:
    """The stream has 16 channels as a rule, of which the first are the named ones."""
    if len(channels) < len(names):
        raise CorruptFile(
            f"the Philips file names {len(names)} leads; {len(channels)} channels are there"
        )
    lengths = {len(channel) for channel in channels[: len(names)]}
    if len(lengths) > 1 or (duration_ms is not None and min(lengths) < samples):
        raise CorruptFile(
            f"the Philips file states {samples} samples a channel; {min(lengths)} are there"
        )
    return {name: channel[:samples] for name, channel in zip(names, channels, strict=False)}


def _measurements(root: Element) -> dict[str, float]:
    places = [place for path in _PLACES for place in root.findall(path)]
    return metadata.parse_measurements(
        {name: _first(places, tags) for name, tags in _MEASURED.items()}
    )


def _first(places: Sequence[Element], tags: Sequence[str]) -> float | None:
    return next(
        (
            value
            for place in places
            for tag in tags
            if (value := metadata.parse_number(text_of(place, tag)))
        ),
        None,
    )


FORMAT = Format(
    name="Philips Sierra (XML)",
    detect=lambda part: root_name(part.data) == "restingecgdata",
    read=read,
    about=About(
        variants="schema 1.03, 1.04 and 1.04.01, UTF-8 and UTF-16, plain or XLI-compressed waveforms, any labelled leads",
        parser="defusedxml; our own, after the sierra-ecg-tools project's description",
        metadata="time, age, sex, device, global measurements (qtcb as qtc_ms and qtc_bazett_ms)",
        ignored="representative beats, statements; a calibration pulse at the end stays in the signal and is left out of the analysis",
        sample_files=(
            "sierra/129DYPRG_1_03.xml: a real file",
            "sierra/15lead_1_04.xml: a real file of 15 leads",
            "sierra/2020_1_04_01_utf16.xml: a real file",
        ),
    ),
)

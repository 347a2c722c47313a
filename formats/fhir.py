"""Read SampledData of FHIR Observations (R4, R4B, R5; JSON or XML, alone or in a Bundle).

Sources: https://hl7.org/fhir/R4/datatypes.html#SampledData and
https://hl7.org/fhir/R5/datatypes.html#SampledData
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from errors import (
    BadSamplingRate,
    CorruptFile,
    NoSamples,
    RecordingTooLong,
    SeveralRecordings,
)
from formats import metadata, numbers
from formats.channels import record_from_channels
from formats.decoded import Channel, DecodedFile, faulty_channel, short_name
from formats.hints import Hints
from formats.json.body import loads
from formats.lead_codes import lead_from_mdc_code
from formats.limits import MAX_CHANNELS
from formats.parts import About, Format, Part
from formats.reported.measurements import in_usual_unit, parse_measurements
from formats.reported.statements import clean_statements
from formats.xml.tree import MAX_SAMPLES_CHARS, parse_numbers, parse_xml, root_name
from signals.leads import canonical_lead
from signals.record import EcgRecord, Patient, Reported

MAX_DIMENSIONS: Final = 64
# Elements that may be repeated and are lists in JSON.
_LISTS: Final = ("component", "coding", "entry", "contained")
# Letters in place of a sample: E for an error, L and U for below and above the detection limit.
_SPECIAL: Final = frozenset("ELU")
_LETTER: Final = r"(?<!\S)[ELU](?!\S)"
_GAP_TEXT: Final = "-9e307"
_SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0}
_HERTZ: Final = ("/s", "Hz")
_MEASUREMENTS: Final = {  # by LOINC code
    "8867-4": "heart_rate_bpm",
    "8625-6": "pr_ms",
    "8633-0": "qrs_ms",
    "8634-8": "qt_ms",
    "8636-3": "qtc_ms",
}
_IMPRESSION_CODE: Final = "8601-7"  # LOINC: EKG impression
_PERSON_FIELDS: Final = {"name": ("family", "given", "text"), "identifier": ("value",)}
_MAX_NAMES: Final = 20  # of one person
_BOM: Final = b"\xef\xbb\xbf"
_JSON_HEAD_BYTES: Final = 65_536

Node = Mapping[str, Any]


@dataclass(frozen=True)
class _Sampled:
    """A SampledData element with the code of its Observation or component."""

    code: Node
    data: Node


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Read the one Observation with SampledData, or several of the same time with one lead each.

    Raises NoSamples, SeveralRecordings, BadSamplingRate, CorruptFile, UnsafeFile, and the errors of
    `channels.record_from_channels`.
    """
    resources = list(_resources(_parse_document(head.data)))
    observations: list[Node] = []
    channels: list[Channel] = []
    special: set[str] = set()
    for resource in resources:
        sampled = list(_sampled(resource))
        if sampled:
            observations.append(resource)
        for element in sampled:
            channels += _channels_or_fault(element, special)
            if len(channels) > MAX_CHANNELS:
                raise CorruptFile(
                    f"the FHIR resource has more than {MAX_CHANNELS} channels of SampledData"
                )
    if not observations:
        raise NoSamples("the FHIR resource holds no SampledData", loc=("signal",))
    if len(observations) > 1 and not _is_one_recording(observations, channels):
        raise SeveralRecordings(
            f"{len(observations)} Observations with SampledData in the FHIR bundle; they are not "
            "the leads of one recording, send one at a time"
        )
    warnings: tuple[str, ...] = ()
    if special:
        warnings = (
            "signal: samples that the FHIR resource marks as errors or beyond the detection "
            "limits are gaps",
        )
    observation = observations[0]
    date = metadata.iso_datetime(_start(observation))
    patient, patient_warnings = _patient(resources, date)
    device = metadata.device_name(_string(_node(observation.get("device")).get("display")))
    reported = Reported(date, device, _measurements(observation), _statements(resources))
    decoded = DecodedFile("FHIR", None, channels, patient, reported, (*warnings, *patient_warnings))
    return record_from_channels(decoded, hints)


def _is_one_recording(observations: Sequence[Node], channels: Sequence[Channel]) -> bool:
    """Return whether the observations are different leads of the same time, rate and length.

    Some writers create an Observation for each lead.
    """
    leads = [canonical_lead(channel.name) for channel in channels]
    if None in leads or len(set(leads)) < len(leads):
        return False
    layouts = {(channel.fs, len(channel.codes)) for channel in channels if not channel.fault}
    starts = {_start(observation) for observation in observations}
    return len(layouts) == 1 and len(starts) == 1


def _start(observation: Node) -> str | None:
    period = _node(observation.get("effectivePeriod"))
    return _string(observation.get("effectiveDateTime")) or _string(period.get("start"))


def _parse_document(data: bytes) -> object:
    """Parse JSON, or XML to the same structure."""
    if data.lstrip().removeprefix(_BOM).startswith(b"{"):
        return loads(data)
    root = parse_xml(data, "FHIR")
    return _as_json(root) | {"resourceType": root.tag}


def _as_json(element: Element) -> dict[str, Any]:
    """Convert an XML element to the dictionary that its JSON form would give.

    A leaf's value is in an attribute; elements that may be repeated become lists.
    """
    node: dict[str, Any] = {}
    for child in element:
        value: Any
        if len(child) == 0:
            value = child.get("value")
        elif child.tag in ("resource", "contained"):
            value = _as_json(child[0]) | {"resourceType": child[0].tag}
        else:
            value = _as_json(child)
        if child.tag in _LISTS:
            node.setdefault(child.tag, []).append(value)
        else:
            node.setdefault(child.tag, value)
    return node


def _node(value: object) -> Node:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def _nodes(value: object) -> list[Node]:
    """Return the objects in a list; an empty list for anything else."""
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, Mapping)]


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _resources(document: object) -> Iterator[Node]:
    """Yield the document, the resources that it contains, and the entries of a bundle."""
    node = _node(document)
    yield node
    yield from _nodes(node.get("contained"))
    for entry in _nodes(node.get("entry")):
        yield _node(entry.get("resource"))


def _sampled(resource: Node) -> Iterator[_Sampled]:
    """Yield the SampledData of an Observation and of its components."""
    if resource.get("resourceType") != "Observation":
        return
    for element in (resource, *_nodes(resource.get("component"))):
        data = element.get("valueSampledData")
        if isinstance(data, Mapping):
            yield _Sampled(_node(element.get("code")), data)


def sampled_channels(observation: Node) -> list[Channel]:
    """Return the channels of an Observation; NaN for samples that are errors or beyond limits.

    A channel that cannot be read has its `error`. Raises CorruptFile, RecordingTooLong.
    """
    channels: list[Channel] = []
    for element in _sampled(observation):
        channels += _channels_or_fault(element, set())
        if len(channels) > MAX_CHANNELS:
            raise CorruptFile(f"more than {MAX_CHANNELS} channels of SampledData")
    return channels


def _channels_or_fault(sampled: _Sampled, special: set[str]) -> list[Channel]:
    """Return the channels of an element, or a faulty one, so that the others can still be read.

    Raises CorruptFile for damaged samples.
    """
    name = _lead_name(sampled.code)
    samples = _samples(sampled.data.get("data"), name, special)
    try:
        return _channels(sampled.data, name, samples)
    except (CorruptFile, BadSamplingRate) as error:
        return [faulty_channel(name, error.detail.removeprefix(f"{name}: "), error)]


def _channels(data: Node, name: str, samples: NDArray[np.float64]) -> list[Channel]:
    """Return the channels with value = origin + sample x factor, in origin's unit.

    Several dimensions are interleaved; each becomes a channel with a number after its name. Raises
    CorruptFile, BadSamplingRate.
    """
    origin = _node(data.get("origin"))
    factor = numbers.parse_number(data.get("factor", 1))
    zero = numbers.parse_number(origin.get("value", 0))
    count = _dimensions(data)
    if not factor:
        raise CorruptFile(f"{name}: factor of the FHIR SampledData is 0 or not a number")
    if zero is None:
        raise CorruptFile(f"{name}: origin of the FHIR SampledData is not a number")
    if count is None:
        raise CorruptFile(
            f"{name}: dimensions of the FHIR SampledData is not a whole number from 1 to "
            f"{MAX_DIMENSIONS}"
        )
    if len(samples) % count:
        raise CorruptFile(
            f"{name}: {len(samples)} samples of the FHIR SampledData; not a multiple of its "
            f"{count} dimensions"
        )
    unit = _string(origin.get("code")) or _string(origin.get("unit"))
    fs = _sampling_rate(data)
    names = [name] if count == 1 else [f"{name} {number}" for number in range(1, count + 1)]
    rows = samples.reshape(-1, count).T
    return [
        Channel(channel_name, row, unit, factor, zero, fs)
        for channel_name, row in zip(names, rows, strict=True)
    ]


def _dimensions(data: Node) -> int | None:
    """Return the number of dimensions, or None if it is invalid."""
    dimensions = numbers.parse_number(data.get("dimensions", 1))
    if dimensions is None or not 1 <= dimensions <= MAX_DIMENSIONS:
        return None
    return int(dimensions) if dimensions == int(dimensions) else None


def _lead_name(code: Node) -> str:
    """Return the lead of an MDC code, else the first text that names a lead, else any text."""
    codings = _nodes(code.get("coding"))
    for coding in codings:
        lead = lead_from_mdc_code(_string(coding.get("code")) or "")
        if lead:
            return lead
    texts: list[str] = []
    for coding in codings:
        texts += [_string(coding.get("code")) or "", _string(coding.get("display")) or ""]
    texts.append(_string(code.get("text")) or "")
    texts = [text for text in texts if text]
    for text in texts:
        if canonical_lead(text):
            return text
    return short_name(texts[0]) if texts else ""


def _sampling_rate(data: Node) -> float:
    """Return samples per second from period (R4, in ms) or interval and intervalUnit (R5).

    Raises BadSamplingRate.
    """
    unit = _string(data.get("intervalUnit")) or "ms"
    interval = data.get("interval") if "interval" in data else data.get("period")
    step = numbers.parse_number(interval)
    fs: float | None = None
    if unit in _HERTZ:
        fs = step
    elif step and unit in _SECONDS:
        seconds = step * _SECONDS[unit]
        fs = 1.0 / seconds if seconds else None
    if fs is None or fs <= 0:
        raise BadSamplingRate(
            "fs: period (or interval) of the FHIR SampledData is missing, not positive or in an "
            "unknown unit",
            loc=("fs",),
        )
    # Remove the rounding errors of 1 / seconds.
    return round(fs, 6)


def _samples(text: object, name: str, special: set[str]) -> NDArray[np.float64]:
    """Return the samples (samples,) with NaN for special letters, which are added to `special`.

    Raises CorruptFile.
    """
    if not isinstance(text, str):
        raise CorruptFile(f"{name}: the FHIR SampledData holds no data")
    if not any(letter in text for letter in _SPECIAL):
        return parse_numbers(text, name)
    if len(text) > MAX_SAMPLES_CHARS:
        raise RecordingTooLong(
            f"{name}: {len(text)} characters of samples; the limit is {MAX_SAMPLES_CHARS}"
        )
    # Letters are replaced by a number that no sample has, so that the text can be parsed.
    special |= {letter for letter in _SPECIAL if re.search(_LETTER.replace("ELU", letter), text)}
    values = numbers.number_array(re.sub(_LETTER, _GAP_TEXT, text))
    if values is None:
        raise CorruptFile(f"{name}: a sample is not a number")
    values[values == float(_GAP_TEXT)] = np.nan
    return values


def _patient(resources: Sequence[Node], date: str | None) -> tuple[Patient, tuple[str, ...]]:
    """Return age and sex of the first Patient resource, with warnings."""
    person: Node = {}
    for resource in resources:
        if resource.get("resourceType") == "Patient":
            person = resource
            break
    age = metadata.age_at_recording(_string(person.get("birthDate")), date)
    return metadata.plausible_patient(age, metadata.parse_sex(_string(person.get("gender"))))


def _measurements(observation: Node) -> dict[str, float]:
    """Return the measurements in components with a known LOINC code."""
    stated = []
    for component in _nodes(observation.get("component")):
        quantity = _node(component.get("valueQuantity"))
        unit = _string(quantity.get("code")) or _string(quantity.get("unit"))
        for coding in _nodes(_node(component.get("code")).get("coding")):
            name = _MEASUREMENTS.get(_string(coding.get("code")) or "")
            if name is not None:
                stated.append((name, in_usual_unit(name, quantity.get("value"), unit)))
                break
    return parse_measurements(stated)


def _statements(resources: Sequence[Node]) -> tuple[str, ...]:
    """Return the conclusions of reports, and observations of the ECG's impression."""
    lines: list[str | None] = []
    persons: list[str | None] = []
    for resource in resources:
        kind = resource.get("resourceType")
        if kind == "DiagnosticReport":
            lines.append(_string(resource.get("conclusion")))
        elif kind == "Observation":
            for element in (resource, *_nodes(resource.get("component"))):
                if _IMPRESSION_CODE in _codes(element):
                    concept = _node(element.get("valueCodeableConcept"))
                    lines.append(_string(element.get("valueString")))
                    lines.append(_string(concept.get("text")))
        elif kind in ("Patient", "Practitioner"):
            persons += _persons(resource)
    return clean_statements(lines, persons)


def _codes(element: Node) -> list[object]:
    return [coding.get("code") for coding in _nodes(_node(element.get("code")).get("coding"))]


def _persons(resource: Node) -> Iterator[str]:
    """Yield names and identifiers of a Patient or Practitioner, which no statement may have."""
    for field, keys in _PERSON_FIELDS.items():
        values = resource.get(field)
        # In XML, there is one name, not a list.
        for value in islice(values if isinstance(values, list) else [values], _MAX_NAMES):
            for key in keys:
                texts = _node(value).get(key)
                yield from filter(None, map(_string, texts if isinstance(texts, list) else [texts]))


def _detect(part: Part) -> bool:
    start = part.data[:_JSON_HEAD_BYTES].removeprefix(_BOM).lstrip()
    if start.startswith(b"{"):
        return b'"resourceType"' in part.data
    return root_name(part.data) in ("Observation", "Bundle")


FORMAT = Format(
    name="FHIR Observation",
    detect=_detect,
    read=read,
    about=About(
        variants="SampledData of an Observation or its components, R4 to R5, JSON and XML, alone "
        "or in a Bundle, also one Observation per lead; leads by MDC code or by name",
        parser="orjson, defusedxml; our own, from the specification at hl7.org/fhir",
        metadata=(
            "time, device, age and sex of a Patient resource, intervals by LOINC code, conclusions "
            "of DiagnosticReports and impressions (LOINC 8601-7)"
        ),
        ignored="all other resources and fields; a bundle with several recordings is refused",
        sample_files=(
            "fhir/made_observation_12lead_100hz.json: made from a real recording",
            "fhir/hl7_example_ekg_three_leads.xml: the standard's example, 1.16 s",
        ),
    ),
)

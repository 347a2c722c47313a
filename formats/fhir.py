"""FHIR Observation (R4, R4B, R5; JSON or XML, alone or in a Bundle): SampledData on leads.

Source: https://hl7.org/fhir/R4/datatypes.html#SampledData and https://hl7.org/fhir/R5/datatypes.html#SampledData
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from errors import BadSamplingRate, CorruptFile, NoSamples, SeveralRecordings
from formats import metadata
from formats.channels import Channel, DecodedFile, record_from_channels
from formats.hints import Hints
from formats.json.body import loads
from formats.lead_codes import lead_from_mdc_code
from formats.parts import About, Format, Part
from formats.xml.tree import parse_numbers, parse_xml, root_name
from signals.leads import canonical_lead
from signals.record import EcgRecord, Patient, Reported

_LISTS: Final = ("component", "coding", "entry", "contained")
_SPECIAL: Final = frozenset("ELU")  # error, below and above the detection limit
_SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0}
_HERTZ: Final = ("/s", "Hz")
MAX_DIMENSIONS: Final = 64
_MEASURED: Final = {  # LOINC
    "8867-4": "heart_rate_bpm",
    "8625-6": "pr_ms",
    "8633-0": "qrs_ms",
    "8634-8": "qt_ms",
    "8636-3": "qtc_ms",
}
_JSON_HEAD_BYTES: Final = 65_536

Node = Mapping[str, Any]


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The one Observation with SampledData, or several of one time with a lead each.

    Raises NoSamples, SeveralRecordings, BadSamplingRate, CorruptFile, UnsafeFile, ...
    """
    resources = list(_resources(_document(head.data)))
    found = [(one, samples) for one in resources if (samples := list(_sampled(one)))]
    if not found:
        raise NoSamples("the FHIR resource holds no SampledData", loc=("signal",))
    special: set[str] = set()
    channels = [
        channel
        for _, sampled in found
        for code, data in sampled
        for channel in _channels(code, data, special)
    ]
    if len(found) > 1 and not _is_one_recording(found, channels):
        raise SeveralRecordings(
            f"{len(found)} Observations with SampledData in the FHIR bundle that are not one lead each; one is read"
        )
    observation = found[0][0]
    said = (
        ("signal: samples that the FHIR resource marks as errors or beyond its limits are gaps",)
        if special
        else ()
    )
    date = metadata.iso_datetime(_begins(observation))
    patient, patient_said = _patient(resources, date)
    device = metadata.device_name(_text(_node(observation.get("device")).get("display")))
    reported = Reported(date, device, _measurements(observation))
    return record_from_channels(
        DecodedFile("FHIR", None, channels, patient, reported, (*said, *patient_said)), hints
    )


def _is_one_recording(found: Sequence[tuple[Node, object]], channels: Sequence[Channel]) -> bool:
    """Observations of other leads, one rate, one length and the same time: some write an Observation for each lead."""
    leads = [canonical_lead(channel.name) for channel in channels]
    apart = None not in leads and len(set(leads)) == len(leads)
    return (
        apart
        and len({(channel.fs, len(channel.codes)) for channel in channels}) == 1
        and len({_begins(one) for one, _ in found}) == 1
    )


def _begins(observation: Node) -> str | None:
    return _text(observation.get("effectiveDateTime")) or _text(
        _node(observation.get("effectivePeriod")).get("start")
    )


def _document(data: bytes) -> object:
    if data.lstrip().removeprefix(b"\xef\xbb\xbf").startswith(b"{"):
        return loads(data)
    root = parse_xml(data, "FHIR")
    return _as_json(root) | {"resourceType": root.tag}


def _as_json(element: Element) -> dict[str, Any]:
    """XML as its JSON would be: a leaf's value stands in an attribute, what may be repeated is a list."""
    found: dict[str, Any] = {}
    for child in element:
        value: Any = child.get("value") if len(child) == 0 else _as_json(child)
        if child.tag in ("resource", "contained") and len(child):
            value = _as_json(child[0]) | {"resourceType": child[0].tag}
        if child.tag in _LISTS:
            found.setdefault(child.tag, []).append(value)
        else:
            found.setdefault(child.tag, value)
    return found


def _node(value: object) -> Node:
    return value if isinstance(value, Mapping) else {}


def _nodes(value: object) -> list[Node]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _resources(document: object) -> Iterator[Node]:
    """The document itself, what it contains, and the entries of a bundle."""
    node = _node(document)
    yield node
    yield from _nodes(node.get("contained"))
    for entry in _nodes(node.get("entry")):
        yield _node(entry.get("resource"))


def _sampled(resource: Node) -> Iterator[tuple[Node, Node]]:
    """(code, SampledData) of an Observation and its components."""
    if resource.get("resourceType") != "Observation":
        return
    for place in (resource, *_nodes(resource.get("component"))):
        if isinstance(place.get("valueSampledData"), Mapping):
            yield _node(place.get("code")), _node(place["valueSampledData"])


def _channels(code: Node, data: Node, special: set[str]) -> list[Channel]:
    """value = origin + sample x factor, in origin's unit; several dimensions lie interleaved."""
    name, origin = _lead(code), _node(data.get("origin"))
    factor, zero = (
        metadata.parse_number(data.get("factor", 1)),
        metadata.parse_number(origin.get("value", 0)),
    )
    dimensions = metadata.parse_number(data.get("dimensions", 1))
    if (
        not factor
        or zero is None
        or dimensions is None
        or not 1 <= dimensions <= MAX_DIMENSIONS
        or dimensions != int(dimensions)
    ):
        raise CorruptFile(
            f"{name}: factor, origin or dimensions of the FHIR SampledData is 0, no number or too many"
        )
    samples, count = _samples(data.get("data"), name, special), int(dimensions)
    if len(samples) % count:
        raise CorruptFile(
            f"{name}: {len(samples)} samples of the FHIR SampledData in {count} dimensions"
        )
    unit, fs = _text(origin.get("code")) or _text(origin.get("unit")), _rate(data)
    rows = samples.reshape(-1, count).T
    names = [name] if count == 1 else [f"{name} {row}" for row in range(1, count + 1)]
    return [Channel(one, row, unit, factor, zero, fs) for one, row in zip(names, rows, strict=True)]


def _lead(code: Node) -> str:
    """The lead by an MDC code, else by whatever names one."""
    codings = _nodes(code.get("coding"))
    coded = next(
        (lead for one in codings if (lead := lead_from_mdc_code(_text(one.get("code")) or ""))),
        None,
    )
    texts = [
        text
        for one in (*codings, {"display": code.get("text")})
        for key in ("code", "display")
        if (text := _text(one.get(key)))
    ]
    return coded or next(
        (text for text in texts if canonical_lead(text)), texts[0] if texts else ""
    )


def _rate(data: Node) -> float:
    """1000 / period in ms (R4), or of interval and intervalUnit (R5)."""
    unit = _text(data.get("intervalUnit")) or "ms"
    step = metadata.parse_number(data.get("interval") if "interval" in data else data.get("period"))
    seconds = step * _SECONDS[unit] if step and unit in _SECONDS else None
    fs = step if unit in _HERTZ else 1.0 / seconds if seconds else None
    if fs is None or fs <= 0:
        raise BadSamplingRate(
            "fs: period (or interval) of the FHIR SampledData is 0, no number or in an unknown unit",
            loc=("fs",),
        )
    return round(fs, 6)


def _samples(text: object, name: str, special: set[str]) -> NDArray[np.float64]:
    if not isinstance(text, str):
        raise CorruptFile(f"{name}: the FHIR SampledData holds no data")
    if not _SPECIAL & set(text):
        return parse_numbers(text, name)
    tokens = text.split()
    marked = [row for row, token in enumerate(tokens) if token in _SPECIAL]
    special.update(tokens[row] for row in marked)
    for row in marked:
        tokens[row] = "0"
    values = parse_numbers(" ".join(tokens), name)
    values[marked] = np.nan
    return values


def _patient(resources: Sequence[Node], date: str | None) -> tuple[Patient, tuple[str, ...]]:
    person = next((one for one in resources if one.get("resourceType") == "Patient"), {})
    return metadata.plausible_patient(
        metadata.age_at_recording(_text(person.get("birthDate")), date),
        metadata.parse_sex(_text(person.get("gender"))),
    )


def _measurements(observation: Node) -> dict[str, float]:
    found: dict[str, object] = {}
    for component in _nodes(observation.get("component")):
        codes = [
            _text(one.get("code")) or ""
            for one in _nodes(_node(component.get("code")).get("coding"))
        ]
        name = next((_MEASURED[code] for code in codes if code in _MEASURED), None)
        if name is not None:
            found.setdefault(name, _node(component.get("valueQuantity")).get("value"))
    return metadata.parse_measurements(found)


def _detect(part: Part) -> bool:
    start = part.data[:_JSON_HEAD_BYTES]
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return b'"resourceType"' in part.data
    return root_name(part.data) in ("Observation", "Bundle")


FORMAT = Format(
    name="FHIR Observation",
    detect=_detect,
    read=read,
    about=About(
        variants="SampledData of an Observation or its components, R4 to R5, JSON and XML, alone or in a Bundle, "
        "also one for each lead; leads on MDC codes or named",
        parser="orjson, defusedxml; our own, after hl7.org/fhir",
        metadata="time, device, age and sex of a Patient beside it, intervals on LOINC codes",
        ignored="every other resource and field; a bundle with several recordings is refused",
        sample_files=(
            "fhir/made_observation_12lead_100hz.json: made from a real recording",
            "fhir/hl7_example_ekg_three_leads.xml: the standard's example, 1.16 s",
        ),
    ),
)

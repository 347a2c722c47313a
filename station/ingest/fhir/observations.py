"""FHIR Observations with SampledData, alone or in a Bundle, as frames.

https://hl7.org/fhir/R4/observation.html, https://hl7.org/fhir/R4/datatypes.html#SampledData and
https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import orjson

from errors import (
    BadOption,
    BadType,
    EcgError,
    MalformedBody,
    MissingField,
    NoSamples,
)
from formats.decoded import Channel
from formats.fhir import sampled_channels
from signals.units import millivolt_per_unit
from station.ingest.observed import ObservationPost, ObservedLead, frames_of, lead_of
from station.ingest.parse import ParsedPost
from station.names import NAME_RULE, is_name
from station.times import SECOND_MS

Node = Mapping[str, Any]

# Of a transaction all entries would have to be stored, or none.
BUNDLE_TYPES: Final = ("batch", "collection")
# Observations that are not, or no longer, of the patient.
_VOID: Final = ("entered-in-error", "cancelled")


@dataclass(frozen=True)
class ObservationRequest:
    """A body after the checks that need nothing but its content.

    entries    of each resource the indices of its frames in the post
    is_bundle  whether the resources are the entries of a Bundle
    """

    parsed: ParsedPost
    entries: list[range]
    is_bundle: bool


def parse_observations(body: bytes, only_source: str | None, max_frames: int) -> ObservationRequest:
    """Return what a body asks to store.

    only_source  the source that the sender may speak for, of resources that name none
    Raises MalformedBody, BadOption, MissingField, TooManyRecords.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"body: no JSON at line {error.lineno}, column {error.colno}") from None
    kind = document.get("resourceType") if isinstance(document, dict) else None
    if kind not in ("Observation", "Bundle"):
        raise MissingField("resourceType: Observation or Bundle is required", loc=("resourceType",))
    resources = [document] if kind == "Observation" else _entries(document)
    post = ObservationPost(max_frames)
    entries = [_added(post, resource, only_source) for resource in resources]
    return ObservationRequest(post.parsed(), entries, kind == "Bundle")


def _entries(bundle: Node) -> list[Any]:
    """Return the resources of a Bundle. Raises BadOption, MissingField."""
    if bundle.get("type") not in BUNDLE_TYPES:
        raise BadOption(
            f"type: allowed are {', '.join(BUNDLE_TYPES)}; each entry is stored or not by itself",
            loc=("type",),
        )
    entries = bundle.get("entry")
    if not isinstance(entries, list):
        raise MissingField("entry: a list is required", loc=("entry",))
    return [entry.get("resource") if isinstance(entry, dict) else None for entry in entries]


def _added(post: ObservationPost, resource: Any, only_source: str | None) -> range:
    try:
        return post.add(_frames(resource, only_source))
    except EcgError as error:
        return post.refuse(error.detail, _text(resource))


def _text(resource: Any) -> bytes:
    """Return a resource as JSON again. Raises MalformedBody for lists in lists without an end."""
    try:
        return orjson.dumps(resource)
    except orjson.JSONEncodeError:
        raise MalformedBody("body: too many lists or objects within each other") from None


def _frames(resource: Any, only_source: str | None) -> list[bytes]:
    """Return the frames of an Observation. Raises EcgError."""
    if not isinstance(resource, dict) or resource.get("resourceType") != "Observation":
        raise BadType("resourceType: Observation is required")
    if resource.get("status") in _VOID:
        raise BadOption(f"status: {resource['status']}; such an observation is not stored")
    source = _identified(resource, "device", "Device") or only_source
    if source is None:
        raise MissingField("device: a reference or identifier of the source is required")
    patient = _identified(resource, "subject", "Patient")
    if patient is None:
        raise MissingField("subject: a reference or identifier of the patient is required")
    start_ms = _start_ms(resource)
    leads = [_lead(channel, start_ms) for channel in sampled_channels(resource)]
    if not leads:
        raise NoSamples("the Observation has no SampledData")
    return frames_of(source, patient, leads)


def _identified(resource: Node, field: str, kind: str) -> str | None:
    """Return the name in a Reference: its identifier, else the id of the resource it points to.

    Raises BadType.
    """
    reference = resource.get(field)
    if not isinstance(reference, dict):
        return None
    identifier = reference.get("identifier")
    name = identifier.get("value") if isinstance(identifier, dict) else None
    target = reference.get("reference")
    if name is None and isinstance(target, str):
        place, _, name = target.rpartition("/")
        if place.rpartition("/")[2] != kind:
            raise BadType(f"{field}: a reference to a {kind} is required: {kind}/NAME")
    if name is not None and not (isinstance(name, str) and is_name(name)):
        raise BadType(f"{field}: {NAME_RULE}")
    return name


def _start_ms(resource: Node) -> int:
    """Return the time of the first sample. Raises MissingField."""
    period = resource.get("effectivePeriod")
    texts = [
        *(resource.get(name) for name in ("effectiveDateTime", "effectiveInstant")),
        period.get("start") if isinstance(period, dict) else None,
    ]
    text = next((text for text in texts if isinstance(text, str)), "")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None:
        raise MissingField("effective[x]: a date and time with a time zone is required")
    return round(moment.timestamp() * SECOND_MS)


def _lead(channel: Channel, start_ms: int) -> ObservedLead:
    """Raises what is wrong with the channel, BadOption, BadType."""
    if channel.error is not None:
        raise channel.error
    lead = lead_of(channel.name)
    if lead is None:
        raise BadType(f"code: {channel.name[:40]!a}; a code of an ECG lead is required")
    scale = millivolt_per_unit(channel.unit or "")
    if scale is None:
        raise BadOption(f"{lead}: origin has no unit of voltage, such as mV")
    with np.errstate(over="ignore"):
        values = ((channel.codes * channel.scale + channel.offset) * scale).astype(np.float32)
    assert channel.fs is not None
    return ObservedLead(lead, values, channel.fs, start_ms)

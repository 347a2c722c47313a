"""The format of the answer, from the Accept header (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from formats.numbers import number_of_text
from server.ipc.messages import WireFormat
from server.media_types import DICOM, FHIR_JSON, JSON, MSGPACK_NAMES, NDJSON, NPY, PDF, PNG
from server.recording_routes import Route

WIRE_OF: Final[dict[str, WireFormat]] = {
    JSON: "json",
    **dict.fromkeys(MSGPACK_NAMES, "msgpack"),
    NPY: "npy",
    FHIR_JSON: "fhir",
    PDF: "pdf",
    PNG: "png",
    DICOM: "dicom",
}
# Formats of some routes; the others are formats of every route.
ROUTES_OF: Final[dict[WireFormat, tuple[Route, ...]]] = {
    "npy": ("extract_features",),
    "fhir": ("analyze", "diagnosis"),
    "pdf": ("analyze",),
    "png": ("analyze",),
    "dicom": ("analyze",),
}
WILDCARDS: Final = ("*/*", "application/*")


@dataclass(frozen=True)
class AnswerFormat:
    """`lines` means NDJSON: a line of JSON for each recording as soon as it is done."""

    wire: WireFormat = "json"
    lines: bool = False


def accepted_format(accept: str, route: Route) -> AnswerFormat:
    """Return the format that the client prefers among those of the route.

    JSON where the client accepts none of them: an answer in JSON helps more than a refusal.
    """
    for media_type in by_preference(accept):
        if media_type == NDJSON:
            return AnswerFormat(lines=True)
        wire = WIRE_OF.get(media_type)
        if wire is not None and route in ROUTES_OF.get(wire, (route,)):
            return AnswerFormat(wire)
        if media_type in WILDCARDS:
            return AnswerFormat()
    return AnswerFormat()


def by_preference(accept: str) -> list[str]:
    """Return the media types by descending weight, those of one weight in the header's order.

    Types with the weight 0 are not acceptable and left out.
    """
    weighted: list[tuple[float, str]] = []
    for entry in accept.split(","):
        media_type, _, parameters = entry.partition(";")
        weight = _weight(parameters)
        if weight > 0:
            weighted.append((weight, media_type.strip().lower()))
    weighted.sort(key=lambda pair: -pair[0])
    return [media_type for _, media_type in weighted]


def _weight(parameters: str) -> float:
    """Return the parameter q: 1 where it is missing, 0 where it is not a number."""
    weight = 1.0
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            weight = number_of_text(value) or 0.0
    return weight

"""From an Accept header to the form of the answer."""

from __future__ import annotations

from dataclasses import dataclass

from server.ipc.messages import WireFormat
from server.media_types import FHIR_JSON, JSON, MSGPACK_NAMES, NDJSON, NPY
from server.recording_routes import Route

WIRE_OF: dict[str, WireFormat] = {
    JSON: "json",
    **dict.fromkeys(MSGPACK_NAMES, "msgpack"),
    NPY: "npy",
    FHIR_JSON: "fhir",
}
ROUTES_OF: dict[WireFormat, Route] = {
    "npy": "extract_features",
    "fhir": "analyze",
}  # the others are every route's


@dataclass(frozen=True)
class Wanted:
    """`lines`: a line of JSON for each recording as soon as it is done."""

    wire: WireFormat = "json"
    lines: bool = False


def wanted_of(accept: str, route: Route) -> Wanted:
    """The first form in the client's order of preference that the route has; JSON where none is."""
    for kind in _by_preference(accept):
        if kind == NDJSON:
            return Wanted(lines=True)
        wire = WIRE_OF.get(kind)
        if wire is not None and ROUTES_OF.get(wire, route) == route:
            return Wanted(wire)
        if kind in ("*/*", "application/*"):
            return Wanted()
    return Wanted()


def _by_preference(accept: str) -> list[str]:
    weighted: list[tuple[float, str]] = []
    for entry in accept.split(","):
        kind, _, parameters = entry.partition(";")
        weight = 1.0
        for parameter in parameters.split(";"):
            name, _, value = parameter.strip().partition("=")
            if name == "q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
        if weight > 0:
            weighted.append((-weight, kind.strip().lower()))
    return [kind for _, kind in sorted(weighted, key=lambda pair: pair[0])]

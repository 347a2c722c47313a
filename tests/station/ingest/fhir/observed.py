"""FHIR Observations with SampledData, as a device sends them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import orjson
from fhir.resources.R4B.observation import Observation

CODES = {"I": "131329", "II": "131330"}


def moment(back_s: float = 2.0) -> str:
    return datetime.fromtimestamp(time.time() - back_s, UTC).isoformat(timespec="milliseconds")


def sampled(data: str = "0 100 E U L -100", **changes: Any) -> dict[str, Any]:
    plain = {"origin": {"value": 10, "unit": "uV"}, "period": 4, "factor": 2.5, "dimensions": 1}
    return {**plain, "data": data, **changes}


def observation(**changes: Any) -> dict[str, Any]:
    """Return an Observation of two leads; None removes an element."""
    components = [
        {
            "code": {"coding": [{"system": "urn:iso:std:iso:11073:10101", "code": code}]},
            "valueSampledData": sampled(),
        }
        for code in CODES.values()
    ]
    plain = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "11524-6"}]},
        "subject": {"reference": "Patient/p-1"},
        "device": {"reference": "Device/watch-1"},
        "effectiveDateTime": moment(),
        "component": components,
    }
    content = {name: value for name, value in {**plain, **changes}.items() if value is not None}
    Observation.model_validate_json(orjson.dumps(content))
    return content

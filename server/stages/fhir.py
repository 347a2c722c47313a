"""An analysis as FHIR R4: a Bundle of the ECG (SampledData for each lead), what was measured, what was found, and a DiagnosticReport.

Codes: leads and durations by ISO/IEEE 11073-10101/10102 (MDC; leads as in HL7's own example Observation/ekg, durations as in DICOM
CID 3689), and LOINC where it has the term. Nothing in it is newer than R4, and there is no Patient: the server knows none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from numpy.typing import NDArray

Resource = dict[str, Any]

PARTS: Final = (
    "clinical_analysis",
    "labels",
    "superclass",
    "pacemaker",
    "measurements",
    "quality",
    "signal",
    "reported",
)
MDC, LOINC, UCUM = "urn:oid:2.16.840.1.113883.6.24", "http://loinc.org", "http://unitsofmeasure.org"
CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
NOT_MEASURED: Final = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
            "code": "unknown",
            "display": "Unknown",
        }
    ]
}
LEAD_CODES: Final = {
    "I": "131329",
    "II": "131330",
    "III": "131389",
    "aVR": "131390",
    "aVL": "131391",
    "aVF": "131392",
    **{f"V{number}": str(131330 + number) for number in range(1, 7)},
}
# What is measured -> text, unit as people write it, unit in UCUM, MDC code and name, LOINC code and name.
QUANTITIES: Final[
    dict[str, tuple[str, str, str, tuple[str, str] | None, tuple[str, str] | None]]
] = {
    "heart_rate_bpm": (
        "Heart rate",
        "beats/min",
        "/min",
        ("147842", "MDC_ECG_HEART_RATE"),
        ("8867-4", "Heart rate"),
    ),
    "rr_ms": ("RR interval", "ms", "ms", ("147072", "MDC_ECG_TIME_PD_RR_GL"), None),
    "pr_ms": (
        "PR interval",
        "ms",
        "ms",
        ("146944", "MDC_ECG_TIME_PD_PR_GL"),
        ("8625-6", "P-R Interval"),
    ),
    "p_duration_ms": ("P duration", "ms", "ms", ("147256", "MDC_ECG_TIME_PD_P_GL"), None),
    "qrs_ms": (
        "QRS duration",
        "ms",
        "ms",
        ("147228", "MDC_ECG_TIME_PD_QRS_GL"),
        ("8633-0", "QRS duration"),
    ),
    "qt_ms": (
        "QT interval",
        "ms",
        "ms",
        ("147232", "MDC_ECG_TIME_PD_QT_GL"),
        ("8634-8", "Q-T interval"),
    ),
    "qtc_bazett_ms": (
        "QTc interval (Bazett)",
        "ms",
        "ms",
        None,
        ("8636-3", "Q-T interval corrected"),
    ),
    "qtc_fridericia_ms": (
        "QTc interval (Fridericia)",
        "ms",
        "ms",
        None,
        ("8636-3", "Q-T interval corrected"),
    ),
    "p_axis_deg": ("P axis", "deg", "deg", ("147200", "MDC_ECG_ANGLE_P_FRONT"), None),
    "qrs_axis_deg": (
        "QRS axis",
        "deg",
        "deg",
        ("147204", "MDC_ECG_ANGLE_QRS_FRONT"),
        ("8632-2", "QRS axis"),
    ),
    "t_axis_deg": ("T axis", "deg", "deg", None, ("8638-9", "T wave axis")),
}
STEP_MV: Final = 0.001  # of the whole numbers in SampledData: a microvolt
# FHIR's dateTime with a time of day needs a zone, which recordings seldom say; the day alone is then what can be said.
_DATE_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?")


def bundle(answer: Mapping[str, Any]) -> Resource:
    """An /analyze answer with `PARTS` and a request id -> a Bundle of type collection."""
    about = _about(answer)
    resources = {
        "ecg": _ecg(answer, about),
        "measurements": _measurements(answer, about),
        "findings": _findings(answer, about),
    }
    there = {
        _url(answer, name): resource for name, resource in resources.items() if resource is not None
    }
    report = {"fullUrl": _url(answer, "report"), "resource": _report(answer, about, list(there))}
    entries = [{"fullUrl": url, "resource": resource} for url, resource in there.items()]
    identifier = {"system": "urn:ietf:rfc:3986", "value": _url(answer, "bundle")}
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "identifier": identifier,
        "entry": [report, *entries],
    }


def collection(results: Iterable[bytes]) -> bytes:
    """Bundles, and OperationOutcomes of what failed, each as bytes, as one Bundle in the order of the records."""
    return (
        b'{"resourceType":"Bundle","type":"collection","entry":['
        + b",".join(b'{"resource":' + each + b"}" for each in results)
        + b"]}"
    )


def operation_outcome(problem: Mapping[str, Any]) -> Resource:
    """A problem (RFC 9457) as FHIR says it."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "invalid" if problem["status"] < 500 else "exception",
                "details": {"text": problem["code"]},
                "diagnostics": problem["detail"],
            }
        ],
    }


def _about(answer: Mapping[str, Any]) -> Resource:
    """What the resources have in common: automated, not confirmed by anybody."""
    reported = answer.get("reported") or {}
    found = _DATE_TIME.match(reported.get("recording_date") or "")
    about: Resource = {"status": "preliminary"}
    if found:
        about["effectiveDateTime"] = found.group(0)
    return about


def _ecg(answer: Mapping[str, Any], about: Resource) -> Resource | None:
    """The recording itself; nothing where its unit is unknown, as SampledData needs one."""
    signal = answer.get("signal")
    if signal is None or signal["units"] != "mV":
        return None
    period_ms = 1000 / signal["fs"]
    components = [
        {
            "code": _concept(
                f"Lead {name}", (LEAD_CODES[name], f"MDC_ECG_ELEC_POTL_{name.upper()}")
            ),
            "valueSampledData": _sampled(row, period_ms),
        }
        for name, row in zip(
            signal["lead_names"], np.asarray(signal["data"], np.float64), strict=True
        )
    ]
    device = (answer.get("reported") or {}).get("device")
    code = _concept("Electrocardiogram", ("131328", "MDC_ECG_ELEC_POTL"))
    return _observation(about, code, components) | (
        {"device": {"display": device}} if device else {}
    )


def _sampled(samples: NDArray[np.float64], period_ms: float) -> Resource:
    steps = np.rint(samples / STEP_MV)
    data = " ".join("E" if math.isnan(step) else str(int(step)) for step in steps.tolist())
    origin = {"value": 0, "unit": "mV", "system": UCUM, "code": "mV"}
    return {"origin": origin, "period": period_ms, "factor": STEP_MV, "dimensions": 1, "data": data}


def _measurements(answer: Mapping[str, Any], about: Resource) -> Resource | None:
    measured = answer.get("measurements")
    if measured is None:
        return None
    flagged = {flag["name"]: flag for flag in measured.get("flags", ())}
    components = [_quantity(name, measured[name], flagged.get(name)) for name in QUANTITIES]
    return _observation(
        about, _concept("ECG measurements", None, ("11524-6", "EKG study")), components
    )


def _quantity(name: str, value: float | None, flag: Mapping[str, Any] | None) -> Resource:
    """A component; of one that lies outside of its reference range the range, with its source."""
    text, unit, ucum, mdc, loinc = QUANTITIES[name]
    component: Resource = {"code": _concept(text, mdc, loinc)}
    if value is None:
        return component | {"dataAbsentReason": NOT_MEASURED}
    component["valueQuantity"] = {"value": value, "unit": unit, "system": UCUM, "code": ucum}
    if flag is not None:
        ends = {
            end: {"value": at, "unit": unit, "system": UCUM, "code": ucum}
            for end, at in _ends(flag["range"])
        }
        component["referenceRange"] = [{**ends, "text": flag["source"]}]
    return component


def _ends(limits: list[float | None]) -> Iterator[tuple[str, float]]:
    return (
        (end, limit)
        for end, limit in zip(("low", "high"), limits, strict=True)
        if limit is not None
    )


def _findings(answer: Mapping[str, Any], about: Resource) -> Resource | None:
    """Every probability that was given, under its label's name: these are a model's, and no code system has them."""
    probabilities = {label["name"]: label["probability"] for label in answer.get("labels") or ()}
    superclass = answer.get("superclass") or {"probabilities": {}}
    probabilities |= {
        f"Superclass {name}": value for name, value in superclass["probabilities"].items()
    }
    if (pacemaker := answer.get("pacemaker")) is not None and pacemaker["probability"] is not None:
        probabilities["Pacemaker"] = pacemaker["probability"]
    components = [
        {
            "code": {"text": name},
            "valueQuantity": {"value": value, "unit": "probability", "system": UCUM, "code": "1"},
        }
        for name, value in probabilities.items()
    ]
    return (
        _observation(about, {"text": "Probabilities of ECG findings"}, components)
        if components
        else None
    )


def _report(answer: Mapping[str, Any], about: Resource, results: list[str]) -> Resource:
    report = {
        "resourceType": "DiagnosticReport",
        **about,
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/v2-0074",
                        "code": "EC",
                        "display": "Electrocardiac",
                    }
                ]
            }
        ],
        "code": _concept("ECG", None, ("11524-6", "EKG study")),
        "conclusion": _conclusion(answer),
    }
    return report | ({"result": [{"reference": url} for url in results]} if results else {})


def _conclusion(answer: Mapping[str, Any]) -> str:
    clinical, quality = answer.get("clinical_analysis") or {}, answer.get("quality") or {}
    said = [clinical.get("rhythm") or "No rhythm determined", *clinical.get("abnormalities", ())]
    source = f" (by {clinical['rhythm_source']})" if clinical.get("rhythm_source") else ""
    sentences = [", ".join(said) + source + "."]
    if quality:
        sentences.append(f"Signal quality: {quality['signal_quality']}.")
    return " ".join(
        [
            *sentences,
            *answer.get("warnings", ()),
            "Automated, not confirmed; for research, not a medical device.",
        ]
    )


def _observation(about: Resource, code: Resource, components: list[Resource]) -> Resource:
    category = [{"coding": [{"system": CATEGORY, "code": "procedure", "display": "Procedure"}]}]
    return {
        "resourceType": "Observation",
        **about,
        "category": category,
        "code": code,
        "component": components,
    }


def _concept(
    text: str, mdc: tuple[str, str] | None, loinc: tuple[str, str] | None = None
) -> Resource:
    coded = [(MDC, mdc), (LOINC, loinc)]
    coding = [
        {"system": system, "code": term[0], "display": term[1]}
        for system, term in coded
        if term is not None
    ]
    return {"coding": coding, "text": text}


def _url(answer: Mapping[str, Any], name: str) -> str:
    """The same for the same request, another for any other."""
    return uuid5(NAMESPACE_URL, f"ecg:{answer['request_id']}:{name}").urn

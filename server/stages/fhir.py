"""An analysis as FHIR R4: a Bundle of a DiagnosticReport and its Observations.

The Observations are the ECG (SampledData for each lead), the measurements, the probabilities and
the statements of the report. Codes
of leads and durations are ISO/IEEE 11073-10101/10102 (MDC; leads as in HL7's example
Observation/ekg, durations as in DICOM CID 3689), and LOINC where it has the term. Nothing is newer
than R4. There is no Patient resource, as the server knows no patient.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from numpy.typing import NDArray

Resource = dict[str, Any]

PARTS: Final = (
    "clinical_analysis",
    "findings",
    "labels",
    "superclass",
    "pacemaker",
    "measurements",
    "quality",
    "signal",
    "reported",
)
# Code systems.
MDC: Final = "urn:oid:2.16.840.1.113883.6.24"
LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
REPORT_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/v2-0074"
ABSENT_REASON: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"

PROCEDURE: Final = {"coding": [{"system": CATEGORY, "code": "procedure", "display": "Procedure"}]}
ELECTROCARDIAC: Final = {
    "coding": [{"system": REPORT_CATEGORY, "code": "EC", "display": "Electrocardiac"}]
}
NOT_MEASURED: Final = {
    "coding": [{"system": ABSENT_REASON, "code": "unknown", "display": "Unknown"}]
}
AUTOMATED: Final = "Automated, not confirmed; for research, not a medical device."
EKG_STUDY: Final = ("11524-6", "EKG study")  # LOINC
# MDC codes of the leads.
LEAD_CODES: Final = {
    "I": "131329",
    "II": "131330",
    "III": "131389",
    "aVR": "131390",
    "aVL": "131391",
    "aVF": "131392",
    **{f"V{number}": str(131330 + number) for number in range(1, 7)},
}
# Measurement -> text, unit as people write it, unit in UCUM, MDC code and name, LOINC code and
# name.
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
STEP_MV: Final = 0.001  # SampledData has whole numbers of this step, a microvolt
# A FHIR dateTime with a time of day needs a time zone, which recordings seldom have. The date alone
# is used then.
_DATE_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?")


def bundle(answer: Mapping[str, Any]) -> Resource:
    """Return an /analyze answer that has PARTS and a request id as a Bundle of type collection."""
    common = _common_fields(answer)
    observations = {
        "ecg": _ecg(answer, common),
        "measurements": _measurements(answer, common),
        "findings": _findings(answer, common),
        "statements": _statements(answer, common),
    }
    entries = [
        {"fullUrl": _url(answer, name), "resource": observation}
        for name, observation in observations.items()
        if observation is not None
    ]
    report = _report(answer, common, [str(entry["fullUrl"]) for entry in entries])
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": _url(answer, "bundle")},
        "entry": [{"fullUrl": _url(answer, "report"), "resource": report}, *entries],
    }


def collection(results: Iterable[bytes]) -> bytes:
    """Return one Bundle of encoded Bundles and OperationOutcomes, in the order of the records."""
    entries = b",".join(b'{"resource":' + result + b"}" for result in results)
    return b'{"resourceType":"Bundle","type":"collection","entry":[' + entries + b"]}"


def operation_outcome(problem: Mapping[str, Any]) -> Resource:
    """Return a problem (RFC 9457) as an OperationOutcome."""
    issue = {
        "severity": "error",
        "code": "invalid" if problem["status"] < 500 else "exception",
        "details": {"text": problem["code"]},
        "diagnostics": problem["detail"],
    }
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _common_fields(answer: Mapping[str, Any]) -> Resource:
    """Return the fields that all resources have: status and date of the recording."""
    # "preliminary" means that no person has confirmed it.
    common: Resource = {"status": "preliminary"}
    reported = answer.get("reported") or {}
    date = _DATE_TIME.match(reported.get("recording_date") or "")
    if date:
        common["effectiveDateTime"] = date.group(0)
    return common


def _ecg(answer: Mapping[str, Any], common: Resource) -> Resource | None:
    """Return the recording; None where its unit is unknown, as SampledData needs one."""
    signal = answer.get("signal")
    if signal is None or signal["units"] != "mV":
        return None
    period_ms = 1000 / signal["fs"]
    samples = np.asarray(signal["data"], np.float64)
    components = []
    for name, lead in zip(signal["lead_names"], samples, strict=True):
        code = _concept(f"Lead {name}", (LEAD_CODES[name], f"MDC_ECG_ELEC_POTL_{name.upper()}"))
        components.append({"code": code, "valueSampledData": _sampled_data(lead, period_ms)})
    code = _concept("Electrocardiogram", ("131328", "MDC_ECG_ELEC_POTL"))
    ecg = _observation(common, code, components)
    device = (answer.get("reported") or {}).get("device")
    if device:
        ecg["device"] = {"display": device}
    return ecg


def _sampled_data(samples: NDArray[np.float64], period_ms: float) -> Resource:
    steps = np.rint(samples / STEP_MV)
    # "E" is FHIR's code for a sample that could not be measured.
    data = " ".join("E" if math.isnan(step) else str(int(step)) for step in steps.tolist())
    origin = {"value": 0, "unit": "mV", "system": UCUM, "code": "mV"}
    return {"origin": origin, "period": period_ms, "factor": STEP_MV, "dimensions": 1, "data": data}


def _measurements(answer: Mapping[str, Any], common: Resource) -> Resource | None:
    measurements = answer.get("measurements")
    if measurements is None:
        return None
    flags = {flag["name"]: flag for flag in measurements.get("flags", ())}
    components = [_quantity(name, measurements[name], flags.get(name)) for name in QUANTITIES]
    observation = _observation(common, _concept("ECG measurements", None, EKG_STUDY), components)
    if measurements["method"] == "neurokit2":
        observation["method"] = {"text": "NeuroKit2, median over the leads"}
    return observation


def _quantity(name: str, value: float | None, flag: Mapping[str, Any] | None) -> Resource:
    """Return a measurement as a component.

    flag  set where the value is outside its reference range; the component then has the range
    """
    text, unit, ucum, mdc, loinc = QUANTITIES[name]
    component: Resource = {"code": _concept(text, mdc, loinc)}
    if value is None:
        return component | {"dataAbsentReason": NOT_MEASURED}
    component["valueQuantity"] = {"value": value, "unit": unit, "system": UCUM, "code": ucum}
    if flag is not None:
        reference_range: Resource = {}
        for end, limit in zip(("low", "high"), flag["range"], strict=True):
            if limit is not None:
                reference_range[end] = {
                    "value": limit,
                    "unit": unit,
                    "system": UCUM,
                    "code": ucum,
                }
        component["referenceRange"] = [reference_range | {"text": flag["source"]}]
    return component


def _findings(answer: Mapping[str, Any], common: Resource) -> Resource | None:
    """Return every probability of the answer, or None where there is none."""
    # Under the label's name only: no code system has a model's labels.
    components = [
        {
            "code": {"text": name},
            "valueQuantity": {"value": value, "unit": "probability", "system": UCUM, "code": "1"},
        }
        for name, value in _probabilities(answer).items()
    ]
    if not components:
        return None
    return _observation(common, {"text": "Probabilities of ECG findings"}, components)


def _statements(answer: Mapping[str, Any], common: Resource) -> Resource | None:
    """Return the report's statements, or None if the recording is not judged."""
    components = []
    for finding in answer.get("findings") or ():
        value = f"{finding['severity']}; {_evidence(finding)}source: {finding['source']}"
        components.append({"code": {"text": finding["statement"]}, "valueString": value})
    if not components:
        return None
    return _observation(common, {"text": "ECG findings"}, components)


def _evidence(finding: Mapping[str, Any]) -> str:
    """Return "pause_s 6.3, from_s 2.9; ", or nothing without evidence."""
    texts = [
        f"{name} {' '.join(value) if isinstance(value, list) else format(value, 'g')}"
        for name, value in finding["evidence"].items()
    ]
    return f"{', '.join(texts)}; " if texts else ""


def _probabilities(answer: Mapping[str, Any]) -> dict[str, float]:
    probabilities = {label["name"]: label["probability"] for label in answer.get("labels") or ()}
    superclass = answer.get("superclass") or {"probabilities": {}}
    for name, probability in superclass["probabilities"].items():
        probabilities[f"Superclass {name}"] = probability
    pacemaker = answer.get("pacemaker")
    if pacemaker is not None and pacemaker["probability"] is not None:
        probabilities["Pacemaker"] = pacemaker["probability"]
    return probabilities


def _report(answer: Mapping[str, Any], common: Resource, results: list[str]) -> Resource:
    report = {
        "resourceType": "DiagnosticReport",
        **common,
        "category": [ELECTROCARDIAC],
        "code": _concept("ECG", None, EKG_STUDY),
        "conclusion": _conclusion(answer),
    }
    if results:
        report["result"] = [{"reference": url} for url in results]
    return report


def _conclusion(answer: Mapping[str, Any]) -> str:
    clinical = answer.get("clinical_analysis") or {}
    labels = {label["name"]: label["probability"] for label in answer.get("labels") or ()}
    names = [_named(name, labels.get(name)) for name in clinical.get("abnormalities", ())]
    source = f" (by {clinical['rhythm_source']})" if clinical.get("rhythm_source") else ""
    sentences = [f"{', '.join([_rhythm(clinical), *names])}{source}."]
    quality = answer.get("quality") or {}
    if quality:
        sentences.append(f"Signal quality: {quality['signal_quality']}.")
    # A DiagnosticReport has no field for warnings.
    sentences.extend(answer.get("warnings", ()))
    sentences.append(AUTOMATED)
    return " ".join(sentences)


def _rhythm(clinical: Mapping[str, Any]) -> str:
    """Return the rhythm; from labels with the probability of the label that names it."""
    name = clinical.get("rhythm") or "No rhythm determined"
    from_labels = clinical.get("rhythm_source") == "labels"
    return _named(name, clinical.get("confidence") if from_labels else None)


def _named(name: str, probability: float | None) -> str:
    """Return a label with its probability. A finding of the rules has none."""
    return name if probability is None else f"{name} {probability:.2f}"


def _observation(common: Resource, code: Resource, components: list[Resource]) -> Resource:
    return {
        "resourceType": "Observation",
        **common,
        "category": [PROCEDURE],
        "code": code,
        "component": components,
    }


def _concept(
    text: str, mdc: tuple[str, str] | None, loinc: tuple[str, str] | None = None
) -> Resource:
    """Return a CodeableConcept. `mdc` and `loinc` are a code and its name."""
    coding = []
    for system, term in ((MDC, mdc), (LOINC, loinc)):
        if term is not None:
            code, display = term
            coding.append({"system": system, "code": code, "display": display})
    return {"coding": coding, "text": text}


def _url(answer: Mapping[str, Any], name: str) -> str:
    """Return a resource's URN, which is the same whenever the request id is the same."""
    return uuid5(NAMESPACE_URL, f"ecg:{answer['request_id']}:{name}").urn

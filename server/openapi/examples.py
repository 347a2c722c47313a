"""Examples of requests and answers for /openapi.json. The requests work unchanged.

The recording is synthetic: Gaussian waves at 72 beats a minute. It has leads I and II, which give
all six limb leads, and lasts 5 s, one segment, which is the least that an encoder reads.
"""

from __future__ import annotations

import math
from typing import Any

from server.openapi.error_examples import REQUEST_ID
from server.recording_routes import Route
from server.stages import fhir
from server.version import VERSION

FS = 50
SECONDS = 5
BEAT_S = 60 / 72
FIRST_BEAT_S = 0.4

# P, Q, R, S, T: height in lead II in mV, share of it in lead I, centre in s from the R peak, width
# in s.
WAVES = (
    (0.15, 0.5, -0.16, 0.025),
    (-0.08, 0.6, -0.025, 0.01),
    (1.1, 0.7, 0.0, 0.012),
    (-0.2, 0.8, 0.028, 0.011),
    (0.3, 0.7, 0.26, 0.05),
)


def _sample_mv(second: float, *, in_lead_i: bool) -> float:
    """Return the voltage of lead I or II at a time of the recording, to 0.01 mV."""
    since_r = (second - FIRST_BEAT_S + BEAT_S / 2) % BEAT_S - BEAT_S / 2
    voltage = 0.0
    for height, share, centre, width in WAVES:
        own_height = height * (share if in_lead_i else 1.0)
        voltage += own_height * math.exp(-0.5 * ((since_r - centre) / width) ** 2)
    return round(voltage, 2)


def signal() -> dict[str, list[float]]:
    """Return lead name -> samples in mV."""
    times_s = [sample / FS for sample in range(FS * SECONDS)]
    return {
        "I": [_sample_mv(second, in_lead_i=True) for second in times_s],
        "II": [_sample_mv(second, in_lead_i=False) for second in times_s],
    }


def record() -> dict[str, Any]:
    """Return one record, leads x samples."""
    return {
        "signal": list(signal().values()),
        "fs": FS,
        "lead_names": list(signal()),
        "units": "mV",
        "patient": {"age": 63, "sex": "female"},
        "id": "synthetic-1",
    }


def record_by_lead() -> dict[str, Any]:
    """Return the same signal as an object lead name -> samples."""
    return {"signal": signal(), "fs": FS}


def _many_records() -> dict[str, Any]:
    return {"records": [{**record_by_lead(), "id": "first"}, {**record_by_lead(), "id": "second"}]}


REQUESTS: dict[str, dict[str, Any]] = {
    "record": {"summary": "One record, lists of samples", "value": record()},
    "record_by_lead": {"summary": "One record, samples by lead", "value": record_by_lead()},
    "records": {"summary": "Many records", "value": _many_records()},
}

MODEL = {
    "encoder": {
        "name": "ecg-fm-features",
        "revision": "<commit of the repository>",
        "sha256": "<of model.safetensors>",
        "source": "auto: auto chose ECG-FM: it is in the models folder",
    },
    "labels": "ecg-fm-clinical@<commit of the repository>",
    "superclass": "embedded@<of model.safetensors>",
    "pacemaker": "pacemaker@<sha256 of its file>",
    "dtype": "bfloat16",
    "device": "cuda:0",
}
ENVELOPE = {"request_id": REQUEST_ID, "version": VERSION, "warnings": []}
QUALITY = {
    "signal_quality": "Good",
    "readable": True,
    "probability_readable": 0.97,
    "leads": {"I": {"word": "Good", "findings": []}},
    "findings": [
        {
            "code": "missing_lead",
            "lead": "V1",
            "value": None,
            "limit": None,
            "advice": "Attach the V1 electrode.",
            "electrodes": ["V1"],
        }
    ],
    "recommendation": "Can be read.",
}
ANSWERS: dict[Route, dict[str, Any]] = {
    "analyze": {
        "id": "synthetic-1",
        "findings": [
            {
                "code": "sinus_rhythm",
                "statement": "Sinus rhythm",
                "severity": "normal",
                "evidence": {"heart_rate_bpm": 72.0, "probability": 0.97},
                "source": "label of ecg-fm-clinical@<commit of the repository>",
            }
        ],
        "labels": [
            {
                "name": "Sinus rhythm",
                "probability": 0.97,
                "probability_prior_corrected": 0.993,
                "threshold": 0.188,
                "positive": True,
            }
        ],
        "superclass": {
            "top": "NORM",
            "probabilities": {"NORM": 0.91, "MI": 0.03, "STTC": 0.04, "CD": 0.05, "HYP": 0.02},
            "positive": ["NORM"],
        },
        "pacemaker": {
            "present": False,
            "probability": 0.0004,
            "evidence": {
                "spikes": 0,
                "spike_times_s": [],
                "chamber": None,
                "morphology": 0.002,
                "label": 0.01,
            },
            "visible": True,
        },
        "signal_quality": "Good",
        "quality": QUALITY,
        "features": [0.123, -0.456, 0.789],
        "model": MODEL,
        "segments": 1,
        "processing_time": 0.021,
        **ENVELOPE,
    },
    "extract_features": {
        "id": None,
        "features": [0.123, -0.456, 0.789],
        "shape": [3],
        "segments": 1,
        "model": MODEL,
        "processing_time": 0.018,
        **ENVELOPE,
    },
    "assess_quality": {"id": None, **QUALITY, "processing_time": 0.004, **ENVELOPE},
    "predict": {
        "result": False,
        "pacemaker_result": False,
        "age": 63,
        "recording_date": "01/11/1984  8:27:32",
        "probability": 0.0004,
        "evidence": {
            "spikes": 0,
            "spike_times_s": [],
            "chamber": None,
            "morphology": 0.002,
            "label": 0.01,
            "visible": True,
        },
        "processing_time": 0.019,
        **ENVELOPE,
    },
    "classify": {
        "diagnosis": "NORM",
        "description": "normal ECG",
        "probability": 0.91,
        "probabilities": {"NORM": 0.91, "MI": 0.03, "STTC": 0.04, "CD": 0.05, "HYP": 0.02},
        "rhythm": "Sinus rhythm",
        "rhythm_source": "labels",
        "rhythm_confidence": 0.97,
        "heart_rate": 72.0,
        "signal_quality": "Good",
        "processing_time": 0.012,
        **ENVELOPE,
    },
    "diagnosis": {
        "resourceType": "DiagnosticReport",
        "status": "preliminary",
        "category": [fhir.ELECTROCARDIAC],
        "code": {"text": "ECG analysis"},
        "conclusion": "NORM",
        "note": [
            {"text": "Confidence: 91.00%"},
            {"text": "Probabilities: NORM 91.00%, MI 3.00%, STTC 4.00%, CD 5.00%, HYP 2.00%"},
            {"text": "Rhythm: Sinus rhythm 97.00% (by labels), 72 beats/min"},
            {"text": "Signal quality: Good"},
            {"text": fhir.AUTOMATED},
        ],
    },
}

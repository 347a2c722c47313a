"""Examples for /openapi.json: requests that work as they stand, answers and errors as they look.

The recording is drawn, not recorded: a sum of bells at 72 beats a minute. It has leads I and II, which give the six
of the limbs, for 5 s, which is one segment: the least that an encoder reads.
"""

from __future__ import annotations

import math
from typing import Any

from errors import EcgError
from server.version import VERSION

FS = 50
SECONDS = 5
BEAT_S = 60 / 72
FIRST_BEAT_S = 0.4

# Height in mV of lead II, its share in lead I, centre and width in s: P, Q, R, S, T around the R peak.
WAVES = (
    (0.15, 0.5, -0.16, 0.025),
    (-0.08, 0.6, -0.025, 0.01),
    (1.1, 0.7, 0.0, 0.012),
    (-0.2, 0.8, 0.028, 0.011),
    (0.3, 0.7, 0.26, 0.05),
)


def lead_ii(second: float, part_in_i: bool = False) -> float:
    """mV at a second of the recording, in lead II or as much of it as lead I shows."""
    since_r = (second - FIRST_BEAT_S + BEAT_S / 2) % BEAT_S - BEAT_S / 2
    bells = (
        (height * (share if part_in_i else 1.0), since_r - centre, width)
        for height, share, centre, width in WAVES
    )
    return round(
        sum(height * math.exp(-0.5 * (away / width) ** 2) for height, away, width in bells), 2
    )


def signal() -> dict[str, list[float]]:
    seconds = [sample / FS for sample in range(FS * SECONDS)]
    return {
        "I": [lead_ii(second, True) for second in seconds],
        "II": [lead_ii(second) for second in seconds],
    }


def record() -> dict[str, Any]:
    """One record, leads x samples."""
    return {
        "signal": list(signal().values()),
        "fs": FS,
        "lead_names": list(signal()),
        "units": "mV",
        "patient": {"age": 63, "sex": "female"},
        "id": "drawn-1",
    }


def record_by_lead() -> dict[str, Any]:
    """The same, with an object lead name -> samples."""
    return {"signal": signal(), "fs": FS}


def many() -> dict[str, Any]:
    return {"records": [{**record_by_lead(), "id": "first"}, {**record_by_lead(), "id": "second"}]}


REQUESTS: dict[str, dict[str, Any]] = {
    "record": {"summary": "One record, lists of samples", "value": record()},
    "record_by_lead": {"summary": "One record, samples by lead", "value": record_by_lead()},
    "records": {"summary": "Many records", "value": many()},
}

# The `detail` of an example of each error.
DETAILS: dict[str, str] = {
    "malformed_body": "body is no JSON: unexpected end of data",
    "not_found": "no such page; /docs lists the routes",
    "method_not_allowed": "GET is not allowed for this path; allowed: POST",
    "upload_too_slow": "body incomplete after 30 s (ECG_BODY_TIMEOUT): 1048576 bytes received",
    "body_too_large": "body is larger than 67108864 bytes (ECG_MAX_BODY_MB); send many records as npy",
    "too_many_records": "300 records; at most 256 are allowed in one request (ECG_MAX_RECORDS)",
    "recording_too_long": "signal: 700 s at 500 Hz; the maximum is 600 s",
    "unsupported_media_type": "Content-Type is text/csv; send application/json, application/x-npy, application/msgpack, "
    "multipart/form-data or application/octet-stream",
    "unknown_format": "a PDF; a report is no waveform",
    "missing_field": "fs: missing",
    "bad_type": "fs: a text where a number is needed",
    "bad_shape": "signal: 11 x 5000; an axis of 12 without lead_names is needed",
    "ragged_signal": "signal: lead 3 has 4999 samples, lead 0 has 5000",
    "unknown_lead": "lead_names: 'V9' is not a standard lead",
    "duplicate_lead": "lead_names: V1 is named twice",
    "too_few_leads": "signal: 1 of 12 leads hold a signal, derived ones included; the encoder needs 6",
    "bad_sampling_rate": "fs: 5 Hz; the allowed range is 50 to 2000 Hz",
    "too_short": "signal: 1.2 s at 500 Hz; the minimum is 2 s",
    "duration_mismatch": "recording_duration: 10 s stated, 9.5 s sent",
    "no_samples": "signal: no samples, only gaps",
    "implausible_values": "signal: V3 with values that are infinite or beyond ±1e+06",
    "bad_option": "aggregate is 'median'; allowed are mean, max",
    "unknown_part": "include names 'lables'; see the list of parts, or all",
    "unknown_label": "thresholds names 'WPW'; /models lists the labels",
    "layer_out_of_range": "layer is 13; this encoder has 0 (before the transformer) to 12, or -13 to -1",
    "corrupt_file": "the .npy is cut short in its header",
    "unsafe_file": "the .npy holds Python objects (a pickle), which are not read",
    "missing_part": "the header names a signal file that did not come",
    "several_recordings": "the upload holds 2 recordings; one is read at a time",
    "under_age": "age: under 18, for whom this result is not given",
    "overloaded": "64 requests are in flight, the limit (ECG_MAX_IN_FLIGHT)",
    "internal_error": "internal error; the log of the server has it under the request id",
    "worker_crashed": "the worker process ended each time it processed this recording",
    "starting": "the encoders are still being loaded; /readyz answers 200 when they are ready",
    "no_model": "no encoder is loaded (asked for none)",
    "worker_restarting": "the worker process for this step is being replaced",
    "shutting_down": "the server is shutting down and accepts no more requests",
    "deadline_exceeded": "the answer was not ready before the deadline (ECG_REQUEST_TIMEOUT or X-Request-Deadline-Ms)",
}


def problem(kind: type[EcgError]) -> dict[str, Any]:
    """An error as it is answered."""
    return kind(DETAILS.get(kind.code, kind.title)).problem("f3a1c09b7e5d4d0f8a6b2c4e6f8091a3")


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
COMMON = {"request_id": "f3a1c09b7e5d4d0f8a6b2c4e6f8091a3", "version": VERSION, "warnings": []}
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
        }
    ],
    "recommendation": "Can be read.",
}
ANSWERS: dict[str, dict[str, Any]] = {
    "analyze": {
        "id": "drawn-1",
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
            "evidence": {"spikes": 0, "chamber": None, "morphology": 0.002, "label": 0.01},
            "visible": True,
        },
        "signal_quality": "Good",
        "quality": QUALITY,
        "features": [0.123, -0.456, 0.789],
        "model": MODEL,
        "segments": 1,
        "processing_time": 0.021,
        **COMMON,
    },
    "extract_features": {
        "id": None,
        "features": [0.123, -0.456, 0.789],
        "shape": [3],
        "segments": 1,
        "model": MODEL,
        "processing_time": 0.018,
        **COMMON,
    },
    "assess_quality": {"id": None, **QUALITY, "processing_time": 0.004, **COMMON},
    "predict": {
        "result": False,
        "age": 63,
        "recording_date": "01/11/1984  8:27:32",
        "probability": 0.0004,
        "evidence": {
            "spikes": 0,
            "chamber": None,
            "morphology": 0.002,
            "label": 0.01,
            "visible": True,
        },
        "processing_time": 0.019,
        **COMMON,
    },
    "classify": {
        "diagnosis": "NORM",
        "description": "normal ECG",
        "probability": 0.91,
        "probabilities": {"NORM": 0.91, "MI": 0.03, "STTC": 0.04, "CD": 0.05, "HYP": 0.02},
        "processing_time": 0.012,
        **COMMON,
    },
}

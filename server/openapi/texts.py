"""The words of /openapi.json, for people who integrate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model_store.labels import ecg_fm_labels
from server.recording_routes import Route
from server.settings import Settings


def _label_rows() -> str:
    return "\n".join(
        f"| {label.name} | {label.joining} | {label.threshold:.3f} | {label.description} |"
        for label in ecg_fm_labels()
    )


INFO = """\
**Research use only.** No medical device; nothing here is meant for a decision about a patient.

A recording is 1 to 12 standard leads, any order, 50 to 2000 Hz, 2 s to 10 min. What can be computed from it is computed;
what cannot is `null`, and `warnings` says why. JSON is for people, `.npy` and msgpack are for programs.
Errors have one form, RFC 9457; [/docs/errors](/docs/errors) explains each code.

## One record or many
`{"records": [...]}` is answered `{"results": [...]}` in the same order, each a result or `{"error": problem}`: one bad
record never fails the others. With `Accept: application/x-ndjson` a line comes for each record as soon as it is done.

## Probabilities of labels
`probability` is inflated by training; `probability_prior_corrected` and the default thresholds undo that, as /analyze explains.
**Accessory pathway conduction** is not WPW: it stands for atrial fibrillation or flutter.
"""

LABELS = f"""\
### What a label's probability means
`probability` is what the model gives. ECG-FM was trained with a weight *w* on the positives of each label, which inflates
the odds by as much: for rare labels a probability of 0.9 may still mean *rather not*. `probability_prior_corrected` undoes it,
sigmoid(logit - ln w). The default `threshold` of a label is w / (1 + w), which is *more likely than not* after that
correction; `positive` is `probability` >= `threshold`. A request may set `thresholds` of its own.

**Accessory pathway conduction** is not WPW. Nearly all of its positives in training were atrial fibrillation or flutter, which
the labeler's hierarchy files under re-entry and re-entry under this name.

ECG-FM's own labels (what is loaded here, /models lists):

| label | joined over segments by | default threshold | meaning |
|---|---|---|---|
{_label_rows()}
"""

TAGS = [
    {
        "name": "recordings",
        "description": "A recording goes in, an answer comes out. Every route takes one record or many.",
    },
    {
        "name": "operation",
        "description": "Is it up, how loaded is it, what is loaded. Also answered to HEAD.",
    },
]


@dataclass(frozen=True)
class RouteText:
    summary: str
    description: str
    answer: str


ROUTE_TEXTS: dict[Route, RouteText] = {
    "analyze": RouteText(
        "Everything about a recording",
        "Rhythm, labels, measurements, quality and the embedding, as far as `include` asks. A part that was not asked for is absent; "
        "one that can't be computed is null. Recordings under 5 s get no model parts: ECG-FM never saw less.\n\n"
        f"{LABELS}",
        "The analysis of one record, or `results` for many.",
    ),
    "extract_features": RouteText(
        "Embeddings for researchers",
        "By default one vector a recording, from the pretrained encoder; `model=clinical` asks the fine-tuned one. "
        "With `Accept: application/x-npy` the answer is the bare array: (width,), (segments, width) or (segments, tokens, width), "
        "with a leading axis for many records. At least 5 s and 6 leads (derived ones count: I and II give six).",
        "The embedding of one record, or `results` for many.",
    ),
    "assess_quality": RouteText(
        "Is it worth reading?",
        "Judges the recording lead by lead: flat, clipped, broken off, contradicting the others. No model takes part. "
        "Whatever has the form of a record is judged, also noise or gaps throughout.",
        "The quality of one record, or `results` for many.",
    ),
    "predict": RouteText(
        "Is there a pacemaker? (form of an earlier service)",
        "A JSON text with the patient's `age` (and `recording_date`), and one ECG, as file parts in any order and under any names. "
        "A result is given from 18 years on. Every error carries `result: null`.",
        "The result; null with the reason in `warnings` for a recording that cannot be read.",
    ),
    "classify": RouteText(
        "The superclass of a file (form of an earlier service)",
        "One ECG as file parts. The most probable of PTB-XL's five superclasses, described in English or German (`lang`).",
        "The diagnosis and the probabilities.",
    ),
}


def body_text(settings: Settings, formats: Sequence[str]) -> str:
    """What a body may be, with this server's limits."""
    return f"""\
One record or many, in any of these forms, plain or with `Content-Encoding: gzip` or `zstd`;
at most {settings.max_body_mb} MiB (packed and unpacked), {settings.max_records} records, {settings.max_seconds:g} s each.

- `application/json`: a record, or `{{"records": [...]}}`; options are fields beside it.
- `application/x-npy`: an array (leads, samples), (samples, leads) or with a leading axis of records; float16/32/64 or int16.
  Everything else is in the query: `?fs=500&lead_names=I,II&units=mV`. An array of many records takes `id` once for each.
- `application/msgpack`: as JSON, where `signal` may also be `{{"dtype": "<f4", "shape": [12, 5000], "data": <bytes>}}`.
- `multipart/form-data`: one file, the files of one recording, or a zip of it, under any field names; what it is, is found by content
  ({", ".join(formats)}). Options and what the file doesn't say of itself are text fields.
- `application/octet-stream`: an .npy, or one file as in a form."""

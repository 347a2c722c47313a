"""The longer texts of /openapi.json, for people who integrate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.recording_routes import Route
from server.settings import Settings

INFO = """\
**Research use only.** Not a medical device; nothing here is intended for decisions about a patient.

A recording is 1 to 12 standard leads in any order, 50 to 2000 Hz, 2 s to 10 min. What can be
computed from it is computed; what cannot is `null`, and `warnings` gives the reason. JSON is for
people, `.npy` and msgpack are for programs. All errors have one form, RFC 9457;
[/docs/errors](/docs/errors) explains each code.

## One record or many
`{"records": [...]}` is answered `{"results": [...]}` in the same order, each a result or
`{"error": problem}`: one bad record never fails the others. With `Accept: application/x-ndjson`
each record is one line as soon as it is complete.

## Keys
Where the server asks for one, send a key as `X-API-Key`, or a key or token as `Authorization:
Bearer`. It has scopes: `analyze` for every route that takes recordings but /extract_features, which
needs `features`; `operator` for /metrics and the whole of /health.

## Labels
/analyze explains the labels of the models that are loaded here, and what their probabilities mean.
"""

TAGS = [
    {
        "name": "recordings",
        "description": "Send recordings, get answers. Every route accepts one record or many.",
    },
    {
        "name": "operation",
        "description": "Status, load and the loaded models. Also answered to HEAD.",
    },
    {
        "name": "examples",
        "description": "Synthetic ECGs to try the other routes with. Also answered to HEAD.",
    },
]


@dataclass(frozen=True)
class _RouteText:
    summary: str
    description: str
    answer: str


ROUTE_TEXTS: dict[Route, _RouteText] = {
    "analyze": _RouteText(
        "Everything about a recording",
        "Rhythm, labels, measurements, quality and the embedding, as far as `include` asks for "
        "them. A part that was not asked for is absent; a part that cannot be computed is null. "
        "Labels, superclass, heads and pacemaker of a recording that is Unreadable or has no beats "
        "are null, and its rhythm is Undetermined, unless `judge_unreadable` is true. "
        "Recordings under 5 s get no model parts: ECG-FM was never trained on shorter ones.",
        "The analysis of one record, or `results` for many.",
    ),
    "extract_features": _RouteText(
        "Embeddings for researchers",
        "By default one vector for each recording, from the pretrained encoder; `model=clinical` "
        "selects the fine-tuned one. With `Accept: application/x-npy` the answer is the bare "
        "array: (width,), (segments, width) or (segments, tokens, width), with a leading axis for "
        "many records. At least 5 s and 6 leads are needed (derived leads count: I and II give "
        "six).",
        "The embedding of one record, or `results` for many.",
    ),
    "assess_quality": _RouteText(
        "Whether a recording can be read",
        "Judges the recording lead by lead: flat, clipped, lead off, contradicting the others. No "
        "encoder is used. Anything that has the form of a record is judged, also noise, or gaps "
        "throughout.",
        "The quality of one record, or `results` for many.",
    ),
    "predict": _RouteText(
        "Whether there is a pacemaker (form of an earlier service)",
        "A JSON object with the patient's `age` (and `recording_date`), or fields of these names, "
        "and one ECG, as file parts in any order and under any names. A result is given above 18 "
        "years. Every error has `result: null`. `pacemaker_result` is the same under the name that "
        "later versions of that service use.",
        "The result; null with the reason in `warnings` if the recording cannot be read.",
    ),
    "classify": _RouteText(
        "The superclass of a file (form of an earlier service)",
        "One ECG as file parts. The most probable of PTB-XL's five superclasses that reaches its "
        "threshold, described in English or German (`lang`), with the rhythm and the quality; "
        "`diagnosis` is null if none does. Fewer than six leads, such "
        "as a watch's one, have no superclass: `diagnosis` is null, `description` gives the "
        "reason, and the rhythm comes from rules.",
        "The diagnosis, the probabilities and the rhythm.",
    ),
    "diagnosis": _RouteText(
        "The superclass of a file as a FHIR DiagnosticReport (form of an earlier service)",
        "As /classify, for the clients of an earlier German service: `conclusion` is the "
        "superclass or null, the first `note` is `Confidence: 62.79%` or the reason. `note` is an "
        "element of FHIR R5; R4 has it in Observation only.",
        "The report.",
    ),
}


def body_text(settings: Settings, formats: Sequence[str]) -> str:
    """Return the description of a request's body, with this server's limits."""
    return f"""\
One record or many, in any of these forms, optionally with `Content-Encoding: gzip` or `zstd`;
at most {settings.max_body_mb} MiB (compressed and decompressed), {settings.max_records} records,
{settings.max_seconds:g} s each.

- `application/json`: a record, or `{{"records": [...]}}`; options are fields next to it.
  An uncompressed FHIR Observation, or an ECG of Health Auto Export, is read as a file; options
  and what it does not state are in the query.
- `application/x-npy`: an array (leads, samples), (samples, leads) or with a leading axis of
  records; float16/32/64 or int16. Everything else is in the query:
  `?fs=500&lead_names=I,II&units=mV`. An array of many records takes one `id` for each.
- `application/msgpack`: as JSON, where `signal` may also be
  `{{"dtype": "<f4", "shape": [12, 5000], "data": <bytes>}}`.
- `multipart/form-data`: one file, the files of one recording, or a zip of it, under any field
  names; the format is found by content ({", ".join(formats)}). Options, and what the file does
  not state, are text fields.
- `application/octet-stream`: an .npy, or one file as in a form."""

"""/predict, the upload form of an earlier service: whether an adult has a pacemaker, from one ECG.

The form has a JSON object about the patient, or fields with the same names, and the files of the
ECG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import TypedDict

from analysis import answer_types
from analysis.options import AnalyzeOptions
from errors import BadType, MissingField, MissingPart, UnderAge
from formats.fields import MAX_AGE_YEARS, age_years, type_name
from formats.json import body as json_body
from formats.numbers import parse_number
from formats.parts import Part
from formats.registry import is_recording

# The earlier service answers where `age > 18`, so 18 itself has no result; its own example is 18
# (github.com/sagi-ezri/ecg-pacemaker-detector, ecg_pacemaker_detector/app.py and README).
ABOVE_YEARS: Final = 18
NO_RESULT: Final[dict[str, object]] = {"result": None, "pacemaker_result": None}
"""What every error of /predict has too, as clients look for the result in errors."""
MAX_ECHOED_CHARS: Final = 64
UTF8_BOM: Final = b"\xef\xbb\xbf"
PARTS: Final = frozenset({"pacemaker"})


@dataclass(frozen=True)
class PredictForm:
    """What the answer returns unchanged from the request."""

    age: int | float | str
    recording_date: str | None


class PredictionEvidence(answer_types.PacemakerEvidence):
    visible: bool
    """Whether the recording can show pacing spikes at all."""


class Prediction(TypedDict):
    """/predict's answer."""

    result: bool | None
    pacemaker_result: bool | None
    """As `result`, under the name that later versions of the earlier service give it."""
    age: float | str
    """Unchanged from the request."""
    recording_date: str | None
    """Unchanged from the request."""
    probability: float | None
    evidence: PredictionEvidence | None
    """As `pacemaker.evidence` of /analyze, and whether spikes can be seen."""
    warnings: list[str]


def read_predict_form(
    files: list[Part], fields: Mapping[str, Sequence[str]]
) -> tuple[PredictForm, list[Part]]:
    """Return what is stated about the patient, and the files of the ECG.

    fields  of the form or the query; used if there is no JSON object

    The JSON object is found by its content. Raises MissingPart, BadType, MissingField, UnderAge.
    """
    patients = [file for file in files if _is_json_object(file) and not is_recording(file)]
    recording = [file for file in files if not any(file is patient for patient in patients)]
    about: object = {name: _last(fields.get(name, ())) for name in ("age", "recording_date")}
    if len(patients) > 1 or (not patients and not any(fields.get("age", ()))):
        raise MissingPart(
            f"the form has {len(patients)} JSON objects about the patient; exactly one, with the "
            "age, or the field age is needed, in addition to the ECG's files"
        )
    if patients:
        about = json_body.loads(patients[0].data)
    if not isinstance(about, Mapping):
        raise BadType("the JSON about the patient must be an object with an age", loc=("age",))
    form = _patient_of(about)
    if not recording:
        raise MissingPart(
            "the form has a JSON object about the patient and no ECG; send the ECG's files too"
        )
    return form, recording


def _last(values: Sequence[str]) -> str | None:
    """Return the last value that is not empty; a form sends a field without a value as empty."""
    return next((value for value in reversed(values) if value), None)


def predict_options(*, judge_unreadable: bool) -> AnalyzeOptions:
    return AnalyzeOptions(include=PARTS, judge_unreadable=judge_unreadable)


def prediction(analysis: answer_types.Analysis, form: PredictForm) -> Prediction:
    """Return an analysis with the part `pacemaker` in the form of /predict."""
    pacemaker = analysis["pacemaker"]
    evidence: PredictionEvidence | None = None
    if pacemaker is not None:
        evidence = {**pacemaker["evidence"], "visible": pacemaker["visible"]}
    present = None if pacemaker is None else pacemaker["present"]
    return {
        "result": present,
        "pacemaker_result": present,
        "age": form.age,
        "recording_date": form.recording_date,
        "probability": None if pacemaker is None else pacemaker["probability"],
        "evidence": evidence,
        "warnings": analysis["warnings"],
    }


def _is_json_object(file: Part) -> bool:
    return file.data.removeprefix(UTF8_BOM).lstrip().startswith(b"{")


def _patient_of(about: Mapping[str, Any]) -> PredictForm:
    """Return what is echoed. Raises MissingField, BadType, and UnderAge, which echoes it too."""
    age, recording_date = about.get("age"), about.get("recording_date")
    if age is None:
        raise MissingField(
            "age: missing in the JSON object about the patient; "
            f"a number of years from 0 to {MAX_AGE_YEARS:g} is needed",
            loc=("age",),
        )
    years = _years(age)
    if recording_date is not None and not _is_short_string(recording_date):
        raise BadType(
            f"recording_date: found {_found(recording_date)}; a string of at most "
            f"{MAX_ECHOED_CHARS} characters is required",
            loc=("recording_date",),
        )
    if years <= ABOVE_YEARS:
        raise UnderAge(
            f"age is {years:g}; a result is given above {ABOVE_YEARS} years",
            loc=("age",),
            extension={"age": age, "recording_date": recording_date},
        )
    return PredictForm(age, recording_date)


def _years(age: object) -> float:
    """Return the age as a number. Raises BadType."""
    allowed = f"a number of years from 0 to {MAX_AGE_YEARS:g}"
    # Digits of other scripts and underscores are more likely a mistake.
    is_odd = isinstance(age, str) and (
        len(age) > MAX_ECHOED_CHARS or not age.isascii() or "_" in age
    )
    if isinstance(age, bool) or not isinstance(age, int | float | str) or is_odd:
        raise BadType(
            f"age: found {_found(age)}; it must be {allowed}, or a string of one", loc=("age",)
        )
    years = parse_number(age)
    if years is None:
        raise BadType(f"age: found a string that is no number; it must be {allowed}", loc=("age",))
    age_years(years, ("age",))
    return years


def _found(value: object) -> str:
    """Describe a value for a message without showing it, because it may identify a patient."""
    return f"a string of {len(value)} characters" if isinstance(value, str) else type_name(value)


def _is_short_string(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_ECHOED_CHARS

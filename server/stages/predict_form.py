"""/predict's form: a JSON object about the patient, and the files of one ECG."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.options import misplaced_options
from analysis.uploads import predict_options
from errors import BadType, MissingPart
from formats.hints import HINT_NAMES, hints_from_params
from formats.json import body as json_body
from formats.parts import Part
from formats.registry import is_recording, read
from server.stages.options import query_options, unknown_params
from server.stages.parsed_request import Limits, ParsedRequest, pending, with_warnings

UTF8_BOM = b"\xef\xbb\xbf"


def read_predict_form(
    files: list[Part], params: Mapping[str, list[str]], limits: Limits
) -> ParsedRequest:
    """Find the JSON object about the patient by its content; the other files are one ECG.

    Raises MissingPart, BadType, MissingField, UnderAge, and what the ECG's reader raises.
    """
    patients = [file for file in files if _is_json_object(file) and not is_recording(file)]
    if len(patients) != 1:
        raise MissingPart(
            f"the form has {len(patients)} JSON objects about the patient; exactly one, with the "
            "age, is needed, in addition to the ECG's files"
        )
    about = json_body.loads(patients[0].data)
    if not isinstance(about, Mapping):
        raise BadType("the JSON about the patient must be an object with an age", loc=("age",))
    options = predict_options(about)
    recording = [file for file in files if file is not patients[0]]
    if not recording:
        raise MissingPart(
            "the form has a JSON object about the patient and no ECG; send the ECG's files too"
        )
    warnings = unknown_params(params, HINT_NAMES)
    warnings += misplaced_options(query_options(params), "predict")
    record = read(recording, hints_from_params(params), max_bytes=limits.max_body_bytes)
    return ParsedRequest([pending(record)], False, with_warnings(options, warnings))


def _is_json_object(file: Part) -> bool:
    return file.data.removeprefix(UTF8_BOM).lstrip().startswith(b"{")

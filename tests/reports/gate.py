"""Reported cases: recordings that are not judged, because they cannot be read or have no beats."""

from __future__ import annotations

import re

from tests.reports.sending import Check, Reply


def noise_has_no_diagnosis(reply: Reply) -> None:
    answer = reply.answered()
    values = [answer[name] for name in ("diagnosis", "probability", "probabilities")]
    assert values == [None, None, None]
    assert answer["rhythm"] == "Undetermined"
    assert answer["description"].startswith("no class: not judged, because the recording is unread")
    assert (
        "superclass: not judged, because the recording is unreadable; "
        "judge_unreadable=true asks for it anyway" in reply.warnings
    )


def beats_do_not_fit_the_sampling_rate(reply: Reply) -> None:
    answer = reply.answered()
    assert answer["clinical_analysis"]["rhythm"] == "Undetermined"
    assert answer["pacemaker"]["present"] is None
    assert (answer["labels"], answer["measurements"]["heart_rate_bpm"]) == (None, None)
    (doubt,) = [warning for warning in reply.warnings if warning.startswith("fs: ")]
    match = re.fullmatch(
        r"fs: the beats do not fit 500 Hz, at which the QRS complexes would last 21 ms; "
        r"they fit 100 Hz: QRS (\d+) ms, 60 per minute; check fs",
        doubt,
    )
    assert match is not None and 100 <= int(match[1]) <= 108


CASES: dict[str, Check] = {
    "noise_classified_as_MI": noise_has_no_diagnosis,
    "rate_5_times_too_high": beats_do_not_fit_the_sampling_rate,
}

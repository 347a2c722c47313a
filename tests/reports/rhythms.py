"""Reported cases: rhythms that the answer must name, or warn of."""

from __future__ import annotations

from tests.reports.sending import Check, Reply


def a_long_pause_is_named(reply: Reply) -> None:
    answer = reply.answered()
    assert answer["measurements"]["beats"] == 5
    (warning,) = [each for each in reply.warnings if each.startswith("heart_rate_bpm: ")]
    assert warning == (
        "heart_rate_bpm: 75 per minute is the rate of the median interval and does not show the "
        "pause: no beat from 2.9 to 9.2 s (6.3 s), 5 beats in 10.0 s"
    )


CASES: dict[str, Check] = {"pause_of_6_s": a_long_pause_is_named}

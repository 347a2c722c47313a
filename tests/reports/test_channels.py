"""Reported cases: channels that cannot be read, that are not stated, or that have no lead's name.

One such channel does not cost the others; what is left out is named.
"""

from __future__ import annotations

import pytest

from tests.data import requires_shared
from tests.reports.sending import Check, Reply, send
from tests.server.harness import RunningServer


def edf_channel_not_connected(reply: Reply) -> None:
    answer = reply.answered()
    assert answer["signal"]["lead_names"] == ["I", "II"]
    assert answer["measurements"]["heart_rate_bpm"] == pytest.approx(60, abs=0.5)
    assert "signal: ECG III left out: its gain is 0" in reply.warnings


def edf_of_annotations(reply: Reply) -> None:
    problem = reply.refused("no_samples")
    assert problem["detail"] == "the EDF file holds only annotations, no signal"


CASES: dict[str, Check] = {
    "edf_blanked_lead_III": edf_channel_not_connected,
    "edf_only_annotations": edf_of_annotations,
}


@requires_shared
@pytest.mark.parametrize("case", CASES)
def test_reported_case(embedded: RunningServer, case: str) -> None:
    CASES[case](send(embedded, case))

"""Each reported case has one assertion, and passes it."""

from __future__ import annotations

import pytest

from tests.data import requires_shared
from tests.reports import channels, filler, gate, limb_leads, rhythms, tables, waves
from tests.reports.sending import FOLDER, send
from tests.server.harness import RunningServer

TOPICS = (channels, filler, gate, limb_leads, rhythms, tables, waves)
CHECKS = {case: check for topic in TOPICS for case, check in topic.CASES.items()}


@requires_shared
@pytest.mark.parametrize("case", CHECKS)
def test_a_reported_case_is_answered_rightly(embedded: RunningServer, case: str) -> None:
    CHECKS[case](send(embedded, case))


@requires_shared
def test_each_reported_case_has_one_check() -> None:
    reported = {path.parent.name for path in FOLDER.glob("*/expected.json")}
    assert sum(len(topic.CASES) for topic in TOPICS) == len(CHECKS)
    assert {*CHECKS} == reported

"""Each reported case has an assertion."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.data import requires_shared
from tests.reports.sending import FOLDER

# Cases about measurements and the placement of leads: no test sends them yet.
OF_THE_MEASUREMENTS = ("tall_t_", "p_waves_only_", "pause_", "rows_")


def checked_cases() -> list[str]:
    names = [path.stem for path in Path(__file__).parent.glob("test_*.py")]
    modules = [importlib.import_module(f"tests.reports.{name}") for name in names]
    return [case for module in modules for case in getattr(module, "CASES", {})]


@requires_shared
def test_each_reported_case_has_one_assertion() -> None:
    reported = {path.parent.name for path in FOLDER.glob("*/expected.json")}
    checked = checked_cases()
    assert len(checked) == len({*checked})
    missing = reported - {*checked}
    assert {case for case in missing if not case.startswith(OF_THE_MEASUREMENTS)} == set()
    assert {*checked} <= reported

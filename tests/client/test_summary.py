"""The short texts that the report and the plot share."""

from __future__ import annotations

import pytest
from ecgfm_client import Analysis
from ecgfm_client.summary import measurement_rows


@pytest.mark.parametrize(
    ("name", "value", "limits", "note"),
    [
        ("pr_ms", 215.0, [120.0, 200.0], "outside 120 to 200"),
        ("qrs_ms", 124.0, [None, 110.0], "above 110"),
        ("p_duration_ms", 131.0, [None, 120.0], "above 120"),
        ("heart_rate_bpm", 45.0, [60.0, None], "below 60"),
    ],
)
def test_a_value_outside_its_range_says_which_bound_it_breaks(
    name: str, value: float, limits: list[float | None], note: str
) -> None:
    flags = [{"name": name, "value": value, "range": limits, "source": "s"}]
    analysis = Analysis.read({"measurements": {name: value, "flags": flags}})
    assert [row.note for row in measurement_rows(analysis) if row.value == value] == [note]

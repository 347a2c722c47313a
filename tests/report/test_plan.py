"""Which lead is where, and when its stretch begins."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from report.options import Layout, ReportOptions
from report.plan import Plan, plan_page
from report.rows import place_rows
from signals.leads import twelve_leads
from signals.record import EcgRecord
from tests.report.pages import ecg, only

TEN_S = 10.02
TOP, HEIGHT = 50.0, 145.0


def plan_of(record: EcgRecord, capacity_s: float = TEN_S, **options: Any) -> Plan:
    return plan_page(record, twelve_leads(record), ReportOptions(**options), capacity_s)


def labels(plan: Plan) -> list[str]:
    return [" ".join(cell.label for cell in row) for row in plan.rows]


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("3x4", ["I aVR V1 V4", "II aVL V2 V5", "III aVF V3 V6", "II"]),
        ("cabrera", ["aVL II V1 V4", "I aVF V2 V5", "−aVR III V3 V6", "II"]),
        ("6x2", ["I V1", "II V2", "III V3", "aVR V4", "aVL V5", "aVF V6"]),
        ("12x1", ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]),
    ],
)
def test_the_leads_of_a_layout(layout: Layout, expected: list[str]) -> None:
    assert labels(plan_of(ecg(), layout=layout)) == expected


def test_columns_follow_each_other() -> None:
    plan = plan_of(ecg())
    assert [cell.from_s for cell in plan.rows[0]] == [0.0, 2.5, 5.0, 7.5]
    assert [cell.place_s for cell in plan.rows[0]] == [0.0, 2.5, 5.0, 7.5]
    assert (plan.rule, plan.seconds, plan.end_s) == ("consecutive", 2.5, 10.0)
    shifted = plan_of(ecg(60.0), start_s=20.0)
    assert [cell.from_s for cell in shifted.rows[0]] == [20.0, 22.5, 25.0, 27.5]
    assert shifted.rows[-1][0].piece.samples.size == 5001


def test_cabrera_shows_avr_upside_down() -> None:
    record = ecg()
    upside_down = plan_of(record, layout="cabrera").rows[2][0].piece.samples
    np.testing.assert_array_equal(upside_down, -record.signal[3, :1251])


@pytest.mark.parametrize(("capacity_s", "seconds"), [(5.0, 1.25), (4.91, 1.2), (9.99, 2.45)])
def test_less_paper_has_shorter_columns(capacity_s: float, seconds: float) -> None:
    plan = plan_of(ecg(), capacity_s)
    assert plan.seconds == pytest.approx(seconds)
    assert plan.end_s == pytest.approx(4 * seconds)


def test_a_short_recording_has_simultaneous_columns() -> None:
    plan = plan_of(ecg(6.0))
    assert plan.rule == "simultaneous"
    assert {cell.from_s for cell in plan.rows[0]} == {0.0}
    assert plan.end_s == 6.0, "the rhythm strip shows all of it"
    assert plan_of(ecg(9.6)).rule == "consecutive"


def test_one_lead_fills_rows() -> None:
    plan = plan_of(only(ecg(35.0), "V2"))
    assert labels(plan) == ["V2"] * 4
    assert [row[0].from_s for row in plan.rows] == [0.0, 10.0, 20.0, 30.0]
    assert plan.end_s == 35.0
    assert len(plan_of(only(ecg(200.0), "V2")).rows) == 6


def test_two_limb_leads_give_six_rows() -> None:
    plan = plan_of(only(ecg(), "I", "II"), layout="6x2")
    assert labels(plan) == ["I", "II", "III*", "aVR*", "aVL*", "aVF*"]


def test_missing_leads_keep_their_places() -> None:
    plan = plan_of(only(ecg(), "I", "II", "V1", "V3"))
    assert labels(plan)[1] == "II aVL* V2 V5"
    assert [cell.recorded for cell in plan.rows[1]] == [True, True, False, False]


@pytest.mark.parametrize("gain", [5.0, 10.0, 20.0, 80.0])
@pytest.mark.parametrize("layout", ["3x4", "6x2", "12x1"])
def test_rows_share_the_height(layout: Layout, gain: float) -> None:
    plan = plan_of(ecg(), layout=layout)
    places = place_rows(plan.rows, gain, TOP, HEIGHT)
    assert places[0].top == TOP
    assert places[-1].bottom == pytest.approx(TOP + HEIGHT)
    for place, following in pairwise(places):
        assert place.top < place.baseline < place.bottom == following.top
    distances = np.diff([place.baseline for place in places])
    assert distances.min() >= min(20.0, 0.8 * HEIGHT / len(places)) - 1e-9


def test_a_row_of_deep_waves_gets_more_room() -> None:
    record = ecg()
    record.signal[7] *= 4
    quiet = place_rows(plan_of(ecg()).rows, 10.0, TOP, HEIGHT)
    deep = place_rows(plan_of(record).rows, 10.0, TOP, HEIGHT)
    assert deep[1].height > quiet[1].height

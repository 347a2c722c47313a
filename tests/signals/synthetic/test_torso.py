"""The matrix against the other leads that are listed with it, and what a device records."""

from __future__ import annotations

import numpy as np
import pytest

from signals.leads import LEADS
from signals.synthetic.torso import DOWER, ELECTRODES, leads_without, recorded_leads

# The other limb leads as implementations of the matrix list them beside the eight.
LISTED = {
    "III": (-0.397, 1.301, -0.191),
    "aVR": (-0.434, -0.415, 0.037),
    "aVL": (0.515, -0.768, 0.125),
    "aVF": (-0.081, 1.184, -0.162),
}


def test_the_other_limb_leads_follow_from_the_matrix_as_they_are_listed() -> None:
    lead_i, lead_ii = DOWER[:2]
    derived = {
        "III": lead_ii - lead_i,
        "aVR": -(lead_i + lead_ii) / 2,
        "aVL": lead_i - lead_ii / 2,
        "aVF": lead_ii - lead_i / 2,
    }
    for lead, row in LISTED.items():
        np.testing.assert_allclose(derived[lead], row, atol=0.0011)


def test_the_heart_points_where_anatomy_says() -> None:
    """To the left is I and V6, to the feet II and aVF, to the front V1 and V2."""
    to_the_left, to_the_feet, to_the_back = DOWER.T
    assert to_the_left[0] > 0 and to_the_left[7] > 0 > to_the_left[2]
    assert to_the_feet[1] == max(to_the_feet)
    assert to_the_back[2] < 0 and to_the_back[3] < 0 < to_the_back[7]


def test_limb_leads_agree_exactly_in_whole_microvolts() -> None:
    leads = recorded_leads(np.random.default_rng(1).normal(0.0, 1.0, (8, 1000)))
    microvolts = 1000.0 * leads.astype(np.float64)
    whole = np.round(microvolts)
    np.testing.assert_allclose(microvolts, whole, atol=1e-3)
    i, ii, iii, avr, avl, avf = whole[:6]
    assert (iii == ii - i).all() and (2 * avr == -(i + ii)).all()
    assert (2 * avl == 2 * i - ii).all() and (2 * avf == 2 * ii - i).all()


@pytest.mark.parametrize("electrode", ELECTRODES)
def test_a_lead_needs_its_electrodes(electrode: str) -> None:
    lost = set(leads_without(electrode))
    alone = {"RA": "III", "LA": "II", "LL": "I"}
    expected = set(LEADS) - {alone[electrode]} if electrode in alone else {electrode}
    assert lost == expected

"""Electrodes that changed places are suspected, and those in their places are not."""

from __future__ import annotations

import numpy as np
import pytest

from signal_quality import assess
from signal_quality.placement import EXCHANGES
from signals.leads import INDEPENDENT, LEADS
from signals.record import EcgRecord
from tests.data import requires_shared
from tests.signal_quality.real import ptb_xl
from tests.signals.recordings import record

REVERSALS = ("limb_electrode_reversal", "chest_electrode_reversal")


def exchanged(real: EcgRecord, which: str) -> EcgRecord:
    """The recording as it would be with these electrodes exchanged."""
    eight = EXCHANGES[which] @ real.signal[
        [real.lead_names.index(lead) for lead in INDEPENDENT]
    ].astype(np.float64)
    one, two = eight[:2]
    return record(
        [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2, *eight[2:]],
        LEADS,
        real.fs,
    )


def suspicions(recordings: list[EcgRecord]) -> list[tuple[str, str]]:
    findings = [
        one for each in recordings for one in assess(each).findings if one.code in REVERSALS
    ]
    return [(one.code, one.advice) for one in findings]


def test_an_exchange_of_arms_is_what_einthoven_says() -> None:
    """Arms exchanged: I upside down, II and III, aVR and aVL in each other's place."""
    potentials = {"RA": 1.0, "LA": 20.0, "LL": 300.0}

    def leads(right: str, left: str, leg: str) -> np.ndarray:
        r, l_, f = potentials[right], potentials[left], potentials[leg]
        return np.array([l_ - r, f - r])

    usual = leads("RA", "LA", "LL")
    for which, places in {
        "right arm and left arm": ("LA", "RA", "LL"),
        "right arm and left leg": ("LL", "LA", "RA"),
        "left arm and left leg": ("RA", "LL", "LA"),
    }.items():
        assert EXCHANGES[which][:2, :2] @ usual == pytest.approx(leads(*places))


@requires_shared
def test_electrodes_in_their_places_are_not_suspected() -> None:
    assert len(suspicions(list(ptb_xl()))) <= 0.05 * len(ptb_xl())


@requires_shared
@pytest.mark.parametrize(
    ("which", "share"),
    [("right arm and left arm", 0.85), ("right arm and left leg", 0.7), ("V1 to V6", 0.85)],
)
def test_exchanged_electrodes_are_suspected_and_named(which: str, share: float) -> None:
    found = suspicions([exchanged(real, which) for real in ptb_xl()])
    assert sum(which in advice for _, advice in found) >= share * len(ptb_xl())


@requires_shared
def test_arms_exchanged_is_a_limb_reversal_with_a_sentence() -> None:
    judged = [assess(exchanged(real, "right arm and left arm")) for real in ptb_xl()[:5]]
    quality = next(
        found for found in judged if any(one.code in REVERSALS for one in found.findings)
    )
    (finding,) = [one for one in quality.findings if one.code in REVERSALS]
    assert finding.code == "limb_electrode_reversal" and finding.lead is None
    assert "right arm and left arm" in quality.recommendation

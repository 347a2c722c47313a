"""When the rule fires, and when it ends."""

from __future__ import annotations

import numpy as np
import pytest

from heads.fibrillation.model import shipped_description
from heads.fibrillation.rule import (
    HITS,
    OF_SECONDS,
    QUIET_S,
    RuleState,
    advance,
    patient_probability,
    start,
    step,
)


def run(hits: str) -> str:
    """Return the seconds in which the rule fires, of those with a hit."""
    state = start(1)
    result = []
    for hit in hits:
        state, is_firing = advance(state, np.array([hit == "1"]))
        result.append("1" if is_firing[0] else "0")
    return "".join(result)


@pytest.mark.parametrize(
    ("hits", "fires"),
    [
        ("111000", "001111"),
        ("110100", "000111"),
        ("110010", "000000"),
        ("100110", "000000"),
        ("10011100", "00000111"),
        ("111" + "0" * QUIET_S, "001" + "1" * (QUIET_S - 1) + "0"),
        ("111" + "0" * (QUIET_S - 1) + "1", "001" + "1" * QUIET_S),
    ],
)
def test_three_of_four_seconds_begin_and_eight_quiet_ones_end(hits: str, fires: str) -> None:
    assert (HITS, OF_SECONDS) == (3, 4)
    assert run(hits) == fires


def test_patients_can_be_selected_and_appended() -> None:
    random = np.random.default_rng(0)
    hits = random.random((5, 40)) < 0.5
    together = start(5)
    alone = [start(1) for _ in range(5)]
    for second in range(hits.shape[1]):
        together, all_firing = advance(together, hits[:, second])
        for row in range(5):
            alone[row], firing = advance(alone[row], hits[row : row + 1, second])
            assert firing[0] == all_firing[row]
        if second == 20:
            kept = np.array([1, 3])
            rest = RuleState(together.hits[kept], together.is_firing[kept])
            _, firing = advance(rest, hits[kept, second + 1])
            _, expected = advance(together, hits[:, second + 1])
            assert np.array_equal(firing, expected[kept])


def test_a_state_is_not_written_to() -> None:
    state, _ = advance(start(2), np.array([True, False]))
    before = state.hits.copy()
    advance(state, np.array([False, True]))
    assert np.array_equal(state.hits, before)


def test_leads_are_joined_in_log_odds_and_unknown_ones_do_not_count() -> None:
    nan = np.nan
    leads = np.array([[0.5, 0.5, nan], [0.9, 0.1, nan], [0.8, nan, nan], [nan, nan, nan]])
    joined = patient_probability(leads)
    assert joined[:3] == pytest.approx([0.5, 0.5, 0.8])
    assert np.isnan(joined[3])


def test_one_certain_lead_does_not_outweigh_the_others() -> None:
    assert patient_probability(np.array([[1.0, 0.01, 0.01]]))[0] < 0.3
    assert patient_probability(np.array([[0.0, 1.0]]))[0] == pytest.approx(0.5)


def test_the_shipped_threshold_decides() -> None:
    threshold = shipped_description().threshold
    leads = np.array([[threshold + 0.01], [threshold - 0.01], [np.nan]])
    state = start(3)
    for _ in range(HITS):
        state, firing = step(state, leads)
    assert firing.tolist() == [True, False, False]

"""The table of P waves on T: one row for each stretch and place, with what was added."""

from __future__ import annotations

import numpy as np

from training.delineator.p_on_t import PVariant
from training.delineator.p_report import HEADER, PResult, p_table

NO_SIGNAL = np.zeros((12, 0))


def result(
    t_to_qrs_ms: float | None,
    earlier_ms: float | None,
    pr_ms: float | None,
    *,
    is_by_network: bool = True,
) -> PResult:
    truth_ms = float("nan") if earlier_ms is None else 160.0 + earlier_ms
    variant = PVariant(t_to_qrs_ms, earlier_ms, truth_ms, NO_SIGNAL)
    uncertainty_ms = None if pr_ms is None else 5.0
    return PResult(variant, pr_ms, uncertainty_ms, is_by_network)


def test_rows_are_by_stretch_and_place_and_the_last_has_no_p_wave() -> None:
    """By hand: errors of +4, -2 and +10 ms, two of them within 5 ms."""
    results = [
        result(160.0, None, 200.0),
        result(160.0, None, None, is_by_network=False),
        result(160.0, 40.0, 204.0, is_by_network=False),
        result(160.0, 40.0, 198.0),
        result(160.0, 40.0, 210.0),
        result(160.0, 40.0, None, is_by_network=False),
        result(None, 0.0, 160.0),
    ]
    rows = p_table(results).removeprefix(HEADER).strip().splitlines()
    assert rows == [
        "| as recorded | 0 ms | 1 | 1 | 1 | +0.0 | 0.0 | 0.0 | 100 % |",
        "| 160 ms | 40 ms | 4 | 2 | 3 | +4.0 | 4.0 | 8.8 | 67 % |",
        "| 160 ms | no P wave | 2 | 1 | 1 |  |  |  |  |",
    ]

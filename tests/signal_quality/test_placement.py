"""Interchanged electrodes are suspected, and those in their places are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from signal_quality import assess, placement
from signal_quality.placement import (
    EXCHANGES,
    PlacementModel,
    placement_features,
    placement_findings,
    placement_rows,
    shipped_placement,
)
from signal_quality.windows import Window, measure_windows
from signals.leads import INDEPENDENT_LEADS, LEADS
from signals.record import EcgRecord
from tests.data import requires_shared
from tests.signal_quality.real import ptb_xl
from tests.signals.recordings import beating, record

REVERSALS = ("limb_electrode_reversal", "chest_electrode_reversal")


def exchanged(real: EcgRecord, exchange: str) -> EcgRecord:
    """The recording as it would be with these electrodes exchanged."""
    rows = [real.lead_names.index(lead) for lead in INDEPENDENT_LEADS]
    eight = EXCHANGES[exchange] @ real.signal[rows].astype(np.float64)
    one, two = eight[:2]
    limbs = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    return record([*limbs, *eight[2:]], LEADS, real.fs)


def suspicions(recordings: list[EcgRecord]) -> list[tuple[str, str]]:
    """(code, advice) of every reversal that is suspected."""
    return [
        (finding.code, finding.advice)
        for recording in recordings
        for finding in assess(recording).findings
        if finding.code in REVERSALS
    ]


def test_exchanges_of_limbs_follow_einthoven() -> None:
    """Arms exchanged: I is upside down, II and III, aVR and aVL are in each other's places."""
    potentials = {"RA": 1.0, "LA": 20.0, "LL": 300.0}

    def one_and_two(right: str, left: str, leg: str) -> np.ndarray:
        one = potentials[left] - potentials[right]
        two = potentials[leg] - potentials[right]
        return np.array([one, two])

    usual = one_and_two("RA", "LA", "LL")
    for exchange, electrodes in {
        "right arm and left arm": ("LA", "RA", "LL"),
        "right arm and left leg": ("LL", "LA", "RA"),
        "left arm and left leg": ("RA", "LL", "LA"),
    }.items():
        assert EXCHANGES[exchange][:2, :2] @ usual == pytest.approx(one_and_two(*electrodes))
        np.testing.assert_array_equal(EXCHANGES[exchange][2:, 2:], np.eye(6))


@pytest.mark.parametrize(
    ("exchange", "chest"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        ("V1 and V2", [2, 1, 3, 4, 5, 6]),
        ("V3 and V4", [1, 2, 4, 3, 5, 6]),
        ("V1 and V3", [3, 2, 1, 4, 5, 6]),
        ("V1 to V6", [6, 5, 4, 3, 2, 1]),
    ],
)
def test_exchanges_of_chest_leads_reorder_them(exchange: str, chest: list[int]) -> None:
    leads = np.array([70.0, 80.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert (EXCHANGES[exchange] @ leads).tolist() == [70.0, 80.0, *chest]


def test_the_features_are_products_and_means_of_p_qrs_and_t() -> None:
    """Of a template that is constant in each part: 80 samples at 125 Hz, R at 30."""
    template = np.zeros((8, 80))
    sizes = np.arange(1.0, 9.0)
    template[0, 5:20] = 1.0
    template[:, 22:38] = sizes[:, np.newaxis]
    template[3, 45:] = -2.0
    features = placement_features(template)
    assert features.shape == (3 * (36 + 8),)
    p, qrs, t = features.reshape(3, 44)
    # Each part is divided by the root of the sum over leads of the mean squares.
    assert p[0] == pytest.approx(1.0)
    assert np.abs(p[1:36]).max() == 0
    relative = sizes / np.sqrt(np.square(sizes).sum())
    np.testing.assert_allclose(qrs[:36], np.outer(relative, relative)[np.triu_indices(8)])
    np.testing.assert_allclose(qrs[36:], relative)
    assert t[36:].argmin() == 3
    np.testing.assert_allclose(placement_features(730.0 * template), features)


def test_the_probabilities_are_those_of_a_multinomial_regression() -> None:
    model = PlacementModel(np.array([[0.0, 0.0], [1.0, -1.0], [0.0, 2.0]]), np.zeros(3), 0.5)
    rows = np.array([[np.log(2.0), 0.0], [0.0, 500.0]])
    np.testing.assert_allclose(model.probabilities(rows), [[0.25, 0.5, 0.25], [0, 0, 1]], atol=1e-9)
    shifted = replace(model, shifts=np.log([1.0, 2.0, 1.0]))
    expected = [[1 / 6, 4 / 6, 1 / 6]]
    np.testing.assert_allclose(shifted.probabilities(rows[:1]), expected, atol=1e-9)


def windows_of(signal: np.ndarray, names: tuple[str, ...] = LEADS) -> list[Window]:
    return measure_windows(signal, 500.0, names)


def test_the_rows_are_of_the_independent_leads_in_any_order() -> None:
    signal = beating()
    rows = placement_rows(windows_of(signal), LEADS)
    assert rows is not None
    assert rows.shape == (1, 132)
    order = np.random.default_rng(0).permutation(12)
    names = tuple(LEADS[row] for row in order)
    shuffled = placement_rows(windows_of(signal[order], names), names)
    assert shuffled is not None
    np.testing.assert_allclose(shuffled, rows, atol=1e-5)


@pytest.mark.parametrize("missing", ["I", "V4"])
def test_without_all_independent_leads_nothing_is_suspected(missing: str) -> None:
    rows = [row for row, lead in enumerate(LEADS) if lead != missing]
    names = tuple(LEADS[row] for row in rows)
    windows = windows_of(beating()[rows], names)
    assert placement_rows(windows, names) is None
    assert placement_findings(windows, names) == []


def test_windows_with_noise_or_a_constant_lead_are_left_out() -> None:
    signal = np.tile(beating(), 4)
    signal[:, 5000:10_000] = np.random.default_rng(0).normal(size=(12, 5000))
    signal[6, 10_000:15_000] = 0.0
    rows = placement_rows(windows_of(signal), LEADS)
    whole = placement_rows(windows_of(np.tile(beating(), 2)), LEADS)
    assert rows is not None and whole is not None
    assert len(rows) == len(whole) == 2
    assert placement_rows(windows_of(signal)[1:2], LEADS) is None


def model_with(exchange: str, probability: float, limit: float) -> PlacementModel:
    """A model that gives an exchange this probability, and the others next to none."""
    shifts = np.full(len(EXCHANGES), -100.0)
    shifts[0] = np.log(1 - probability)
    shifts[list(EXCHANGES).index(exchange)] = np.log(probability)
    return PlacementModel(np.zeros((len(EXCHANGES), 132)), shifts, limit)


@pytest.mark.parametrize(
    ("exchange", "code", "fault", "electrodes"),
    [
        ("right arm and left arm", "limb_electrode_reversal", "may be interchanged", "RA LA"),
        ("V2 and V3", "chest_electrode_reversal", "may be interchanged", "V2 V3"),
        ("V1 to V6", "chest_electrode_reversal", "may be in reverse order", "V1 V2 V3 V4 V5 V6"),
    ],
)
def test_the_likeliest_exchange_is_named(
    exchange: str, code: str, fault: str, electrodes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "shipped_placement", lambda: model_with(exchange, 0.7, 0.6))
    (finding,) = placement_findings(windows_of(beating()), LEADS)
    assert (finding.code, finding.lead, finding.limit) == (code, None, 0.6)
    assert finding.value == pytest.approx(0.7)
    assert finding.exchanged == tuple(electrodes.split())
    assert finding.advice == (
        f"The {exchange} electrodes {fault}: check each against its label and record again before"
        " interpreting the recording."
    )


@pytest.mark.parametrize(("limit", "count"), [(0.69, 1), (0.71, 0), (1.0, 0)])
def test_a_suspicion_must_exceed_the_limit(
    limit: float, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_with("V2 and V3", 0.7, limit)
    monkeypatch.setattr(placement, "shipped_placement", lambda: model)
    assert len(placement_findings(windows_of(beating()), LEADS)) == count
    windows = windows_of(beating())
    rows = placement_rows(windows, LEADS)
    assert rows is not None
    suspicion = float(1.0 - model.probabilities(rows)[0, 0])
    monkeypatch.setattr(placement, "shipped_placement", lambda: replace(model, limit=suspicion))
    assert placement_findings(windows, LEADS) == []


def test_the_shipped_model_has_the_exchanges_of_the_code() -> None:
    model = shipped_placement()
    assert model.weights.shape == (len(EXCHANGES), 132)
    assert model.shifts.shape == (len(EXCHANGES),)
    assert 0.5 < model.limit < 1


@requires_shared
def test_electrodes_in_their_places_are_not_suspected() -> None:
    assert len(suspicions(list(ptb_xl()))) <= 0.05 * len(ptb_xl())


@requires_shared
@pytest.mark.parametrize(
    ("exchange", "share"),
    [("right arm and left arm", 0.85), ("right arm and left leg", 0.7), ("V1 to V6", 0.85)],
)
def test_exchanged_electrodes_are_suspected_and_named(exchange: str, share: float) -> None:
    found = suspicions([exchanged(real, exchange) for real in ptb_xl()])
    named = [advice for _, advice in found if advice.startswith(f"The {exchange} electrodes may ")]
    assert len(named) >= share * len(ptb_xl())


@requires_shared
def test_the_recommendation_repeats_the_advice_about_exchanged_arms() -> None:
    qualities = [assess(exchanged(real, "right arm and left arm")) for real in ptb_xl()[:5]]
    suspected = 0
    for quality in qualities:
        for finding in quality.findings:
            if finding.code in REVERSALS:
                suspected += 1
                assert finding.code == "limb_electrode_reversal"
                assert finding.lead is None
                assert quality.recommendation.endswith(f" {finding.advice}")
    assert suspected >= 3

"""What disturbs one electrode is in all leads that are derived from it, and is no pacing spike."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.pacing import spikes_and_pacing
from signals.leads import LEADS, twelve_leads
from signals.record import EcgRecord
from tests.intervals.synthetic import Made, synthetic_at

FS_HZ = 500.0
ONSETS_S = np.arange(0.5, 9.5, 0.8)
SPIKES_S = np.round((ONSETS_S - 0.03) * FS_HZ) / FS_HZ


def signal_of(leads: tuple[str, ...]) -> NDArray[np.float32]:
    signal = synthetic_at(ONSETS_S, Made(p=False, qrs_ms=140.0))
    signal += np.random.default_rng(0).normal(0.0, 0.01, signal.shape)
    return signal[[LEADS.index(lead) for lead in leads]].astype(np.float32)


def spikes_in(signal: NDArray[np.float32], leads: tuple[str, ...]) -> list[float]:
    record = EcgRecord(signal, FS_HZ, leads)
    spikes, _ = spikes_and_pacing(record, twelve_leads(record), ONSETS_S + 0.07)
    return [float(each) for each in spikes.times_s]


PAIRS = [("I", "II"), ("II", "III"), ("I", "aVF"), ("II", "V5"), ("aVR", "V1")]


@pytest.mark.parametrize("leads", PAIRS)
@pytest.mark.parametrize("disturbed", [0, 1])
def test_a_spike_in_one_of_two_sent_leads_is_none(leads: tuple[str, str], disturbed: int) -> None:
    signal = signal_of(leads)
    signal[disturbed, np.round(SPIKES_S * FS_HZ).astype(int)] += 2.0
    assert spikes_in(signal, leads) == []


@pytest.mark.parametrize("leads", PAIRS)
def test_a_spike_in_both_leads_is_one(leads: tuple[str, str]) -> None:
    signal = signal_of(leads)
    signal[:, np.round(SPIKES_S * FS_HZ).astype(int)] += np.array([[2.0], [1.2]], np.float32)
    np.testing.assert_allclose(spikes_in(signal, leads), SPIKES_S)


def test_a_spike_in_one_chest_lead_of_twelve_is_none() -> None:
    signal = signal_of(LEADS)
    at = np.round(SPIKES_S * FS_HZ).astype(int)
    signal[LEADS.index("V3"), at] += 2.0
    assert spikes_in(signal, LEADS) == []
    signal[LEADS.index("V4"), at] -= 1.0
    np.testing.assert_allclose(spikes_in(signal, LEADS), SPIKES_S)

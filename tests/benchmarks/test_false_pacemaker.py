"""The benchmark of false pacemakers sees what an answer says, and counts whole crops."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.false_pacemaker import Seen, crops, seen_in
from signals.leads import LEADS
from signals.record import EcgRecord
from tests.intervals.synthetic import Made, synthetic_at

FS_HZ = 500.0
ONSETS_S = np.arange(0.5, 9.5, 0.8)


def recording(leads: tuple[str, ...], spike_mv: float) -> EcgRecord:
    """Wide beats, each 10 ms after a spike of this height; white noise reaches above 100 Hz."""
    signal = synthetic_at(ONSETS_S, Made(p=False, qrs_ms=140.0), FS_HZ)
    signal += np.random.default_rng(0).normal(0.0, 0.01, signal.shape)
    signal[:, np.round((ONSETS_S - 0.01) * FS_HZ).astype(int)] += spike_mv
    rows = [LEADS.index(lead) for lead in leads]
    return EcgRecord(np.ascontiguousarray(signal[rows], np.float32), FS_HZ, leads)


@pytest.mark.parametrize("leads", [("II", "V5"), ("I", "II"), ("aVF", "V1")])
def test_spikes_before_every_beat_are_a_pacemaker_and_none_are_none(
    leads: tuple[str, ...],
) -> None:
    paced = seen_in(recording(leads, 2.0))
    assert paced == Seen(ONSETS_S.size, "ventricular", present=True)
    assert seen_in(recording(leads, 0.0)) == Seen(0, None, present=False)


def test_on_one_lead_nothing_can_be_seen() -> None:
    assert seen_in(recording(("II",), 2.0)) == Seen(None, None, present=False)


@pytest.mark.parametrize(("samples", "count"), [(4999, 0), (5000, 1), (12000, 2)])
def test_crops_are_whole(samples: int, count: int) -> None:
    record = EcgRecord(np.zeros((2, samples), np.float32), FS_HZ, ("II", "V5"))
    assert [crop.samples for crop in crops(record)] == [5000] * count

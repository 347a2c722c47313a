"""Beats of streams are found as they pass."""

import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray

from signals.leads import LEADS
from signals.streams.watch_rate import WATCH_HZ
from signals.synthetic.catalogue import EXAMPLES
from tests.data import SHARED, requires_shared
from tests.heads.beats.streams import at_watch_rate, beat_times_s

BEATS = set("NLRejAaJSVEFQ/f")
TOLERANCE_S = 0.15  # ANSI/AAMI EC57


def matched(found: NDArray[np.float64], truth: NDArray[np.float64]) -> tuple[int, int]:
    """Return how many of the truth are found, and how many found are true."""
    distance = np.abs(found[:, None] - truth[None])
    return int((distance.min(axis=0) <= TOLERANCE_S).sum()), int(
        (distance.min(axis=1) <= TOLERANCE_S).sum()
    )


@pytest.mark.parametrize("name", ["sinus", "atrial_fibrillation", "left_bundle_branch_block"])
@pytest.mark.parametrize("leads", [("II",), ("II", "V1"), LEADS])
def test_every_beat_of_a_clean_stream_is_found_once(name: str, leads: tuple[str, ...]) -> None:
    case = next(case for case in EXAMPLES if case.name == name)
    signal = case.signal(30)[[LEADS.index(lead) for lead in leads]]
    (found,) = beat_times_s([at_watch_rate(signal, case.fs)])
    truth = np.array([event.time_s for event in case.ecg().beats(3.0, 28.0)])
    found = found[(found > truth[0] - TOLERANCE_S) & (found < truth[-1] + TOLERANCE_S)]
    assert len(found) == len(truth)
    assert np.abs(found - truth).max() < TOLERANCE_S


def test_silence_and_gaps_have_no_beats() -> None:
    silence = np.zeros((1, 20 * WATCH_HZ), np.float32)
    gap = np.full_like(silence, np.nan)
    assert [len(times) for times in beat_times_s([silence, gap])] == [0, 0]


def test_a_stream_does_not_depend_on_its_neighbours() -> None:
    signals = [at_watch_rate(case.signal(25)[[1]], case.fs) for case in EXAMPLES if case.fs == 500][
        :5
    ]
    together = beat_times_s(signals)
    for signal, times in zip(signals, together, strict=True):
        (alone,) = beat_times_s([signal])
        assert np.array_equal(alone, times)


@requires_shared
@pytest.mark.parametrize("record", ["115", "119", "205"])
def test_beats_of_real_streams_are_found(record: str) -> None:
    path = str(next((SHARED / "mitbih" / "wfdb").glob(f"{record}*.hea")).with_suffix(""))
    recording, notes = wfdb.rdrecord(path), wfdb.rdann(path, "atr")
    signal = at_watch_rate(recording.p_signal.T.astype(np.float32), recording.fs)
    (found,) = beat_times_s([signal])
    truth = np.array(
        [
            at / recording.fs
            for at, symbol in zip(notes.sample, notes.symbol, strict=True)
            if symbol in BEATS and at < signal.shape[1] / WATCH_HZ * recording.fs
        ]
    )
    found_of_truth, true_of_found = matched(found, truth)
    assert found_of_truth >= 0.99 * len(truth)
    assert true_of_found >= 0.99 * len(found)

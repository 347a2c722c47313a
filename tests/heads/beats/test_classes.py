"""The beats of streams get classes, stream by stream."""

import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray

from heads.beats.classes import CLASSES, classify
from heads.beats.detector import detect
from heads.beats.history import empty_history
from heads.beats.strips import empty_strips, extend
from signals.leads import LEADS
from signals.streams.watch_rate import WATCH_HZ
from signals.synthetic.catalogue import CASES
from tests.data import SHARED, requires_shared
from tests.heads.beats.streams import ClassedStream, at_watch_rate, classed_beats

N, S, V, F, Q = range(len(CLASSES))
MIXED = ("sinus", "premature_beats", "atrial_fibrillation", "tachycardia_runs", "pauses")
TOLERANCE_S = 0.15  # ANSI/AAMI EC57


def stream_of(name: str, leads: tuple[str, ...], seconds: int = 30) -> NDArray[np.float32]:
    case = CASES[name]
    return at_watch_rate(case.signal(seconds)[[LEADS.index(lead) for lead in leads]], case.fs)


@pytest.mark.parametrize("leads", [("II",), ("II", "V1"), LEADS])
@pytest.mark.parametrize("name", ["sinus", "atrial_fibrillation", "left_bundle_branch_block"])
def test_usual_beats_are_normal_whatever_their_shape(name: str, leads: tuple[str, ...]) -> None:
    (beats,) = classed_beats([stream_of(name, leads)])
    settled = beats.label[beats.time_s > 10]
    assert (settled == N).mean() > 0.85


@pytest.mark.parametrize("leads", [("II",), ("II", "V1"), LEADS])
def test_early_wide_beats_are_ventricular(leads: tuple[str, ...]) -> None:
    case = CASES["premature_beats"]
    (beats,) = classed_beats([stream_of(case.name, leads, 60)])
    events = case.ecg().beats(10.0, 58.0)
    early = np.array([event.time_s for event in events if event.beat is not events[0].beat])
    labels = [beats.label[np.abs(beats.time_s - time_s).argmin()] for time_s in early]
    assert len(early) > 5
    assert np.mean(np.array(labels) == V) > 0.9


def test_probabilities_sum_to_one_and_label_every_detected_beat() -> None:
    streams = [stream_of(name, ("II", "V1")) for name in MIXED]
    for beats in classed_beats(streams):
        assert np.allclose(beats.probability.sum(axis=1), 1)
        assert len(beats.label) > 20


def test_a_stream_does_not_depend_on_its_neighbours() -> None:
    streams = [stream_of(name, ("II", "V1")) for name in MIXED]
    for stream, together in zip(streams, classed_beats(streams), strict=True):
        (alone,) = classed_beats([stream])
        assert np.array_equal(alone.time_s, together.time_s)
        assert np.array_equal(alone.probability, together.probability)
        assert np.array_equal(alone.interval_before_s, together.interval_before_s, equal_nan=True)


def test_rows_that_move_in_between_keep_their_history() -> None:
    signals = np.stack([stream_of(name, ("II",), 20) for name in MIXED])
    strips, history = empty_strips(len(MIXED), 1), empty_history(len(MIXED), 1)
    order = np.array([3, 1, 4, 0, 2])
    moved_strips, moved_history = strips.take(order), history.take(order)
    for start in range(0, signals.shape[2], WATCH_HZ):
        second = signals[:, :, start : start + WATCH_HZ]
        strips = extend(strips, second)
        history, classed = classify(history, strips, detect(strips))
        moved_strips = extend(moved_strips, second[order])
        moved_history, moved = classify(moved_history, moved_strips, detect(moved_strips))
        for row, origin in enumerate(order):
            expected = classed.probability[classed.row == origin]
            assert np.array_equal(moved.probability[moved.row == row], expected)


def test_intervals_are_known_except_over_gaps() -> None:
    signal = stream_of("sinus", ("II", "V1"), 40)
    signal[:, 20 * WATCH_HZ : 22 * WATCH_HZ] = np.nan
    (beats,) = classed_beats([signal])
    unknown = np.isnan(beats.interval_before_s)
    after_gap = np.flatnonzero(beats.time_s > 22)[0]
    assert np.flatnonzero(unknown).tolist() == [0, after_gap]
    expected = np.diff(beats.time_s)[~unknown[1:]]
    assert np.abs(beats.interval_before_s[~unknown] - expected).max() < 0.05


def test_a_lead_without_a_signal_changes_nothing_but_itself() -> None:
    both = stream_of("premature_beats", ("II", "V1"), 40)
    both[1] = np.nan
    (with_it,) = classed_beats([both])
    (without,) = classed_beats([both[:1]])
    assert np.array_equal(with_it.time_s, without.time_s)
    assert np.array_equal(with_it.label, without.label)


@requires_shared
@pytest.mark.parametrize(("record", "share"), [("115", 0.98), ("119", 0.98), ("223", 0.9)])
def test_beats_of_real_streams_get_the_annotated_class(record: str, share: float) -> None:
    """These patients are among those of the training: this checks the path, not the accuracy."""
    path = str(next((SHARED / "mitbih" / "wfdb").glob(f"{record}*.hea")).with_suffix(""))
    recording, notes = wfdb.rdrecord(path), wfdb.rdann(path, "atr")
    signal = at_watch_rate(recording.p_signal.T.astype(np.float32), recording.fs)
    (beats,) = classed_beats([signal])
    classes = {"N": N, "L": N, "R": N, "A": S, "V": V, "F": F}
    annotated = [
        (at / recording.fs, classes[symbol])
        for at, symbol in zip(notes.sample, notes.symbol, strict=True)
        if symbol in classes and at / recording.fs < signal.shape[1] / WATCH_HZ
    ]
    assert np.mean([_label_at(beats, time_s) == kind for time_s, kind in annotated]) > share


def _label_at(beats: ClassedStream, time_s: float) -> int | None:
    distance = np.abs(beats.time_s - time_s)
    nearest = int(distance.argmin())
    return int(beats.label[nearest]) if distance[nearest] < TOLERANCE_S else None

"""Pieces that are watched side by side give what one pass gives, but for a stated share."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.holter.report import Recording, report_of
from analysis.holter.rhythm import Episode, Rhythm
from benchmarks.station.holter_accuracy import rhythm_by_hand
from formats.hints import Hints
from formats.stretches.opening import open_long
from formats.stretches.recording import LongRecording
from signals.synthetic.catalogue import EXAMPLES
from station.holter.joining import SEAM_S, join
from station.holter.passing import Found, watch_pieces
from station.holter.pieces import TAIL_S, Piece, cut
from station.watch.fleet import FINAL_AFTER_S
from station.watch.held import ENDS_AFTER_S
from tests.data import SHARED, requires_shared
from tests.station.watch.streams import synthetic


def rhythm_of(recording: LongRecording, piece_s: int) -> Rhythm:
    pieces = cut(recording.duration_s, piece_s, lead_in_s=120)
    return join(watch_pieces(recording, pieces), recording.duration_s)


def test_pieces_follow_each_other() -> None:
    pieces = cut(86_400.5)
    assert len(pieces) == 48
    assert [each.start_s for each in pieces[1:]] == [each.end_s for each in pieces[:-1]]
    assert (pieces[0].from_s, pieces[0].start_s, pieces[-1].end_s) == (0, 0, 86_400.5)
    assert all(each.start_s - each.from_s == 300 for each in pieces[1:])
    assert all(each.to_s - each.end_s == 30 for each in pieces[:-1])


def test_the_tail_is_longer_than_a_seam_and_the_longest_hold() -> None:
    # Beats are final two seconds later at most.
    assert SEAM_S + max(ENDS_AFTER_S.values()) + 2 < TAIL_S
    assert FINAL_AFTER_S < 2


@pytest.mark.parametrize("duration_s", [1.0, 900.0, 1805.6, 2600.0])
def test_a_short_recording_is_one_piece(duration_s: float) -> None:
    assert cut(duration_s) == (Piece(0, 0, duration_s, 0, duration_s),)


@pytest.fixture(scope="module")
def recording() -> LongRecording:
    return open_long(SHARED / "mitbih" / "wfdb" / "201.hea", Hints())


@pytest.fixture(scope="module")
def one(recording: LongRecording) -> Rhythm:
    """Return what a single pass finds."""
    return rhythm_of(recording, 10_000)


@requires_shared
def test_the_report_agrees_with_the_annotations(recording: LongRecording, one: Rhythm) -> None:
    path = SHARED / "mitbih" / "wfdb" / "201.hea"
    annotated, _ = rhythm_by_hand(path, recording.duration_s)
    assert one.beat_s.size == pytest.approx(annotated.beat_s.size, rel=0.01)
    by_hand, by_report = (
        report_of(Recording(recording.duration_s, 360.0, ("MLII", "V1")), rhythm, ())
        for rhythm in (annotated, one)
    )
    assert by_hand.fibrillation.burden is not None and by_report.fibrillation.burden is not None
    assert by_report.fibrillation.burden == pytest.approx(by_hand.fibrillation.burden, abs=0.1)
    (pause,) = by_hand.rates.pauses
    (found,) = by_report.rates.pauses
    assert found.start_s == pytest.approx(pause.start_s, abs=0.1)
    assert found.duration_s == pytest.approx(pause.duration_s, abs=0.1)
    assert by_report.rates.whole.mean_per_min == pytest.approx(
        by_hand.rates.whole.mean_per_min, rel=0.01
    )


@requires_shared
def test_pieces_find_the_beats_of_one_pass(recording: LongRecording, one: Rhythm) -> None:
    joined = rhythm_of(recording, 150)
    assert recording.duration_s > 450, "three pieces and more"
    # The same beats at the same times, and none twice at a seam.
    assert np.array_equal(one.beat_s, joined.beat_s)
    # Classes depend on the minutes before: at most 2 of 100 differ after a lead-in of 2 minutes.
    assert np.mean(one.label != joined.label) < 0.02
    differs = ~np.isclose(one.interval_s, joined.interval_s, atol=0.001, equal_nan=True)
    assert not differs.any()
    assert np.allclose(one.known, joined.known)
    pauses = [each for each in one.episodes if each.rule == "pause"]
    assert pauses and pauses == [each for each in joined.episodes if each.rule == "pause"]
    fibrillation = [
        sum(each.duration_s for each in rhythm.of("atrial_fibrillation"))
        for rhythm in (one, joined)
    ]
    assert fibrillation[0] > 100
    assert abs(fibrillation[0] - fibrillation[1]) < 0.05 * fibrillation[0]


def test_an_episode_until_the_end_of_the_recording_ends_there() -> None:
    (fibrillation,) = (case for case in EXAMPLES if case.name == "atrial_fibrillation")
    signal = synthetic(fibrillation.heart, 90, fs=250, seed=fibrillation.seed)
    whole = LongRecording(
        "synthetic", 250.0, ("II", "V1"), signal.shape[1], lambda first, stop: signal[:, first:stop]
    )
    (episode,) = rhythm_of(whole, 90).of("atrial_fibrillation")
    assert 85 < episode.end_s <= 90


def found(piece: Piece, beats: list[float], *episodes: Episode) -> Found:
    beat_s = np.array(beats)
    windows = np.arange(piece.from_s, piece.to_s - 9, 5.0)
    label = np.zeros(beat_s.size, np.int8)
    intervals = np.diff(beat_s, prepend=np.nan)
    return Found(piece, beat_s, label, intervals, windows, np.ones(windows.size), episodes)


FIRST, SECOND = Piece(0, 0, 130, 0, 100.0), Piece(1, 40, 200.0, 100, 200.0)


def test_a_beat_at_a_seam_is_counted_once() -> None:
    earlier = found(FIRST, [99.2, 100.004, 101.0, 102.5, 111.0])
    later = found(SECOND, [99.2, 99.996, 101.004, 102.5, 111.0, 112.0])
    rhythm = join([earlier, later], 200.0)
    assert rhythm.beat_s.tolist() == [99.2, 100.004, 101.0, 102.5, 111.0, 112.0]


def test_an_episode_across_a_seam_is_one() -> None:
    earlier = found(FIRST, [99.0, 104.0], Episode("pause", 98.0, 130.0))
    later = found(SECOND, [99.0, 104.0], Episode("pause", 40.0, 150.0), Episode("pause", 160, 165))
    rhythm = join([earlier, later], 200.0)
    assert rhythm.episodes == (Episode("pause", 98.0, 150.0), Episode("pause", 160, 165))


def test_time_without_windows_has_no_signal() -> None:
    piece = Piece(0, 0, 60.0, 0, 60.0)
    whole = found(piece, [1.0])
    kept = whole.window_s < 20
    lost = Found(
        piece, whole.beat_s, whole.label, whole.interval_s, whole.window_s[kept],
        whole.known[kept], (),
    )  # fmt: skip
    assert join([lost], 60.0).known.tolist() == [1.0] * 4 + [0.5] + [0.0] * 7

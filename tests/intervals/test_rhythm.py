"""The rhythm's word follows from the measurements, and where they do not tell, none is made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from intervals.beats import BeatClass
from intervals.measurements import BeatFiducials, Measurements
from intervals.rhythm import _irregularity, name_rhythm
from signals.spikes import Pacing

UNPACED = Pacing(0, 0, 10)


def _measured(
    rr_s: list[float],
    *,
    pr_ms: float | None = 160.0,
    p_present: float = 0.98,
    qrs_ms: float = 90.0,
    classes: list[BeatClass] | None = None,
) -> Measurements:
    times = np.concatenate([[0.5], 0.5 + np.cumsum(rr_s)])
    kinds: list[BeatClass] = classes or ["normal"] * len(times)
    beats = tuple(BeatFiducials(float(time), kind) for time, kind in zip(times, kinds, strict=True))
    rate = 60.0 / float(np.median(rr_s))
    return Measurements(
        heart_rate_bpm=rate,
        pr_ms=pr_ms,
        p_present=p_present,
        qrs_ms=qrs_ms,
        beats=len(beats),
        fiducials=beats,
    )


IRREGULAR = [0.8, 0.5, 0.95, 0.62, 0.78, 0.45, 0.9, 0.55, 0.7]


@pytest.mark.parametrize(
    ("rr", "word"), [(0.8, "Sinus rhythm"), (1.2, "Sinus bradycardia"), (0.5, "Sinus tachycardia")]
)
def test_a_regular_rhythm_with_p_waves_is_sinus_rhythm_of_its_rate(rr: float, word: str) -> None:
    assert name_rhythm(_measured([rr] * 9), UNPACED).word == word


def test_an_irregular_one_without_p_waves_is_atrial_fibrillation() -> None:
    found = name_rhythm(_measured(IRREGULAR, pr_ms=None, p_present=0.01), UNPACED)
    assert found.word == "Atrial fibrillation"
    assert found.confidence is not None
    assert found.confidence > 0.5


def test_an_irregular_one_with_p_waves_is_sinus_arrhythmia() -> None:
    found = name_rhythm(_measured(IRREGULAR), UNPACED)
    assert (found.word, found.findings) == ("Sinus rhythm", ("Sinus arrhythmia",))


def test_an_irregular_one_whose_p_waves_cannot_be_measured_is_fibrillation_too() -> None:
    """At fast rates T passes for P; no PR is measured then."""
    assert (
        name_rhythm(_measured(IRREGULAR, pr_ms=None, p_present=0.9), UNPACED).word
        == "Atrial fibrillation"
    )


def test_a_few_premature_beats_without_p_waves_are_no_fibrillation() -> None:
    premature = [0.9, 0.9, 0.9, 0.6, 1.2, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]
    found = _measured(premature, pr_ms=None, p_present=0.3)
    assert (_irregularity(found) or 0.0) > 0.1
    assert name_rhythm(found, UNPACED).word == "Undetermined"


def test_premature_beats_by_turns_are_no_fibrillation() -> None:
    assert (
        name_rhythm(_measured([0.4, 1.4] * 5, pr_ms=None, p_present=0.3), UNPACED).word
        == "Undetermined"
    )


def test_flutter_waves_name_flutter_however_regular_the_beats() -> None:
    for rr in ([0.8] * 9, IRREGULAR):
        found = replace(_measured(rr, pr_ms=None, p_present=0.02), flutter_per_min=280.0)
        assert name_rhythm(found, UNPACED).word == "Atrial flutter"


def test_fast_and_narrow_without_p_waves_is_a_narrow_complex_tachycardia() -> None:
    assert (
        name_rhythm(_measured([0.35] * 20, pr_ms=None, p_present=0.02), UNPACED).word
        == "Narrow-complex tachycardia"
    )


def test_a_regular_one_without_p_waves_has_no_name() -> None:
    assert (
        name_rhythm(_measured([0.9] * 9, pr_ms=None, p_present=0.01), UNPACED).word
        == "Undetermined"
    )


def test_fast_and_wide_without_p_waves_is_a_wide_complex_tachycardia() -> None:
    assert (
        name_rhythm(_measured([0.4] * 20, pr_ms=None, p_present=0.02, qrs_ms=160.0), UNPACED).word
        == "Wide-complex tachycardia"
    )


@pytest.mark.parametrize("paced", [Pacing(0, 9, 10), Pacing(9, 0, 10), Pacing(9, 9, 10)])
def test_spikes_before_the_beats_are_a_pacemaker(paced: Pacing) -> None:
    assert (
        name_rhythm(_measured([0.9] * 9, pr_ms=None, p_present=0.5), paced).word
        == "Electronic pacemaker"
    )


def test_ectopic_beats_do_not_make_a_rhythm_irregular() -> None:
    rr = [0.8, 0.8, 0.5, 1.1, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8]
    classes: list[BeatClass] = ["normal", "normal", "normal", "ectopic", *["normal"] * 7]
    found = _measured(rr, classes=classes)
    assert _irregularity(found) == pytest.approx(0.0, abs=1e-9)
    assert name_rhythm(found, UNPACED).word == "Sinus rhythm"


def test_every_other_beat_ectopic_is_bigeminy() -> None:
    classes: list[BeatClass] = ["normal", "ectopic"] * 5
    assert (
        "Bigeminy"
        in name_rhythm(_measured([0.5, 1.1] * 4 + [0.5], classes=classes), UNPACED).findings
    )


def test_a_few_in_a_row_are_frequent_ectopy() -> None:
    classes: list[BeatClass] = ["normal"] * 3 + ["ectopic"] * 2 + ["normal"] * 5
    assert name_rhythm(_measured([0.8] * 9, classes=classes), UNPACED).findings == (
        "Frequent ectopic beats",
    )


def test_without_a_rate_there_is_no_rhythm() -> None:
    assert name_rhythm(Measurements(), UNPACED).word == "Undetermined"
    assert _irregularity(_measured([0.8, 0.8])) is None

"""A wrong sampling rate is recognised by the beats that another rate has."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.measure import measure
from intervals.sampling_rate import fitting_rate, usual_rate
from tests.data import requires_shared
from tests.intervals.no_ecg import FAMILIES, no_ecg
from tests.intervals.synthetic import Made, synthetic, twelve
from tests.ptbxl import first_of_ptbxl, ptbxl_table


@pytest.mark.parametrize(
    ("fs", "stated", "expected", "rr_ms"),
    [
        (100.0, 500.0, 100.0, 600.0),
        (100.0, 1000.0, 100.0, 1100.0),
        (250.0, 1000.0, 250.0, 850.0),
        (500.0, 100.0, 500.0, 650.0),
        (500.0, 100.0, 500.0, 1100.0),
        (500.0, 2000.0, 500.0, 600.0),
        (1000.0, 200.0, 1000.0, 850.0),
        (112.0, 1000.0, 100.0, 850.0),  # the nearest common rate
    ],
)
def test_the_rate_at_which_the_beats_are_beats(
    fs: float, stated: float, expected: float, rr_ms: float
) -> None:
    """At a rate far too low, each complex may still be measured, as a wide one at 10 to 20/min."""
    leads = twelve(synthetic(Made(rr_ms=rr_ms, qrs_ms=80.0), fs, seconds=20.0))
    stated_bpm = measure(leads, stated).heart_rate_bpm
    if stated_bpm is None:
        found = fitting_rate(leads, stated)
    else:
        found = usual_rate(leads, stated, stated_bpm)
    assert found is not None
    assert found.fs == expected
    shift = expected / fs
    assert found.heart_rate_bpm == pytest.approx(60000 / rr_ms * shift, rel=0.02)
    assert found.qrs_ms == pytest.approx(80.0 / shift, abs=25.0)


@pytest.mark.parametrize("leads", [twelve(np.zeros((12, 5000))), twelve(np.zeros((12, 150)))])
def test_without_a_signal_there_is_none(leads: object) -> None:
    assert fitting_rate(leads, 500.0) is None  # type: ignore[arg-type]


@pytest.mark.long
def test_what_is_no_ecg_seldom_fits_another_rate() -> None:
    tried = [(family, seed) for family in FAMILIES for seed in range(4)]
    fitting = [
        (family, seed)
        for family, seed in tried
        if measure(leads := twelve(no_ecg(family, seed)), 500.0).unmeasured is not None
        and fitting_rate(leads, 500.0) is not None
    ]
    assert len(fitting) <= 0.05 * len(tried), fitting


@requires_shared
def test_real_recordings_of_100_hz_that_are_sent_as_500_hz() -> None:
    rows = np.flatnonzero(ptbxl_table().fold == 9)[:12]
    for signal in first_of_ptbxl()[rows]:
        leads = twelve(signal)
        if measure(leads, 500.0).unmeasured is not None:
            found = fitting_rate(leads, 500.0)
            assert found is not None and found.fs in (100.0, 250.0)


@pytest.mark.parametrize(
    ("fs", "stated", "made"),
    [
        (500.0, 250.0, Made()),
        (1000.0, 500.0, Made(rr_ms=800.0)),
        (500.0, 200.0, Made(rr_ms=750.0)),
        (100.0, 50.0, Made(rr_ms=800.0, pr_ms=170.0)),
    ],
)
def test_usual_beats_at_another_rate_than_the_stated_one(
    fs: float, stated: float, made: Made
) -> None:
    leads = twelve(synthetic(made, fs, seconds=20.0))
    measured = measure(leads, stated)
    assert measured.heart_rate_bpm == pytest.approx(60000 / made.rr_ms * stated / fs, rel=0.02)
    found = usual_rate(leads, stated, measured.heart_rate_bpm)
    assert found is not None and found.fs == fs
    assert found.heart_rate_bpm == pytest.approx(60000 / made.rr_ms, rel=0.02)
    assert found.qrs_ms == pytest.approx(made.qrs_ms, abs=20.0)


@requires_shared
@pytest.mark.long
def test_real_recordings_at_twice_or_half_of_their_rate() -> None:
    """At least one in three is noticed, by one of the two rules."""
    rows = np.flatnonzero(ptbxl_table().fold == 9)[:12]
    for stated in (50.0, 200.0):
        noticed = 0
        for signal in first_of_ptbxl()[rows]:
            leads = twelve(signal)
            measured = measure(leads, stated)
            heart_rate = measured.heart_rate_bpm
            found = (
                fitting_rate(leads, stated)
                if heart_rate is None
                else usual_rate(leads, stated, heart_rate)
            )
            noticed += found is not None
        assert noticed >= len(rows) / 3


@pytest.mark.parametrize("fs", [100.0, 250.0, 500.0, 1000.0])
@pytest.mark.parametrize(
    "made",
    [
        Made(),
        Made(rr_ms=1500.0),  # bradycardia
        Made(rr_ms=430.0, pr_ms=130.0, qt_ms=280.0),  # tachycardia
        Made(rr_ms=400.0, qt_ms=270.0, p=False),
    ],
)
def test_no_true_rate_is_doubted(fs: float, made: Made) -> None:
    leads = twelve(synthetic(made, fs, seconds=20.0))
    heart_rate = measure(leads, fs).heart_rate_bpm
    assert heart_rate is not None
    assert usual_rate(leads, fs, heart_rate) is None


@requires_shared
def test_hardly_any_real_arrhythmia_is_doubted() -> None:
    """Tachycardias, bradycardias, flutter and fibrillation at their true sampling rate."""
    table = ptbxl_table()
    unusual = table.with_any_statement(frozenset({"STACH", "SVTAC", "SBRAD", "AFLT", "AFIB"}))
    rows = np.flatnonzero(unusual & (table.fold == 9))[:40]
    for signal in first_of_ptbxl()[rows]:
        leads = twelve(signal)
        heart_rate = measure(leads, 100.0).heart_rate_bpm
        assert heart_rate is None or usual_rate(leads, 100.0, heart_rate) is None

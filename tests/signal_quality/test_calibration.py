"""Without its calibration pulse, a recording is judged and analysed as if there were none."""

from __future__ import annotations

import numpy as np
import pytest

from signal_quality.calibration import without_pulse
from signals.leads import twelve_leads
from tests.signals.recordings import beating, record


@pytest.mark.parametrize("length_s", [0.1, 0.2, 0.3])
@pytest.mark.parametrize("start_s", [0.9, 3.9, 9.9])
def test_without_its_pulse_a_recording_has_no_contradicting_limb_leads(
    start_s: float, length_s: float
) -> None:
    signal = beating(11.0)
    pulse = slice(round(start_s * 500), round((start_s + length_s) * 500))
    # Philips writes the same pulse in all leads, also in those that follow from others.
    signal[:, pulse] = 0.0
    sound = record(signal.copy())
    signal[:, pulse] = 1.0
    sent = record(signal)
    assert twelve_leads(sent).limb_agreement.contradictions
    without = without_pulse(sent)
    assert without.pulse == pytest.approx((start_s, start_s + length_s), abs=0.003)
    assert without.leads.limb_agreement.contradictions == without.leads.warnings == ()
    if start_s > 5:
        assert without.record.samples == round((start_s - 0.1) * 500)
        consequence = "only the signal before it is analysed"
    else:
        missing = np.flatnonzero(np.isnan(without.record.signal).all(axis=0))
        assert missing[[0, -1]].tolist() == [
            round((start_s - 0.1) * 500),
            round((start_s + length_s + 0.1) * 500) - 1,
        ]
        consequence = "it is left out of the analysis"
    assert without.warnings == (f"signal: a calibration pulse at {start_s:.1f} s; {consequence}",)
    assert without_pulse(sound).record is sound
    assert without_pulse(sound).warnings == ()


def test_the_second_that_a_device_writes_the_pulse_into_is_cut_off_too() -> None:
    signal = beating(11.0)
    signal[:, 5000:] = 0.0
    signal[:, 5300:5400] = 1.0
    without = without_pulse(record(signal))
    assert without.record.samples == 5000
    assert without.warnings == (
        "signal: a calibration pulse at 10.6 s; only the signal before it is analysed",
    )

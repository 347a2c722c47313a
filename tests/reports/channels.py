"""Reported cases: channels that cannot be read, that are not stated, or that have no lead's name.

The others are read, and what is left out is named.
"""

from __future__ import annotations

import pytest

from tests.reports.sending import Check, Reply


def edf_channel_not_connected(reply: Reply) -> None:
    answer = reply.answered()
    assert answer["signal"]["lead_names"] == ["I", "II"]
    assert answer["measurements"]["heart_rate_bpm"] == pytest.approx(60, abs=0.5)
    assert "signal: ECG III left out: its gain is 0" in reply.warnings


def edf_of_annotations(reply: Reply) -> None:
    problem = reply.refused("no_samples")
    assert problem["detail"] == "the EDF file holds only annotations, no signal"


def muse_of_two_waveforms(reply: Reply) -> None:
    answer = reply.answered()
    assert answer["signal"]["lead_names"] == ["I", "II", "V1", "V2", "V3", "V4", "V5", "V6"]
    assert {len(lead) for lead in answer["signal"]["data"]} == {2500}
    assert answer["measurements"]["heart_rate_bpm"] == pytest.approx(60, abs=0.5)


def scp_counted_from_zero(reply: Reply) -> None:
    answer = reply.answered()
    assert answer["signal"]["lead_names"] == ["I", "II", "V1", "V2", "V3", "V4", "V5", "V6"]
    assert {len(lead) for lead in answer["signal"]["data"]} == {1500}
    assert answer["measurements"]["heart_rate_bpm"] == pytest.approx(60, abs=0.5)
    assert reply.warnings == [
        "signal: the SCP-ECG record counts its samples from 0, the standard counts from 1"
    ]


def wfdb_file_longer_than_stated(reply: Reply) -> None:
    answer = reply.answered()
    assert [len(lead) for lead in answer["signal"]["data"]] == [2000, 2000]
    assert answer["measurements"]["heart_rate_bpm"] == pytest.approx(60, abs=0.5)
    surplus = "file: 2000 bytes (500 samples a signal) after the last sample of r.dat, left out"
    assert surplus in reply.warnings


def wfdb_signal_not_stated(reply: Reply) -> None:
    problem = reply.refused("corrupt_file")
    assert problem["detail"] == ("WFDB header: 1 signals stated, 2 described; both must be equal")


def wfdb_pressure_of_two_gains(reply: Reply) -> None:
    answer = reply.answered()
    assert answer["signal"]["lead_names"] == ["II"]
    assert [len(lead) for lead in answer["signal"]["data"]] == [3000]
    assert answer["measurements"]["heart_rate_bpm"] == pytest.approx(60, abs=0.5)
    assert "lead_names: not a standard lead in volts, left out: ABP" in reply.warnings


def edf_with_one_ecg_among_others(reply: Reply) -> None:
    answer = reply.answered()
    assert answer["signal"]["lead_names"] == ["II"]
    assert answer["measurements"]["heart_rate_bpm"] == pytest.approx(60, abs=0.5)
    assert reply.warnings[0] == (
        "lead_names: 1 given for 3 channels; taken for ECG, whose names say ECG; left out: "
        "EEG C3-A2, SaO2"
    )


CASES: dict[str, Check] = {
    "edf_blanked_lead_III": edf_channel_not_connected,
    "edf_only_annotations": edf_of_annotations,
    "muse_two_rhythm_waveforms": muse_of_two_waveforms,
    "psg_edf_one_ecg_channel": edf_with_one_ecg_among_others,
    "scp_samples_from_0": scp_counted_from_zero,
    "wfdb_data_longer_than_stated": wfdb_file_longer_than_stated,
    "wfdb_one_of_two_signals_stated": wfdb_signal_not_stated,
    "wfdb_pressure_gain_changes": wfdb_pressure_of_two_gains,
}

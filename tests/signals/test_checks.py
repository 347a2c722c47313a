"""What a recording must be, and what is said of one that is not."""

from __future__ import annotations

import numpy as np
import pytest

from errors import (
    BadSamplingRate,
    EcgError,
    ImplausibleValues,
    NoSamples,
    RecordingTooLong,
    TooShort,
)
from signals.checks import check_record
from signals.leads import parse_lead_names
from signals.record import EcgRecord
from tests.data import SHARED, requires_shared
from tests.signals.recordings import beating, of_leads, record

SIGNAL = beating()


def test_a_good_recording_passes_untouched() -> None:
    one = record(SIGNAL)
    assert check_record(one) is one


@pytest.mark.parametrize("fs", [49.9, 2000.1, 0.0, -500.0, float("nan"), float("inf")])
def test_a_rate_outside_50_to_2000_hz_is_refused(fs: float) -> None:
    with pytest.raises(BadSamplingRate, match="50 to 2000 Hz"):
        check_record(record(SIGNAL, fs=fs))


@pytest.mark.parametrize(("fs", "samples"), [(50, 100), (500, 1000), (2000, 4000), (257, 514)])
def test_two_seconds_are_enough_and_a_sample_less_is_not(fs: float, samples: int) -> None:
    check_record(record(SIGNAL[:, :samples], fs=fs))
    with pytest.raises(TooShort):
        check_record(record(SIGNAL[:, : samples - 1], fs=fs))


def test_the_detail_names_what_was_found_and_what_is_allowed() -> None:
    with pytest.raises(TooShort) as caught:
        check_record(record(SIGNAL[:, :600]))
    assert caught.value.detail == "1.2 s at 500 Hz; at least 2 s are needed"
    assert caught.value.errors[0].loc == ("signal",)


def test_ten_minutes_are_read_and_a_sample_more_is_not() -> None:
    check_record(record(np.zeros((1, 30_000)), ("I",), fs=50))
    with pytest.raises(RecordingTooLong, match="at most 600 s are read"):
        check_record(record(np.zeros((1, 30_001)), ("I",), fs=50))
    with pytest.raises(RecordingTooLong, match="at most 8 s are read"):
        check_record(record(SIGNAL), max_seconds=8)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 2e6, -2e6])
@pytest.mark.parametrize("judge_anything", [False, True])
def test_infinite_or_absurd_values_are_refused_by_lead_without_the_value(
    value: float, judge_anything: bool
) -> None:
    signal = SIGNAL.copy()
    signal[7, 30] = value
    with pytest.raises(ImplausibleValues) as caught:
        check_record(record(signal), judge_anything=judge_anything)
    assert (
        "V2" in caught.value.detail
        and "inf " not in caught.value.detail
        and "2e" not in caught.value.detail
    )


def test_gaps_throughout_are_no_samples_except_to_the_judge_of_quality() -> None:
    nothing = record(np.full((2, 5000), np.nan), ("I", "II"))
    with pytest.raises(NoSamples):
        check_record(nothing)
    assert check_record(nothing, judge_anything=True) is nothing


def test_one_sample_among_gaps_is_a_sample() -> None:
    signal = np.full((1, 5000), np.nan)
    signal[0, 7] = 0.3
    check_record(record(signal, ("V1",)))


def test_one_lead_is_enough() -> None:
    check_record(of_leads(SIGNAL, "II"))


def test_implausible_millivolts_pass_as_unknown_units() -> None:
    checked = check_record(record(1000 * SIGNAL))
    assert checked.units == "unknown" and len(checked.warnings) == 1


@requires_shared
def test_every_real_recording_passes_without_a_warning() -> None:
    import wfdb

    for path in sorted((SHARED / "ptbxl" / "raw500").glob("*.hea")):
        file = wfdb.rdrecord(str(path.with_suffix("")))
        one = EcgRecord(
            np.ascontiguousarray(file.p_signal.T, np.float32),
            float(file.fs),
            parse_lead_names(file.sig_name),
        )
        try:
            assert check_record(one).warnings == (), path.stem
        except EcgError as error:
            pytest.fail(f"{path.stem}: {error.detail}")

"""The requirements on a recording, and the errors for one that does not meet them."""

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
from signals.lead_lists import parse_lead_names
from signals.record import EcgRecord
from tests.data import SHARED, requires_shared
from tests.signals.recordings import beating, of_leads, record

SIGNAL = beating()


def test_a_sound_recording_passes_untouched() -> None:
    sound = record(SIGNAL)
    assert check_record(sound) is sound
    assert sound.warnings == ()


@pytest.mark.parametrize("fs", [50.0, 50.1, 1999.9, 2000.0])
def test_rates_up_to_the_limits_are_accepted(fs: float) -> None:
    sound = record(SIGNAL, fs=fs)
    assert check_record(sound) is sound


@pytest.mark.parametrize(
    ("fs", "shown"),
    [
        (49.9, "49.9"),
        (2000.1, "2000.1"),
        (0.0, "0"),
        (-500.0, "-500"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_a_rate_outside_50_to_2000_hz_is_refused(fs: float, shown: str) -> None:
    with pytest.raises(BadSamplingRate) as caught:
        check_record(record(SIGNAL, fs=fs))
    assert caught.value.detail == f"fs: {shown} Hz; the allowed range is 50 to 2000 Hz"
    assert caught.value.errors[0].loc == ("fs",)


@pytest.mark.parametrize(("fs", "samples"), [(50, 100), (500, 1000), (2000, 4000), (257, 514)])
def test_two_seconds_are_enough_and_a_sample_less_is_not(fs: float, samples: int) -> None:
    check_record(record(SIGNAL[:, :samples], fs=fs))
    with pytest.raises(TooShort):
        check_record(record(SIGNAL[:, : samples - 1], fs=fs))


def test_the_detail_says_what_was_found_and_what_is_required() -> None:
    with pytest.raises(TooShort) as caught:
        check_record(record(SIGNAL[:, :600]))
    assert caught.value.detail == "signal: 1.2 s at 500 Hz; the minimum is 2 s"
    assert caught.value.errors[0].loc == ("signal",)


def test_ten_minutes_are_accepted_and_a_sample_more_is_not() -> None:
    check_record(record(np.zeros((1, 30_000)), ("I",), fs=50))
    with pytest.raises(RecordingTooLong) as caught:
        check_record(record(np.zeros((1, 30_001)), ("I",), fs=50))
    assert caught.value.detail == "signal: 600.02 s at 50 Hz; the maximum is 600 s"
    assert caught.value.errors[0].loc == ("signal",)


def test_the_maximum_can_be_set() -> None:
    ten_seconds = record(SIGNAL)
    assert check_record(ten_seconds, max_seconds=10) is ten_seconds
    with pytest.raises(RecordingTooLong) as caught:
        check_record(ten_seconds, max_seconds=9.99)
    assert caught.value.detail == "signal: 10 s at 500 Hz; the maximum is 9.99 s"


@pytest.mark.parametrize("value", [np.inf, -np.inf, 2e6, -2e6, np.nextafter(np.float32(1e6), 2e6)])
@pytest.mark.parametrize("allow_no_samples", [False, True])
def test_infinite_or_absurd_values_are_refused_with_the_names_of_the_leads(
    value: float, allow_no_samples: bool
) -> None:
    signal = SIGNAL.copy()
    signal[7, 30] = value
    signal[10, 4999] = value
    signal[10, :30] = np.nan
    with pytest.raises(ImplausibleValues) as caught:
        check_record(record(signal), allow_no_samples=allow_no_samples)
    found = "infinite values" if np.isinf(value) else "values beyond ±1000000"
    assert caught.value.detail == (
        f"signal: {found} in V2, V5; finite values up to ±1000000 are allowed"
    )
    assert caught.value.errors[0].loc == ("signal",)


@pytest.mark.parametrize("value", [1e6, -1e6])
def test_a_value_at_the_limit_is_accepted(value: float) -> None:
    signal = SIGNAL.copy()
    signal[7, 30] = value
    artefact = record(signal)
    assert check_record(artefact) is artefact


def test_a_recording_without_samples_is_refused_unless_its_quality_is_judged() -> None:
    only_gaps = record(np.full((2, 5000), np.nan), ("I", "II"))
    with pytest.raises(NoSamples) as caught:
        check_record(only_gaps)
    assert caught.value.detail == "signal: no samples, only gaps"
    assert caught.value.errors[0].loc == ("signal",)
    assert check_record(only_gaps, allow_no_samples=True) is only_gaps


def test_one_sample_in_one_lead_is_enough() -> None:
    signal = np.full((3, 5000), np.nan)
    signal[1, 7] = 0.3
    nearly_empty = record(signal, ("V1", "V2", "V3"))
    assert check_record(nearly_empty) is nearly_empty


def test_one_lead_is_enough() -> None:
    one_lead = of_leads(SIGNAL, "II")
    assert check_record(one_lead) is one_lead


def test_implausible_millivolts_are_returned_as_unknown_units() -> None:
    checked = check_record(record(1000 * SIGNAL))
    assert checked.units == "unknown"
    assert len(checked.warnings) == 1
    np.testing.assert_array_equal(checked.signal, 1000 * SIGNAL)


@requires_shared
def test_every_real_recording_passes_without_a_warning() -> None:
    import wfdb

    for path in sorted((SHARED / "ptbxl" / "raw500").glob("*.hea")):
        file = wfdb.rdrecord(str(path.with_suffix("")))
        real = EcgRecord(
            np.ascontiguousarray(file.p_signal.T, np.float32),
            float(file.fs),
            parse_lead_names(file.sig_name),
        )
        try:
            assert check_record(real).warnings == (), path.stem
        except EcgError as error:
            pytest.fail(f"{path.stem}: {error.detail}")

"""The encoder's input: the segments that ECG-FM's original code makes, and the embedded model's."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.band import Band
from signals.lead_lists import parse_lead_names
from signals.leads import LEADS, twelve_leads
from signals.record import EcgRecord, Units
from signals.segments import MillivoltSteps, Preprocessing, Segments, make_segments
from signals.units import qrs_heights
from tests.data import CARRIED, SHARED, requires_shared
from tests.signals.recordings import beating, of_leads, record

SIGNAL = beating(10.0)


def segments_of(recording: EcgRecord, preprocessing: Preprocessing | None = None) -> Segments:
    leads = twelve_leads(recording)
    return make_segments(leads, recording.fs, preprocessing or Preprocessing())


def assert_golden(path: Path) -> None:
    with np.load(path, allow_pickle=False) as golden:
        recording = EcgRecord(
            golden["signal"], float(golden["fs"]), parse_lead_names(golden["lead_names"].tolist())
        )
        segments = segments_of(recording).data
        assert segments.shape == golden["segments"].shape
        assert segments.dtype == np.float32 and segments.flags.c_contiguous
        np.testing.assert_allclose(segments, golden["segments"], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("path", sorted(CARRIED.glob("*.npz")), ids=lambda path: path.stem)
def test_synthetic_recordings_become_the_segments_of_the_original_code(path: Path) -> None:
    assert_golden(path)


@requires_shared
@pytest.mark.parametrize(
    "name", ["a_code15_400hz", "b_ptb_1000hz", "c_ptbxl_100hz", "d_ptb_500hz_permuted_flat"]
)
def test_real_recordings_become_the_segments_of_the_original_code(name: str) -> None:
    assert_golden(SHARED / "golden" / f"{name}.npz")


@settings(max_examples=25)
@given(
    order=st.permutations(LEADS),
    fs=st.sampled_from([250.0, 500.0, 1000.0]),
    fortran=st.booleans(),
    gaps=st.booleans(),
)
def test_order_spelling_and_memory_layout_of_the_leads_do_not_change_a_bit(
    order: list[str], fs: float, fortran: bool, gaps: bool
) -> None:
    signal = beating(6.0, fs)
    if gaps:
        signal[[1, 7], 300:900] = np.nan
    expected = segments_of(record(signal, fs=fs))
    rows = signal[[LEADS.index(lead) for lead in order]]
    names = parse_lead_names([lead.lower() for lead in order])
    recording = EcgRecord(np.asfortranarray(rows) if fortran else rows, fs, names)
    segments = segments_of(recording)
    assert segments.data.tobytes() == expected.data.tobytes()
    assert segments.warnings == expected.warnings


@pytest.mark.parametrize(
    ("seconds", "count"), [(2.0, 0), (4.99, 0), (5.0, 1), (7.3, 1), (9.9, 1), (10.0, 2), (12.4, 2)]
)
def test_segments_are_cut_from_the_start_and_the_remainder_is_dropped(
    seconds: float, count: int
) -> None:
    segments = segments_of(record(beating(seconds)))
    assert segments.data.shape == (count, 12, 2500)
    assert segments.starts_s == tuple(5.0 * index for index in range(count))
    assert segments.ends_s == tuple(5.0 * (index + 1) for index in range(count))
    assert segments.seconds == pytest.approx(seconds)


def test_a_remainder_of_a_second_or_more_gives_a_warning() -> None:
    assert segments_of(record(beating(5.998))).warnings == ()
    assert segments_of(record(beating(6.0))).warnings == (
        "signal: the last 1.0 s are shorter than a segment; the encoder does not read them",
    )
    assert segments_of(record(beating(7.3))).warnings == (
        "signal: the last 2.3 s are shorter than a segment; the encoder does not read them",
    )


@pytest.mark.parametrize(
    ("seconds", "starts_s"),
    [(4.0, ()), (5.0, (0.0,)), (7.3, (0.0, 2.3)), (10.0, (0.0, 5.0)), (12.0, (0.0, 5.0, 7.0))],
)
def test_with_tail_the_last_segment_ends_with_the_recording(
    seconds: float, starts_s: tuple[float, ...]
) -> None:
    with_tail = segments_of(record(beating(seconds)), Preprocessing(tail=True))
    without = segments_of(record(beating(seconds)))
    assert with_tail.starts_s == starts_s
    assert (with_tail.data[: len(without.data)] == without.data).all()
    if starts_s:
        assert with_tail.ends_s[-1] == pytest.approx(seconds)
        assert with_tail.warnings == ()


@pytest.mark.parametrize("fs", [100.0, 250.0, 257.0, 360.0, 1000.0])
def test_segment_times_are_seconds_of_the_recording_at_every_rate(fs: float) -> None:
    segments = segments_of(record(beating(10.0, fs), fs=fs))
    np.testing.assert_allclose(segments.starts_s, [0.0, 5.0], atol=1 / fs)
    np.testing.assert_allclose(segments.ends_s, [5.0, 10.0], atol=1 / fs)


def test_each_lead_is_standardised_over_the_whole_recording_not_the_segment() -> None:
    drifting = SIGNAL + np.linspace(0, 5, SIGNAL.shape[1], dtype=np.float32)
    data = segments_of(record(drifting)).data
    assert (data[0].mean(axis=1) < -0.5).all() and (data[1].mean(axis=1) > 0.5).all()
    whole = np.concatenate(list(data), axis=1)
    np.testing.assert_allclose(whole.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(whole.std(axis=1), 1, atol=1e-5)


def test_the_unit_of_the_signal_does_not_change_standardised_segments() -> None:
    np.testing.assert_allclose(
        segments_of(record(1000 * SIGNAL)).data, segments_of(record(SIGNAL)).data, atol=1e-5
    )


@pytest.mark.parametrize("level_mv", [0.0, 0.1, -0.25])
def test_a_constant_lead_is_zero_and_named_in_a_warning(level_mv: float) -> None:
    signal = SIGNAL.copy()
    signal[9] = level_mv
    segments = segments_of(record(signal))
    assert not segments.data[:, 9].any()
    assert segments.data[:, :9].any(axis=(0, 2)).all() and segments.data[:, 10:].any()
    assert segments.zeroed == ("V4",)
    assert segments.usable_leads == 11
    assert segments.warnings == ("lead_names: no V4; the encoder reads zeros instead",)


def test_a_missing_chest_lead_is_zero_and_named_in_a_warning() -> None:
    segments = segments_of(of_leads(SIGNAL, "I", "II", *LEADS[7:]))
    assert not segments.data[:, 6].any()
    np.testing.assert_allclose(
        np.delete(segments.data, 6, axis=1),
        np.delete(segments_of(record(SIGNAL)).data, 6, axis=1),
        atol=1e-4,
    )
    assert segments.zeroed == ("V1",)
    assert segments.warnings == ("lead_names: no V1; the encoder reads zeros instead",)


def test_two_limb_leads_give_six_usable_leads_and_one_chest_lead_gives_one() -> None:
    assert segments_of(of_leads(SIGNAL, "II", "aVL")).usable_leads == 6
    assert segments_of(of_leads(SIGNAL, "V2")).usable_leads == 1


def test_a_long_gap_is_zero_and_the_lead_is_standardised_over_the_known_samples() -> None:
    signal = SIGNAL.copy()
    signal[6, 1000:1500] = np.nan
    segments = segments_of(record(signal))
    lead = np.concatenate(list(segments.data[:, 6]))
    assert not lead[1000:1500].any()
    known = np.delete(SIGNAL[6].astype(np.float64), np.s_[1000:1500])
    np.testing.assert_allclose(
        np.delete(lead, np.s_[1000:1500]), (known - known.mean()) / (known.std() + 1e-8), atol=1e-5
    )
    assert segments.warnings == (
        "signal: gaps longer than 0.2 s (V1 1.00 s); the encoder reads zeros instead",
    )


def test_a_short_gap_is_filled_without_a_warning() -> None:
    signal = SIGNAL.copy()
    signal[6, 1000:1050] = np.nan
    segments = segments_of(record(signal))
    assert segments.warnings == ()
    # A straight line from the sample before the gap to the one after it.
    gap = segments.data[0, 6, 999:1051]
    np.testing.assert_allclose(gap, np.linspace(gap[0], gap[-1], 52), atol=1e-5)


def test_one_warning_names_the_gaps_of_all_present_leads() -> None:
    signal = SIGNAL.copy()
    signal[6, 1000:1250] = np.nan
    signal[6, 2000:2125] = np.nan
    signal[7, 100:] = np.nan
    signal[11, 1000:1101] = np.nan
    segments = segments_of(record(signal))
    assert segments.zeroed == ("V2",)
    assert segments.warnings == (
        "lead_names: no V2; the encoder reads zeros instead",
        "signal: gaps longer than 0.2 s (V1 0.75 s, V6 0.20 s); the encoder reads zeros instead",
    )


@given(
    fs=st.sampled_from([100.0, 250.0, 500.0, 1000.0]),
    seed=st.integers(0, 50),
    share=st.floats(0, 1),
)
@settings(max_examples=40)
def test_segments_are_finite_whatever_samples_are_missing(
    fs: float, seed: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    signal = beating(6.0, fs)
    for lead in signal:
        start = rng.integers(0, lead.size)
        lead[start : start + int(share * rng.random() * lead.size)] = np.nan
    signal[rng.random(signal.shape) < share / 2] = np.nan
    segments = segments_of(record(signal, fs=fs))
    assert np.isfinite(segments.data).all()
    assert segments.usable_leads == 12 - len(segments.zeroed)


def test_ten_minutes_give_120_segments() -> None:
    segments = segments_of(record(np.tile(SIGNAL, (1, 60))))
    assert segments.data.shape == (120, 12, 2500)
    assert segments.ends_s[-1] == 600.0


def test_the_recording_itself_is_not_changed() -> None:
    recording = record(SIGNAL)
    leads = twelve_leads(recording)
    before = leads.signal.copy()
    make_segments(leads, 500.0)
    np.testing.assert_array_equal(leads.signal, before)
    np.testing.assert_array_equal(recording.signal, SIGNAL)


CONTRADICTORY_STEPS = (
    "preprocessing: resample 'linear' requires standardise 'record' and no millivolt;"
    " 'band' requires standardise 'millivolt' and millivolt"
)
NOT_POSITIVE = "preprocessing: fs and segment_seconds must be positive"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"resample": "cubic"}, CONTRADICTORY_STEPS),
        ({"resample": "band"}, CONTRADICTORY_STEPS),
        ({"standardise": "millivolt"}, CONTRADICTORY_STEPS),
        ({"resample": "band", "standardise": "millivolt"}, CONTRADICTORY_STEPS),
        ({"millivolt": MillivoltSteps(Band(0.5, 34.0, 42.0), 5.0, 1.0)}, CONTRADICTORY_STEPS),
        ({"fs": 0.0}, NOT_POSITIVE),
        ({"fs": -500.0}, NOT_POSITIVE),
        ({"segment_seconds": 0.0}, NOT_POSITIVE),
        # A quarter of a sample at 500 Hz.
        ({"segment_seconds": 0.0005}, NOT_POSITIVE),
        (
            {"shortest_seconds": 5.01},
            "preprocessing: shortest_seconds 5.01; it must be above 0 and at most"
            " segment_seconds, 5",
        ),
        (
            {"shortest_seconds": 0.0},
            "preprocessing: shortest_seconds 0; it must be above 0 and at most segment_seconds, 5",
        ),
    ],
)
def test_steps_that_contradict_each_other_are_refused(
    fields: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Preprocessing(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(("clip_mv", "usual_height_mv"), [(0.0, 1.0), (5.0, 0.0), (-1.0, 1.0)])
def test_limits_in_mv_must_be_positive(clip_mv: float, usual_height_mv: float) -> None:
    with pytest.raises(ValueError, match="clip_mv and usual_height_mv must be positive"):
        MillivoltSteps(Band(0.5, 34.0, 42.0), clip_mv, usual_height_mv)


@pytest.mark.parametrize(("shortest", "needed"), [(None, 5.0), (2.5, 2.5), (5.0, 5.0)])
def test_the_shortest_recording_lasts_a_segment_unless_zeros_may_follow(
    shortest: float | None, needed: float
) -> None:
    assert Preprocessing(shortest_seconds=shortest).needed_seconds == needed


@requires_shared
def test_a_100_hz_and_a_500_hz_copy_of_one_recording_give_similar_segments() -> None:
    import wfdb

    def read(name: str) -> EcgRecord:
        file = wfdb.rdrecord(str(SHARED / "ptbxl" / name))
        return EcgRecord(
            np.ascontiguousarray(file.p_signal.T, np.float32),
            float(file.fs),
            parse_lead_names(file.sig_name),
        )

    slow = sorted((SHARED / "ptbxl" / "raw100").glob("*.hea"))
    fast = {path.name[:5] for path in (SHARED / "ptbxl" / "raw500").glob("*.hea")}
    in_both = [path.name[:5] for path in slow if path.name[:5] in fast]
    for number in in_both:
        a = segments_of(read(f"raw100/{number}_lr")).data
        b = segments_of(read(f"raw500/{number}_hr")).data
        assert a.shape == b.shape == (2, 12, 2500)
        # The copies were filtered differently, so their samples differ; their beats coincide.
        assert np.median([np.corrcoef(a[0, lead], b[0, lead])[0, 1] for lead in range(12)]) > 0.9


# Leads in mV within a band, as the embedded model reads them

IN_MILLIVOLT = Preprocessing(
    fs=100.0,
    segment_seconds=10.0,
    resample="band",
    standardise="millivolt",
    tail=True,
    millivolt=MillivoltSteps(Band(0.5, 34.0, 42.0), clip_mv=5.0, usual_height_mv=1.0),
    shortest_seconds=5.0,
)


def segments_in_mv(signal: np.ndarray, fs: float = 500.0, units: Units = "mV") -> Segments:
    return make_segments(
        twelve_leads(EcgRecord(signal.astype(np.float32), fs, LEADS)), fs, IN_MILLIVOLT, units
    )


def sines(seconds: float, fs: float = 500.0) -> np.ndarray:
    """Return (12, samples), in each row a sine of its own amplitude and frequency."""
    t = np.arange(round(seconds * fs)) / fs
    return np.stack([(0.2 + 0.1 * row) * np.sin(2 * np.pi * (3 + row) * t) for row in range(12)])


def test_in_mv_amplitudes_are_kept_and_a_thirteenth_row_is_1_for_known_units() -> None:
    segments = segments_in_mv(sines(10.0))
    assert segments.data.shape == (1, 13, 1000)
    assert segments.warnings == segments.zeroed == ()
    # The amplitudes of `sines`, whose frequencies are all within the band.
    amplitudes = np.sqrt(2) * segments.data[0, :12, 200:800].std(axis=1)
    np.testing.assert_allclose(amplitudes, 0.2 + 0.1 * np.arange(12), rtol=0.005)
    assert (segments.data[0, 12] == 1).all()


def test_a_short_recording_is_followed_by_zeros() -> None:
    segments = segments_in_mv(sines(6.0))
    assert segments.data.shape == (1, 13, 1000)
    assert (segments.starts_s, segments.ends_s) == ((0.0,), (6.0,))
    assert (segments.data[0, 12, :600] == 1).all()
    assert (segments.data[0, :, 600:] == 0).all()
    assert segments.data[0, :12, 590:600].any(axis=1).all()


@pytest.mark.parametrize(("samples", "count"), [(2499, 0), (2500, 1), (4999, 1), (5000, 1)])
def test_the_shortest_recording_in_mv_has_five_seconds(samples: int, count: int) -> None:
    segments = segments_in_mv(sines(samples / 500))
    assert segments.data.shape == (count, 13, 1000)
    assert segments.ends_s == (samples / 500,) * count


def test_the_last_segment_in_mv_ends_with_the_recording() -> None:
    segments = segments_in_mv(sines(23.0))
    assert segments.starts_s == (0.0, 10.0, 13.0)
    assert segments.ends_s == (10.0, 20.0, 23.0)
    np.testing.assert_array_equal(segments.data[1, :, 300:], segments.data[2, :, :700])


def test_with_unknown_units_the_gain_does_not_change_the_segments() -> None:
    signal = sines(10.0)
    first = segments_in_mv(signal, units="unknown")
    second = segments_in_mv(731.0 * signal, units="unknown")
    np.testing.assert_allclose(first.data, second.data, atol=1e-4)
    assert (first.data[0, 12] == -1).all()
    # The median of the filtered leads' heights becomes `usual_height_mv`, 1 mV.
    assert np.median(qrs_heights(first.data[0, :12], 100.0)) == pytest.approx(1.0, abs=1e-4)


def test_unknown_units_of_constant_leads_are_not_scaled() -> None:
    segments = segments_in_mv(np.full((12, 5000), 3.0), units="unknown")
    assert segments.zeroed == LEADS
    assert not segments.data[0, :12].any()
    assert (segments.data[0, 12] == -1).all()


def test_flat_leads_and_long_gaps_are_zeros_in_mv_too() -> None:
    signal = sines(10.0)
    signal[7] = 0.3
    signal[2, 1000:2000] = np.nan
    segments = segments_in_mv(signal)
    assert segments.zeroed == ("V2",)
    assert not segments.data[0, 7].any()
    # 2 s to 4 s at 100 Hz; the mask is resampled by nearest neighbours.
    assert np.flatnonzero(segments.data[0, 2] == 0).tolist() == list(range(200, 400))
    assert segments.warnings == (
        "lead_names: no V2; the encoder reads zeros instead",
        "signal: gaps longer than 0.2 s (III 2.00 s); the encoder reads zeros instead",
    )


def test_a_short_gap_in_mv_is_filled() -> None:
    signal = sines(10.0)
    signal[0, 1000:1050] = np.nan
    segments = segments_in_mv(signal)
    assert segments.warnings == ()
    assert segments.data[0, 0, 200:210].all()


@pytest.mark.parametrize("sign", [1, -1])
def test_an_artefact_is_clipped_at_5_mv(sign: int) -> None:
    signal = sines(10.0)
    signal[6, 2000:2100] += sign * 60.0
    assert (sign * segments_in_mv(signal).data[0, 6]).max() == 5.0

"""Q, R, S and R' of one lead, on complexes of half sines with known heights and lengths."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.matrix.qrs_waves import QrsWaves, qrs_waves

STEP_MS = 1.0


def complex_of(*lobes: tuple[float, float], before_ms: float = 0.0, after: float = 0.0) -> list:
    """Half sines of (mV, ms) one after another from `before_ms` on, then 20 ms at `after`."""
    parts = [np.zeros(round(before_ms / STEP_MS))]
    for height, width in lobes:
        parts.append(height * np.sin(np.pi * np.arange(round(width / STEP_MS)) * STEP_MS / width))
    parts.append(np.full(20, after))
    return list(np.concatenate(parts))


def waves_of(values: list[float]) -> QrsWaves:
    (waves,) = qrs_waves(np.array([values]), STEP_MS)
    return waves


def heights(waves: QrsWaves) -> dict[str, float]:
    found = {"q": waves.q, "r": waves.r, "s": waves.s, "r2": waves.r2}
    return {name: round(wave.peak_mv, 3) for name, wave in found.items() if wave is not None}


@pytest.mark.parametrize(
    ("lobes", "names"),
    [
        ([(-0.1, 20), (1.0, 40), (-0.3, 30)], ["q", "r", "s"]),
        ([(1.0, 40), (-0.3, 30)], ["r", "s"]),
        ([(-0.1, 20), (1.0, 40)], ["q", "r"]),
        ([(0.2, 24), (-1.0, 40), (0.4, 40)], ["r", "s", "r2"]),
        ([(-0.2, 24), (0.2, 24), (-1.0, 40), (0.4, 40)], ["q", "r", "s", "r2"]),
        ([(1.2, 80)], ["r"]),
        ([(-1.2, 80)], ["q"]),
    ],
)
def test_waves_are_named_by_their_order_and_sign(
    lobes: list[tuple[float, float]], names: list[str]
) -> None:
    waves = waves_of(complex_of(*lobes))
    assert heights(waves) == {
        name: pytest.approx(height, abs=0.004)
        for name, (height, _) in zip(names, lobes, strict=True)
    }
    for name, (_, width) in zip(names, lobes, strict=True):
        assert getattr(waves, name).duration_ms == pytest.approx(width, abs=1.5)


def test_a_complex_is_the_same_upside_down_but_for_its_names() -> None:
    lobes = [(0.2, 24.0), (-1.0, 40.0), (0.4, 40.0)]
    upside_down = [(-height, width) for height, width in lobes]
    waves = waves_of(complex_of(*upside_down))
    assert heights(waves) == {
        "q": pytest.approx(-0.2, abs=0.004),
        "r": pytest.approx(1.0, abs=0.004),
        "s": pytest.approx(-0.4, abs=0.004),
    }


@pytest.mark.parametrize(
    "lobe",
    [(-0.028, 30), (-0.2, 10), (-0.031, 16)],
    ids=["below 30 uV", "shorter than 12 ms", "above 30 uV for less than 6 ms"],
)
def test_what_is_no_wave_by_the_standard_is_left_out(lobe: tuple[float, float]) -> None:
    waves = waves_of(complex_of(lobe, (1.0, 40), (-0.3, 30)))
    assert list(heights(waves)) == ["r", "s"]


def test_r_goes_on_where_a_part_between_is_no_wave() -> None:
    """A notch that just reaches below the baseline does not divide R in R and R'."""
    waves = waves_of(complex_of((0.6, 40), (-0.02, 8), (0.9, 40)))
    assert heights(waves) == {"r": pytest.approx(0.9, abs=0.004)}
    assert waves.r is not None
    assert waves.r.duration_ms == pytest.approx(88.0, abs=1.5)


def test_the_rise_to_an_elevated_st_segment_is_no_wave() -> None:
    """It has no second slope."""
    values = complex_of((-0.8, 60))[:60] + list(np.linspace(0.0, 0.3, 15))
    assert heights(waves_of(values)) == {"q": pytest.approx(-0.8, abs=0.004)}


def test_the_isoelectric_start_of_a_lead_is_not_part_of_its_first_wave() -> None:
    waves = waves_of(complex_of((-0.2, 30), (1.0, 40), before_ms=18.0))
    assert waves.q is not None
    assert waves.q.start_ms == pytest.approx(18.0, abs=1.0)
    assert waves.q.duration_ms == pytest.approx(30.0, abs=1.5)


@pytest.mark.parametrize("values", [[0.0] * 50, [0.02] * 50, [], [0.0], [1.0], [1.0] * 30])
def test_a_complex_without_a_wave_has_none(values: list[float]) -> None:
    assert waves_of(values) == QrsWaves()


def test_the_waves_of_several_leads_are_those_of_each() -> None:
    """A lead may end as high as the next begins: they are no part of one wave."""
    leads = [
        complex_of((0.5, 40), (-0.8, 40), after=0.3),
        complex_of((0.6, 80), after=-0.2),
        complex_of((-0.6, 40), (0.3, 40), after=-0.2),
        complex_of((0.0, 80), after=0.02),
    ]
    assert qrs_waves(np.array(leads), STEP_MS) == [waves_of(values) for values in leads]

"""What is counted of recordings and labels, and that labels stay few."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from analysis import answer_types
from analysis.options import AnalyzeOptions
from analysis.prepare import Prepared, prepare
from server import drift, metrics
from server.ipc.metric_table import MetricTable
from server.ipc.shared_memory import SharedMemory
from server.metric_families import FamilyCollector, count_into
from server.routes.answers import TIMED_STAGES
from server.settings import Settings
from server.start import choose_deployment
from signals.record import EcgRecord
from tests.server.ecgs import twelve_seconds


class Counted:
    def __init__(self, table: MetricTable) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(FamilyCollector(table))

    def __call__(self, name: str, **labels: str) -> float | None:
        return self._registry.get_sample_value(name, labels)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    table = MetricTable(SharedMemory(), 1)
    count_into(table.rows[0])
    monkeypatch.setattr(drift, "_known_labels", set())
    yield Counted(table)
    count_into(MetricTable(SharedMemory(), 1).rows[0])


def record(largest: list[float], *, fs: float = 500.0, units: Any = "mV") -> EcgRecord:
    """Return 10 s with a lead for each value, which is its largest, and negative."""
    signal = np.zeros((len(largest), round(10 * fs)), np.float32)
    signal[:, 7] = -np.array(largest)
    names = ("I", "II", "III", "V1", "V2")[: len(largest)]
    return EcgRecord(signal, fs, names, units)


@pytest.mark.parametrize(("fs", "bound"), [(500.0, "500.0"), (500.5, "512.0"), (50.0, "100.0")])
def test_a_sampling_rate_is_counted_up_to_its_bound(
    counted: Counted, fs: float, bound: str
) -> None:
    drift.recording_read(record([1.0], fs=fs), None)
    below = {
        float(rate): counted("ecg_input_sampling_rate_hz_bucket", le=str(float(rate)))
        for rate in drift.RATES_HZ
    }
    assert {rate for rate, count in below.items() if count} == {
        rate for rate in below if rate >= float(bound)
    }
    assert counted("ecg_input_sampling_rate_hz_sum") == fs


def test_length_and_amplitude_are_counted(counted: Counted) -> None:
    drift.recording_read(record([0.3, 2.5, 9.0]), None)
    assert counted("ecg_input_seconds_sum") == 10
    assert counted("ecg_input_seconds_bucket", le="10.0") == 1
    assert counted("ecg_input_seconds_bucket", le="8.0") == 0
    # The median over leads: neither the flat lead nor the noisy one.
    assert counted("ecg_input_amplitude_mv_sum") == 2.5
    assert counted("ecg_input_units_total", units="mV") == 1


def test_gaps_and_unknown_units_have_no_amplitude(counted: Counted) -> None:
    drift.recording_read(record([0.3, 2.5], units="unknown"), None)
    drift.recording_read(record([float("nan")] * 3), None)
    only_gaps = record([1.0])
    only_gaps.signal[:] = np.nan
    drift.recording_read(only_gaps, None)
    none = EcgRecord(np.zeros((1, 0), np.float32), 500.0, ("I",))
    drift.recording_read(none, None)
    # In the second recording the largest value is a gap, and the others are 0.
    assert counted("ecg_input_amplitude_mv_count") == 1
    assert counted("ecg_input_amplitude_mv_sum") == 0
    assert counted("ecg_input_seconds_count") == 4
    assert counted("ecg_input_units_total", units="unknown") == 1


def test_the_quality_is_counted_where_it_is_known(counted: Counted) -> None:
    quality: Any = {"signal_quality": "Poor"}
    drift.recording_read(record([1.0]), quality)
    drift.recording_read(record([1.0]), None)
    assert counted("ecg_quality_total", word="Poor") == 1


def analysis(**parts: Any) -> answer_types.Analysis:
    answer: Any = {"id": None, "warnings": [], "segments": 2, **parts}
    return answer  # type: ignore[no-any-return]


def label(name: str, positive: bool) -> dict[str, Any]:
    return {"name": name, "positive": positive}


def test_positive_labels_are_counted_with_what_they_are_a_share_of(counted: Counted) -> None:
    full = analysis(
        labels=[label("Atrial fibrillation", True), label("Sinus rhythm", False)],
        superclass={"positive": ["MI", "STTC"]},
        pacemaker={"present": True},
        heads={"ef": {"positive": ["low"]}, "sex": {"positive": []}},
    )
    drift.analysis_given(full)
    drift.analysis_given(analysis(labels=[label("Sinus rhythm", True)], pacemaker=None))
    drift.analysis_given(analysis(pacemaker={"present": False}))
    sources = {"labels": 2, "superclass": 1, "pacemaker": 2, "heads": 2}
    for source, count in sources.items():
        assert counted("ecg_classified_recordings_total", source=source) == count
    positive = {
        ("labels", "Atrial fibrillation"): 1,
        ("labels", "Sinus rhythm"): 1,
        ("superclass", "MI"): 1,
        ("superclass", "STTC"): 1,
        ("pacemaker", "present"): 1,
        ("heads", "low"): 1,
    }
    for (source, name), count in positive.items():
        assert counted("ecg_positive_labels_total", source=source, label=name) == count


def test_labels_beyond_the_limit_share_a_series(counted: Counted) -> None:
    names = [f"label {number}" for number in range(drift.MAX_LABELS + 3)]
    for _ in range(2):
        drift.analysis_given(analysis(labels=[label(name, True) for name in names]))
    last = names[drift.MAX_LABELS - 1]
    assert counted("ecg_positive_labels_total", source="labels", label=last) == 2
    first_beyond = names[drift.MAX_LABELS]
    assert counted("ecg_positive_labels_total", source="labels", label=first_beyond) is None
    assert counted("ecg_positive_labels_total", source="labels", label=drift.OTHER_LABEL) == 6


def cpu_s_of(work: Callable[[], object], times: int) -> float:
    """Return the least CPU time of this process for one call, over five rounds."""
    rounds = []
    for _ in range(5):
        began_s = time.process_time()
        for _ in range(times):
            work()
        rounds.append((time.process_time() - began_s) / times)
    return min(rounds)


def test_counting_takes_less_than_a_fiftieth_of_the_analysis(counted: Counted) -> None:
    ecg = twelve_seconds()
    sent = EcgRecord(ecg.signal, ecg.fs, ecg.lead_names)
    deployment = choose_deployment(Settings(model="none"), cuda=False)

    def analyze() -> Prepared:
        return prepare(sent, AnalyzeOptions(), deployment, max_seconds=600)

    quality = analyze().quality
    answer = analysis(labels=[label(f"label {number}", number % 2 == 0) for number in range(26)])

    def count() -> None:
        drift.recording_read(sent, quality)
        drift.analysis_given(answer)
        metrics.stages_ended("/analyze", dict.fromkeys(TIMED_STAGES, 1.0))
        metrics.request_ended("/analyze", 200, "", 0.01)

    assert cpu_s_of(count, 200) < cpu_s_of(analyze, 3) / 50
    assert counted("ecg_input_seconds_count") == 1000

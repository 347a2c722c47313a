"""`measurements_method` and `hrv` on a real server: options, the setting, memory, the default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from tests.intervals.synthetic import synthetic, synthetic_at
from tests.server.ecgs import JSON, LEADS, MSGPACK, NPY, Ecg, npy, post, send
from tests.server.harness import RunningServer

ECG = Ecg(synthetic().astype(np.float32), 500.0)


def varying(seconds: float) -> Ecg:
    """850 ms from beat to beat, 30 ms more and less at 0.25 Hz, at 250 Hz."""
    onsets_s = [0.6]
    while onsets_s[-1] < seconds - 1.5:
        onsets_s.append(onsets_s[-1] + 0.85 + 0.03 * np.sin(2 * np.pi * 0.25 * onsets_s[-1]))
    signal = synthetic_at(np.array(onsets_s), fs=250.0, seconds=seconds)
    return Ecg(signal.astype(np.float32), 250.0)


def loaded_workers(server: RunningServer) -> list[int]:
    """Return the processes that have pandas, which only NeuroKit2 needs, in memory."""
    loaded = []
    for process in server.processes():
        maps = [region.path for region in process.memory_maps()]
        if any("/pandas/" in path or "/pywt/" in path for path in maps):
            loaded.append(process.pid)
    return loaded


def fields(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture(scope="module")
def small() -> Iterator[RunningServer]:
    """A server whose worker may take less memory than NeuroKit2 does."""
    with RunningServer(
        ECG_MODEL="none", ECG_SIGNAL_WORKERS="1", ECG_WORKER_MEMORY_MB="200"
    ) as running:
        yield running


def test_it_is_loaded_with_the_first_request_that_needs_it(small: RunningServer) -> None:
    """And what requests may take is the same afterwards."""
    (worker,) = small.workers("signal")
    before = fields(post(small, "/analyze", json=ECG.json(include="measurements")))
    short = fields(post(small, "/analyze", json=ECG.json(include="all")))
    assert (before["measurements"]["method"], short["hrv"]) == ("delineator", None)
    assert loaded_workers(small) == []
    limit = psutil.Process(worker).rlimit(psutil.RLIMIT_AS)[0]
    room = limit - psutil.Process(worker).memory_info().vms

    body = ECG.json(include="measurements", measurements_method="neurokit2")
    answer = fields(post(small, "/analyze", json=body))
    assert answer["measurements"]["method"] == "neurokit2"
    assert answer["measurements"]["heart_rate_bpm"] == pytest.approx(70.6, abs=0.1)
    assert loaded_workers(small) == small.workers("signal") == [worker]
    limit_after = psutil.Process(worker).rlimit(psutil.RLIMIT_AS)[0]
    assert 100 << 20 < limit_after - limit <= 512 << 20
    # Filters and data frames are loaded when they are first used.
    room_after = limit_after - psutil.Process(worker).memory_info().vms
    assert room_after > room - (64 << 20)
    assert "Traceback" not in small.log() and "matplotlib" not in small.log()


@pytest.mark.parametrize("wire", ["query", "msgpack", "npy", "form", "fhir"])
def test_it_is_an_option_on_every_wire(small: RunningServer, wire: str) -> None:
    options = {"include": "measurements", "measurements_method": "neurokit2"}
    if wire == "query":
        answer = post(small, "/analyze", json=ECG.json(), params=options)
    elif wire == "msgpack":
        answer = send(small, ECG.msgpack(**options), MSGPACK, Accept=JSON)
    elif wire == "npy":
        answer = post(
            small,
            "/analyze",
            content=npy(ECG.signal),
            params=ECG.query(**options),
            headers={"Content-Type": NPY, "Accept": JSON},
        )
    elif wire == "form":
        files = {"file": ("ecg.npz", _npz(ECG))}
        answer = post(small, "/analyze", files=files, data={**options, "units": "mV"})
    else:
        accept = {"Accept": "application/fhir+json"}
        answer = post(small, "/analyze", json=ECG.json(**options), headers=accept)
        resources = [entry["resource"] for entry in fields(answer)["entry"]]
        methods = [each["method"]["text"] for each in resources if "method" in each]
        assert methods == ["NeuroKit2, median over the leads"]
        return
    assert fields(answer)["measurements"]["method"] == "neurokit2"


def _npz(ecg: Ecg) -> bytes:
    import io

    buffer = io.BytesIO()
    np.savez(buffer, signal=ecg.signal, fs=ecg.fs, lead_names=np.array(LEADS))
    return buffer.getvalue()


@pytest.mark.parametrize("value", ["NeuroKit", "ours", "", 2, ["neurokit2"], True])
def test_another_value_is_an_error_that_names_what_is_allowed(
    small: RunningServer, value: Any
) -> None:
    answer = post(small, "/analyze", json=ECG.json(measurements_method=value))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "bad_option")
    assert problem["errors"][0]["loc"] == ["measurements_method"]
    assert "allowed are delineator, neurokit2" in problem["detail"]


def test_it_has_no_effect_on_other_routes_and_they_say_so(small: RunningServer) -> None:
    answer = post(
        small, "/assess_quality", json=ECG.json(), params={"measurements_method": "neurokit2"}
    )
    assert "measurements_method: has no effect on /assess_quality" in fields(answer)["warnings"]


def test_each_recording_of_many_is_measured(small: RunningServer) -> None:
    slow = Ecg(synthetic_at(0.6 + np.arange(8) * 1.2).astype(np.float32), 500.0)
    flat = Ecg(np.zeros((12, 5000), np.float32), 500.0)
    body = {
        "records": [each.json() for each in (ECG, flat, slow)],
        "include": "measurements",
        "measurements_method": "neurokit2",
    }
    results = fields(post(small, "/analyze", json=body))["results"]
    rates = [(each["measurements"] or {}).get("heart_rate_bpm") for each in results]
    assert rates == [pytest.approx(70.6, abs=0.1), None, pytest.approx(50.0, abs=0.1)]


def test_heart_rate_variability(small: RunningServer) -> None:
    answer = fields(post(small, "/analyze", json=varying(65.0).json(include="hrv")))
    hrv = answer["hrv"]
    assert hrv["frequency"]["HF"] == pytest.approx(450.0, rel=0.15)
    assert hrv["time"]["SDNN"] == pytest.approx(30 / 2**0.5, rel=0.05)
    assert hrv["frequency"]["LF"] is None
    assert "hrv: LF: a recording of 2 min is needed" in answer["warnings"]
    none = fields(post(small, "/analyze", json=ECG.json(include="hrv")))
    assert none["hrv"] is None
    assert "hrv: the recording is 10 s long; 60 s or more are needed" in none["warnings"]


def test_the_setting_is_the_default_of_requests() -> None:
    with RunningServer(
        ECG_MODEL="none", ECG_MEASUREMENTS_METHOD="neurokit2", ECG_SIGNAL_WORKERS="2"
    ) as server:
        # At the start, before the first request.
        assert sorted(loaded_workers(server)) == sorted(server.workers("signal"))
        answer = fields(post(server, "/analyze", json=ECG.json(include="measurements")))
        assert answer["measurements"]["method"] == "neurokit2"
        own = ECG.json(include="measurements", measurements_method="delineator")
        answer = fields(post(server, "/analyze", json=own))
        assert answer["measurements"]["method"] == "delineator"

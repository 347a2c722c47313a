"""Recordings in one batch, of any request and route, are answered as if each was sent alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import httpx
import numpy as np

from tests.data import SHARED
from tests.server.ecgs import (
    MSGPACK,
    Ecg,
    analyze,
    answer_of,
    get,
    npy,
    post,
    post_npy,
    probabilities,
    problem_of,
    ptbxl,
    ptbxl_names,
    twelve_seconds,
)
from tests.server.harness import RunningServer

BATCH_ABSOLUTE = 1e-5
BURSTS = 10


# Some of the sixteen are unreadable or have no beats.
FORCED = {"judge_unreadable": True}


@cache
def sixteen() -> tuple[Ecg, ...]:
    """Sixteen different recordings of different lengths: real ones where there are any, otherwise
    pieces and mixtures of a carried one.
    """
    real = [ptbxl(name) for name in ptbxl_names(8)] if SHARED.is_dir() else []
    whole, generator = twelve_seconds(), np.random.default_rng(0)
    made = []
    while len(real) + len(made) < 16:
        mixed = (generator.normal(0, 0.5, (12, 12)) @ whole.signal).astype(np.float32)
        made.append(Ecg(mixed[:, : generator.integers(2500, 6200)], 500.0))
    return (*real, *made)


@cache
def alone(server: RunningServer) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Probabilities and clinical embedding of each recording, requested one after the other."""
    return tuple(
        (probabilities(analyze(server, ecg, **FORCED)), embedding(server, ecg)) for ecg in sixteen()
    )


def embedding(server: RunningServer, ecg: Ecg) -> np.ndarray:
    return np.array(
        answer_of(post_npy(server, "/extract_features", ecg, model="clinical"))["features"]
    )


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(call) for call in calls]]


def assert_as_alone(server: RunningServer, found: list[np.ndarray], column: int) -> None:
    for index, (values, expected) in enumerate(zip(found, alone(server), strict=True)):
        np.testing.assert_allclose(
            values, expected[column], atol=BATCH_ABSOLUTE, err_msg=f"recording {index}"
        )


def test_sixteen_at_the_same_moment_equal_sixteen_alone(server: RunningServer) -> None:
    found = at_once(
        [
            lambda ecg=ecg: probabilities(answer_of(post_npy(server, "/analyze", ecg, **FORCED)))
            for ecg in sixteen()
        ]
    )
    assert_as_alone(server, found, 0)
    assert_as_alone(
        server, at_once([lambda ecg=ecg: embedding(server, ecg) for ecg in sixteen()]), 1
    )


def test_sixteen_in_one_request_equal_sixteen_alone(server: RunningServer) -> None:
    records = {"records": [ecg.json() for ecg in sixteen()], **FORCED}
    assert_as_alone(
        server,
        [
            probabilities(result)
            for result in answer_of(post(server, "/analyze", json=records))["results"]
        ],
        0,
    )
    results = answer_of(
        post(server, "/extract_features", json=records, params={"model": "clinical"})
    )["results"]
    assert_as_alone(server, [np.array(result["features"]) for result in results], 1)


def test_neighbours_of_every_kind_change_nothing(server: RunningServer) -> None:
    alone(server)
    hostile: list[Callable[[], httpx.Response]] = [
        lambda: post(server, "/analyze", json={"signal": [[1, 2], [3]], "fs": 500}),
        lambda: post(
            server, "/analyze", content=b"\xff" * 10_000, headers={"Content-Type": MSGPACK}
        ),
        lambda: post_npy(server, "/analyze", twelve_seconds().having("I", np.inf)),
        lambda: post_npy(server, "/analyze", Ecg(np.full((12, 5000), np.nan, np.float32), 500)),
        lambda: post_npy(server, "/analyze", Ecg(np.zeros((12, 5000), np.float32), 500)),
        lambda: post_npy(server, "/analyze", twelve_seconds().times(1e5)),
        lambda: post_npy(
            server, "/extract_features", twelve_seconds().times(1e-30), layer=0, level="token"
        ),
        lambda: post_npy(server, "/extract_features", twelve_seconds(), layer=77),
    ]
    good = [
        lambda ecg=ecg: probabilities(
            answer_of(post_npy(server, "/analyze", ecg, include="labels,saliency", **FORCED))
        )
        for ecg in sixteen()
    ]
    found = at_once([call for pair in zip(good, hostile * 2, strict=True) for call in pair])
    assert_as_alone(server, found[::2], 0)
    assert all(response.status_code in (200, 400, 422) for response in found[1::2])


def test_different_things_asked_of_one_batch_are_each_answered(server: RunningServer) -> None:
    """Layers, saliency and both encoders at once: what one asks for never reaches another."""
    ecg = twelve_seconds()
    requests = [
        ("/extract_features", {"layer": 0, "level": "token"}),
        ("/extract_features", {"layer": 2, "level": "segment"}),
        ("/extract_features", {"model": "clinical", "pooling": "max"}),
        ("/extract_features", {"model": "clinical", "layer": -1, "level": "token"}),
        ("/analyze", {"include": "saliency"}),
        ("/analyze", {"include": "labels,features"}),
    ]
    parts = ("features", "saliency", "labels")
    one_by_one = [answer_of(post_npy(server, path, ecg, **options)) for path, options in requests]
    for _ in range(3):
        together = at_once(
            [
                lambda path=path, options=options: answer_of(post_npy(server, path, ecg, **options))
                for path, options in requests
            ]
        )
        for found, expected in zip(together, one_by_one, strict=True):
            assert set(found) == set(expected)
            for part in parts:
                np.testing.assert_allclose(
                    numbers(found.get(part)), numbers(expected.get(part)), atol=1e-4, rtol=1e-5
                )


def numbers(value: Any) -> np.ndarray:
    """All numbers of a part, whatever its form."""
    if isinstance(value, dict):
        return numbers(list(value.values()))
    if isinstance(value, list):
        return np.concatenate([numbers(one) for one in value]) if value else np.zeros(0)
    return np.array([value], float) if isinstance(value, int | float) else np.zeros(0)


def metric(server: RunningServer, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", get(server, "/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def requests_per_batch(server: RunningServer) -> tuple[float, float]:
    return metric(server, "ecg_batch_requests_sum"), metric(server, "ecg_batch_requests_count")


def test_requests_of_different_routes_at_the_same_moment_land_in_one_batch(
    server: RunningServer,
) -> None:
    """A burst of short recordings, sent while a ten-minute one is processed, shares batches."""
    long = Ecg(np.tile(twelve_seconds().signal, (1, 50))[:, :300_000].astype(np.float16), 500.0)
    short = npy(twelve_seconds().seconds(0, 5).signal)
    mixed = metric(server, "ecg_mixed_route_batches_total")
    summed, count = requests_per_batch(server)

    def ask(path: str) -> httpx.Response:
        return post(
            server,
            path,
            content=short,
            params={"fs": 500},
            headers={"Content-Type": "application/x-npy"},
        )

    for _ in range(BURSTS):
        calls: list[Callable[[], Any]] = [
            lambda: answer_of(post_npy(server, "/analyze", long, include="labels"))
        ]
        calls += [
            lambda path=path: answer_of(ask(path)) for path in ("/analyze", "/extract_features") * 6
        ]
        at_once(calls)
        if metric(server, "ecg_mixed_route_batches_total") > mixed:
            break
    assert metric(server, "ecg_mixed_route_batches_total") > mixed
    summed_after, count_after = requests_per_batch(server)
    assert summed_after - summed > count_after - count, "some batch held more than one recording"
    assert metric(server, "ecg_batch_segments_count") == count_after


def test_the_counts_of_requests_are_kept_by_route_status_and_code(server: RunningServer) -> None:
    line = r'ecg_requests_total\{code="too_short",route="/extract_features",status="422"\}'
    before = metric(server, line)
    problem_of(
        post_npy(server, "/extract_features", twelve_seconds().seconds(0, 3)), 422, "too_short"
    )
    assert metric(server, line) == before + 1


def test_metrics_and_health_have_what_operators_were_promised(server: RunningServer) -> None:
    text = get(server, "/metrics").text
    for name in (
        "ecg_requests_total",
        "ecg_request_seconds",
        "ecg_stage_seconds",
        "ecg_batch_segments",
        "ecg_batch_requests",
        "ecg_mixed_route_batches_total",
        "ecg_queue_depth",
        "ecg_in_flight",
        "ecg_worker_restarts_total",
        "ecg_device_busy_seconds_total",
    ):
        assert f"\n{name}" in text, name
    health = server.health_when_complete()
    assert health["status"] == "ok"
    assert {
        "status",
        "version",
        "uptime_s",
        "model",
        "workers",
        "in_flight",
        "limit",
        "limits",
    } <= set(health)
    assert set(health["workers"]) == {"api", "signal", "model"}
    assert all(
        set(stage) == {"expected", "alive", "restarts"} for stage in health["workers"].values()
    )
    assert [encoder["role"] for encoder in health["model"]["encoders"]] == [
        "clinical",
        "features",
        "superclass",
    ]
    for encoder in health["model"]["encoders"]:
        assert (encoder["dtype"], encoder["ready"], encoder["compiled"]) == ("float32", True, False)
        assert encoder["path"]  # "weights packed for oneDNN", where the processor gains by it
    for model in answer_of(get(server, "/models"))["models"]:
        assert {"name", "role", "revision", "sha256", "loaded", "labels", "licence", "card"} <= set(
            model
        )
        assert model["loaded"]

"""The client against the real server: typed results, refusals, retries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from ecgfm_client import AsyncEcgClient, EcgClient, NoAnswer, Refused, UnusableInput

from tests.data import SHARED, requires_shared
from tests.local_http import QuietHandler, serving
from tests.server.ecgs import twelve_seconds
from tests.server.harness import RunningServer, free_port

LEADS = "I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6"


def test_an_array_is_analysed(server: RunningServer) -> None:
    with EcgClient(server.url) as client:
        analysis = client.analyze(
            twelve_seconds().signal, fs=500, lead_names=LEADS, units="mV", id="a"
        )
    assert analysis.raw["id"] == "a"
    assert analysis.labels is not None and len(analysis.labels) == 17
    assert (
        analysis.measurements is not None
        and analysis.measurements.heart_rate_bpm == pytest.approx(60, abs=40)
    )
    assert analysis.quality is not None and set(analysis.quality.lead_words) == set(
        LEADS.split(",")
    )
    assert (
        analysis.features is not None
        and analysis.features.ndim == 1
        and analysis.features.dtype == np.float32
    )
    assert analysis.encoder is not None and analysis.encoder.sha256


def test_only_the_parts_that_were_asked_for(server: RunningServer) -> None:
    with EcgClient(server.url) as client:
        analysis = client.analyze(
            twelve_seconds().signal, fs=500, lead_names=LEADS, include=["measurements", "fiducials"]
        )
    assert analysis.measurements is not None and analysis.fiducials
    assert analysis.labels is None and analysis.features is None and analysis.quality is None


def test_both_clients_get_the_same_embedding(server: RunningServer) -> None:
    ecg = twelve_seconds().signal

    async def ask() -> np.ndarray:
        async with AsyncEcgClient(server.url) as client:
            return (await client.extract_features(ecg, fs=500, lead_names=LEADS)).values

    with EcgClient(server.url) as client:
        features = client.extract_features(ecg, fs=500, lead_names=LEADS)
        segments = client.extract_features(ecg, fs=500, lead_names=LEADS, level="segment")
    assert np.allclose(features.values, asyncio.run(ask()), atol=1e-5)
    assert segments.values.shape == (segments.segments, *features.values.shape)
    assert np.allclose(segments.values.mean(axis=0), features.values, atol=1e-4)


@requires_shared
def test_a_recording_of_two_files_in_any_order(server: RunningServer) -> None:
    folder = SHARED / "ptbxl" / "raw500"
    header = min(folder.glob("*.hea"))
    files = [header.with_suffix(".dat"), header]
    with EcgClient(server.url) as client:
        first, second = client.assess_quality(files), client.assess_quality(files[::-1])
    assert first.signal_quality == second.signal_quality
    assert first.lead_words == second.lead_words


def test_an_error_of_the_server_raises_refused(server: RunningServer) -> None:
    with EcgClient(server.url) as client, pytest.raises(Refused) as refused:
        client.analyze(np.zeros((12, 300), np.float32), fs=500, lead_names=LEADS)
    assert (refused.value.status, refused.value.code) == (422, "too_short")
    assert refused.value.request_id
    with EcgClient(server.url) as client, pytest.raises(Refused) as refused:
        client.analyze(twelve_seconds().signal, fs=500, lead_names=LEADS, include="everything")
    assert refused.value.code == "unknown_part"


def test_health_and_models(server: RunningServer) -> None:
    with EcgClient(server.url) as client:
        health = client.health()
        assert health.status == "ok" and health.encoders[0].sha256
        assert client.models()["models"]


def test_unusable_input_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    with EcgClient("http://127.0.0.1:9") as client:
        with pytest.raises(
            UnusableInput, match=r"^fs: missing; an array needs its sampling rate in Hz$"
        ):
            client.analyze(np.zeros((12, 5000)))
        with pytest.raises(
            UnusableInput, match=r"^ecg: an array of shape \(5000,\); \(leads, samples\) is needed$"
        ):
            client.analyze(np.zeros(5000), fs=500)
        with pytest.raises(UnusableInput, match="No such file"):
            client.analyze(tmp_path / "absent.dcm")


def test_without_a_server_there_is_no_answer() -> None:
    with (
        EcgClient(f"http://127.0.0.1:{free_port()}", retries_s=0.5) as client,
        pytest.raises(
            NoAnswer,
            match=r"^http://127\.0\.0\.1:\d+/assess_quality: no answer after \d+ tr(y|ies) \(",
        ),
    ):
        client.assess_quality(np.zeros((12, 5000)), fs=500)


@contextmanager
def server_with_answers(
    *answers: tuple[int, dict[str, str], bytes],
) -> Iterator[tuple[str, list[str]]]:
    """Run a server that gives these answers in turn; yield its URL and the requested paths.

    A real server cannot be made to overload or restart at a chosen moment.
    """
    remaining_answers = list(answers)
    requested_paths: list[str] = []

    class Handler(QuietHandler):
        def respond(self) -> None:
            requested_paths.append(self.path)
            status, headers, body = remaining_answers.pop(0)
            self.answer(status, body, headers)

    with serving(Handler) as url:
        yield url, requested_paths


JSON = {"Content-Type": "application/json"}
MODELS = (200, JSON, b'{"models": []}')


@pytest.mark.parametrize("status", [429, 503])
def test_a_call_is_repeated_if_the_server_names_a_time(status: int) -> None:
    with (
        server_with_answers((status, {**JSON, "Retry-After": "0"}, b"{}"), MODELS) as (
            url,
            requested_paths,
        ),
        EcgClient(url) as client,
    ):
        assert client.models() == {"models": []}
    assert len(requested_paths) == 2


def test_the_asynchronous_client_repeats_calls_too() -> None:
    async def ask(url: str) -> object:
        async with AsyncEcgClient(url) as client:
            return await client.models()

    with server_with_answers((503, {**JSON, "Retry-After": "0"}, b"{}"), MODELS) as (
        url,
        requested_paths,
    ):
        assert asyncio.run(ask(url)) == {"models": []}
    assert len(requested_paths) == 2


@pytest.mark.parametrize(
    "answer", [(503, JSON, b'{"code": "no_model"}'), (500, JSON, b"{}"), (404, {}, b"nothing")]
)
def test_other_refusals_are_not_repeated(answer: tuple[int, dict[str, str], bytes]) -> None:
    with (
        server_with_answers(answer) as (url, requested_paths),
        EcgClient(url) as client,
        pytest.raises(Refused) as refused,
    ):
        client.models()
    assert refused.value.status == answer[0]
    assert len(requested_paths) == 1


def test_a_call_is_not_repeated_if_the_time_is_beyond_retries_s() -> None:
    refusals: list[tuple[int, dict[str, str], bytes]] = [
        (429, {**JSON, "Retry-After": "5"}, b'{"code": "overloaded"}')
    ]
    with (
        server_with_answers(*refusals) as (url, requested_paths),
        EcgClient(url, retries_s=1) as client,
        pytest.raises(Refused, match="overloaded"),
    ):
        client.models()
    assert len(requested_paths) == 1


def test_a_web_page_is_not_an_answer() -> None:
    ask: Callable[[EcgClient], object]
    for ask in (EcgClient.models, EcgClient.health):
        with (
            server_with_answers((200, {"Content-Type": "text/html"}, b"<html>")) as (url, _),
            EcgClient(url) as client,
            pytest.raises(NoAnswer),
        ):
            ask(client)

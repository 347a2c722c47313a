"""Traces and logs as a collector of OpenTelemetry gets them; without the setting, nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from pydantic import ValidationError

from server.settings import Settings
from tests.server.ecgs import NDJSON, answer_of, get, post, twelve_seconds
from tests.server.harness import RunningServer
from tests.server.telemetry.collector import Collector, Exported, collecting

TRACE_ID, PARENT_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALLER = f"00-{TRACE_ID}-{PARENT_ID}-01"
STAGES = ["queue", "parse", "measure", "segment", "model_queue", "encode", "assemble"]
ECG = twelve_seconds()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="module")
def server(collector: Collector) -> Iterator[RunningServer]:
    with RunningServer(ECG_OTLP_ENDPOINT=collector.url, ECG_LOG_JSON="true") as running:
        yield running


def trace_id_of(response: Any) -> str:
    found = re.fullmatch(
        r"00-([0-9a-f]{32})-[0-9a-f]{16}-0[0-3]", response.headers["traceresponse"]
    )
    assert found is not None
    return found[1]


def trace(collector: Collector, trace_id: str) -> list[Exported]:
    """Return the spans of a request that has been answered, once its own span has arrived."""

    def spans(collector: Collector) -> list[Exported]:
        return [span for span in collector.spans() if span.message.trace_id.hex() == trace_id]

    def has_root(collector: Collector) -> bool:
        return any("http.route" in span.attributes for span in spans(collector))

    collector.wait_for(has_root)
    return spans(collector)


def below(spans: list[Exported], parent: Exported) -> list[Exported]:
    """Return the children of a span in the order of time."""
    children = [span for span in spans if span.message.parent_span_id == parent.message.span_id]
    return sorted(
        children,
        key=lambda span: (span.message.start_time_unix_nano, span.message.end_time_unix_nano),
    )


def root(spans: list[Exported]) -> Exported:
    (found,) = [span for span in spans if "http.route" in span.attributes]
    return found


def test_a_request_has_a_span_below_its_callers_and_one_for_each_stage(
    server: RunningServer, collector: Collector
) -> None:
    headers = {"traceparent": CALLER, "X-Request-ID": "one"}
    answer = post(server, "/analyze", json=ECG.json(), headers=headers)
    assert answer_of(answer)
    assert trace_id_of(answer) == TRACE_ID
    spans = trace(collector, TRACE_ID)
    request = root(spans)
    assert request.message.name == "POST /analyze"
    assert request.message.parent_span_id.hex() == PARENT_ID
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/analyze",
        "http.response.status_code": 200,
        "ecg.request_id": "one",
        "ecg.code": "-",
        "ecg.key": "anonymous",
        "ecg.recordings": 1,
    }
    assert request.resource["service.name"] == "ecg-fm-server"
    assert request.resource["service.instance.id"].endswith("/api-0")
    stages = below(spans, request)
    assert [stage.message.name for stage in stages] == STAGES
    assert len(spans) == 1 + len(STAGES)
    # End to end, from the request's begin, and within it.
    at_ns = request.message.start_time_unix_nano
    for stage in stages:
        assert stage.message.start_time_unix_nano == at_ns
        at_ns = stage.message.end_time_unix_nano
    assert at_ns <= request.message.end_time_unix_nano
    # The same times as in the answer, to the 10 us of its header.
    timing = dict(re.findall(r"(\w+);dur=([0-9.]+)", answer.headers["server-timing"]))
    lasted_ms = {
        stage.message.name: (stage.message.end_time_unix_nano - stage.message.start_time_unix_nano)
        / 1e6
        for stage in stages
    }
    lasted_ms["queue"] += lasted_ms.pop("model_queue")
    assert lasted_ms == pytest.approx({name: float(ms) for name, ms in timing.items()}, abs=0.02)


def test_a_batch_is_linked_to_the_requests_in_it(
    server: RunningServer, collector: Collector
) -> None:
    answer = post(server, "/extract_features", json=ECG.json())
    trace_id = trace_id_of(answer)
    request = root(trace(collector, trace_id))

    def batches(collector: Collector) -> list[Exported]:
        return [
            span
            for span in collector.spans()
            if any(link.trace_id.hex() == trace_id for link in span.message.links)
        ]

    collector.wait_for(lambda collector: bool(batches(collector)))
    (batch,) = batches(collector)
    assert batch.message.name == "batch"
    assert [link.span_id for link in batch.message.links] == [request.message.span_id]
    # A trace of its own, as it may have worked for several.
    assert batch.message.trace_id != request.message.trace_id
    assert batch.message.parent_span_id == b""
    assert batch.attributes == {"ecg.device": "cpu", "ecg.segments": 2, "ecg.recordings": 1}
    assert batch.resource["service.instance.id"].endswith("/model-0")
    # Within the request: of one machine's clock.
    assert request.message.start_time_unix_nano < batch.message.start_time_unix_nano
    assert batch.message.end_time_unix_nano < request.message.end_time_unix_nano


@pytest.mark.parametrize("accept", ["application/json", NDJSON])
def test_recordings_of_one_request_have_spans_of_their_own(
    server: RunningServer, collector: Collector, accept: str
) -> None:
    bad = {**ECG.json(), "fs": -1}
    body = {"records": [ECG.json(), bad, ECG.json()]}
    answer = post(server, "/analyze", json=body, headers={"Accept": accept})
    assert answer.status_code == 200
    spans = trace(collector, trace_id_of(answer))
    request = root(spans)
    assert request.attributes["ecg.recordings"] == 3
    recordings = {span.attributes["ecg.index"]: span for span in below(spans, request)}
    assert sorted(recordings) == [0, 1, 2]
    assert {index: span.attributes.get("ecg.code") for index, span in recordings.items()} == {
        0: None,
        1: "bad_sampling_rate",
        2: None,
    }
    for index, count in ((0, len(STAGES)), (1, 0), (2, len(STAGES))):
        assert len(below(spans, recordings[index])) == count


def test_a_request_that_fails_has_its_code_and_no_stages(
    server: RunningServer, collector: Collector
) -> None:
    answer = get(server, "/nothing/at/all")
    spans = trace(collector, trace_id_of(answer))
    (request,) = spans
    assert request.message.name == "GET other"
    assert request.attributes["http.response.status_code"] == 404
    assert request.attributes["ecg.code"] == "not_found"
    # An error of the client is none of the server (semantic conventions for HTTP).
    assert request.message.status.code == 0


@pytest.mark.parametrize(
    "traceparent",
    ["", "00-0-0-00", CALLER[:-1], f"ff{CALLER[2:]}", "00-" + "0" * 32 + f"-{PARENT_ID}-01"],
)
def test_a_traceparent_that_is_not_valid_is_replaced(
    server: RunningServer, traceparent: str
) -> None:
    answer = get(server, "/livez", headers={"traceparent": traceparent})
    assert trace_id_of(answer) not in ("0" * 32, TRACE_ID)


def test_a_caller_that_is_not_sampled_stays_so(server: RunningServer, collector: Collector) -> None:
    unsampled = "1" * 32
    header = {"traceparent": f"00-{unsampled}-{PARENT_ID}-00"}
    answer = post(server, "/extract_features", json=ECG.json(), headers=header)
    assert answer.headers["traceresponse"].endswith("-00")
    # Later spans have arrived; those of this request have not.
    trace(collector, trace_id_of(post(server, "/extract_features", json=ECG.json())))
    for span in collector.spans():
        assert span.message.trace_id.hex() != unsampled
        assert all(link.trace_id.hex() != unsampled for link in span.message.links)


def test_the_log_is_exported_with_its_fields_in_the_requests_trace(
    server: RunningServer, collector: Collector
) -> None:
    answer = post(server, "/analyze", json={}, headers={"X-Request-ID": "log-1"})

    def lines(collector: Collector) -> list[Exported]:
        return [line for line in collector.logs() if line.attributes.get("request_id") == "log-1"]

    collector.wait_for(lambda collector: bool(lines(collector)))
    (line,) = lines(collector)
    assert line.message.body.string_value == "request"
    assert line.message.severity_text == "INFO"
    ms = line.attributes.pop("ms")
    assert ms > 0
    assert line.attributes == {
        "route": "/analyze",
        "status": 422,
        "code": "missing_field",
        "request_id": "log-1",
        "key": "anonymous",
    }
    assert line.message.trace_id.hex() == trace_id_of(answer)
    # The same line on standard error, where the trace is a field.
    (entry,) = [json.loads(text) for text in server.logged("log-1")]
    assert entry["trace_id"] == trace_id_of(answer)
    assert entry["ms"] == ms


def test_without_a_collector_the_answers_are_the_same_and_the_server_ends() -> None:
    # Port 9 (discard) has no listener.
    with RunningServer(ECG_MODEL="none", ECG_OTLP_ENDPOINT="http://127.0.0.1:9") as server:
        for _ in range(20):
            assert answer_of(post(server, "/assess_quality", json=ECG.json()))
        server.process.terminate()
        assert server.process.wait(60) == 0
        assert server.left_at_the_end() == []


def test_without_the_setting_no_process_imports_the_sdk(bare_server: RunningServer) -> None:
    answer = post(bare_server, "/assess_quality", json=ECG.json(), headers={"traceparent": CALLER})
    assert "traceresponse" not in answer.headers
    for process in bare_server.processes():
        assert not _maps_protobuf(process)


def _maps_protobuf(process: psutil.Process) -> bool:
    """protobuf's own library is mapped where the exporter is imported."""
    return any("google" in region.path for region in process.memory_maps())


def test_the_check_above_would_find_it(server: RunningServer) -> None:
    assert any(_maps_protobuf(process) for process in server.processes())


@pytest.mark.parametrize("url", ["localhost:4318", "ftp://x", "http://", "http://x?y=1", "x"])
def test_an_endpoint_that_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must be a URL such as"):
        Settings(otlp_endpoint=url)
    assert Settings(otlp_endpoint="https://otlp.example:4318/x").otlp_endpoint

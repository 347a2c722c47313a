"""LitServe's private things that we touch are where they were: an upgrade that moves one fails here, not in service."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable

import litserve
import pytest
from litserve import LitServer
from litserve.loops import LitLoop
from litserve.transport.process_transport import MPQueueTransport
from litserve.utils import ResponseBufferItem

SIGNATURES = [
    (LitServer.register_endpoints, ["self"]),
    (LitServer._register_middleware, ["self"]),
    (LitServer._init_manager, ["self", "num_api_servers"]),
    (LitServer._inference_workers_config_for_api, ["self", "api_path"]),
    (
        LitServer._start_server,
        [
            "self",
            "port",
            "num_uvicorn_servers",
            "log_level",
            "sockets",
            "uvicorn_worker_type",
            "kwargs",
        ],
    ),
    (LitServer._start_worker_monitoring, ["self", "manager", "uvicorn_workers"]),
    (
        LitServer._perform_graceful_shutdown,
        ["self", "manager", "uvicorn_workers", "shutdown_reason"],
    ),
    (LitServer.verify_worker_status, ["self"]),
    (LitServer.lifespan, ["self", "app"]),
    (
        LitLoop.__call__,
        [
            "self",
            "lit_api",
            "device",
            "worker_id",
            "request_queue",
            "transport",
            "workers_setup_status",
            "callback_runner",
        ],
    ),
    (MPQueueTransport.send, ["self", "item", "consumer_id"]),
    (MPQueueTransport.areceive, ["self", "consumer_id", "timeout", "block"]),
]


def test_the_version_is_the_one_that_was_read() -> None:
    assert litserve.__version__ == "0.2.19"


@pytest.mark.parametrize(
    ("function", "parameters"), SIGNATURES, ids=lambda value: getattr(value, "__qualname__", "")
)
def test_a_seam_has_its_shape(function: Callable[..., object], parameters: list[str]) -> None:
    assert list(inspect.signature(function).parameters) == parameters


def test_the_attributes_are_there() -> None:
    source = inspect.getsource(LitServer)
    names = (
        "litapi_request_queues",
        "_transport",
        "_shutdown_event",
        "inference_workers",
        "monitor_internal",
        "uvicorn_graceful_timeout",
    )
    assert all(f"self.{name}" in source for name in names)
    assert "app.response_queue_id" in source
    assert {field.name for field in dataclasses.fields(ResponseBufferItem)} == {
        "event",
        "response_queue",
        "worker_id",
        "response",
    }

"""What the server uses of LitServe beyond its documented interface is as it was read in 0.2.19.

The lists below are complete: they are compared with the code of the server.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable

import litserve
import pytest
from litserve import LitAPI, LitServer
from litserve.loops import LitLoop, loops

from server.workers import litserve_server, model_worker, signal_worker, worker_api, worker_process
from server.workers.litserve_server import EcgServer
from server.workers.model_worker import ModelAPI, ModelLoop
from server.workers.signal_worker import SignalAPI, SignalLoop
from server.workers.worker_api import WorkerAPI

PARAMETERS: dict[str, list[str]] = {
    "register_endpoints": [],
    "_register_middleware": [],
    "lifespan": ["app"],
    "_init_manager": ["num_api_servers"],
    "_inference_workers_config_for_api": ["api_path"],
    "verify_worker_status": [],
    "_start_server": [
        "port",
        "num_uvicorn_servers",
        "log_level",
        "sockets",
        "uvicorn_worker_type",
        "kwargs",
    ],
    "_perform_graceful_shutdown": ["manager", "uvicorn_workers", "shutdown_reason"],
}
ATTRIBUTES = {
    "app",
    "inference_workers",
    "litapi_request_queues",
    "launch_single_inference_worker",
    "workers_setup_status",
    "_transport",
    "_monitor_workers",
    "_shutdown_event",
}


def test_the_version_is_the_one_that_was_read() -> None:
    assert litserve.__version__ == "0.2.19"


def overridden(ours: type, theirs: type) -> set[str]:
    """Return the methods of a class of LitServe that our subclass replaces."""
    methods = {name for name, value in vars(ours).items() if inspect.isfunction(value)}
    return {name for name in methods if name != "__init__" and hasattr(theirs, name)}


def test_the_list_of_overridden_methods_is_complete() -> None:
    assert overridden(EcgServer, LitServer) == set(PARAMETERS)
    assert overridden(WorkerAPI, LitAPI) == {"predict"}
    for api in (SignalAPI, ModelAPI):
        assert overridden(api, LitAPI) == {"setup"}
    for loop in (SignalLoop, ModelLoop):
        assert overridden(loop, LitLoop) == {"__call__"}
    documentation = litserve_server.__doc__ or ""
    assert all(f"    {name}" in documentation for name in PARAMETERS)


@pytest.mark.parametrize("name", PARAMETERS)
def test_an_overridden_method_has_its_parameters(name: str) -> None:
    method: Callable[..., object] = getattr(LitServer, name)
    assert list(inspect.signature(method).parameters) == ["self", *PARAMETERS[name]]


def test_the_list_of_attributes_is_complete() -> None:
    """Attributes of LitServer that our class reads or sets, and does not define itself."""
    tree = ast.parse(inspect.getsource(EcgServer))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    theirs = {name for name in used if f"self.{name}" in inspect.getsource(LitServer)}
    assert theirs - set(PARAMETERS) == ATTRIBUTES
    documentation = litserve_server.__doc__ or ""
    assert all(name in documentation for name in ATTRIBUTES)


def test_the_attributes_are_set_and_used_as_they_were() -> None:
    source = inspect.getsource(LitServer)
    for line in (
        "self.inference_workers.extend(_inference_workers)",
        "manager = self._init_manager(num_api_servers)",
        "uvicorn_workers = self._start_server(",
        "if self._monitor_workers:",
        "self._shutdown_event.wait()",
        "self._perform_graceful_shutdown(manager, uvicorn_workers, shutdown_reason)",
    ):
        assert line in source


def test_a_worker_gets_what_the_server_has_in_place_of_litserves_queues() -> None:
    """All of it is pickled into the worker, so a manager's proxies are not needed."""
    source = inspect.getsource(LitServer.launch_single_inference_worker)
    for argument in (
        "self._get_request_queue(lit_api.api_path),",
        "self._transport,",
        "self.workers_setup_status,",
    ):
        assert argument in source
    assert "self.litapi_request_queues[api_path]" in inspect.getsource(LitServer._get_request_queue)
    # An empty dict, or a copy: what the worker writes into it reaches nobody.
    assert "if workers_setup_status:" in inspect.getsource(loops.inference_worker)


def test_a_worker_finds_its_number_in_the_environment() -> None:
    source = inspect.getsource(loops.inference_worker)
    number = source.index('os.environ["LITSERVE_WORKER_ID"] = str(worker_id)')
    assert number < source.index("lit_api.setup(device)") < source.index("    loop(\n")


def test_a_loop_is_called_with_the_api_and_the_device() -> None:
    assert list(inspect.signature(LitLoop.__call__).parameters) == [
        "self",
        "lit_api",
        "device",
        "worker_id",
        "request_queue",
        "transport",
        "workers_setup_status",
        "callback_runner",
    ]


def test_nothing_else_names_what_is_litserves() -> None:
    """The environment variable is read in one place, which the documentation names."""
    modules = (litserve_server, model_worker, signal_worker, worker_api, worker_process)
    reading = [
        module for module in modules if 'environ["LITSERVE_WORKER_ID"]' in inspect.getsource(module)
    ]
    assert reading == [worker_process]
    assert "LITSERVE_WORKER_ID" in (litserve_server.__doc__ or "")

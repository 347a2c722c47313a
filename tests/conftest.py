"""A clean environment for every test: no settings of the user, no access to a hub.

Servers that the tests of all folders share, and a browser for each file.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.server.harness import RunningServer

TESTS = Path(__file__).parent
KEPT = ("ECG_VENV", "ECG_SHARED_DATA")  # locations, not behaviour

for _name in [name for name in os.environ if name.startswith(("ECG_", "HF_")) and name not in KEPT]:
    del os.environ[_name]
# Read when the libraries are loaded. Tests run side by side, and a second thread for small arrays
# takes more processor time than it saves.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = (
    "1"  # read when huggingface_hub is imported; tests with a local hub start their own processes
)


# Folders whose files take longest come first: a long file that is begun last is waited for alone.
SLOW_FOLDERS = ("server/workers", "training", "bulk", "station", "server", "client", "web")


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """One server with the tiny encoders in float32, for all tests that leave it as it was."""
    with _running_server(ECG_SIGNAL_WORKERS="2") as running:
        yield running


@pytest.fixture(scope="session")
def bare_server() -> Iterator[RunningServer]:
    """One server without an encoder."""
    with _running_server(ECG_MODEL="none") as running:
        yield running


@pytest.fixture(scope="session")
def embedded() -> Iterator[RunningServer]:
    """One server with the embedded model, which it chooses by default."""
    with _running_server(ECG_MODEL="auto") as running:
        yield running


def _running_server(**settings: str) -> RunningServer:
    from tests.server.harness import RunningServer  # only in processes that start one

    return RunningServer(**settings)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a file.

    It ends with the file: while playwright runs, nothing else in this process can run an event
    loop of its own.
    """
    from tests.browser import running_browser

    with running_browser() as running:
        yield running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    for place, folder in enumerate(SLOW_FOLDERS):
        if item.path.is_relative_to(TESTS / folder):
            return place
    return len(SLOW_FOLDERS)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without garbage collections: what is collected and imported stays until the end.

    Later collections pass over it. With 12,000 tests they would take longer than the collecting.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()

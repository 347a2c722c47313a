from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.harness import RunningServer


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """One server with the tiny encoders in float32, for all tests that leave it as it was."""
    with RunningServer() as running:
        yield running


@pytest.fixture(scope="session")
def bare_server() -> Iterator[RunningServer]:
    """One server without an encoder."""
    with RunningServer(ECG_MODEL="none") as running:
        yield running

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.harness import RunningServer


@pytest.fixture(scope="session")
def embedded() -> Iterator[RunningServer]:
    """One server with the embedded model for all reported cases."""
    with RunningServer(ECG_MODEL="auto") as running:
        yield running

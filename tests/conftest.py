"""A clean environment for every test: no settings of the user, no access to a hub. One browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

KEPT = ("ECG_VENV", "ECG_SHARED_DATA")  # locations, not behaviour

for _name in [name for name in os.environ if name.startswith(("ECG_", "HF_")) and name not in KEPT]:
    del os.environ[_name]
os.environ["HF_HUB_OFFLINE"] = (
    "1"  # read when huggingface_hub is imported; tests with a local hub start their own processes
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a file.

    It ends with the file: while playwright runs, nothing else in this process can run an event
    loop of its own.
    """
    from tests.browser import running_browser

    with running_browser() as running:
        yield running

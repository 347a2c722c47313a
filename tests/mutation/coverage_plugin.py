"""A pytest plugin that records which tests run which lines of one module, and for how long."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest


class LinesByTest:
    """Writes `{"tests": {line: [test, ...]}, "seconds": {test: duration}}` when the run ends.

    A line that is run while the module is imported belongs to no test: its list holds "".
    """

    def __init__(self, module: Path, target: Path) -> None:
        self._module, self._target = str(module), target
        self._seconds: dict[str, float] = {}
        self._coverage = coverage.Coverage(
            data_file=None, include=[self._module], config_file=False, messages=False
        )
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        began = time.monotonic()
        try:
            return (yield)
        finally:
            self._seconds[item.nodeid] = time.monotonic() - began
            self._coverage.switch_context("")

    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        data = self._coverage.get_data()
        recorded = {"tests": data.contexts_by_lineno(self._module), "seconds": self._seconds}
        self._target.write_text(json.dumps(recorded), encoding="utf-8")

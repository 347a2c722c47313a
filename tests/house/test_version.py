"""The version is the same everywhere."""

from __future__ import annotations

import tomllib

from server.version import VERSION
from tests.house.tree import ROOT


def test_the_server_tells_the_version_of_the_project() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION

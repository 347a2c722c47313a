"""The server, its project and its client have one version."""

from __future__ import annotations

import tomllib

import pytest

from server.version import VERSION
from tests.house.tree import ROOT


@pytest.mark.parametrize("path", ["pyproject.toml", "client/pyproject.toml"])
def test_every_project_has_the_servers_version(path: str) -> None:
    assert tomllib.loads((ROOT / path).read_text())["project"]["version"] == VERSION


def test_the_example_of_the_readme_has_the_servers_version() -> None:
    assert f'"version": "{VERSION}"' in (ROOT / "README.md").read_text()

"""SECURITY.md states the bounds that the settings have."""

from __future__ import annotations

import re

from server.settings import Settings
from tests.house.tree import ROOT, source


def test_the_bounds_are_the_defaults_of_the_settings() -> None:
    rows = re.findall(r"^\| `ECG_(\w+)` \| (\S+) \|", source("SECURITY.md"), re.MULTILINE)
    stated = {name.lower(): float(value) for name, value in rows}
    defaults = {name: Settings.model_fields[name].default for name in stated}
    assert stated == defaults
    assert stated.keys() >= {"max_body_mb", "max_in_flight", "max_records", "max_seconds"}


def test_the_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", source("SECURITY.md"))
    assert len(links) >= 5
    assert not [link for link in links if not (ROOT / link).exists()]

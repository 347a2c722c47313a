"""The licences of what the built pages include are listed, and their texts are shipped."""

from __future__ import annotations

import importlib.util
import sys

from tests.web.built import DIST, WEB

SCRIPT = WEB.parent / "scripts" / "licences.py"


def test_every_included_package_is_listed_and_ships_its_text() -> None:
    spec = importlib.util.spec_from_file_location("licences", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    licences = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = licences
    spec.loader.exec_module(licences)
    section = licences.web_section()
    page = (WEB.parent / "docs" / "licences.md").read_text(encoding="utf-8")
    assert page.endswith(section), "run `python scripts/licences.py FOLDER`"
    shipped = (DIST / "assets" / "licences.txt").read_text(encoding="utf-8")
    names = [line.split(" | ")[0].strip("| ") for line in section.splitlines() if "| " in line]
    assert [name for name in names[1:] if f"{name}\n\n" not in shipped] == []

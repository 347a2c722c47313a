"""The commands in the documentation exist: modules, scripts, the client's commands, their flags."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
from ecgfm_client.cli import _parser

from tests.house.tree import ROOT

PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/**/*.md", "client/*.md", "bulk/**/*.md", "deploy/**/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"  # which names commands that are gone
)
# A command is in a block of code, indented by four spaces, or between backticks.
BLOCK = re.compile(r"^```(?:bash|sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4}(\S.*)$", re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
MODULE = re.compile(r"\bpython -m ([a-z_][a-z_.]*)(.*)")
SCRIPT = re.compile(r"(?:^|\s)((?:scripts|deploy|\.ci)/[\w/-]+(?:\.py|\.sh)?)(?=\s|$)(.*)")
FLAG = re.compile(r"(?<=\s)--[a-z][a-z-]*")
WITH_SETTINGS = ("server", "station")  # packages with the commands for keys of access/
SETTINGS_PAGES = {"serve": "docs/settings.md", "station": "docs/station.md"}
INSTALLED = frozenset({"pip", "pytest", "venv", "compileall"})  # not of this repository


def commands(page: Path) -> list[str]:
    """Return the lines that may be commands, without comments and without line continuations."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = [block.replace("\\\n", " ") for block in BLOCK.findall(text)]
    lines = [line for block in blocks for line in block.splitlines()]
    without_blocks = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    lines += INDENTED.findall(without_blocks) + INLINE.findall(without_blocks)
    return [re.split(r"\s#\s", line)[0].strip() for line in lines]


def flags_of(text: str) -> list[str]:
    """Return the flags of the first command in a line."""
    return FLAG.findall(re.split(r"[|>;)]|&&", text)[0])


def sources(folder: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py")))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_modules_exist_with_their_flags(page: Path) -> None:
    for line in commands(page):
        for module, rest in MODULE.findall(line):
            package = module.split(".")[0]
            if package in INSTALLED:
                continue
            name = module.rstrip(".")
            assert (ROOT / package).is_dir() and find_spec(name), line
            if (ROOT / name.replace(".", "/")).is_dir():
                assert find_spec(f"{name}.__main__"), line
            if package in WITH_SETTINGS and rest.split()[:1] != ["keys"]:
                continue  # their flags are the settings
            known = sources(ROOT / ("access" if package in WITH_SETTINGS else package))
            for flag in flags_of(rest):
                assert f'"{flag}"' in known or _is_composed(flag, known), (line, flag)


def _is_composed(flag: str, known: str) -> bool:
    """Return whether bulk/command.py makes the flag of a name in a tuple."""
    return f'"{flag.removeprefix("--")}"' in known and 'f"--{name}"' in known


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_scripts_exist_with_their_flags(page: Path) -> None:
    for line in commands(page):
        for script, rest in SCRIPT.findall(line):
            path = ROOT / script
            if path.is_dir() or "*" in script:
                continue
            assert path.exists(), line
            if path.name in SETTINGS_PAGES and rest.split()[:1] == ["keys"]:
                known = sources(ROOT / "access")
            elif path.name in SETTINGS_PAGES:
                page_of_settings = ROOT / SETTINGS_PAGES[path.name]
                known = page_of_settings.read_text(encoding="utf-8") + " --help "
            elif path.name in ("test", "mutate"):
                known = path.read_text(encoding="utf-8") + sources(ROOT / "tests" / "mutation")
            else:
                known = path.read_text(encoding="utf-8")
            for flag in flags_of(rest):
                assert re.search(rf"{flag}\b", known), (line, flag)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_clients_commands_are_understood(page: Path) -> None:
    blocks = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    for line in (line for block in blocks for line in block.splitlines()):
        if line.startswith("ecgfm "):
            _parser().parse_args(shlex.split(line, comments=True)[1:])

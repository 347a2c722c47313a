"""Versions are counted up and never change; aliases move in one step; every change has a line in the audit."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from errors import BadHead, UnknownHead
from heads.folder import WEIGHTS_FILE, write_head
from heads.head import Head
from heads.registry import ALIASES_FILE, AUDIT_FILE, Aliases, Registry
from superclasses import SUPERCLASSES
from tests.heads.made import linear

ROOT = Path(__file__).parents[2]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def install(registry: Registry, head: Head, folder: Path) -> int:
    written = folder / f"made-{len(list(folder.iterdir()))}"
    write_head(head, written)
    return registry.install(written)


def installed(registry: Registry, folder: Path, count: int) -> Registry:
    for seed in range(count):
        install(registry, linear(seed=seed), folder)
    return registry


def test_the_first_is_champion_the_next_is_candidate(registry: Registry, tmp_path: Path) -> None:
    assert registry.names() == []
    assert [install(registry, linear(seed=seed), tmp_path) for seed in range(3)] == [1, 2, 3]
    assert registry.names() == ["rhythm"]
    assert registry.versions("rhythm") == [1, 2, 3]
    assert registry.aliases("rhythm") == Aliases(champion=1, candidate=3, latest=3)
    np.testing.assert_array_equal(
        registry.load("rhythm", 2).layers[0][0], linear(seed=1).layers[0][0]
    )


def test_promoting_and_rolling_back_walk_along_the_champions(
    registry: Registry, tmp_path: Path
) -> None:
    installed(registry, tmp_path, 3)
    assert registry.promote("rhythm", 3, reason="better") == Aliases(3, None, (1,), 3)
    assert registry.promote("rhythm", 2, reason="better still") == Aliases(2, None, (1, 3), 3)
    assert registry.rollback("rhythm", reason="complaints") == Aliases(3, None, (1,), 3)
    assert registry.rollback("rhythm", reason="more of them") == Aliases(1, None, (), 3)
    with pytest.raises(UnknownHead, match="nothing to roll back to"):
        registry.rollback("rhythm", reason="again")
    registry.promote("rhythm", 2, reason="x")
    registry.promote("rhythm", 3, reason="x")
    with pytest.raises(UnknownHead, match="1, 2 were"):
        registry.rollback("rhythm", 3, reason="x")
    assert registry.rollback("rhythm", 1, reason="far back").champion == 1


def test_every_change_has_its_line_and_lines_are_only_added(
    registry: Registry, tmp_path: Path
) -> None:
    installed(registry, tmp_path, 2)
    before = (registry.root / "rhythm" / AUDIT_FILE).read_bytes()
    registry.keep("rhythm", 2, reason="too small a gain", details={"gain": 0.001})
    registry.promote("rhythm", 2, reason="better", details={"gain": 0.03})
    registry.rollback("rhythm", reason="complaints")
    assert (registry.root / "rhythm" / AUDIT_FILE).read_bytes().startswith(before)
    lines = registry.audit("rhythm")
    assert [(line["action"], line["version"], line["champion"]["after"]) for line in lines] == [
        ("install", 1, 1), ("install", 2, 1), ("keep", 2, 1), ("promote", 2, 2), ("rollback", 1, 1),
    ]  # fmt: skip
    assert lines[3]["details"] == {"gain": 0.03}
    assert lines[0]["details"]["encoder"]["sha256"] == "a" * 64


def test_a_line_that_a_crash_cut_short_spoils_no_other(registry: Registry, tmp_path: Path) -> None:
    installed(registry, tmp_path, 2)
    with (registry.root / "rhythm" / AUDIT_FILE).open("a") as file:
        file.write('{"at": "2026-')
    registry.promote("rhythm", 2, reason="better")
    assert [line["action"] for line in registry.audit("rhythm")] == [
        "install",
        "install",
        "promote",
    ]


def test_a_number_is_never_used_again(registry: Registry, tmp_path: Path) -> None:
    installed(registry, tmp_path, 2)
    folder = registry.root / "rhythm" / "2"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert install(registry, linear(seed=5), tmp_path) == 3


def test_what_was_damaged_never_becomes_champion(registry: Registry, tmp_path: Path) -> None:
    installed(registry, tmp_path, 2)
    (registry.root / "rhythm" / "2" / WEIGHTS_FILE).write_bytes(b"")
    with pytest.raises(BadHead):
        registry.promote("rhythm", 2, reason="x")
    with pytest.raises(UnknownHead, match="no version 9; there are 1, 2"):
        registry.promote("rhythm", 9, reason="x")
    with pytest.raises(BadHead, match="champion already"):
        registry.promote("rhythm", 1, reason="x")
    assert registry.aliases("rhythm").champion == 1
    assert len(registry.audit("rhythm")) == 2


def test_a_bad_folder_installs_nothing(registry: Registry, tmp_path: Path) -> None:
    write_head(linear(), tmp_path / "head")
    (tmp_path / "head" / WEIGHTS_FILE).write_bytes(b"")
    with pytest.raises(BadHead):
        registry.install(tmp_path / "head")
    assert registry.names() == []


def test_a_head_in_the_place_of_another_is_noticed(registry: Registry, tmp_path: Path) -> None:
    installed(registry, tmp_path, 1)
    install(registry, linear("pacemaker"), tmp_path)
    (registry.root / "pacemaker" / "1").rename(registry.root / "rhythm" / "2")
    with pytest.raises(BadHead, match="named pacemaker"):
        registry.load("rhythm", 2)


def test_a_superclass_head_has_the_five_classes(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(BadHead, match="CD, HYP, MI, NORM, STTC"):
        install(registry, linear("superclass"), tmp_path)
    assert install(registry, linear("superclass", SUPERCLASSES[::-1]), tmp_path) == 1


@pytest.mark.parametrize("name", ["..", "../models", "/etc", "", "a/b"])
def test_no_name_leads_out_of_the_folder(registry: Registry, name: str) -> None:
    for ask in (registry.versions, registry.aliases, registry.audit):
        with pytest.raises(BadHead, match="name is"):
            ask(name)


def test_an_unknown_name_is_told_with_those_there_are(registry: Registry, tmp_path: Path) -> None:
    installed(registry, tmp_path, 1)
    with pytest.raises(UnknownHead, match="no head named rythm is installed; there are rhythm"):
        registry.aliases("rythm")


def aliases_text(**values: object) -> str:
    return json.dumps({"champion": 1, "candidate": None, "previous": [], "latest": 1, **values})


DAMAGED = [
    "",
    "{",
    "[]",
    "null",
    '{"champion": 1}',
    " " * 2_000_000,
    aliases_text(champion="../1"),
    aliases_text(champion=True),
]
DAMAGED += [
    aliases_text(champion=-1),
    aliases_text(previous=["2"]),
    aliases_text(previous=7),
    aliases_text(latest=None),
]


@pytest.mark.parametrize("text", DAMAGED, ids=lambda text: text[:60].strip() or "blank")
def test_damaged_aliases_are_told_not_guessed(
    registry: Registry, tmp_path: Path, text: str
) -> None:
    installed(registry, tmp_path, 1)
    registry.aliases_file("rhythm").write_text(text)
    with pytest.raises(BadHead, match=f"{ALIASES_FILE} is damaged"):
        registry.aliases("rhythm")


def test_many_at_once_each_get_a_version_of_their_own(registry: Registry, tmp_path: Path) -> None:
    write_head(linear(), tmp_path / "head")
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(lambda _: registry.install(tmp_path / "head"), range(16)))
    assert sorted(versions) == list(range(1, 17)) == registry.versions("rhythm")
    lines = (registry.root / "rhythm" / AUDIT_FILE).read_text().splitlines()
    assert sorted(json.loads(line)["version"] for line in lines) == list(range(1, 17))


def test_a_process_killed_in_the_middle_leaves_what_was_there(
    registry: Registry, tmp_path: Path
) -> None:
    """It dies between the audit's line and the alias: the champion is still the old one, whole, and the lock is free."""
    installed(registry, tmp_path, 2)
    program = (
        "import os, sys; from pathlib import Path; from heads import registry\n"
        "registry._write_aliases = lambda *_: os._exit(9)\n"
        "registry.Registry(Path(sys.argv[1])).promote('rhythm', 2, reason='x')\n"
    )
    died = subprocess.run(
        [sys.executable, "-c", program, str(registry.root.parent)], cwd=ROOT, check=False
    )
    assert died.returncode == 9
    assert registry.aliases("rhythm").champion == 1
    assert registry.promote("rhythm", 2, reason="again").champion == 2
    assert [line["reason"] for line in registry.audit("rhythm")][-2:] == ["x", "again"]

"""Versions are numbered and never change; aliases change atomically; the audit has every change."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from errors import BadHead, UnknownHead
from heads.folder import HEAD_FILE, WEIGHTS_FILE, write_head
from heads.head import Head
from heads.registry import (
    ALIASES_FILE,
    AUDIT_FILE,
    Aliases,
    Registry,
)
from superclasses import SUPERCLASSES
from tests.heads.small_heads import linear_head

ROOT = Path(__file__).parents[2]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def install(registry: Registry, head: Head, folder: Path) -> int:
    """Write the head to a new folder below `folder`, install it, and return its version."""
    written = folder / f"made-{len(list(folder.iterdir()))}"
    write_head(head, written)
    return registry.install(written)


def install_versions(registry: Registry, folder: Path, count: int) -> None:
    """Install `count` versions of the head "rhythm", with different weights."""
    for seed in range(count):
        install(registry, linear_head(seed=seed), folder)


# --- installing


def test_the_first_version_is_champion_and_the_latest_is_candidate(
    registry: Registry, tmp_path: Path
) -> None:
    assert registry.names() == []
    assert [install(registry, linear_head(seed=seed), tmp_path) for seed in range(3)] == [1, 2, 3]
    assert registry.names() == ["rhythm"]
    assert registry.versions("rhythm") == [1, 2, 3]
    aliases = registry.aliases("rhythm")
    assert aliases == Aliases(champion=1, candidate=3, latest=3)
    assert [aliases.alias_of(version) for version in (1, 2, 3)] == ["champion", None, "candidate"]
    np.testing.assert_array_equal(
        registry.load("rhythm", 2).layers[0][0], linear_head(seed=1).layers[0][0]
    )


def test_a_version_number_is_never_reused(registry: Registry, tmp_path: Path) -> None:
    install_versions(registry, tmp_path, 2)
    folder = registry.root / "rhythm" / "2"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert install(registry, linear_head(seed=5), tmp_path) == 3
    registry.aliases_file("rhythm").unlink()
    assert install(registry, linear_head(seed=6), tmp_path) == 4, (
        "without the aliases, the folders show which numbers are used"
    )


def test_other_entries_in_the_folders_are_ignored(registry: Registry, tmp_path: Path) -> None:
    install_versions(registry, tmp_path, 2)
    for name in ("0", "007", "1234567890", "3a", "²", ".hidden"):
        (registry.root / "rhythm" / name).mkdir()
    (registry.root / "rhythm" / "5").write_text("a file")
    (registry.root / "rhythm" / "123456789").mkdir()
    assert registry.versions("rhythm") == [1, 2, 123456789]
    (registry.root / "No Name").mkdir()
    (registry.root / "file").write_text("")
    (registry.root / "another").mkdir()
    assert registry.names() == ["another", "rhythm"]


def test_a_damaged_head_is_not_installed(registry: Registry, tmp_path: Path) -> None:
    write_head(linear_head(), tmp_path / "head")
    (tmp_path / "head" / WEIGHTS_FILE).write_bytes(b"")
    with pytest.raises(BadHead, match=r"cut off, or altered"):
        registry.install(tmp_path / "head")
    assert registry.names() == []


def test_a_head_of_another_name_than_expected_is_refused(
    registry: Registry, tmp_path: Path
) -> None:
    write_head(linear_head(), tmp_path / "head")
    with pytest.raises(BadHead, match=r"^the head is named rhythm, not other$"):
        registry.install(tmp_path / "head", name="other")
    assert registry.names() == []
    assert registry.install(tmp_path / "head", name="rhythm") == 1


def test_a_superclass_head_must_have_the_five_classes(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(BadHead) as refused:
        install(registry, linear_head("superclass"), tmp_path)
    assert refused.value.detail == (
        "a head named superclass has the labels CD, HYP, MI, NORM, STTC; found AF, SR"
    )
    assert install(registry, linear_head("superclass", SUPERCLASSES[::-1]), tmp_path) == 1


# --- loading


def test_a_folder_with_a_head_of_another_name_is_refused(
    registry: Registry, tmp_path: Path
) -> None:
    install_versions(registry, tmp_path, 1)
    install(registry, linear_head("pacemaker"), tmp_path)
    (registry.root / "pacemaker" / "1").rename(registry.root / "rhythm" / "2")
    with pytest.raises(
        BadHead, match=r"^rhythm version 2: the folder holds a head named pacemaker$"
    ):
        registry.load("rhythm", 2)


@pytest.mark.parametrize("name", ["..", "../models", "/etc", "", "a/b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(registry: Registry, name: str) -> None:
    for method in (registry.versions, registry.aliases, registry.audit):
        with pytest.raises(BadHead, match=rf"^name is {re.escape(repr(name))}; "):
            method(name)


def test_an_unknown_name_is_refused_with_the_installed_ones(
    registry: Registry, tmp_path: Path
) -> None:
    with pytest.raises(UnknownHead, match=r"^no head named x is installed; installed: none$"):
        registry.aliases("x")
    install_versions(registry, tmp_path, 1)
    install(registry, linear_head("other"), tmp_path)
    with pytest.raises(
        UnknownHead, match=r"^no head named rythm is installed; installed: other, rhythm$"
    ):
        registry.aliases("rythm")
    with pytest.raises(UnknownHead, match=r"^rhythm has no version 9; installed: 1$"):
        registry.load("rhythm", 9)


# --- changing the champion


def test_each_rollback_returns_to_the_champion_before(registry: Registry, tmp_path: Path) -> None:
    install_versions(registry, tmp_path, 3)
    assert registry.promote("rhythm", 3, reason="better") == Aliases(3, None, (1,), 3)
    assert registry.promote("rhythm", 2, reason="better still") == Aliases(2, None, (1, 3), 3)
    assert registry.rollback("rhythm", reason="complaints") == Aliases(3, None, (1,), 3)
    assert registry.rollback("rhythm", reason="more of them") == Aliases(1, None, (), 3)
    assert registry.aliases("rhythm") == Aliases(1, None, (), 3)
    with pytest.raises(UnknownHead) as refused:
        registry.rollback("rhythm", reason="again")
    assert refused.value.detail == (
        "rhythm: no version was champion before 1; there is nothing to roll back to"
    )


def test_a_rollback_can_return_to_an_earlier_champion(registry: Registry, tmp_path: Path) -> None:
    install_versions(registry, tmp_path, 4)
    for version in (2, 3, 2, 3):
        registry.promote("rhythm", version, reason="x")
    assert registry.aliases("rhythm") == Aliases(3, 4, (1, 2, 3, 2), 4)
    with pytest.raises(UnknownHead) as refused:
        registry.rollback("rhythm", 4, reason="x")
    assert refused.value.detail == (
        "rhythm: version 4 is not a former champion; former champions: 1, 2, 3, 2"
    )
    assert registry.rollback("rhythm", 2, reason="last time") == Aliases(2, 4, (1, 2, 3), 4)
    assert registry.rollback("rhythm", 1, reason="far back") == Aliases(1, 4, (), 4)


def test_promoting_another_version_keeps_the_candidate(registry: Registry, tmp_path: Path) -> None:
    install_versions(registry, tmp_path, 3)
    assert registry.promote("rhythm", 2, reason="x") == Aliases(2, 3, (1,), 3)


def test_a_damaged_version_never_becomes_champion(registry: Registry, tmp_path: Path) -> None:
    install_versions(registry, tmp_path, 2)
    (registry.root / "rhythm" / "2" / WEIGHTS_FILE).write_bytes(b"")
    with pytest.raises(BadHead, match="cut off, or altered"):
        registry.promote("rhythm", 2, reason="x")
    with pytest.raises(UnknownHead, match=r"^rhythm has no version 9; installed: 1, 2$"):
        registry.promote("rhythm", 9, reason="x")
    with pytest.raises(BadHead, match=r"^rhythm: version 1 is the champion already$"):
        registry.promote("rhythm", 1, reason="x")
    assert registry.aliases("rhythm").champion == 1
    assert len(registry.audit("rhythm")) == 2


# --- the audit


def test_every_change_appends_one_line_to_the_audit(registry: Registry, tmp_path: Path) -> None:
    install_versions(registry, tmp_path, 2)
    before = (registry.root / "rhythm" / AUDIT_FILE).read_bytes()
    registry.keep_champion("rhythm", 2, reason="too small a gain", details={"gain": 0.001})
    registry.promote("rhythm", 2, reason="better", details={"gain": 0.03})
    registry.rollback("rhythm", reason="complaints: schlägt zu oft an")
    text = (registry.root / "rhythm" / AUDIT_FILE).read_bytes()
    assert text.startswith(before)
    assert "schlägt" in text.decode()
    lines = registry.audit("rhythm")
    assert [(line["action"], line["version"], line["reason"]) for line in lines] == [
        ("install", 1, "first version"),
        ("install", 2, "installed"),
        ("keep", 2, "too small a gain"),
        ("promote", 2, "better"),
        ("rollback", 1, "complaints: schlägt zu oft an"),
    ]
    assert [list(line["champion"].values()) for line in lines] == [
        [None, 1],
        [1, 1],
        [1, 1],
        [1, 2],
        [2, 1],
    ]
    assert [list(line["candidate"].values()) for line in lines] == [
        [None, None],
        [None, 2],
        [2, 2],
        [2, None],
        [None, None],
    ]
    assert all(list(line["champion"]) == ["before", "after"] for line in lines)
    assert all(line["uid"] == os.getuid() for line in lines)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["at"]) for line in lines)
    description = (registry.root / "rhythm" / "1" / HEAD_FILE).read_bytes()
    assert lines[0]["details"] == {
        "encoder": {"name": "tiny-features", "revision": "r1", "sha256": "a" * 64},
        "sha256": hashlib.sha256(description).hexdigest(),
    }
    assert [line.get("details") for line in lines[2:]] == [{"gain": 0.001}, {"gain": 0.03}, None]


def test_a_long_reason_is_cut(registry: Registry, tmp_path: Path) -> None:
    install_versions(registry, tmp_path, 2)
    registry.promote("rhythm", 2, reason="x" * 1001)
    assert registry.audit("rhythm")[-1]["reason"] == "x" * 1000


def test_a_line_that_a_crash_cut_off_does_not_affect_other_lines(
    registry: Registry, tmp_path: Path
) -> None:
    install_versions(registry, tmp_path, 2)
    with (registry.root / "rhythm" / AUDIT_FILE).open("a") as file:
        file.write('{"at": "2026-')
    assert len(registry.audit("rhythm")) == 2
    registry.promote("rhythm", 2, reason="better")
    registry.rollback("rhythm", reason="worse")
    assert [line["action"] for line in registry.audit("rhythm")] == [
        "install",
        "install",
        "promote",
        "rollback",
    ]
    lines = (registry.root / "rhythm" / AUDIT_FILE).read_text().splitlines()
    assert len(lines) == 5, "only a line break is added after the line that was cut off"


def test_a_line_that_is_no_object_and_a_missing_audit_give_no_entries(
    registry: Registry, tmp_path: Path
) -> None:
    install_versions(registry, tmp_path, 1)
    path = registry.root / "rhythm" / AUDIT_FILE
    path.write_text("[]\n7\n")
    assert registry.audit("rhythm") == []
    path.unlink()
    assert registry.audit("rhythm") == []


# --- the aliases


def aliases_text(**values: object) -> str:
    return json.dumps({"champion": 1, "candidate": None, "previous": [], "latest": 1, **values})


def padded(text: str, size: int) -> str:
    return text + " " * (size - len(text))


DAMAGED_ALIASES = {
    "empty": "",
    "cut off": "{",
    "list": "[]",
    "null": "null",
    "missing": '{"champion": 1}',
    "nested": "[" * 100_000,
    "too long": padded(aliases_text(), (1 << 20) + 1),
    "string": aliases_text(champion="../1"),
    "boolean": aliases_text(champion=True),
    "negative": aliases_text(champion=-1),
    "negative candidate": aliases_text(candidate=-1),
    "strings": aliases_text(previous=["2"]),
    "no list": aliases_text(previous=7),
    "no latest": aliases_text(latest=None),
    "fraction": aliases_text(latest=1.5),
}


@pytest.mark.parametrize("text", DAMAGED_ALIASES.values(), ids=DAMAGED_ALIASES.keys())
def test_damaged_aliases_are_refused(registry: Registry, tmp_path: Path, text: str) -> None:
    install_versions(registry, tmp_path, 1)
    registry.aliases_file("rhythm").write_text(text)
    with pytest.raises(BadHead) as refused:
        registry.aliases("rhythm")
    assert refused.value.detail == (
        f"rhythm: {ALIASES_FILE} is damaged; {AUDIT_FILE} in the same folder records what it held"
    )


@pytest.mark.parametrize(
    "text, aliases",
    [
        (aliases_text(champion=None, latest=0), Aliases()),
        (aliases_text(candidate=7, previous=[2, 0], latest=9), Aliases(1, 7, (2, 0), 9)),
        (padded(aliases_text(), 1 << 20), Aliases(1, None, (), 1)),
    ],
    ids=["none", "all", "largest"],
)
def test_valid_aliases_are_read(
    registry: Registry, tmp_path: Path, text: str, aliases: Aliases
) -> None:
    install_versions(registry, tmp_path, 1)
    registry.aliases_file("rhythm").write_text(text)
    assert registry.aliases("rhythm") == aliases


def test_a_server_of_another_user_can_read_the_alias_file(
    registry: Registry, tmp_path: Path
) -> None:
    install_versions(registry, tmp_path, 1)
    path = registry.aliases_file("rhythm")
    assert path.stat().st_mode & 0o777 == 0o644
    values: dict[str, Any] = json.loads(path.read_text())
    assert values == {"champion": 1, "candidate": None, "previous": [], "latest": 1}


# --- several processes


def test_concurrent_installations_get_different_versions(
    registry: Registry, tmp_path: Path
) -> None:
    write_head(linear_head(), tmp_path / "head")
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(lambda _: registry.install(tmp_path / "head"), range(16)))
    assert sorted(versions) == list(range(1, 17)) == registry.versions("rhythm")
    lines = (registry.root / "rhythm" / AUDIT_FILE).read_text().splitlines()
    assert sorted(json.loads(line)["version"] for line in lines) == list(range(1, 17))


def test_a_process_killed_in_the_middle_of_a_change_leaves_the_old_champion(
    registry: Registry, tmp_path: Path
) -> None:
    """The process exits between the audit and the alias file; the kernel frees the lock."""
    install_versions(registry, tmp_path, 2)
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

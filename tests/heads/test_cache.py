"""A process sees a new champion within a second, whole, and keeps versions that requests need."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from errors import UnknownHead
from heads.cache import KEPT_VERSIONS, HeadCache, InstalledHeads
from heads.folder import WEIGHTS_FILE, write_head
from heads.registry import Registry
from tests.heads.small_heads import linear_head


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def install(models: Path, seed: int, name: str = "rhythm") -> int:
    folder = models / f"made-{name}-{seed}"
    write_head(linear_head(name, seed=seed), folder)
    return Registry(models).install(folder)


def champions(heads: InstalledHeads) -> dict[str, int]:
    return {champion.name: champion.version for champion in heads.champions}


def test_without_a_models_folder_nothing_is_installed(tmp_path: Path) -> None:
    heads = HeadCache(tmp_path / "nowhere").current()
    assert (heads.installed, heads.faults, heads.champions) == ((), {}, ())


def test_a_change_is_seen_after_a_second_and_not_before(tmp_path: Path) -> None:
    clock = Clock()
    cache = HeadCache(tmp_path, clock)
    assert champions(cache.current()) == {}
    install(tmp_path, 1)
    clock.now = 0.999
    assert champions(cache.current()) == {}
    clock.now = 1.0
    assert champions(cache.current()) == {"rhythm": 1}
    install(tmp_path, 2)
    Registry(tmp_path).promote("rhythm", 2, reason="better")
    clock.now = 1.999
    assert champions(cache.current()) == {"rhythm": 1}
    clock.now = 2.0
    first = cache.current()
    assert champions(first) == {"rhythm": 2}
    clock.now = 3.0
    assert cache.current() is first, "nothing changed, so nothing is loaded"
    Registry(tmp_path).rollback("rhythm", reason="complaints")
    clock.now = 4.0
    assert champions(cache.current()) == {"rhythm": 1}


def test_a_folder_without_aliases_is_passed_over(tmp_path: Path) -> None:
    """An installation that a crash cut off has made the folder and nothing in it."""
    (tmp_path / "heads" / "another").mkdir(parents=True)
    install(tmp_path, 1)
    heads = HeadCache(tmp_path).current()
    assert champions(heads) == {"rhythm": 1}
    assert heads.faults == {}


def test_champion_and_candidate_are_loaded_by_name(tmp_path: Path) -> None:
    for name in ("rhythm", "other"):
        install(tmp_path, 1, name)
    install(tmp_path, 2)
    heads = HeadCache(tmp_path).current()
    assert [(found.name, found.version, found.alias) for found in heads.installed] == [
        ("other", 1, "champion"),
        ("rhythm", 1, "champion"),
        ("rhythm", 2, "candidate"),
    ]
    assert champions(heads) == {"other": 1, "rhythm": 1}
    weights = [found.head.layers[0][0].tobytes() for found in heads.installed if found.head]
    assert weights == [linear_head(seed=seed).layers[0][0].tobytes() for seed in (1, 1, 2)]
    assert [found.fault for found in heads.installed] == [None] * 3


def test_a_former_champion_can_still_be_loaded(tmp_path: Path) -> None:
    clock = Clock()
    cache = HeadCache(tmp_path, clock)
    for seed in (1, 2):
        install(tmp_path, seed)
    cache.current()
    Registry(tmp_path).promote("rhythm", 2, reason="better")
    clock.now = 2.0
    cache.current()
    assert cache.head("rhythm", 1) is cache.head("rhythm", 1)
    with pytest.raises(UnknownHead, match=r"^rhythm has no version 3; installed: 1, 2$"):
        cache.head("rhythm", 3)


def test_the_newest_versions_without_an_alias_stay_loaded(tmp_path: Path) -> None:
    cache = HeadCache(tmp_path, Clock())
    versions = [install(tmp_path, seed) for seed in range(KEPT_VERSIONS + 3)]
    loaded = {version: cache.head("rhythm", version) for version in versions}
    kept = versions[-KEPT_VERSIONS:]
    assert all(cache.head("rhythm", version) is loaded[version] for version in kept)
    dropped = versions[2]
    assert cache.head("rhythm", dropped) is not loaded[dropped]


def test_versions_with_an_alias_stay_loaded_however_many_others_are(tmp_path: Path) -> None:
    clock = Clock()
    cache = HeadCache(tmp_path, clock)
    versions = [install(tmp_path, seed) for seed in range(KEPT_VERSIONS + 4)]
    champion, candidate = (found.head for found in cache.current().installed)
    for version in versions[1:-1]:
        cache.head("rhythm", version)
    assert cache.head("rhythm", versions[0]) is champion
    assert cache.head("rhythm", versions[-1]) is candidate


def test_a_damaged_champion_is_reported_and_other_heads_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install(tmp_path, 1)
    install(tmp_path, 1, "other")
    (tmp_path / "heads" / "rhythm" / "1" / WEIGHTS_FILE).unlink()
    with caplog.at_level(logging.ERROR, "ecg.heads"):
        heads = HeadCache(tmp_path).current()
    other, damaged = heads.installed
    assert (damaged.name, damaged.head) == ("rhythm", None)
    fault = "head.safetensors: cannot be read (No such file or directory)"
    assert damaged.fault == fault
    assert caplog.messages == [f"head rhythm version 1 cannot be used: {fault}"]
    assert other.name == "other" and other.head is not None and other.fault is None
    assert heads.faults == {}


def test_damaged_aliases_are_a_fault_of_that_head_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("rhythm", "other", "third"):
        install(tmp_path, 1, name)
    Registry(tmp_path).aliases_file("rhythm").write_text("{")
    unreadable = Registry(tmp_path).aliases_file("third")
    unreadable.unlink()
    unreadable.mkdir()
    with caplog.at_level(logging.ERROR, "ecg.heads"):
        heads = HeadCache(tmp_path).current()
    assert heads.faults == {
        "rhythm": "rhythm: aliases.json is damaged; audit.jsonl in the same folder records what it "
        "held",
        "third": "cannot be read (IsADirectoryError)",
    }
    assert caplog.messages == [
        f"head {name} cannot be used: {heads.faults[name]}" for name in ("rhythm", "third")
    ]
    assert champions(heads) == {"other": 1}


def test_readers_see_whole_champions_while_they_change(tmp_path: Path) -> None:
    for seed in (1, 2):
        install(tmp_path, seed)
    registry = Registry(tmp_path)
    seen = set[int]()
    weights = {version: linear_head(seed=version).layers[0][0].tobytes() for version in (1, 2)}

    def change() -> None:
        for _ in range(10):
            registry.promote("rhythm", 2, reason="x")
            registry.rollback("rhythm", reason="x")

    changing = threading.Thread(target=change)
    changing.start()
    clock = Clock()
    cache = HeadCache(tmp_path, clock)
    while changing.is_alive():
        clock.now += 1
        (champion,) = cache.current().champions
        assert champion.head is not None
        assert champion.head.layers[0][0].tobytes() == weights[champion.version]
        seen.add(champion.version)
    changing.join()
    assert seen == {1, 2}

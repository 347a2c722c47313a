"""A running process sees a new champion within a second, whole, and keeps what it promised to requests on their way."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from errors import UnknownHead
from heads.cache import KEPT_VERSIONS, HeadCache, InstalledHeads
from heads.folder import WEIGHTS_FILE, write_head
from heads.registry import Registry
from tests.heads.made import linear


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def install(models: Path, seed: int) -> int:
    write_head(linear(seed=seed), models / f"made-{seed}")
    return Registry(models).install(models / f"made-{seed}")


def champions(heads: InstalledHeads) -> dict[str, int]:
    return {one.name: one.version for one in heads.champions}


def test_nothing_installed_is_nothing(tmp_path: Path) -> None:
    assert champions(HeadCache(tmp_path / "nowhere").current()) == {}


def test_a_change_is_seen_after_a_second_and_not_looked_for_before(tmp_path: Path) -> None:
    clock = Clock()
    cache = HeadCache(tmp_path, clock)
    assert champions(cache.current()) == {}
    install(tmp_path, 1)
    clock.now = 0.9
    assert champions(cache.current()) == {}
    clock.now = 1.0
    assert champions(cache.current()) == {"rhythm": 1}
    install(tmp_path, 2)
    Registry(tmp_path).promote("rhythm", 2, reason="better")
    clock.now = 2.0
    first = cache.current()
    assert champions(first) == {"rhythm": 2}
    clock.now = 3.0
    assert cache.current() is first, "nothing changed, so nothing is loaded"
    Registry(tmp_path).rollback("rhythm", reason="complaints")
    clock.now = 4.0
    assert champions(cache.current()) == {"rhythm": 1}


def test_a_version_that_is_no_champion_any_more_can_still_be_had(tmp_path: Path) -> None:
    clock = Clock()
    cache = HeadCache(tmp_path, clock)
    for seed in (1, 2):
        install(tmp_path, seed)
    cache.current()
    Registry(tmp_path).promote("rhythm", 2, reason="better")
    clock.now = 2.0
    cache.current()
    assert cache.head("rhythm", 1) is cache.head("rhythm", 1)
    with pytest.raises(UnknownHead):
        cache.head("rhythm", 3)


def test_it_does_not_keep_every_version_there_ever_was(tmp_path: Path) -> None:
    cache = HeadCache(tmp_path, Clock())
    for seed in range(KEPT_VERSIONS + 4):
        cache.head("rhythm", install(tmp_path, seed))
    assert len(cache._loaded) <= KEPT_VERSIONS


def test_a_damaged_champion_is_told_and_its_neighbours_answer(tmp_path: Path) -> None:
    install(tmp_path, 1)
    write_head(linear("other"), tmp_path / "other")
    Registry(tmp_path).install(tmp_path / "other")
    (tmp_path / "heads" / "rhythm" / "1" / WEIGHTS_FILE).write_bytes(b"")
    heads = {one.name: one for one in HeadCache(tmp_path).current().champions}
    assert heads["rhythm"].head is None
    assert "cut off" in (heads["rhythm"].fault or "")
    assert heads["other"].head is not None


def test_damaged_aliases_are_a_fault_of_that_head_only(tmp_path: Path) -> None:
    install(tmp_path, 1)
    Registry(tmp_path).aliases_file("rhythm").write_text("{")
    assert set(HeadCache(tmp_path).current().faults) == {"rhythm"}


def test_readers_see_whole_champions_while_they_change(tmp_path: Path) -> None:
    for seed in (1, 2):
        install(tmp_path, seed)
    registry, seen = Registry(tmp_path), set[int]()
    truth = {version: linear(seed=version).layers[0][0].tobytes() for version in (1, 2)}

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
        (one,) = cache.current().champions
        assert one.head is not None
        assert one.head.layers[0][0].tobytes() == truth[one.version]
        seen.add(one.version)
    changing.join()
    assert seen == {1, 2}

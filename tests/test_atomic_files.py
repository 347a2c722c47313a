"""A reader sees the old content or the new one, also after a crash at any moment."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from atomic_files import (
    exclusive_lock,
    install_folder,
    remove_folder,
    temporary_file,
    temporary_folder,
    write_file,
)

ROOT = Path(__file__).parents[1]


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def disk_events(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Records, in order, ("fsync", name) and ("rename", new name), and lets both happen."""
    events: list[tuple[str, str]] = []
    fsync, rename, replace = os.fsync, os.rename, os.replace

    def recorded_fsync(handle: int) -> None:
        events.append(("fsync", Path(f"/proc/self/fd/{handle}").readlink().name))
        fsync(handle)

    def recorded_rename(source: Path, target: Path) -> None:
        rename(source, target)
        events.append(("rename", Path(target).name))

    def recorded_replace(source: Path, target: Path) -> None:
        replace(source, target)
        events.append(("rename", Path(target).name))

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "rename", recorded_rename)
    monkeypatch.setattr(os, "replace", recorded_replace)
    return events


def test_a_file_is_replaced_and_nothing_else_remains(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    for content in (b"first\n", b"", b"\x00\xff" * 70_000):
        write_file(path, content)
        assert path.read_bytes() == content
        assert names(tmp_path) == ["lock.json"]


def test_a_file_reaches_the_disk_before_its_name_does(
    tmp_path: Path, disk_events: list[tuple[str, str]]
) -> None:
    write_file(tmp_path / "lock.json", b"content")
    (flushed, temporary), *after = disk_events
    assert flushed == "fsync" and temporary.startswith(".lock.json.partial-")
    assert after == [("rename", "lock.json"), ("fsync", tmp_path.name)]


def test_a_folder_reaches_the_disk_before_its_name_does(
    tmp_path: Path, disk_events: list[tuple[str, str]]
) -> None:
    with temporary_folder(tmp_path / "bundle") as temporary:
        install_folder(temporary, tmp_path / "bundle")
    assert disk_events == [
        ("fsync", temporary.name),
        ("rename", "bundle"),
        ("fsync", tmp_path.name),
    ]


@pytest.mark.parametrize("mode, expected", [(None, 0o640), (0o644, 0o644), (0o600, 0o600)])
def test_permissions_are_those_asked_for_else_the_umask_decides(
    tmp_path: Path, mode: int | None, expected: int
) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "file", b"content", mode=mode)
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "file") == expected


def test_a_folder_can_be_read_by_other_users_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with temporary_folder(tmp_path / "bundle") as temporary:
            install_folder(temporary, tmp_path / "bundle")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "bundle") == 0o755


def test_a_writer_that_fails_leaves_the_old_content_and_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "aliases.json"
    write_file(path, b"old")
    with pytest.raises(ZeroDivisionError), temporary_file(path) as temporary:
        temporary.write_bytes(b"part of the new con")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old" and names(tmp_path) == ["aliases.json"]


def test_a_writer_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), temporary_folder(tmp_path / "bundle") as temporary:
        (temporary / "weights").write_bytes(b"part")
        raise ZeroDivisionError
    assert names(tmp_path) == []


def test_a_process_that_is_killed_while_writing_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "aliases.json"
    write_file(path, b"old")
    script = (
        "import os\nfrom pathlib import Path\nfrom atomic_files import temporary_file\n"
        f"with temporary_file(Path({str(path)!r})) as temporary:\n"
        "    temporary.write_bytes(b'part')\n    os._exit(9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=60, check=False)
    assert killed.returncode == 9 and path.read_bytes() == b"old"
    leftovers = [name for name in names(tmp_path) if name != "aliases.json"]
    assert len(leftovers) == 1 and leftovers[0].startswith(".aliases.json.partial-")


def test_a_temporary_folder_is_a_hidden_sibling_and_its_parents_are_created(tmp_path: Path) -> None:
    target = tmp_path / "models" / "imported" / "bundle"
    with temporary_folder(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.name.startswith(".bundle.partial-")
        (temporary / "weights").write_bytes(b"1")
        assert not target.exists()
        install_folder(temporary, target)
    assert names(target.parent) == ["bundle"] and names(target) == ["weights"]


def test_an_empty_folder_is_replaced_and_a_filled_one_or_a_file_is_kept(tmp_path: Path) -> None:
    empty, filled, file = tmp_path / "empty", tmp_path / "filled", tmp_path / "file"
    empty.mkdir()
    filled.mkdir()
    (filled / "theirs").write_bytes(b"theirs")
    file.write_bytes(b"theirs")
    for target, refusal in ((empty, None), (filled, FileExistsError), (file, NotADirectoryError)):
        with temporary_folder(target) as temporary:
            (temporary / "mine").write_bytes(b"mine")
            if refusal is None:
                install_folder(temporary, target)
                continue
            with pytest.raises(refusal):
                install_folder(temporary, target)
    assert names(empty) == ["mine"] and names(filled) == ["theirs"]
    assert file.read_bytes() == b"theirs"
    assert names(tmp_path) == ["empty", "file", "filled"]


def test_a_folder_is_removed_with_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    (folder / "deeper").mkdir(parents=True)
    (folder / "deeper" / "file").write_bytes(b"1")
    remove_folder(folder)
    assert names(tmp_path) == []
    with pytest.raises(FileNotFoundError):
        remove_folder(folder)
    assert names(tmp_path) == []


def test_only_leftovers_of_the_same_target_older_than_a_day_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 2_000_000_000
    monkeypatch.setattr("atomic_files.time.time", lambda: float(now))
    ages_s = {"young": 86_400, "old": 86_401}
    for target in ("bundle", "other"):
        for age, seconds in ages_s.items():
            leftover_file = tmp_path / f".{target}.partial-file-{age}"
            leftover_folder = tmp_path / f".{target}.partial-folder-{age}"
            leftover_file.write_bytes(b"part")
            leftover_folder.mkdir()
            (leftover_folder / "weights").write_bytes(b"part")
            for leftover in (leftover_file, leftover_folder):
                os.utime(leftover, (now - seconds, now - seconds))
    with temporary_folder(tmp_path / "bundle"):
        pass
    kept_for_bundle = [".bundle.partial-file-young", ".bundle.partial-folder-young"]
    kept_for_other = [
        f".other.partial-{kind}-{age}" for kind in ("file", "folder") for age in ages_s
    ]
    assert names(tmp_path) == sorted(kept_for_bundle + kept_for_other)
    write_file(tmp_path / "other", b"content")
    kept_for_other = [".other.partial-file-young", ".other.partial-folder-young"]
    assert names(tmp_path) == sorted([*kept_for_bundle, *kept_for_other, "other"])


def test_a_leftover_that_cannot_be_read_is_ignored(tmp_path: Path) -> None:
    """As when another writer removes it after it was listed: here a link without a target."""
    (tmp_path / ".file.partial-gone").symlink_to(tmp_path / "nowhere")
    write_file(tmp_path / "file", b"content")
    assert names(tmp_path) == [".file.partial-gone", "file"]


def test_writers_of_one_file_never_mix_their_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([number]) * 300_000 for number in range(6)]
    threads = [threading.Thread(target=write_file, args=(path, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents and names(tmp_path) == ["file"]


def test_a_lock_lets_one_holder_in_at_a_time(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    write_file(counter, b"0")

    def add() -> None:
        for _ in range(20):
            with exclusive_lock(tmp_path / ".guard"):
                write_file(counter, str(int(counter.read_bytes()) + 1).encode())

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.read_bytes() == b"80"


def test_a_lock_is_released_when_its_process_exits_without_cleaning_up(tmp_path: Path) -> None:
    guard = tmp_path / ".guard"
    script = (
        "import os\nfrom pathlib import Path\nfrom atomic_files import exclusive_lock\n"
        f"with exclusive_lock(Path({str(guard)!r})):\n    os._exit(9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=60, check=False)
    assert killed.returncode == 9
    with exclusive_lock(guard):
        assert guard.exists()

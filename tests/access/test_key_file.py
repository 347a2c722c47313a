"""The key file: what it may hold, who may own it, and how a running process follows it."""

from __future__ import annotations

import json
import logging
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from access import key_file
from access.key_file import WatchedKeyFile, add_key, read_keys, revoke_key
from errors import AccessError, BadKeyFile, UnknownKey


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "private" / "keys.json"


def test_the_secret_is_not_in_the_file_and_only_the_owner_reads_it(path: Path) -> None:
    key = add_key(path, "lab", ["analyze"])
    text = path.read_text()
    assert key not in text and key.split("_", 2)[2] not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_is_added_is_read_again(path: Path) -> None:
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    add_key(path, "a", ["analyze", "features"], expires=expires, rate="9/hour", max_in_flight=2)
    add_key(path, "b", ["operator"])
    first, second = read_keys(path)
    assert (first.name, first.scopes, first.expires) == ("a", ("analyze", "features"), expires)
    assert (first.rate, first.max_in_flight, first.revoked) == ("9/hour", 2, None)
    assert (second.name, second.expires, second.rate, second.max_in_flight) == (
        "b",
        None,
        None,
        None,
    )
    assert abs(second.created - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_name_is_free_again_after_the_key_is_revoked_or_expired(path: Path) -> None:
    add_key(path, "lab", ["analyze"])
    with pytest.raises(AccessError, match="a valid key is named 'lab' already"):
        add_key(path, "lab", ["analyze"])
    (revoked,) = revoke_key(path, "lab")
    assert revoked.name == "lab"
    add_key(path, "lab", ["analyze"], expires=datetime(2020, 1, 1, tzinfo=UTC))
    add_key(path, "lab", ["analyze"])
    assert [key.revoked is None for key in read_keys(path)] == [False, True, True]


def test_a_key_is_revoked_by_its_prefix_too_and_only_once(path: Path) -> None:
    key = add_key(path, "lab", ["analyze"])
    add_key(path, "other", ["analyze"])
    prefix = key.split("_")[1]
    assert [revoked.name for revoked in revoke_key(path, prefix)] == ["lab"]
    assert [entry.revoked is None for entry in read_keys(path)] == [False, True]
    with pytest.raises(UnknownKey, match="is revoked already"):
        revoke_key(path, "lab")
    with pytest.raises(UnknownKey, match="is not the name or prefix of a key"):
        revoke_key(path, "nobody")
    with pytest.raises(BadKeyFile, match="no such file"):
        revoke_key(path.with_name("other.json"), "lab")


@pytest.mark.parametrize("name", ["", "-x", "a b", "a\n", "ä", "a" * 65, "oidc:x"])
def test_a_name_is_fit_for_a_log_line(path: Path, name: str) -> None:
    with pytest.raises(AccessError, match=r"1 to 64 letters, digits"):
        add_key(path, name, ["analyze"])
    assert not path.exists()


def test_no_key_passes_for_those_without_one(path: Path) -> None:
    with pytest.raises(AccessError, match="'anonymous' stands for those without a key"):
        add_key(path, "anonymous", ["analyze"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": "many"}, "rate: 'many'"),
        ({"rate": "0/minute"}, "rate: '0/minute'"),
        ({"rate": "5/year"}, "in up to a day"),
        ({"max_in_flight": 0}, "max_in_flight: 0; allowed are 1 to 65536"),
        ({"max_in_flight": 65537}, "max_in_flight: 65537"),
    ],
)
def test_limits_that_mean_nothing_are_refused(
    path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(AccessError, match=message):
        add_key(path, "lab", ["analyze"], **options)


def test_keys_that_are_added_at_once_are_all_kept(path: Path) -> None:
    path.parent.mkdir()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: add_key(path, f"k{number}", ["analyze"]), range(24)))
    assert {key.name for key in read_keys(path)} == {f"k{number}" for number in range(24)}


ENTRY = {
    "name": "lab",
    "prefix": "0" * 12,
    "sha256": "0" * 64,
    "scopes": ["analyze"],
    "created": "2026-11-30T12:00:00Z",
}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "keys.json: the file"),
        (b"[]", "keys.json: the file"),
        (b'{"keys": [', "the file"),
        ({"version": 2, "keys": []}, "version"),
        ({"keys": [], "more": 1}, "more"),
        ({"keys": [ENTRY | {"prefix": "xyz"}]}, "keys.0.prefix"),
        ({"keys": [ENTRY | {"sha256": "0" * 63}]}, "keys.0.sha256"),
        ({"keys": [ENTRY | {"scopes": []}]}, "keys.0.scopes"),
        ({"keys": [ENTRY | {"name": "a b"}]}, "keys.0.name"),
        ({"keys": [ENTRY | {"created": "2026-11-30T12:00:00"}]}, "keys.0.created"),
        ({"keys": [ENTRY | {"expires": "soon"}]}, "keys.0.expires"),
        ({"keys": [ENTRY | {"rate": "often"}]}, "rate: 'often'"),
        ({"keys": [ENTRY | {"max_in_flight": 0}]}, "keys.0.max_in_flight"),
        ({"keys": [ENTRY | {"secret": "x"}]}, "keys.0.secret"),
        ({"keys": [ENTRY, ENTRY | {"name": "other"}]}, "the same prefix"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_refused(
    path: Path, document: bytes | dict[str, Any], message: str
) -> None:
    path.parent.mkdir()
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    path.chmod(0o600)
    with pytest.raises(BadKeyFile) as refused:
        read_keys(path)
    assert message in refused.value.detail


def test_an_error_about_the_file_has_no_hash_in_it(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"keys": [ENTRY | {"sha256": "abcdef" * 11}]}))
    path.chmod(0o600)
    with pytest.raises(BadKeyFile) as refused:
        read_keys(path)
    assert "abcdef" not in refused.value.detail


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_to_is_refused(path: Path, mode: int) -> None:
    add_key(path, "lab", ["analyze"])
    path.chmod(mode)
    with pytest.raises(BadKeyFile, match="others than its owner can write to it"):
        read_keys(path)
    path.chmod(0o644)
    assert len(read_keys(path)) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(path: Path) -> None:
    add_key(path, "lab", ["analyze"])
    os.chown(path, 12345, 12345)
    with pytest.raises(BadKeyFile, match="belongs to user 12345"):
        read_keys(path)


def test_the_size_of_the_file_is_limited(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_key(path, "lab", ["analyze"])
    size = path.stat().st_size
    monkeypatch.setattr(key_file, "MAX_FILE_BYTES", size)
    assert len(read_keys(path)) == 1
    monkeypatch.setattr(key_file, "MAX_FILE_BYTES", size - 1)
    with pytest.raises(BadKeyFile, match="larger than"):
        read_keys(path)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the file at every call, so that no test waits."""
    monkeypatch.setattr(key_file, "CHECK_EVERY_S", 0.0)


@pytest.mark.usefixtures("at_once")
def test_a_running_process_follows_the_file(path: Path) -> None:
    first = add_key(path, "first", ["analyze"])
    watched = WatchedKeyFile(path)
    second = add_key(path, "second", ["features"])
    identity = watched.ring().identity(second)
    assert identity is not None and identity.name == "second"
    revoke_key(path, "first")
    assert watched.ring().identity(first) is None
    assert watched.ring().identity(second) is not None
    path.unlink()
    assert watched.ring().identity(second) is None
    third = add_key(path, "third", ["analyze"])
    assert watched.ring().identity(third) is not None


@pytest.mark.usefixtures("at_once")
def test_a_damaged_version_leaves_the_keys_before_valid_and_is_logged_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = add_key(path, "lab", ["analyze"])
    watched = WatchedKeyFile(path)
    path.write_text("{")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            assert watched.ring().identity(key) is not None
    assert len(caplog.records) == 1
    assert "the keys of the version before stay valid" in caplog.text


def test_the_file_is_looked_at_once_a_second_only(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = add_key(path, "lab", ["analyze"])
    now_s = 1000.0
    monkeypatch.setattr(key_file.time, "monotonic", lambda: now_s)
    watched = WatchedKeyFile(path)
    revoke_key(path, "lab")
    now_s += 0.99
    assert watched.ring().identity(key) is not None
    now_s += 0.01
    assert watched.ring().identity(key) is None

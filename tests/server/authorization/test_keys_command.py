"""`python -m server keys`: one key a command, shown once, and clear refusals."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from access.api_keys import KEY, KeyRing
from access.key_file import read_keys
from access.keys_command import run_keys_command
from server.authorization.route_scopes import KEYS_COMMAND
from tests.house.tree import ROOT


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys.json"
    monkeypatch.setenv("ECG_KEY_FILE", str(path))
    return path


def add(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run_keys_command(KEYS_COMMAND, ["add", *arguments]) == 0
    return capsys.readouterr().out.strip()


def test_a_key_is_the_only_thing_on_standard_output(path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "server", "keys", "add", "lab"],
        cwd=ROOT,
        env=os.environ | {"ECG_KEY_FILE": str(path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert KEY.fullmatch(made.stdout.removesuffix("\n"))
    assert made.stderr == "The key of lab, shown this once:\n"
    identity = KeyRing(read_keys(path)).identity(made.stdout.strip())
    assert identity is not None and identity.scopes == {"analyze", "features"}


def test_the_options_are_kept(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(capsys, "lab", "--scopes", "operator", "--rate", "6/minute", "--max-in-flight", "2")
    (key,) = read_keys(path)
    assert (key.scopes, key.rate, key.max_in_flight) == (("operator",), "6/minute", 2)


def test_the_help_names_the_settings_for_keys_without_limits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        run_keys_command(KEYS_COMMAND, ["add", "--help"])
    text = capsys.readouterr().out
    assert "ECG_KEY_RATE" in text and "ECG_KEY_MAX_IN_FLIGHT" in text


def test_a_key_expires_after_a_year_unless_told_otherwise(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(capsys, "default")
    add(capsys, "days", "--expires", "90d")
    add(capsys, "date", "--expires", "2099-06-30")
    add(capsys, "never", "--expires", "never")
    default, days, date, never = read_keys(path)
    assert default.expires == default.created + timedelta(days=365)
    assert days.expires == days.created + timedelta(days=90)
    assert date.expires == datetime(2099, 6, 30, tzinfo=UTC)
    assert never.expires is None


def test_the_list_has_no_secret(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = add(capsys, "ward-3", "--scopes", "analyze", "--rate", "6/minute")
    add(capsys, "gone", "--expires", "never")
    assert run_keys_command(KEYS_COMMAND, ["revoke", "gone"]) == 0
    assert re.fullmatch(r"revoked: gone \([0-9a-f]{12}\)\n", capsys.readouterr().out)
    assert run_keys_command(KEYS_COMMAND, ["list"]) == 0
    shown = capsys.readouterr().out
    header, first, second = shown.splitlines()
    assert header.split() == ["name", "prefix", "state", "created", "expires", "scopes"]
    assert first.split()[:3] == ["ward-3", key.split("_")[1], "valid"]
    assert first.endswith("analyze  rate 6/minute")
    assert second.split()[2] == "revoked" and "never" in second
    assert key[-43:] not in shown
    assert read_keys(path)[0].sha256 not in shown


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["add", "a b"], "name: 'a b'"),
        (["add", "lab", "--scopes", "admin"], "scopes: admin; allowed are analyze, features"),
        (["add", "lab", "--scopes", "docs"], "scopes: docs"),
        (["add", "lab", "--scopes", ","], "scopes: none"),
        (["add", "lab", "--expires", "0d"], "expires: '0d'"),
        (["add", "lab", "--expires", "2020-01-01"], "expires: '2020-01-01'"),
        (["add", "lab", "--expires", "soon"], "expires: 'soon'"),
        (["add", "lab", "--rate", "x"], "rate: 'x'"),
        (["add", "lab", "--max-in-flight", "0"], "max_in_flight: 0"),
        (["revoke", "nobody"], "no such file"),
        (["list"], "No such file"),
    ],
)
def test_a_refusal_is_a_sentence_and_changes_nothing(
    path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    assert run_keys_command(KEYS_COMMAND, arguments) == 2
    shown = capsys.readouterr()
    assert reason in shown.err and shown.err.count("\n") == 1
    assert shown.out == ""
    assert not path.exists()


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    under_a_file = str(tmp_path / "file" / "keys.json")
    assert run_keys_command(KEYS_COMMAND, ["add", "lab", "--key-file", under_a_file]) == 2
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_without_a_file_the_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ECG_KEY_FILE")
    assert run_keys_command(KEYS_COMMAND, ["list"]) == 2
    assert "no key file: set ECG_KEY_FILE or give --key-file" in capsys.readouterr().err

"""What the server starts with, and the sentence it ends with where it must not start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from access.key_file import add_key, revoke_key
from errors import AccessError, BadKeyFile
from server.authorization.rules import access_rules
from server.settings import Settings, parse_arguments
from tests.house.tree import ROOT
from tests.server.harness import RunningServer


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    add_key(path, "lab", ["analyze"])
    return path


ISSUER = {"oidc_issuer": "https://issuer.example", "oidc_audience": "ecg"}


def test_by_default_everybody_on_this_machine_may_do_everything() -> None:
    rules = access_rules(Settings())
    assert not rules.knows_credentials
    assert not rules.holds_secrets
    assert rules.anonymous.scopes == {"docs", "analyze", "features", "operator"}
    assert rules.allowed_hosts == {"localhost", "127.0.0.1", "[::1]"}
    assert rules.cors_origins == frozenset()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_on_another_address_somebody_must_be_kept_out_or_nobody_explicitly(
    host: str, key_file: Path
) -> None:
    with pytest.raises(AccessError) as refused:
        access_rules(Settings(host=host))  # type: ignore[arg-type]
    assert refused.value.detail == (
        f"ECG_HOST is {host}, which others can reach, and there are no keys: make one with "
        "`python -m server keys add NAME --key-file FILE` and set ECG_KEY_FILE, or set "
        "ECG_OIDC_ISSUER, or serve everybody with --allow-anonymous"
    )
    allowing: list[dict[str, Any]] = [{"key_file": key_file}, ISSUER, {"allow_anonymous": True}]
    for settings in allowing:
        assert access_rules(Settings(host=host, **settings)).allowed_hosts == {"*"}


def test_the_command_refuses_with_one_sentence_before_anything_starts(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "server", "--model", "none", "--host", "0.0.0.0"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("Access: ECG_HOST is 0.0.0.0, which others can reach, and")
    assert ended.stderr.count("\n") == 1


def test_with_the_explicit_flag_it_serves_everybody_on_every_address() -> None:
    with (
        RunningServer(
            ECG_MODEL="none",
            ECG_SIGNAL_WORKERS="1",
            ECG_HOST="0.0.0.0",
            ECG_ALLOW_ANONYMOUS="true",
            ECG_ALLOWED_HOSTS="",
        ) as server,
        server.client() as client,
    ):
        assert client.get("/metrics", headers={"Host": "ecg.ward.example"}).status_code == 200


def test_a_bare_flag_turns_it_on() -> None:
    assert parse_arguments(["--allow-anonymous"]).allow_anonymous
    assert not parse_arguments(["--allow-anonymous", "false"]).allow_anonymous
    assert parse_arguments(["--allow-anonymous", "--port", "2000"]).port == 2000


def test_a_key_file_without_a_key_is_no_access_control(tmp_path: Path, key_file: Path) -> None:
    missing = tmp_path / "none.json"
    with pytest.raises(AccessError, match="which has no key: make one"):
        access_rules(Settings(key_file=missing))
    rules = access_rules(Settings(key_file=missing, allow_anonymous=True))
    assert rules.anonymous.scopes == {"docs", "analyze", "features", "operator"}
    key_file.write_text("{}")
    with pytest.raises(AccessError, match="which has no key"):
        access_rules(Settings(key_file=key_file))
    key_file.write_text("{")
    with pytest.raises(BadKeyFile):
        access_rules(Settings(key_file=key_file, allow_anonymous=True))


def test_keys_of_which_none_is_valid_let_nobody_in_and_are_logged(
    key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    revoke_key(key_file, "lab")
    rules = access_rules(Settings(host="0.0.0.0", key_file=key_file))
    assert rules.anonymous.scopes == frozenset()
    assert "1 keys, 0 of them valid" in caplog.text
    assert caplog.records[0].levelname == "WARNING"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"open_scopes": "docs,everything"}, "ECG_OPEN_SCOPES names everything; allowed are docs"),
        ({"key_rate": "often"}, "rate: 'often'"),
        ({"allowed_hosts": "localhost:8000"}, "allowed host 'localhost:8000'"),
        ({"allowed_hosts": "http://localhost"}, "allowed host 'http://localhost'"),
        ({"allowed_hosts": "a.*"}, "allowed host 'a.*'"),
        ({"cors_origins": "viewer.example"}, "origin 'viewer.example'"),
        ({"cors_origins": "https://viewer.example/"}, "origin 'https://viewer.example/'"),
        ({"cors_origins": "null"}, "origin 'null'"),
        ({"oidc_audience": "ecg"}, "ECG_OIDC_ISSUER is missing"),
        ({"oidc_jwks_url": "https://i.example/jwks"}, "ECG_OIDC_ISSUER is missing"),
        ({"oidc_issuer": "https://i.example"}, "ECG_OIDC_AUDIENCE is missing"),
        (ISSUER | {"oidc_issuer": "http://i.example"}, "must begin with https://"),
        (ISSUER | {"oidc_jwks_url": "http://i.example"}, "must begin with https://"),
        (ISSUER | {"oidc_algorithms": "HS256"}, "algorithms of tokens: HS256; allowed are RS256"),
        (ISSUER | {"oidc_algorithms": ","}, "algorithms of tokens: none"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(AccessError) as refused:
        access_rules(Settings(**settings))
    assert reason in refused.value.detail


def test_lists_of_hosts_and_origins_are_read() -> None:
    settings = Settings(
        allowed_hosts=" ECG.example, *.ward.example ",
        cors_origins="https://a.example, https://b.example",
    )
    rules = access_rules(settings)
    assert rules.allowed_hosts == {"ecg.example", "*.ward.example"}
    assert rules.cors_origins == {"https://a.example", "https://b.example"}

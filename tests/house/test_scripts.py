"""The scripts work from any folder and explain what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from server.settings import Settings
from tests.house.tree import ROOT

SCRIPTS = (
    "scripts/mutate",
    "scripts/serve",
    "scripts/station",
    "scripts/test",
    "scripts/check",
    "scripts/check-deploy",
    "scripts/lock",
    "scripts/sbom",
    "scripts/_venv.sh",
    ".ci/run",
)
NO_INSTALL = {
    "PIP_NO_INDEX": "1",
    "PIP_CONFIG_FILE": os.devnull,
    "ECG_VENV": sys.prefix,
}  # every attempt to install fails


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_parse(script: str) -> None:
    subprocess.run(["bash", "-n", script], cwd=ROOT, check=True)


def run(
    script: str, *arguments: str, folder: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(ROOT / "scripts" / script), *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(
    not Path(sys.prefix, ".installed-dev").is_file(),
    reason="this environment was not made by the scripts",
)
def test_a_second_start_installs_nothing_from_any_folder(tmp_path: Path) -> None:
    done = run("test", "--version", folder=tmp_path, **NO_INSTALL)
    assert done.returncode == 0 and done.stdout.startswith("pytest ")
    assert done.stderr == ""


@pytest.mark.skipif(
    not Path(sys.prefix, ".installed-serve").is_file(),
    reason="this environment was not made by the scripts",
)
def test_serve_lists_its_settings(tmp_path: Path) -> None:
    done = run("serve", "--help", folder=tmp_path, **NO_INSTALL)
    assert done.returncode == 0 and "ECG_PORT" in done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--port", "9000", "--help"]])
def test_serve_lists_its_settings_before_anything_is_installed(
    tmp_path: Path, arguments: list[str]
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "dirname"):
        (tools / tool).symlink_to(subprocess.check_output(["which", tool], text=True).strip())
    venv = tmp_path / "venv"
    done = run("serve", *arguments, PATH=str(tools), ECG_VENV=str(venv))
    assert done.returncode == 0, done.stderr
    assert not venv.exists()
    for name, field in Settings.model_fields.items():
        value = "true|false" if field.annotation is bool else "VALUE"
        flag = f"  --{name.replace('_', '-')} "
        assert f"{flag}{value}\n" in done.stdout or f"{flag}[{value}]\n" in done.stdout
        assert f"        {field.description} (ECG_{name.upper()}; default: " in done.stdout


def test_without_a_python_the_message_says_what_to_install(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "dirname", "mkdir", "cat", "cmp"):
        (tools / tool).symlink_to(subprocess.check_output(["which", tool], text=True).strip())
    done = run("test", PATH=str(tools), ECG_VENV=str(tmp_path / "venv"))
    assert done.returncode != 0 and "3.11 or newer" in done.stderr

"""The systemd unit; systemd-analyze judges it where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.deploy.manifests import drain_s, seconds, unknown_settings
from tests.house.tree import ROOT, source

UNIT = "deploy/systemd/ecg-fm-server.service"
MAX_EXPOSURE = 2.0  # of systemd-analyze security: below 2 is "OK"; a unit without hardening has 9

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def values(name: str, path: str = UNIT) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", source(path), re.MULTILINE)


def test_the_server_has_time_for_all_that_it_accepted() -> None:
    (stop,) = values("TimeoutStopSec")
    assert seconds(stop) >= drain_s() and values("KillMode") == ["mixed"]


def test_settings_are_known_to_the_server() -> None:
    names = {value.partition("=")[0] for value in values("Environment")}
    assert names >= {"ECG_MODELS_DIR", "ECG_KEY_FILE"} and not unknown_settings(names)


def test_a_server_that_cannot_start_is_not_restarted_for_ever() -> None:
    from server.__main__ import EXIT_CANNOT_START

    assert values("RestartPreventExitStatus") == [str(EXIT_CANNOT_START)]
    assert values("StartLimitBurst") and values("StartLimitIntervalSec")


def test_the_state_is_in_the_folder_that_systemd_makes() -> None:
    (folder,) = values("StateDirectory")
    assert f"ECG_MODELS_DIR=/var/lib/{folder}" in values("Environment")


@needs_systemd
def test_systemd_can_read_the_unit() -> None:
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(ROOT / UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in checked.stderr.splitlines() if "ecg-fm-server" in line]
    # The program is not installed here.
    assert not [line for line in lines if "is not executable" not in line]


@needs_systemd
def test_the_unit_is_hardened() -> None:
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(ROOT / UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"exposure level .*: ([\d.]+)", judged.stdout)
    assert found and float(found[1]) < MAX_EXPOSURE, judged.stdout + judged.stderr

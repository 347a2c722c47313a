"""A server that cannot start says why in one line, and leaves nothing running."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from encoder.devices import cuda_device_count
from errors import ModelStoreError
from server.settings import OTHER_VARIABLES, Settings, parse_arguments, unknown_variables
from server.start import make_server
from tests.house.tree import ROOT
from tests.server.harness import RunningServer

NO_CUDA = pytest.mark.skipif(
    cuda_device_count() > 0, reason="with a CUDA device nothing is refused"
)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"ECG_DTYPE": "tf32", "ECG_DEVICE": "cpu"},
            "ECG_DTYPE is tf32, which needs a CUDA device; allowed on a CPU: auto, float32, "
            "bfloat16, float16",
        ),
        pytest.param(
            {"ECG_DEVICE": "cuda"},
            "ECG_DEVICE is cuda; no CUDA device can be used on this machine",
            marks=NO_CUDA,
        ),
        ({"ECG_MODEL": "/no/such/folder"}, "/no/such/folder"),
        (
            {"ECG_MODELS_DIR": __file__},
            f"ECG_MODELS_DIR is {__file__}, which cannot be used: Not a directory; a folder that "
            "the server can read is required",
        ),
        ({"ECG_BODY_TIMEOUT": "inf"}, "ECG_BODY_TIMEOUT is 'inf': Input should be less than or"),
        ({"ECG_REQUEST_TIMEOUT": "nan"}, "ECG_REQUEST_TIMEOUT is 'nan': Input should be"),
        ({"ECG_HANG_TIMEOUT": "1e308"}, "ECG_HANG_TIMEOUT is '1e308': Input should be less than"),
        ({"ECG_DTYPE": "int4"}, "ECG_DTYPE is 'int4': "),
        ({"ECG_DEVICE": "cuda:"}, "ECG_DEVICE is 'cuda:': "),
        ({"ECG_MAX_BODY_MB": "1025"}, "ECG_MAX_BODY_MB is '1025': "),
        (
            {"ECG_MAX_RECORDS": "0", "ECG_PORT": "80"},
            "ECG_PORT is '80': Input should be greater than or equal to 1024; "
            "ECG_MAX_RECORDS is '0': Input should be greater than or equal to 1",
        ),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else "",
)
def test_the_reason_is_told_before_anything_starts(settings: dict[str, str], reason: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "server"],
        env=os.environ | settings,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_than_on_linux_one_sentence_tells_how_to_run_it(platform: str) -> None:
    program = (
        "import sys, server.__main__\n"
        f"sys.platform = {platform!r}\n"
        "sys.exit(server.__main__.main())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "The server runs on Linux only (it needs pidfd, memfd, prctl and SOCK_SEQPACKET), and "
        f"this is {platform}; run it in a Linux container, see Docker in README.md.\n"
    )


def test_the_device_is_one_of_the_known_forms() -> None:
    for device in ("auto", "cpu", "cuda", "cuda:0", "cuda:0,cuda:12"):
        assert Settings(device=device).device == device
    for device in ("", "gpu", "cuda:", "cuda:x", "cuda:0,", "cuda:0,cpu", "cuda:²", "cuda:0 "):
        with pytest.raises(ValidationError):
            Settings(device=device)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_of_models_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o000)
    with pytest.raises(ModelStoreError, match="Permission denied"):
        make_server(Settings(models_dir=tmp_path, model="none"))


def test_the_places_are_shared_by_the_http_processes() -> None:
    """Rounded up, so that no fewer requests than the limit are admitted."""
    settings = Settings(max_in_flight=64, api_workers=3)
    assert settings.max_in_flight_per_http_process == 22
    assert Settings(max_in_flight=64, api_workers=4).max_in_flight_per_http_process == 16
    assert Settings(max_body_mb=3).max_body_bytes == 3 * 1024 * 1024


def test_flags_override_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECG_PORT", "2000")
    monkeypatch.setenv("ECG_MAX_RECORDS", "7")
    monkeypatch.setenv("ECG_MAX_SECONDS", "")
    settings = parse_arguments(["--port", "3000", "--log-json", "true"])
    assert (settings.port, settings.max_records, settings.log_json) == (3000, 7, True)
    assert settings.max_seconds == 600.0


@pytest.mark.parametrize(
    "name", [name for name, field in Settings.model_fields.items() if field.annotation is bool]
)
def test_a_switch_needs_no_value(name: str) -> None:
    flag = f"--{name.replace('_', '-')}"
    assert getattr(parse_arguments([flag]), name) is True
    settings = parse_arguments([flag, "--port", "3000"])
    assert (getattr(settings, name), settings.port) == (True, 3000)
    assert getattr(parse_arguments([flag, "true"]), name) is True
    assert getattr(parse_arguments([flag, "false"]), name) is False


def test_the_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_arguments(["--help"])
    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for name in Settings.model_fields:
        flag = f"--{name.replace('_', '-')}"
        assert f"{flag} VALUE" in text or f"{flag} [true|false]" in text
        assert f"(ECG_{name.upper()}; default: " in text
    assert "(ECG_MODELS_DIR; default: none)" in text


def test_health_shows_the_limits() -> None:
    assert Settings(max_in_flight=9, max_seconds=33).limits() == {
        "max_in_flight": 9,
        "max_waiting": 32,
        "max_connections": 2048,
        "max_connections_per_client": 1024,
        "max_head_kb": 64,
        "head_timeout": 10.0,
        "keep_alive": 75.0,
        "max_uploads": 256,
        "max_bodies_mb": 512,
        "min_rate": 240.0,
        "stall_timeout": 10.0,
        "answer_timeout": 60.0,
        "max_unread_mb": 256,
        "max_body_mb": 64,
        "max_records": 256,
        "max_seconds": 33.0,
        "body_timeout": 30.0,
        "request_timeout": 30.0,
        "hang_timeout": 120.0,
        "max_cpu_seconds": 20.0,
        "worker_memory_mb": 4096,
        "reader_memory_mb": 1024,
    }


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        (
            "ECG_MAX_INFLIGHT",
            "ECG_MAX_INFLIGHT is no setting of this version and is ignored; ECG_MAX_IN_FLIGHT is "
            "similar",
        ),
        ("ECG_QQQ", "ECG_QQQ is no setting of this version and is ignored"),
        (
            "ecg_prot",
            "ecg_prot is no setting of this version and is ignored; ECG_PORT is similar",
        ),
        (
            "ECGFM_PORT",
            "ECGFM_PORT is no setting of this version and is ignored; ECG_PORT is similar",
        ),
        (
            "ECG_MODEL_DIR",
            "ECG_MODEL_DIR is no setting of this version and is ignored; ECG_MODELS_DIR is similar",
        ),
        ("ecg_port", None),
        ("ECG_PORT", None),
        ("PATH", None),
        *((variable, None) for variable in sorted(OTHER_VARIABLES)),
    ],
)
def test_a_variable_that_is_no_setting_is_named(variable: str, sentence: str | None) -> None:
    assert unknown_variables({variable: "1"}) == ([] if sentence is None else [sentence])


def test_the_server_logs_variables_that_it_ignores() -> None:
    with RunningServer(ECG_MODEL="none", ECG_MAX_INFLIGHT="3") as server:
        assert "ECG_MAX_INFLIGHT is no setting of this version and is ignored" in server.log()
        with server.client() as client:
            limits = client.get("/health").json()["limits"]
        assert limits["max_in_flight"] == Settings().max_in_flight

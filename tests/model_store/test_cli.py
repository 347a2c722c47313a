"""`python -m model_store`: what it prints, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_store.__main__ import main
from tests.data import CARRIED

FINETUNED, PRETRAINED = CARRIED / "tiny_finetuned_new.pt", CARRIED / "tiny_pretrained_new.pt"


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ECG_MODELS_DIR", str(tmp_path / "models"))
    return tmp_path / "models"


def test_convert_list_path_and_verify(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(FINETUNED), str(models / "mine")]) == 0
    output = capsys.readouterr().out
    assert "mine: 0.5 MB -> 0.1 MB (30%)" in output and "ECG-FM's own labels" in output
    assert main(["list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == ["ecg-fm-clinical", "ecg-fm-features", "mine"]
    assert "not installed" in listed[0] and " installed, " in listed[2]
    assert main(["path", "mine"]) == 0
    assert capsys.readouterr().out.strip() == str(models / "mine")
    assert main(["verify", "--golden", str(CARRIED)]) == 0
    assert capsys.readouterr().out.count("ok  ") == 13


def test_verify_fails_where_answers_differ(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["convert", str(PRETRAINED), str(models / "mine")])
    (models / "mine" / "model.safetensors").write_bytes(b"half")
    assert main(["verify", "mine"]) == 1
    assert "FAIL  mine" in capsys.readouterr().out
    assert main(["list"]) == 0
    assert "damaged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["convert", "nothing.pt", "out"], "nothing.pt: cannot be read"),
        (["convert", str(CARRIED / "README.md"), "out"], "README.md"),
        (["convert", str(FINETUNED), "out", "--labels", "nothing.json"], "nothing.json"),
        (["convert", str(FINETUNED), "/proc/out"], "/proc/out"),
        (["pull", "ecg-gpt"], "'ecg-gpt' is not a bundle that can be pulled"),
        (["path", "ecg-fm-clinical"], "model_store pull ecg-fm-clinical"),
        (["path", "mine"], "model_store list"),
        (["verify"], "no bundle in"),
        (["verify", "mine"], "mine: no such bundle"),
    ],
)
def test_what_goes_wrong_is_one_clear_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and message in lines[0]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [[], ["fetch"], ["convert"]])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and "usage:" in capsys.readouterr().err


def test_the_help_names_every_command_and_the_environment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    output = capsys.readouterr().out
    assert all(
        word in output
        for word in (
            "list",
            "pull",
            "convert",
            "verify",
            "path",
            "ECG_MODELS_DIR",
            "HF_HUB_OFFLINE",
        )
    )

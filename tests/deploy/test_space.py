"""The Space of Hugging Face: its files, and what push.py would upload."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.dockerfile import parse
from tests.house.tree import ROOT, source

SPACE = ROOT / "deploy" / "huggingface-space"
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
MAX_SHORT_DESCRIPTION = 60  # characters that the hub accepts


def front_matter() -> dict[str, Any]:
    _, header, _ = (SPACE / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return dict(yaml.safe_load(header))


def push(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SPACE / "push.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("space") / "files"
    done = push("--to", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_the_header_is_what_the_hub_reads() -> None:
    header = front_matter()
    assert header["sdk"] == "docker" and header["license"] == "mit"
    assert {header["colorFrom"], header["colorTo"]} <= COLOURS
    assert len(header["short_description"]) <= MAX_SHORT_DESCRIPTION


def test_the_space_forwards_to_the_servers_port() -> None:
    final = parse(SPACE / "Dockerfile")[-1]
    assert str(front_matter()["app_port"]) == final.environment()["ECG_PORT"] == "7860"


def test_the_space_says_that_it_is_open_to_all() -> None:
    assert parse(SPACE / "Dockerfile")[-1].environment()["ECG_ALLOW_ANONYMOUS"] == "true"
    assert "ECG_ALLOW_ANONYMOUS" in (SPACE / "README.md").read_text(encoding="utf-8")


def test_models_lie_in_the_persistent_storage() -> None:
    assert parse(SPACE / "Dockerfile")[-1].environment()["ECG_MODELS_DIR"] == "/data"


def test_what_is_uploaded_is_what_the_dockerfile_copies(staged: Path) -> None:
    stages = parse(staged / "Dockerfile")
    copied = {source for stage in stages for source in stage.copied_from_context()}
    files = {str(path.relative_to(staged)) for path in staged.rglob("*") if path.is_file()}
    assert all((staged / name).exists() for name in copied)
    of_copied = {name for name in files if any(_is_in(name, place) for place in copied)}
    assert files - of_copied == {"Dockerfile", "README.md"}
    assert "model_store/embedded/model.safetensors" in files
    assert not [name for name in files if "__pycache__" in name]


def test_the_servers_own_files_are_unchanged(staged: Path) -> None:
    for name in ("server/settings.py", "NOTICE", "requirements.lock"):
        assert (staged / name).read_text(encoding="utf-8") == source(name)


@pytest.mark.parametrize("arguments", [(), ("somebody/space", "--to", "folder")])
def test_a_space_or_a_folder_is_needed(arguments: tuple[str, ...]) -> None:
    refused = push(*arguments)
    assert refused.returncode == 2 and "USER/SPACE or --to FOLDER is needed" in refused.stderr


def _is_in(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}/")

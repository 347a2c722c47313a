"""Create or update a Docker Space with this checkout.

    python deploy/huggingface-space/push.py USER/SPACE [--private]
    python deploy/huggingface-space/push.py --to FOLDER      writes the files and uploads nothing

Takes the token of `hf auth login`, or HF_TOKEN. Uploaded is what the Space's Dockerfile copies, and
nothing else; files that an earlier version had are removed.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

SPACE = Path(__file__).parent
ROOT = SPACE.parents[1]


def sources(dockerfile: str) -> list[str]:
    """Return what a Dockerfile copies from its context."""
    copies = re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
    return [source for copy in copies for source in copy.split()[:-1]]


def stage(folder: Path) -> None:
    """Write the files of the Space into an empty folder."""
    dockerfile = (SPACE / "Dockerfile").read_text(encoding="utf-8")
    for source in sources(dockerfile):
        target = folder / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, target)
    for name in ("Dockerfile", "README.md"):
        shutil.copy(SPACE / name, folder / name)


def push(folder: Path, space: str, *, private: bool) -> str:
    """Upload a folder as a Space and return its address."""
    from huggingface_hub import HfApi

    api = HfApi()
    api.create_repo(space, repo_type="space", space_sdk="docker", private=private, exist_ok=True)
    api.upload_folder(
        repo_id=space,
        repo_type="space",
        folder_path=folder,
        delete_patterns="*",
        commit_message="The server at this version",
    )
    return f"https://huggingface.co/spaces/{space}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Create or update a Docker Space.")
    parser.add_argument("space", nargs="?", metavar="USER/SPACE")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="write the files; no upload")
    parser.add_argument("--private", action="store_true", help="for a Space that is created")
    given = parser.parse_args()
    if (given.space is None) == (given.to is None):
        parser.error("USER/SPACE or --to FOLDER is needed")
    if given.to is not None:
        given.to.mkdir(parents=True)
        stage(given.to)
        return 0
    with tempfile.TemporaryDirectory(prefix="ecg-space-") as folder:
        stage(Path(folder))
        sys.stdout.write(push(Path(folder), given.space, private=given.private) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

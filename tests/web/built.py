"""What is generated into web/: the types of the interface, and the built pages.

`python -m tests.web.built` writes the types again; `npm run build` in web/ the pages.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from server.openapi.document import openapi_bytes
from server.openapi.loaded_models import LoadedModels
from server.settings import Settings

WEB = Path(__file__).parents[2] / "web"
TYPES = WEB / "src" / "api" / "schema.ts"
DIST = WEB / "dist"
# Generous: it only keeps a failing test from hanging.
LIMIT_S = 300

requires_node = pytest.mark.skipif(
    shutil.which("node") is None or not (WEB / "node_modules").is_dir(),
    reason="NO NODE: what is built of the pages is not compared with its source; "
    "install Node.js 20 and npm, and run `npm ci` in web/",
)


def run_in_web(*command: str) -> None:
    """Run a program of web/node_modules. Raises AssertionError with its output if it fails."""
    program = WEB / "node_modules" / ".bin" / command[0]
    done = subprocess.run(
        [program, *command[1:]],
        cwd=WEB,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def types_of_the_document() -> str:
    """Return TypeScript's types of /openapi.json, of a server without a model.

    The models of a server change only texts of the document.
    """
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "openapi.json"
        types = Path(folder) / "schema.ts"
        document.write_bytes(openapi_bytes(Settings(), LoadedModels()))
        options = ["--output", str(types), "--alphabetize", "--immutable"]
        run_in_web("openapi-typescript", str(document), *options)
        return types.read_text(encoding="utf-8")


if __name__ == "__main__":
    TYPES.write_text(types_of_the_document(), encoding="utf-8")

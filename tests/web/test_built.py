"""What is committed of the pages is what their source gives."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.web.built import DIST, TYPES, requires_node, run_in_web, types_of_the_document

pytestmark = requires_node


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_types_are_those_of_the_servers_document() -> None:
    written = TYPES.read_text(encoding="utf-8")
    assert written == types_of_the_document(), "run `python -m tests.web.built`"


def test_the_built_pages_are_those_of_their_source(tmp_path: Path) -> None:
    run_in_web("vite", "build", "--outDir", str(tmp_path), "--emptyOutDir")
    committed, built = contents(DIST), contents(tmp_path)
    assert sorted(committed) == sorted(built), "run `npm run build` in web/"
    assert [name for name in built if committed[name] != built[name]] == []


def test_the_built_pages_are_small() -> None:
    """300 kB compressed, fonts included, is what the viewer may weigh."""
    served = [content for name, content in contents(DIST).items() if not name.endswith(".txt")]
    assert sum(len(gzip.compress(content)) for content in served) < 300_000

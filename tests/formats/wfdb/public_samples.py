"""wfdb-python's sample recordings: their files, and a table of what the server answers to each.

python -m tests.formats.wfdb.public_samples     writes the table; docs/formats.md includes it
"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from errors import EcgError
from formats.lead_names import HOW_TO_NAME
from formats.parts import Part
from formats.registry import read
from formats.wfdb.header import named_files
from tests.data import SHARED

ARCHIVE: Final = SHARED / "wfdb_samples" / "sample-data.tar.xz"
"""sample-data of MIT-LCP/wfdb-python at 6850ad1, without eleven files of 4 MiB and more."""

TABLE: Final = Path(__file__).with_name("public_samples.md")


def unpack(folder: Path) -> Path:
    """Unpack the archive into a folder, and return where its headers are."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "sample-data"


def headers(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.hea"))


def upload(header: Path) -> list[Part]:
    """Return a header with the files that it and its segments' headers name, those that exist."""
    paths = dict.fromkeys((header, *_companions(header)))
    return [Part(path.name, path.read_bytes()) for path in paths]


def _companions(header: Path) -> Iterator[Path]:
    for name in named_files(header.read_bytes()):
        path = header.parent / name
        if path.is_file():
            yield path
            if path.suffix == ".hea":
                yield from _companions(path)


def table(folder: Path) -> str:
    """Return the table in Markdown; records with the same answer share a line."""
    records: dict[str, list[str]] = {}
    for header in headers(folder):
        records.setdefault(_answer(header), []).append(header.stem)
    rows = [f"| {', '.join(names)} | {answer} |" for answer, names in records.items()]
    return "\n".join(["| record | answer |", "|---|---|", *rows]) + "\n"


def _answer(header: Path) -> str:
    try:
        record = read(upload(header))
    except EcgError as error:
        fault = error.detail.partition(f"; {HOW_TO_NAME}")[0]
        return f"refused: `{error.code}`, {fault}"
    leads = ", ".join(record.lead_names)
    return f"read: {leads}; {record.samples} samples at {record.fs:g} Hz"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        TABLE.write_text(table(unpack(Path(temporary))), encoding="utf-8")

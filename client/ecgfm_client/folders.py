"""The recordings of a folder.

A WFDB header with the files that it names is one recording; any other file is one by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

# Files next to recordings that are not recordings, whatever the server can read.
NEVER_RECORDINGS = frozenset(
    {
        ".md",
        ".html",
        ".pdf",
        ".png",
        ".jpg",
        ".jpeg",
        ".svg",
        ".py",
        ".m",
        ".sh",
        ".log",
        ".parquet",
        ".lock",
    }
)
INDEX_FILES = frozenset(
    {
        "RECORDS",
        "ANNOTATORS",
        "SHA256SUMS.txt",
        "LICENSE",
        "LICENSE.txt",
        "README",
        "README.txt",
        "notes.txt",
    }
)
MAX_HEADER_BYTES = 1_000_000


@dataclass(frozen=True)
class Recording:
    """One recording; `name` is the path below the folder, without .hea for WFDB."""

    name: str
    files: tuple[Path, ...]


def find_recordings(folder: Path) -> list[Recording]:
    """Return all recordings below `folder`, by name; hidden files and folders are left out."""
    recordings: list[Recording] = []
    for place in _folders(folder):
        files = sorted(
            path for path in place.iterdir() if path.is_file() and not path.name.startswith(".")
        )
        recordings.extend(
            Recording(_name(recording, folder), recording) for recording in _group(files)
        )
    return sorted(recordings, key=lambda recording: recording.name)


def group_files(paths: Sequence[Path]) -> list[Recording]:
    """Return the recordings of files in any order; the files of one WFDB recording are one."""
    by_folder: dict[Path, list[Path]] = {}
    for path in paths:
        by_folder.setdefault(path.parent, []).append(path)
    return [
        Recording(group[0].name, group)
        for files in by_folder.values()
        for group in _group(sorted(set(files)), keep=True)
    ]


def recording_of(path: Path, name: str) -> Recording:
    """Return the recording of one file; for a WFDB header with the existing files that it names."""
    if path.suffix != ".hea" or not path.is_file():
        return Recording(name, (path,))
    files = {file.name: file for file in path.parent.iterdir() if file.is_file()}
    headers = {name: _named_by(file) for name, file in files.items() if file.suffix == ".hea"}
    return Recording(name, _whole(path.name, headers, files))


def _folders(folder: Path) -> Iterable[Path]:
    yield folder
    for below in sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    ):
        yield from _folders(below)


def _name(files: tuple[Path, ...], folder: Path) -> str:
    first = files[0].relative_to(folder)
    return (first.with_suffix("") if first.suffix == ".hea" else first).as_posix()


def _group(files: list[Path], *, keep: bool = False) -> list[tuple[Path, ...]]:
    """Group a folder's files into recordings.

    keep  also files that do not look like recordings, because the user named them
    """
    by_name = {path.name: path for path in files}
    headers = {path.name: _named_by(path) for path in files if path.suffix == ".hea"}
    segments = {name for names in headers.values() for name in names if name.endswith(".hea")}
    groups = [_whole(name, headers, by_name) for name in headers if name not in segments]
    taken = {path for group in groups for path in group}
    stems = {Path(name).stem for name in headers}
    groups += [
        (path,) for path in files if path not in taken and (keep or not _is_beside(path, stems))
    ]
    return groups


def _whole(
    header: str, headers: dict[str, list[str]], by_name: dict[str, Path]
) -> tuple[Path, ...]:
    """Return a header's files; for a multi-segment header also its segments' headers and files."""
    names, waiting = [header], list(headers[header])
    while waiting:
        name = waiting.pop(0)
        if name in by_name and name not in names:
            names.append(name)
            waiting += headers.get(name, [])
    return tuple(by_name[name] for name in names)


def _named_by(header: Path) -> list[str]:
    """Return the file names in a WFDB header: signal files, or the headers of segments."""
    if header.stat().st_size > MAX_HEADER_BYTES:
        return []
    lines = [
        line.split()
        for line in header.read_text(encoding="latin-1").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    if not lines:
        return []
    multi = "/" in lines[0][0]
    names = [line[0] for line in lines[1:] if line[0] != "~"]
    return list(dict.fromkeys(f"{name}.hea" if multi else name for name in names))


def _is_beside(path: Path, stems: set[str]) -> bool:
    """Whether the file is a picture, an index, or an annotation file of a WFDB recording."""
    return (
        path.suffix.lower() in NEVER_RECORDINGS
        or path.name in INDEX_FILES
        or (path.stem in stems and path.suffix.lower() != ".zip")
    )

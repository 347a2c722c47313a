"""Find the recordings of a folder.

A WFDB header and the files that it names are one recording. Every other file is a recording of its
own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

# Suffixes and names of files that are often next to recordings and are not recordings themselves.
NON_RECORDING_SUFFIXES = frozenset(
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
NON_RECORDING_NAMES = frozenset(
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
    """The files of one recording.

    name   names the recording in results; from `find_recordings` it is the path below the folder,
           without .hea for WFDB
    files  for WFDB the header first
    """

    name: str
    files: tuple[Path, ...]


def find_recordings(folder: Path) -> list[Recording]:
    """Return all recordings below `folder`, sorted by name, without hidden files and folders."""
    recordings: list[Recording] = []
    for subfolder in _folders(folder):
        files = sorted(
            path for path in subfolder.iterdir() if path.is_file() and not path.name.startswith(".")
        )
        recordings.extend(
            Recording(_name(recording, folder), recording) for recording in _group(files)
        )
    return sorted(recordings, key=lambda recording: recording.name)


def group_files(paths: Sequence[Path]) -> list[Recording]:
    """Return the recordings that the given files make up.

    The files may be in any order. A recording's name is the name of its first file.
    """
    by_folder: dict[Path, list[Path]] = {}
    for path in paths:
        by_folder.setdefault(path.parent, []).append(path)
    return [
        Recording(group[0].name, group)
        for files in by_folder.values()
        for group in _group(sorted(set(files)), keep_all=True)
    ]


def recording_of(path: Path, name: str) -> Recording:
    """Return the recording of one file, with the given name.

    For a WFDB header, it includes those files named in the header that exist.
    """
    if path.suffix != ".hea" or not path.is_file():
        return Recording(name, (path,))
    files = {file.name: file for file in path.parent.iterdir() if file.is_file()}
    headers = {name: _names_in_file(file) for name, file in files.items() if _is_header(name)}
    return Recording(name, tuple(files[each] for each in _names_of(path.name, headers, files)))


def _folders(folder: Path) -> Iterable[Path]:
    """Yield the folder and all folders below it, except hidden ones."""
    yield folder
    for subfolder in sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    ):
        yield from _folders(subfolder)


def _name(files: tuple[Path, ...], folder: Path) -> str:
    """Return the path of the first file below `folder`, without .hea."""
    first = files[0].relative_to(folder)
    return (first.with_suffix("") if first.suffix == ".hea" else first).as_posix()


def _group(files: list[Path], *, keep_all: bool = False) -> list[tuple[Path, ...]]:
    """Return the recordings among one folder's files, each as a tuple of files.

    keep_all  also return files that do not look like recordings, because the user named them
    """
    by_name = {path.name: path for path in files}
    groups = group_names(list(by_name), lambda name: _names_in_file(by_name[name]), keep_all)
    return [tuple(by_name[name] for name in group) for group in groups]


def group_names(
    names: Sequence[str], names_in_header: Callable[[str], list[str]], keep_all: bool = False
) -> list[tuple[str, ...]]:
    """Return the recordings among one folder's files, each as the names of its files.

    names_in_header  returns the file names in a WFDB header, as `header_names` reads them
    keep_all         also return files that do not look like recordings
    """
    headers = {name: names_in_header(name) for name in names if _is_header(name)}
    segments = {each for named in headers.values() for each in named if _is_header(each)}
    existing = set(names)
    groups = [_names_of(name, headers, existing) for name in headers if name not in segments]
    taken = {name for group in groups for name in group}
    stems = {PurePath(name).stem for name in headers}
    groups += [
        (name,)
        for name in names
        if name not in taken and (keep_all or not _is_accessory(name, stems))
    ]
    return groups


def header_names(content: bytes) -> list[str]:
    """Return the file names in a WFDB header: signal files, or the headers of segments."""
    lines = [
        line.split()
        for line in content.decode("latin-1").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    if not lines:
        return []
    is_multi_segment = "/" in lines[0][0]
    names = [line[0] for line in lines[1:] if line[0] != "~"]
    if is_multi_segment:
        names = [f"{name}.hea" for name in names]
    return list(dict.fromkeys(names))


def _is_header(name: str) -> bool:
    return PurePath(name).suffix == ".hea"


def _names_of(
    header: str, headers: Mapping[str, list[str]], existing: Collection[str]
) -> tuple[str, ...]:
    """Return a WFDB header and its files; for a multi-segment header also those of its segments.

    header    the header's file name
    headers   the file name of each header -> the file names in it
    existing  the files of the folder; files that do not exist are left out
    """
    names, pending = [header], list(headers[header])
    while pending:
        name = pending.pop(0)
        if name in existing and name not in names:
            names.append(name)
            pending += headers.get(name, [])
    return tuple(names)


def _names_in_file(header: Path) -> list[str]:
    """Return the file names in a WFDB header; none if the file is too large to be one."""
    return [] if header.stat().st_size > MAX_HEADER_BYTES else header_names(header.read_bytes())


def _is_accessory(name: str, stems: set[str]) -> bool:
    """Return whether a file is no recording, e.g. a picture, an index or a WFDB annotation file.

    stems  the names of the folder's WFDB headers without .hea
    """
    path = PurePath(name)
    return (
        path.suffix.lower() in NON_RECORDING_SUFFIXES
        or name in NON_RECORDING_NAMES
        or (path.stem in stems and path.suffix.lower() != ".zip")
    )

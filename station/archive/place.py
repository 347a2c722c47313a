"""Where the archive is: a folder here or anywhere that fsspec reaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem

from atomic_files import make_folder, write_file
from errors import StationError

Result = TypeVar("Result")

# What fsspec and its file systems raise for a place that cannot be used: a module that is not
# installed, an unknown kind of URL, a missing file, a service that refuses.
_FAILURES: Final = (ImportError, ValueError, OSError)


class BadArchive(StationError):
    """The archive cannot be used, or a file of it is not what was written."""

    code, title = "bad_archive", "Archive cannot be used"


class Place:
    """The files below a URL."""

    def __init__(self, url: str) -> None:
        """Raises BadArchive."""
        self._system, root = _reached("STATION_ARCHIVE", lambda: fsspec.core.url_to_fs(url))
        self._root = PurePosixPath(root)

    def write(self, path: str, content: bytes) -> None:
        """Write a file; on a disk of this machine it is durable then. Raises BadArchive."""
        full = str(self._root / path)

        def write() -> None:
            if isinstance(self._system, LocalFileSystem):
                make_folder(Path(full).parent)
                write_file(Path(full), content)
            else:
                self._system.makedirs(str(PurePosixPath(full).parent), exist_ok=True)
                self._system.pipe_file(full, content)

        _reached(path, write)

    def read(self, path: str) -> bytes:
        """Raises BadArchive."""
        found: bytes = _reached(path, lambda: self._system.cat_file(str(self._root / path)))
        return found

    def open(self, path: str) -> Any:
        """Return a file to read parts of. Raises BadArchive."""
        return _reached(path, lambda: self._system.open(str(self._root / path), "rb"))

    def remove(self, path: str) -> None:
        """Remove a file, where there is one. Raises BadArchive."""
        full = str(self._root / path)
        if _reached(path, lambda: self._system.exists(full)):
            _reached(path, lambda: self._system.rm_file(full))

    def names(self, folder: str) -> Sequence[str]:
        """Return the paths of the files in a folder and below it. Raises BadArchive."""
        full = str(self._root / folder)
        if not _reached(folder, lambda: self._system.exists(full)):
            return []
        found = _reached(folder, lambda: self._system.find(full))
        # Some file systems begin their paths with a slash, and others do not.
        first = len(PurePosixPath(full.lstrip("/")).parts)
        parts = [PurePosixPath(path.lstrip("/")).parts[first:] for path in found]
        return sorted(str(PurePosixPath(folder, *each)) for each in parts)


def _reached(what: str, reach: Callable[[], Result]) -> Result:
    try:
        return reach()
    except _FAILURES as error:
        raise BadArchive(f"{what}: {type(error).__name__}: {error}") from None

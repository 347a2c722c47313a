"""Recordings of files that fsspec reaches: in a folder here, in an object store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, TypeVar, cast

import fsspec
from ecgfm_client.device.recordings import BeatTable, Replayable, SignalRecording
from ecgfm_client.device.stream import Reading
from ecgfm_client.errors import UnusableInput
from ecgfm_client.folders import MAX_HEADER_BYTES, group_names, header_names

from errors import EcgError
from formats.hints import Hints
from formats.parts import Part
from formats.registry import DEFAULT_MAX_BYTES, read
from signals.record import EcgRecord

Result = TypeVar("Result")

# What fsspec and its file systems raise for a place that cannot be read: a module that is not
# installed, an unknown kind of URL, a missing file.
_FAILURES: Final = (ImportError, ValueError, OSError)


class Files:
    """The files at a URL: one file, or all below a folder."""

    def __init__(self, url: str) -> None:
        """Raises UnusableInput."""
        self._url = url
        self._system, self._root = self._reached(lambda: fsspec.core.url_to_fs(url))

    def beat_tables(self) -> list[tuple[str, Reading]]:
        """Return name and reading of each table of beats. Raises UnusableInput."""
        recordings = self._recordings()
        return [(path, partial(self._table, path)) for paths in recordings for path in paths]

    def signals(self, hints: Hints) -> list[tuple[str, Reading]]:
        """Return name and reading of each recording of a signal. Raises UnusableInput.

        hints  values in place of those in the files
        """
        return [(paths[0], partial(self._signal, paths, hints)) for paths in self._recordings()]

    def _recordings(self) -> list[tuple[str, ...]]:
        """Return the paths of the files of each recording."""
        is_folder = self._reached(lambda: self._system.isdir(self._root))
        if not is_folder:
            return [self._with_companions(self._root)]
        folders: dict[str, list[str]] = {}
        for path in self._reached(lambda: sorted(self._system.find(self._root))):
            place = PurePosixPath(path)
            if not any(part.startswith(".") for part in place.parts[len(_parts(self._root)) :]):
                folders.setdefault(str(place.parent), []).append(place.name)
        recordings = [
            tuple(f"{folder}/{name}" for name in group)
            for folder, names in sorted(folders.items())
            for group in group_names(names, partial(self._names_in_header, folder))
        ]
        if not recordings:
            raise UnusableInput(f"{self._url}: no recordings")
        return recordings

    def _with_companions(self, path: str) -> tuple[str, ...]:
        """Return a file and, if it is a WFDB header, the files that belong to it."""
        place = PurePosixPath(path)
        if place.suffix != ".hea":
            return (path,)
        listed = self._reached(lambda: self._system.ls(str(place.parent), detail=False))
        names = sorted(PurePosixPath(each).name for each in listed)
        groups = group_names(names, partial(self._names_in_header, str(place.parent)))
        (group,) = [group for group in groups if place.name in group] or [(place.name,)]
        first = [place.name, *(name for name in group if name != place.name)]
        return tuple(f"{place.parent}/{name}" for name in first)

    def _names_in_header(self, folder: str, name: str) -> list[str]:
        content = self._content(f"{folder}/{name}", MAX_HEADER_BYTES)
        return [] if len(content) > MAX_HEADER_BYTES else header_names(content)

    def _signal(self, paths: Iterable[str], hints: Hints) -> Replayable:
        parts = [
            Part(PurePosixPath(path).name, self._content(path, DEFAULT_MAX_BYTES)) for path in paths
        ]
        try:
            record = read(parts, hints)
        except EcgError as error:
            raise UnusableInput(f"{error.code}: {error.detail}") from None
        return _replayable(PurePosixPath(parts[0].name).stem, record)

    def _content(self, path: str, most_bytes: int) -> bytes:
        """Return the begin of a file, one byte more than `most_bytes` at most."""
        with self._open(path) as file:
            return self._reached(lambda: file.read(most_bytes + 1))

    def _table(self, path: str) -> Replayable:
        return BeatTable.of(PurePosixPath(path).stem, partial(self._open, path))

    def _open(self, path: str) -> BinaryIO:
        return cast(BinaryIO, self._reached(lambda: self._system.open(path, "rb")))

    def _reached(self, reach: Callable[[], Result]) -> Result:
        try:
            return reach()
        except _FAILURES as error:
            raise UnusableInput(f"{self._url}: {error or type(error).__name__}") from None


def _parts(path: Any) -> tuple[str, ...]:
    return PurePosixPath(path).parts


def _replayable(name: str, record: EcgRecord) -> Replayable:
    if record.units != "mV":
        raise UnusableInput("units: unknown; --units or --gain is needed")
    return SignalRecording(name, record.signal, record.fs, record.lead_names)

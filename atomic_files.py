"""Write files and folders atomically: a reader sees the old content or the new one, never a part.

New content is written under a hidden temporary name in the folder of the target, flushed to disk
with fsync, and renamed. POSIX makes a rename within one file system atomic; the fsync of the parent
folder makes it survive a power failure. Callers that read, change and write a file hold
`exclusive_lock`.

This module imports only the standard library, and every other package may import it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

FOLDER_MODE: Final = 0o755
STALE_SECONDS: Final = 24 * 3600  # an older temporary file or folder is left over from a crash


def write_file(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write `content` to `path` atomically; it is on disk when the function returns.

    mode    the file's permissions; None leaves them to the process's umask
    """
    with temporary_file(path, mode=mode) as temporary:
        temporary.write_bytes(content)


@contextmanager
def temporary_file(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """Yield the path of a temporary file to write; when the block succeeds, it replaces `path`.

    For writers that need a path or write piece by piece. If the block raises, `path` keeps its old
    content and the temporary file is removed.
    """
    _remove_leftovers(path)
    temporary = path.with_name(f"{_prefix(path)}{secrets.token_hex(8)}")
    try:
        yield temporary
        if mode is not None:
            temporary.chmod(mode)
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing; they are on disk when this returns."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


@contextmanager
def temporary_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty hidden folder next to `folder`, to be filled and passed to `install_folder`.

    Creates the parent folder if needed. The temporary folder is removed when the block ends, unless
    it was installed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)
    temporary = Path(tempfile.mkdtemp(prefix=_prefix(folder), dir=folder.parent))
    try:
        # mkdtemp creates private folders, but the server may run as another user.
        temporary.chmod(FOLDER_MODE)
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def install_folder(temporary: Path, folder: Path) -> None:
    """Rename the temporary folder to `folder`, durably. Its files must have been written durably.

    Raises FileExistsError if `folder` exists and is not empty, NotADirectoryError if it is a file.
    """
    _sync(temporary)
    try:
        temporary.rename(folder)
    except OSError as error:
        # Linux reports ENOTEMPTY or EEXIST, depending on the file system (rename(2)).
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder)) from error
        raise
    _sync(folder.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder in one step: rename it to a hidden name first, then delete its files.

    Raises FileNotFoundError if another process removed it in the meantime.
    """
    with temporary_folder(folder) as temporary:
        folder.rename(temporary / "removed")


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Wait until no other process or thread holds the lock file, and hold it in the block.

    The kernel releases the lock when the process exits, also after a crash.
    """
    with path.open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def _prefix(path: Path) -> str:
    return f".{path.name}.partial-"


def _remove_leftovers(path: Path) -> None:
    """Delete what crashed writers of this path left; younger ones may belong to running writers."""
    prefix = _prefix(path)
    oldest = time.time() - STALE_SECONDS
    for entry in path.parent.iterdir():
        if not entry.name.startswith(prefix):
            continue
        try:
            stale = entry.stat().st_mtime < oldest
        except FileNotFoundError:  # another writer has renamed or removed it since it was listed
            continue
        if stale and entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif stale:
            entry.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

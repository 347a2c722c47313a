"""The key file: a JSON object with an entry for each key, written atomically.

A running process notices a new version within CHECK_EVERY_S. Entries of revoked keys stay, as a
record of who once had access.
"""

from __future__ import annotations

import json
import logging
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from access.api_keys import ApiKey, KeyRing, new_secret
from access.identity import ANONYMOUS_NAME, NAME
from access.rates import check_rate
from atomic_files import exclusive_lock, write_file
from errors import AccessError, BadKeyFile, UnknownKey

logger = logging.getLogger("ecg.access")

CHECK_EVERY_S: Final = 1.0  # so a key is revoked, or a new one valid, after a second
FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
MAX_KEYS: Final = 10_000
# An entry with a long name and every scope has 400 bytes.
MAX_FILE_BYTES: Final = 8 * 1024 * 1024
MAX_IN_FLIGHT: Final = 65_536  # as the server's own limit

_Name = Annotated[str, Field(pattern=rf"^{NAME.pattern}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _Name
    prefix: str = Field(pattern=r"^[0-9a-f]{12}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: tuple[str, ...] = Field(min_length=1, max_length=64)
    created: AwareDatetime
    expires: AwareDatetime | None = None
    revoked: AwareDatetime | None = None
    rate: str | None = None
    max_in_flight: int | None = Field(None, ge=1, le=MAX_IN_FLIGHT)


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    keys: tuple[_Entry, ...] = Field((), max_length=MAX_KEYS)


def read_keys(path: Path) -> tuple[ApiKey, ...]:
    """Return the keys of a file. Raises BadKeyFile where it cannot be read or trusted."""
    try:
        with path.open("rb") as file:
            _check_owner(path, os.fstat(file.fileno()))
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadKeyFile(f"{path}: {error.strerror}") from None
    if len(content) > MAX_FILE_BYTES:
        raise BadKeyFile(f"{path}: larger than {MAX_FILE_BYTES} bytes")
    try:
        document = _Document.model_validate_json(content)
        keys = tuple(ApiKey(**dict(entry)) for entry in document.keys)
        for key in keys:
            if key.rate is not None:
                check_rate(key.rate)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, fault["loc"])) or "the file"
        raise BadKeyFile(f"{path}: {place}: {fault['msg']}") from None
    except AccessError as error:
        raise BadKeyFile(f"{path}: {error.detail}") from None
    if len({key.prefix for key in keys}) < len(keys):
        raise BadKeyFile(f"{path}: two keys have the same prefix")
    return keys


def _check_owner(path: Path, status: os.stat_result) -> None:
    """Raise BadKeyFile if another user could add keys to the file."""
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise BadKeyFile(f"{path}: others than its owner can write to it; chmod 600 {path}")
    if status.st_uid not in (0, os.geteuid()):
        raise BadKeyFile(f"{path}: belongs to user {status.st_uid}, not to this process's or root")


def add_key(
    path: Path,
    name: str,
    scopes: Sequence[str],
    *,
    expires: datetime | None = None,
    rate: str | None = None,
    max_in_flight: int | None = None,
) -> str:
    """Add a key and return it; creates the file if there is none.

    Raises AccessError if a value is not allowed or the name is taken, BadKeyFile.
    """
    if NAME.fullmatch(name) is None:
        raise AccessError(
            f"name: {name!r}; 1 to 64 letters, digits and ._@- are allowed, a letter or digit first"
        )
    if name == ANONYMOUS_NAME:
        raise AccessError(f"name: {name!r} stands for those without a key; another is needed")
    if rate is not None:
        check_rate(rate)
    if max_in_flight is not None and not 1 <= max_in_flight <= MAX_IN_FLIGHT:
        raise AccessError(f"max_in_flight: {max_in_flight}; allowed are 1 to {MAX_IN_FLIGHT}")
    now = datetime.now(UTC).replace(microsecond=0)
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    with exclusive_lock(_lock_of(path)):
        keys = read_keys(path) if path.exists() else ()
        if any(key.name == name and key.is_valid(now) for key in keys):
            raise AccessError(f"name: a valid key is named {name!r} already; revoke it first")
        if len(keys) >= MAX_KEYS:
            raise AccessError(f"{path}: has {len(keys)} keys, the limit")
        text, prefix, sha256 = new_secret()
        key = ApiKey(name, prefix, sha256, tuple(scopes), now, expires, None, rate, max_in_flight)
        _write(path, (*keys, key))
    return text


def revoke_key(path: Path, name_or_prefix: str) -> list[ApiKey]:
    """Revoke the keys with this name or prefix, and return them.

    Raises UnknownKey where there is none that was not revoked before, BadKeyFile.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    if not path.exists():
        raise BadKeyFile(f"{path}: no such file")
    with exclusive_lock(_lock_of(path)):
        keys = read_keys(path)
        named = [key for key in keys if name_or_prefix in (key.name, key.prefix)]
        revoked = [key for key in named if key.revoked is None]
        if not revoked:
            state = "is revoked already" if named else "is not the name or prefix of a key"
            raise UnknownKey(f"{name_or_prefix!r} {state} in {path}")
        _write(
            path,
            tuple(replace(key, revoked=now) if key in revoked else key for key in keys),
        )
    return revoked


def _write(path: Path, keys: Sequence[ApiKey]) -> None:
    document = _Document(keys=tuple(_Entry(**asdict(key)) for key in keys))
    text = json.dumps(document.model_dump(mode="json"), indent=1)
    write_file(path, text.encode() + b"\n", mode=FILE_MODE)


def _lock_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


class WatchedKeyFile:
    """The key file as one process sees it. It may appear later.

    A version that cannot be used leaves the keys of the one before in force, and is logged once; a
    file that was removed leaves no key.
    """

    def __init__(self, path: Path) -> None:
        """Raises BadKeyFile."""
        self._path = path
        self._version = self._stat()
        self._ring = KeyRing() if self._version is None else KeyRing(read_keys(path))
        self._checked_s = time.monotonic()

    def ring(self) -> KeyRing:
        """Return the keys; looks at the file's status at most once in CHECK_EVERY_S."""
        now_s = time.monotonic()
        if now_s - self._checked_s >= CHECK_EVERY_S:
            self._checked_s = now_s
            version = self._stat()
            if version != self._version:
                self._version = version
                self._ring = self._read(version is None)
        return self._ring

    def _read(self, is_missing: bool) -> KeyRing:
        if is_missing:
            logger.error("key file %s: removed or not readable; no key is valid", self._path)
            return KeyRing()
        try:
            ring = KeyRing(read_keys(self._path))
        except BadKeyFile as error:
            logger.error("key file: %s; the keys of the version before stay valid", error.detail)
            return self._ring
        logger.info("key file: %d keys, %d of them valid", len(ring.keys), ring.count_valid())
        return ring

    def _stat(self) -> tuple[int, int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns

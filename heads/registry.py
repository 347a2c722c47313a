"""The installed heads: ECG_MODELS_DIR/heads/<name>/<version>/, which never change, and the aliases that say which one answers.

    heads/rhythm/1/, heads/rhythm/2/    versions, counted up and never used again
    heads/rhythm/aliases.json           champion (the one that answers), candidate, and the champions before, replaced in one step
    heads/rhythm/audit.jsonl            a line for each change, written before it is made, never rewritten

Changes wait for each other (a lock that the kernel frees with the process). Readers need no lock.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from atomic_files import exclusive_lock, write_file
from errors import BadHead, UnknownHead
from heads.folder import (
    NAME,
    READABLE,
    check_name,
    parse_head,
    read_files,
    read_head,
    write_files,
)
from heads.head import Head
from superclasses import SUPERCLASSES

HEADS_FOLDER: Final = "heads"
ALIASES_FILE: Final = "aliases.json"
AUDIT_FILE: Final = "audit.jsonl"
GUARD_FILE: Final = ".guard"
MAX_ALIASES_BYTES: Final = 1 << 20
MAX_REASON: Final = 1000  # characters of an audit line's reason

Alias = Literal["champion", "candidate"]

# Heads that the server gives a part of its own to, and the labels that part has.
REQUIRED_LABELS: Final[Mapping[str, frozenset[str]]] = {"superclass": frozenset(SUPERCLASSES)}


@dataclass(frozen=True)
class Aliases:
    """champion answers; candidate waits for the gate; previous champions, oldest first; latest is the highest version ever given."""

    champion: int | None = None
    candidate: int | None = None
    previous: tuple[int, ...] = ()
    latest: int = 0

    def of(self, version: int) -> Alias | None:
        return (
            "champion"
            if version == self.champion
            else "candidate"
            if version == self.candidate
            else None
        )


class Registry:
    """The heads of one models folder."""

    def __init__(self, models_dir: Path) -> None:
        self.root = models_dir / HEADS_FOLDER

    def names(self) -> list[str]:
        try:
            return sorted(
                entry.name
                for entry in os.scandir(self.root)
                if NAME.fullmatch(entry.name) and entry.is_dir()
            )
        except FileNotFoundError:
            return []

    def versions(self, name: str) -> list[int]:
        """Those that lie there, in order. Raises UnknownHead."""
        folder = self._folder(name)
        return sorted(
            int(entry.name)
            for entry in folder.iterdir()
            if _is_version(entry.name) and entry.is_dir()
        )

    def aliases(self, name: str) -> Aliases:
        """Raises UnknownHead, and BadHead for a damaged file."""
        return _read_aliases(self._folder(name) / ALIASES_FILE)

    def aliases_file(self, name: str) -> Path:
        return self.root / name / ALIASES_FILE

    def load(self, name: str, version: int) -> Head:
        """Raises UnknownHead, and BadHead where the folder was damaged or holds another head."""
        folder = self._folder(name) / str(version)
        if not folder.is_dir():
            raise UnknownHead(
                f"{name} has no version {version}; there are {', '.join(map(str, self.versions(name))) or 'none'}"
            )
        head = read_head(folder)
        if head.name != name:
            raise BadHead(f"{name} version {version}: the folder holds a head named {head.name}")
        return head

    def audit(self, name: str) -> list[dict[str, Any]]:
        """Every change, oldest first. A last line that a crash cut short is left out."""
        try:
            lines = (self._folder(name) / AUDIT_FILE).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [entry for line in lines if (entry := _audit_entry(line)) is not None]

    def install(self, folder: Path, *, name: str | None = None) -> int:
        """Copies a head's folder in as its name's next version: the champion where there is none, else the candidate.

        name  what it must be called, None for what it calls itself
        Raises BadHead; what is there stays as it was.
        """
        files = read_files(folder)
        head = parse_head(*files)
        if name is not None and name != head.name:
            raise BadHead(f"the head is named {head.name}, not {name}")
        if head.name in REQUIRED_LABELS and set(head.label_names) != REQUIRED_LABELS[head.name]:
            raise BadHead(
                f"a head named {head.name} has the labels {', '.join(sorted(REQUIRED_LABELS[head.name]))}; found {', '.join(head.label_names)}"
            )
        target = self.root / check_name(head.name)
        target.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(target / GUARD_FILE):
            before = _read_aliases(target / ALIASES_FILE)
            version = max([before.latest, *self.versions(head.name)]) + 1
            first = before.champion is None
            after = (
                replace(before, latest=version, champion=version)
                if first
                else replace(before, latest=version, candidate=version)
            )
            details = {
                "encoder": asdict(head.encoder),
                "sha256": hashlib.sha256(files[0]).hexdigest(),
            }
            reason = "the first of its name" if first else "installed"
            _note(target, "install", version, before, after, reason, details)
            write_files(*files, target / str(version))
            _write_aliases(target, after)
        return version

    def promote(
        self, name: str, version: int, *, reason: str, details: Mapping[str, Any] | None = None
    ) -> Aliases:
        """Makes a version the champion. The gate's business is the caller's: `reason` and `details` go to the audit."""
        return self._move(name, version, "promote", reason, details or {})

    def keep(self, name: str, version: int, *, reason: str, details: Mapping[str, Any]) -> None:
        """Notes that the gate kept the champion; nothing else changes."""
        folder = self._folder(name)
        with exclusive_lock(folder / GUARD_FILE):
            aliases = _read_aliases(folder / ALIASES_FILE)
            _note(folder, "keep", version, aliases, aliases, reason, details)

    def rollback(self, name: str, version: int | None = None, *, reason: str) -> Aliases:
        """Makes the champion before the present one the champion again, or one further back. Raises UnknownHead where there was none."""
        before = self.aliases(name)
        if not before.previous:
            raise UnknownHead(
                f"{name}: no version was champion before {before.champion}; there is nothing to roll back to"
            )
        to = before.previous[-1] if version is None else version
        if to not in before.previous:
            raise UnknownHead(
                f"{name}: version {to} was no champion before; {', '.join(map(str, before.previous))} were"
            )
        return self._move(name, to, "rollback", reason, {})

    def _move(
        self, name: str, version: int, action: str, reason: str, details: Mapping[str, Any]
    ) -> Aliases:
        folder = self._folder(name)
        with exclusive_lock(folder / GUARD_FILE):
            self.load(name, version)  # a damaged version never becomes champion
            before = _read_aliases(folder / ALIASES_FILE)
            if version == before.champion:
                raise BadHead(f"{name}: version {version} is the champion already")
            after = (
                _rolled_back(before, version)
                if action == "rollback"
                else _promoted(before, version)
            )
            _note(folder, action, version, before, after, reason, details)
            _write_aliases(folder, after)
        return after

    def _folder(self, name: str) -> Path:
        folder = self.root / check_name(name)
        if not folder.is_dir():
            raise UnknownHead(
                f"no head named {name} is installed; there are {', '.join(self.names()) or 'none'}"
            )
        return folder


def _promoted(before: Aliases, version: int) -> Aliases:
    previous = before.previous if before.champion is None else (*before.previous, before.champion)
    return replace(
        before,
        champion=version,
        candidate=None if version == before.candidate else before.candidate,
        previous=previous,
    )


def _rolled_back(before: Aliases, version: int) -> Aliases:
    if version not in before.previous:  # somebody else rolled back in between
        raise UnknownHead(f"version {version} is no earlier champion any more; nothing was changed")
    last = len(before.previous) - 1 - before.previous[::-1].index(version)
    return replace(before, champion=version, previous=before.previous[:last])


def _is_version(name: str) -> bool:
    return (
        name.isascii()
        and name.isdigit()
        and len(name) < 10
        and name == str(int(name))
        and name != "0"
    )


def _read_aliases(path: Path) -> Aliases:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Aliases()
    damaged = BadHead(
        f"{path.parent.name}: {ALIASES_FILE} is damaged; {AUDIT_FILE} beside it tells what it held"
    )
    if len(text) > MAX_ALIASES_BYTES:
        raise damaged
    try:
        values = json.loads(text)
        found = Aliases(
            values["champion"], values["candidate"], tuple(values["previous"]), values["latest"]
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        raise damaged from None
    numbers = [
        found.latest,
        *found.previous,
        *(one for one in (found.champion, found.candidate) if one is not None),
    ]
    if not all(
        isinstance(number, int) and not isinstance(number, bool) and number >= 0
        for number in numbers
    ):
        raise damaged
    return found


def _write_aliases(folder: Path, aliases: Aliases) -> None:
    """In one step: a reader sees the old file or the new one."""
    content = json.dumps(asdict(aliases)) + "\n"
    write_file(folder / ALIASES_FILE, content.encode(), mode=READABLE)


def _note(
    folder: Path,
    action: str,
    version: int,
    before: Aliases,
    after: Aliases,
    reason: str,
    details: Mapping[str, Any],
) -> None:
    """One line at the end of the audit, on disk before the change is made: no change goes without one."""
    entry = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "uid": os.getuid(),
        "action": action,
        "version": version,
        "champion": {"before": before.champion, "after": after.champion},
        "candidate": {"before": before.candidate, "after": after.candidate},
        "reason": reason[:MAX_REASON],
        **({"details": dict(details)} if details else {}),
    }
    path = folder / AUDIT_FILE
    cut_off = path.is_file() and not path.read_bytes().endswith(
        b"\n"
    )  # by a crash: the new line must stand alone
    with path.open("ab") as file:
        file.write(
            (b"\n" if cut_off else b"") + (json.dumps(entry, ensure_ascii=False) + "\n").encode()
        )
        file.flush()
        os.fsync(file.fileno())


def _audit_entry(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None

"""The installed heads of one models folder.

    heads/rhythm/1/, heads/rhythm/2/  versions: numbered from 1, immutable, numbers are never reused
    heads/rhythm/aliases.json         the versions that are champion, candidate and former
                                      champions, and the latest number; replaced atomically
    heads/rhythm/audit.jsonl          one line for each change, appended before the change is made

A writer holds the head's lock file, so changes to one head are made one after the other. Readers
need no lock.
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
    FILE_MODE,
    NAME,
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
LOCK_FILE: Final = ".guard"
MAX_ALIASES_BYTES: Final = 1 << 20
MAX_REASON_CHARS: Final = 1000  # of a reason in the audit
MAX_VERSION_DIGITS: Final = 9

Alias = Literal["champion", "candidate"]

# Names of heads that give a part of the server's answer -> the labels that the part needs.
REQUIRED_LABELS: Final[Mapping[str, frozenset[str]]] = {"superclass": frozenset(SUPERCLASSES)}


@dataclass(frozen=True)
class Aliases:
    """Which versions of a head have an alias, and which were champion before.

    champion   the version that answers
    candidate  the version that waits for the gate
    previous   former champions that a rollback can return to, the oldest first
    latest     the highest version number that was ever assigned
    """

    champion: int | None = None
    candidate: int | None = None
    previous: tuple[int, ...] = ()
    latest: int = 0

    def alias_of(self, version: int) -> Alias | None:
        """Return the alias of a version, None if it has none."""
        if version == self.champion:
            return "champion"
        if version == self.candidate:
            return "candidate"
        return None


class Registry:
    """The heads of one models folder."""

    def __init__(self, models_dir: Path) -> None:
        self.root = models_dir / HEADS_FOLDER

    def names(self) -> list[str]:
        """Return the names of the installed heads, sorted."""
        try:
            entries = list(os.scandir(self.root))
        except FileNotFoundError:
            return []
        return sorted(
            entry.name for entry in entries if NAME.fullmatch(entry.name) and entry.is_dir()
        )

    def versions(self, name: str) -> list[int]:
        """Return the versions on disk, ascending. Raises UnknownHead."""
        entries = self._folder(name).iterdir()
        return sorted(
            int(entry.name) for entry in entries if _is_version(entry.name) and entry.is_dir()
        )

    def aliases(self, name: str) -> Aliases:
        """Return the aliases of a head. Raises UnknownHead, and BadHead for a damaged file."""
        return _read_aliases(self._folder(name) / ALIASES_FILE)

    def aliases_file(self, name: str) -> Path:
        """Return the path of a head's alias file, whether or not it exists."""
        return self.root / name / ALIASES_FILE

    def load(self, name: str, version: int) -> Head:
        """Return one version of a head, read from its folder.

        Raises UnknownHead, and BadHead if the folder is damaged or holds a head of another name.
        """
        folder = self._folder(name) / str(version)
        if not folder.is_dir():
            installed = ", ".join(map(str, self.versions(name))) or "none"
            raise UnknownHead(f"{name} has no version {version}; installed: {installed}")
        head = read_head(folder)
        if head.name != name:
            raise BadHead(f"{name} version {version}: the folder holds a head named {head.name}")
        return head

    def audit(self, name: str) -> list[dict[str, Any]]:
        """Return the audit's entries, the oldest first, without lines that a crash cut off."""
        try:
            text = (self._folder(name) / AUDIT_FILE).read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        entries = [_parse_audit_line(line) for line in text.splitlines()]
        return [entry for entry in entries if entry is not None]

    def install(self, folder: Path, *, name: str | None = None) -> int:
        """Copy a head's folder into the registry and return its version.

        The first version becomes champion, a later one becomes candidate.

        name  the name that the head must have; None for any name
        Raises BadHead if the head cannot be used; nothing is installed then.
        """
        description, weights = read_files(folder)
        head = parse_head(description, weights)
        _check_installable(head, name)
        target = self.root / check_name(head.name)
        target.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(target / LOCK_FILE):
            before = _read_aliases(target / ALIASES_FILE)
            version = max([before.latest, *self.versions(head.name)]) + 1
            if before.champion is None:
                after = replace(before, latest=version, champion=version)
                reason = "first version"
            else:
                after = replace(before, latest=version, candidate=version)
                reason = "installed"
            details = {
                "encoder": asdict(head.encoder),
                "sha256": hashlib.sha256(description).hexdigest(),
            }
            _append_audit(target, "install", version, before, after, reason, details)
            write_files(description, weights, target / str(version))
            _write_aliases(target, after)
        return version

    def promote(
        self, name: str, version: int, *, reason: str, details: Mapping[str, Any] | None = None
    ) -> Aliases:
        """Make a version the champion and return the new aliases.

        The caller has consulted the gate. `reason` and `details` are recorded in the audit.
        Raises UnknownHead; BadHead if the version is damaged or is the champion already.
        """
        return self._change_champion(name, version, "promote", reason, details or {})

    def keep_champion(
        self, name: str, version: int, *, reason: str, details: Mapping[str, Any]
    ) -> None:
        """Record in the audit that `version` was not promoted; nothing else changes."""
        folder = self._folder(name)
        with exclusive_lock(folder / LOCK_FILE):
            aliases = _read_aliases(folder / ALIASES_FILE)
            _append_audit(folder, "keep", version, aliases, aliases, reason, details)

    def rollback(self, name: str, version: int | None = None, *, reason: str) -> Aliases:
        """Make a former champion the champion again and return the new aliases.

        version  a former champion; None for the last one
        Raises UnknownHead if there is no former champion, or `version` was never champion.
        """
        before = self.aliases(name)
        if not before.previous:
            raise UnknownHead(
                f"{name}: no version was champion before {before.champion}; "
                "there is nothing to roll back to"
            )
        target = before.previous[-1] if version is None else version
        if target not in before.previous:
            former = ", ".join(map(str, before.previous))
            raise UnknownHead(
                f"{name}: version {target} is not a former champion; former champions: {former}"
            )
        return self._change_champion(name, target, "rollback", reason, {})

    def _change_champion(
        self,
        name: str,
        version: int,
        action: Literal["promote", "rollback"],
        reason: str,
        details: Mapping[str, Any],
    ) -> Aliases:
        folder = self._folder(name)
        with exclusive_lock(folder / LOCK_FILE):
            # It raises BadHead for a damaged version, which must not become champion.
            self.load(name, version)
            before = _read_aliases(folder / ALIASES_FILE)
            if version == before.champion:
                raise BadHead(f"{name}: version {version} is the champion already")
            change = _rolled_back if action == "rollback" else _promoted
            after = change(before, version)
            _append_audit(folder, action, version, before, after, reason, details)
            _write_aliases(folder, after)
        return after

    def _folder(self, name: str) -> Path:
        """Return an installed head's folder. Raises UnknownHead, or BadHead for a bad name."""
        folder = self.root / check_name(name)
        if not folder.is_dir():
            installed = ", ".join(self.names()) or "none"
            raise UnknownHead(f"no head named {name} is installed; installed: {installed}")
        return folder


def _check_installable(head: Head, name: str | None) -> None:
    """Raise BadHead if the head has another name than `name` or lacks the labels of its name."""
    if name is not None and name != head.name:
        raise BadHead(f"the head is named {head.name}, not {name}")
    required = REQUIRED_LABELS.get(head.name)
    if required is not None and set(head.label_names) != required:
        raise BadHead(
            f"a head named {head.name} has the labels {', '.join(sorted(required))}; "
            f"found {', '.join(head.label_names)}"
        )


def _promoted(before: Aliases, version: int) -> Aliases:
    """Return the aliases with `version` as champion and the present champion as a former one."""
    previous = before.previous
    if before.champion is not None:
        previous = (*previous, before.champion)
    candidate = None if version == before.candidate else before.candidate
    return replace(before, champion=version, candidate=candidate, previous=previous)


def _rolled_back(before: Aliases, version: int) -> Aliases:
    """Return the aliases as they were when `version` was last champion. Raises UnknownHead."""
    # Another process may have rolled back after the caller checked the version.
    if version not in before.previous:
        raise UnknownHead(f"version {version} is no longer a former champion; nothing was changed")
    last_index = len(before.previous) - 1 - before.previous[::-1].index(version)
    return replace(before, champion=version, previous=before.previous[:last_index])


def _is_version(name: str) -> bool:
    """Return whether a folder's name is a version number as `install` writes it: no leading 0."""
    if not (name.isascii() and name.isdigit() and len(name) <= MAX_VERSION_DIGITS):
        return False
    return name == str(int(name)) and name != "0"


def _read_aliases(path: Path) -> Aliases:
    """Return the aliases in a file, none if it is missing. Raises BadHead if it is damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Aliases()
    damaged = BadHead(
        f"{path.parent.name}: {ALIASES_FILE} is damaged; "
        f"{AUDIT_FILE} in the same folder records what it held"
    )
    if len(content) > MAX_ALIASES_BYTES:
        raise damaged
    try:
        values = json.loads(content)
        aliases = Aliases(
            champion=values["champion"],
            candidate=values["candidate"],
            previous=tuple(values["previous"]),
            latest=values["latest"],
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        raise damaged from None
    versions = [aliases.latest, *aliases.previous]
    for version in (aliases.champion, aliases.candidate):
        if version is not None:
            versions.append(version)
    if not all(_is_version_or_zero(version) for version in versions):
        raise damaged
    return aliases


def _is_version_or_zero(value: object) -> bool:
    # bool is a subclass of int.
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _write_aliases(folder: Path, aliases: Aliases) -> None:
    content = json.dumps(asdict(aliases)) + "\n"
    write_file(folder / ALIASES_FILE, content.encode(), mode=FILE_MODE)


def _append_audit(
    folder: Path,
    action: str,
    version: int,
    before: Aliases,
    after: Aliases,
    reason: str,
    details: Mapping[str, Any],
) -> None:
    """Append one line to the audit. The line is on disk when the function returns.

    The caller makes the change afterwards, so that no change is missing from the audit.
    """
    entry: dict[str, Any] = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "uid": os.getuid(),
        "action": action,
        "version": version,
        "champion": {"before": before.champion, "after": after.champion},
        "candidate": {"before": before.candidate, "after": after.candidate},
        "reason": reason[:MAX_REASON_CHARS],
    }
    if details:
        entry["details"] = dict(details)
    line = json.dumps(entry, ensure_ascii=False) + "\n"
    path = folder / AUDIT_FILE
    # A crash may have cut off the last line. A line break separates it from the new one.
    cut_off = path.is_file() and not path.read_bytes().endswith(b"\n")
    separator = b"\n" if cut_off else b""
    with path.open("ab", buffering=0) as file:
        file.write(separator + line.encode())
        os.fsync(file.fileno())


def _parse_audit_line(line: str) -> dict[str, Any] | None:
    """Return the entry of a line, None for a line that a crash cut off."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None

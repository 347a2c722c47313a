"""The installed heads as a running process sees them: looked up at most once a second, loaded whole, swapped in one step.

What a request was promised, it gets: a version never changes, so it can still be had after another became champion.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from errors import BadHead, ModelStoreError
from heads.head import Head
from heads.registry import Alias, Registry

log = logging.getLogger("ecg.heads")

CHECK_INTERVAL_S: Final = 1.0
KEPT_VERSIONS: Final = 8  # beside the champions: those of requests on their way when it changed

Signature = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, eq=False)
class InstalledVersion:
    """One installed version that an alias names; `head` is None where it cannot be used, and `fault` says why."""

    name: str
    version: int
    alias: Alias
    head: Head | None
    fault: str | None = None


@dataclass(frozen=True, eq=False)
class InstalledHeads:
    """Everything installed at one moment. Never changes: another moment has another."""

    installed: tuple[InstalledVersion, ...] = ()
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def champions(self) -> tuple[InstalledVersion, ...]:
        return tuple(one for one in self.installed if one.alias == "champion")


class HeadCache:
    """Asked before each piece of work; costs a few `stat` once a second, and a load where an alias moved."""

    def __init__(self, models_dir: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry, self._clock = Registry(models_dir), clock
        self._looked_s = -CHECK_INTERVAL_S
        self._signature: Signature | None = None
        self._heads = InstalledHeads()
        self._versions: dict[tuple[str, int], Head] = {}

    def current(self) -> InstalledHeads:
        """What is installed, at most a second old."""
        now = self._clock()
        if now - self._looked_s >= CHECK_INTERVAL_S:
            self._looked_s = now
            signature = self._look()
            if signature != self._signature:
                self._heads, self._signature = self._load(), signature
        return self._heads

    def version(self, name: str, version: int) -> Head:
        """One version, champion or not. Raises UnknownHead, BadHead."""
        found = self._versions.get((name, version))
        return found if found is not None else self._keep(name, version)

    def _look(self) -> Signature:
        """What tells one moment from another: the alias files' places on disk, which a replacement changes."""
        seen = []
        for name in self._registry.names():
            try:
                found = self._registry.aliases_file(name).stat()
            except OSError:
                continue
            seen.append((name, found.st_ino, found.st_mtime_ns, found.st_size))
        return tuple(seen)

    def _load(self) -> InstalledHeads:
        installed: list[InstalledVersion] = []
        faults: dict[str, str] = {}
        for name in self._registry.names():
            try:
                aliases = self._registry.aliases(name)
            except (ModelStoreError, OSError) as error:
                faults[name] = _told(error)
                log.error("head %s cannot be used: %s", name, faults[name])
                continue
            named: tuple[tuple[Alias, int | None], ...] = (
                ("champion", aliases.champion),
                ("candidate", aliases.candidate),
            )
            installed += [
                self._installed_version(name, version, alias)
                for alias, version in named
                if version is not None
            ]
        return InstalledHeads(tuple(installed), faults)

    def _installed_version(self, name: str, version: int, alias: Alias) -> InstalledVersion:
        try:
            return InstalledVersion(name, version, alias, self.version(name, version))
        except (ModelStoreError, OSError) as error:
            log.error("head %s version %d cannot be used: %s", name, version, _told(error))
            return InstalledVersion(name, version, alias, None, _told(error))

    def _keep(self, name: str, version: int) -> Head:
        head = self._registry.load(name, version)
        in_use = {(one.name, one.version) for one in self._heads.installed}
        spare = [key for key in self._versions if key not in in_use]
        for key in spare[: max(0, len(spare) - KEPT_VERSIONS + 1)]:
            self._versions.pop(key, None)
        self._versions[name, version] = head
        return head


def _told(error: Exception) -> str:
    return (
        error.detail
        if isinstance(error, BadHead | ModelStoreError)
        else f"cannot be read ({type(error).__name__})"
    )

"""The installed heads in the memory of one process.

The cache checks for a change at most once a second. After a change it loads everything and replaces
its snapshot in one step. A request keeps the version that it was assigned: a version never changes,
so it can still be loaded after another version became the champion.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from errors import ModelStoreError
from heads.head import Head
from heads.registry import Alias, Registry

log = logging.getLogger("ecg.heads")

CHECK_INTERVAL_S: Final = 1.0
# Versions without an alias that stay loaded: former champions, which requests in flight may need.
KEPT_VERSIONS: Final = 8

# Name of the head, then inode, modification time (ns) and size of its alias file.
Signature = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, eq=False)
class InstalledVersion:
    """One installed version that an alias names.

    head   None where it cannot be used
    fault  why it cannot be used, else None
    """

    name: str
    version: int
    alias: Alias
    head: Head | None
    fault: str | None = None


@dataclass(frozen=True, eq=False)
class InstalledHeads:
    """Snapshot of everything that is installed. It never changes; a later state is another
    snapshot.

    faults  name -> why the aliases of that head cannot be read
    """

    installed: tuple[InstalledVersion, ...] = ()
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def champions(self) -> tuple[InstalledVersion, ...]:
        return tuple(version for version in self.installed if version.alias == "champion")


class HeadCache:
    """The loaded heads; costs a few `stat` calls a second and a load after an alias has changed."""

    def __init__(self, models_dir: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = Registry(models_dir)
        self._clock = clock
        self._checked_s = -CHECK_INTERVAL_S
        self._signature: Signature | None = None
        self._heads = InstalledHeads()
        self._loaded: dict[tuple[str, int], Head] = {}

    def current(self) -> InstalledHeads:
        """Return what is installed, at most one second old."""
        now = self._clock()
        if now - self._checked_s >= CHECK_INTERVAL_S:
            self._checked_s = now
            signature = self._read_signature()
            if signature != self._signature:
                self._heads = self._load_all()
                self._signature = signature
        return self._heads

    def head(self, name: str, version: int) -> Head:
        """Return one version, champion or not. Raises UnknownHead, BadHead."""
        loaded = self._loaded.get((name, version))
        return self._load(name, version) if loaded is None else loaded

    def _read_signature(self) -> Signature:
        """Identify the state on disk: replacing an alias file changes its inode."""
        signature = []
        for name in self._registry.names():
            try:
                status = self._registry.aliases_file(name).stat()
            except OSError:
                continue
            signature.append((name, status.st_ino, status.st_mtime_ns, status.st_size))
        return tuple(signature)

    def _load_all(self) -> InstalledHeads:
        installed: list[InstalledVersion] = []
        faults: dict[str, str] = {}
        for name in self._registry.names():
            try:
                aliases = self._registry.aliases(name)
            except (ModelStoreError, OSError) as error:
                faults[name] = _reason(error)
                log.error("head %s cannot be used: %s", name, faults[name])
                continue
            if aliases.champion is not None:
                installed.append(self._installed_version(name, aliases.champion, "champion"))
            if aliases.candidate is not None:
                installed.append(self._installed_version(name, aliases.candidate, "candidate"))
        return InstalledHeads(tuple(installed), faults)

    def _installed_version(self, name: str, version: int, alias: Alias) -> InstalledVersion:
        try:
            head = self.head(name, version)
        except (ModelStoreError, OSError) as error:
            fault = _reason(error)
            log.error("head %s version %d cannot be used: %s", name, version, fault)
            return InstalledVersion(name, version, alias, None, fault)
        return InstalledVersion(name, version, alias, head)

    def _load(self, name: str, version: int) -> Head:
        """Load one version and keep it. Versions without an alias are dropped, the oldest first."""
        head = self._registry.load(name, version)
        in_use = {(installed.name, installed.version) for installed in self._heads.installed}
        spare = [key for key in self._loaded if key not in in_use]
        surplus = max(0, len(spare) - KEPT_VERSIONS + 1)
        for key in spare[:surplus]:
            self._loaded.pop(key, None)
        self._loaded[name, version] = head
        return head


def _reason(error: Exception) -> str:
    if isinstance(error, ModelStoreError):
        return error.detail
    return f"cannot be read ({type(error).__name__})"

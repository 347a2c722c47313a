"""No core dump of the processes that hold keys, tokens, recordings or a private key."""

from __future__ import annotations

import ctypes
import resource
from typing import Final

PR_SET_DUMPABLE: Final = 4  # linux/prctl.h


def forbid_core_dumps() -> None:
    """Let a crash of this process, and of those it forks, write no memory to disk.

    RLIMIT_CORE reaches all children, but not a core_pattern that is a program (core(5)), which
    systemd-coredump and apport are. PR_SET_DUMPABLE stops these too, and reading the memory by
    other processes of the same user; it lasts until the next execve(2).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)

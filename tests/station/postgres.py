"""A PostgreSQL of this machine's own: made by initdb in a temporary folder, on a free port."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

UNPRIVILEGED = ("postgres", "nobody")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_tool(name: str) -> str | None:
    """Return where a tool of PostgreSQL is; Debian has them outside of PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(installed[-1]) if installed else None)


def unprivileged() -> dict[str, Any]:
    """Return the arguments of subprocess that make it another user's: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    for name in UNPRIVILEGED:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise LookupError("no unprivileged user")


class PostgreSQL:
    """A server that can be killed and started again."""

    def __init__(self, folder: Path, initdb: str, pg_ctl: str) -> None:
        self._folder, self._pg_ctl = folder, pg_ctl
        self._as_user = unprivileged()
        self.port = free_port()
        if self._as_user:
            os.chown(folder, self._as_user["user"], self._as_user["group"])
        self._run(initdb, "-D", f"{folder}/data", "-U", "station", "--auth=trust", "-E", "UTF8")

    @property
    def url(self) -> str:
        return f"postgresql://station@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1"
        log = f"{self._folder}/log"
        self._run(
            self._pg_ctl, "-D", f"{self._folder}/data", "-l", log, "-w", "-o", options, "start"
        )

    def stop(self, mode: str = "immediate") -> None:
        """immediate: the processes end without writing anything, as after a power cut."""
        self._run(self._pg_ctl, "-D", f"{self._folder}/data", "-m", mode, "-w", "stop")

    def _run(self, *command: str) -> None:
        subprocess.run(
            command,
            cwd=self._folder,
            check=True,
            timeout=120,
            stdout=subprocess.DEVNULL,
            **self._as_user,
        )


@contextmanager
def running_postgres() -> Iterator[PostgreSQL | None]:
    """Run a server; None where PostgreSQL is not installed."""
    initdb, pg_ctl = find_tool("initdb"), find_tool("pg_ctl")
    if initdb is None or pg_ctl is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="station-pg-"))
    try:
        server = PostgreSQL(folder, initdb, pg_ctl)
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder)

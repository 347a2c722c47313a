"""The station as a process of its own, which can be killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from access.key_file import add_key
from station.web.access import SCOPES
from tests.house.tree import ROOT
from tests.station.postgres import free_port

START_LIMIT_S = 120


class Station:
    """A station on a free port, with a key of all scopes and one of each.

    It does not watch, which most tests do not need, unless `roles` says so.
    """

    def __init__(self, folder: Path, database_url: str, **settings: str) -> None:
        self.database_url = database_url
        self.key_file = folder / "keys.json"
        self.key = add_key(self.key_file, "tester", SCOPES)
        self.keys = {scope: add_key(self.key_file, scope, [scope]) for scope in SCOPES}
        self.database_url = database_url
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "station.log"
        self._environment = {
            "STATION_PORT": str(self.port),
            "STATION_DATABASE": database_url,
            "STATION_KEY_FILE": str(self.key_file),
            "STATION_ROLES": "front,web",
            **{f"STATION_{name.upper()}": value for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.launch()
        self.wait_for("/readyz")

    def launch(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "station"],
                cwd=ROOT,
                env=os.environ | self._environment,
                stdout=log,
                stderr=log,
            )

    def wait_for(self, probe: str) -> None:
        """Wait until a probe answers 200."""
        assert self.process is not None
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}{probe}").status_code == httpx.codes.OK:
                    return
            time.sleep(0.05)
        raise AssertionError(self.log())

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def watch_pid(self) -> int:
        """Return the process that watches; it may start a little later than the station."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task")
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            found = "".join(path.read_text() for path in children.glob("*/children")).split()
            if found:
                return int(found[0])
            time.sleep(0.05)
        raise AssertionError(self.log())

    def kill_watch(self) -> None:
        os.kill(self.watch_pid(), signal.SIGKILL)

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=START_LIMIT_S)

    def log(self) -> str:
        return self._log.read_text()

    def client(self, key: str | None = None) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, headers={"X-API-Key": key or self.key}, timeout=START_LIMIT_S
        )


@contextmanager
def running_station(folder: Path, database_url: str, **settings: str) -> Iterator[Station]:
    station = Station(folder, database_url, **settings)
    station.start()
    try:
        yield station
    finally:
        station.kill()

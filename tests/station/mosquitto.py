"""A Mosquitto of this machine's own, on a free port: each account may use its own topics only."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.station.postgres import free_port

STATION, STATION_PASSWORD = "station", "bridge:/@"  # what a URL must escape
LIMIT_S = 30
ACCESS = f"""
user {STATION}
topic read ecg-station/records/#
topic write ecg-station/acks/#

pattern write ecg-station/records/%u/+
pattern read ecg-station/acks/%u/+
"""


def find_mosquitto() -> str | None:
    return shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


class Mosquitto:
    """A broker that can be killed and started again. It keeps nothing on the disk."""

    def __init__(self, folder: Path, program: str, accounts: dict[str, str]) -> None:
        self._folder, self._program = folder, program
        self.port = free_port()
        passwords = folder / "passwords"
        passwords.touch(mode=0o600)
        for name, password in {STATION: STATION_PASSWORD, **accounts}.items():
            subprocess.run(
                ["mosquitto_passwd", "-b", str(passwords), name, password], check=True, timeout=30
            )
        (folder / "access").write_text(ACCESS)
        (folder / "access").chmod(0o600)
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\nuser root\n"
            f"password_file {passwords}\nacl_file {folder}/access\nlog_dest file {folder}/log\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        password = "bridge%3A%2F%40"
        return f"mqtt://{STATION}:{password}@127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [self._program, "-c", str(self._folder / "mosquitto.conf")]
        self._process = subprocess.Popen(command)
        until_s = time.monotonic() + LIMIT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert time.monotonic() < until_s and self._process.poll() is None
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@contextmanager
def running_mosquitto(accounts: dict[str, str]) -> Iterator[Mosquitto | None]:
    """Run a broker with accounts of name -> password; None where Mosquitto is not installed."""
    program = find_mosquitto()
    if program is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="station-mqtt-"))
    try:
        broker = Mosquitto(folder, program, accounts)
        broker.start()
        try:
            yield broker
        finally:
            broker.kill()
    finally:
        shutil.rmtree(folder)

"""Device and station are killed at random points: what was sent is stored, and nothing twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ecgfm_client import StationDevice
from sqlalchemy import select

from station.store.engine import open_engine
from station.store.records import RECORDS
from tests.client.device.records import SOURCE, register
from tests.house.tree import ROOT
from tests.station.running import Station, running_station

LIMIT_S = 120.0
APART = 1_000_000  # between the numbers of two runs of the program


class Program:
    """The recording program, and what it has printed."""

    def __init__(self, station: Station, key: str, folder: Path) -> None:
        self.buffer = folder / "buffer"
        self._output = folder / "sent"
        self._station, self._key, self._runs = station, key, 0

    def start(self) -> None:
        command = [
            *(sys.executable, "-m", "tests.client.device.program"),
            *(self._station.url, str(self.buffer), str(self._runs * APART)),
        ]
        environment = {"ECGFM_STATION_KEY": self._key, "PYTHONPATH": f"{ROOT}:{ROOT}/client"}
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | environment, stdout=output
            )
        self._runs += 1

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def sent(self) -> dict[int, int]:
        """Return seq -> number of what `send` has returned; a line may be cut by a kill."""
        lines = self._output.read_text().split("\n")[:-1]
        return {int(seq): int(number) for seq, number in map(str.split, lines)}

    def wait_for_more(self) -> None:
        before, until_s = len(self.sent()), time.monotonic() + LIMIT_S
        while len(self.sent()) < before + 5:
            assert self._process.poll() is None and time.monotonic() < until_s
            time.sleep(0.01)


def stored(database_url: str) -> list[tuple[int, int]]:
    """Return (seq, number) of all records of the station, in the order of their seq."""
    engine = open_engine(database_url)
    with engine.connect() as connection:
        rows = connection.execute(select(RECORDS.c.seq, RECORDS.c.samples)).all()
    engine.dispose()
    found = []
    for row in rows:
        values = np.frombuffer(row.samples, "<i2")
        found.append((row.seq, int(values[0]) + 30_000 * int(values[1])))
    return sorted(found)


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.long)])
def test_device_and_station_are_killed(tmp_path: Path, kills: int) -> None:
    draw = random.Random(kills)
    database_url = f"sqlite:///{tmp_path}/station.db"
    with running_station(tmp_path, database_url) as station:
        (key,) = register(station, SOURCE)
        program = Program(station, key, tmp_path)
        program.start()
        for kill in range(kills):
            program.wait_for_more()
            time.sleep(draw.random() / 5)
            if kill % 3 == 1:
                station.kill()
                program.wait_for_more()
                station.start()
            else:
                program.kill()
                program.start()
        program.wait_for_more()
        program.kill()
        sent = program.sent()
        with StationDevice(
            station.url, source=SOURCE, buffer=program.buffer, api_key=key
        ) as device:
            assert device.wait_until_sent(LIMIT_S)
            assert set(device.status().outcomes) <= {"stored", "doubled"}
            assert device.dead_letters() == []
    found = stored(database_url)
    assert sent.items() <= dict(found).items(), "all that send() returned is stored as it was sent"
    assert set(Counter(number for _, number in found).values()) == {1}, "and nothing twice"
    seqs = [seq for seq, _ in found]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), "no number was left out"

"""How fast old records are moved to the archive and read back, and how much memory that takes.

python -m benchmarks.station.archive [--database URL] [--records N]

The archive is a folder beside the database. The commands run as processes of their own, so the
times include their start.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, func, insert, select

from benchmarks.machine import machine
from benchmarks.station.filled import PATIENT_OF_HISTORY, add_history
from benchmarks.station.posts import RECORD_MS
from benchmarks.station.running import ROOT
from station.store.archive.files import ARCHIVE_FILES
from station.store.engine import open_engine, writing
from station.store.migrate import migrate
from station.store.patients import add_patients, patient_ids
from station.store.progress import CURSORS, RECORDS_CURSOR
from station.store.records import RECORDS
from station.store.sources import add_source
from station.times import DAY_MS, SECOND_MS

KEPT_DAYS: Final = 30
STRETCH_MS: Final = 10 * SECOND_MS


def run_command(*arguments: str) -> tuple[float, float]:
    """Run `python -m station archive`. Return the seconds, and the most memory in MB."""
    environment = {name: value for name, value in os.environ.items() if "STATION_" not in name}
    start_s = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "station", "archive", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the command ended with the status {process.returncode}")
    return time.perf_counter() - start_s, used.ru_maxrss / 1024


def fill(url: str, records: int, now_ms: int) -> None:
    """Store a year's records of one patient, as if they had been watched."""
    engine = open_engine(url)
    migrate(engine)
    with writing(engine) as connection:
        add_patients(connection, [PATIENT_OF_HISTORY], now_ms)
        patient = patient_ids(connection, [PATIENT_OF_HISTORY])[PATIENT_OF_HISTORY]
        add_source(connection, "wearable", now_ms)
        connection.execute(
            insert(CURSORS).values(worker=RECORDS_CURSOR, next=records + 1, heartbeat_ms=now_ms)
        )
    add_history(engine, 1, patient, records, now_ms)


def counts(engine: Engine) -> tuple[int, int, int]:
    """Return the records that are left, those in the archive, and its files."""
    archive = select(func.coalesce(func.sum(ARCHIVE_FILES.c.rows), 0), func.count())
    with engine.connect() as connection:
        left = connection.execute(select(func.count()).select_from(RECORDS)).scalar_one()
        rows, files = connection.execute(archive).one()
    return left, int(rows), files


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.station.archive", description=__doc__
    )
    parser.add_argument("--database", default="", help="an empty one; default: a file of SQLite")
    parser.add_argument("--records", type=int, default=1_000_000)
    options = parser.parse_args()
    print(machine("SQLAlchemy", "pyarrow"))
    now_ms = time.time_ns() // 1_000_000
    with tempfile.TemporaryDirectory(prefix="station-archive-") as name:
        folder = Path(name)
        url = options.database or f"sqlite:///{folder}/station.db"
        flags = ("--database", url, "--archive", str(folder / "archive"))
        # In a process of its own: the memory of this one counts for the processes that it starts.
        filling = get_context("spawn").Process(target=fill, args=(url, options.records, now_ms))
        filling.start()
        filling.join()
        seconds, most_mb = run_command(*flags, "--keep-records", str(KEPT_DAYS))
        left, moved, files = counts(open_engine(url))
        if left + moved != options.records:
            raise SystemExit(f"{options.records} records, {left} left, {moved} in the archive")
        print(
            f"{moved} of {options.records} records moved in {seconds:.0f} s "
            f"({moved / seconds:,.0f}/s) to {files} files, with {most_mb:.0f} MB of memory"
        )
        from_ms = now_ms - 200 * DAY_MS + 100 * RECORD_MS
        stretch = ("--from", str(from_ms), "--to", str(from_ms + STRETCH_MS))
        out = str(folder / "stretch.json")
        seconds, _ = run_command("read", PATIENT_OF_HISTORY, *flags, *stretch, "--out", out)
        print(f"10 s of the archive read in {seconds:.1f} s")


if __name__ == "__main__":
    main()

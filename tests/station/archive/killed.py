"""A move of old rows with files so small, and a lease so short, that a SIGKILL hits any part of it.

python -m tests.station.archive.killed DATABASE FOLDER

It says "begins" when it has loaded what it needs.
"""

from __future__ import annotations

import sys
from pathlib import Path

from station.archive import moving
from station.store.engine import open_engine
from tests.station.archive.ward import LATER_MS, mover

if __name__ == "__main__":
    moving.now_ms = lambda: LATER_MS
    moving.MAX_ROWS = 5
    moving.DELETED_AT_ONCE = 2
    moving.LEASE_MS = -1
    sys.stdout.write("begins\n")
    sys.stdout.flush()
    mover(open_engine(sys.argv[1]), Path(sys.argv[2])).run()

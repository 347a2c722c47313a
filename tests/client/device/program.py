"""A program that records: sends numbered stretches and prints each number once it is on disk.

python -m tests.client.device.program URL BUFFER FIRST
"""

from __future__ import annotations

import random
import sys
from itertools import count
from pathlib import Path

from ecgfm_client import StationDevice

from tests.client.device.records import SOURCE, stretch

LIMIT_S = 60.0
MOST_AT_ONCE = 4


def main(url: str, buffer: Path, first: int) -> None:
    """Send until the process is killed."""
    with StationDevice(url, source=SOURCE, buffer=buffer) as device:
        for number in count(first, MOST_AT_ONCE):
            numbers = range(number, number + random.randint(1, MOST_AT_ONCE))
            seqs = device.send(*map(stretch, numbers), wait_s=LIMIT_S)
            for seq, sent in zip(seqs, numbers, strict=True):
                sys.stdout.write(f"{seq} {sent}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))

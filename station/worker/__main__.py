"""`python -m station.worker`: what the station starts; see station/worker/process.py."""

from __future__ import annotations

import sys

from station.worker.process import run_from_pipe

run_from_pipe(sys.stdin.buffer)

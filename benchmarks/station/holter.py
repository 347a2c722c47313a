"""How long a recording of a day takes, and how much memory: python -m benchmarks.station.holter

It writes a synthetic recording (WFDB, 16 bits; each hour another of the demonstration's hearts) and
runs `python -m station import` on it. The memory is the sum over the command's processes of the
most that each has had (VmHWM), sampled every half second.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np
import orjson

from benchmarks.machine import machine
from signals.leads import LEADS
from signals.synthetic.catalogue import EXAMPLES
from signals.synthetic.generator import SyntheticEcg

ROOT: Final = Path(__file__).parents[2]
HOUR_S: Final = 3600
BLOCK_S: Final = 300  # of each heart, again and again until the hour is over
LEAD_NAMES: Final = ("II", "V1", "V5")
GAIN: Final = 200
SAMPLE_S: Final = 0.5


def write_recording(folder: Path, hours: int, fs: int) -> Path:
    """Return the header of a recording that this writes."""
    rows = [LEADS.index(lead) for lead in LEAD_NAMES]
    with (folder / "day.dat").open("wb") as file:
        for hour in range(hours):
            heart = EXAMPLES[hour % len(EXAMPLES)].heart
            block = SyntheticEcg(heart, hour, fs).samples(0, BLOCK_S * fs)[rows]
            codes = np.where(np.isnan(block), -32768, np.rint(block * GAIN)).astype("<i2")
            file.write(codes.T.tobytes() * (HOUR_S // BLOCK_S))
    lines = [f"day {len(rows)} {fs} {hours * HOUR_S * fs}"]
    lines += [f"day.dat 16 {GAIN}/mV 16 0 0 0 0 {lead}" for lead in LEAD_NAMES]
    header = folder / "day.hea"
    header.write_text("\n".join(lines) + "\n")
    return header


def run_import(header: Path, processes: int, out: Path) -> tuple[float, float]:
    """Return seconds and the memory of all processes in MB."""
    begun_s = time.perf_counter()
    command = [sys.executable, "-m", "station", "import", str(header), "--out", str(out)]
    command += ["--processes", str(processes), "--format", "json"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    most_kb: dict[int, int] = {}
    while process.poll() is None:
        for pid in _with_children(process.pid):
            most_kb[pid] = max(most_kb.get(pid, 0), _most_kb(pid))
        time.sleep(SAMPLE_S)
    seconds = time.perf_counter() - begun_s
    if process.returncode != 0:
        raise SystemExit(process.returncode)
    return seconds, sum(most_kb.values()) / 1024


def _with_children(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(each for child in children for each in _with_children(int(child)))]


def _most_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # the process has ended
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split(":", 1)[0] if __doc__ else None)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--fs", type=int, default=250)
    parser.add_argument("--processes", type=int, nargs="+", default=[2])
    options = parser.parse_args()
    print(machine("numpy", "neurokit2"))
    print(f"{options.hours} h, {len(LEAD_NAMES)} leads at {options.fs} Hz")
    print("| processes | s | memory of all processes, MB | beats |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="holter-benchmark-") as name:
        folder = Path(name)
        header = write_recording(folder, options.hours, options.fs)
        for processes in options.processes:
            seconds, memory_mb = run_import(header, processes, folder)
            report = orjson.loads((folder / "day.holter.json").read_bytes())
            beats = report["beats"]["all"]
            print(f"| {processes} | {seconds:.0f} | {memory_mb:.0f} | {beats} |", flush=True)


if __name__ == "__main__":
    main()

"""How stable the intervals are: LUDB measured again after changes that should not affect them.

    OMP_NUM_THREADS=1 python -m benchmarks.stability --data LUDB [--every 1]

The network was trained on these records. The table does not need records that it never saw, because
an interval is compared with itself and not with a reference. The table is written between its
marks in docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfilt

from intervals.measure import measure
from intervals.measurements import Measurements
from signals.leads import LEADS, TwelveLeads
from training.datasets.annotated import AnnotatedRecord
from training.datasets.ludb import read_ludb
from training.page import ACCURACY_PAGE, write_between

Array = NDArray[np.float64]
Change = Callable[[Array], tuple[Array, float]]
"""From a signal, (12, samples) in mV at 500 Hz, to the changed signal and its rate in Hz."""

FIELDS: Final = {"QRS": "qrs_ms", "PR": "pr_ms", "QT": "qt_ms"}
LUDB_HZ: Final = 500.0
LUDB_SAMPLES: Final = 5000  # of each record, 10 s
MUSCLE_NOISE_RMS_MV: Final = 0.03
BEGIN: Final = "<!-- stability: written by python -m benchmarks.stability -->\n"
END: Final = "<!-- end of stability -->\n"


def _sine(hertz: float, height_mv: float) -> Array:
    """Return a sine wave in mV, (samples,)."""
    time_s = np.arange(LUDB_SAMPLES) / LUDB_HZ
    return np.asarray(height_mv * np.sin(2 * np.pi * hertz * time_s))


def _with_muscle_noise(signal: Array) -> Array:
    """Add independent noise between 20 and 150 Hz to every lead."""
    # The filter's transient is cut off.
    transient = 500
    white = np.random.default_rng(0).normal(size=(12, signal.shape[1] + transient))
    band = butter(2, [20.0, 150.0], "bandpass", fs=LUDB_HZ, output="sos")
    noise = sosfilt(band, white, axis=1)[:, transient:]
    return np.asarray(signal + MUSCLE_NOISE_RMS_MV * noise / noise.std())


def _resampled(signal: Array, up: int, down: int) -> tuple[Array, float]:
    """Return the signal at `up` / `down` times its rate, and the new rate in Hz."""
    resampled = resample_poly(signal, up, down, axis=1, padtype="line")
    return resampled, LUDB_HZ * up / down


def _with_leads_only(*kept: str) -> Change:
    """Return the change that removes all leads but these."""
    removed = [row for row, lead in enumerate(LEADS) if lead not in kept]

    def change(signal: Array) -> tuple[Array, float]:
        remaining = signal.copy()
        remaining[removed] = np.nan
        return remaining, LUDB_HZ

    return change


# Changes that should not affect an interval. Tests check each of them against limits.
SMALL_CHANGES: Final[dict[str, Change]] = {
    "a fifth of the gain": lambda signal: (signal * 0.2, LUDB_HZ),
    "five times the gain": lambda signal: (signal * 5.0, LUDB_HZ),
    "250 Hz": lambda signal: _resampled(signal, 1, 2),
    "1000 Hz": lambda signal: _resampled(signal, 2, 1),
    "begins 2 ms later": lambda signal: (signal[:, 1:], LUDB_HZ),
    "begins 270 ms later": lambda signal: (signal[:, 135:], LUDB_HZ),
    "begins 1 s later": lambda signal: (signal[:, 500:], LUDB_HZ),
    "ends 300 ms sooner": lambda signal: (signal[:, :-150], LUDB_HZ),
    "0.5 mV of 0.3 Hz": lambda signal: (signal + _sine(0.3, 0.5), LUDB_HZ),
    "0.05 mV of 50 Hz": lambda signal: (signal + _sine(50.0, 0.05), LUDB_HZ),
    "0.05 mV of 60 Hz": lambda signal: (signal + _sine(60.0, 0.05), LUDB_HZ),
    "0.03 mV rms of muscle noise": lambda signal: (_with_muscle_noise(signal), LUDB_HZ),
}
# Changes that remove information. They are in the table only.
LARGE_CHANGES: Final[dict[str, Change]] = {
    "100 Hz": lambda signal: _resampled(signal, 1, 5),
    "V3 missing": _with_leads_only(*(lead for lead in LEADS if lead != "V3")),
    "2 s only": lambda signal: (signal[:, :1000], LUDB_HZ),
    "I, II and V2 only": _with_leads_only("I", "II", "V2"),
    "II only": _with_leads_only("II"),
}


def main(arguments: list[str] | None = None) -> None:
    """Measure LUDB with and without the changes, print the table and write it to the page."""
    options = _parser().parse_args(arguments)
    records = read_ludb(options.data)[:: options.every]
    text = section(records)
    print(text)
    if options.every == 1:
        write_between(options.page, BEGIN, END, text)


def section(records: Sequence[AnnotatedRecord]) -> str:
    """Return the section of docs/accuracy.md with its table."""
    before = [measure_signal(record.signal, record.fs) for record in records]
    lines = [
        _line(name, change, records, before)
        for name, change in (SMALL_CHANGES | LARGE_CHANGES).items()
    ]
    rows = "\n".join(lines)
    return f"""### Stability of the intervals

{len(records)} LUDB records measured again after a change. By how many ms the interval moved, median
/ 90th percentile (worst), over the records in which it was measured before and after; and in how
many it was lost. The network was trained on these records; no reference is involved. Written by

    python -m benchmarks.stability --data LUDB

| change | QRS | PR | QT |
|---|---|---|---|
{rows}
"""


def measure_signal(signal: Array, fs: float) -> Measurements:
    """Return the measurements of a signal.

    signal  (12, samples) in any unit; a missing lead is NaN throughout
    """
    present = np.asarray(~np.isnan(signal).all(axis=1))
    leads = TwelveLeads(signal.astype(np.float32), present, millivolts=False)
    return measure(leads, fs)


def moved_ms(field: str, before: Sequence[Measurements], after: Sequence[Measurements]) -> Array:
    """Return by how many ms an interval moved in each record, (records,).

    NaN where it was not measured before the change; inf where it was lost, measured before the
    change but not after it.

    field  name of the interval in Measurements
    """
    moved = []
    for measured_before, measured_after in zip(before, after, strict=True):
        value_before = getattr(measured_before, field)
        value_after = getattr(measured_after, field)
        if value_before is None:
            moved.append(np.nan)
        elif value_after is None:
            moved.append(np.inf)
        else:
            moved.append(abs(value_after - value_before))
    return np.array(moved)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="LUDB: a folder with ludb.csv and data/"
    )
    parser.add_argument(
        "--every",
        type=int,
        default=1,
        help="measure every n-th recording only; the page is not written then",
    )
    parser.add_argument(
        "--page", type=Path, default=ACCURACY_PAGE, help="the document whose section is written"
    )
    return parser


def _line(
    name: str, change: Change, records: Sequence[AnnotatedRecord], before: Sequence[Measurements]
) -> str:
    """Return one line of the table."""
    after = [measure_signal(*change(record.signal)) for record in records]
    cells = [_cell(moved_ms(field, before, after)) for field in FIELDS.values()]
    return f"| {name} | {' | '.join(cells)} |"


def _cell(moved: Array) -> str:
    """Return "median / 90th percentile (worst)" and how many intervals were lost."""
    kept = moved[np.isfinite(moved)]
    lost = int(np.isinf(moved).sum())
    cell = f"{np.median(kept):.1f} / {np.percentile(kept, 90):.1f} ({kept.max():.0f})"
    return f"{cell}, {lost} lost" if lost else cell


if __name__ == "__main__":
    main()

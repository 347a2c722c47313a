"""How still the intervals hold: LUDB measured again after what should not matter to them.

    OMP_NUM_THREADS=1 python -m benchmarks.stability --data LUDB [--every 1]

Not out of fold: no reference is involved. Writes its table between the marks in docs/accuracy.md.
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
from training.datasets.ludb import LudbRecord, read_ludb
from training.page import ACCURACY_PAGE, write_between

Array = NDArray[np.float64]
Change = Callable[[Array], tuple[Array, float]]

FIELDS: Final = {"QRS": "qrs_ms", "PR": "pr_ms", "QT": "qt_ms"}
BEGIN: Final = "<!-- stability: written by python -m benchmarks.stability -->\n"
END: Final = "<!-- end of stability -->\n"


def _sine(hertz: float, height_mv: float) -> Array:
    return np.asarray(height_mv * np.sin(2 * np.pi * hertz * np.arange(5000) / 500.0))


def _muscle(signal: Array) -> Array:
    """0.03 mV rms between 20 and 150 Hz, other noise in every lead."""
    noise = np.random.default_rng(0).normal(size=(12, signal.shape[1] + 500))
    noise = sosfilt(butter(2, [20.0, 150.0], "bandpass", fs=500.0, output="sos"), noise, axis=1)[
        :, 500:
    ]
    return np.asarray(signal + 0.03 * noise / noise.std())


def _only(*kept: str) -> Change:
    """The other leads not sent."""
    gone = [row for row, lead in enumerate(LEADS) if lead not in kept]

    def change(signal: Array) -> tuple[Array, float]:
        left = signal.copy()
        left[gone] = np.nan
        return left, 500.0

    return change


# What is asked to move nothing: every one is held to limits by tests.
SMALL: Final[dict[str, Change]] = {
    "a fifth of the gain": lambda signal: (signal * 0.2, 500.0),
    "five times the gain": lambda signal: (signal * 5.0, 500.0),
    "250 Hz": lambda signal: (resample_poly(signal, 1, 2, axis=1, padtype="line"), 250.0),
    "1000 Hz": lambda signal: (resample_poly(signal, 2, 1, axis=1, padtype="line"), 1000.0),
    "begins 2 ms later": lambda signal: (signal[:, 1:], 500.0),
    "begins 270 ms later": lambda signal: (signal[:, 135:], 500.0),
    "begins 1 s later": lambda signal: (signal[:, 500:], 500.0),
    "ends 300 ms sooner": lambda signal: (signal[:, :-150], 500.0),
    "0.5 mV of 0.3 Hz": lambda signal: (signal + _sine(0.3, 0.5), 500.0),
    "0.05 mV of 50 Hz": lambda signal: (signal + _sine(50.0, 0.05), 500.0),
    "0.05 mV of 60 Hz": lambda signal: (signal + _sine(60.0, 0.05), 500.0),
    "0.03 mV rms of muscle noise": lambda signal: (_muscle(signal), 500.0),
}
# What takes something away: for the table.
LARGE: Final[dict[str, Change]] = {
    "100 Hz": lambda signal: (resample_poly(signal, 1, 5, axis=1, padtype="line"), 100.0),
    "V3 missing": _only(*(lead for lead in LEADS if lead != "V3")),
    "2 s only": lambda signal: (signal[:, :1000], 500.0),
    "I, II and V2 only": _only("I", "II", "V2"),
    "II only": _only("II"),
}


def main(arguments: list[str] | None = None) -> None:
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
        help="each so-manieth recording only; nothing is written then",
    )
    parser.add_argument(
        "--page", type=Path, default=ACCURACY_PAGE, help="the document whose section is written"
    )
    options = parser.parse_args(arguments)
    text = section(read_ludb(options.data)[:: options.every])
    print(text)
    if options.every == 1:
        write_between(options.page, BEGIN, END, text)


def section(records: Sequence[LudbRecord]) -> str:
    before = [measured(record.signal, record.fs) for record in records]
    rows = "\n".join(
        _row(name, change, records, before) for name, change in (SMALL | LARGE).items()
    )
    return f"""### How still the intervals hold

{len(records)} LUDB records measured again after a change; how far the interval moved in ms, median / 90th percentile (worst), over the
records in which it was measured before and after; how often it was lost. Not out of fold: no reference is involved. Written by

    python -m benchmarks.stability --data LUDB

| change | QRS | PR | QT |
|---|---|---|---|
{rows}
"""


def measured(signal: Array, fs: float) -> Measurements:
    """signal (12, samples) mV, NaN throughout for a lead that was not sent."""
    return measure(
        TwelveLeads(signal.astype(np.float32), np.asarray(~np.isnan(signal).all(axis=1))), fs
    )


def moved_ms(field: str, before: Sequence[Measurements], after: Sequence[Measurements]) -> Array:
    """(records,) by how much the interval moved; NaN where it was not measured before, inf where it was lost."""
    pairs = [
        (getattr(one, field), getattr(other, field))
        for one, other in zip(before, after, strict=True)
    ]
    return np.array(
        [
            np.nan if one is None else np.inf if other is None else abs(other - one)
            for one, other in pairs
        ]
    )


def _row(
    name: str, change: Change, records: Sequence[LudbRecord], before: Sequence[Measurements]
) -> str:
    after = [measured(*change(record.signal)) for record in records]
    return f"| {name} | {' | '.join(_cell(moved_ms(field, before, after)) for field in FIELDS.values())} |"


def _cell(moved: Array) -> str:
    kept = moved[np.isfinite(moved)]
    lost = int(np.isinf(moved).sum())
    text = f"{np.median(kept):.1f} / {np.percentile(kept, 90):.1f} ({kept.max():.0f})"
    return f"{text}, {lost} lost" if lost else text


if __name__ == "__main__":
    main()

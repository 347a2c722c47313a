"""How the watch's alarms compare with bedside alarms that experts judged, and how fast it watches.

python -m benchmarks.station.alarms --data DATA
python -m benchmarks.station.alarms --speed

DATA holds `cinc2015` (PhysioNet/Computing in Cardiology Challenge 2015: 443 alarms with 60 s of two
ECG leads before each) and `mitbih` (crops of MIT-BIH). The challenge's score is
(TP + TN) / (TP + TN + FP + 5 FN); an alarm is confirmed where its rule holds in the last 16 s. The
intervals are those of 2,000 bootstraps over recordings.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import wfdb
from numpy.typing import NDArray

from benchmarks.machine import machine
from signals.leads import LEADS
from signals.synthetic.catalogue import EXAMPLES
from station.watch.order import StreamRecord
from station.watch.outputs import Condition, Rule
from station.watch.step import Watch
from training.datasets.packed import loader_of

RULES: Final = {
    "Asystole": Rule.ASYSTOLE,
    "Bradycardia": Rule.EXTREME_BRADYCARDIA,
    "Tachycardia": Rule.EXTREME_TACHYCARDIA,
    "Ventricular_Tachycardia": Rule.VENTRICULAR_TACHYCARDIA,
    "Ventricular_Flutter_Fib": Rule.VENTRICULAR_FIBRILLATION,
}
ZERO_MS: Final = 1_700_000_000_000
SECOND_MS: Final = 1000
LAST_S: Final = 16
BOOTSTRAPS: Final = 2000
WARM_UP_S: Final = 12
SPEED_S: Final = 42


def conditions_of(signal: NDArray[np.float32], fs: float, leads: Sequence[str]) -> list[Condition]:
    """Return the conditions that a stream raises, a second at a time, without an end."""
    watch = Watch()
    step = round(fs)
    found: list[Condition] = []
    for number, start in enumerate(range(0, signal.shape[1], step)):
        at_ms = ZERO_MS + round(start * SECOND_MS / fs)
        stretch = signal[:, start : start + step]
        record = StreamRecord(1, number, number, at_ms, fs, tuple(leads), stretch)
        found += watch.step([record]).conditions
    return found


def holds_since(conditions: Iterable[Condition], rule: Rule, from_ms: int) -> bool:
    """Return whether a rule holds at some time from `from_ms` on."""
    began = None
    for condition in conditions:
        if condition.rule != rule:
            continue
        if condition.begins:
            began = condition.at_ms
        elif began is not None:
            if condition.at_ms > from_ms:
                return True
            began = None
    return began is not None


def challenge_score(truth: NDArray[np.bool_], fires: NDArray[np.bool_]) -> float:
    """Return (TP + TN) / (TP + TN + FP + 5 FN)."""
    right = int((truth == fires).sum())
    missed = int((truth & ~fires).sum())
    false = int((~truth & fires).sum())
    return right / max(right + false + 5 * missed, 1)


def print_challenge(folder: Path) -> None:
    judged: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for row, signal in loader_of(folder).records():
        fs = float(row["fs"])
        conditions = conditions_of(signal, fs, row["leads"].split("/"))
        end_ms = ZERO_MS + round(signal.shape[1] * SECOND_MS / fs)
        did_fire = holds_since(conditions, RULES[row["alarm"]], end_ms - LAST_S * SECOND_MS)
        judged[row["alarm"]].append((row["true"] == "1", did_fire))
    print("| alarm | true | false | confirmed of the true | of the false | score | 95 % |")
    print("|---|---|---|---|---|---|---|")
    random = np.random.default_rng(0)
    for name, pairs in judged.items():
        truth = np.array([is_true for is_true, _ in pairs])
        fires = np.array([did_fire for _, did_fire in pairs])
        scores = []
        for _ in range(BOOTSTRAPS):
            drawn = random.integers(0, truth.size, truth.size)
            scores.append(challenge_score(truth[drawn], fires[drawn]))
        low, high = np.quantile(scores, (0.025, 0.975))
        score = challenge_score(truth, fires)
        print(
            f"| {name} | {truth.sum()} | {(~truth).sum()} | {(truth & fires).sum()} | "
            f"{(~truth & fires).sum()} | {score:.3f} | {low:.2f} to {high:.2f} |"
        )


def print_crops(folder: Path) -> None:
    for header in sorted(folder.glob("*.hea")):
        recording: Any = wfdb.rdrecord(str(header.with_suffix("")))
        signal = recording.p_signal.T.astype(np.float32)
        names = ("ECG1", "ECG2")[: len(signal)]
        found = conditions_of(signal, float(recording.fs), names)
        begun = [
            f"{each.rule} {(each.at_ms - ZERO_MS) / SECOND_MS:.0f} s"
            for each in found
            if each.begins
        ]
        print(
            f"{header.stem}, {signal.shape[1] / recording.fs:.0f} s: {', '.join(begun) or 'none'}"
        )


def print_speed(patients: int, leads: int, fs: int) -> None:
    """Print the CPU time of a second of many streams, one record a second each."""
    from scipy.signal import resample_poly

    cases = [case for case in EXAMPLES if case.fs == 500]
    signals = [
        resample_poly(case.signal(SPEED_S), fs, 500, axis=1).astype(np.float32) for case in cases
    ]
    first = 0 if leads == len(LEADS) else 1
    names = LEADS[first : first + leads]
    watch = Watch()
    begun = 0.0
    for second in range(SPEED_S):
        if second == WARM_UP_S:
            begun = time.process_time()
        stretch = slice(second * fs, (second + 1) * fs)
        watch.step(
            [
                StreamRecord(
                    patient,
                    second * patients + patient,
                    second,
                    ZERO_MS + second * SECOND_MS,
                    float(fs),
                    names,
                    signals[patient % len(signals)][first : first + leads, stretch],
                )
                for patient in range(patients)
            ]
        )
    cpu_s = (time.process_time() - begun) / (SPEED_S - WARM_UP_S)
    print(
        f"{leads} leads at {fs} Hz: {1e3 * cpu_s:.0f} ms of CPU time a second for {patients} "
        f"patients; {patients / cpu_s:.0f} patients a core"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--speed", action="store_true")
    arguments = parser.parse_args()
    print(machine())
    if arguments.data:
        print_challenge(arguments.data / "cinc2015")
        print_crops(arguments.data / "mitbih" / "wfdb")
    if arguments.speed:
        for patients, leads, fs in ((400, 1, 125), (400, 1, 250), (60, 12, 500)):
            print_speed(patients, leads, fs)


if __name__ == "__main__":
    main()

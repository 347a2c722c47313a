"""Streams for tests of the watch: records of synthetic and real signals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from signals.leads import LEADS
from signals.synthetic.generator import Heart, SyntheticEcg
from station.watch.order import StreamRecord
from station.watch.outputs import Outputs
from station.watch.step import Watch

ZERO_MS = 1_700_000_000_000
SECOND_MS = 1000


def records_of(
    signal: NDArray[np.float32],
    fs: float,
    *,
    stream: int = 1,
    leads: Sequence[str] = ("II", "V1"),
    seconds: int = 1,
    zero_ms: int = ZERO_MS,
) -> list[StreamRecord]:
    """Return a stream's records in their order, numbered from 0."""
    step = round(seconds * fs)
    return [
        StreamRecord(
            stream,
            number,
            number,
            zero_ms + number * seconds * SECOND_MS,
            fs,
            tuple(leads[: len(signal)]),
            signal[:, start : start + step],
        )
        for number, start in enumerate(range(0, signal.shape[1], step))
    ]


def synthetic(heart: Heart, seconds: int, *, fs: int = 250, seed: int = 1) -> NDArray[np.float32]:
    """Return leads II and V1 of a heart, (2, samples) mV."""
    signal = SyntheticEcg(heart, seed, fs).samples(0, seconds * fs)
    return signal[[LEADS.index("II"), LEADS.index("V1")]]


def watched(records: Iterable[StreamRecord]) -> Outputs:
    """Return what one watch finds when it gets the records one by one, and then they end."""
    watch = Watch()
    outputs = [watch.step([record]) for record in records]
    outputs += [watch.end(stream) for stream in watch.streams()]
    return together(outputs)


def together(outputs: Iterable[Outputs]) -> Outputs:
    """Return all outputs as one, in the order of streams and times, each once."""
    parts = list(outputs)
    return Outputs(
        sorted({each for part in parts for each in part.beats}, key=lambda x: (x.stream, x.at_ms)),
        sorted(
            {each for part in parts for each in part.windows}, key=lambda x: (x.stream, x.start_ms)
        ),
        sorted(
            {each for part in parts for each in part.gaps}, key=lambda x: (x.stream, x.start_ms)
        ),
        sorted(
            {each for part in parts for each in part.conditions},
            key=lambda x: (x.stream, x.at_ms, x.rule, x.begins),
        ),
        sum(part.late for part in parts),
    )

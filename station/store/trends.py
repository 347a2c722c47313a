"""A patient's heart rate and beats by class over hours, in bins of equal length."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Select, case, func, select

from station.store.sources import SOURCES
from station.store.streams import STREAMS
from station.store.tables import AnyRow
from station.store.watched import WINDOWS
from station.times import SECOND_MS
from station.watch.outputs import BEAT_CLASSES
from station.watch.windows import HOP_S, WINDOW_S

WINDOW_MS: Final = WINDOW_S * SECOND_MS
# Windows overlap: each second one is taken, so that a beat counts once.
_HOP_MS: Final = HOP_S * SECOND_MS
_WINDOWS_OF_A_MOMENT: Final = WINDOW_S // HOP_S


def trend(
    connection: Connection, patient_id: int, *, from_ms: int, to_ms: int, bin_ms: int
) -> list[tuple[str, AnyRow]]:
    """Return the bins of a patient that have windows: the source's name, and a row of it.

    Bins begin at from_ms + place * bin_ms; a window belongs to the one in which it begins. Columns:

    place      of the bin, from 0
    known_ms   time with a signal that can be read
    rate_low, rate_mean, rate_high   of the windows' rates, beats a minute; None without any
    beats_n and the others           counts of each class
    irregular, judged                windows with the intervals of atrial fibrillation, and windows
                                     in which that was judged
    """
    # The streams first: PostgreSQL would read all windows of the time where it joins them itself.
    streams = {row.id: row.source for row in connection.execute(_streams_of(patient_id))}
    windows = WINDOWS.c
    place = ((windows.start_ms - from_ms) // bin_ms).label("place")
    beats = [windows[f"beats_{label.lower()}"] for label in BEAT_CLASSES]
    known_ms = func.sum(windows.known * (windows.end_ms - windows.start_ms))
    query = (
        select(
            windows.stream,
            place,
            known_ms.label("known_ms"),
            func.min(windows.rate_per_min).label("rate_low"),
            func.avg(windows.rate_per_min).label("rate_mean"),
            func.max(windows.rate_per_min).label("rate_high"),
            *(func.sum(count).label(count.name) for count in beats),
            func.count(case((windows.irregular, 1))).label("irregular"),
            func.count(windows.irregular).label("judged"),
        )
        .where(
            windows.stream.in_(sorted(streams)),
            windows.start_ms >= from_ms,
            windows.start_ms < to_ms,
            windows.start_ms // _HOP_MS % _WINDOWS_OF_A_MOMENT == 0,
        )
        .group_by(windows.stream, place)
        .order_by(windows.stream, place)
    )
    return [(streams[row.stream], row) for row in connection.execute(query)]


def _streams_of(patient_id: int) -> Select[int, str]:
    return (
        select(STREAMS.c.id, SOURCES.c.name.label("source"))
        .join(SOURCES, SOURCES.c.id == STREAMS.c.source_id)
        .where(STREAMS.c.patient_id == patient_id)
    )

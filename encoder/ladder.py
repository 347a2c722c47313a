"""Which batch sizes a device that likes few shapes is given: a size is filled up to the next rung."""

from __future__ import annotations

FIRST_RUNG = 2  # segments: a 10 s recording; torch.compile takes a size of 1 for a shape of its own
HALF_STEPS_FROM = 16  # segments; below, a device is not filled and what is added costs nothing


def ladder(max_batch: int) -> tuple[int, ...]:
    """Rungs up to max_batch, which is the last one: doubling, from 16 on with one between, so that at most a third is filling."""
    rungs = {max_batch}
    size = FIRST_RUNG
    while size < max_batch:
        rungs.add(size)
        if size >= HALF_STEPS_FROM and size * 3 // 2 < max_batch:
            rungs.add(size * 3 // 2)
        size *= 2
    return tuple(sorted(rungs))


def rung_for(size: int, rungs: tuple[int, ...]) -> int:
    """The lowest rung that holds size. Raises ValueError where none does."""
    for rung in rungs:
        if rung >= size:
            return rung
    raise ValueError(f"size: found {size}, the highest rung is {rungs[-1]}")

"""A stream's state as bytes, and back: arrays and plain values, nothing that is run when read."""

from __future__ import annotations

import io
import json
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from station.watch.order import Order, StreamRecord

VERSION: Final = 2
_HEAD: Final = "head"


def packed(order: Order, row: dict[str, NDArray[Any]], last_number: int) -> bytes:
    """Return a stream's state.

    row          its arrays in the fleet
    last_number  of the last record that the state contains
    """
    head = {
        "version": VERSION,
        "last_number": last_number,
        "fs_hz": order.fs_hz,
        "leads": list(order.leads),
        "jumps": order.jumps,
        "next": order.next,
        "last_seq": order.last_seq,
        "newest_ms": order.newest_ms,
        "second": order.second,
        "origin": order.origin,
        "holes": order.holes,
        "waiting": [[each.stream, each.number, each.seq, each.device_ms] for each in order.waiting],
    }
    arrays = {f"row.{name}": array for name, array in row.items()}
    arrays |= {f"waiting.{place}": each.signal for place, each in enumerate(order.waiting)}
    text = np.frombuffer(json.dumps(head).encode(), np.uint8)
    file = io.BytesIO()
    np.savez(file, **{_HEAD: text, "buffer": order.buffer}, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def unpacked(data: bytes) -> tuple[Order, dict[str, NDArray[Any]], int]:
    """Return what `packed` was given. Raises ValueError for another version."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        head = json.loads(arrays[_HEAD].tobytes())
        if head["version"] != VERSION:
            raise ValueError(f"version {head['version']} of a snapshot; this is {VERSION}")
        order = Order(
            fs_hz=head["fs_hz"],
            leads=tuple(head["leads"]),
            jumps=[(second, zero_ms) for second, zero_ms in head["jumps"]],
            next=head["next"],
            last_seq=head["last_seq"],
            newest_ms=head["newest_ms"],
            second=head["second"],
            origin=head["origin"],
            buffer=arrays["buffer"],
            holes=[(start, stop) for start, stop in head["holes"]],
        )
        for place, (stream, number, seq, device_ms) in enumerate(head["waiting"]):
            signal = arrays[f"waiting.{place}"]
            order.waiting.append(
                StreamRecord(stream, number, seq, device_ms, order.fs_hz, order.leads, signal)
            )
        prefix = "row."
        row = {name[len(prefix) :]: arrays[name] for name in arrays if name.startswith(prefix)}
        return order, row, head["last_number"]

"""Recordings of files, for replays: the inference server reads them, for the client cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from ecgfm_client.client import EcgClient
from ecgfm_client.device.recordings import BeatTable, Replayable, SignalRecording
from ecgfm_client.device.stream import Reading
from ecgfm_client.errors import UnusableInput
from ecgfm_client.folders import Recording
from ecgfm_client.results import array


def read_by_server(
    client: EcgClient, recordings: Sequence[Recording], fields: Mapping[str, Any]
) -> list[tuple[str, Reading]]:
    """Return name and reading of each recording.

    fields  values in place of those in the files: fs, lead_names, units, gain, age, sex
    """
    return [(each.name, partial(_ask, client, each, fields)) for each in recordings]


def beat_tables(paths: Sequence[Path]) -> list[tuple[str, Reading]]:
    """Return name and reading of each table of beats, which needs no server."""
    return [(path.name, partial(_table, path)) for path in paths]


def _ask(client: EcgClient, recording: Recording, fields: Mapping[str, Any]) -> Replayable:
    analysis = client.analyze(recording.files, include=["signal"], **fields)
    signal = analysis.raw["signal"]
    if signal["units"] != "mV":
        raise UnusableInput("units: unknown; --units or --gain is needed")
    return SignalRecording(
        name=PurePath(recording.name).stem,
        signal=array(signal["data"]),
        fs=float(signal["fs"]),
        leads=tuple(signal["lead_names"]),
    )


def _table(path: Path) -> Replayable:
    return BeatTable.of(path.stem, lambda: path.open("rb"))

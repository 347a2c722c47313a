"""What `ecgfm stream` and the station's own command `stream` share: flags, and the run itself."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ecgfm_client.device.device import STORED, StationDevice, station_address, station_key
from ecgfm_client.device.frames import check_name
from ecgfm_client.device.recordings import NUMBER_FIELD, Due, Replayable
from ecgfm_client.device.registration import Registration
from ecgfm_client.device.replay import finish, replay
from ecgfm_client.errors import Refused, UnusableInput

DONE, REFUSED = 0, 1  # exit statuses
FILE_FIELD: Final = "{file}"
# What waits for the station at most: a replay is read no further ahead.
BUFFER_MB: Final = 16.0
Reading = Callable[[], Replayable]
"""Reads a recording when its turn has come. Raises UnusableInput, Refused, OSError."""


def add_stream_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--to",
        metavar="URL",
        help="the station's address; default: ECGFM_STATION_URL, else http://127.0.0.1:8100",
    )
    command.add_argument(
        "--station-key",
        help="the station's key; other users of the machine may see it here, so prefer "
        "ECGFM_STATION_KEY",
    )
    command.add_argument(
        "--patient",
        required=True,
        help=f"the patient's name; {FILE_FIELD} is replaced by the file's name without its "
        f"ending, {NUMBER_FIELD} by the number before a beat",
    )
    command.add_argument(
        "--source", default="replay", help="the name of the source (default: replay)"
    )
    command.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        help="recorded seconds a second (default 1); 0: as fast as the station acknowledges",
    )
    command.add_argument(
        "--beats",
        action="store_true",
        help="the files are tables of beats: 187 samples and a class, as Kaggle's heartbeat set",
    )
    command.add_argument(
        "--register",
        action="store_true",
        help="register the source and the patients first; the key needs the scope operator",
    )
    command.add_argument(
        "--buffer",
        type=Path,
        help="file for what the station has not acknowledged; default: a temporary one",
    )


def stream(
    options: argparse.Namespace,
    readings: Sequence[tuple[str, Reading]],
    say: Callable[[str], None],
) -> int:
    """Replay recordings one after the other. Return the exit status.

    readings  a name for messages, and how it is read
    say       prints a message
    A recording that cannot be read does not stop the others. Raises UnusableInput, NoAnswer.
    """
    is_pattern = FILE_FIELD in options.patient or NUMBER_FIELD in options.patient
    if len(readings) > 1 and not is_pattern:
        raise UnusableInput(
            f"--patient: {options.patient} for {len(readings)} recordings, which would be at the "
            f"same time; give a name with {FILE_FIELD}"
        )
    address, key = station_address(options.to), station_key(options.station_key)
    with ExitStack() as stack:
        registration = None
        if options.register:
            registration = Registration(address, key)
            stack.callback(registration.close)
            registration.source(options.source)
        buffer = options.buffer or Path(stack.enter_context(TemporaryDirectory())) / "buffer"
        device = stack.enter_context(
            StationDevice(
                address, source=options.source, buffer=buffer, api_key=key, max_buffer_mb=BUFFER_MB
            )
        )
        before = device.status().outcomes
        failed = 0
        for name, read in readings:
            try:
                _replay(device, read(), options, registration)
            except (UnusableInput, Refused, OSError) as error:
                failed += 1
                say(f"{name}: {error}")
        finish(device)
        counts = _difference(device.status().outcomes, before)
        say(f"{len(readings) - failed} of {len(readings)} recordings; records: {_words(counts)}")
        if not counts.keys() <= STORED:
            say(f"not stored, for example: {device.dead_letters()[-1].detail}")
    return DONE if not failed and counts.keys() <= STORED else REFUSED


def _difference(after: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    changes = {name: number - before.get(name, 0) for name, number in after.items()}
    return {name: number for name, number in changes.items() if number}


def _words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items()) or "none"


def _replay(
    device: StationDevice,
    recording: Replayable,
    options: argparse.Namespace,
    registration: Registration | None,
) -> None:
    patient = options.patient.replace(FILE_FIELD, recording.name)
    if registration is not None:
        recording = _Registering(recording, registration)
    replay(device, recording, patient, options.speed)


@dataclass(frozen=True)
class _Registering:
    """A recording whose patients are registered before their records are sent."""

    recording: Replayable
    registration: Registration

    @property
    def name(self) -> str:
        return self.recording.name

    @property
    def seconds(self) -> float:
        return self.recording.seconds

    def records(self, patient: str, start_ms: int) -> Iterator[Due]:
        for due in self.recording.records(patient, start_ms):
            check_name("patient", due.record.patient)
            self.registration.patient(due.record.patient)
            yield due


def _speed(text: str) -> float:
    # Without this, argparse's message would show the name of this function.
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0 <= speed < math.inf:
        raise argparse.ArgumentTypeError(f"found {text!r}; a number of at least 0 is allowed")
    return speed

"""`scripts/station --demo`: a ward that lives, in a folder that is deleted at the end.

The inference server and the station run as processes of their own, on 127.0.0.1. Eight devices send
a second of signal each second, with the client that devices use.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
from ecgfm_client.device.device import StationDevice
from ecgfm_client.device.frames import Stretch

from access.key_file import add_key
from station.demo.ward import WARD, Bedside
from station.web.access import SCOPES

START_LIMIT_S: Final = 120.0
STOP_LIMIT_S: Final = 40.0
POLL_S: Final = 0.1
SECOND_MS: Final = 1000
HOST: Final = "127.0.0.1"
PORTS: Final = {"server": 8000, "station": 8100}


def run_demo() -> int:
    """Show a ward until a signal comes. Return the exit status."""
    is_over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_over.set())
    with (
        tempfile.TemporaryDirectory(prefix="station-demo-") as name,
        contextlib.ExitStack() as stack,
    ):
        folder = Path(name)
        key = add_key(folder / "keys.json", "demo", SCOPES)
        server = stack.enter_context(_running("server", folder, {"ECG_HOST": HOST}))
        settings = {
            "STATION_HOST": HOST,
            "STATION_DATABASE": f"sqlite:///{folder / 'station.db'}",
            "STATION_KEY_FILE": str(folder / "keys.json"),
        }
        station = stack.enter_context(_running("station", folder, settings))
        if not _is_ready(f"{station}/readyz", is_over):
            _say((folder / "station.log").read_text())
            return 1
        devices = stack.enter_context(_devices(station, key, folder))
        _say(f"The ward:      {station}/")
        _say(f"Its key:       {key}")
        _say(f"The viewer:    {server}/ (a few seconds later)")
        _say("In about a minute: ventricular tachycardia, atrial fibrillation, an electrode off.")
        _say("Ctrl+C ends the demonstration and deletes what it stored.")
        _stream(devices, is_over)
    return 0


@contextlib.contextmanager
def _running(module: str, folder: Path, settings: dict[str, str]) -> Iterator[str]:
    """Run a module on its usual port, or on a free one; give its address."""
    port = _free_port(PORTS[module])
    prefix = "ECG" if module == "server" else "STATION"
    environment = os.environ | settings | {f"{prefix}_PORT": str(port)}
    with (folder / f"{module}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module], env=environment, stdout=log, stderr=log
        )
    try:
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return int(probe.getsockname()[1])
    raise OSError("no port is free")


def _is_ready(probe: str, is_over: threading.Event) -> bool:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and not is_over.is_set():
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(probe).status_code == httpx.codes.OK:
                return True
        time.sleep(POLL_S)
    return False


@contextlib.contextmanager
def _devices(station: str, key: str, folder: Path) -> Iterator[list[tuple[Bedside, StationDevice]]]:
    """Register the patients and their devices, and give the devices."""
    with httpx.Client(base_url=f"{station}/station/v1", headers={"X-API-Key": key}) as client:
        names = [patient.name for patient in WARD]
        client.post("/patients", json={"names": names}).raise_for_status()
        keys = []
        for patient in WARD:
            details = {
                "sex": patient.sex,
                "birth_year": patient.birth_year,
                "notes": patient.notes,
            }
            client.patch(f"/patients/{patient.name}", json=details).raise_for_status()
            answer = client.post("/sources", json={"name": f"monitor-{patient.name}"})
            keys.append(answer.raise_for_status().json()["key"])
    with contextlib.ExitStack() as stack:
        devices = []
        for seed, (patient, device_key) in enumerate(zip(WARD, keys, strict=True), 1):
            device = StationDevice(
                station,
                source=f"monitor-{patient.name}",
                buffer=folder / f"{patient.name}.db",
                api_key=device_key,
            )
            devices.append((Bedside(patient, seed), stack.enter_context(device)))
        yield devices


def _stream(devices: list[tuple[Bedside, StationDevice]], is_over: threading.Event) -> None:
    """Send each second when it has passed, until the demonstration is over."""
    start_ms = time.time_ns() // 1_000_000 - SECOND_MS  # the first second has just passed
    index = 0
    while not is_over.is_set():
        for bedside, device in devices:
            patient = bedside.patient
            stretch = Stretch(
                patient.name,
                start_ms + index * SECOND_MS,
                float(patient.fs),
                patient.leads,
                bedside.second(index),
            )
            device.send(stretch)
        index += 1
        due_s = start_ms / SECOND_MS + index + 1
        is_over.wait(max(0.0, due_s - time.time()))


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - for a person

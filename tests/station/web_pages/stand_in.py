"""A small server with the station's routes that the ward page asks, and patients who do not exist.

It says what a test tells it to say: who is watched, which alarms there are, whose data has ceased.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from signals.leads import LEADS
from signals.synthetic.catalogue import EXAMPLES

DIST: Final = Path(__file__).parents[3] / "web" / "dist"
KEY: Final = "a-key"
FS: Final = 125
LOOP_S: Final = 60
TYPES: Final = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain",
}
PER_MV: Final = 1000
GAP: Final = -32768


def now_ms() -> int:
    return int(time.time() * 1000)


@cache
def lead_two(case: int) -> NDArray[np.int16]:
    """Return a minute of lead II of an example as it is sent, (seconds, samples)."""
    example = EXAMPLES[case % len(EXAMPLES)]
    signal = example.signal(LOOP_S)[LEADS.index("II"), :: example.fs // FS]
    scaled = np.where(np.isnan(signal), GAP, np.round(signal * PER_MV))
    return scaled.astype(np.int16).reshape(LOOP_S, FS)


@dataclass
class Ward:
    """What the server knows. A test changes it while the server runs."""

    beds: int = 16
    silent: set[str] = field(default_factory=set)
    alarms: dict[int, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    posted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    is_down: bool = False

    def board(self) -> dict[str, Any]:
        return {
            "now_ms": now_ms(),
            "watch": {"age_ms": 100, "behind": 0},
            "patients": [self._patient(at) for at in range(self.beds)],
        }

    def _patient(self, at: int) -> dict[str, Any]:
        stream = {
            "source": f"strap-{at + 1}",
            "newest_ms": now_ms(),
            "age_ms": 300,
            "rate_per_min": 60 + 7 * at % 60,
            "known": 1.0,
            "irregular": False,
            "last_beat_ms": now_ms() - 2000,
            "last_beats": self._class_of_beats(at) * 8,
        }
        return {"patient": f"p-{at + 1}", "streams": [stream], "silent_until_ms": None}

    def person(self, name: str) -> dict[str, Any]:
        at = int(name.removeprefix("p-")) - 1
        return {
            "name": name,
            "bed": f"{at + 1:02}",
            "sex": ("female", "male")[at % 2],
            "birth_year": time.gmtime().tm_year - (40 + 3 * at % 50),
            "notes": "",
            "rate_low": None,
            "rate_high": 120,
        }

    def strips(self, since: int) -> dict[str, Any]:
        """Return whole seconds after one; the newest twelve where there is none."""
        now_s = now_ms() // 1000
        from_s = max(since, now_s - 12)
        found = []
        for at in range(self.beds):
            name = f"p-{at + 1}"
            if name in self.silent or from_s >= now_s:
                continue
            seconds = [lead_two(at)[second % LOOP_S] for second in range(from_s, now_s)]
            samples = np.concatenate(seconds).astype("<i2").tobytes()
            found.append(
                {
                    "patient": name,
                    "source": f"strap-{at + 1}",
                    "lead": "II",
                    "start_ms": from_s * 1000,
                    "samples": base64.b64encode(samples).decode(),
                }
            )
        return {"since": now_s, "hz": FS, "per_mv": PER_MV, "gap": GAP, "strips": found}

    def beats(self, name: str, from_ms: int, to_ms: int) -> list[dict[str, Any]]:
        at = int(name.removeprefix("p-")) - 1
        label = self._class_of_beats(at)
        step = 350 if label == "V" else 800
        first = -(-from_ms // step) * step
        return [
            {"source": f"strap-{at + 1}", "at_ms": ms, "class": label, "interval_ms": step}
            for ms in range(first, to_ms, step)
        ]

    @staticmethod
    def _class_of_beats(at: int) -> str:
        return "V" if EXAMPLES[at % len(EXAMPLES)].name == "ventricular_tachycardia" else "N"

    def fire(
        self, patient: str, rule: str, priority: str, value: float | None = None, **more: Any
    ) -> int:
        """Let an alarm fire, and tell it. Returns its number."""
        number = len(self.alarms) + 1
        alarm = {
            "alarm": number,
            "patient": patient,
            "source": "strap",
            "rule": rule,
            "priority": priority,
            "state": "firing",
            "since_ms": now_ms(),
            "ended_ms": None,
            "value": value,
            "fired_ms": now_ms(),
            "level": 0,
            **more,
        }
        self.alarms[number] = alarm
        self.tell("alarm", {**alarm, "step": "fired", "by": ":rule", "at_ms": now_ms(), "note": ""})
        return number

    def change(self, number: int, step: str, by: str, **changes: Any) -> None:
        self.alarms[number] |= changes
        told = {**self.alarms[number], "step": step, "by": by, "at_ms": now_ms(), "note": ""}
        self.tell("alarm", told)

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        with self.changed:
            self.events.append({"id": len(self.events) + 1, "kind": kind, "data": data})
            self.changed.notify_all()

    def events_after(self, last: int) -> list[dict[str, Any]]:
        """Wait a second at most for events after one."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.events) > last, timeout=1)
            return self.events[last:]

    def post(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        self.posted.append((path, content))
        parts = path.split("/")
        if parts[-1] == "acknowledge":
            self.change(int(parts[-2]), "acknowledged", "M. Vogt", state="acknowledged")
        elif parts[-1] == "silence":
            until = now_ms() + content["seconds"] * 1000
            patient = unquote(parts[-2])
            told = {"patient": patient, "from_ms": now_ms(), "until_ms": until, "by": "M. Vogt"}
            self.tell("silence", told)
        return {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    ward: Ward

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if self.ward.is_down:
            self.close_connection = True
        elif url.path == "/" or url.path.startswith("/assets/"):
            self._file(url.path)
        elif url.path == "/livez":
            self._answer({})
        elif self.headers.get("X-API-Key") != KEY:
            self._problem(401, "unauthorized", "A valid key is required")
        else:
            self._get(url.path.removeprefix("/station/v1/"), query)

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(self.ward.post(self.path.removeprefix("/station/v1/"), content))

    def _get(self, path: str, query: dict[str, str]) -> None:
        if path == "ward":
            self._answer(self.ward.board())
        elif path.endswith("/beats"):
            name, from_ms, to_ms = path.split("/")[1], query["from_ms"], query["to_ms"]
            beats = self.ward.beats(name, int(from_ms), int(to_ms))
            self._answer({"beats": beats, "cursor": None})
        elif path.startswith("patients/"):
            self._answer(self.ward.person(path.removeprefix("patients/")))
        elif path == "strips":
            self._answer(self.ward.strips(int(query.get("since", "0"))))
        elif path == "alarms":
            states = query["state"].split(",")
            found = [
                {**alarm, "silent_until_ms": None}
                for alarm in self.ward.alarms.values()
                if alarm["state"] in states
            ]
            last = len(self.ward.events)
            self._answer({"alarms": found, "cursor": None, "last_event_id": last})
        elif path.endswith("/steps"):
            number = int(path.split("/")[1])
            steps = [
                {**event["data"], "number": at + 1, "device_ms": None}
                for at, event in enumerate(self.ward.events)
                if event["data"].get("alarm") == number
            ]
            self._answer({"steps": steps})
        elif path == "events":
            # The browser leaves when it likes.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._events(int(self.headers.get("Last-Event-ID", "0")))
        else:
            self._problem(404, "not_found", "Nothing is here")

    def _events(self, after: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(f"id: {after}\nevent: connected\ndata: {{}}\n\n".encode())
        while not self.ward.is_down:
            for event in self.ward.events_after(after):
                after = event["id"]
                text = f"id: {after}\nevent: {event['kind']}\ndata: {json.dumps(event['data'])}\n\n"
                self.wfile.write(text.encode())
            self.wfile.write(b": ping\n\n")
        self.close_connection = True

    def _file(self, path: str) -> None:
        name = "ward.html" if path == "/" else path.removeprefix("/")
        file = DIST / name
        self._answer(file.read_bytes(), TYPES[file.suffix])

    def _problem(self, status: int, code: str, title: str) -> None:
        self._answer({"status": status, "code": code, "title": title, "detail": ""}, status=status)

    def _answer(self, content: Any, kind: str = "application/json", status: int = 200) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class StandIn:
    """The server, while the block runs."""

    def __init__(self, ward: Ward) -> None:
        self.ward = ward
        handler = type("BoundHandler", (Handler,), {"ward": ward})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> StandIn:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ward.is_down = True
        self._server.shutdown()
        self._server.server_close()

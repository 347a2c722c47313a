"""A small server with the station's routes that its pages ask, and patients who do not exist.

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
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Times without any signal, of all patients: (from, to) in ms.
    gaps: list[tuple[int, int]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    is_down: bool = False
    # Since when there are no labels, in ms.
    unlabelled_ms: int | None = None

    def board(self) -> dict[str, Any]:
        return {
            "now_ms": now_ms(),
            "watch": {"age_ms": 100, "behind": 0},
            "labels": {"failed_ms": self.unlabelled_ms, "reason": "no_answer"},
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
            **self.details.get(name, {}),
        }

    def change(self, name: str, details: dict[str, Any]) -> dict[str, Any]:
        self.details[name] = self.details.get(name, {}) | details
        return self.person(name)

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

    def is_gap(self, ms: int) -> bool:
        return any(first <= ms < last for first, last in self.gaps)

    def trends(self, name: str, from_ms: int, to_ms: int, bin_ms: int) -> list[dict[str, Any]]:
        """Return a rate that rises and falls each half hour, with a run of ectopic beats."""
        found = []
        for start_ms in range(from_ms, min(to_ms, now_ms()), bin_ms):
            if self.is_gap(start_ms):
                continue
            phase = 2 * np.pi * (start_ms % 1_800_000) / 1_800_000
            rate = 75 + 15 * np.sin(phase)
            many = bin_ms // 10_000 if np.sin(phase) > 0.8 else 0
            found.append(
                {
                    "source": f"strap-{name.removeprefix('p-')}",
                    "start_ms": start_ms,
                    "known_ms": bin_ms,
                    "rate_low": rate - 6,
                    "rate_mean": rate,
                    "rate_high": rate + 9,
                    "beats": {"N": bin_ms // 800, "S": many // 2, "V": many, "F": 0, "Q": 0},
                    "irregular": 0.0,
                }
            )
        return found

    def waveform(self, name: str, from_ms: int, to_ms: int) -> list[dict[str, Any]]:
        """Return two leads up to now, with gaps."""
        at = int(name.removeprefix("p-")) - 1
        first, last = from_ms * FS // 1000, min(to_ms, now_ms()) * FS // 1000
        if last <= first:
            return []
        minute = lead_two(at).ravel()
        lead = [
            None if self.is_gap(place * 1000 // FS) else int(minute[place % minute.size]) / PER_MV
            for place in range(first, last)
        ]
        if all(value is None for value in lead):
            return []
        turned = [None if value is None else -value / 2 for value in lead]
        part = {"source": f"strap-{at + 1}", "start_ms": first * 1000 // FS, "fs": FS}
        return [{**part, "leads": ["II", "V1"], "signal": [lead, turned]}]

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

    def step(self, number: int, step: str, by: str, **changes: Any) -> None:
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
            self.step(int(parts[-2]), "acknowledged", "M. Vogt", state="acknowledged")
        elif parts[-1] == "note":
            number = int(parts[-2])
            told = {**self.alarms[number], "step": "noted", "by": "M. Vogt", "at_ms": now_ms()}
            self.tell("alarm", {**told, "note": content["note"]})
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
        elif url.path == "/" or url.path.startswith(("/assets/", "/patients/")):
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

    def do_PATCH(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if content.get("birth_year") == 1066:
            self._problem(422, "bad_option", "Option not allowed", "birth_year: 1066")
        else:
            self._answer(self.ward.change(unquote(self.path.rpartition("/")[2]), content))

    def _get(self, path: str, query: dict[str, str]) -> None:
        if path == "ward":
            self._answer(self.ward.board())
        elif path.startswith("patients/"):
            self._patient(path.split("/")[1:], {key: int(text) for key, text in query.items()})
        elif path == "strips":
            self._answer(self.ward.strips(int(query.get("since", "0"))))
        elif path == "alarms":
            states = query["state"].split(",")
            found = [
                {**alarm, "silent_until_ms": None}
                for alarm in self.ward.alarms.values()
                if alarm["state"] in states
                and query.get("patient") in (None, alarm["patient"])
                and int(query.get("from_ms", "0")) <= alarm["since_ms"]
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

    def _patient(self, parts: list[str], query: dict[str, int]) -> None:
        name, what = parts[0], parts[-1]
        if name == "nobody":
            self._problem(404, "not_found", "Not found")
        elif what == "beats":
            query.pop("limit")
            self._answer({"beats": self.ward.beats(name, **query), "cursor": None})
        elif what == "trends":
            self._answer({"trends": self.ward.trends(name, **query), "archived": False})
        elif what == "waveform":
            self._answer({"waveforms": self.ward.waveform(name, **query), "archived": False})
        else:
            self._answer(self.ward.person(name))

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
        pages = {"": "ward.html", "patients": "patient.html"}
        name = pages.get(path.split("/")[1], path.removeprefix("/"))
        file = DIST / name
        self._answer(file.read_bytes(), TYPES[file.suffix])

    def _problem(self, status: int, code: str, title: str, detail: str = "") -> None:
        content = {"status": status, "code": code, "title": title, "detail": detail}
        self._answer(content, status=status)

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

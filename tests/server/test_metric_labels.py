"""No client can make up a label's value, whatever it sends to a real server."""

from __future__ import annotations

import re
from collections import defaultdict

import httpx
import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from errors import public_errors
from server.authorization.route_scopes import ROUTE_SCOPES
from server.routes.answers import TIMED_STAGES
from server.settings import LIMITS
from server.version import VERSION
from signal_quality.quality import WORDS
from tests.house.observability_page import LABEL_BOUNDS
from tests.intervals.synthetic import synthetic
from tests.server.ecgs import JSON, NPY, Ecg, answer_of, get, npy, post, twelve_seconds
from tests.server.harness import RunningServer

STRANGE = "made-up"
ECG = twelve_seconds()
ONE_LEAD = Ecg(synthetic(seconds=12.0)[[1]].astype(np.float32), 500.0, ("II",))


def allowed_values(server: RunningServer) -> dict[str, set[str]]:
    """Return all values that a label may have on this server."""
    health = answer_of(get(server, "/health"))
    workers = health["workers"]
    places = {f"{kind}-{i}" for kind in workers for i in range(workers[kind]["expected"])}
    listed = answer_of(get(server, "/models"))
    models = [*listed["models"], listed["few_leads"]]
    labels = {label["name"] for model in models for label in model["labels"]}
    return {
        "route": {*ROUTE_SCOPES, "other"},
        "status": {str(kind.status) for kind in public_errors()} | {"200", "307", "499"},
        "code": {kind.code for kind in public_errors()} | {""},
        "stage": {"api", "signal", "model", "model_queue", *TIMED_STAGES},
        "device": {"cpu"},
        "process": {"main", *places},
        "setting": set(LIMITS),
        "version": {VERSION},
        "model": {health["model"]["chosen"]},
        "reason": set(re.findall(r"\w+", LABEL_BOUNDS["reason"].partition(":")[2])),
        "units": {"mV", "unknown"},
        "word": set(WORDS),
        "source": {"labels", "superclass", "pacemaker", "heads"},
        "label": labels | {"NORM", "MI", "STTC", "CD", "HYP", "present", "other"},
        "le": set(),
    }


def send_strange_requests(server: RunningServer) -> None:
    for path in (
        f"/{STRANGE}",
        f"/analyze/{STRANGE}",
        f"/docs/{STRANGE}",
        f"/docs/assets/{STRANGE}",
    ):
        for method in ("GET", "POST", "PUT", STRANGE.upper()):
            httpx.request(method, server.url + path)
    strange_headers = {
        "Host": f"{STRANGE}.example",
        "X-Request-ID": STRANGE,
        "X-API-Key": STRANGE,
        "Origin": f"http://{STRANGE}",
        "User-Agent": STRANGE,
        "Accept": f"{STRANGE}/{STRANGE}",
        "Content-Encoding": STRANGE,
        "Content-Type": f"{STRANGE}/x",
        "traceparent": STRANGE,
    }
    for name, value in strange_headers.items():
        post(server, "/analyze", content=b"{}", headers={"Content-Type": JSON, name: value})
    for field in ("id", "fs", "units", "include", "model", "lead_names", STRANGE):
        post(server, "/analyze", json=ECG.json(**{field: STRANGE}))
        post(server, "/analyze", params={field: STRANGE}, files={"file": (STRANGE, b"1,2\n")})
    for units in ("unknown", "uV", STRANGE):
        query = ECG.query(units=units)
        headers = {"Content-Type": NPY}
        post(server, "/analyze", content=npy(ECG.signal), params=query, headers=headers)
    for fs in (51.3, 499.99, 1234.5):
        post(server, "/assess_quality", json={**ECG.json(), "fs": fs})


def test_every_value_of_every_label_is_one_that_the_server_knows(server: RunningServer) -> None:
    assert answer_of(post(server, "/analyze", json=ECG.json()))
    assert answer_of(post(server, "/analyze", json=ONE_LEAD.json()))["labels"]
    send_strange_requests(server)
    text = get(server, "/metrics").text
    values: dict[str, set[str]] = defaultdict(set)
    series = 0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith("ecg_"):
                series += 1
                for label, value in sample.labels.items():
                    values[label].add(value)
    allowed = allowed_values(server)
    assert set(values) <= set(LABEL_BOUNDS) | {"le"}
    for label, found in values.items():
        if label != "le":
            assert found <= allowed[label], label
    assert STRANGE not in text.lower()
    # Enough was seen for the test to mean something, and it is little for Prometheus.
    assert {"other", "/analyze"} <= values["route"]
    assert {"unknown", "mV"} <= values["units"]
    assert "Normal rhythm" in values["label"]
    assert len(values["code"]) > 5
    assert values["label"]
    assert series < 3000

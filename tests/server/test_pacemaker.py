"""The part `pacemaker` of /analyze over HTTP, on real recordings, mostly without an encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import wfdb

from tests.data import SHARED, requires_shared
from tests.server.ecgs import Ecg, answer_of, post
from tests.server.harness import RunningServer

pytestmark = requires_shared


def ludb(name: str) -> Ecg:
    signal = wfdb.rdrecord(str(SHARED / "ludb" / "data" / name), physical=False).d_signal.T / 1000.0
    return Ecg(signal.astype(np.float32), 500.0)


def pacemaker_part(
    server: RunningServer, ecg: Ecg, **more: Any
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    answer = answer_of(post(server, "/analyze", json=ecg.json(include=["pacemaker"], **more)))
    assert set(answer) & {"measurements", "clinical_analysis", "quality"} == set()
    return answer["pacemaker"], answer


@pytest.mark.parametrize("name", ["74", "104"])
def test_pacing_and_its_chamber_are_detected(bare_server: RunningServer, name: str) -> None:
    part, answer = pacemaker_part(bare_server, ludb(name))
    assert part is not None
    assert part["present"]
    assert part["visible"]
    assert part["probability"] > 0.9
    assert part["evidence"]["chamber"] == "ventricular"
    assert part["evidence"]["label"] is None
    assert answer["model"]["pacemaker"].startswith("pacemaker@")


@pytest.mark.parametrize("name", ["2", "37"])
def test_no_pacemaker_is_detected_without_pacing(bare_server: RunningServer, name: str) -> None:
    part, _ = pacemaker_part(bare_server, ludb(name))
    assert part is not None
    assert not part["present"]
    assert part["evidence"]["chamber"] is None


def test_with_an_encoder_its_label_is_evidence(server: RunningServer) -> None:
    part, answer = pacemaker_part(server, ludb("2"))
    assert part is not None
    assert 0 <= part["evidence"]["label"] <= 1
    assert answer["model"]["labels"]


def test_one_lead_and_unknown_units_are_answered_with_the_reason(
    bare_server: RunningServer,
) -> None:
    part, answer = pacemaker_part(bare_server, ludb("74").only("II"))
    assert part is None
    assert any(warning.startswith("pacemaker:") for warning in answer["warnings"])
    part, answer = pacemaker_part(bare_server, ludb("74"), units="unknown")
    assert part is not None
    assert not part["visible"]
    assert any(warning.startswith("pacemaker: the units") for warning in answer["warnings"])

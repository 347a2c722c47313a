"""Steps of alarms as HL7 messages, acknowledged by the receiver."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from station.outbox import sender as sender_module
from station.outbox.running import sending
from station.settings import Settings
from station.store.external.outbox import dead_deliveries
from tests.station.outbox.receivers import Hl7Receiver
from tests.station.outbox.steps import step, tell
from tests.station.outbox.test_webhook import wait_for_the_outlet


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "FIRST_PAUSE_MS", 1)
    monkeypatch.setattr(sender_module, "POLL_S", 0.02)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/station.db"


def test_the_facets_of_an_alert_follow_the_alarm(engine: Engine) -> None:
    receiver = Hl7Receiver(codes=["AR"])
    with receiver.serving() as url, sending(engine, Settings(hl7_alerts=url)):
        tell(
            engine,
            step(1, "fired"),
            step(1, "ceased", ended_ms=1),
            step(1, "acknowledged", state="acknowledged", rule="rate_high", priority="medium"),
            step(1, "resolved", ended_ms=1, rule="leads_off", priority="technical"),
        )
        wait_for_the_outlet(engine, 4)
    rejected, *messages = receiver.messages
    assert rejected.header.field(10) == messages[0].header.field(10), "sent again after AR"
    facets = [
        [segment.field(5) for segment in message.segments if segment.name == "OBX"]
        for message in messages
    ]
    assert facets == [
        ["asystole", "strap-1", "start", "active", "enabled"],
        ["asystole", "strap-1", "update", "latched", "enabled"],
        ["rate high", "strap-1", "update", "active", "alert-acknowledged"],
        ["leads off", "strap-1", "end", "inactive", "enabled"],
    ]
    first, *following = (next(s for s in m.segments if s.name == "OBR") for m in messages)
    assert first.field(29) == ""
    for segment in following:
        assert segment.field(29) == f"^{first.component(3)}&ecg-station"
    header, patient = messages[0].segments[0], messages[0].segments[1]
    assert header.field(9) == "ORU^R40^ORU_R40" and "IHE_PCD_ACM_001" in header.field(21)
    assert patient.component(3) == "p-1"
    event = messages[0].segments[3]
    assert event.field(3) == "199684^MDC_EVT_ECG_ASYSTOLE^MDC" and event.field(8) == "PH~SP"


def test_an_error_of_the_message_is_a_dead_letter(engine: Engine) -> None:
    receiver = Hl7Receiver(codes=["AE"])
    with receiver.serving() as url, sending(engine, Settings(hl7_alerts=url)):
        tell(engine, step(1, "fired"))
        wait_for_the_outlet(engine, 1)
    with engine.connect() as connection:
        (letter,) = dead_deliveries(connection).rows
    assert (letter.outlet, letter.reason) == ("hl7", "the receiver answered AE")

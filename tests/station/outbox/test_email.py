"""Alarms that fire or are escalated are mailed to the receiver whose turn it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Engine

from station.outbox import sender as sender_module
from station.outbox.outlet import NotDelivered, Notice
from station.outbox.running import outlets_of, sending
from station.settings import Settings
from station.store.external.outbox import dead_deliveries
from tests.station.outbox.receivers import MailServer, answering_once_connected
from tests.station.outbox.steps import step, tell
from tests.station.outbox.test_webhook import wait_for_the_outlet

ADDRESSES: dict[str, Any] = {
    "email_from": "station@example.org",
    "email_to": "ward=ward@example.org,doctor=doctor@example.org",
    "receivers": "ward,nobody,doctor",
}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "FIRST_PAUSE_MS", 1)
    monkeypatch.setattr(sender_module, "POLL_S", 0.02)


@pytest.fixture
def database_url(tmp_path: Any) -> str:
    return f"sqlite:///{tmp_path}/station.db"


def test_the_receiver_whose_turn_it_is_gets_a_message(engine: Engine) -> None:
    mail = MailServer(replies=["451 later"])
    with mail.serving() as url, sending(engine, Settings(email=url, **ADDRESSES)):
        tell(
            engine,
            step(1, "fired"),
            step(1, "escalated", level=1),  # has no address
            step(1, "escalated", level=2),
            step(1, "resolved", level=2),
            step(2, "fired", priority="technical"),
        )
        wait_for_the_outlet(engine, 5)
    to = [message["To"] for message in mail.messages]
    assert to == ["ward@example.org", "doctor@example.org"]
    fired, escalated = mail.messages
    assert fired["Subject"] == "Alarm of high priority: asystole"
    assert "p-1" in fired.get_content() and "p-1" not in str(fired["Subject"])
    assert "nobody has acknowledged it" in escalated.get_content()
    assert fired["Message-ID"] != escalated["Message-ID"]
    for message in mail.messages:
        assert "written by a person" not in message.get_content()


def test_an_address_that_is_refused_for_good_is_a_dead_letter(engine: Engine) -> None:
    mail = MailServer(replies=["554 no"])
    with mail.serving() as url, sending(engine, Settings(email=url, **ADDRESSES)):
        tell(engine, step(1, "fired"))
        wait_for_the_outlet(engine, 1)
    with engine.connect() as connection:
        (letter,) = dead_deliveries(connection).rows
    assert letter.reason == "the mail server answered 554"


def test_a_refusal_of_the_station_is_not_one_of_the_message(engine: Engine) -> None:
    mail = MailServer(refusals=["550 unknown sender", "554 no"])
    with mail.serving() as url, sending(engine, Settings(email=url, **ADDRESSES)):
        tell(engine, step(1, "fired"))
        wait_for_the_outlet(engine, 1)
    assert len(mail.messages) == 1
    with engine.connect() as connection:
        assert not dead_deliveries(connection).rows


def test_a_server_that_refuses_the_connection_is_tried_again() -> None:
    notice = Notice("1-1", "1-a1", step(1, "fired").data)
    with answering_once_connected(b"554 no\r\n") as port:
        (outlet,) = outlets_of(Settings(email=f"smtp://127.0.0.1:{port}", **ADDRESSES))
        with pytest.raises(NotDelivered, match="answered 554") as found:
            asyncio.run(outlet.send(notice))
    assert not found.value.is_final


def test_a_password_is_not_sent_without_tls(engine: Engine) -> None:
    mail = MailServer()
    with mail.serving() as url:
        url = url.replace("//", "//user:password@")
        with sending(engine, Settings(email=url, deliver_within=1, **ADDRESSES)):
            tell(engine, step(1, "fired"))
            wait_for_the_outlet(engine, 1)
    with engine.connect() as connection:
        (letter,) = dead_deliveries(connection).rows
    assert not mail.messages and "SMTPException" in letter.reason

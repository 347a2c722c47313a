"""Each step of an alarm is posted, signed and in its order, whatever the receiver does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys

import httpx
import pytest
from sqlalchemy import Engine, select, update

from errors import BadBridge
from station.outbox import sender as sender_module
from station.outbox.running import outlets_of, sending
from station.settings import Settings
from station.store.engine import writing
from station.store.events import Event
from station.store.external.outbox import DELIVERIES, OUTLETS, dead_deliveries, outlet_counts
from station.store.lease import LEASES
from station.store.pages import MAX_PAGE_ROWS
from tests.house.tree import ROOT
from tests.station.outbox.receivers import HttpReceiver, Posted, wait_until
from tests.station.outbox.steps import SECRET, SECRET_BYTES, step, tell
from tests.station.postgres import free_port

STEPS = ("fired", "escalated", "acknowledged", "resolved")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "FIRST_PAUSE_MS", 1)
    monkeypatch.setattr(sender_module, "MAX_PAUSE_MS", 1)
    monkeypatch.setattr(sender_module, "POLL_S", 0.02)


def webhook(receiver: HttpReceiver, **values: object) -> Settings:
    return Settings(webhook=receiver.url, webhook_secret=SECRET, **values)


def waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return sum(row.waiting for row in outlet_counts(connection))


def wait_for_the_outlet(engine: Engine, events: int) -> None:
    """Wait until an outlet has read so many events, and has nothing more to send."""

    def is_done() -> bool:
        with engine.connect() as connection:
            following = connection.execute(select(OUTLETS.c.next_event)).scalar_one()
        return following > events and not waiting(engine)

    wait_until(is_done)


def steps_of(posted: list[Posted], alarm: int) -> list[str]:
    return [each.data["step"] for each in posted if each.data["alarm"] == alarm]


def test_a_step_is_signed_and_says_no_more_than_it_must(engine: Engine) -> None:
    with HttpReceiver().serving() as receiver, sending(engine, webhook(receiver)):
        tell(engine, step(7, "fired", value=4.5))
        wait_for_the_outlet(engine, 1)
    (posted,) = receiver.posted
    number, moment = posted.headers["webhook-id"], posted.headers["webhook-timestamp"]
    signed = f"{number}.{moment}.".encode() + posted.body
    digest = hmac.new(SECRET_BYTES, signed, hashlib.sha256).digest()
    assert posted.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert json.loads(posted.body)["type"] == "alarm.fired"
    assert posted.data["id"] == number and posted.data["receiver"] == "ward"
    assert not {"value", "note", "by", "source"} & posted.data.keys()


def test_the_environment_leads_messages_nowhere_else(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    with HttpReceiver().serving() as receiver, sending(engine, webhook(receiver)):
        tell(engine, step(1, "fired"))
        wait_for_the_outlet(engine, 1)
    assert steps_of(receiver.posted, 1) == ["fired"]


def test_the_client_is_closed_once_nothing_more_is_sent(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []

    class Client(httpx.AsyncClient):
        async def aclose(self) -> None:
            await super().aclose()
            closed.append(self)

    monkeypatch.setattr(httpx, "AsyncClient", Client)
    with HttpReceiver().serving() as receiver, sending(engine, webhook(receiver)):
        tell(engine, step(1, "fired"))
        wait_for_the_outlet(engine, 1)
        assert not closed
    (client,) = closed
    assert client.is_closed


def test_a_receiver_that_fails_and_comes_back_gets_every_step_in_order(engine: Engine) -> None:
    receiver = HttpReceiver()
    receiver.statuses = [500, 503, 302, 404, 429, 500]
    with sending(engine, webhook(receiver)):
        for name in STEPS:
            tell(engine, *(step(alarm, name) for alarm in range(3)))
        # Nobody listens yet.
        wait_until(lambda: waiting(engine) == 3 * len(STEPS))
        with receiver.serving():
            wait_for_the_outlet(engine, 3 * len(STEPS))
    for alarm in range(3):
        assert tuple(dict.fromkeys(steps_of(receiver.posted, alarm))) == STEPS
    numbers = {each.headers["webhook-id"] for each in receiver.posted}
    assert len(numbers) == 3 * len(STEPS)
    assert len(receiver.posted) == len(numbers) + 6, "a redirect is a failure, not followed"


def test_a_refused_message_is_a_dead_letter_and_the_next_one_goes_on(engine: Engine) -> None:
    with HttpReceiver().serving() as receiver, sending(engine, webhook(receiver)):
        receiver.statuses = [422]
        tell(engine, step(1, "fired"), step(1, "resolved"))
        wait_for_the_outlet(engine, 2)
    with engine.connect() as connection:
        (letter,) = dead_deliveries(connection).rows
    assert (letter.outlet, letter.alarm, letter.attempts) == ("webhook", 1, 1)
    assert letter.reason == "the receiver answered 422"
    assert steps_of(receiver.posted, 1) == ["fired", "resolved"]


def test_a_step_that_is_too_old_is_a_dead_letter_with_the_last_reason(engine: Engine) -> None:
    receiver = HttpReceiver()
    with sending(engine, webhook(receiver)):
        tell(engine, step(1, "fired"))
        wait_until(lambda: waiting(engine) == 1)

        def has_failed() -> bool:
            with engine.connect() as connection:
                return bool(connection.execute(select(DELIVERIES.c.attempts)).scalar_one())

        wait_until(has_failed)
        with writing(engine) as connection:
            connection.execute(update(DELIVERIES).values(at_ms=0))
        wait_for_the_outlet(engine, 1)
    with engine.connect() as connection:
        (letter,) = dead_deliveries(connection).rows
    assert "ConnectError" in letter.reason


def test_what_happened_before_an_outlet_existed_is_not_sent(engine: Engine) -> None:
    tell(engine, step(1, "fired"))
    with HttpReceiver().serving() as receiver:
        with sending(engine, webhook(receiver)):
            tell(engine, step(2, "fired"))
            wait_for_the_outlet(engine, 2)
        tell(engine, step(2, "resolved"))  # nobody sends now
        with sending(engine, webhook(receiver)):
            wait_for_the_outlet(engine, 3)
    assert [each.data["step"] for each in receiver.posted] == ["fired", "resolved"]
    assert {each.data["alarm"] for each in receiver.posted} == {2}


def test_events_of_other_kinds_are_passed_once(engine: Engine) -> None:
    others = [Event("problem", None, 0, {"record": number}) for number in range(MAX_PAGE_ROWS + 2)]
    with HttpReceiver().serving() as receiver, sending(engine, webhook(receiver)):
        tell(engine, *others)
        wait_for_the_outlet(engine, len(others))
        tell(engine, step(1, "fired"))
        wait_for_the_outlet(engine, len(others) + 1)
    (posted,) = receiver.posted
    assert posted.headers["webhook-id"].endswith(f"-{len(others) + 1}")


def test_two_processes_do_not_send_the_same(engine: Engine) -> None:
    with (
        HttpReceiver().serving() as receiver,
        sending(engine, webhook(receiver)),
        sending(engine, webhook(receiver)),
    ):
        for alarm in range(20):
            tell(engine, step(alarm, "fired"), step(alarm, "resolved"))
        wait_for_the_outlet(engine, 40)
    numbers = [each.headers["webhook-id"] for each in receiver.posted]
    assert len(numbers) == len(set(numbers)) == 40


def test_a_killed_process_loses_no_step(engine: Engine, database_url: str) -> None:
    """It is killed while the receiver has the message, and before it knows that it is delivered."""
    with HttpReceiver().serving() as receiver:
        receiver.statuses = [None]
        settings = webhook(receiver, database=database_url)
        with subprocess.Popen(
            [sys.executable, "-m", "station.worker"], stdin=subprocess.PIPE, cwd=ROOT
        ) as process:
            assert process.stdin is not None
            process.stdin.write(settings.model_dump_json().encode() + b"\n")
            process.stdin.flush()
            wait_until(lambda: _has_outlet(engine))
            tell(engine, step(1, "fired"))
            wait_until(lambda: bool(receiver.posted))
            process.kill()
        tell(engine, step(1, "resolved"))
        receiver.go.set()
        with writing(engine) as connection:  # the time of its lease passes
            connection.execute(update(LEASES).values(until_ms=0))
        with sending(engine, settings):
            wait_for_the_outlet(engine, 2)
    assert steps_of(receiver.posted, 1) == ["fired", "fired", "resolved"]
    first, double, last = (each.headers["webhook-id"] for each in receiver.posted)
    assert first == double != last


def _has_outlet(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(outlet_counts(connection))


@pytest.mark.parametrize(
    "values",
    [
        {"webhook": "ftp://127.0.0.1/"},
        {"webhook": "http://user:password@127.0.0.1/"},
        {"webhook": "http://127.0.0.1/", "webhook_secret": None},
        {"webhook": "http://127.0.0.1/", "webhook_secret": "whsec_c2hvcnQ="},
        {"email": "http://127.0.0.1"},
        {"email": "smtp://127.0.0.1", "email_to": "ward=ward@example.org"},
        {"email": "smtp://127.0.0.1", "email_from": "station@example.org"},
        {
            "email": "smtp://127.0.0.1",
            "email_from": "station@example.org",
            "email_to": "nobody=ward@example.org",
        },
        {"hl7_alerts": "mllp://127.0.0.1"},
    ],
)
def test_settings_that_cannot_be_used_are_named(values: dict[str, str]) -> None:
    with pytest.raises(BadBridge, match="STATION_"):
        outlets_of(Settings(**({"webhook_secret": SECRET} | values)))

"""Posts are the same after their way through a topic."""

from __future__ import annotations

from pathlib import Path

import pytest

from errors import BadBridge
from station.ingest.commit import Post
from station.ingest.kafka.message import MAX_MESSAGE_BYTES, messages_of, post_of
from station.ingest.kafka.place import kafka_of, partition_of
from station.ingest.outcomes import Outcome
from station.ingest.parse import parse_post
from station.settings import Settings
from tests.station.frames import frame

DATABASE = "postgresql://station@127.0.0.1/station"


def post(*frames: bytes) -> Post:
    return Post(parse_post(b"".join(frames), 10_000), "gateway", "strap-1", 17, is_numbered=False)


def test_frames_of_a_source_stay_together_in_their_order() -> None:
    frames = [frame(seq, source=source) for seq in range(3) for source in ("a", "b")]
    found = {message.source: message for message in messages_of(post(*frames))}
    assert found.keys() == {"a", "b"} and found["a"].records == 3
    again = post_of(found["b"].header, found["b"].value)
    assert again is not None and again.parsed.frames == frames[1::2]
    assert (again.sender, again.only_source, again.received_ms) == ("gateway", "strap-1", 17)
    assert not again.is_numbered


def test_what_was_refused_keeps_its_outcome() -> None:
    (message,) = messages_of(post(b"no frame"))
    again = post_of(message.header, message.value)
    assert again is not None and not again.parsed.frames
    (rejection,) = again.parsed.rejections
    assert (rejection.outcome, rejection.frame) == (Outcome.CORRUPT, b"no frame")


def test_no_message_is_larger_than_brokers_take() -> None:
    frames = [frame(seq) for seq in range(MAX_MESSAGE_BYTES // len(frame(0)) + 2)]
    messages = list(messages_of(post(*frames, b"x" * (2 * MAX_MESSAGE_BYTES))))
    assert [bool(message.records) for message in messages] == [True, True, False, False]
    assert all(len(message.value) <= MAX_MESSAGE_BYTES for message in messages)


@pytest.mark.parametrize("header", [None, b"", b"{}", b"[1]", b'{"sender": 1, "outcome": "?"}'])
def test_what_is_no_post_is_none(header: bytes | None) -> None:
    assert post_of(header, b"") is None


def test_a_source_has_one_partition() -> None:
    """Whatever the library: another hash would move the records of a source in between."""
    assert [partition_of(f"strap-{number}", 6) for number in range(6)] == [3, 1, 1, 5, 2, 2]


@pytest.mark.parametrize(
    "values",
    [
        {"kafka": "kafka://127.0.0.1:9092/t", "database": "sqlite:///station.db"},
        {"kafka": "kafka://127.0.0.1:9092"},
        {"kafka": "mqtt://127.0.0.1:9092/t"},
        {"kafka": "kafka://user:password@127.0.0.1:9092/t"},
        {"kafka": "kafka://127.0.0.1:9092/t", "kafka_options": "/no/such/file"},
    ],
)
def test_settings_that_cannot_be_used_are_named(values: dict[str, str]) -> None:
    with pytest.raises(BadBridge, match="STATION_KAFKA"):
        kafka_of(Settings(**({"database": DATABASE} | values)))


def test_options_of_the_library_come_from_a_file(tmp_path: Path) -> None:
    options = tmp_path / "kafka.conf"
    options.write_text("# TLS\nsecurity.protocol = ssl\n\nssl.ca.location=/ca.pem\n")
    settings = {"kafka": "kafka://a:1,b:2/t", "database": DATABASE, "kafka_options": options}
    place = kafka_of(Settings(**settings))
    assert place is not None
    assert place.config(linger_ms=5) == {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "ssl",
        "ssl.ca.location": "/ca.pem",
        "linger.ms": 5,
    }
    options.write_text("acks=0\n")
    with pytest.raises(BadBridge, match="line 1"):
        kafka_of(Settings(**settings))

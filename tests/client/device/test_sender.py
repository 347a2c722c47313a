"""What a device makes of answers that no station, or a station in trouble, gives."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from ecgfm_client import StationDevice, UnusableInput
from ecgfm_client.device import sender

from tests.client.device.records import SOURCE, stretch
from tests.local_http import QuietHandler, serving

LIMIT_S = 30.0
# status, body, headers of an answer to a post of some frames
Reply = tuple[int, bytes, dict[str, str]]


def stored(count: int, *notes: dict[str, object]) -> Reply:
    answer = {"records": count, "outcomes": {}, "notes": list(notes), "missing": []}
    return 200, json.dumps(answer).encode(), {}


@contextmanager
def station_that_says(
    *replies: Callable[[int], Reply],
) -> Iterator[tuple[str, list[int], list[float]]]:
    """Serve replies in turn, the last one for ever.

    Each is asked with the number of frames. Yields the address, the numbers of frames of the posts,
    and when each came.
    """
    posts: list[int] = []
    times_s: list[float] = []

    class Handler(QuietHandler):
        def respond(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/station/v1/records" and self.headers["X-API-Key"] == "secret"
            times_s.append(time.monotonic())
            posts.append(body.count(b"ECGR\x01"))
            self.answer(*replies[min(len(posts), len(replies)) - 1](posts[-1]))

    with serving(Handler) as url:
        yield url, posts, times_s


def device(url: str, folder: Path) -> StationDevice:
    return StationDevice(url, source=SOURCE, buffer=folder / "b", api_key="secret")


def wait_for(happened: Callable[[], object]) -> None:
    until_s = time.monotonic() + LIMIT_S
    while not happened():
        assert time.monotonic() < until_s
        time.sleep(0.01)


NO_ACKNOWLEDGEMENTS: tuple[tuple[Reply, str], ...] = (
    ((500, b"", {}), "HTTP 500"),
    ((401, b'{"code": "unauthorized", "detail": "a key"}', {}), "HTTP 401 unauthorized a key"),
    ((404, b"<html>", {}), "HTTP 404"),
    ((302, b"", {"Location": "http://127.0.0.1:9/"}), "HTTP 302"),
    ((413, b'{"code": "body_too_large"}', {}), "HTTP 413 body_too_large"),
    ((200, b"<html>welcome</html>", {}), "the answer is not a station's"),
    ((200, b"[]", {}), "the answer is not a station's"),
    ((200, b"[" * 100_000, {}), "the answer is not a station's"),
    ((200, b"not gzip", {"Content-Encoding": "gzip"}), "no answer"),
    (stored(7), "the answer is not a station's"),
    (stored(1, {"index": 1, "outcome": "late"}), "the answer is not a station's"),
    (stored(1, {"index": [], "outcome": "late"}), "the answer is not a station's"),
    (stored(1, {"index": 0}), "the answer is not a station's"),
    (stored(0), "frames arrived damaged"),
    (stored(1, {"index": 0, "outcome": "corrupt"}), "frames arrived damaged"),
)


def test_whatever_is_no_acknowledgement_keeps_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "backoff_s", lambda tries, longest_s: 0.01)
    current: list[Reply] = [stored(1)]
    with (
        station_that_says(lambda _: current[0]) as (url, posts, _),
        device(url, tmp_path) as sending,
    ):
        for done, (reply, fault) in enumerate(NO_ACKNOWLEDGEMENTS):
            current[0] = reply
            (seq,) = sending.send(stretch(0))
            wait_for(lambda fault=fault: str(sending.status().fault).startswith(fault))
            already = len(posts)
            wait_for(lambda already=already: len(posts) > already)
            assert (sending.status().waiting, sending.outcome(seq)) == (1, "waiting")
            current[0] = stored(1)
            assert sending.wait_until_sent(LIMIT_S)
            assert sending.outcome(seq) == "stored"
            wait_for(lambda: sending.status().fault is None)
            assert sending.status().outcomes == {"stored": done + 1}
    assert set(posts) == {1}


def test_a_retry_after_is_waited_for(tmp_path: Path) -> None:
    full = (429, b"", {"Retry-After": "0.7"})
    with (
        station_that_says(lambda _: full, stored) as (url, _, times_s),
        device(url, tmp_path) as sending,
    ):
        sending.send(stretch(0))
        assert sending.wait_until_sent(LIMIT_S)
    assert times_s[1] - times_s[0] >= 0.7


@pytest.mark.parametrize("text", ["1e12", "inf", "nan", "Wed, 21 Oct 2026 07:28:00 GMT", "-5"])
def test_no_header_makes_a_device_wait_for_ever(text: str) -> None:
    response = httpx.Response(503, headers={"Retry-After": text})
    assert 0 <= sender.least_wait_s(response) <= sender.LONGEST_RETRY_AFTER_S


def test_what_waits_is_sent_together_and_a_post_that_is_too_large_is_halved(
    tmp_path: Path,
) -> None:
    def reply(count: int) -> Reply:
        return stored(count) if count <= 3 else (413, b"", {})

    with (
        station_that_says(reply) as (url, posts, _),
        device(url, tmp_path) as sending,
    ):
        sending.send(*map(stretch, range(20)))
        assert sending.wait_until_sent(LIMIT_S)
    assert posts[:4] == [20, 10, 5, 2] and set(posts[4:]) == {2}
    assert sum(posts[3:]) == 20


def test_one_damaged_frame_is_sent_again_and_the_others_are_not(tmp_path: Path) -> None:
    replies = (
        lambda count: stored(count, {"index": 1, "outcome": "corrupt", "detail": "crc"}),
        lambda count: stored(count, {"index": 0, "outcome": "late"}),
    )
    with (
        station_that_says(*replies) as (url, posts, _),
        device(url, tmp_path) as sending,
    ):
        seqs = sending.send(*map(stretch, range(3)))
        assert sending.wait_until_sent(LIMIT_S)
        assert [sending.outcome(seq) for seq in seqs] == ["stored", "late", "stored"]
    assert posts == [3, 1]


def test_a_station_that_takes_a_post_and_never_answers_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POST_TIMEOUT_S", 0.3)
    finished = threading.Event()

    def nothing(count: int) -> Reply:
        finished.wait(LIMIT_S)
        return stored(count)

    try:
        with (
            station_that_says(nothing, stored) as (url, posts, _),
            device(url, tmp_path) as sending,
        ):
            sending.send(stretch(0))
            assert sending.wait_until_sent(LIMIT_S)
            finished.set()
        assert posts == [1, 1]
    finally:
        finished.set()


def test_an_answer_that_comes_byte_by_byte_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POST_TIMEOUT_S", 0.3)
    finished = threading.Event()

    class Drip(QuietHandler):
        def respond(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            while not finished.wait(0.05):
                try:
                    self.wfile.write(b" ")
                except OSError:
                    return

    with serving(Drip) as url, device(url, tmp_path) as sending:
        sending.send(stretch(0))
        wait_for(lambda: sending.status().fault == "no answer (TimeoutError)")
        finished.set()


def test_closing_does_not_wait_for_an_answer(tmp_path: Path) -> None:
    finished = threading.Event()
    asked = threading.Event()

    def nothing(count: int) -> Reply:
        asked.set()
        finished.wait(LIMIT_S)
        return stored(count)

    try:
        with station_that_says(nothing) as (url, _, _):
            sending = device(url, tmp_path)
            sending.send(stretch(0))
            assert asked.wait(LIMIT_S)
            sending.close()
            finished.set()
    finally:
        finished.set()
    with (
        station_that_says(stored) as (url, _, _),
        device(url, tmp_path) as again,
    ):
        assert again.wait_until_sent(LIMIT_S)


def test_room_in_the_buffer_is_waited_for(tmp_path: Path) -> None:
    with (
        station_that_says(stored) as (url, _, _),
        StationDevice(
            url, source=SOURCE, buffer=tmp_path / "b", api_key="secret", max_buffer_mb=0.001
        ) as sending,
    ):
        for number in range(30):
            sending.send(stretch(number), wait_s=LIMIT_S)
        assert sending.wait_until_sent(LIMIT_S)
        assert sending.status().outcomes == {"stored": 30}


def test_names_keys_and_addresses_are_checked_at_once(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="source: 'a b'"):
        StationDevice("http://127.0.0.1:9", source="a b", buffer=tmp_path / "b")
    with pytest.raises(UnusableInput, match="is needed"):
        StationDevice("ftp://127.0.0.1", source="a", buffer=tmp_path / "b")
    with pytest.raises(UnusableInput, match="api_key: only ASCII"):
        StationDevice("http://127.0.0.1:9", source="a", buffer=tmp_path / "b", api_key="ä")
    assert not (tmp_path / "b").exists()

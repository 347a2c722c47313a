"""The limits that a key of the key file has are those of the station, too."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from access.key_file import add_key
from access.keys_command import run_keys_command
from station.web.access import KEYS_COMMAND
from tests.station.running import Station, running_station

LETTERS = "/station/v1/dead-letters"


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("station")
    with running_station(folder, f"sqlite:///{folder}/station.db") as station:
        yield station


def wait_until_valid(client: httpx.Client) -> None:
    """A process that runs notices a new key within a second."""
    while client.get("/station/v1/patients/p/records").status_code == 401:
        time.sleep(0.05)


def test_a_rate_is_kept(station: Station) -> None:
    key = add_key(station.key_file, "slow", ["operator"], rate="2/day")
    with station.client(key) as client:
        wait_until_valid(client)  # 403, which does not count
        assert [client.get(LETTERS).status_code for _ in range(3)] == [200, 200, 429]
        refused = client.get(LETTERS)
    assert refused.json()["code"] == "rate_limited" and int(refused.headers["retry-after"]) >= 1
    with station.client() as other:
        assert other.get(LETTERS).status_code == 200


def test_a_number_of_requests_at_once_is_kept(station: Station) -> None:
    key = add_key(station.key_file, "one", ["operator"], max_in_flight=1)
    answers = []
    with station.client(key) as client:
        wait_until_valid(client)

        def body() -> Iterator[bytes]:
            """While it is sent, its request is in flight."""
            yield b'{"names": '
            until_s = time.monotonic() + 60
            while time.monotonic() < until_s and 429 not in answers:
                answers.append(client.get(LETTERS).status_code)
            yield b'["p-1"]}'

        assert client.post("/station/v1/patients", content=body()).status_code == 201
        assert client.get(LETTERS).status_code == 200
    assert answers[-1] == 429


def test_the_help_says_that_others_have_no_limit(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run_keys_command(KEYS_COMMAND, ["add", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert text.count("(default: no limit)") == 2 and "KEY_RATE" not in text

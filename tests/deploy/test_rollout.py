"""A rollout as deploy/kubernetes describes it refuses nobody and loses nothing."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter

import httpx
import pytest

from tests.deploy.manifests import document
from tests.server.ecgs import carried, npy
from tests.server.harness import RunningServer

CLIENTS = 4
STOP_TIMEOUT_S = 120
LAG_S = 1.0  # until the last proxy knows that a pod leaves; the manifest allows 10 s

pytestmark = pytest.mark.long


class Service:
    """Clients that send to a random endpoint, and learn of changes as late as a proxy does."""

    def __init__(self, endpoints: list[str]) -> None:
        self.endpoints = endpoints
        self.outcomes: Counter[int | str] = Counter()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(CLIENTS)]

    def __enter__(self) -> Service:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, answers: int) -> None:
        """Wait until so many more requests have an outcome."""
        enough = self.outcomes.total() + answers
        while self.outcomes.total() < enough:
            time.sleep(0.01)

    def _send(self) -> None:
        ecg = carried()
        query = {"fs": ecg.fs, "lead_names": ",".join(ecg.lead_names)}
        headers = {"Content-Type": "application/x-npy"}
        while not self._end.is_set():
            url = random.choice(self.endpoints)
            try:
                answer = httpx.post(
                    f"{url}/assess_quality",
                    content=npy(ecg.signal),
                    params=query,
                    headers=headers,
                    timeout=60,
                    verify=False,  # plain HTTP; otherwise each call loads the certificates
                )
                self.outcomes[answer.status_code] += 1
            except httpx.TransportError as error:
                self.outcomes[type(error).__name__] += 1


def test_no_request_fails_while_a_replica_is_replaced() -> None:
    pod = document("kubernetes/base/deployment.yaml")["spec"]["template"]["spec"]
    (_, pre_stop_s) = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert int(pre_stop_s) > LAG_S
    with (
        RunningServer() as old,
        RunningServer(wait=False) as new,
        Service([old.url]) as service,
    ):
        # maxSurge 1, maxUnavailable 0: the new pod is ready first.
        new.wait_until_ready()
        service.endpoints = [old.url, new.url]
        service.wait_for(10)
        # preStop: the old pod is out of the service, but a late proxy still sends to it.
        time.sleep(LAG_S)
        service.endpoints = [new.url]
        service.wait_for(2 * CLIENTS)  # until every client has seen that
        old.process.send_signal(signal.SIGTERM)
        assert old.process.wait(STOP_TIMEOUT_S) == 0
        service.wait_for(10)
    assert set(service.outcomes) == {200}, service.outcomes


def test_without_pre_stop_requests_would_be_refused() -> None:
    """The other side: it is preStop that makes the difference."""
    with (
        RunningServer() as old,
        RunningServer() as new,
        Service([old.url, new.url]) as service,
    ):
        service.wait_for(10)
        old.process.send_signal(signal.SIGTERM)
        assert old.process.wait(STOP_TIMEOUT_S) == 0
        service.wait_for(10)
    assert service.outcomes[200] > 0 and len(service.outcomes) > 1

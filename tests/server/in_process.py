"""The application in the test's own process, with a service whose workers are set by the test."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from fastapi import FastAPI

from access.rates import SharedCounts
from heads.cache import HeadCache
from server.app import configure_app
from server.authorization.guard import AccessRules, Guard
from server.http.limits import HttpLimits
from server.http.places import Places
from server.http.uploads import Uploads
from server.ipc.messages import Stage, Task
from server.ipc.queues import Queues
from server.ipc.shared_state import SharedState
from server.settings import Settings
from server.start import choose_deployment
from server.workers.in_flight import InFlightRequests
from server.workers.service import Service

SIGNAL_WORKERS = 2
SLOTS = 2
# Never used, and never closed: one set for all tests.
QUEUES = Queues.for_http_processes(1)


@dataclass
class InProcessServer:
    """No worker runs: `sent` has the tasks that the workers would receive."""

    models_dir: Path
    sent: list[Task] = field(default_factory=list)

    def __post_init__(self) -> None:
        settings = Settings(
            model="none", models_dir=self.models_dir, max_in_flight=SLOTS, max_waiting=0
        )
        self.state = SharedState(SIGNAL_WORKERS, [], 1, SLOTS)
        self.in_flight = InFlightRequests(self.state, 0, self.sent.append, 20.0)
        places = Places(self.in_flight, SLOTS, settings.max_waiting)
        self.service = Service(
            settings=settings,
            state=self.state,
            queues=QUEUES,
            deployment=choose_deployment(settings, cuda=False),
            head_cache=HeadCache(self.models_dir),
            in_flight=self.in_flight,
            places=places,
            uploads=Uploads(HttpLimits.from_settings(settings), places.retry_after_s),
            http_process=0,
            guard=Guard(AccessRules(), SharedCounts(1), 0),
        )
        self.app = FastAPI(openapi_url=None)
        self.app.state.service = self.service
        configure_app(self.app)

    def set_worker(self, row: int, pid: int, *, stage: Stage = "signal") -> None:
        """Enter a process in the shared tables, as ready."""
        row = self.state.rows[stage][row]
        self.state.starts[row] += 1
        self.state.heartbeat_s[row] = time.monotonic()
        self.state.pid[row] = pid
        self.state.ready[row] = 1

    def request(self, method: str, path: str, **options: object) -> httpx.Response:
        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                return await client.request(method, path, **options)  # type: ignore[arg-type]

        return asyncio.run(request())

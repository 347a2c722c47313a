"""Send a reported case as it was sent: its file, or its files, with its parameters."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.data import SHARED
from tests.server.harness import RunningServer

FOLDER: Path = SHARED / "reports"
"""One folder for each case: what is sent, what is right, and how that is known."""


@dataclass(frozen=True)
class Reply:
    status: int
    body: dict[str, Any]

    @property
    def warnings(self) -> list[str]:
        return list(self.body["warnings"])

    def answered(self) -> dict[str, Any]:
        """Return the answer of a request that succeeded."""
        assert self.status == 200, self.body
        return self.body

    def refused(self, code: str) -> dict[str, Any]:
        """Return the problem of a request that was refused with this code."""
        assert (self.status, self.body.get("code")) == (422, code), self.body
        return self.body


Check = Callable[[Reply], None]
"""The assertion of one case."""


def send(server: RunningServer, case: str) -> Reply:
    sent = json.loads((FOLDER / case / "expected.json").read_text())["send"]
    params = {name: str(value) for name, value in sent["params"].items()}
    contents = {name: (FOLDER / case / name).read_bytes() for name in sent["files"]}
    with server.client() as client:
        if sent["how"].startswith("raw npy"):
            (content,) = contents.values()
            headers = {"Content-Type": "application/x-npy"}
            answer = client.post(sent["route"], params=params, content=content, headers=headers)
        else:
            files = [("files", (name, content)) for name, content in contents.items()]
            answer = client.post(sent["route"], data=params, files=files)
    return Reply(answer.status_code, answer.json())

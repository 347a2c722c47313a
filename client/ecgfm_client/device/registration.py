"""Registers a replay's source and patients, with an operator's key."""

from __future__ import annotations

from typing import Final

import httpx

from ecgfm_client.errors import NoAnswer, Refused

TIMEOUT_S: Final = 30.0


class Registration:
    """Names that are registered already stay as they are."""

    def __init__(self, url: str, key: str | None) -> None:
        headers = {"X-API-Key": key} if key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_S)
        self._patients: set[str] = set()

    def close(self) -> None:
        self._http.close()

    def source(self, name: str) -> None:
        """Raises Refused, NoAnswer."""
        try:
            self._post("/station/v1/sources", {"name": name})
        except Refused as refusal:
            if refusal.code != "bad_option":  # it is registered already
                raise

    def patient(self, name: str) -> None:
        """Raises Refused, NoAnswer."""
        if name not in self._patients:
            self._post("/station/v1/patients", {"names": [name]})
            self._patients.add(name)

    def _post(self, path: str, body: dict[str, object]) -> None:
        try:
            response = self._http.post(path, json=body)
        except httpx.RequestError as error:
            reason = str(error) or type(error).__name__
            raise NoAnswer(f"{self._http.base_url.join(path)}: no answer ({reason})") from None
        if response.is_success:
            return
        try:
            problem = dict(response.json())
        except (ValueError, TypeError):
            problem = {}
        raise Refused(response.status_code, problem)

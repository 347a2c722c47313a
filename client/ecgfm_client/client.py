"""The clients of the server: EcgClient, and AsyncEcgClient with the same methods to be awaited."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from ecgfm_client.answers import read, read_health
from ecgfm_client.calls import Call, Ecg, ecg_call, upload_call
from ecgfm_client.errors import NoAnswer
from ecgfm_client.results import Analysis, Features, Health, Quality
from ecgfm_client.retries import TRANSIENT_ERRORS, Retries

DEFAULT_URL = "http://127.0.0.1:8000"
# By default the server answers within 30 s, plus 1 s for each 10 s of signal.
DEFAULT_TIMEOUT_S = 120.0


def _settings(url: str | None, api_key: str | None, timeout_s: float) -> dict[str, Any]:
    """Return the arguments of httpx.Client or httpx.AsyncClient.

    ECGFM_URL and ECGFM_API_KEY replace a missing url and api_key.
    """
    key = api_key or os.environ.get("ECGFM_API_KEY")
    return {
        "base_url": url or os.environ.get("ECGFM_URL") or DEFAULT_URL,
        "timeout": httpx.Timeout(timeout_s, connect=10.0),
        "headers": {"X-API-Key": key} if key else {},
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=None),
    }


def _no_answer(
    call: Call, base_url: httpx.URL, error: httpx.TransportError, tries: int
) -> NoAnswer:
    """Return the error for a call that got no response after this number of tries."""
    reason = str(error) or type(error).__name__
    attempts = "1 try" if tries == 1 else f"{tries} tries"
    return NoAnswer(f"{base_url.join(call.path)}: no answer after {attempts} ({reason})")


class EcgClient:
    """A client of one server. Threads may share it.

    Use it in a `with` block, or call `close()` when it is no longer needed.

    url        default: ECGFM_URL, else http://127.0.0.1:8000
    api_key    default: ECGFM_API_KEY
    timeout_s  how long one try may wait for the next bytes of its answer
    retries_s  how long a call is repeated if the server is overloaded, starting or unreachable
    Calls raise Refused, NoAnswer and UnusableInput (`ecgfm_client.errors`).
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retries_s: float = 60.0,
    ) -> None:
        self._http = httpx.Client(**_settings(url, api_key, timeout_s))
        self._retries = Retries(retries_s)

    def __enter__(self) -> EcgClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    @property
    def url(self) -> str:
        return str(self._http.base_url).rstrip("/")

    def analyze(
        self, ecg: Ecg, *, include: Sequence[str] | str | None = None, **options: Any
    ) -> Analysis:
        """Return labels, rhythm, measurements, quality and embedding of one recording.

        ecg      an array (leads, samples), which needs `fs` and usually `lead_names` and `units`;
                 or a file's path, its bytes, or the paths of one recording's files
        include  parts of the answer, e.g. ["measurements", "fiducials"], or "all"
        options  any other field or option of /analyze: fs, lead_names, units, gain, age, sex, id,
                 aggregate, thresholds, model, judge_unreadable, measurements_method
        """
        return Analysis.read(self._ask(ecg_call("/analyze", ecg, {"include": include, **options})))

    def extract_features(self, ecg: Ecg, **options: Any) -> Features:
        """Return the embedding of one recording.

        ecg      as in `analyze`
        options  the record's fields as in `analyze`, and pooling, layer, level, dtype, model
        """
        return Features.read(self._ask(ecg_call("/extract_features", ecg, options)))

    def assess_quality(self, ecg: Ecg, **options: Any) -> Quality:
        """Return the signal quality of one recording.

        ecg      as in `analyze`
        options  the record's fields as in `analyze`
        """
        return Quality.read(self._ask(ecg_call("/assess_quality", ecg, options)))

    def predict(
        self, files: Sequence[str | Path], *, judge_unreadable: bool | None = None
    ) -> dict[str, Any]:
        """Return /predict's answer: whether the patient has a pacemaker.

        files             an ECG's files, and a JSON file with the patient's age
        judge_unreadable  give a result for an unreadable recording too
        A result is given above 18 years. If the call raises Refused, its `body` contains
        `result: null`.
        """
        options = {"judge_unreadable": judge_unreadable}
        return self._ask(upload_call("/predict", files, options))

    def classify(
        self, file: str | Path, *, lang: str | None = None, judge_unreadable: bool | None = None
    ) -> dict[str, Any]:
        """Return /classify's answer: the superclass of one file.

        lang              the language of the description: en (default) or de
        judge_unreadable  give the superclass of an unreadable recording too
        """
        options = {"lang": lang, "judge_unreadable": judge_unreadable}
        return self._ask(upload_call("/classify", [file], options, part="file"))

    def health(self) -> Health:
        """Return the server's health, also while it starts or drains. The call is not repeated."""
        return Health.read(read_health(self._send(Call("GET", "/health"), repeat=False)))

    def models(self) -> dict[str, Any]:
        """Return /models' answer: the loaded encoders and heads."""
        return self._ask(Call("GET", "/models"))

    def _ask(self, call: Call) -> dict[str, Any]:
        """Send a call, and return the object in its answer."""
        return read(self._send(call))

    def _send(self, call: Call, *, repeat: bool = True) -> httpx.Response:
        """Send a call, and return its response.

        Raises NoAnswer if no response arrives.

        repeat  whether to try again after transient errors, and if the server asks for it
        """
        first_try_s = time.monotonic()
        tries = 0
        while True:
            tries += 1
            response = None
            transient_error = None
            try:
                response = self._http.send(call.request(self._http))
            except TRANSIENT_ERRORS as error:
                transient_error = error
            except httpx.TransportError as error:
                raise _no_answer(call, self._http.base_url, error, tries) from error
            wait_s = (
                self._retries.wait_s(tries, time.monotonic() - first_try_s, response)
                if repeat
                else None
            )
            if wait_s is not None:
                time.sleep(wait_s)
            elif response is not None:
                return response
            else:
                assert transient_error is not None
                raise _no_answer(
                    call, self._http.base_url, transient_error, tries
                ) from transient_error


class AsyncEcgClient:
    """EcgClient with methods to be awaited, for `async with AsyncEcgClient(url) as client`."""

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retries_s: float = 60.0,
    ) -> None:
        self._http = httpx.AsyncClient(**_settings(url, api_key, timeout_s))
        self._retries = Retries(retries_s)

    async def __aenter__(self) -> AsyncEcgClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def analyze(
        self, ecg: Ecg, *, include: Sequence[str] | str | None = None, **options: Any
    ) -> Analysis:
        return Analysis.read(await self._ask_ecg("/analyze", ecg, {"include": include, **options}))

    async def extract_features(self, ecg: Ecg, **options: Any) -> Features:
        return Features.read(await self._ask_ecg("/extract_features", ecg, options))

    async def assess_quality(self, ecg: Ecg, **options: Any) -> Quality:
        return Quality.read(await self._ask_ecg("/assess_quality", ecg, options))

    async def predict(
        self, files: Sequence[str | Path], *, judge_unreadable: bool | None = None
    ) -> dict[str, Any]:
        options = {"judge_unreadable": judge_unreadable}
        call = await asyncio.to_thread(upload_call, "/predict", files, options)
        return read(await self._send(call))

    async def classify(
        self, file: str | Path, *, lang: str | None = None, judge_unreadable: bool | None = None
    ) -> dict[str, Any]:
        options = {"lang": lang, "judge_unreadable": judge_unreadable}
        call = await asyncio.to_thread(upload_call, "/classify", [file], options, "file")
        return read(await self._send(call))

    async def health(self) -> Health:
        return Health.read(read_health(await self._send(Call("GET", "/health"), repeat=False)))

    async def models(self) -> dict[str, Any]:
        return read(await self._send(Call("GET", "/models")))

    async def _ask_ecg(self, path: str, ecg: Ecg, options: Mapping[str, Any]) -> dict[str, Any]:
        # ecg_call may read files, which would block the event loop.
        call = await asyncio.to_thread(ecg_call, path, ecg, options)
        return read(await self._send(call))

    async def _send(self, call: Call, *, repeat: bool = True) -> httpx.Response:
        first_try_s = time.monotonic()
        tries = 0
        while True:
            tries += 1
            response = None
            transient_error = None
            try:
                response = await self._http.send(call.request(self._http))
            except TRANSIENT_ERRORS as error:
                transient_error = error
            except httpx.TransportError as error:
                raise _no_answer(call, self._http.base_url, error, tries) from error
            wait_s = (
                self._retries.wait_s(tries, time.monotonic() - first_try_s, response)
                if repeat
                else None
            )
            if wait_s is not None:
                await asyncio.sleep(wait_s)
            elif response is not None:
                return response
            else:
                assert transient_error is not None
                raise _no_answer(
                    call, self._http.base_url, transient_error, tries
                ) from transient_error
